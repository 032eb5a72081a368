//! A property, the inputs it begins with, and the loop that runs both.

use std::io::Write;
use std::time::Instant;

use fastrand::Rng;

use crate::finding::Finding;
use crate::mutation::{Mutator, Shape};
use crate::panic::caught;
use crate::settings;
use crate::shrink::shrink;
use crate::watch::Watch;

/// What became of an input in which nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken for good.
    Accepted,
    /// It was refused, in the way that inputs are refused.
    Refused,
}

impl From<bool> for Verdict {
    fn from(accepted: bool) -> Self {
        match accepted {
            true => Self::Accepted,
            false => Self::Refused,
        }
    }
}

/// How many inputs ran, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Inputs that were taken for good.
    pub accepted: u64,
    /// Inputs that were refused.
    pub refused: u64,
}

/// Something that reads inputs, and what it is fed.
pub struct Target {
    name: &'static str,
    shape: Shape,
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
    least: u64,
}

impl Target {
    /// A target whose inputs have a shape. Names are for people and for files.
    pub fn new(name: &'static str, shape: Shape) -> Self {
        Self {
            name,
            shape,
            seeds: Vec::new(),
            words: &[],
            least: 200,
        }
    }

    /// Adds an input as it really is. Each runs once as it is, and again and again changed.
    pub fn seed(mut self, input: impl AsRef<[u8]>) -> Self {
        self.seeds.push(input.as_ref().to_vec());
        self
    }

    /// Adds [`Self::seed`]s.
    pub fn seeds<T: AsRef<[u8]>>(self, inputs: impl IntoIterator<Item = T>) -> Self {
        inputs.into_iter().fold(self, Self::seed)
    }

    /// Words that mean something in these inputs, and are put in here and there.
    pub fn words(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    /// How many changed inputs run however long they take; 200 where nothing is said.
    pub fn least(mut self, inputs: u64) -> Self {
        self.least = inputs;
        self
    }

    /// Runs the property over all seeds, then over changed ones until the time is over.
    ///
    /// # Errors
    /// The first input that the property panics on, made smaller; or that inputs were only
    /// ever accepted or only ever refused.
    pub fn run(&self, mut property: impl FnMut(&[u8]) -> Verdict) -> Result<Counts, Finding> {
        let folder = settings::folder();
        // What cannot be kept is still told.
        let _ = std::fs::create_dir_all(&folder);
        let watch = Watch::new(self.name, folder.join(format!("{}-endless", self.name)));
        let mut ask = |input: &[u8]| {
            watch.begin(input);
            caught(|| property(input))
        };
        let mut counts = Counts::default();
        for seed in &self.seeds {
            let verdict = ask(seed).map_err(|said| self.broken(None, seed, said, &mut ask))?;
            counts.add(verdict);
        }
        let mutator = Mutator::new(self.shape, &self.seeds, self.words);
        let (first, begun, time) = (settings::seed(), Instant::now(), settings::time());
        let mut ran = 0;
        while ran < self.least || begun.elapsed() < time {
            let seed = first.wrapping_add(ran);
            let input = mutator.input(&mut Rng::with_seed(seed));
            let verdict =
                ask(&input).map_err(|said| self.broken(Some(seed), &input, said, &mut ask))?;
            counts.add(verdict);
            ran += 1;
        }
        self.tell(counts, first);
        self.two_sided(counts)
    }

    fn broken(
        &self,
        seed: Option<u64>,
        input: &[u8],
        mut said: String,
        ask: &mut impl FnMut(&[u8]) -> Result<Verdict, String>,
    ) -> Finding {
        let input = shrink(input.to_vec(), |smaller| match ask(smaller) {
            Ok(_) => false,
            Err(now) => {
                said = now;
                true
            }
        });
        let number = seed.map_or_else(|| "seed".to_owned(), |seed| seed.to_string());
        let file = settings::folder().join(format!("{}-{number}", self.name));
        let kept = std::fs::write(&file, &input).is_ok();
        Finding::Broken {
            target: self.name.to_owned(),
            seed,
            said,
            input,
            file: kept.then_some(file),
        }
    }

    /// Says what was done, past the test runner, which shows nothing of tests that pass.
    fn tell(&self, counts: Counts, seed: u64) {
        let Counts { accepted, refused } = counts;
        let line = format!(
            "fuzz {}: {} inputs, {accepted} accepted, {refused} refused, from seed {seed}\n",
            self.name,
            accepted + refused,
        );
        // A line that is lost is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn two_sided(&self, counts: Counts) -> Result<Counts, Finding> {
        let Counts { accepted, refused } = counts;
        if accepted > 0 && refused > 0 {
            return Ok(counts);
        }
        Err(Finding::OneSided {
            target: self.name.to_owned(),
            accepted,
            refused,
        })
    }
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Refused => self.refused += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::new("self", Shape::Text)
            .seed("name: a\nport: 80\n")
            .seed("-")
    }

    #[test]
    fn what_breaks_is_found_made_smaller_and_can_be_repeated() {
        let rule = |input: &[u8]| {
            assert!(!input.starts_with(b"port"), "begins with a port");
            Verdict::from(input.len() > 2)
        };
        let Err(Finding::Broken {
            said,
            input,
            seed,
            file,
            ..
        }) = target().run(rule)
        else {
            panic!("nothing was found");
        };
        assert_eq!(said, "begins with a port");
        assert_eq!(input, b"port");
        assert_eq!(std::fs::read(file.unwrap()).unwrap(), input);
        let target = target();
        let mutator = Mutator::new(target.shape, &target.seeds, target.words);
        let again = mutator.input(&mut Rng::with_seed(seed.unwrap()));
        assert!(caught(|| rule(&again)).is_err());
    }

    #[test]
    fn a_target_that_refuses_all_is_noticed() {
        let refusing = target().run(|_| Verdict::Refused).unwrap_err();
        assert!(
            matches!(refusing, Finding::OneSided { accepted: 0, .. }),
            "{refusing}"
        );
    }

    #[test]
    fn both_verdicts_are_counted() {
        let counts = target()
            .run(|input| Verdict::from(input.len() > 2))
            .unwrap();
        assert!(counts.accepted > 0 && counts.accepted + counts.refused >= 202);
    }
}
