//! "Was I cancelled?" for guests that work on their own for long.

use wasmtime::component::HasData;

use crate::bindings::offered::cancel;
use crate::call::Operations;

/// Marks the data that `cancel` works on.
pub(crate) struct Cancelled;

impl HasData for Cancelled {
    type Data<'a> = &'a mut Operations;
}

impl cancel::Host for Operations {
    fn requested(&mut self) -> wasmtime::Result<bool> {
        Ok(self.is_cancelled())
    }
}
