//! Loading a plugin that was compiled before.

use anyhow::Result;
use tokio::runtime::Builder;

use crate::guest;
use crate::measure::{in_turns, time};
use crate::place::Place;
use crate::raw;
use crate::report::{Goal, Row, Unit};
use crate::sandbox;

const ROUNDS: usize = 100;
const MEBIBYTE: usize = 1 << 20;

/// Ours reads the component, makes sure that it is the one that was compiled, maps the compiled
/// form, checks imports, exports and grants, and links it; the reference only maps.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let pacer = guest::pacer()?.to_vec();
    let large = guest::pacer_of_size(MEBIBYTE)?;
    let small = format!("load a compiled plugin of {} KiB", pacer.len() >> 10);
    Ok(vec![
        row(place, &small, &pacer)?,
        row(place, "load a compiled plugin of 1 MiB", &large)?.goal(Goal::Below(0.002)),
    ])
}

fn row(place: &Place, what: &str, component: &[u8]) -> Result<Row> {
    let threads = Builder::new_multi_thread().enable_all().build()?;
    let folder = place.folder()?;
    let compiled = folder.path().join("raw.cwasm");
    let engine = raw::engine().map_err(raw::told)?;
    raw::precompile(&engine, component, &compiled).map_err(raw::told)?;
    sandbox::keep(component, folder.path())?;
    let mut ours = || {
        // A runtime of its own, since one loads a component only once.
        let runtime = sandbox::runtime(folder.path())?;
        time(|| threads.block_on(sandbox::load(&runtime, folder.path())))
    };
    let mut mapped = || time(|| raw::load(&engine, &compiled).map_err(raw::told));
    let [ours, mapped] = in_turns(ROUNDS, [&mut ours, &mut mapped])?;
    Ok(Row::new(what, Unit::Time, &ours)
        .against("`Component::deserialize_file`", &mapped)
        .goal(Goal::RatioAtMost(2.0))
        .bound_by(
            "reading and hashing the component, which says whose grants it has; linking it; \
             three changes of thread",
        ))
}
