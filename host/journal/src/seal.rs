//! What tells a text that was changed behind the journal's back from one that was written.
//!
//! Every row has a seal, a hash over all that is in it. The seal of a fact also covers the one
//! before it, and the deployment's row has the last of them: so a fact that was lost, moved or
//! put in another order is found as well as one that was changed. Seals find damage; they keep
//! nobody from forging a journal, who may write the file.

use std::hash::Hasher;

use twox_hash::XxHash64;

use crate::DeploymentId;

/// A hash over fields, each of which counts with its length.
pub(crate) struct Seal(XxHash64);

impl Seal {
    /// Of a row of this kind.
    pub(crate) fn of(kind: &str) -> Self {
        Self(XxHash64::with_seed(0)).text(kind)
    }

    pub(crate) fn number(mut self, number: i64) -> Self {
        self.0.write(&number.to_le_bytes());
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let mut seal = self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        seal.0.write(text.as_bytes());
        seal
    }

    pub(crate) fn optional_number(self, number: Option<i64>) -> Self {
        match number {
            None => self.number(0),
            Some(number) => self.number(1).number(number),
        }
    }

    pub(crate) fn optional_text(self, text: Option<&str>) -> Self {
        match text {
            None => self.number(0),
            Some(text) => self.number(1).text(text),
        }
    }

    /// As it is stored.
    pub(crate) fn finish(self) -> i64 {
        self.0.finish().cast_signed()
    }
}

/// The seal of a fact, after that of the one before it; `None` when none before it has one.
pub(crate) fn fact(
    id: &DeploymentId,
    before: Option<i64>,
    seq: i64,
    time_ms: i64,
    body: &str,
) -> i64 {
    let chained = match before {
        Some(before) => Seal::of("fact").number(before),
        None => Seal::of("first fact").text(&id.to_string()),
    };
    chained.number(seq).number(time_ms).text(body).finish()
}

/// The seal of the description of a deployment.
pub(crate) fn description(id: &DeploymentId, body: &str) -> i64 {
    Seal::of("description")
        .text(&id.to_string())
        .text(body)
        .finish()
}

/// The seal of a document of an environment.
pub(crate) fn document(environment: &str, key: &str, body: &str) -> i64 {
    Seal::of("document")
        .text(environment)
        .text(key)
        .text(body)
        .finish()
}

/// The facts of a deployment, followed one by one from some place on.
pub(crate) struct Chain {
    id: DeploymentId,
    /// The number and the seal of the last fact that was seen.
    seq: i64,
    seal: Option<i64>,
    /// The first fact that has a seal; those before it are older than seals are.
    sealed_from: i64,
}

impl Chain {
    /// Follows on after fact `seq` (0: from the first), which has this seal.
    pub(crate) fn after(id: DeploymentId, sealed_from: i64, seq: i64, seal: Option<i64>) -> Self {
        Self {
            id,
            seq,
            seal: seal.filter(|_| seq >= sealed_from),
            sealed_from,
        }
    }

    /// The next fact. What is wrong with it, when it is not the one that was written.
    pub(crate) fn take(
        &mut self,
        seq: i64,
        time_ms: i64,
        body: &str,
        seal: Option<i64>,
    ) -> Result<(), String> {
        let next = self.seq + 1;
        let missing = (seq != next).then(|| format!("fact {next} of {} is missing", self.id));
        self.seq = seq;
        if seq < self.sealed_from {
            return missing.map_or(Ok(()), Err);
        }
        let expected = fact(&self.id, self.seal, seq, time_ms, body);
        // From here on the chain follows what is stored, so that one fact is named and not all
        // that come after it.
        self.seal = seal;
        match missing {
            Some(missing) => Err(missing),
            None if seal == Some(expected) => Ok(()),
            None => Err(format!("fact {seq} of {} is not what was written", self.id)),
        }
    }

    /// The end of the facts, where the deployment's row says that this is the last one.
    pub(crate) fn finish(&self, last_seq: i64, seal: Option<i64>) -> Result<(), String> {
        if self.seq < last_seq {
            let next = self.seq + 1;
            return Err(format!("fact {next} of {} is missing", self.id));
        }
        if self.seq > last_seq || self.seal != seal {
            return Err(format!(
                "fact {} of {} is not the last one that was written",
                self.seq, self.id
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bodies: &[&str]) -> Vec<(i64, String, Option<i64>)> {
        let mut before = None;
        let written = bodies.iter().zip(1..).map(|(body, seq)| {
            before = Some(fact(&DeploymentId::new("shop", 1), before, seq, 7, body));
            (seq, (*body).to_owned(), before)
        });
        written.collect()
    }

    fn follow(facts: &[(i64, String, Option<i64>)], last: Option<i64>) -> Result<(), String> {
        let mut chain = Chain::after(DeploymentId::new("shop", 1), 1, 0, None);
        for (seq, body, seal) in facts {
            chain.take(*seq, 7, body, *seal)?;
        }
        chain.finish(3, last)
    }

    #[test]
    fn a_fact_that_was_changed_lost_or_moved_is_found() {
        let facts = written(&["a", "b", "c"]);
        let last = facts[2].2;
        assert_eq!(follow(&facts, last), Ok(()));

        let mut changed = facts.clone();
        changed[1].1 = "B".to_owned();
        let error = follow(&changed, last).unwrap_err();
        assert_eq!(error, "fact 2 of shop-1 is not what was written");

        let mut lost = facts.clone();
        lost.remove(1);
        let error = follow(&lost, last).unwrap_err();
        assert_eq!(error, "fact 2 of shop-1 is missing");
        lost[1].0 = 2;
        assert!(follow(&lost, last).is_err(), "renumbered");

        let error = follow(&facts[..2], last).unwrap_err();
        assert_eq!(error, "fact 3 of shop-1 is missing");
        let mut swapped = facts.clone();
        swapped.swap(0, 1);
        (swapped[0].0, swapped[1].0) = (1, 2);
        assert!(follow(&swapped, last).is_err(), "swapped");

        let other = written(&["a", "b", "x"]);
        assert!(follow(&other, last).is_err(), "another last one");
        let mut unsealed = facts;
        unsealed[2].2 = None;
        assert!(follow(&unsealed, last).is_err(), "without a seal");
    }

    #[test]
    fn facts_from_before_there_were_seals_only_have_to_be_there() {
        let id = DeploymentId::new("shop", 1);
        let third = fact(&id, None, 3, 7, "c");
        let mut chain = Chain::after(id.clone(), 3, 0, None);
        chain.take(1, 7, "a", None).unwrap();
        chain.take(2, 7, "b", None).unwrap();
        chain.take(3, 7, "c", Some(third)).unwrap();
        chain.finish(3, Some(third)).unwrap();
        let mut gap = Chain::after(id, 3, 0, None);
        assert!(gap.take(2, 7, "b", None).is_err());
    }
}
