//! Looking after one release from its start to its end.
//!
//! The states are few: it runs; it ends (it was asked to, or its main process has ended and
//! the rest of the family has to go); it pauses before it is started again; it is over. What
//! is true is written to the record at each turn, and the identity of a process before it
//! becomes the program, so that whoever comes later finds it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::super::launch::Condition;
use super::super::protocol::{Failure, Keep, Reply, Request};
use super::super::record::{self, Layout, Record};
use super::aside::Asides;
use super::family::{Ended, Family, Output};
use super::log::Log;
use super::phase::Phase;
use super::serve::{Caller, Control};
use super::wait::{Bell, earlier, until_ready};

/// The first pause before a process that has ended is started again; each next is twice as
/// long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// Who ran this long is well again: the next pause is the first.
const STEADY: Duration = Duration::from_secs(30);
/// How long the killed may take to be gone before callers are told that they are not.
const KILLED: Duration = Duration::from_secs(10);

/// Who looks after a release.
pub(super) struct Keeper {
    order: Keep,
    listeners: Vec<OwnedFd>,
    layout: Layout,
    record: Record,
    family: Family,
    deaths: Bell,
    asked: Bell,
    log: Log,
    control: Control,
    asides: Asides,
    phase: Phase,
    pause: Duration,
    /// Who asked it to stop.
    stoppers: Vec<Caller>,
    /// Who waits for its end.
    waiters: Vec<Caller>,
}

impl Keeper {
    /// Everything but a running process.
    pub(super) fn new(
        order: Keep,
        listeners: Vec<OwnedFd>,
        layout: Layout,
        record: Record,
    ) -> io::Result<Self> {
        let log = Log::open(layout.log(), &order.secrets)?;
        Ok(Self {
            order,
            listeners,
            record,
            family: Family::begin()?,
            deaths: Bell::of(signal_hook::consts::SIGCHLD)?,
            asked: Bell::of(signal_hook::consts::SIGTERM)?,
            log,
            control: Control::open()?,
            layout,
            asides: Asides::default(),
            phase: Phase::Over,
            pause: FIRST_PAUSE,
            stoppers: Vec::new(),
            waiters: Vec::new(),
        })
    }

    /// The first start, after which there is no second try: answers with the process id.
    pub(super) fn start_first(&mut self) -> Result<u32, Failure> {
        self.start().inspect_err(|failure| {
            self.note(Condition::Exited, failure.sentence());
        })
    }

    /// Looks after the release until it is over.
    pub(super) fn run(mut self) -> io::Result<()> {
        while !matches!(self.phase, Phase::Over) {
            let mut files = vec![self.deaths.as_fd(), self.asked.as_fd(), self.log.as_fd()];
            files.extend(self.control.files());
            let ready = until_ready(&files, self.until())?;
            drop(files);
            self.log.drain();
            self.deaths.answer();
            self.reap()?;
            for (caller, request) in self.control.hear(ready.get(3..).unwrap_or_default()) {
                self.serve(caller, request)?;
            }
            if self.asked.answer() {
                self.stop()?;
            }
            self.on_time()?;
        }
        let exit = self.record.exit;
        for caller in self.stoppers.drain(..).chain(self.waiters.drain(..)) {
            self.control.answer(caller, &Reply::Ended(exit), &[]);
        }
        Ok(())
    }

    /// Starts the main process. What it is called is on disk before it is the program.
    fn start(&mut self) -> Result<u32, Failure> {
        let Self { record, layout, .. } = self;
        record.condition = Condition::Running;
        record.detail.clear();
        let main = self.family.start(
            &self.order.program,
            &self.listeners,
            &Output::Pipe(self.log.writer()),
            &mut |identity| {
                record.process = Some(identity);
                record::store(&layout.record(), record)
            },
        )?;
        self.phase = Phase::Running {
            main,
            since: Instant::now(),
        };
        Ok(main.pid)
    }

    /// When something has to be done even if nothing happens.
    fn until(&self) -> Option<Instant> {
        earlier(self.phase.until(), self.asides.until())
    }

    fn reap(&mut self) -> io::Result<()> {
        let reaped = self.family.reap()?;
        for ended in &reaped.ended {
            self.asides.ended(ended, &mut self.control);
            self.main_ended(ended);
        }
        if let Phase::Ending { killing, .. } = self.phase {
            if reaped.gone {
                self.gone();
            } else if killing && !reaped.ended.is_empty() {
                self.family.kill()?;
            }
        }
        Ok(())
    }

