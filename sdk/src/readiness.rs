//! The health gate: from the start of a program until it counts as ready, or as broken.
//!
//! What is waited for is a [`Candidate`], which releases and containers are, and time is what
//! [`Time`] says, so that the gate can be tested without a host.

use std::time::Duration;

use crate::health::{Check, Health};
use crate::process::Exit;
use crate::{Failure, Retry, Service, Span, clock, probe};

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
/// Kept back of that, to remove what is not ready and to answer.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Time, as a gate needs it.
pub trait Time {
    /// Since the call began.
    fn elapsed(&self) -> Duration;
    /// Until the host ends the step.
    fn remaining(&self) -> Option<Duration>;
    /// Waits; false when the step was cancelled.
    fn pause(&self, time: Duration) -> bool;
}

/// The time of the host that called.
pub struct HostTime;

/// What is waited for.
pub trait Candidate {
    /// How it is.
    ///
    /// # Errors
    /// When that cannot be told.
    fn life(&self) -> Result<Life, Failure>;
    /// Connects to a port.
    ///
    /// # Errors
    /// [`probe::UNREACHABLE`] means "not yet", here and in the next three.
    fn tcp(&self, port: u16, timeout_ms: u32) -> Result<(), Failure>;
    /// `GET path`; answers with the status.
    ///
    /// # Errors
    /// As above.
    fn http(&self, port: u16, path: &str, timeout_ms: u32) -> Result<u16, Failure>;
    /// Runs a program in it.
    ///
    /// # Errors
    /// As above; [`probe::TIMED_OUT`] means "not yet" as well.
    fn exec(&self, argv: &[String], timeout_ms: u32) -> Result<Exit, Failure>;
    /// `grpc.health.v1.Health/Check`; answers with the status.
    ///
    /// # Errors
    /// As above.
    fn grpc(&self, port: u16, service: &str, timeout_ms: u32) -> Result<String, Failure>;
}

/// How a candidate is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Life {
    /// There is a process, or there will be one without anybody's doing.
    pub runs: bool,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// How it ended last.
    pub exit: Option<Exit>,
    /// One sentence for people.
    pub detail: String,
    /// What the image's own check says, where it has one.
    pub own_check: Option<OwnCheck>,
}

/// What an image's own check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnCheck {
    /// All is well.
    Healthy,
    /// It has not succeeded yet, and has not given up either.
    Starting,
    /// It has given up; with what it said last.
    Unhealthy(String),
}

