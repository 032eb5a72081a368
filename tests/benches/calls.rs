//! What the sandbox adds: to the start of a step, and to a call of the host from inside.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use stagewright_runtime::Plugin;
use tokio::runtime::{Builder, Runtime};

use crate::container::Container;
use crate::guest;
use crate::measure::{Samples, in_turns, time};
use crate::place::Place;
use crate::raw::{self, Raw};
use crate::report::{Goal, Row, Unit};
use crate::sandbox;

const STARTS: usize = 2_000;
const CONTAINERS: usize = 20;
const LOOPS: usize = 100;
/// How often the guest calls the host in a round.
const CALLS: u32 = 10_000;

/// The start of a step against everything else that could have been started.
pub fn starts(place: &Place) -> Result<Vec<Row>> {
    let threads = Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    let guests = [
        ("a plugin of the SDK", guest::pacer()?),
        ("a plugin with WASI", guest::dice()?),
    ];
    for (name, component) in guests {
        let pair = Pair::new(place, &threads, component, "{}")?;
        let mut ours = || pair.ours();
        let mut raw = || pair.raw();
        let [ours, raw] = in_turns(STARTS, [&mut ours, &mut raw])?;
        rows.push(
            Row::new(format!("start of a step, {name}"), Unit::Time, &ours)
                .against("wasmtime alone", &raw)
                .goal(Goal::RatioAtMost(2.0)),
        );
    }
    let pair = Pair::new(place, &threads, guest::pacer()?, "{}")?;
    rows.push(against_process(&pair)?);
    rows.push(against_container(&pair, place)?);
    Ok(rows)
}

fn against_process(pair: &Pair<'_>) -> Result<Row> {
    let mut ours = || pair.warm();
    let mut raw = || pair.raw();
    let mut process = || {
        time(|| {
            let status = Command::new("true").stdin(Stdio::null()).status()?;
            anyhow::ensure!(status.success(), "`true` ended with {status}");
            Ok(())
        })
    };
    let [ours, process, raw] = in_turns(STARTS / 4, [&mut ours, &mut process, &mut raw])?;
    let raw = raw.percentile(50) * 1e6;
    let row = Row::new("start of a step, a plugin of the SDK", Unit::Time, &ours);
    Ok(row
        .against("a native process (`true`)", &process)
        .goal(Goal::TimesFaster(20.0))
        .bound_by(format!(
            "wasmtime, which takes {raw:.1} µs of it alone, beside a process that starts fast"
        )))
}

fn against_container(pair: &Pair<'_>, place: &Place) -> Result<Row> {
    let what = "start of a step, a plugin of the SDK";
    let container = match Container::new(place) {
        Ok(container) => container,
        Err(why) => {
            return Ok(Row::not_measured(
                format!("{what}, against `runc run`"),
                &why,
            ));
        }
    };
    let mut ours = || pair.warm();
    let mut contained = || time(|| container.run());
    let [ours, contained] = in_turns(CONTAINERS, [&mut ours, &mut contained])?;
    Ok(Row::new(what, Unit::Time, &ours)
        .against("`runc run` (`true`)", &contained)
        .goal(Goal::TimesFaster(1000.0))
        .bound_by("wasmtime, beside a small container that starts fast"))
}

/// A call of the host with a short string, and one without.
pub fn host_calls(place: &Place) -> Result<Vec<Row>> {
    let threads = Builder::new_multi_thread().enable_all().build()?;
    let calls = [
        (
            "guest → host: `log.write` of 16 bytes",
            "lines",
            "the log itself, which seeks secrets and control characters and counts; the \
             reference throws the line away",
        ),
        ("guest → host: `clock.remaining`", "questions", "the clock"),
    ];
    let mut rows = Vec::new();
    for (name, kind, bound) in calls {
        let config = format!(r#"{{"{kind}": {CALLS}}}"#);
        let pair = Pair::new(place, &threads, guest::pacer()?, &config)?;
        let mut ours = || Ok(pair.ours()? / CALLS);
        let mut raw = || Ok(pair.raw()? / CALLS);
        let [ours, raw]: [Samples; 2] = in_turns(LOOPS, [&mut ours, &mut raw])?;
        rows.push(
            Row::new(name, Unit::Time, &ours)
                .against("async import of wasmtime alone", &raw)
                .goal(Goal::RatioAtMost(1.3))
                .bound_by(bound),
        );
    }
    Ok(rows)
}

/// The same component twice: as a plugin of ours, and in wasmtime alone.
struct Pair<'a> {
    threads: &'a Runtime,
    plugin: Plugin,
    raw: Arc<Raw>,
    config: String,
}

impl<'a> Pair<'a> {
    fn new(place: &Place, threads: &'a Runtime, component: &[u8], config: &str) -> Result<Self> {
        let folder = place.folder()?;
        sandbox::keep(component, folder.path())?;
        let plugin = threads.block_on(async {
            let runtime = sandbox::runtime(folder.path())?;
            sandbox::load(&runtime, folder.path()).await
        })?;
        Ok(Self {
            threads,
            plugin,
            raw: Arc::new(Raw::new(component, config).map_err(raw::told)?),
            config: config.to_owned(),
        })
    }

    /// Ours, after one that does not count: what was measured between has other things in the
    /// caches of the processor.
    fn warm(&self) -> Result<Duration> {
        self.ours()?;
        self.ours()
    }

    // Both are timed on a thread of the pool, where the executor's calls begin, too.

    fn ours(&self) -> Result<Duration> {
        let (plugin, call) = (self.plugin.clone(), sandbox::call(&self.config));
        self.threads.block_on(self.threads.spawn(async move {
            let began = std::time::Instant::now();
            plugin.observe(call).await?;
            Ok(began.elapsed())
        }))?
    }

    fn raw(&self) -> Result<Duration> {
        let raw = Arc::clone(&self.raw);
        self.threads.block_on(self.threads.spawn(async move {
            let began = std::time::Instant::now();
            raw.observe().await.map_err(raw::told)?;
            Ok(began.elapsed())
        }))?
    }
}
