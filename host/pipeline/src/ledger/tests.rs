use super::{Ledger, Record};
use crate::action::{Action, Phase, Step};
use crate::course::{Course, CourseSpec, ServiceId, ServiceSpec, StageSpec};
use crate::fact::Fact;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::moment::Timestamp;
use crate::outcome::{Outcome, Output, Product};
use crate::verdict::{Change, PluginRecord, Verdict};

const API: ServiceId = ServiceId(0);

fn course(action: Action) -> Course {
    let spec = CourseSpec {
        stages: vec![StageSpec::new("all")],
        services: vec![ServiceSpec::new("api", 0)],
        ..CourseSpec::default()
    };
    Course::new(&spec, action).unwrap()
}

fn plugin(name: &str, digest: &str) -> PluginRecord {
    PluginRecord {
        name: name.into(),
        digest: digest.into(),
        config: "{}".into(),
    }
}

fn change(fingerprint: &str, plugin: Option<PluginRecord>) -> Verdict {
    Verdict::Changed(Box::new(Change {
        fingerprint: Some(Fingerprint::new([("all", fingerprint)])),
        plugin,
        ..Change::default()
    }))
}

fn assessed(phase: Phase, verdict: Verdict) -> Fact {
    Fact::ServiceAssessed {
        service: API,
        phase,
        verdict,
    }
}

fn started(step: Step) -> Fact {
    Fact::StepStarted {
        service: API,
        step,
        attempt: 1,
        slot: 1,
        deadline: Timestamp(0),
    }
}

fn ended(step: Step, outcome: Outcome) -> Fact {
    Fact::StepEnded {
        service: API,
        step,
        attempt: 1,
        outcome,
    }
}

fn fold(ledger: &mut Ledger, deployment: u64, action: Action, facts: &[Fact]) {
    let course = course(action);
    for fact in facts {
        ledger.apply(deployment, &course, fact);
    }
}

fn deploy(ledger: &mut Ledger, number: u64, by: &PluginRecord, outcome: Outcome) {
    let facts = [
        assessed(Phase::Build, change("source 1", None)),
        started(Step::Build),
        ended(Step::Build, Outcome::made("layout@1")),
        started(Step::Push),
        ended(Step::Push, Outcome::made("registry@1")),
        assessed(Phase::Deploy, change("state 1", Some(by.clone()))),
        started(Step::Deploy),
        ended(Step::Deploy, outcome),
    ];
    fold(ledger, number, Action::Deploy, &facts);
}

fn api(ledger: &Ledger) -> &Record {
    ledger.service("api").unwrap()
}

#[test]
fn a_deploy_is_remembered_with_what_it_was_made_from() {
    let mut ledger = Ledger::default();
    let product = Product {
        outputs: vec![Output {
            name: "version".into(),
            value: "3".into(),
            sensitive: false,
        }],
        condition: Some("completed".into()),
        reference: None,
        ..Product::default()
    };
    let by = plugin("process", "sha256:1");
    deploy(&mut ledger, 7, &by, Outcome::Succeeded(Box::new(product)));
    let record = api(&ledger);
    assert_eq!(
        record.built.as_ref().unwrap().reference.as_deref(),
        Some("layout@1")
    );
    assert_eq!(record.reference(), Some("registry@1"));
    assert_eq!(
        record.pushed.as_ref().unwrap().fingerprint,
        Some(Fingerprint::new([("all", "source 1")]))
    );
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!(
        deployed.fingerprint,
        Some(Fingerprint::new([("all", "state 1")]))
    );
    assert_eq!(deployed.reference.as_deref(), Some("registry@1"));
    assert_eq!(deployed.deployment, 7);
    assert_eq!(record.instances.len(), 1);
    assert!(record.instances[0].confirmed);
    assert_eq!(record.condition.as_deref(), Some("completed"));
    assert_eq!(record.outputs[0].value, "3");

    let json = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&json).unwrap(), ledger);
}

#[test]
fn a_failed_deploy_leaves_nothing_that_counts_as_unchanged() {
    let mut ledger = Ledger::default();
    let by = plugin("process", "sha256:1");
    deploy(&mut ledger, 1, &by, Outcome::succeeded());
    let failure = Failure::new("process.exited", "it exited");
    deploy(
        &mut ledger,
        2,
        &plugin("process", "sha256:2"),
        Outcome::failed(failure),
    );
    let record = api(&ledger);
    let deployed = record.deployed.as_ref().unwrap();
    assert_eq!((deployed.deployment, &deployed.fingerprint), (1, &None));
    // Both may have something in the world: the one that ran, and the attempt.
    let known: Vec<_> = record
        .instances
        .iter()
        .map(|i| (i.deployment, i.confirmed))
        .collect();
    assert_eq!(known, [(1, true), (2, false)]);
}

