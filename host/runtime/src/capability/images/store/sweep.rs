//! Removes images that nobody needs any more from the store.
//!
//! Names go first, so that a reader never finds a name whose image is half gone. A blob stays
//! while any image that is left has it, and while it is young: a build may have made it, or
//! found it here, without the image having a name yet. Entries of other tools stay, and where
//! there are any all blobs do: what they consist of is not known here.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::path::PathBuf;

use serde_json::Value;

use super::{ANNOTATION_KEPT, Digest, ImageError, Store, annotation, lock, replace};
use crate::capability::images::partial;
use crate::capability::images::reference::Selector;
use crate::garbage::{Garbage, Sweep};

impl Store {
    /// Removes what is not `needed` (digests of manifests) and old enough. The answer is what
    /// was removed, or would be.
    ///
    /// # Errors
    /// When the store cannot be read or written; what is left is complete all the same.
    pub fn sweep(
        &self,
        needed: &HashSet<String>,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, ImageError> {
        let _alone = lock(&self.root)?;
        let path = self.root.join("index.json");
        let text = fs::read(&path).map_err(ImageError::at("read", &path))?;
        let mut index: Value = self.layout.parse(&text, "index.json")?;
        let mut garbage = Vec::new();
        let mut left = Vec::new();
        let mut foreign = false;
        if let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) {
            manifests.retain(|entry| {
                let digest = digest_of(entry).unwrap_or_default();
                let is_ours = annotation(entry, ANNOTATION_KEPT).is_some();
                foreign |= !is_ours;
                let stays = !is_ours || needed.contains(digest) || !self.is_old(digest, sweep);
                if stays {
                    left.push(digest.to_owned());
                } else {
                    let name = annotation(entry, ANNOTATION_KEPT).unwrap_or_default();
                    let name = format!("{name}@{digest}");
                    garbage.push(Garbage { name, bytes: 0 });
                }
                stays
            });
        }
        let mut used = HashSet::new();
        for digest in left.iter().chain(needed) {
            self.mark(digest, &mut used)?;
        }
        if !garbage.is_empty() && !sweep.dry_run {
            replace(&self.blobs, &self.root, "index.json", &index)?;
        }
        if !foreign {
            garbage.extend(self.sweep_blobs(&used, sweep)?);
        }
        garbage.extend(partial::sweep(&self.root, sweep)?);
        Ok(garbage)
    }

    /// Everything that an image consists of. One that is not there, or not whole, holds on to
    /// nothing; one that cannot be read just now ends the whole sweep.
    fn mark(&self, digest: &str, used: &mut HashSet<PathBuf>) -> Result<(), ImageError> {
        let Ok(digest) = digest.parse::<Digest>() else {
            return Ok(());
        };
        used.insert(self.blobs.path(digest));
        let image = match self.layout.image(&Selector::Digest(digest)) {
            Ok(image) => image,
            Err(ImageError::NotFound { .. } | ImageError::Corrupt { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        used.insert(self.blobs.path(image.digest()));
        let blobs = image
            .blobs()
            .filter_map(|blob| blob.digest().as_ref().parse().ok());
        used.extend(blobs.map(|digest: Digest| self.blobs.path(digest)));
        Ok(())
    }

    fn sweep_blobs(
        &self,
        used: &HashSet<PathBuf>,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, ImageError> {
        let folder = self.root.join("blobs/sha256");
        let mut garbage = Vec::new();
        let entries = fs::read_dir(&folder).map_err(ImageError::at("read", &folder))?;
        for entry in entries {
            let path = entry.map_err(ImageError::at("read", &folder))?.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if used.contains(&path) || !metadata.is_file() || !sweep.takes(&metadata) {
                continue;
            }
            if !sweep.dry_run {
                fs::remove_file(&path).map_err(ImageError::at("remove", &path))?;
            }
            let digits = path.file_name().unwrap_or_default().to_string_lossy();
            garbage.push(Garbage {
                name: format!("blob sha256:{digits}"),
                bytes: metadata.len(),
            });
        }
        Ok(garbage)
    }

    fn is_old(&self, digest: &str, sweep: Sweep) -> bool {
        let found = digest
            .parse::<Digest>()
            .ok()
            .map(|digest| self.blobs.path(digest));
        let found = found.and_then(|path| fs::symlink_metadata(path).ok());
        // A name without its blob is of no use to anybody.
        found.is_none_or(|metadata: Metadata| sweep.takes(&metadata))
    }
}

fn digest_of(entry: &Value) -> Option<&str> {
    entry.get("digest").and_then(Value::as_str)
}
