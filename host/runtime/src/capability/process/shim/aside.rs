//! Programs that run beside the main process of a release for a moment: exec probes.
//!
//! They get the environment of the release, which only its shim has once the host is gone.

use std::io;
use std::time::{Duration, Instant};

use super::super::protocol::{Failure, Program, Reply};
use super::super::table::Identity;
use super::family::{Ended, Family, Output};
use super::serve::{Caller, Control};
use super::wait::earlier;

/// At the same time.
const MAX: usize = 16;

/// Those that run now.
#[derive(Default)]
pub(super) struct Asides {
    running: Vec<Aside>,
}

struct Aside {
    root: Identity,
    caller: Caller,
    deadline: Instant,
    late: bool,
}

impl Asides {
    /// Starts one, whose end is told to the caller.
    pub(super) fn start(
        &mut self,
        family: &Family,
        program: &Program,
        caller: Caller,
        timeout: Duration,
    ) -> Result<(), Failure> {
        if self.running.len() >= MAX {
            return Err(Failure::Other(format!(
                "{MAX} programs run beside it already"
            )));
        }
        let root = family.start(program, &[], &Output::Nowhere, &mut |_| Ok(()))?;
        self.running.push(Aside {
            root,
            caller,
            deadline: Instant::now() + timeout,
            late: false,
        });
        Ok(())
    }

    /// Answers the caller if it was one of these that ended.
    pub(super) fn ended(&mut self, ended: &Ended, control: &mut Control) {
        let place = self
            .running
            .iter()
            .position(|aside| aside.root.pid == ended.pid);
        let Some(aside) = place.map(|place| self.running.swap_remove(place)) else {
            return;
        };
        let reply = if aside.late {
            Reply::TimedOut
        } else {
            Reply::Ended(Some(ended.exit))
        };
        control.answer(aside.caller, &reply, &[]);
    }

    /// When the first of them is late.
    pub(super) fn until(&self) -> Option<Instant> {
        self.running
            .iter()
            .filter(|aside| !aside.late)
            .fold(None, |first, aside| earlier(first, Some(aside.deadline)))
    }

    /// Kills those that are late.
    pub(super) fn on_time(&mut self, now: Instant, family: &Family) -> io::Result<()> {
        for aside in &mut self.running {
            if !aside.late && now >= aside.deadline {
                aside.late = true;
                family.kill_branch(aside.root)?;
            }
        }
        Ok(())
    }
}
