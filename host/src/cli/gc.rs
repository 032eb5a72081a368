//! `gc`: removes what the kept history does not need.

use std::sync::Arc;

use anyhow::Result;

use super::arguments::{Gc, Output};
use super::{Exit, print};
use crate::compose::Host;
use crate::garbage;

pub(crate) async fn run(host: &Arc<Host>, gc: &Gc, output: Output) -> Result<Exit> {
    let (mut pieces, mut bytes) = (0_usize, 0_u64);
    garbage::collect(host, gc.history, gc.dry_run, |kind, garbage| {
        pieces += 1;
        bytes += garbage.bytes;
        match output {
            Output::Json => print::json(&serde_json::json!({
                "kind": kind, "name": garbage.name, "bytes": garbage.bytes,
            })),
            Output::Text => print::line(&format!(
                "{kind:<10} {:>10}  {}",
                size(garbage.bytes),
                garbage.name
            )),
        }
    })
    .await?;
    let done = match (gc.dry_run, pieces) {
        (true, _) => "would be",
        (false, 1) => "was",
        (false, _) => "were",
    };
    if output == Output::Text {
        let pieces = print::count(pieces, "thing");
        print::line(&format!("{pieces}, {}, {done} removed", size(bytes)))?;
    }
    Ok(Exit::Success)
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
