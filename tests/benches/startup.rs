//! How long the program takes until it has said something.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::measure::{in_turns, time};
use crate::place::{PROGRAM, Place};
use crate::report::{Goal, Row, Unit};

const ROUNDS: usize = 200;

/// `--version`, against a program that does nothing.
pub fn run(_: &Place) -> Result<Vec<Row>> {
    let mut ours = || time(|| succeed(Command::new(PROGRAM).arg("--version")));
    let mut nothing = || time(|| succeed(&mut Command::new("true")));
    let [ours, nothing] = in_turns(ROUNDS, [&mut ours, &mut nothing])?;
    Ok(vec![
        Row::new("`stagewright --version`", Unit::Time, &ours)
            .against("`true`", &nothing)
            .goal(Goal::Below(0.010)),
    ])
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(())
}
