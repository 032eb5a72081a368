//! The kill matrix: the real host, killed right before one of the things that it does to the
//! world, each of them in turn, and started again.
//!
//! A cycle is a few deployments over each other ([`course`]), each run under the `executioner`
//! (see `tests/programs/executioner`), which ends the host at a point of its own. After each
//! the deployment is resumed, and what the journal claims is held against the world
//! ([`check`]). Without a wish a sample is drawn that takes about a minute; `STAGEWRIGHT_KILLS`
//! asks for so many points, for all of a kind (`append`: each append to the journal) or of an
//! act (`gc`), or for `all`. Size and result are printed.

mod account;
mod check;
mod course;
mod cycle;
mod kept;
mod leftovers;
mod points;
pub mod world;

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use course::Act;
use cycle::Cycles;
use points::{Matrix, Point};

/// What kills the program.
const EXECUTIONER: &str = env!("CARGO_BIN_EXE_executioner");
/// No cycle of a sample begins later than this, once every act was killed and the essential
/// kinds of effects were met: a slow machine takes longer rather than showing less.
const SAMPLE: Duration = Duration::from_secs(50);
/// Cycles in one installation, the state of which grows with each.
const CYCLES_IN_ONE: usize = 3;

/// What was asked for.
enum Wish {
    Sample,
    Points(usize),
    /// A kind of effect or an act.
    Only(String),
    All,
}

fn wish() -> Wish {
    match std::env::var("STAGEWRIGHT_KILLS").as_deref() {
        Err(_) => Wish::Sample,
        Ok("all") => Wish::All,
        Ok(other) => match other.parse() {
            Ok(number) => Wish::Points(number),
            Err(_) => Wish::Only(other.to_owned()),
        },
    }
}

/// What all cycles together have found.
#[derive(Default)]
struct Tally {
    killed: Vec<(Act, Point)>,
    passed_by: usize,
    violations: Vec<String>,
}

fn say(text: &str) {
    // Not through the test's own output, which nobody sees of a test that holds.
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[test]
fn killed_at_any_effect_it_goes_on_and_the_world_agrees_with_the_journal() {
    let began = Instant::now();
    let mut reference = Cycles::new();
    let matrix = Matrix::new(Act::ALL.map(|act| (act, reference.undisturbed(act))));
    drop(reference);
    let wish = wish();
    let plan = match &wish {
        Wish::Sample => matrix.sample(64),
        Wish::Points(points) => matrix.sample(*points),
        Wish::Only(word) => matrix.all(Some(word)),
        Wish::All => matrix.all(None),
    };
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let missing = |tally: &Mutex<Tally>| {
        let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        matrix.missing(&tally.killed)
    };
    let work = || {
        let mut cycles = Cycles::new();
        for done in 1.. {
            let is_late = matches!(wish, Wish::Sample) && began.elapsed() > SAMPLE;
            if is_late && missing(&tally).is_empty() {
                return;
            }
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(points) = plan.get(number) else {
                return;
            };
            let is_well = cycles.run(points, &tally);
            if !is_well || done % CYCLES_IN_ONE == 0 {
                cycles = Cycles::new();
            }
        }
    };
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let missing = missing(&tally);
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&matrix.report(
        &tally.killed,
        tally.passed_by,
        tally.violations.len(),
        began.elapsed(),
    ));
    assert!(
        tally.violations.is_empty(),
        "{}",
        tally.violations.join("\n\n")
    );
    assert!(!tally.killed.is_empty(), "nobody was killed");
    let is_enough = missing.is_empty() || !matches!(wish, Wish::Sample);
    assert!(is_enough, "the sample was too small, without {missing:?}");
}
