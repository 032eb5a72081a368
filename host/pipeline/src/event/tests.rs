use super::event;
use crate::action::{Action, Phase, Step};
use crate::course::{Course, CourseSpec, ServiceId, ServiceSpec, StageSpec};
use crate::fact::Fact;
use crate::failure::Failure;
use crate::moment::Timestamp;
use crate::outcome::{Outcome, Output, Product, Settlement, SkipReason};
use crate::wait::Wait;

fn course() -> Course {
    let mut worker = ServiceSpec::new("worker", 0);
    worker.skipped = Some("not needed in tests".into());
    let spec = CourseSpec {
        stages: vec![StageSpec::new("3.DEFAULT APPLICATION")],
        services: vec![ServiceSpec::new("api", 0), worker],
        ..CourseSpec::default()
    };
    Course::new(&spec, Action::Deploy).unwrap()
}

fn line(fact: &Fact) -> String {
    let time = Timestamp(1_767_225_600_000);
    event(&course(), "shop-41", 17, time, fact)
        .to_json()
        .unwrap()
}

#[test]
fn a_started_step_reads_as_the_design_says() {
    let fact = Fact::StepStarted {
        service: ServiceId(0),
        step: Step::Build,
        attempt: 1,
        slot: 2,
        deadline: Timestamp(1_767_225_601_000),
    };
    assert_eq!(
        line(&fact),
        r#"{"seq":17,"time":"2026-01-01T00:00:00.000Z","event":"step.started","deployment":"shop-41","stage":"3.DEFAULT APPLICATION","service":"api","step":"build","attempt":1,"slot":2,"deadline":"2026-01-01T00:00:01.000Z"}"#
    );
}

#[test]
fn a_failure_comes_with_code_message_and_hint() {
    let failure = Failure::new("process.exited", "api exited with 1").hint("look at the log");
    let fact = Fact::StepEnded {
        service: ServiceId(0),
        step: Step::Deploy,
        attempt: 2,
        outcome: Outcome::failed(failure),
    };
    let line = line(&fact);
    assert!(line.contains(r#""event":"step.ended""#), "{line}");
    assert!(line.contains(r#""result":"failed","error":{"code":"process.exited","message":"api exited with 1","hint":"look at the log"}"#), "{line}");
}

#[test]
fn sensitive_outputs_are_named_and_not_shown() {
    let output = |name: &str, sensitive| Output {
        name: name.into(),
        value: format!("value of {name}"),
        sensitive,
    };
    let product = Product {
        outputs: vec![output("open", false), output("closed", true)],
        ..Product::default()
    };
    let fact = Fact::StepEnded {
        service: ServiceId(0),
        step: Step::Deploy,
        attempt: 1,
        outcome: Outcome::Succeeded(Box::new(product)),
    };
    let line = line(&fact);
    assert!(
        line.contains("value of open") && line.contains(r#"{"name":"closed","sensitive":true}"#)
    );
    assert!(!line.contains("value of closed") && !format!("{fact:?}").contains("value of closed"));
}

#[test]
fn waiting_and_skipping_say_why() {
    let waiting = line(&Fact::StepWaiting {
        service: ServiceId(0),
        step: Step::Deploy,
        reason: Wait::Slot {
            phase: Phase::Deploy,
            limit: 4,
        },
    });
    assert!(waiting.contains("step.waiting") && waiting.contains("waits for a deploy slot, all 4"));
    let settled = |result| Fact::ServiceSettled {
        service: ServiceId(1),
        result,
    };
    let declared = line(&settled(Settlement::Skipped(SkipReason::Declared)));
    assert!(
        declared.contains(r#""result":"skipped","reason":"not needed in tests""#),
        "{declared}"
    );
    let need = line(&settled(Settlement::Skipped(SkipReason::NeedFailed(
        ServiceId(0),
    ))));
    assert!(need.contains("need-failed: api"), "{need}");
    let unconfirmed = line(&settled(Settlement::Cancelled { confirmed: false }));
    assert!(unconfirmed.contains("cancel-unconfirmed"), "{unconfirmed}");
}

#[test]
fn a_merged_deployment_says_into_which() {
    let into = "shop-42".to_owned();
    let line = line(&Fact::DeploymentMerged { into });
    assert!(line.contains(r#""event":"deployment.merged""#));
    assert!(line.ends_with(r#""merged_into":"shop-42"}"#));
}
