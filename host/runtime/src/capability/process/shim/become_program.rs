//! The last step before a program: a shim's child that is told what to become.
//!
//! Between its start and the order its process id exists and the program does not run, which
//! is when the shim writes down who it is. And it can do what only the process itself can:
//! lead a session, put listening sockets where programs look for them, know its own id.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::fs::Mode;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{setsid, umask};

use super::super::protocol::{Failure, Program};
use super::ABOVE_LISTENERS;

/// The first passed socket, as in sd_listen_fds(3).
const FIRST_LISTENER: i32 = 3;

/// Does not return when it succeeds: the process is the program then.
pub(super) fn become_program(program: &Program, listeners: Vec<OwnedFd>) -> Failure {
    let Some((name, arguments)) = program.argv.split_first() else {
        return Failure::Refused("the command is empty".to_owned());
    };
    let mut command = Command::new(&program.path);
    command
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(&program.directory);
    if !program.listeners.is_empty() {
        command
            .env("LISTEN_PID", std::process::id().to_string())
            .env("LISTEN_FDS", program.listeners.len().to_string())
            .env("LISTEN_FDNAMES", program.listeners.join(":"));
    }
    if let Err(error) = setsid() {
        return Failure::Other(format!("could not lead a session: {error}"));
    }
    umask(Mode::WGRP | Mode::WOTH);
    if let Err(error) = place(listeners) {
        return Failure::Other(format!("could not pass the listening sockets: {error}"));
    }
    explain(&command.exec(), &program.path, &program.directory)
}

/// Puts the sockets at 3, 4, … and lets them through exec.
fn place(listeners: Vec<OwnedFd>) -> io::Result<()> {
    // Out of the way first: they may be at each other's places.
    let aside = listeners
        .iter()
        .map(|socket| fcntl_dupfd_cloexec(socket, ABOVE_LISTENERS))
        .collect::<Result<Vec<_>, _>>()?;
    drop(listeners);
    for (socket, number) in aside.iter().zip(FIRST_LISTENER..) {
        let placed = fcntl_dupfd_cloexec(socket, number)?;
        if placed.as_raw_fd() != number {
            return Err(io::Error::other(format!("file number {number} is taken")));
        }
        fcntl_setfd(&placed, FdFlags::empty())?;
        // From here on it belongs to the program.
        let _ = placed.into_raw_fd();
    }
    Ok(())
}

/// "No such file" is said of the file, of the folder and of an interpreter alike; find out.
fn explain(error: &io::Error, path: &Path, directory: &Path) -> Failure {
    if error.kind() != io::ErrorKind::NotFound {
        return Failure::Refused(error.to_string());
    }
    Failure::Refused(if !directory.is_dir() {
        format!(
            "its working directory {} does not exist",
            directory.display()
        )
    } else if File::open(path).is_ok() {
        "the interpreter that its `#!` line or its ELF header names is not on this machine"
            .to_owned()
    } else {
        format!("{} does not exist", path.display())
    })
}
