//! Cancelled and crashed in the middle: nothing goes on, nothing is done twice.

use std::io::{BufRead, BufReader};

use rustix::process::Signal;

use super::{BASE, Site, web};
use crate::engines::OwnDocker;
use crate::going::Going;

/// The container in which the engine runs an instruction with this word in it.
fn building(site: &Site, word: &str) -> String {
    let mut events = std::process::Command::new("docker")
        .args(["events", "--since", "10m", "--filter", "event=start"])
        .args(["--format", "{{.ID}}"])
        .env("DOCKER_HOST", site.docker.host())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(events.stdout.take().unwrap()).lines();
    let running = ["ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}"];
    let found = lines.map_while(Result::ok).find(|id| {
        let all = site.docker.cli(&running);
        let mut all = all.lines();
        all.any(|line| line.starts_with(id.as_str()) && line.contains(word))
    });
    events.kill().unwrap();
    events.wait().unwrap();
    found.expect("the engine goes on")
}

/// Returns when the engine has ended a container, or has it no more.
fn await_end(site: &Site, container: &str) {
    let _ = std::process::Command::new("docker")
        .args(["wait", container])
        .env("DOCKER_HOST", site.docker.host())
        .output()
        .unwrap();
    assert_eq!(
        site.docker
            .cli(&["ps", "--quiet", "--filter", &format!("id={container}")]),
        ""
    );
}

fn slow(site: &Site, word: &str) {
    site.source(
        "web",
        &format!("{BASE}RUN echo begun && sleep 3 && echo {word}\nCMD [\"false\"]\n"),
    );
    site.services(&[web("web", "")]);
}

#[test]
fn a_build_that_is_cancelled_ends_in_the_engine() {
    let site = Site::new("docker-cancel");
    let endless = format!("{BASE}RUN echo endless-build && sleep 86400\n");
    site.source("web", &endless);
    site.services(&[web("web", "")]);
    let mut going = Going::new(&site.installation, &["deploy"]);
    going.until(|event| event["message"] == "endless-build");
    let container = building(&site, "endless-build");
    site.installation.succeed(&["cancel", "docker-cancel-1"]);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(3), "{run}");
    await_end(&site, &container);
}

#[test]
fn a_host_that_is_killed_in_a_build_or_a_deployment_goes_on_with_it() {
    let site = Site::new("docker-killed");
    // The engine may remember builds of earlier runs of this test.
    let word = format!("killed-build-{}", std::process::id());
    slow(&site, &word);
    let mut going = Going::new(&site.installation, &["deploy"]);
    going.until(|event| event["message"] == "begun");
    let container = building(&site, &word);
    going.signal(Signal::KILL);
    drop(going.end());
    await_end(&site, &container);
    // It goes on with the build, and comes to a container that ends at once.
    let resumed = site.installation.run(&["resume"]);
    assert!(resumed.stdout.contains("docker.not-ready"), "{resumed}");
    assert!(site.objects().is_empty(), "{:?}", site.objects());

    site.greeter("web", "well");
    let mut going = Going::new(&site.installation, &["deploy"]);
    going.until(|event| event["message"] == "waiting until it is ready");
    going.signal(Signal::KILL);
    drop(going.end());
    let made = site.container("web");
    site.installation.succeed(&["resume"]);
    assert_eq!(site.container("web"), made, "one step made two containers");
    assert_eq!(site.objects().len(), 2, "{:?}", site.objects());
}

#[test]
fn an_engine_that_is_restarted_in_the_middle_is_waited_for() {
    let mut engine = OwnDocker::start();
    let site = Site::new("docker-restarted");
    let host = engine.host();
    site.installation
        .configure(&format!("docker: {{ host: '{host}' }}\n"));
    site.greeter("web", "well");
    let late = "sleep 2; exec httpd -f -p 8080 -h /www";
    let file = site.installation.project().join("web/Dockerfile");
    let dockerfile = std::fs::read_to_string(&file).unwrap();
    let (all_but_the_command, _) = dockerfile.rsplit_once("CMD").unwrap();
    let dockerfile = format!("{all_but_the_command}CMD [\"sh\", \"-c\", \"{late}\"]\n");
    std::fs::write(&file, dockerfile).unwrap();
    site.services(&[web("web", "").replace("within: 30s", "within: 2m")]);
    let mut going = Going::new(&site.installation, &["deploy"]);
    going.until(|event| event["message"] == "waiting until it is ready");
    engine.end();
    engine.begin();
    let (events, run) = going.end();
    assert_eq!(run.code, Some(0), "{events:#?} {run}");
    site.installation.succeed(&["destroy", "--yes"]);
}