/// When a release counts as ready.
pub struct Gate {
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
pub struct NotReady {
    /// As a sentence goes on after "It is not ready: ".
    pub reason: String,
    /// How its process ended, if it did.
    pub exit: Option<Exit>,
    /// It does not run, or does not stay: this is certain, whatever the check asks.
    pub ended: bool,
    /// Nobody waits for it any more.
    pub cancelled: bool,
}

impl Gate {
    /// The gate of a service.
    ///
    /// # Errors
    /// When its health check cannot be read or names a port that it does not declare.
    pub fn of(service: &Service, stop_grace: Duration) -> Result<Self, Failure> {
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

    /// Waits until a candidate is ready.
    ///
    /// # Errors
    /// When it is not and will not be, or nobody waits any longer.
    pub fn pass(&self, time: &impl Time, candidate: &impl Candidate) -> Result<(), NotReady> {
        self.wait(time, candidate, self.limit(time))
    }

    /// Waits until what was there before, and was started again, is ready. It may use what
    /// [`pass`](Self::pass) has kept back of the step's time.
    ///
    /// # Errors
    /// As above. Unless it has [ended](NotReady::ended) this says little of it: there may not
    /// have been time enough, and the check is the one of what was to take its place.
    pub fn pass_again(&self, time: &impl Time, candidate: &impl Candidate) -> Result<(), NotReady> {
        let within = self.within.unwrap_or(RESERVE);
        let limit = match time.remaining() {
            Some(remaining) => within.min(remaining.saturating_sub(AFTERMATH)),
            None => within,
        };
        self.wait(time, candidate, limit)
    }

    fn wait(
        &self,
        time: &impl Time,
        candidate: &impl Candidate,
        limit: Duration,
    ) -> Result<(), NotReady> {
        let begin = time.elapsed();
        let mut pause = FIRST_PAUSE.min(self.interval);
        // Who is started again and again is caught running as often as not.
        let mut last_exit = None;
        loop {
            let reason = match self.look(time, candidate, begin, &mut last_exit)? {
                Answer::Ready => return Ok(()),
                Answer::NotYet(reason) => reason,
            };
            let passed = time.elapsed().saturating_sub(begin);
            if passed >= limit {
                let after = Span(Duration::from_millis(passed.as_millis() as u64));
                return Err(NotReady::because(format!("after {after}, {reason}")));
            }
            if !time.pause(pause.min(limit.saturating_sub(passed))) {
                return Err(NotReady::cancelled());
            }
            pause = (pause * 2).min(self.interval);
        }
    }

    /// What the check says of a release that runs, for those who only look. None: it is ready.
    /// An answer that does not come in time may be the fault of a busy machine, and what is
    /// called failed is replaced; so it is asked for more than once.
    pub fn complaint(&self, candidate: &impl Candidate) -> Option<String> {
        let Some(probe) = &self.probe else {
            let own_check = candidate.life().ok()?.own_check;
            return match own_check {
                Some(OwnCheck::Unhealthy(said)) => Some(unhealthy(&said)),
                _ => None,
            };
        };
        let mut complaint = None;
        for _ in 0..MOST_LOOKS {
            match probe.ask(candidate) {
                Ok(()) => return None,
                Err(Refusal::Never(reason)) => return Some(reason),
                Err(Refusal::Cancelled) => return Some(NotReady::cancelled().reason),
                Err(Refusal::NotYet(reason)) => complaint = Some(reason),
            }
        }
        complaint
    }

    fn limit(&self, time: &impl Time) -> Duration {
        let within = self.within.unwrap_or(Duration::MAX);
        match time.remaining() {
            Some(remaining) => within.min(remaining.saturating_sub(self.reserve)),
            None if self.within.is_none() => WITHOUT_DEADLINE,
            None => within,
        }
    }

    fn look(
        &self,
        time: &impl Time,
        candidate: &impl Candidate,
        begin: Duration,
        last_exit: &mut Option<Exit>,
    ) -> Result<Answer, NotReady> {
        let mut life = match candidate.life() {
            Ok(life) => life,
            // Who looks after it is away, and comes back: an engine that is restarted.
            Err(failure) if failure.retry != Retry::Never => {
                return Ok(Answer::NotYet(failure.message));
            }
            Err(failure) => return Err(NotReady::because(failure.message)),
        };
        *last_exit = life.exit.or(*last_exit);
        life.exit = *last_exit;
        let patience = match self.probe {
            Some(_) => MOST_RESTARTS,
            None => 1,
        };
        if !life.runs || life.restarts >= patience {
            return Err(NotReady::ended(&life));
        }
        let Some(probe) = &self.probe else {
            match &life.own_check {
                Some(OwnCheck::Healthy) => return Ok(Answer::Ready),
                Some(OwnCheck::Starting) => {
                    let reason = "the health check of its image has not succeeded yet";
                    return Ok(Answer::NotYet(reason.to_owned()));
                }
                Some(OwnCheck::Unhealthy(said)) => {
                    return Err(NotReady::because(unhealthy(said)));
                }
                None => {}
            }
            return Ok(match time.elapsed().saturating_sub(begin) >= SETTLED {
                true => Answer::Ready,
                false => Answer::NotYet("it has only just started".to_owned()),
            });
        };
        match probe.ask(candidate) {
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

    fn ask(&self, candidate: &impl Candidate) -> Result<(), Refusal> {
        let not_yet = [probe::UNREACHABLE, probe::TIMED_OUT];
        let refusal = |failure: Failure| match failure.code.as_str() {
            "cancelled" => Refusal::Cancelled,
            code if not_yet.contains(&code) => Refusal::NotYet(failure.message),
            // Who would check is away, and comes back: an engine that is restarted.
            _ if failure.retry != Retry::Never => Refusal::NotYet(failure.message),
            _ => Refusal::Never(failure.message),
        };
        let reason = match self {
            Self::Tcp(port, timeout) => return candidate.tcp(*port, *timeout).map_err(refusal),
            Self::Http(port, path, timeout) => {
                match candidate.http(*port, path, *timeout).map_err(refusal)? {
                    200..=399 => return Ok(()),
                    status => format!("GET {path} on port {port} answered {status}"),
                }
            }
            Self::Exec(command, timeout) => {
                let exit = candidate.exec(command, *timeout).map_err(refusal)?;
                if exit.success() {
                    return Ok(());
                }
                format!("the check `{}` ended with {exit}", command.join(" "))
            }
            Self::Grpc(port, service, timeout) => {
                match candidate.grpc(*port, service, *timeout).map_err(refusal)? {
                    status if status == "SERVING" => return Ok(()),
                    status => format!("the gRPC health check on port {port} answered {status}"),
                }
            }
        };
        Err(Refusal::NotYet(reason))
    }
}

impl NotReady {
    /// For a reason of the caller's.
    pub fn because(reason: String) -> Self {
        Self {
            reason,
            exit: None,
            ended: false,
            cancelled: false,
        }
    }

    fn cancelled() -> Self {
        Self {
            cancelled: true,
            ..Self::because("the step was cancelled".to_owned())
        }
    }

    fn ended(life: &Life) -> Self {
        let how = match (&life.exit, life.restarts) {
            (Some(exit), 0) => format!("its process ended with {exit}"),
            (Some(exit), times) => {
                format!("its process ended {times} times and more, at last with {exit}")
            }
            (None, _) => life.detail.clone(),
        };
        Self {
            exit: life.exit,
            ended: true,
            ..Self::because(how)
        }
    }
}

fn unhealthy(said: &str) -> String {
    match said {
        "" => "the health check of its image has failed".to_owned(),
        said => format!("the health check of its image has failed: {said}"),
    }
}

impl Time for HostTime {
    fn elapsed(&self) -> Duration {
        clock::elapsed()
    }

    fn remaining(&self) -> Option<Duration> {
        clock::remaining()
    }

    fn pause(&self, time: Duration) -> bool {
        clock::sleep(time)
    }
}
