//! The machine itself: its disk, its kernel's limits, and whether plugins can run on it.

use std::sync::Arc;

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::{Finding, State};
use crate::compose::Host;

/// Free space below which a build or two may fill the disk.
const LITTLE: u64 = 2 << 30;
/// Free space below which even the journal is in danger.
const NEXT_TO_NOTHING: u64 = 64 << 20;
/// Open files that a deployment of a few dozen services may need.
const FILES: u64 = 4096;
/// Memory maps that a full pool of instances may need.
const MAPS: u64 = 65_530;

/// Looks at all of it.
pub(super) fn examine(host: &Arc<Host>) -> Vec<Finding> {
    vec![disk(host), files(), maps(), sandbox(host)]
}

fn disk(host: &Host) -> Finding {
    let root = host.home.root();
    let shown = root.display();
    let free = match statvfs(root) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            return Finding::new("disk", State::Missing, format!("{shown}: {error}"));
        }
    };
    let state = match free {
        ..NEXT_TO_NOTHING => State::Missing,
        NEXT_TO_NOTHING..LITTLE => State::Poor,
        LITTLE.. => State::Ready,
    };
    let found = format!("{} MiB free for the state folder {shown}", free >> 20);
    let finding = Finding::new("disk", state, found);
    match state {
        State::Ready => finding,
        _ => finding
            .hint("`stagewright gc` removes what is not needed; --state-dir names another disk"),
    }
}

fn files() -> Finding {
    let limit = getrlimit(Resource::Nofile).maximum;
    let (state, found) = match limit {
        None => (State::Ready, "no limit".to_owned()),
        Some(limit @ FILES..) => (State::Ready, format!("at most {limit}")),
        Some(limit) => (State::Poor, format!("at most {limit}")),
    };
    let finding = Finding::new("open files", state, found);
    match state {
        State::Ready => finding,
        _ => finding.hint(format!(
            "raise the hard limit to {FILES}: `ulimit -Hn`, LimitNOFILE= of a systemd unit"
        )),
    }
}

fn maps() -> Finding {
    const FILE: &str = "/proc/sys/vm/max_map_count";
    let limit = std::fs::read_to_string(FILE).map(|text| text.trim().parse::<u64>());
    match limit {
        Ok(Ok(limit @ MAPS..)) => {
            Finding::new("memory maps", State::Ready, format!("at most {limit}"))
        }
        Ok(Ok(limit)) => Finding::new("memory maps", State::Poor, format!("at most {limit}"))
            .hint(format!("sysctl vm.max_map_count={MAPS}")),
        Ok(Err(_)) | Err(_) => {
            Finding::new("memory maps", State::Poor, format!("{FILE} cannot be read"))
        }
    }
}

fn sandbox(host: &Host) -> Finding {
    match host.runtime() {
        Ok(runtime) if runtime.is_pooled() => Finding::new(
            "sandbox",
            State::Ready,
            "places for plugin calls are reserved",
        ),
        Ok(_) => Finding::new(
            "sandbox",
            State::Poor,
            "no address space to reserve places for plugin calls; each makes its own",
        )
        .hint("raise the limit of virtual memory: `ulimit -v unlimited`"),
        Err(error) => Finding::new("sandbox", State::Missing, format!("{error:#}")),
    }
}
