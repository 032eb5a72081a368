//! Why a guest broke off, in words that name the limit where there was one.

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;

use super::Guest;
use crate::call::{HostFault, StepError};
use crate::harmless;
use crate::limits::{LimitHit, Limits};

/// The longest explanation that is taken from the engine, in bytes.
const LONGEST: usize = 500;

/// The error of a call that ended in a trap.
pub(super) fn explain(
    plugin: &str,
    function: &'static str,
    limits: &Limits,
    error: &wasmtime::Error,
    guest: &Guest,
) -> StepError {
    if let Some(fault) = error.downcast_ref::<HostFault>() {
        return StepError::Host(fault.to_string());
    }
    let hit = of_engine(limits, error).or_else(|| guest.limiter.hit().cloned());
    StepError::trapped(plugin, function, words(error), hit, guest.log.last_line())
}

fn words(error: &wasmtime::Error) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("it ended itself with exit code {}", exit.0);
    }
    let text = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "it gave up (unreachable instruction)".to_owned(),
        Some(Trap::StackOverflow) => "its call stack overflowed".to_owned(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    harmless::line(&text, LONGEST)
}

/// Limits that wasmtime enforces itself tell of it in their error.
fn of_engine(limits: &Limits, error: &wasmtime::Error) -> Option<LimitHit> {
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(LimitHit::new("handles", limits.handles));
    }
    let text = error.root_cause().to_string();
    let said = |what: &str| text.contains(what);
    let hit = match () {
        () if said("fuel allocated for hostcalls") => LimitHit::new("hostcall", limits.hostcall),
        () if said("store handle limit exceeded") => LimitHit::new("handles", limits.handles),
        () if said("instance count too high") => LimitHit::new("instances", limits.instances),
        () if said("table count too high") => LimitHit::new("tables", limits.tables),
        () if said("memory count too high") => LimitHit::new("memories", limits.memories),
        () if said("requested len") => LimitHit::new("random", limits.random),
        () if said("table minimum size") => LimitHit::new("table_elements", limits.table_elements),
        () if said("memory minimum size") => LimitHit::new("memory", limits.memory),
        () => return None,
    };
    Some(hit)
}
