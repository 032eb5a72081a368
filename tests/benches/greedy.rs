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

/// When the last task ends, if the first begins at 0.
pub fn makespan(tasks: &[Task], slots: usize) -> u64 {
    let mut done = BTreeSet::new();
    let mut begun = BTreeSet::new();
    let mut running = BinaryHeap::new();
    let mut now = 0;
    loop {
        for (at, task) in tasks.iter().enumerate() {
            let is_ready = task.needs.iter().all(|need| done.contains(need));
            if running.len() < slots && is_ready && begun.insert(at) {
                running.push(Reverse((now + task.takes, at)));
            }
        }
        let Some(Reverse((end, at))) = running.pop() else {
            return now;
        };
        now = end;
        done.insert(at);
    }
}
