//! Holds a guest's memory and tables within its limits, and remembers which limit it hit.
//!
//! A guest that is refused memory usually aborts, and its trap says nothing but
//! "unreachable". What is remembered here turns that into an error that names the limit.

use wasmtime::ResourceLimiter;

use super::Limits;

/// A limit that a guest ran into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitHit {
    /// As the limit is spelled in the configuration.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: String,
}

impl LimitHit {
    pub(crate) fn new(name: &'static str, value: impl ToString) -> Self {
        Self {
            name,
            value: value.to_string(),
        }
    }
}

/// What a store asks before it grows anything.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    memory: u64,
    elements: u64,
    hit: Option<LimitHit>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: 0,
            elements: 0,
            hit: None,
        }
    }

    /// The last limit that was hit, if any was.
    pub(crate) fn hit(&self) -> Option<&LimitHit> {
        self.hit.as_ref()
    }
}

/// Adds the growth to what is used, unless that would exceed the limit.
fn grow(used: &mut u64, current: usize, desired: usize, limit: u64) -> bool {
    let growth = desired.saturating_sub(current) as u64;
    let after = used.saturating_add(growth);
    if after > limit {
        return false;
    }
    *used = after;
    true
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.memory;
        let granted = grow(&mut self.memory, current, desired, limit.bytes());
        if !granted {
            self.hit = Some(LimitHit::new("memory", limit));
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits.table_elements;
        let granted = grow(&mut self.elements, current, desired, u64::from(limit));
        if !granted {
            self.hit = Some(LimitHit::new("table_elements", limit));
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }
}
