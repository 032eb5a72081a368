//! A machine that is made up, for tests: it notes what is asked of it, its time moves when
//! somebody waits, and its programs behave as they are told.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stagewright_sdk::process::{Exit, Launch, ReleaseState};
use stagewright_sdk::readiness::{Candidate, Life, Time};
use stagewright_sdk::{Failure, Output, probe};

use crate::condition::runs;
use crate::machine::{Machine, Supervised};

/// How a program behaves once it was started.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Answers checks with these, one after the other, the last for ever. 0: nobody listens,
    /// 1: somebody else does, 2: the step was cancelled meanwhile.
    Answers(Vec<u16>),
    /// Ends by itself.
    Ends(i32),
    /// Cannot be started.
    Refuses,
    /// Ends and is started again, for ever.
    Crashes,
}

pub(crate) struct World {
    releases: Vec<Record>,
    pub(crate) now: Duration,
    pub(crate) deadline: Option<Duration>,
    pub(crate) cancelled_at: Option<Duration>,
    /// What was done, in order.
    pub(crate) done: Vec<String>,
    /// How the programs of releases behave that are installed from now on.
    pub(crate) next: Behaviour,
    /// Bringing a release back fails.
    pub(crate) worn_out: bool,
}

struct Record {
    step_id: String,
    reference: String,
    condition: String,
    exit: Option<Exit>,
    restarts: u32,
    asked: usize,
    behaviour: Behaviour,
}

#[derive(Clone)]
pub(crate) struct MadeUp(pub(crate) Rc<RefCell<World>>);

pub(crate) struct Handle {
    world: Rc<RefCell<World>>,
    step_id: String,
}

pub(crate) fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
    }
}

impl MadeUp {
    pub(crate) fn new(next: Behaviour) -> Self {
        Self(Rc::new(RefCell::new(World {
            releases: Vec::new(),
            now: Duration::ZERO,
            deadline: None,
            cancelled_at: None,
            done: Vec::new(),
            next,
            worn_out: false,
        })))
    }

    /// Adds a release that is newer than all others.
    pub(crate) fn with(self, step_id: &str, condition: &str, behaviour: Behaviour) -> Self {
        let exit = match behaviour {
            Behaviour::Ends(code) if condition == "exited" => Some(exit(code)),
            _ => None,
        };
        let record = Record {
            step_id: step_id.to_owned(),
            reference: format!("layout:{step_id}"),
            condition: condition.to_owned(),
            exit,
            restarts: 0,
            asked: 0,
            behaviour,
        };
        self.0.borrow_mut().releases.insert(0, record);
        self
    }

    pub(crate) fn done(&self) -> Vec<String> {
        self.0.borrow().done.clone()
    }

    /// Step and condition of each release, newest first.
    pub(crate) fn conditions(&self) -> Vec<(String, String)> {
        let world = self.0.borrow();
        let pair = |record: &Record| (record.step_id.clone(), record.condition.clone());
        world.releases.iter().map(pair).collect()
    }

    fn handle(&self, step_id: &str) -> Handle {
        Handle {
            world: Rc::clone(&self.0),
            step_id: step_id.to_owned(),
        }
    }
}

impl Machine for MadeUp {
    type Release = Handle;

    fn install(&self, step_id: &str, reference: &str) -> Result<Handle, Failure> {
        let next = self.0.borrow().next.clone();
        let _ = self.clone().with(step_id, "installed", next);
        let mut world = self.0.borrow_mut();
        world.done.push(format!("install {step_id}"));
        world.releases[0].reference = reference.to_owned();
        drop(world);
        Ok(self.handle(step_id))
    }

    fn releases(&self) -> Result<Vec<Handle>, Failure> {
        let conditions = self.conditions();
        Ok(conditions
            .iter()
            .map(|(step_id, _)| self.handle(step_id))
            .collect())
    }

    fn remove_data(&self) -> Result<(), Failure> {
        self.0.borrow_mut().done.push("remove data".to_owned());
        Ok(())
    }
}

impl Time for MadeUp {
    fn elapsed(&self) -> Duration {
        self.0.borrow().now
    }

    fn remaining(&self) -> Option<Duration> {
        let world = self.0.borrow();
        world
            .deadline
            .map(|deadline| deadline.saturating_sub(world.now))
    }

    fn pause(&self, time: Duration) -> bool {
        let mut world = self.0.borrow_mut();
        world.now += time;
        world.cancelled_at.is_none_or(|at| world.now < at)
    }
}

