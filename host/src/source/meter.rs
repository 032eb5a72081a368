//! How far a fetch or a checkout is, read off the counters that git's parts count on.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use gix::progress::{Count, Id, MessageLevel, NestedProgress, Step, StepShared, UNKNOWN, Unit};

/// What is going on, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// What is being done, such as `receiving pack`.
    pub(crate) activity: String,
    /// How many of its parts are done; objects, files or bytes, depending on the activity.
    pub(crate) done: usize,
    /// How many there are, where that is known.
    pub(crate) total: Option<usize>,
}

/// Told about progress a few times a second.
pub(crate) type Report = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Remembers the activity that began last. Clones are of one meter.
#[derive(Clone, Default)]
pub(super) struct Meter {
    latest: Arc<Mutex<Option<Dial>>>,
}

/// The counters of one activity.
#[derive(Clone)]
struct Dial {
    name: String,
    done: StepShared,
    /// 0 while it is not known.
    total: Arc<AtomicUsize>,
}

impl Meter {
    /// Where it is now; `None` before anything began.
    pub(super) fn read(&self) -> Option<Progress> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().map(|dial| {
            let total = dial.total.load(Ordering::Relaxed);
            Progress {
                activity: dial.name.clone(),
                done: dial.done.load(Ordering::Relaxed),
                total: (total > 0).then_some(total),
            }
        })
    }

    /// The progress of something that may have parts of its own.
    pub(super) fn activity(&self, name: &str) -> Activity {
        let activity = Activity {
            meter: self.clone(),
            dial: Dial {
                name: name.to_owned(),
                done: StepShared::default(),
                total: Arc::default(),
            },
        };
        activity.announce();
        activity
    }
}

/// One activity, as git's parts see it.
pub(super) struct Activity {
    meter: Meter,
    dial: Dial,
}

impl Activity {
    fn announce(&self) {
        let latest = self.meter.latest.lock();
        *latest.unwrap_or_else(PoisonError::into_inner) = Some(self.dial.clone());
    }
}

impl Count for Activity {
    fn set(&self, step: Step) {
        self.dial.done.store(step, Ordering::Relaxed);
    }

    fn step(&self) -> Step {
        self.dial.done.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: Step) {
        self.dial.done.fetch_add(step, Ordering::Relaxed);
    }

    fn counter(&self) -> StepShared {
        Arc::clone(&self.dial.done)
    }
}

impl gix::Progress for Activity {
    fn init(&mut self, max: Option<Step>, _unit: Option<Unit>) {
        self.dial.total.store(max.unwrap_or(0), Ordering::Relaxed);
        self.announce();
    }

    fn set_name(&mut self, name: String) {
        self.dial.name = name;
        self.announce();
    }

    fn name(&self) -> Option<String> {
        Some(self.dial.name.clone())
    }

    fn id(&self) -> Id {
        UNKNOWN
    }

    fn message(&self, level: MessageLevel, message: String) {
        tracing::debug!(?level, activity = self.dial.name, message);
    }
}

impl NestedProgress for Activity {
    type SubProgress = Self;

    fn add_child(&mut self, name: impl Into<String>) -> Self {
        self.meter.activity(&name.into())
    }

    fn add_child_with_id(&mut self, name: impl Into<String>, _id: Id) -> Self {
        self.add_child(name)
    }
}
