//! Each step failed in turn: at its first attempt, for good, and by never coming to an end.
//! After each, what runs is what the policy says, and nothing else.

use std::fs;

use serde_json::Value;

use crate::environment::{free_port, get, with};
use crate::guests;
use crate::installation::Installation;
use crate::kill::world::{self, Process};

/// What a step is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Once,
    Always,
    Endless,
}

/// A step of a service, and its fault.
#[derive(Clone, Copy, Debug)]
struct Case {
    service: &'static str,
    step: &'static str,
    fault: Fault,
}

impl Case {
    fn is(self, service: &str, step: &str) -> bool {
        self.service == service && self.step == step
    }

    /// The configuration of the plugin that builds and publishes.
    fn with(self, service: &str, step: &str) -> String {
        let fault = match self.fault {
            _ if !self.is(service, step) => "none",
            Fault::Once => "once",
            Fault::Always => "always",
            Fault::Endless => "endless",
        };
        format!("{{ plugin: ./stumble.wasm, with: {{ fault: {fault} }} }}")
    }

    fn patience(self, service: &str) -> String {
        match self.fault {
            Fault::Endless if self.service == service => {
                format!("    timeouts: {{ {}: 2s }}\n", self.step)
            }
            _ => "    retry: { max: 1, backoff: 20ms }\n".to_owned(),
        }
    }

    /// How often the step begins: a plugin that fails for good says so, a program cannot.
    fn attempts(self) -> usize {
        match (self.fault, self.step) {
            (Fault::Once, _) | (Fault::Always, "deploy") => 2,
            _ => 1,
        }
    }
}

/// An installation with a job, a server after it, and another server after that one.
struct Stage {
    installation: Installation,
    config: String,
    web: u16,
    after: u16,
}

impl Stage {
    fn new() -> Self {
        let installation = with(&[]);
        guests::add(&installation, "stumble");
        let inspected =
            installation.run(&["plugin", "inspect", "./stumble.wasm", "--output", "json"]);
        let digest = inspected.json()[0]["digest"].as_str().unwrap().to_owned();
        let config = format!("plugins: {{ \"{digest}\": {{ grants: {{ images: true }} }} }}\n");
        let config = installation.write("config.yaml", &config);
        let web = free_port();
        Self {
            config: config.display().to_string(),
            installation,
            web,
            after: std::iter::repeat_with(free_port)
                .find(|port| *port != web)
                .unwrap(),
        }
    }

