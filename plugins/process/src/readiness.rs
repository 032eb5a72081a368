//! The health gate: from the start of a release until it counts as ready, or as broken.

use std::time::Duration;

use stagewright_sdk::health::{Check, Health};
use stagewright_sdk::process::{Exit, ReleaseState};
use stagewright_sdk::{Failure, Service, Span, probe};

use crate::condition::runs;
use crate::machine::{Machine, Supervised};

/// How long a service without a health check has to run to count as ready.
const SETTLED: Duration = Duration::from_secs(1);
/// Between two looks at a service without a health check.
const GLANCE: Duration = Duration::from_millis(100);
/// Before the second check; doubled before each further one up to the declared interval.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How often a program may end and be started again while it is waited for.
const MOST_RESTARTS: u32 = 3;
/// How often a release that runs is asked before it is called failed.
const MOST_LOOKS: usize = 3;
/// How long is waited where neither the service nor the step says.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Kept back of the step's time, beside the grace period, to put right what is not ready.
const RESERVE: Duration = Duration::from_secs(5);

/// When a release counts as ready.
pub(crate) struct Gate {
    probe: Option<Probe>,
    interval: Duration,
    within: Option<Duration>,
    reserve: Duration,
}

/// One check, with ports by number.
enum Probe {
    Tcp(u16, u32),
    Http(u16, String, u32),
    Exec(Vec<String>, u32),
    Grpc(u16, String, u32),
}

/// Why a release is not ready.
#[derive(Debug, PartialEq)]
pub(crate) struct NotReady {
    /// As a sentence goes on after "It is not ready: ".
    pub(crate) reason: String,
    /// How its process ended, if it did.
    pub(crate) exit: Option<Exit>,
    pub(crate) cancelled: bool,
}

impl Gate {
    /// The gate of a service.
    ///
    /// # Errors
    /// When its health check cannot be read or names a port that it does not declare.
    pub(crate) fn of(service: &Service, stop_grace: Duration) -> Result<Self, Failure> {
        let health = service.readiness()?;
        Ok(Self {
            probe: health
                .as_ref()
                .map(|health| Probe::of(service, health))
                .transpose()?,
            interval: health.as_ref().map_or(GLANCE, Health::interval),
            within: health.as_ref().and_then(Health::within),
            reserve: RESERVE + stop_grace,
        })
    }

    /// Waits until a release is ready.
    pub(crate) fn pass<M: Machine>(
        &self,
        machine: &M,
        release: &M::Release,
    ) -> Result<(), NotReady> {
        let begin = machine.elapsed();
        let limit = self.limit(machine);
        let mut pause = FIRST_PAUSE.min(self.interval);
        loop {
            let reason = match self.look(machine, release, begin)? {
                Answer::Ready => return Ok(()),
                Answer::NotYet(reason) => reason,
            };
            let passed = machine.elapsed().saturating_sub(begin);
            if passed >= limit {
                let after = Span(Duration::from_millis(passed.as_millis() as u64));
                return Err(NotReady::because(format!("after {after}, {reason}")));
            }
            if !machine.pause(pause.min(limit.saturating_sub(passed))) {
                return Err(NotReady::cancelled());
            }
            pause = (pause * 2).min(self.interval);
        }
    }

    /// What the check says of a release that runs, for those who only look. None: it is ready.
    /// An answer that does not come in time may be the fault of a busy machine, and what is
    /// called failed is replaced; so it is asked for more than once.
    pub(crate) fn complaint<R: Supervised>(&self, release: &R) -> Option<String> {
        let probe = self.probe.as_ref()?;
        let mut complaint = None;
        for _ in 0..MOST_LOOKS {
            match probe.ask(release) {
                Ok(()) => return None,
                Err(Refusal::Never(reason)) => return Some(reason),
                Err(Refusal::Cancelled) => return Some(NotReady::cancelled().reason),
                Err(Refusal::NotYet(reason)) => complaint = Some(reason),
            }
        }
        complaint
    }

    fn limit<M: Machine>(&self, machine: &M) -> Duration {
        let within = self.within.unwrap_or(Duration::MAX);
        match machine.remaining() {
            Some(remaining) => within.min(remaining.saturating_sub(self.reserve)),
            None if self.within.is_none() => WITHOUT_DEADLINE,
            None => within,
        }
    }

