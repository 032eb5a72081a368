//! What the journal claims, held against the world's own account.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::account::Account;
use super::course::{Act, JOBS, SERVERS};
use super::cycle::{Cycles, Done};
use super::leftovers::{folders, images_are_whole, nothing_half_done_is_left};
use super::world::{self, Process};
use crate::environment::get;

/// Everything that is wrong after an act.
pub fn violations(cycles: &mut Cycles, done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    ended_as_undisturbed(cycles, done, &mut found);
    if done.was_killed {
        nothing_was_forgotten(done, &mut found);
        nothing_finished_ran_again(cycles, done, &mut found);
    }
    ran_as_often_as_it_should(cycles, done, &mut found);
    only_what_serves_runs(cycles, done.act, &mut found);
    nothing_half_done_is_left(cycles, done, &mut found);
    images_are_whole(cycles, &mut found);
    cycles.deployments += 1;
    found
}

/// The id of the deployment of this act.
fn deployment(cycles: &Cycles) -> String {
    format!("test-{}", cycles.deployments + 1)
}

/// One deployment more, with the result and the services that there would be without a kill.
fn ended_as_undisturbed(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let id = deployment(cycles);
    let history = cycles
        .installation
        .run(&["history", "test", "--limit", "1", "--output", "json"])
        .json();
    let newest = history.first().unwrap_or(&Value::Null);
    if newest["id"] != id.as_str() || newest["result"] != done.act.ending() {
        found.push(format!(
            "{id} should have ended {}, and the newest is {newest}",
            done.act.ending()
        ));
    }
    if done.act == Act::Destroy {
        return;
    }
    let generation = cycles.generation.to_string();
    let expected = done.act.serves().then(|| generation.clone());
    for (name, port) in [("db", cycles.ports.db), ("made", cycles.ports.made)] {
        let answer = get(port, "/");
        if answer != expected {
            found.push(format!("{name} should answer {expected:?}, not {answer:?}"));
        }
        let service = cycles.installation.state().join("releases/test").join(name);
        for release in folders(&service) {
            let built = fs::read_to_string(service.join(&release).join("root/app/generation"));
            if built.as_ref().ok() != Some(&generation) {
                found.push(format!(
                    "{release} was built from {built:?}, not {generation}"
                ));
            }
        }
    }
    services_are_as_they_should(cycles, done.act, found);
}

/// The conditions that `status` tells, and images that depend on their files alone.
fn services_are_as_they_should(cycles: &Cycles, act: Act, found: &mut Vec<String>) {
    let status = cycles
        .installation
        .run(&["status", "test", "--output", "json"])
        .json();
    let services = status
        .first()
        .and_then(|status| status["services"].as_array());
    let mut images = BTreeSet::new();
    for service in services.into_iter().flatten() {
        let name = service["service"].as_str().unwrap_or_default();
        let condition = match name {
            "db" | "made" if act.serves() => "ready",
            "db" | "made" => "stopped",
            "tally" | "late" => "completed",
            "broken" => "failed",
            _ => continue,
        };
        if service["condition"] != condition {
            found.push(format!("{name} should be {condition}: {service}"));
        }
        if ["db", "tally", "late"].contains(&name) {
            let reference = service["reference"].as_str().unwrap_or_default();
            images.insert(reference.rsplit('@').next().unwrap_or_default().to_owned());
        }
    }
    if images.len() != 1 {
        found.push(format!(
            "the same files became different images: {images:?}"
        ));
    }
}

/// What the killed host has said was in the journal.
fn nothing_was_forgotten(done: &Done, found: &mut Vec<String>) {
    if done.resumed.is_empty() {
        return;
    }
    for event in done.told.iter().filter(|event| event["seq"].is_u64()) {
        if !done.resumed.contains(event) {
            found.push(format!(
                "told before the kill and not in the journal: {event}"
            ));
        }
    }
}

/// Steps that had succeeded in the journal when the host died.
fn finished(done: &Done) -> Vec<(&str, &str)> {
    let goes_on = |event: &Value| event["event"] == "deployment.resumed";
    let journal = match done.resumed.iter().position(goes_on) {
        Some(place) => &done.resumed[..place],
        // It had ended, or not begun.
        None => &done.told,
    };
    journal
        .iter()
        .filter(|event| event["event"] == "step.ended" && event["result"] == "succeeded")
        .filter_map(|event| Some((event["service"].as_str()?, event["step"].as_str()?)))
        .collect()
}

fn nothing_finished_ran_again(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let now = Account::read(&cycles.installation);
    for (service, step) in finished(done) {
        let (before, after) = match step {
            "build" if service == "made" => (
                done.account.builds(cycles.generation),
                now.builds(cycles.generation),
            ),
            "deploy" | "start" | "stop" | "restart" => (
                done.account.runs(&cycles.serving, service),
                now.runs(&cycles.serving, service),
            ),
            _ => (0, 0),
        };
        if before != after {
            found.push(format!(
                "{service} {step} had succeeded before the kill and ran again"
            ));
        }
        let since = done
            .resumed
            .iter()
            .skip_while(|event| event["event"] != "deployment.resumed");
        let again = since.filter(|event| {
            event["event"] == "step.started" && event["service"] == service && event["step"] == step
        });
        if again.count() > 0 {
            found.push(format!(
                "{service} {step} had succeeded before the kill and was started again"
            ));
        }
    }
}

fn ran_as_often_as_it_should(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let now = Account::read(&cycles.installation);
    if now.doubles() > 0 {
        found.push("two processes of one step ran at the same time".to_owned());
    }
    let jobs = JOBS.into_iter().filter(|_| done.act.deploys());
    for (name, times) in SERVERS.map(|name| (name, 1)).into_iter().chain(jobs) {
        let before = done.before.runs(&cycles.serving, name);
        let runs = now.runs(&cycles.serving, name) - before;
        let most = match done.act {
            Act::Stop | Act::Destroy => 0,
            // Nobody can tell whether one that runs was started again already.
            Act::Restart => times + usize::from(done.was_killed),
            _ => times,
        };
        if runs > most || runs < most.min(times) {
            found.push(format!("{name} ran {runs} times, not {most}"));
        }
    }
    if !done.act.deploys() {
        if now.others(&cycles.serving, &SERVERS) != done.before.others(&cycles.serving, &SERVERS) {
            found.push("something ran that should not".to_owned());
        }
        return;
    }
    let builds = now.builds(cycles.generation);
    if builds == 0 || builds > 1 + usize::from(done.was_killed) {
        found.push(format!("made was built {builds} times"));
    }
}

/// The servers of this deployment, each with its shim; nobody else.
fn only_what_serves_runs(cycles: &Cycles, act: Act, found: &mut Vec<String>) {
    let id = cycles.serving.as_str();
    let serves = |process: &Process| {
        act.serves()
            && SERVERS
                .iter()
                .any(|name| process.release.starts_with(&format!("{id}_{name}_deploy-")))
    };
    for process in world::lasting(&cycles.installation, serves) {
        found.push(format!("left behind: {process:?}"));
    }
    if !act.serves() {
        return;
    }
    let all = world::processes(&cycles.installation);
    for name in SERVERS {
        let beginning = format!("{id}_{name}_deploy-");
        let ours = all.iter().filter(|one| one.release.starts_with(&beginning));
        let (shims, programs): (Vec<_>, Vec<_>) = ours.partition(|process| process.is_shim);
        if (shims.len(), programs.len()) != (1, 1) {
            found.push(format!(
                "{name} should be one shim and one program: {shims:?} {programs:?}"
            ));
        }
    }
}
