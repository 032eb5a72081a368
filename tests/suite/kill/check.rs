//! What the journal claims, held against the world's own account.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::account::Account;
use super::course::{Act, JOBS, SERVERS};
use super::cycle::{Cycles, Done};
use super::kept::nothing_was_forgotten;
use super::leftovers::{folders, images_are_whole, nothing_half_done_is_left};
use super::world::{self, Process};
use crate::environment::get;

/// Everything that is wrong after an act.
pub fn violations(cycles: &mut Cycles, done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    ended_as_undisturbed(cycles, done, &mut found);
    if done.was_killed {
        nothing_was_forgotten(cycles, done, &mut found);
        nothing_finished_ran_again(cycles, done, &mut found);
    }
    ran_as_often_as_it_should(cycles, done, &mut found);
    only_what_serves_runs(cycles, done.act, &mut found);
    if done.act == Act::Gc {
        nothing_is_left_to_collect(cycles, &mut found);
    }
    nothing_half_done_is_left(cycles, done, &mut found);
    images_are_whole(cycles, &mut found);
    cycles.deployments += done.act.endings().len() as u64;
    found
}

/// The deployments of an act, oldest first, each with the result that it should have.
fn deployments(cycles: &Cycles, act: Act) -> Vec<(String, &'static str)> {
    let id = |place: usize| format!("test-{}", cycles.deployments + 1 + place as u64);
    let endings = act.endings().iter().enumerate();
    endings
        .map(|(place, ending)| (id(place), *ending))
        .collect()
}

/// The deployments, results and services that there would be without a kill.
fn ended_as_undisturbed(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let history = cycles
        .installation
        .run(&["history", "test", "--limit", "3", "--output", "json"])
        .json();
    for (newer, (id, ending)) in deployments(cycles, done.act).iter().rev().enumerate() {
        let there = history.get(newer).unwrap_or(&Value::Null);
        if there["id"] != id.as_str() || there["result"] != *ending {
            found.push(format!(
                "{id} should have ended {ending}, and there is {there}"
            ));
        }
    }
    let newest = cycles.newest();
    let expected = cycles.deployments + done.act.endings().len() as u64;
    if newest != expected {
        found.push(format!("the newest should be {expected}, not {newest}"));
    }
    if done.act == Act::Destroy {
        return;
    }
    let generation = cycles.serving.generation.to_string();
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
        // What went back has the image of another generation than the jobs, which did not.
        let is_of_one = cycles.serving.generation == cycles.generation;
        if ["db", "tally", "late"].contains(&name) && is_of_one {
            let reference = service["reference"].as_str().unwrap_or_default();
            images.insert(reference.rsplit('@').next().unwrap_or_default().to_owned());
        }
    }
    if images.len() > 1 {
        found.push(format!(
            "the same files became different images: {images:?}"
        ));
    }
}

pub fn deployment_of(event: &Value) -> Option<&str> {
    event["deployment"].as_str()
}

/// Where the resumed run began to do something itself.
fn goes_on(done: &Done) -> Option<usize> {
    let goes_on = |event: &Value| event["event"] == "deployment.resumed";
    done.resumed.iter().position(goes_on)
}

/// Steps that had succeeded in the journal when the host died: those that it had told, and
/// those that the next one found.
fn finished(done: &Done) -> BTreeSet<(&str, &str, &str)> {
    let found = &done.resumed[..goes_on(done).unwrap_or(0)];
    found
        .iter()
        .chain(&done.told)
        .filter(|event| event["event"] == "step.ended" && event["result"] == "succeeded")
        .filter_map(step_of)
        .collect()
}

/// Deployment, service and step of an event.
fn step_of(event: &Value) -> Option<(&str, &str, &str)> {
    let (service, step) = (event["service"].as_str()?, event["step"].as_str()?);
    Some((deployment_of(event)?, service, step))
}