    fn look<M: Machine>(
        &self,
        machine: &M,
        release: &M::Release,
        begin: Duration,
    ) -> Result<Answer, NotReady> {
        let state = release
            .state()
            .map_err(|failure| NotReady::because(failure.message))?;
        let patience = match self.probe {
            Some(_) => MOST_RESTARTS,
            None => 1,
        };
        if !runs(&state) || state.restarts >= patience {
            return Err(NotReady::ended(&state));
        }
        let Some(probe) = &self.probe else {
            return Ok(match machine.elapsed().saturating_sub(begin) >= SETTLED {
                true => Answer::Ready,
                false => Answer::NotYet("it has only just started".to_owned()),
            });
        };
        match probe.ask(release) {
            Ok(()) => Ok(Answer::Ready),
            Err(Refusal::NotYet(reason)) => Ok(Answer::NotYet(reason)),
            Err(Refusal::Never(reason)) => Err(NotReady::because(reason)),
            Err(Refusal::Cancelled) => Err(NotReady::cancelled()),
        }
    }
}

enum Answer {
    Ready,
    NotYet(String),
}

/// A check that did not succeed.
enum Refusal {
    NotYet(String),
    /// Waiting longer will not help.
    Never(String),
    /// The step was cancelled before there was an answer.
    Cancelled,
}

impl Probe {
    fn of(service: &Service, health: &Health) -> Result<Self, Failure> {
        let timeout = u32::try_from(health.timeout().as_millis()).unwrap_or(u32::MAX);
        let number = |name: &str| service.port(name).map(|port| port.number);
        Ok(match health.check()? {
            Check::Tcp { port } => Self::Tcp(number(port)?, timeout),
            Check::Http { port, path } => Self::Http(number(port)?, path.to_owned(), timeout),
            Check::Exec { command } => Self::Exec(command.to_vec(), timeout),
            Check::Grpc { port, service } => Self::Grpc(number(port)?, service.to_owned(), timeout),
        })
    }

    fn ask<R: Supervised>(&self, release: &R) -> Result<(), Refusal> {
        let not_yet = [probe::UNREACHABLE, probe::TIMED_OUT];
        let refusal = |failure: Failure| match failure.code.as_str() {
            "cancelled" => Refusal::Cancelled,
            code if not_yet.contains(&code) => Refusal::NotYet(failure.message),
            _ => Refusal::Never(failure.message),
        };
        let reason = match self {
            Self::Tcp(port, timeout) => return release.tcp(*port, *timeout).map_err(refusal),
            Self::Http(port, path, timeout) => {
                match release.http(*port, path, *timeout).map_err(refusal)? {
                    200..=399 => return Ok(()),
                    status => format!("GET {path} on port {port} answered {status}"),
                }
            }
            Self::Exec(command, timeout) => {
                let exit = release.exec(command, *timeout).map_err(refusal)?;
                if exit.success() {
                    return Ok(());
                }
                format!("the check `{}` ended with {exit}", command.join(" "))
            }
            Self::Grpc(port, service, timeout) => {
                match release.grpc(*port, service, *timeout).map_err(refusal)? {
                    status if status == "SERVING" => return Ok(()),
                    status => format!("the gRPC health check on port {port} answered {status}"),
                }
            }
        };
        Err(Refusal::NotYet(reason))
    }
}

impl NotReady {
    pub(crate) fn because(reason: String) -> Self {
        Self {
            reason,
            exit: None,
            cancelled: false,
        }
    }

    fn cancelled() -> Self {
        Self {
            cancelled: true,
            ..Self::because("the step was cancelled".to_owned())
        }
    }

    fn ended(state: &ReleaseState) -> Self {
        let how = match (&state.exit, state.restarts) {
            (Some(exit), 0) => format!("its process ended with {exit}"),
            (Some(exit), times) => {
                format!("its process ended {times} times and more, at last with {exit}")
            }
            (None, _) => state.detail.clone(),
        };
        Self {
            exit: state.exit,
            ..Self::because(how)
        }
    }
}

#[cfg(test)]
mod tests;
