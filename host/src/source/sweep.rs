//! Removes clones and checked-out trees that nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use stagewright_runtime::{Garbage, Sweep};

use super::{Repository, SourceError, Sources, mirror::Mirror};
use crate::discard::{discard, folders, size_of};

/// Commits that are needed, by the key of their repository.
#[derive(Default)]
pub(crate) struct NeededCommits(BTreeMap<String, BTreeSet<String>>);

impl NeededCommits {
    /// Needs the tree of a commit, and the clone that it came from.
    pub(crate) fn insert(&mut self, repository: &Repository, commit: &super::CommitId) {
        let commits = self.0.entry(repository.key().to_owned()).or_default();
        commits.insert(commit.as_str().to_owned());
    }
}

impl Sources {
    /// Removes what is not needed and old enough. The answer is what was removed, or would be.
    /// Blocking.
    ///
    /// # Errors
    /// When a folder cannot be read or removed.
    pub(crate) fn sweep(
        &self,
        needed: &NeededCommits,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, SourceError> {
        let mut garbage = Vec::new();
        for key in names(&self.folder)? {
            let mirror = Mirror::new(self.folder.join(&key));
            let _alone = mirror.lock()?;
            if !sweep.dry_run {
                mirror.remove_leftovers()?;
            }
            let commits = needed.0.get(&key);
            for commit in names(&mirror.trees())? {
                if !commits.is_some_and(|commits| commits.contains(&commit)) {
                    let tree = mirror.trees().join(&commit);
                    remove(&tree, &format!("tree {commit}"), sweep, &mut garbage)?;
                }
            }
            // The folder itself stays, for others may wait for the lock in it.
            let clone = mirror.clone_folder();
            if commits.is_none() && clone.is_dir() {
                remove(&clone, &format!("clone {key}"), sweep, &mut garbage)?;
            }
        }
        Ok(garbage)
    }
}

/// The names of the complete folders in a folder that may not be there.
fn names(parent: &Path) -> Result<Vec<String>, SourceError> {
    let folders = folders(parent).map_err(SourceError::io("read", parent))?;
    let name = |folder: &PathBuf| Some(folder.file_name()?.to_str()?.to_owned());
    Ok(folders.iter().filter_map(name).collect())
}

fn remove(
    folder: &Path,
    name: &str,
    sweep: Sweep,
    garbage: &mut Vec<Garbage>,
) -> Result<(), SourceError> {
    let metadata = fs::metadata(folder).map_err(SourceError::io("look at", folder))?;
    if metadata
        .modified()
        .is_ok_and(|changed| changed >= sweep.before)
    {
        return Ok(());
    }
    let bytes = size_of(folder);
    if !sweep.dry_run {
        discard(folder).map_err(SourceError::io("remove", folder))?;
    }
    garbage.push(Garbage {
        name: name.to_owned(),
        bytes,
    });
    Ok(())
}
