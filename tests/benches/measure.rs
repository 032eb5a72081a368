//! Taking times, and what is told of them.
//!
//! Subject and reference are measured in turns, so that whatever else goes on meanwhile hits
//! both. Nothing is left out: percentiles are over every round after the warm-up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The rounds that are run before those that count.
const WARM_UP: usize = 3;

/// What was measured, once a round.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// In ascending order.
    sorted: Vec<f64>,
}

impl Samples {
    /// Values in the unit of the row that they are shown in (seconds, where it is time).
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// The smallest value that at least so many hundredths of all do not exceed; 0 of nothing.
    pub fn percentile(&self, hundredths: usize) -> f64 {
        let rank = (self.sorted.len() * hundredths).div_ceil(100);
        let value = self.sorted.get(rank.saturating_sub(1));
        value.copied().unwrap_or_default()
    }

    /// Each value changed in the same way.
    pub fn map(&self, change: impl FnMut(f64) -> f64) -> Self {
        Self::new(self.sorted.iter().copied().map(change))
    }

    /// How many there are.
    pub fn rounds(&self) -> usize {
        self.sorted.len()
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<T: IntoIterator<Item = Duration>>(durations: T) -> Self {
        Self::new(durations.into_iter().map(|taken| taken.as_secs_f64()))
    }
}

/// Something to be measured: each call is a round, and answers with what it took.
pub type Subject<'a> = &'a mut dyn FnMut() -> Result<Duration>;

/// Measures several things in turns, A B C A B C …; the answer has their order.
///
/// # Errors
/// When one of them cannot be measured.
pub fn in_turns<const N: usize>(rounds: usize, subjects: [Subject<'_>; N]) -> Result<[Samples; N]> {
    let mut taken: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    let mut subjects = subjects;
    for round in 0..WARM_UP + rounds {
        for (subject, taken) in subjects.iter_mut().zip(&mut taken) {
            let time = subject().with_context(|| format!("in round {round}"))?;
            if round >= WARM_UP {
                taken.push(time);
            }
        }
    }
    Ok(taken.map(Samples::from_iter))
}

/// How long it takes.
///
/// # Errors
/// Those of the work.
pub fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let began = Instant::now();
    let result = work();
    let taken = began.elapsed();
    result.map(|_| taken)
}

/// Numbers that look random and are the same in every run (SplitMix64, Steele and others,
/// OOPSLA 2014).
pub struct Sequence(u64);

impl Sequence {
    /// The one of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below this one; 0 below 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (number ^ (number >> 31)).checked_rem(bound).unwrap_or(0)
    }
}
