//! Which system calls do something to the world, and what they do.

use std::path::Path;

use nix::libc;
use nix::unistd::Pid;

use crate::tracee::Call;

/// What is done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The log of a database grows: the journal's appends.
    Append,
    /// Content is made durable.
    Sync,
    /// A file or a folder gets another name, or one more.
    Rename,
    /// A file or a folder loses its name.
    Remove,
    /// A folder comes to be.
    Folder,
    /// A file is opened that may come to be by that.
    Create,
    /// A file's content changes.
    Write,
    /// A process is started.
    Spawn,
    /// A process is told something by a signal.
    Signal,
    /// Another process is called, or told something, over a socket.
    Talk,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Append,
        Self::Sync,
        Self::Rename,
        Self::Remove,
        Self::Folder,
        Self::Create,
        Self::Write,
        Self::Spawn,
        Self::Signal,
        Self::Talk,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Folder => "folder",
            Self::Create => "create",
            Self::Write => "write",
            Self::Spawn => "spawn",
            Self::Signal => "signal",
            Self::Talk => "talk",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that is about to be done.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) kind: Kind,
    /// What it is done to, for people.
    pub(crate) object: String,
}

/// What a call does to the world; `None`: nothing.
pub(crate) fn of(process: Pid, call: &Call) -> Option<Effect> {
    let path = |kind, place| {
        let object = call.text(place);
        Some(Effect { kind, object })
    };
    let file = |kind, file: &Path| {
        let object = file.display().to_string();
        Some(Effect { kind, object })
    };
    match call.number {
        libc::SYS_fsync | libc::SYS_fdatasync => file(Kind::Sync, &call.file(process, 0)),
        libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => path(Kind::Rename, 3),
        libc::SYS_symlinkat => path(Kind::Rename, 2),
        libc::SYS_unlinkat => path(Kind::Remove, 1),
        libc::SYS_mkdirat => path(Kind::Folder, 1),
        libc::SYS_openat if may_create(call.argument(2)) => path(Kind::Create, 1),
        libc::SYS_clone if starts_process(call.argument(0)) => spawn(),
        libc::SYS_clone3 if starts_process(call.pointed_number(0)) => spawn(),
        libc::SYS_kill | libc::SYS_pidfd_send_signal => Some(Effect {
            kind: Kind::Signal,
            object: call.argument(1).to_string(),
        }),
        libc::SYS_connect | libc::SYS_sendto | libc::SYS_sendmsg => {
            file(Kind::Talk, &call.file(process, 0))
        }
        libc::SYS_write | libc::SYS_writev | libc::SYS_pwrite64 | libc::SYS_ftruncate => {
            let object = call.file(process, 0);
            match object.to_str() {
                Some(text) if text.starts_with("socket:") => file(Kind::Talk, &object),
                Some(text) if text.ends_with("-wal") => file(Kind::Append, &object),
                Some(text) if text.starts_with('/') => file(Kind::Write, &object),
                _ => None,
            }
        }
        libc::SYS_copy_file_range => file(Kind::Write, &call.file(process, 2)),
        other => older(other, call),
    }
}

/// Calls that younger architectures do not have.
#[cfg(target_arch = "x86_64")]
fn older(number: libc::c_long, call: &Call) -> Option<Effect> {
    let (kind, place) = match number {
        libc::SYS_rename | libc::SYS_link | libc::SYS_symlink => (Kind::Rename, 1),
        libc::SYS_unlink | libc::SYS_rmdir => (Kind::Remove, 0),
        libc::SYS_mkdir => (Kind::Folder, 0),
        libc::SYS_creat => (Kind::Create, 0),
        libc::SYS_open if may_create(call.argument(1)) => (Kind::Create, 0),
        libc::SYS_fork | libc::SYS_vfork => return spawn(),
        _ => return None,
    };
    let object = call.text(place);
    Some(Effect { kind, object })
}

#[cfg(not(target_arch = "x86_64"))]
fn older(_: libc::c_long, _: &Call) -> Option<Effect> {
    None
}

fn spawn() -> Option<Effect> {
    Some(Effect {
        kind: Kind::Spawn,
        object: String::new(),
    })
}

fn may_create(flags: u64) -> bool {
    flags & flag(libc::O_CREAT) != 0
}

fn starts_process(flags: u64) -> bool {
    flags & flag(libc::CLONE_THREAD) == 0
}

fn flag(flag: i32) -> u64 {
    flag.unsigned_abs().into()
}
