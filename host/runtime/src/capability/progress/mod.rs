//! How far a step is, for people who watch. Thinned out; never blocks.

use std::sync::Arc;

use wasmtime::component::HasData;

use super::log::StepLog;
use crate::bindings::offered::progress;

/// Marks the data that `progress` works on.
pub(crate) struct ProgressReport;

impl HasData for ProgressReport {
    type Data<'a> = &'a mut Arc<StepLog>;
}

impl progress::Host for Arc<StepLog> {
    fn report(&mut self, done: u64, total: Option<u64>, what: String) -> wasmtime::Result<()> {
        self.progress(done, total, &what);
        Ok(())
    }
}