#[test]
fn a_swapped_strategy_keeps_who_can_remove_the_old_instance() {
    let mut ledger = Ledger::default();
    deploy(
        &mut ledger,
        1,
        &plugin("process", "sha256:1"),
        Outcome::succeeded(),
    );
    deploy(
        &mut ledger,
        2,
        &plugin("process", "sha256:2"),
        Outcome::succeeded(),
    );
    deploy(
        &mut ledger,
        3,
        &plugin("docker", "sha256:3"),
        Outcome::succeeded(),
    );
    let digests: Vec<_> = api(&ledger)
        .instances
        .iter()
        .map(|i| &*i.plugin.digest)
        .collect();
    assert_eq!(digests, ["sha256:2", "sha256:3"]);
    let mut swapped = ledger.clone();
    let product = Product {
        removed: vec!["sha256:2".into()],
        ..Product::default()
    };
    let outcome = Outcome::Succeeded(Box::new(product));
    deploy(&mut swapped, 4, &plugin("docker", "sha256:3"), outcome);
    let left: Vec<_> = api(&swapped)
        .instances
        .iter()
        .map(|i| &*i.plugin.digest)
        .collect();
    assert_eq!(left, ["sha256:3"]);
    assert_eq!(ledger.orphans(|_| true).count(), 0);
    assert_eq!(ledger.orphans(|_| false).collect::<Vec<_>>(), ["api"]);

    fold(
        &mut ledger,
        4,
        Action::Destroy,
        &[ended(Step::Destroy, Outcome::succeeded())],
    );
    assert!(api(&ledger).instances.is_empty());
    assert_eq!(api(&ledger).condition.as_deref(), Some("absent"));
    assert_eq!(ledger.orphans(|_| false).count(), 0);
}

#[test]
fn an_unchanged_build_keeps_its_reference_and_a_failed_push_its_build() {
    let mut ledger = Ledger::default();
    let by = plugin("process", "sha256:1");
    deploy(&mut ledger, 1, &by, Outcome::succeeded());
    let unchanged = Verdict::unchanged(None, "unchanged since deployment 1");
    fold(
        &mut ledger,
        2,
        Action::Deploy,
        &[assessed(Phase::Build, unchanged)],
    );
    assert_eq!(api(&ledger).reference(), Some("registry@1"));
    assert_eq!(api(&ledger).pushed.as_ref().unwrap().deployment, 1);

    let facts = [
        assessed(Phase::Build, change("source 2", None)),
        ended(Step::Build, Outcome::made("layout@2")),
        ended(Step::Push, Outcome::failed(Failure::new("push", "no"))),
    ];
    fold(&mut ledger, 3, Action::Deploy, &facts);
    let record = api(&ledger);
    assert_eq!(
        record.built.as_ref().unwrap().reference.as_deref(),
        Some("layout@2")
    );
    assert_eq!(record.reference(), Some("registry@1"));
    assert_ne!(
        record.built.as_ref().unwrap().fingerprint,
        record.pushed.as_ref().unwrap().fingerprint
    );
}

#[test]
fn a_build_from_a_source_that_was_changed_meanwhile_is_known_by_what_it_was_made_from() {
    let mut ledger = Ledger::default();
    let made_from = Fingerprint::new([("all", "source 2, changed")]);
    let product = Product {
        reference: Some("layout@2".into()),
        fingerprint: Some(made_from.clone()),
        ..Product::default()
    };
    let decided = change("source 2", None);
    fold(
        &mut ledger,
        1,
        Action::Deploy,
        &[assessed(Phase::Build, decided)],
    );
    let known = api(&ledger).decided();
    assert_eq!(known, Some(&Fingerprint::new([("all", "source 2")])));
    let facts = [
        ended(Step::Build, Outcome::Succeeded(Box::new(product))),
        ended(Step::Push, Outcome::made("registry@2")),
    ];
    fold(&mut ledger, 1, Action::Deploy, &facts);
    let record = api(&ledger);
    assert_eq!(record.decided(), None);
    for known in [
        &record.built.as_ref().unwrap().fingerprint,
        &record.pushed.as_ref().unwrap().fingerprint,
    ] {
        assert_eq!(known.as_ref(), Some(&made_from));
    }
}

#[test]
fn stop_and_start_change_the_condition_only() {
    let mut ledger = Ledger::default();
    deploy(
        &mut ledger,
        1,
        &plugin("process", "sha256:1"),
        Outcome::succeeded(),
    );
    let before = api(&ledger).deployed.clone();
    fold(
        &mut ledger,
        2,
        Action::Stop,
        &[ended(Step::Stop, Outcome::succeeded())],
    );
    assert_eq!(api(&ledger).condition.as_deref(), Some("stopped"));
    fold(
        &mut ledger,
        3,
        Action::Start,
        &[ended(Step::Start, Outcome::succeeded())],
    );
    assert_eq!(api(&ledger).condition.as_deref(), Some("ready"));
    assert_eq!(api(&ledger).deployed, before);
}

#[test]
fn what_was_brought_back_is_known_by_the_outputs_that_it_was_given_until_it_is_deployed() {
    let by = plugin("process", "sha256:1");
    let mut ledger = Ledger::default();
    deploy(&mut ledger, 1, &by, Outcome::succeeded());
    let given = [(
        "tally".to_owned(),
        vec![Output {
            name: "count".into(),
            value: "one".into(),
            sensitive: false,
        }],
    )];
    let back = Verdict::Changed(Box::new(Change {
        plugin: Some(by.clone()),
        given: given.clone().into(),
        ..Change::default()
    }));
    let facts = [
        assessed(Phase::Deploy, back),
        started(Step::Deploy),
        ended(Step::Deploy, Outcome::succeeded()),
    ];
    fold(&mut ledger, 2, Action::Rollback, &facts);
    assert_eq!(api(&ledger).given, given.into());
    deploy(&mut ledger, 3, &by, Outcome::succeeded());
    assert!(api(&ledger).given.is_empty());
}
