//! The shim: the small process between the host and what it started.
//!
//! It exists because the host may die, be killed or be upgraded while services go on: the
//! shim of a release leads its own session, adopts every descendant of the release, keeps
//! their output, their identity and their exit, and starts them again. It is the host's own
//! program under a hidden verb, and what it is to do arrives as one frame on its standard
//! input, never in argv or the environment, which others can read.
//!
//! It must stay small and single-threaded, wait only in `poll`, and never trust that the host
//! is still there.

mod aside;
mod become_program;
mod family;
mod keep;
mod keeper;
mod log;
mod once;
mod phase;
pub(super) mod serve;
mod wait;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;

use rustix::process::setsid;

use super::protocol::{Order, Reply};
use super::{protocol, wire};

/// What the hidden verb `shim FOLDER` of the program does; `folder` is that of the release,
/// or the one that a command runs in.
///
/// Must be the first thing that the program does, before it makes a thread, a runtime or a
/// log: files that it inherited are closed, whatever they are.
///
/// Reads its order from standard input. Ends with the process it was started for; the code
/// is 0 when the order was carried out, whatever became of the program.
#[must_use]
pub fn main(folder: &Path) -> ExitCode {
    match obey(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::debug!(%error, "the shim ended early");
            ExitCode::FAILURE
        }
    }
}

fn obey(folder: &Path) -> io::Result<()> {
    // Whoever started the host may have left files open in it, a lock of a script or the pipe
    // of a terminal; a service must not hold them for as long as it lives.
    close_inherited()?;
    let order = take_stdin()?;
    let Some((message, files)) = wire::receive::<Order>(&order)? else {
        return Ok(());
    };
    match message {
        Order::Become(program) => {
            let failure = become_program::become_program(&program, files);
            wire::send(&order, &failure, &[])?;
            Err(io::Error::other("the program could not be executed"))
        }
        Order::Keep(keep) => {
            lead()?;
            // The path of a socket is at most 108 bytes; relative to the folder it is short.
            rustix::process::chdir(folder)?;
            keep::keep(keep, files, &order)
        }
        Order::Once(once) => {
            lead()?;
            once::once(once, order)
        }
    }
}

/// Leads a session of its own, so that no terminal and no signal to the host's group ends it.
fn lead() -> io::Result<()> {
    match setsid() {
        Ok(_) => Ok(()),
        // Already the leader of a group: then it was given one by whoever started it.
        Err(rustix::io::Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The socket that came as standard input, out of the way of the programs to be started.
fn take_stdin() -> io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(io::stdin(), ABOVE_LISTENERS)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

/// File numbers from here on are never those of listening sockets, which begin at 3.
const ABOVE_LISTENERS: i32 = 3 + wire::MAX_FILES as i32;

/// Closes what is open beyond standard input, output and error.
fn close_inherited() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(number) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            open.push(number);
        }
    }
    for number in open.into_iter().filter(|number: &i32| *number > 2) {
        // One of them was the folder that has just been read, and is closed already.
        match nix::unistd::close(number) {
            Ok(()) | Err(nix::errno::Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Tells whoever gave the order how it went. They may have gone; that changes nothing.
fn answer(order: &OwnedFd, reply: &Reply) {
    if let Err(error) = wire::send(order, reply, &[]) {
        tracing::debug!(%error, "nobody took the answer of the shim");
    }
}

/// A failure of the system, in the terms of the protocol.
fn failed(what: &str, error: &io::Error) -> protocol::Failure {
    protocol::Failure::Other(format!("could not {what}: {error}"))
}
