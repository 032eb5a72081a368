//! Whether a failed attempt is followed by another, and after which pause.
//!
//! Pure arithmetic over the policy, the failure's own hint and random bits. Must never look
//! at a clock or keep anything.

use crate::course::RetryPolicy;
use crate::failure::{Failure, Retry};

/// No backoff of ours is longer than 5 min; a failure's own hint may be.
pub const LONGEST: u64 = 5 * 60_000;

/// The pause before the attempt after `attempt` (counted from 1), in milliseconds; nothing
/// when there is to be none.
///
/// It doubles with every attempt up to [`LONGEST`]; then a part of its second half, drawn from
/// `random`, is taken off, so that what failed together does not come back together.
#[must_use]
pub fn backoff(policy: RetryPolicy, failure: &Failure, attempt: u16, random: u64) -> Option<u64> {
    let least = match failure.retry {
        Retry::Never => return None,
        Retry::Later => 0,
        Retry::AfterMs(least) => u64::from(least),
    };
    if attempt == 0 || attempt > policy.max {
        return None;
    }
    let doublings = u32::from(attempt - 1).min(32);
    let full = policy.backoff.saturating_mul(1 << doublings).min(LONGEST);
    let jitter = random % (full / 2 + 1);
    Some((full - jitter).max(least))
}

/// Random bits for one attempt of one service, from those of the moment: two services that
/// fail at the same moment get different ones (the finaliser of splitmix64).
#[must_use]
pub fn draw(random: u64, service: u32, attempt: u16) -> u64 {
    let mut bits = random ^ (u64::from(service) << 16) ^ u64::from(attempt);
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, backoff, draw};
    use crate::course::RetryPolicy;
    use crate::failure::{Failure, Retry};

    const POLICY: RetryPolicy = RetryPolicy {
        max: 20,
        backoff: 1_000,
    };

    fn failure(retry: Retry) -> Failure {
        Failure::new("test", "it failed").retry(retry)
    }

    #[test]
    fn it_doubles_up_to_five_minutes_and_jitter_takes_at_most_half() {
        let later = failure(Retry::Later);
        for (attempt, full) in [
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (10, LONGEST),
            (20, LONGEST),
        ] {
            assert_eq!(backoff(POLICY, &later, attempt, 0), Some(full));
            for random in 0..500 {
                let pause = backoff(POLICY, &later, attempt, draw(7, random, attempt)).unwrap();
                assert!((full / 2..=full).contains(&pause), "{pause} of {full}");
            }
        }
    }

    #[test]
    fn the_policy_ends_it() {
        let policy = RetryPolicy { max: 2, ..POLICY };
        let later = failure(Retry::Later);
        assert!(backoff(policy, &later, 2, 0).is_some());
        assert_eq!(backoff(policy, &later, 3, 0), None);
        assert_eq!(backoff(policy, &failure(Retry::Never), 1, 0), None);
    }

    #[test]
    fn the_failure_may_ask_for_more_time() {
        let hint = failure(Retry::AfterMs(400_000));
        assert_eq!(backoff(POLICY, &hint, 1, 9), Some(400_000));
        let hint = failure(Retry::AfterMs(10));
        assert_eq!(backoff(POLICY, &hint, 1, 0), Some(1_000));
    }

    #[test]
    fn services_that_fail_together_come_back_apart() {
        let pauses: std::collections::BTreeSet<u64> =
            (0..100).map(|service| draw(42, service, 1)).collect();
        assert_eq!(pauses.len(), 100);
    }
}
