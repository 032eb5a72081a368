//! Guests that do not listen when they are told to end.

use rustix::process::Signal;

use super::beside::Events;
use super::stage::{Rogue, Stages, installation};
use crate::going::Going;

#[test]
fn who_ignores_a_cancel_is_ended_after_the_grace_period() {
    let installation = installation("cancel_grace: 1s\n");
    let mut stages = Stages::default();
    let rogues: Vec<Rogue> = [
        ("loop", "build"),
        ("chatter", "build"),
        ("run", "build"),
        ("sleep", "deploy"),
        ("babble", "deploy"),
    ]
    .map(|(crime, at)| Rogue::new(&format!("{crime}-{at}"), crime, at))
    .into();
    stages.add("stubborn", &rogues);
    stages.write(&installation);
    let mut going = Going::new(&installation, &["deploy"]);
    let mut waited_for: Vec<String> = super::stage::honest("stubborn").into();
    let stubborn: Vec<String> = rogues.iter().map(|rogue| rogue.name.clone()).collect();
    waited_for.extend(stubborn.iter().cloned());
    while !waited_for.is_empty() {
        let event = going.until(|e| e["event"] == "service.ended" || e["event"] == "step.started");
        let at = event["service"].as_str().unwrap();
        let is_there =
            event["event"] == "service.ended" || at.rsplit('-').next() == event["step"].as_str();
        waited_for.retain(|name| !(is_there && name == at));
    }
    going.signal(Signal::INT);
    let (events, run) = going.all();
    assert_eq!(run.code, Some(3), "{run}");
    let mut defects = Events(&events).honest("stubborn");
    for name in &stubborn {
        let step = events
            .iter()
            .rfind(|e| e["event"] == "step.ended" && e["service"] == name.as_str());
        if step.is_none_or(|step| step["result"] != "cancelled") {
            defects.push(format!("{name}: {step:?}"));
        }
    }
    let place = |what: &str| events.iter().position(|e| e["event"] == what).unwrap();
    assert!(place("deployment.cancelling") < place("deployment.cancel-forced"));
    assert!(defects.is_empty(), "{}\n{run}", defects.join("\n"));
}
