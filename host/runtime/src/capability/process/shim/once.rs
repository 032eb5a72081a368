//! A command that runs to its end: a build, a tool.
//!
//! Its family lives as long as the main process, the deadline and the interest of the host,
//! whichever ends first. Then everybody is asked to end, and killed after the grace, or when
//! the host says so once more; those who outlive the main process are killed at once, so that nothing of a build goes on
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
        let mut stops = match spoken {
            true => count_stops(&mut inbox, &socket, &mut listening),
            false => 0,
        };
        let is_told = asked.answer() || !listening;
        if is_told && matches!(phase, Phase::Running) {
            stops = stops.max(1);
        }
        phase = phase.next(stops, exit.is_some(), order.stop_grace_ms);
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
    /// `stops` is how often a stop was asked for since the last time.
    fn next(self, stops: usize, main_ended: bool, grace_ms: u64) -> Self {
        let now = Instant::now();
        match self {
            Self::Running if main_ended => Self::killing(now),
            Self::Running if stops > 1 => Self::killing(now),
            Self::Running if stops == 1 => Self::Stopping {
                kill_at: now + Duration::from_millis(grace_ms),
                told: false,
            },
            Self::Stopping { kill_at, .. } if stops > 0 || now >= kill_at => Self::killing(now),
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

/// How often the host has asked to stop. Only called when its socket is ready; a host that is
/// gone is not listened to any more.
fn count_stops(inbox: &mut Inbox, socket: &OwnedFd, listening: &mut bool) -> usize {
    *listening = matches!(inbox.fill(socket), Ok(1..));
    let requests = std::iter::from_fn(|| inbox.take::<Request>().ok().flatten());
    let stops = requests.filter(|(request, _)| matches!(request, Request::Stop));
    stops.count()
}
