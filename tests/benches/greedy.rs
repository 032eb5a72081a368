//! The shortest that can be hoped for without looking ahead: whenever a slot is free, the first
//! task that is ready takes it.
//!
//! Written without any look at the scheduler that is held against it, and with none of its code.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Something that takes a slot for a while.
pub struct Task {
    /// For how long.
    pub takes: u64,
    /// What has to have ended before, by place in the list.
    pub needs: Vec<usize>,
}

/// When the last task ends, if the first begins at 0. Of the tasks that wait, the first of the
/// list goes first; what an end makes ready comes behind what was ready before.
pub fn makespan(tasks: &[Task], slots: usize) -> u64 {
    let mut done = BTreeSet::new();
    let mut ready = BTreeSet::new();
    let mut known = BTreeSet::new();
    let mut running = BinaryHeap::new();
    let mut now = 0;
    loop {
        start(tasks, slots, now, &mut ready, &mut running);
        let is_ready = |task: &Task| task.needs.iter().all(|need| done.contains(need));
        let more = tasks.iter().enumerate().filter(|(_, task)| is_ready(task));
        ready.extend(more.map(|(at, _)| at).filter(|&at| known.insert(at)));
        start(tasks, slots, now, &mut ready, &mut running);
        let Some(Reverse((end, at))) = running.pop() else {
            return now;
        };
        now = end;
        done.insert(at);
    }
}

/// Gives free slots to what is ready.
fn start(
    tasks: &[Task],
    slots: usize,
    now: u64,
    ready: &mut BTreeSet<usize>,
    running: &mut BinaryHeap<Reverse<(u64, usize)>>,
) {
    while running.len() < slots
        && let Some(at) = ready.pop_first()
        && let Some(task) = tasks.get(at)
    {
        running.push(Reverse((now + task.takes, at)));
    }
}
