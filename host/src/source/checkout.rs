//! Writes the files of a commit into a folder. Everything here blocks.

use std::{
    fs::{self, File},
    path::Path,
};

use gix::worktree::{stack::state::attributes, state::checkout};

use super::{
    CommitId, Repository, SourceError,
    errand::Errand,
    mirror::{Mirror, Purpose, sentence},
};
use crate::discard::TEMPORARY;

impl Mirror {
    /// Writes the files of a commit under a temporary name, onto the disk, then renames.
    pub(super) fn write_tree(
        &self,
        repository: &Repository,
        commit: &CommitId,
        errand: &Errand,
    ) -> Result<(), SourceError> {
        let trees = self.trees();
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(&trees)
            .map_err(SourceError::io("make a folder in", &trees))?;
        let written = self.write_files(repository, commit, temporary.path(), errand);
        if errand.is_interrupted() {
            return Err(SourceError::Cancelled);
        }
        written?.map_err(|reason| SourceError::NotCheckedOut {
            repository: repository.clone(),
            commit: commit.clone(),
            reason,
            mirror: self.folder().to_owned(),
        })?;
        let tree = self.tree(commit);
        let persist = || {
            // One flush of the file system costs less than one of each file.
            rustix::fs::syncfs(File::open(temporary.path())?)?;
            fs::rename(temporary.path(), &tree)?;
            File::open(&trees)?.sync_all()
        };
        persist().map_err(SourceError::io("keep", &tree))?;
        // It has its name now; there is nothing left to remove.
        let _renamed = temporary.keep();
        Ok(())
    }

    /// The inner error is what git said.
    fn write_files(
        &self,
        repository: &Repository,
        commit: &CommitId,
        target: &Path,
        errand: &Errand,
    ) -> Result<Result<(), String>, SourceError> {
        let mirror = self.open(repository, Purpose::CheckOut)?;
        let write = || -> gix::Result<checkout::Outcome> {
            let id = gix::ObjectId::from_hex(commit.as_str().as_bytes())?;
            let tree = mirror.find_object(id)?.peel_to_tree()?.id;
            let mut index = mirror.index_from_tree(&tree)?;
            let objects = mirror.objects.clone().into_arc();
            let objects = objects.map_err(gix::Error::from_error)?;
            let mut options = mirror.checkout_options(attributes::Source::IdMapping)?;
            options.destination_is_initially_empty = true;
            let mut files = errand.meter.activity("checking out files");
            gix::Progress::init(&mut files, Some(index.entries().len()), None);
            checkout(
                &mut index,
                target,
                objects,
                &files,
                &gix::progress::Discard,
                &errand.interrupted,
                options,
            )
        };
        Ok(match write() {
            Err(error) => Err(sentence(&error)),
            Ok(outcome) => match (outcome.errors.first(), outcome.collisions.first()) {
                (Some(failed), _) => Err(format!("{}: {}", failed.path, sentence(&failed.error))),
                (_, Some(twice)) => Err(format!("{} is there twice on this disk", twice.path)),
                (None, None) => Ok(()),
            },
        })
    }
}
