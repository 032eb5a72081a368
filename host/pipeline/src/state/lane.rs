//! The slots of one phase over all stages in which it is open.
//!
//! With `across-stages` several stages build at once; each keeps its own limit, and together
//! they keep the largest of them. When the stage with the largest has built everything, what
//! runs beyond the next smaller limit is let finish, push included.

use std::collections::{BTreeMap, BTreeSet};

use crate::course::StageId;

/// The slots of one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lane {
    /// How many slots are taken.
    pub(crate) running: u32,
    /// Stages in which a step waits and the stage's own limit is not reached.
    pub(crate) startable: BTreeSet<StageId>,
    /// Limits of the stages in which the phase is open, and how many have each.
    limits: BTreeMap<u32, u32>,
    /// One bit a slot; set when it is taken.
    taken: Vec<u64>,
}

impl Lane {
    /// How many slots there are over all stages.
    pub(crate) fn limit(&self) -> u32 {
        self.limits.last_key_value().map_or(0, |(&limit, _)| limit)
    }

    pub(crate) fn open(&mut self, limit: u32) {
        *self.limits.entry(limit).or_default() += 1;
    }

    pub(crate) fn close(&mut self, limit: u32) {
        if let Some(count) = self.limits.get_mut(&limit) {
            *count -= 1;
            if *count == 0 {
                self.limits.remove(&limit);
            }
        }
    }

    /// The first stage, in order, of which a step may start now.
    pub(crate) fn first_startable(&self) -> Option<StageId> {
        if self.running < self.limit() {
            self.startable.first().copied()
        } else {
            None
        }
    }

    /// The lowest number, from 1, that is not taken.
    pub(crate) fn lowest_free(&self) -> u32 {
        let full = self
            .taken
            .iter()
            .take_while(|&&word| word == u64::MAX)
            .count();
        let word = self.taken.get(full).copied().unwrap_or(0);
        full as u32 * u64::BITS + word.trailing_ones() + 1
    }

    pub(crate) fn is_free(&self, slot: u32) -> bool {
        let Some((word, bit)) = place(slot) else {
            return false;
        };
        self.taken.get(word).is_none_or(|taken| taken & bit == 0)
    }

    pub(crate) fn take(&mut self, slot: u32) {
        if let Some((word, bit)) = place(slot) {
            if self.taken.len() <= word {
                self.taken.resize(word + 1, 0);
            }
            if let Some(taken) = self.taken.get_mut(word) {
                *taken |= bit;
            }
            self.running += 1;
        }
    }

    pub(crate) fn release(&mut self, slot: u32) {
        if let Some((word, bit)) = place(slot)
            && let Some(taken) = self.taken.get_mut(word)
        {
            *taken &= !bit;
            self.running -= 1;
        }
    }
}

/// The word and the bit of a slot; nothing for 0, which is no slot.
fn place(slot: u32) -> Option<(usize, u64)> {
    let at = slot.checked_sub(1)?;
    Some(((at / u64::BITS) as usize, 1 << (at % u64::BITS)))
}

#[cfg(test)]
mod tests {
    use super::Lane;

    #[test]
    fn the_lowest_free_slot_is_found_over_words() {
        let mut lane = Lane::default();
        for expected in 1..=130 {
            assert_eq!(lane.lowest_free(), expected);
            lane.take(expected);
        }
        lane.release(65);
        assert_eq!(lane.lowest_free(), 65);
        assert!(!lane.is_free(64) && lane.is_free(65) && lane.is_free(999) && !lane.is_free(0));
        assert_eq!(lane.running, 129);
    }

    #[test]
    fn the_largest_open_limit_counts() {
        let mut lane = Lane::default();
        lane.open(2);
        lane.open(5);
        lane.open(5);
        assert_eq!(lane.limit(), 5);
        lane.close(5);
        assert_eq!(lane.limit(), 5);
        lane.close(5);
        assert_eq!(lane.limit(), 2);
    }
}
