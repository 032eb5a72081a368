//! `workspace` for guests.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::Workspace;
use crate::bindings::offered::workspace::{Entry, Host, HostDirectory};
use crate::call::Operations;
use crate::folder::{CHUNK, Folder, FolderError, MOST_ENTRIES};
use crate::record::{Failure, Retry};

/// Marks the data that `workspace` works on.
pub(crate) struct WorkspaceAccess;

/// The folders of one call.
pub(crate) struct WorkspaceContext {
    pub(crate) workspace: Option<Arc<Workspace>>,
    pub(crate) granted: bool,
}

/// The folders of the call and the handles of the guest.
pub(crate) struct WorkspaceView<'a> {
    pub(crate) context: &'a WorkspaceContext,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for WorkspaceAccess {
    type Data<'a> = WorkspaceView<'a>;
}

type Handle = Resource<Folder>;
type Reply<T> = wasmtime::Result<Result<T, Failure>>;

impl WorkspaceView<'_> {
    fn folder(&self, handle: &Handle) -> Reply<Folder> {
        if !self.context.granted {
            return Ok(Err(Failure::not_granted("workspace")));
        }
        Ok(Ok(self.table.get(handle)?.clone()))
    }
}

impl Host for WorkspaceView<'_> {}

impl HostDirectory for WorkspaceView<'_> {
    async fn entries(
        &mut self,
        handle: Handle,
        path: String,
        recursive: bool,
        after: Option<String>,
    ) -> Reply<Vec<Entry>> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let list = self.operations.blocking("listing a folder", move |interrupt| {
            folder.entries(&path, recursive, after.as_deref(), MOST_ENTRIES, interrupt)
        });
        let entries = list.await?;
        Ok(entries.map(|list| list.into_iter().map(Entry::from).collect()).map_err(Failure::from))
    }

    async fn read(&mut self, handle: Handle, path: String, offset: u64, length: u32) -> Reply<Vec<u8>> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let length = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
        let read = self.operations.tidying("reading a file", move |_| folder.read(&path, offset, length));
        Ok(read.await?.map_err(Failure::from))
    }

    async fn write(&mut self, handle: Handle, path: String, offset: u64, bytes: Vec<u8>) -> Reply<()> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let write =
            self.operations.tidying("writing a file", move |_| folder.write(&path, offset, &bytes));
        Ok(write.await?.map_err(Failure::from))
    }

    async fn copy_from(
        &mut self,
        handle: Handle,
        other: Handle,
        source: String,
        target: String,
    ) -> Reply<u64> {
        let (folder, other) = match (self.folder(&handle)?, self.folder(&other)?) {
            (Ok(folder), Ok(other)) => (folder, other),
            (Err(failure), _) | (_, Err(failure)) => return Ok(Err(failure)),
        };
        let copy = self.operations.blocking("copying files", move |interrupt| {
            folder.copy_from(&other, &source, &target, interrupt)
        });
        Ok(copy.await?.map_err(Failure::from))
    }

    async fn remove(&mut self, handle: Handle, path: String) -> Reply<()> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let remove = self
            .operations
            .blocking("removing files", move |interrupt| folder.remove(&path, interrupt));
        Ok(remove.await?.map_err(Failure::from))
    }

    async fn digest(&mut self, handle: Handle, path: String) -> Reply<String> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let digest = self
            .operations
            .blocking("hashing files", move |interrupt| folder.digest(&path, interrupt));
        Ok(digest.await?.map_err(Failure::from))
    }

    async fn attach_cache(&mut self, handle: Handle, name: String, path: String) -> Reply<()> {
        let folder = match self.folder(&handle)? {
            Ok(folder) => folder,
            Err(failure) => return Ok(Err(failure)),
        };
        let Some(workspace) = self.context.workspace.clone() else {
            return Ok(Err(Failure::not_granted("workspace.attach-cache")));
        };
        let attach = self.operations.blocking("attaching a cache", move |_| {
            workspace.attach_cache(&folder, &name, &path)
        });
        Ok(attach.await?.map_err(Failure::from))
    }

    async fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl From<crate::folder::Entry> for Entry {
    fn from(entry: crate::folder::Entry) -> Self {
        let crate::folder::Entry { path, kind, size, executable } = entry;
        Self { path, kind: kind.to_owned(), size, executable }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        if matches!(error, FolderError::Interrupted) {
            return Self::cancelled("work on files");
        }
        let retry = if error.is_temporary() { Retry::Later } else { Retry::Never };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
