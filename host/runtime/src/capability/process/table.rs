//! The machine's table of processes, as `/proc` shows it: who is whose child, and since when.
//!
//! A process id alone names nobody, for ids are used again; together with the start time it
//! names one process of this boot. Nothing here signals an id without checking that.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::error::Error;

/// A process that cannot be mistaken for a later one with the same id, within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Process id.
    pub(crate) pid: u32,
    /// Clock ticks between the boot and its start, field 22 of proc_pid_stat(5).
    pub(crate) started: u64,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Who it is.
    pub(crate) identity: Identity,
    /// Process id of the parent.
    pub(crate) parent: u32,
    /// Id of its session.
    pub(crate) session: u32,
    /// Ended, and not yet waited for by its parent.
    pub(crate) ended: bool,
}

impl Identity {
    /// The process that has this id now.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        Ok(read(pid)?.identity)
    }

    /// Is this very process there, and not just waiting to be reaped?
    pub(crate) fn is_alive(self) -> bool {
        read(self.pid).is_ok_and(|process| process.identity == self && !process.ended)
    }

    /// Something that becomes readable when this very process ends; `None` when it is gone.
    pub(crate) fn open(self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let handle = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The handle holds the id, so that what the table says now is about this handle.
        let same = read(self.pid).is_ok_and(|process| process.identity == self);
        Ok(same.then_some(handle))
    }

    /// Signals this very process. False when it was gone already.
    pub(crate) fn signal(self, signal: Signal) -> io::Result<bool> {
        let Some(handle) = self.open()? else {
            return Ok(false);
        };
        match pidfd_send_signal(&handle, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Names this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// One process.
pub(crate) fn read(pid: u32) -> io::Result<Process> {
    let line = fs::read(format!("/proc/{pid}/stat"))?;
    parse(&String::from_utf8_lossy(&line))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc/PID/stat"))
}

/// All processes. One that ends meanwhile is left out.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
            && let Ok(process) = read(pid)
        {
            processes.push(process);
        }
    }
    Ok(processes)
}

/// All processes, for those who ask about releases.
pub(crate) fn everybody() -> Result<Vec<Process>, Error> {
    all().map_err(Error::io("read", "/proc"))
}

/// Everything below `root`, without `root`.
pub(crate) fn descendants(root: u32) -> io::Result<Vec<Process>> {
    Ok(below(root, &all()?))
}

/// Everything below `root` in a table, parents before their children.
pub(crate) fn below(root: u32, table: &[Process]) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<&Process>> = HashMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut seen = HashSet::from([root]);
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if seen.insert(child.identity.pid) {
                found.push(**child);
                next.push(child.identity.pid);
            }
        }
    }
    found
}

/// What a process calls itself, for people. Never its arguments.
pub(crate) fn command(pid: u32) -> String {
    let name = fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .or_else(|| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some(name.trim().to_owned())
        });
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// Was the process started with `NAME=value` in its environment? Processes of other users
/// answer no.
pub(crate) fn has_variable(pid: u32, name: &str, value: &Path) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    let mut wanted = name.as_bytes().to_vec();
    wanted.push(b'=');
    wanted.extend_from_slice(value.as_os_str().as_encoded_bytes());
    environment
        .split(|byte| *byte == 0)
        .any(|entry| entry == wanted)
}

/// A line of `/proc/PID/stat`. The name in it may hold blanks and parentheses, so what
/// counts begins after the last `)`.
fn parse(line: &str) -> Option<Process> {
    let (head, tail) = line.rsplit_once(") ")?;
    let pid = head.split_once(" (")?.0.parse().ok()?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    Some(Process {
        identity: Identity {
            pid,
            started: fields.get(19)?.parse().ok()?,
        },
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X" | "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_and_parentheses_do_not_shift_the_fields() {
        let line = "42 (a) b (c)) S 7 42 41 0 -1 4194560 0 0 0 0 1 2 3 4 20 0 1 0 9876 0 0";
        let process = parse(line).unwrap();
        assert_eq!(
            process.identity,
            Identity {
                pid: 42,
                started: 9876
            }
        );
        assert_eq!(
            (process.parent, process.session, process.ended),
            (7, 41, false)
        );
    }

    #[test]
    fn garbage_is_not_a_process() {
        for line in ["", "1", "1 (a) S", "x (a) S 1 2 3", ") "] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_reused_id_is_another_process() {
        let me = Identity::of(std::process::id()).unwrap();
        let earlier = Identity {
            started: me.started + 1,
            ..me
        };
        assert!(me.is_alive());
        assert!(!earlier.is_alive());
        assert!(
            !earlier.signal(Signal::TERM).unwrap(),
            "a stranger was signalled"
        );
    }
}