    /// Writes the files of a generation with this fault.
    fn write(&self, generation: usize, case: Option<Case>) {
        self.installation
            .write("app/generation", &generation.to_string());
        let case = case.unwrap_or(Case {
            service: "nobody",
            step: "",
            fault: Fault::Once,
        });
        let words = match case.fault {
            _ if !case.is("task", "deploy") => "job".to_owned(),
            Fault::Once => format!(r#"flaky, "1", "{generation}""#),
            Fault::Always => r#"fail, "3""#.to_owned(),
            Fault::Endless => "hang".to_owned(),
        };
        let common = |service| {
            format!(
                "    source: {{ path: app }}\n    build: {}\n    push: {}\n{}",
                case.with(service, "build"),
                case.with(service, "push"),
                case.patience(service),
            )
        };
        let mut text = format!(
            "name: test\nstages: [{{ name: first, default_for: [job] }}, {{ name: second, default_for: \
             [application] }}, {{ name: third }}]\nservices:\n  task:\n    type: job\n    idempotent: \
             true\n{}    deploy: {{ with: {{ command: [/app/actor, {words}] }} }}\n",
            common("task")
        );
        for (name, port, stage) in [("web", self.web, "second"), ("after", self.after, "third")] {
            let is_faulty = case.is(name, "deploy");
            let (words, sick, within) = match case.fault {
                Fault::Always if is_faulty => (r#"fail, "3""#, "no", "500ms"),
                Fault::Endless if is_faulty => ("serve", "yes", "5m"),
                _ => ("serve", "no", "5m"),
            };
            text += &format!(
                "  {name}:\n    type: application\n    stage: {stage}\n{}    deploy: {{ with: {{ command: \
                 [/app/actor, {words}], stop_grace: 5s }} }}\n    ports: [{{ name: http, port: {port} }}]\n    \
                 health: {{ http: {{ port: http, path: /healthz }}, interval: 100ms, within: {within} }}\n    \
                 variables: {{ PORT: \"{port}\", GREETING: \"{generation}\", SICK: \"{sick}\" }}\n",
                common(name)
            );
        }
        self.installation.write("stagewright.yaml", &text);
    }

    fn deploy(&self) -> (Option<i32>, Vec<Value>) {
        let run = self
            .installation
            .run(&["--config", &self.config, "deploy", "--output", "json"]);
        assert!(matches!(run.code, Some(0 | 1)), "{run}");
        (run.code, run.json())
    }

    /// Both servers answer with these generations, and nobody else is there.
    fn check(&self, web: usize, after: usize, case: &str) {
        assert_eq!(get(self.web, "/"), Some(web.to_string()), "{case}");
        assert_eq!(get(self.after, "/"), Some(after.to_string()), "{case}");
        let serves = |process: &Process| {
            ["_web_deploy-", "_after_deploy-"]
                .iter()
                .any(|service| process.release.contains(service))
        };
        let others = world::lasting(&self.installation, serves);
        assert_eq!(others, [], "{case}");
        let all = world::processes(&self.installation);
        let shims = all.iter().filter(|process| process.is_shim).count();
        assert_eq!((shims, all.len()), (2, 4), "{case}: {all:?}");
        let releases = self.installation.state().join("releases/test");
        for (service, most) in [("task", 2), ("web", 1), ("after", 1)] {
            let there = fs::read_dir(releases.join(service)).into_iter().flatten();
            let there: Vec<_> = there.map(|entry| entry.unwrap().file_name()).collect();
            assert!(there.len() <= most, "{case}: {there:?}");
        }
    }
}

fn in_turn(service: &'static str, steps: &[(&'static str, &[Fault])]) {
    let stage = Stage::new();
    let mut generation = 1;
    stage.write(generation, None);
    let (code, events) = stage.deploy();
    assert_eq!(code, Some(0), "{events:#?}");
    stage.check(1, 1, "without a fault");
    let (mut web, mut after) = (1, 1);
    let cases = steps.iter().flat_map(|(step, faults)| {
        faults.iter().map(|fault| Case {
            service,
            step,
            fault: *fault,
        })
    });
    for case in cases {
        generation += 1;
        stage.write(generation, Some(case));
        let (code, events) = stage.deploy();
        let is_well = case.fault == Fault::Once;
        let name = format!("{case:?} {events:#?}");
        assert_eq!(code, Some(if is_well { 0 } else { 1 }), "{name}");
        if is_well {
            (web, after) = (generation, generation);
        }
        judge(case, &events, &name);
        stage.check(web, after, &name);
    }
}

/// Holds the events of a deployment against what its fault means.
fn judge(case: Case, events: &[Value], name: &str) {
    let of_step = |event: &&Value| event["service"] == case.service && event["step"] == case.step;
    let count = |kind: &str| {
        let of_kind = events.iter().filter(|event| event["event"] == kind);
        of_kind.filter(of_step).count()
    };
    assert_eq!(count("step.started"), case.attempts(), "{name}");
    assert_eq!(count("step.retrying"), case.attempts() - 1, "{name}");
    let mut ends = events.iter().filter(of_step);
    let last = ends.rfind(|event| event["event"] == "step.ended").unwrap();
    match case.fault {
        Fault::Once => assert_eq!(last["result"], "succeeded", "{name}"),
        Fault::Always => assert_eq!(last["result"], "failed", "{name}"),
        Fault::Endless => {
            assert_eq!(last["result"], "failed", "{name}");
            let (code, limit) = (&last["error"]["code"], &last["error"]["message"]);
            assert!(
                code == "step.timed-out" || code == "process.not-ready",
                "{code} {limit}"
            );
        }
    }
    let later = match case.service {
        "task" => vec!["web", "after"],
        _ => vec!["after"],
    };
    for service in later {
        let begun = events
            .iter()
            .any(|event| event["event"] == "step.started" && event["service"] == service);
        assert_eq!(begun, case.fault == Fault::Once, "{service} {name}");
    }
}

const ALL: &[Fault] = &[Fault::Once, Fault::Always, Fault::Endless];

#[test]
fn each_step_of_a_job_fails_in_turn() {
    in_turn("task", &[("build", ALL), ("push", ALL), ("deploy", ALL)]);
}

#[test]
fn each_step_of_a_server_fails_in_turn() {
    // A server that stumbles once is started again by its shim, within the same attempt.
    let serving = &[Fault::Always, Fault::Endless];
    in_turn("web", &[("build", ALL), ("push", ALL), ("deploy", serving)]);
}
