//! Removes components that nobody needs any more, with what was made of them, and what was
//! compiled for an engine that this program is not.

use std::collections::HashSet;
use std::fs;

use super::{CacheError, ComponentCache};
use crate::garbage::{Garbage, Sweep};

impl ComponentCache {
    /// Removes everything of components whose digests are not `needed` and that were not used
    /// for long enough. The answer is what was removed, or would be.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub(crate) fn sweep(
        &self,
        needed: &HashSet<String>,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, CacheError> {
        let mut garbage = Vec::new();
        let entries = fs::read_dir(&self.folder).map_err(CacheError::io("read", &self.folder))?;
        for entry in entries {
            let path = entry.map_err(CacheError::io("read", &self.folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            // What is being written, and who is here.
            if name.starts_with('.') {
                continue;
            }
            let digits = name.split(['.', '-']).next().unwrap_or_default();
            let foreign = name.ends_with(".cwasm")
                && !name.ends_with(&format!("-{}.cwasm", self.compatibility));
            let stays = needed.contains(&format!("sha256:{digits}")) && !foreign;
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if stays || !metadata.is_file() || !sweep.takes(&metadata) {
                continue;
            }
            if !sweep.dry_run {
                fs::remove_file(&path).map_err(CacheError::io("remove", &path))?;
            }
            garbage.push(Garbage {
                name: name.to_owned(),
                bytes: metadata.len(),
            });
        }
        Ok(garbage)
    }
}
