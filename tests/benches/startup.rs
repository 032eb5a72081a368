//! How long the program takes until it has said what it was asked.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::measure::{in_turns, time};
use crate::place::{Installation, PROGRAM, Place};
use crate::report::{Goal, Row, Unit};

const STARTS: usize = 200;
const PLANS: usize = 20;
/// The ports of the example.
const PORTS: std::ops::RangeInclusive<u16> = 18080..=18087;

/// `--version`, against a program that does nothing.
pub fn version(_: &Place) -> Result<Vec<Row>> {
    let mut ours = || time(|| succeed(Command::new(PROGRAM).arg("--version")));
    let mut nothing = || time(|| succeed(&mut Command::new("true")));
    let [ours, nothing] = in_turns(STARTS, [&mut ours, &mut nothing])?;
    Ok(vec![
        Row::new("`stagewright --version`", Unit::Time, &ours)
            .against("`true`", &nothing)
            .goal(Goal::Below(0.010)),
    ])
}

/// `plan` of the example shop, before it was ever deployed and while it runs, against the
/// `cargo --version` that its builds depend on.
pub fn plan(place: &Place) -> Result<Vec<Row>> {
    let installation = place.installation()?;
    add_shop(&installation)?;
    let row = |what: &str| {
        let mut ours = || time(|| installation.run(&["plan"]));
        let mut cargo = || time(|| succeed(Command::new("cargo").arg("--version")));
        let [ours, cargo] = in_turns(PLANS, [&mut ours, &mut cargo])?;
        anyhow::Ok(
            Row::new(what, Unit::Time, &ours)
                .against("`cargo --version`", &cargo)
                .goal(Goal::Below(0.050))
                .bound_by("the tools of the builds, which are asked for their versions, and nine deployers, which are asked what runs"),
        )
    };
    // The first one compiles the plugins.
    installation.run(&["plan"])?;
    let before = row("`stagewright plan` of the shop, not deployed")?;
    installation.run(&["deploy"])?;
    Ok(vec![
        before,
        row("`stagewright plan` of the shop, running")?,
    ])
}

/// The example, on ports that are free.
fn add_shop(installation: &Installation) -> Result<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/examples/shop");
    copy(&example, &installation.project())?;
    let file = installation.project().join("stagewright.yaml");
    let mut text = std::fs::read_to_string(&file)?;
    let listeners = PORTS.map(|_| TcpListener::bind("127.0.0.1:0"));
    let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
    for (fixed, free) in PORTS.zip(&listeners) {
        let free = free.local_addr()?.port();
        text = text.replace(&format!("port: {fixed} "), &format!("port: {free} "));
    }
    std::fs::write(&file, text).context("the environment file of the example")
}

/// Copies a folder, but for what was built in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            std::fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "target" {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(())
}