fn nothing_finished_ran_again(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let now = Account::read(&cycles.installation);
    for (deployment, service, step) in finished(done) {
        let of = |account: &Account| match step {
            "build" if service == "made" => account.builds(cycles.generation),
            "deploy" => account.runs(deployment, service),
            "start" | "stop" | "restart" => account.runs(&cycles.serving.deployment, service),
            _ => 0,
        };
        if of(&done.account) != of(&now) {
            found.push(format!(
                "{service} {step} of {deployment} had succeeded before the kill and ran again"
            ));
        }
        let since = goes_on(done).unwrap_or(done.resumed.len());
        let mut since = done.resumed[since..].iter();
        if since.any(|event| {
            event["event"] == "step.started" && step_of(event) == Some((deployment, service, step))
        }) {
            found.push(format!(
                "{service} {step} of {deployment} had succeeded before the kill and was started again"
            ));
        }
    }
}

fn ran_as_often_as_it_should(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let now = Account::read(&cycles.installation);
    if now.doubles() > 0 {
        found.push("two processes of one step ran at the same time".to_owned());
    }
    for (deployment, name, times) in expected_runs(cycles, done.act) {
        let runs = now.runs(&deployment, name) - done.before.runs(&deployment, name);
        // Nobody can tell whether one that runs was started again already.
        let unsure = done.act == Act::Restart && done.was_killed;
        let most = times + usize::from(unsure);
        if runs > most || runs < times {
            found.push(format!(
                "{name} ran {runs} times in {deployment}, not {times}"
            ));
        }
    }
    if !done.act.deploys() {
        let others = |account: &Account| account.others(&cycles.serving.deployment, &SERVERS);
        if others(&now) != others(&done.before) {
            found.push("something ran that should not".to_owned());
        }
        return;
    }
    let builds = now.builds(cycles.generation);
    if builds == 0 || builds > 1 + usize::from(done.was_killed) {
        found.push(format!("made was built {builds} times"));
    }
}

/// How often each program begins to run in an act, and the deployment that its release is of.
fn expected_runs(cycles: &Cycles, act: Act) -> Vec<(String, &'static str, usize)> {
    let mut expected = Vec::new();
    let mut expect = |deployment: &str, names: &[(&'static str, usize)]| {
        let each = names.iter();
        expected.extend(each.map(|&(name, times)| (deployment.to_owned(), name, times)));
    };
    let serving = &cycles.serving.deployment;
    let runs = usize::from(!matches!(act, Act::Stop | Act::Gc | Act::Destroy));
    expect(serving, &SERVERS.map(|name| (name, runs)));
    if act.deploys() {
        let deploying = format!("test-{}", cycles.deployments + 1);
        expect(&deploying, &JOBS);
        if act.goes_back() {
            expect(&deploying, &SERVERS.map(|name| (name, 1)));
        }
    }
    if act.goes_back() {
        // Their jobs do not say that they run on a rollback.
        expect(serving, &JOBS.map(|(name, _)| (name, 0)));
    }
    expected
}

/// Another collection finds nothing, the journal is whole, and what is forgotten has no logs.
fn nothing_is_left_to_collect(cycles: &Cycles, found: &mut Vec<String>) {
    let installation = &cycles.installation;
    let again = installation.run(&Act::Gc.arguments(""));
    if again.code != Some(0) || !again.stdout.is_empty() {
        found.push(format!("there was more to collect: {again}"));
    }
    let check = installation.run(&["journal", "check"]);
    if check.code != Some(0) {
        found.push(format!("the journal is damaged: {check}"));
    }
    let history = installation.run(&["history", "test", "--limit", "1000", "--output", "json"]);
    let logs = folders(&installation.state().join("logs"));
    for deployment in history.json() {
        let id = deployment["id"].as_str().unwrap_or_default();
        let has_logs = logs.iter().any(|name| name == id);
        if deployment["forgotten"] == true && has_logs {
            found.push(format!("{id} is forgotten and has logs"));
        }
    }
}

/// The servers of this deployment, each with its shim; nobody else.
fn only_what_serves_runs(cycles: &Cycles, act: Act, found: &mut Vec<String>) {
    let id = cycles.serving.deployment.as_str();
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
