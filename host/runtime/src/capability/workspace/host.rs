//! `workspace` for guests.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{Handle, Workspace};
use crate::bindings::offered::workspace::{Entry, Host, HostDirectory};
use crate::call::Operations;
use crate::capability::refusal::Refusal;
use crate::folder::{CHUNK, Folder, MOST_ENTRIES};
use crate::record::Failure;

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

type Directory = Resource<Handle>;

impl WorkspaceView<'_> {
    /// The folder that a handle stands for, which may have to be fetched.
    async fn folder(&mut self, handle: &Directory) -> Result<Folder, Refusal> {
        if !self.context.granted {
            return Err(Failure::not_granted("workspace").into());
        }
        let handle = self.table.get(handle)?.clone();
        handle.folder(self.operations).await
    }
}

impl Host for WorkspaceView<'_> {}

impl HostDirectory for WorkspaceView<'_> {
    async fn entries(
        &mut self,
        handle: Directory,
        path: String,
        recursive: bool,
        after: Option<String>,
    ) -> Result<Vec<Entry>, Refusal> {
        let folder = self.folder(&handle).await?;
        let list = self
            .operations
            .blocking("listing a folder", move |interrupt| {
                folder.entries(&path, recursive, after.as_deref(), MOST_ENTRIES, interrupt)
            });
        Ok(list.await??.into_iter().map(Entry::from).collect())
    }

    async fn read(
        &mut self,
        handle: Directory,
        path: String,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, Refusal> {
        let folder = self.folder(&handle).await?;
        let length = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
        let read = move |_: &_| folder.read(&path, offset, length);
        Ok(self.operations.tidying("reading a file", read).await??)
    }

    async fn write(
        &mut self,
        handle: Directory,
        path: String,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<(), Refusal> {
        let folder = self.folder(&handle).await?;
        let write = move |_: &_| folder.write(&path, offset, &bytes);
        Ok(self.operations.tidying("writing a file", write).await??)
    }

    async fn copy_from(
        &mut self,
        handle: Directory,
        other: Directory,
        source: String,
        target: String,
    ) -> Result<u64, Refusal> {
        let (folder, other) = (self.folder(&handle).await?, self.folder(&other).await?);
        let copy = self.operations.blocking("copying files", move |interrupt| {
            folder.copy_from(&other, &source, &target, interrupt)
        });
        Ok(copy.await??)
    }

    async fn remove(&mut self, handle: Directory, path: String) -> Result<(), Refusal> {
        let folder = self.folder(&handle).await?;
        let remove = self
            .operations
            .blocking("removing files", move |interrupt| {
                folder.remove(&path, interrupt)
            });
        Ok(remove.await??)
    }

    async fn digest(&mut self, handle: Directory, path: String) -> Result<String, Refusal> {
        let folder = self.folder(&handle).await?;
        let digest = self.operations.blocking("hashing files", move |interrupt| {
            folder.digest(&path, interrupt)
        });
        Ok(digest.await??)
    }

    async fn attach_cache(
        &mut self,
        handle: Directory,
        name: String,
        path: String,
    ) -> Result<(), Refusal> {
        let folder = self.folder(&handle).await?;
        let workspace = self.context.workspace.clone();
        let workspace = workspace.ok_or_else(|| Failure::not_granted("workspace.attach-cache"))?;
        let attach = self.operations.blocking("attaching a cache", move |_| {
            workspace.attach_cache(&folder, &name, &path)
        });
        Ok(attach.await??)
    }

    async fn drop(&mut self, handle: Directory) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl From<crate::folder::Entry> for Entry {
    fn from(entry: crate::folder::Entry) -> Self {
        let crate::folder::Entry {
            path,
            kind,
            size,
            executable,
        } = entry;
        Self {
            path,
            kind: kind.to_owned(),
            size,
            executable,
        }
    }
}
