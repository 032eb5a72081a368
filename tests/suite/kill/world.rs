//! What the machine says: which processes an installation has.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::installation::Installation;

/// How long somebody who is about to go may take; nobody needs as much.
const GOES: Duration = Duration::from_secs(60);

/// A process that is there because of an installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// The folder name of the release that it belongs to, or nothing.
    pub release: String,
    /// Does it look after others?
    pub is_shim: bool,
    pub pid: i32,
    pub words: String,
}

/// All processes of an installation, ordered by release.
pub fn processes(installation: &Installation) -> Vec<Process> {
    let state = installation.state().display().to_string();
    let mut found: Vec<_> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            look(pid, &entry.path(), &state)
        })
        .collect();
    found.sort();
    found
}

fn look(pid: i32, folder: &Path, state: &str) -> Option<Process> {
    // Those who end meanwhile have nothing to say.
    let read = |name| {
        let bytes = std::fs::read(folder.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (words, environment) = (read("cmdline")?, read("environ")?);
    if !words.contains(state) && !environment.contains(state) {
        return None;
    }
    let marked = environment
        .split('\0')
        .find_map(|variable| variable.strip_prefix("STAGEWRIGHT_RELEASE="));
    let words: Vec<&str> = words.split('\0').collect();
    let is_shim = words.get(1) == Some(&"shim");
    let place = marked.or_else(|| words.get(2).copied().filter(|_| is_shim));
    Some(Process {
        release: place
            .and_then(|place| place.rsplit('/').next())
            .unwrap_or_default()
            .to_owned(),
        is_shim,
        pid,
        words: words.join(" "),
    })
}

/// The processes of an installation that are not expected and do not go by themselves: an
/// ended job's shim may still have to take its leave.
pub fn lasting(
    installation: &Installation,
    is_expected: impl Fn(&Process) -> bool,
) -> Vec<Process> {
    let give_up = Instant::now() + GOES;
    loop {
        let mut others = processes(installation);
        others.retain(|process| !is_expected(process));
        let left = give_up.saturating_duration_since(Instant::now());
        match others.first() {
            Some(first) if !left.is_zero() => end_of(first.pid, left),
            _ => return others,
        }
    }
}

/// Waits for the end of a process.
fn end_of(pid: i32, most: Duration) {
    let handle = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    // One that cannot be opened has ended already.
    if let Some(Ok(handle)) = handle {
        let most = Timespec::try_from(most).unwrap();
        poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&most)).unwrap();
    }
}
