//! A command that runs to its end: a build, a tool.
//!
//! Its family lives as long as the main process, the deadline and the interest of the host,
//! whichever ends first. Then everybody is asked to end, and after the grace killed; those
//! who outlive the main process are killed at once, so that nothing of a build goes on
//! behind it. The end of the host closes the order's socket, which counts as a stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::super::launch::Exit;
use super::super::protocol::{Failure, Once, Reply, Request};
use super::super::wire::Inbox;
use super::family::{Family, Output};
use super::wait::{Bell, until_ready};
use super::{answer, failed};

/// How long the killed may take to be gone.
const KILLED: Duration = Duration::from_secs(10);
/// Requests are a few words.
const MAX_REQUEST: usize = 4096;

/// Runs the command and answers on the socket of the order.
pub(super) fn once(order: Once, socket: OwnedFd) -> io::Result<()> {
    let family = Family::begin()?;
    let deaths = Bell::of(signal_hook::consts::SIGCHLD)?;
    let asked = Bell::of(signal_hook::consts::SIGTERM)?;
    let main = match family.start(&order.program, &[], &Output::Same, &mut |_| Ok(())) {
        Ok(main) => main,
        Err(failure) => {
            answer(&socket, &Reply::Failed(failure));
            return Ok(());
        }
    };
    answer(&socket, &Reply::Started { pid: main.pid });

    let mut inbox = Inbox::new(MAX_REQUEST);
    let mut listening = true;
    let mut exit: Option<Exit> = None;
    let mut phase = Phase::Running;
    loop {
        let mut files = vec![deaths.as_fd(), asked.as_fd()];
        if listening {
            files.push(socket.as_fd());
        }
        let ready = until_ready(&files, phase.until())?;
        deaths.answer();
        let reaped = family.reap()?;
        if let Some(ended) = reaped.ended.iter().find(|ended| ended.pid == main.pid) {
            exit = Some(ended.exit);
        }
        if reaped.gone {
            answer(&socket, &Reply::Ended(exit));
            return Ok(());
        }
        let spoken = ready.get(2).copied().unwrap_or(false);
        let stop = spoken && wants_stop(&mut inbox, &socket, &mut listening);
        phase = phase.next(stop || asked.answer(), exit.is_some(), order.stop_grace_ms);
        if matches!(phase, Phase::Killing { .. }) {
            family.kill()?;
        }
        if matches!(phase, Phase::Stopping { told: false, .. }) {
            family.terminate()?;
            phase = phase.told();
        }
        if phase.is_over() {
            let left = family
                .members()
                .map_err(|error| failed("look around", &error));
            answer(
                &socket,
                &Reply::Failed(match left {
                    Ok(left) => {
                        Failure::Unkillable(left.iter().map(|member| member.identity.pid).collect())
                    }
                    Err(failure) => failure,
                }),
            );
            return Ok(());
        }
    }
}

/// How far the command is.
#[derive(Clone, Copy)]
enum Phase {
    Running,
    Stopping { kill_at: Instant, told: bool },
    Killing { give_up_at: Instant },
}

impl Phase {
    fn next(self, stop: bool, main_ended: bool, grace_ms: u64) -> Self {
        let now = Instant::now();
        match self {
            Self::Running if main_ended => Self::killing(now),
            Self::Running if stop => Self::Stopping {
                kill_at: now + Duration::from_millis(grace_ms),
                told: false,
            },
            Self::Stopping { kill_at, .. } if now >= kill_at => Self::killing(now),
            same => same,
        }
    }

    fn killing(now: Instant) -> Self {
        Self::Killing {
            give_up_at: now + KILLED,
        }
    }

    fn told(self) -> Self {
        match self {
            Self::Stopping { kill_at, .. } => Self::Stopping {
                kill_at,
                told: true,
            },
            same => same,
        }
    }

    fn until(self) -> Option<Instant> {
        match self {
            Self::Running => None,
            Self::Stopping { kill_at, .. } => Some(kill_at),
            Self::Killing { give_up_at } => Some(give_up_at),
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Killing { give_up_at } if Instant::now() >= give_up_at)
    }
}

/// Has the host asked to stop, or gone? Only called when its socket is ready.
fn wants_stop(inbox: &mut Inbox, socket: &OwnedFd, listening: &mut bool) -> bool {
    match inbox.fill(socket) {
        Ok(1..) => matches!(inbox.take::<Request>(), Ok(Some((Request::Stop, _)))),
        Ok(0) | Err(_) => {
            *listening = false;
            true
        }
    }
}