impl Handle {
    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let mut world = self.world.borrow_mut();
        let found = world
            .releases
            .iter_mut()
            .find(|it| it.step_id == self.step_id);
        change(found.expect("the release is there"))
    }

    fn note(&self, what: &str) {
        let done = format!("{what} {}", self.step_id);
        self.world.borrow_mut().done.push(done);
    }

    fn run(&self) -> Result<(), Failure> {
        self.change(|record| {
            record.exit = None;
            match record.behaviour {
                Behaviour::Refuses => {
                    return Err(Failure::new("process.not-found", "No such file."));
                }
                Behaviour::Ends(code) => {
                    record.condition = "exited".to_owned();
                    record.exit = Some(exit(code));
                }
                Behaviour::Answers(_) | Behaviour::Crashes => {
                    record.condition = "running".to_owned();
                }
            }
            Ok(())
        })
    }

    fn answer(&self) -> Result<u16, Failure> {
        self.change(|record| {
            let Behaviour::Answers(answers) = &record.behaviour else {
                return Err(Failure::new(probe::UNREACHABLE, "nobody listens"));
            };
            let answer = answers
                .get(record.asked)
                .or(answers.last())
                .copied()
                .unwrap_or(0);
            record.asked += 1;
            match answer {
                0 => Err(Failure::new(probe::UNREACHABLE, "nobody listens")),
                1 => Err(Failure::new(
                    "probe.foreign-listener",
                    "somebody else listens",
                )),
                2 => Err(Failure::new("cancelled", "the check was cancelled")),
                answer => Ok(answer),
            }
        })
    }
}

impl Supervised for Handle {
    fn step_id(&self) -> String {
        self.step_id.clone()
    }

    fn reference(&self) -> String {
        self.change(|record| record.reference.clone())
    }

    fn state(&self) -> Result<ReleaseState, Failure> {
        Ok(self.change(|record| {
            if matches!(record.behaviour, Behaviour::Crashes) && record.condition == "running" {
                record.restarts += 1;
                record.exit = Some(exit(7));
            }
            ReleaseState {
                condition: record.condition.clone(),
                pid: None,
                exit: record.exit,
                restarts: record.restarts,
                detail: format!("it is {}", record.condition),
            }
        }))
    }

    fn start(&self, _: &Launch) -> Result<(), Failure> {
        self.note("start");
        self.run()
    }

    fn start_again(&self) -> Result<(), Failure> {
        self.note("start-again");
        match self.world.borrow().worn_out {
            true => Err(Failure::new("process.io", "It is worn out.")),
            false => Ok(()),
        }?;
        self.run()
    }

    fn stop(&self) -> Result<(), Failure> {
        self.note("stop");
        self.change(|record| record.condition = "stopped".to_owned());
        Ok(())
    }

    fn wait(&self) -> Result<Exit, Failure> {
        self.note("wait");
        self.change(|record| match record.behaviour {
            Behaviour::Ends(code) => {
                record.condition = "exited".to_owned();
                record.exit = Some(exit(code));
                Ok(exit(code))
            }
            _ => Err(Failure::new(
                "process.cancelled",
                "The wait was broken off.",
            )),
        })
    }

    fn outputs(&self) -> Result<Vec<Output>, Failure> {
        let value = self.step_id.clone();
        Ok(vec![Output {
            name: "made_by".to_owned(),
            value,
            sensitive: false,
        }])
    }

    fn tail(&self, lines: u32) -> Result<Vec<String>, Failure> {
        Ok(vec![format!(
            "{} said so, at most {lines} times",
            self.step_id
        )])
    }

    fn remove(&self) -> Result<(), Failure> {
        self.note("remove");
        let mut world = self.world.borrow_mut();
        world
            .releases
            .retain(|record| record.step_id != self.step_id);
        Ok(())
    }
}

impl Candidate for Handle {
    fn life(&self) -> Result<Life, Failure> {
        let state = self.state()?;
        Ok(Life {
            runs: runs(&state),
            restarts: state.restarts,
            exit: state.exit,
            detail: state.detail,
            own_check: None,
        })
    }

    fn tcp(&self, _: u16, _: u32) -> Result<(), Failure> {
        self.answer().map(|_| ())
    }

    fn http(&self, _: u16, _: &str, _: u32) -> Result<u16, Failure> {
        self.answer()
    }

    fn exec(&self, _: &[String], _: u32) -> Result<Exit, Failure> {
        self.answer().map(|code| exit(i32::from(code) - 200))
    }

    fn grpc(&self, _: u16, _: &str, _: u32) -> Result<String, Failure> {
        self.answer().map(|code| match code {
            200 => "SERVING".to_owned(),
            _ => "NOT_SERVING".to_owned(),
        })
    }
}
