//! When steps start: read from the events of real deployments, by their order alone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::environment::{free_port, job, rewrite, server, with};
use crate::gate::Gate;
use crate::going::Going;

/// Six applications, in an order that is not that of their names.
const NAMES: [&str; 6] = ["kiwi", "fig", "apple", "plum", "date", "lime"];
/// Slots of a phase, where nothing is said.
const SLOTS: usize = 4;

/// The services of one phase, as its events tell of them.
#[derive(Default)]
struct Phase {
    ready: BTreeSet<usize>,
    busy: BTreeSet<usize>,
    /// In the order of their starts.
    started: Vec<usize>,
    /// In the order in which they freed their slots.
    ended: Vec<usize>,
    most: usize,
}

impl Phase {
    /// Replays the events of the six applications, and checks the rules at each of them.
    /// `first` is the step that takes a slot, `last` the one that frees it.
    fn replay(events: &[Value], phase: &str, first: &str, last: &str) -> Self {
        let mut replayed = Self::default();
        for event in events {
            let Some(service) = NAMES.iter().position(|name| event["service"] == *name) else {
                continue;
            };
            match event["event"].as_str().unwrap() {
                "service.assessed" if event["phase"] == phase => {
                    assert_eq!(event["result"], "changed", "{event}");
                    replayed.ready.insert(service);
                }
                "step.started" if event["step"] == first => replayed.start(service, event),
                "step.ended" if event["step"] == last => replayed.end(service, event),
                _ => {}
            }
        }
        replayed
    }

    fn start(&mut self, service: usize, event: &Value) {
        let next = self.ready.pop_first();
        assert_eq!(next, Some(service), "not the first in the file: {event}");
        let slot = event["slot"].as_u64().unwrap();
        assert!((1..=SLOTS as u64).contains(&slot), "{event}");
        self.busy.insert(service);
        self.started.push(service);
        self.most = self.most.max(self.busy.len());
        assert!(self.busy.len() <= SLOTS, "too many at once: {event}");
    }

    fn end(&mut self, service: usize, event: &Value) {
        let idle = self.busy.len() < SLOTS && !self.ready.is_empty();
        assert!(
            !idle,
            "a slot was free and a step ready before this: {event}"
        );
        assert!(self.busy.remove(&service), "it did not run: {event}");
        self.ended.push(service);
    }
}

fn position(events: &[Value], fits: impl Fn(&Value) -> bool) -> usize {
    events.iter().position(fits).unwrap()
}

/// Reads on until all six are ready in a phase.
fn all_assessed(going: &mut Going, phase: &str) {
    for _ in NAMES {
        going.until(|event| {
            let is_ours = NAMES.iter().any(|name| event["service"] == *name);
            is_ours && event["event"] == "service.assessed" && event["phase"] == phase
        });
    }
}

/// What both tests read.
static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(deployment);

/// The events of a deployment of a job and, in the stage after it, the six applications. None
/// of them ends a step before all are ready for it.
fn deployment() -> Vec<Value> {
    let installation = with(&[]);
    let mut builds = Gate::new(&installation, "builds");
    let mut deploys = Gate::new(&installation, "deploys");
    let mut services = vec![job("seed", "job, version=7")];
    services.extend(NAMES.map(|name| {
        let build = format!("{{ steps: [{}], outputs: [actor] }}", builds.step());
        let gate = format!(r#"GATE: "{}", GREETING"#, deploys.path());
        server(name, free_port(), "hi")
            .replace("builtin:static", "builtin:command")
            .replace("{ target: /app }", &build)
            .replace("GREETING", &gate)
    }));
    rewrite(&installation, &services);
    let mut going = Going::new(&installation, &["deploy"]);
    all_assessed(&mut going, "build");
    builds.admit(NAMES.len());
    all_assessed(&mut going, "deploy");
    deploys.admit(NAMES.len());
    let (events, run) = going.all();
    assert_eq!(run.code, Some(0), "{run}");
    events
}

#[test]
fn six_applications_go_through_four_slots_in_the_order_of_the_file() {
    let events = &*EVENTS;
    for (phase, first, last) in [("build", "build", "push"), ("deploy", "deploy", "deploy")] {
        let replayed = Phase::replay(events, phase, first, last);
        assert_eq!(replayed.most, SLOTS, "{phase}");
        assert_eq!(replayed.ended.len(), NAMES.len(), "{phase}");
        let mut fifth = None;
        let mut freed = Vec::new();
        for (at, event) in events.iter().enumerate() {
            let is = |service: usize| event["service"] == NAMES[service];
            if event["event"] == "step.started" && event["step"] == first && is(replayed.started[4])
            {
                fifth = Some(at);
            }
            let is_ours = NAMES.iter().any(|name| event["service"] == *name);
            if event["event"] == "step.ended" && event["step"] == last && is_ours {
                freed.push(at);
            }
        }
        let fifth = fifth.unwrap();
        assert!(
            freed[0] < fifth && fifth < freed[1],
            "the fifth {first} starts when the first has ended: {freed:?} {fifth}"
        );
    }
}

#[test]
fn phases_and_stages_come_one_after_the_other_and_events_are_counted() {
    let events = &*EVENTS;
    let facts: Vec<&Value> = events.iter().filter(|e| e.get("seq").is_some()).collect();
    for (index, event) in facts.iter().enumerate() {
        assert_eq!(event["seq"], index as u64 + 1);
        assert_eq!(event["deployment"], "test-1");
    }
    let stages: Vec<&Value> = facts
        .iter()
        .filter(|event| event["event"] == "stage.started")
        .map(|event| &event["stage"])
        .collect();
    assert_eq!(stages.len(), 4, "{stages:?}");
    for pair in stages.windows(2) {
        let ended = position(events, |e| {
            e["event"] == "stage.ended" && e["stage"] == *pair[0]
        });
        let first = position(events, |e| e["stage"] == *pair[1]);
        assert!(ended < first, "{} before {}", events[first], events[ended]);
    }
    let is_step = |event: &Value, what: &str, step: &str| {
        event["event"] == what && event["step"] == step && event["service"] != "seed"
    };
    let pushed = events
        .iter()
        .rposition(|e| is_step(e, "step.ended", "push"));
    let deploying = position(events, |e| is_step(e, "step.started", "deploy"));
    assert!(
        pushed.unwrap() < deploying,
        "deployed before all were built"
    );
}

#[test]
#[should_panic(expected = "too many at once")]
fn a_fifth_at_once_would_be_noticed() {
    let mut events = EVENTS.clone();
    let first_end = position(&events, |e| {
        e["event"] == "step.ended" && e["step"] == "push" && e["service"] != "seed"
    });
    events.remove(first_end);
    Phase::replay(&events, "build", "build", "push");
}

#[test]
#[should_panic(expected = "a slot was free and a step ready")]
fn a_slot_left_free_would_be_noticed() {
    let mut events = EVENTS.clone();
    let late = Phase::replay(&events, "deploy", "deploy", "deploy").started[4];
    let fifth = position(&events, |e| {
        e["event"] == "step.started" && e["step"] == "deploy" && e["service"] == NAMES[late]
    });
    events.remove(fifth);
    Phase::replay(&events, "deploy", "deploy", "deploy");
}
