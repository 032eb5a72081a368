//! `open-at` of WASI, but for what is neither a file nor a directory.
//!
//! Opening a pipe waits until somebody opens its other end, on a thread that nobody can end;
//! opening a device may do anything. The `workspace` capability never opens either, so WASI
//! does not, too.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemView;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};

use crate::instance::Guest;

/// The interface as wasmtime-wasi offers it; under another name this would guard nothing,
/// which a test would notice.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

type Arguments = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

/// Puts itself before the `open-at` that is offered.
pub(crate) fn guard(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(TYPES)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store, arguments: Arguments| {
            Box::new(async move { Ok((open(store.data_mut(), arguments).await?,)) })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn open(
    guest: &mut Guest,
    (folder, links, path, how, what): Arguments,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    let mut files = guest.filesystem();
    let same = Resource::new_borrow(folder.rep());
    // What cannot be looked at is told by opening it.
    if let Ok(stat) = files.stat_at(same, links, path.clone()).await
        && !matches!(
            stat.type_,
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
        )
    {
        return Ok(Err(ErrorCode::NotPermitted));
    }
    match files.open_at(folder, links, path, how, what).await {
        Ok(descriptor) => Ok(Ok(descriptor)),
        Err(error) => error.downcast().map(Err),
    }
}
