//! Images on their way to a registry on loopback and back, against skopeo.

mod layout;
#[expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the tests' own, which break off where they fail"
)]
#[path = "../suite/engines/leash.rs"]
mod leash;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::machine;
use crate::measure::{Samples, time};
use crate::place::{Installation, Place};
use crate::report::{Goal, Row, Unit};
use leash::Leash;

const MEBIBYTE: u64 = 1 << 20;
/// Bytes of the image whose times are taken.
const TIMED: u64 = 1024 * MEBIBYTE;
/// Bytes of the image whose memory is.
const WEIGHED: u64 = 2048 * MEBIBYTE;
const ROUNDS: usize = 3;
/// What a registry on loopback is at best bound by.
const BOUND: &str = "the registry, which hashes and writes all that it is sent";

/// A push and a pull of each kind of image, a push of what is there, and the memory of a push.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    for program in ["docker-registry", "skopeo"] {
        if Command::new(program).arg("--version").output().is_err() {
            let why = format!("`{program}` is not on this machine");
            return Ok(vec![Row::not_measured("push to a registry", &why)]);
        }
    }
    let mut rows = Vec::new();
    for layers in [1, 40] {
        let image = place.folder()?;
        layout::write(image.path(), TIMED, layers)?;
        rows.extend(moved(place, image.path(), layers)?);
    }
    rows.push(weighed(place)?);
    Ok(rows)
}

fn moved(place: &Place, image: &Path, layers: u64) -> Result<Vec<Row>> {
    let told = format!("1 GiB in {layers} layers");
    let source = format!("oci:{}", image.display());
    // Nobody finds in a registry what the other has brought.
    let pushed = in_turns(
        || {
            let server = Server::start(place)?;
            until_there(&pushing(place, image, &server)?)
        },
        || {
            let server = Server::start(place)?;
            skopeo(&source, &server.image(), "--dest-tls-verify=false")
        },
    )?;
    let server = Server::start(place)?;
    let installation = pushing(place, image, &server)?;
    until_there(&installation)?;
    let again = in_turns(
        || time(|| installation.run(&["deploy"])),
        || skopeo(&source, &server.image(), "--dest-tls-verify=false"),
    )?;
    let pulled = in_turns(
        || until_there(&pulling(place, &server)?),
        || {
            let folder = place.folder()?;
            let target = format!("oci:{}:1", folder.path().display());
            skopeo(&server.image(), &target, "--src-tls-verify=false")
        },
    )?;
    let row = |what: &str, (ours, theirs): &(Samples, Samples)| {
        Row::new(format!("{what} {told}"), Unit::Time, ours)
            .against("skopeo copy", theirs)
            .goal(Goal::RatioAtMost(1.0))
            .bound_by(BOUND)
    };
    Ok(vec![
        row("push of", &pushed),
        row("push of the unchanged", &again),
        row("pull of", &pulled),
    ])
}

/// Ours and theirs, one after the other. Each round moves a GiB, so that there are few of them,
/// and none to warm up.
fn in_turns(
    mut ours: impl FnMut() -> Result<Duration>,
    mut theirs: impl FnMut() -> Result<Duration>,
) -> Result<(Samples, Samples)> {
    let mut taken = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        taken.0.push(ours()?);
        taken.1.push(theirs()?);
    }
    Ok((taken.0.into_iter().collect(), taken.1.into_iter().collect()))
}

/// What a push of 2 GiB takes more than one of 1 MiB.
fn weighed(place: &Place) -> Result<Row> {
    let mut peaks = Vec::new();
    for bytes in [MEBIBYTE, WEIGHED] {
        let image = place.folder()?;
        layout::write(image.path(), bytes, 4)?;
        let server = Server::start(place)?;
        peaks.push(watched(&pushing(place, image.path(), &server)?)?.1);
    }
    let more = peaks.iter().copied().fold(0.0_f64, f64::max) - peaks.first().context("two")?;
    let bound = 64.0 * 1_048_576.0;
    Ok(Row::new(
        "memory that a push of 2 GiB takes more than one of 1 MiB",
        Unit::Bytes,
        &Samples::new([more]),
    )
    .goal(Goal::Below(bound)))
}

