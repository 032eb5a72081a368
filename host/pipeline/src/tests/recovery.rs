//! A crash between any two facts: what was written is folded, and the rest follows from it.

use proptest::prelude::*;

use super::script::scripts;
use crate::decide::{Input, advance};
use crate::state::{Life, State};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_not_written_is_decided_again(script in scripts()) {
        let mut before = State::new(script.course());
        for batch in script.run().1 {
            let mut state = before.clone();
            for (cut, fact) in batch.facts.iter().enumerate() {
                state.apply(fact).unwrap();
                let mut recovered = state.clone();
                if matches!(recovered.life(), Life::Ended(_)) {
                    continue;
                }
                let rest = advance(&mut recovered, &batch.moment, Input::Advance).unwrap();
                prop_assert_eq!(&rest, &batch.facts[cut + 1..], "after {:?}", fact);
            }
            before = state;
        }
    }

    #[test]
    fn taking_over_changes_nothing_by_itself(script in scripts()) {
        let mut state = State::new(script.course());
        for batch in script.run().1 {
            batch.facts.iter().for_each(|fact| state.apply(fact).unwrap());
            if state.life() == Life::Running {
                let mut resumed = state.clone();
                let facts = advance(&mut resumed, &batch.moment, Input::Resume).unwrap();
                prop_assert_eq!(facts.len(), 1);
                prop_assert_eq!(&resumed, &state);
            }
        }
    }

    #[test]
    fn recovery_knows_what_was_in_flight(script in scripts()) {
        use crate::fact::Fact;
        let mut state = State::new(script.course());
        let mut flying = std::collections::BTreeSet::new();
        let mut asked = std::collections::BTreeSet::new();
        for batch in script.run().1 {
            for fact in &batch.facts {
                state.apply(fact).unwrap();
                match fact {
                    Fact::StepStarted { service, step, attempt, slot, deadline } => {
                        flying.insert((*service, *step, *attempt, *slot, *deadline));
                    }
                    Fact::StepEnded { service, .. } => flying.retain(|f| f.0 != *service),
                    Fact::AssessmentAsked { service, phase, .. } => {
                        asked.insert((*service, *phase));
                    }
                    Fact::ServiceAssessed { service, .. } | Fact::ServiceSettled { service, .. } => {
                        asked.retain(|a| a.0 != *service);
                    }
                    _ => {}
                }
                let running: std::collections::BTreeSet<_> = state
                    .running()
                    .map(|r| (r.service, r.step, r.attempt, r.slot, r.deadline))
                    .collect();
                prop_assert_eq!(&running, &flying);
                prop_assert_eq!(&state.assessing().collect::<std::collections::BTreeSet<_>>(), &asked);
            }
        }
    }
}
