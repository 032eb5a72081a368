//! Deploying a hundred services again of which nothing changed.

use std::fmt::Write;
use std::net::TcpListener;

use anyhow::Result;

use crate::measure::{Samples, time};
use crate::place::{Installation, Place};
use crate::report::{Goal, Row, Unit};

/// What the services run.
const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
const SERVICES: usize = 100;
const ROUNDS: usize = 10;

/// A hundred programs with ports and health checks, each from a source of its own.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let what = format!("unchanged redeploy of {SERVICES} services");
    let installation = place.installation()?;
    write(&installation)?;
    installation.run(&["deploy"])?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut said = String::new();
        times.push(time(|| {
            said = installation.run(&["deploy"])?;
            Ok(())
        })?);
        let result = said.lines().last().unwrap_or_default();
        let all = format!("{SERVICES} unchanged");
        if !result.contains(&all) {
            // On a machine that is too slow to ask all of them they are taken for failed.
            return Ok(vec![Row::not_measured(what, result)]);
        }
    }
    Ok(vec![
        Row::new(what, Unit::Time, &Samples::from_iter(times)).goal(Goal::Below(0.300)),
    ])
}

fn write(installation: &Installation) -> Result<()> {
    let actor = std::fs::read(ACTOR)?;
    let listeners = (0..SERVICES).map(|_| TcpListener::bind("127.0.0.1:0"));
    // All are held until all are known, so that none is given twice.
    let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
    let mut file = String::from("name: hundred\nlimits: { build: 8, deploy: 16 }\nservices:\n");
    for (at, listener) in listeners.iter().enumerate() {
        let port = listener.local_addr()?.port();
        let folder = installation.write(&format!("s{at}/actor"), &actor)?;
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder, executable)?;
        installation.write(&format!("s{at}/number"), at.to_string().as_bytes())?;
        write!(
            file,
            "  s{at}:\n    type: application\n    source: {{ path: s{at} }}\n    \
             build: {{ plugin: \"builtin:static\", with: {{ target: /app }} }}\n    \
             deploy: {{ with: {{ command: [/app/actor, serve], stop_grace: 1s }} }}\n    \
             ports: [{{ name: http, port: {port} }}]\n    \
             health: {{ http: {{ port: http }}, interval: 50ms, timeout: 60s, within: 60s }}\n    \
             variables: {{ PORT: \"{{{{s{at}.port}}}}\" }}\n"
        )?;
    }
    installation.write("stagewright.yaml", file.as_bytes())?;
    Ok(())
}