/// A registry with nothing in it.
struct Server {
    host: String,
    _leash: Leash,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(place: &Place) -> Result<Self> {
        let folder = place.folder()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let host = format!("127.0.0.1:{port}");
        let root = folder.path().display();
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\n\
             storage: {{ filesystem: {{ rootdirectory: {root}/data }} }}\n\
             http: {{ addr: \"{host}\" }}\n"
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, text)?;
        let command = ["docker-registry", "serve", &file.display().to_string()];
        Ok(Self {
            host,
            _leash: Leash::start(&command, "", "listening on"),
            _folder: folder,
        })
    }

    /// As skopeo names the image.
    fn image(&self) -> String {
        format!("docker://{}/team/large:1", self.host)
    }
}

/// An installation that pushes the image of a layout.
fn pushing(place: &Place, image: &Path, server: &Server) -> Result<Installation> {
    let installation = place.installation()?;
    let link = installation.project().join("image");
    let linked = Command::new("cp")
        .arg("-rl")
        .arg(image)
        .arg(&link)
        .status()?;
    ensure!(linked.success(), "cp -rl failed");
    let push = format!(
        "push: {{ plugin: \"builtin:registry\", with: {{ repository: \"{}/team/large\", tags: [\"1\"] }} }}",
        server.host
    );
    write(&installation, server, "oci:image", &push)?;
    Ok(installation)
}

/// An installation that keeps the image of a registry.
fn pulling(place: &Place, server: &Server) -> Result<Installation> {
    let installation = place.installation()?;
    let image = format!("{}/team/large:1", server.host);
    write(
        &installation,
        server,
        &image,
        "push: { plugin: \"builtin:layout\" }",
    )?;
    Ok(installation)
}

/// The job is never run: what is measured is how its image moves.
fn write(installation: &Installation, server: &Server, image: &str, push: &str) -> Result<()> {
    let text = format!(
        "name: large\nservices:\n  large:\n    type: job\n    image: \"{image}\"\n    \
         run: on-rollback\n    {push}\n    deploy: {{ with: {{ command: [/none] }} }}\n"
    );
    installation.write("stagewright.yaml", text.as_bytes())?;
    let config = format!(
        "registries: {{ \"{}\": {{ plain_http: true }} }}\n",
        server.host
    );
    installation.write("../config/stagewright/config.yaml", config.as_bytes())?;
    Ok(())
}

/// Deploys; the time ends when the push has ended.
fn until_there(installation: &Installation) -> Result<Duration> {
    Ok(watched(installation)?.0)
}

/// The same, and the most memory that was seen.
fn watched(installation: &Installation) -> Result<(Duration, f64)> {
    let began = Instant::now();
    let mut command = installation.command(&["deploy", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let id = child.id().to_string();
    let stdout = child.stdout.take().context("its output is not piped")?;
    let (mut ended, mut peak, mut said) = (None, 0.0_f64, String::new());
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let event: serde_json::Value = serde_json::from_str(&line)?;
        let is = |field: &str, value: &str| event.get(field).is_some_and(|it| it == value);
        if is("event", "step.ended") && is("step", "push") {
            ended.get_or_insert_with(|| began.elapsed());
        }
        // It has gone when it has said its last.
        peak = peak.max(machine::resident("VmHWM", &id).unwrap_or(0.0));
        said = line;
    }
    ensure!(child.wait()?.success(), "the deployment failed: {said}");
    Ok((ended.context("no image was pushed")?, peak))
}

fn skopeo(from: &str, to: &str, option: &str) -> Result<Duration> {
    time(|| {
        let copy = ["copy", "--quiet", "--preserve-digests", option, from, to];
        let output = Command::new("skopeo").args(copy).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "skopeo copy: {said}");
        Ok(())
    })
}
