//! `log` for guests.

use std::sync::Arc;

use wasmtime::component::HasData;

use super::{Origin, StepLog};
use crate::bindings::offered::log;
use crate::record::Level;

/// Marks the data that `log` works on.
pub(crate) struct Log;

impl HasData for Log {
    type Data<'a> = &'a mut Arc<StepLog>;
}

impl log::Host for Arc<StepLog> {
    fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        StepLog::write(self, Origin::Plugin, level, &message, &fields);
        Ok(())
    }
}