    /// Notes the end of the main process; the others have to go with it.
    fn main_ended(&mut self, ended: &Ended) {
        match &mut self.phase {
            Phase::Running { main, since } if main.pid == ended.pid => {
                self.phase = Phase::Ending {
                    main: *main,
                    ran: since.elapsed(),
                    exit: Some(ended.exit),
                    asked: false,
                    next: Instant::now(),
                    killing: false,
                };
            }
            Phase::Ending { main, exit, .. } if main.pid == ended.pid => *exit = Some(ended.exit),
            _ => {}
        }
    }

    /// Nobody is left: is it over, or only this time?
    fn gone(&mut self) {
        let Phase::Ending {
            exit, asked, ran, ..
        } = self.phase
        else {
            return;
        };
        self.log.finish();
        self.record.exit = exit;
        if asked {
            self.note(Condition::Stopped, String::new());
        } else if !self.order.keep_running {
            self.note(Condition::Exited, String::new());
        } else {
            if ran >= STEADY {
                self.pause = FIRST_PAUSE;
            }
            let how = exit.map_or_else(|| "ended".to_owned(), |exit| format!("ended with {exit}"));
            return self.pause(&how);
        }
        self.phase = Phase::Over;
    }

    /// Waits a little longer than the last time before the next start.
    fn pause(&mut self, why: &str) {
        let pause = self.pause;
        self.pause = (pause * 2).min(LAST_PAUSE);
        self.phase = Phase::Pausing {
            until: Instant::now() + pause,
        };
        let detail = format!("{why}; it is started again after {} ms", pause.as_millis());
        self.log.say(&detail);
        self.record.process = None;
        self.note(Condition::Starting, detail);
    }

    fn serve(&mut self, caller: Caller, request: Request) -> io::Result<()> {
        match request {
            Request::Stop => {
                self.stoppers.push(caller);
                self.stop()?;
            }
            Request::Wait => self.waiters.push(caller),
            Request::Listeners => {
                let files: Vec<_> = self.listeners.iter().map(AsFd::as_fd).collect();
                let reply = Reply::Listeners(self.order.sockets.clone());
                self.control.answer(caller, &reply, &files);
            }
            Request::Execute {
                path,
                argv,
                timeout_ms,
            } => {
                let started = if matches!(self.phase, Phase::Running { .. }) {
                    let mut program = self.order.program.clone();
                    (program.path, program.argv) = (path, argv);
                    program.listeners.clear();
                    let timeout = Duration::from_millis(timeout_ms);
                    self.asides.start(&self.family, &program, caller, timeout)
                } else {
                    Err(Failure::Other("its process is not running now".to_owned()))
                };
                if let Err(failure) = started {
                    self.control.answer(caller, &Reply::Failed(failure), &[]);
                }
            }
        }
        Ok(())
    }

    /// Asks everybody to end, unless that has been done.
    fn stop(&mut self) -> io::Result<()> {
        match &mut self.phase {
            Phase::Running { main, since } => {
                self.phase = Phase::Ending {
                    main: *main,
                    ran: since.elapsed(),
                    exit: None,
                    asked: true,
                    next: Instant::now() + Duration::from_millis(self.order.stop_grace_ms),
                    killing: false,
                };
                self.family.terminate()?;
            }
            Phase::Ending { asked, .. } => *asked = true,
            Phase::Pausing { .. } => {
                self.phase = Phase::Over;
                self.note(Condition::Stopped, String::new());
            }
            Phase::Over => {}
        }
        Ok(())
    }

    /// Does what the clock says.
    fn on_time(&mut self) -> io::Result<()> {
        let now = Instant::now();
        self.asides.on_time(now, &self.family)?;
        match &mut self.phase {
            Phase::Ending { next, killing, .. } if now >= *next => {
                *next = now + KILLED;
                if !*killing {
                    *killing = true;
                    return self.family.kill();
                }
                self.tell_unkillable()?;
            }
            Phase::Pausing { until } if now >= *until => {
                self.record.restarts = self.record.restarts.saturating_add(1);
                if let Err(failure) = self.start() {
                    self.pause(&failure.sentence());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Those who asked for the end hear that somebody does not go; the shim waits on.
    fn tell_unkillable(&mut self) -> io::Result<()> {
        let left = self.family.members()?;
        let pids: Vec<_> = left.iter().map(|member| member.identity.pid).collect();
        for caller in self.stoppers.drain(..) {
            let failure = Failure::Unkillable(pids.clone());
            self.control.answer(caller, &Reply::Failed(failure), &[]);
        }
        Ok(())
    }

    /// Writes down where the release is. A full disk must not end the watch over it.
    fn note(&mut self, condition: Condition, detail: String) {
        self.record.condition = condition;
        self.record.detail = detail;
        if let Err(error) = record::store(&self.layout.record(), &self.record) {
            self.log
                .say(&format!("could not write the record: {error}"));
        }
    }
}
