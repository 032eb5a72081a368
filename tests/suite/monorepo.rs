//! Many services in one repository: only what changed is built, what did not change is not even
//! checked out, and `plan` says what it was that changed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::environment::{add_actor, job, rewrite};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::{Installation, Run};

const PLAN: [&str; 3] = ["plan", "--output", "json"];

/// A repository with three services, two of which share a folder.
struct Monorepo {
    installation: Installation,
}

impl Monorepo {
    fn new(revision: impl FnOnce(&Self) -> String) -> Self {
        let monorepo = Self {
            installation: Installation::new(),
        };
        for service in ["cart", "web", "search"] {
            add_actor(&monorepo.installation, &format!("mono/{service}"));
        }
        monorepo.git(&["init", "-q", "-b", "main"]);
        monorepo.commit(&[("libs/common/lib", "one"), ("libs/other/lib", "one")]);
        let revision = revision(&monorepo);
        let url = monorepo.installation.project().join("mono");
        let service = |name: &str, include: &str| {
            let source = format!(
                "{{ git: \"file://{}\", {revision}, path: {name}{include} }}",
                url.display()
            );
            job(name, "job, version=7").replace("{ path: app }", &source)
        };
        let shared = ", include: [libs/common]";
        let services = [
            service("cart", shared),
            service("web", shared),
            service("search", ""),
        ];
        rewrite(&monorepo.installation, &services);
        monorepo
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(["-c", "gc.auto=0"])
            .args(arguments)
            .current_dir(self.installation.project().join("mono"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes files and commits them.
    fn commit(&self, files: &[(&str, &str)]) {
        for (file, text) in files {
            self.installation.write(&format!("mono/{file}"), text);
        }
        self.git(&["add", "."]);
        self.git(&["commit", "-qm", "more"]);
    }

    /// Deploys; the answer is what was built.
    fn deploy(&self) -> BTreeSet<String> {
        built(&self.installation.succeed(&["deploy", "--output", "json"]))
    }

    fn plan(&self) -> Vec<(String, String)> {
        plan(&mut self.installation.command(&PLAN))
    }

    fn mirror(&self) -> PathBuf {
        let sources = self.installation.state().join("sources");
        let mut mirrors = fs::read_dir(sources).unwrap();
        mirrors.next().unwrap().unwrap().path()
    }

    /// The commits that were checked out.
    fn checkouts(&self) -> usize {
        fs::read_dir(self.mirror().join("trees")).unwrap().count()
    }

    /// Takes all files away from the repository, which goes on telling its branches.
    fn break_contents(&self) {
        let all = self.git(&["cat-file", "--batch-all-objects", "--batch-check"]);
        for line in all.lines().filter(|line| !line.contains(" commit ")) {
            let (folder, file) = line[..40].split_at(2);
            let objects = self.installation.project().join("mono/.git/objects");
            fs::remove_file(objects.join(folder).join(file)).unwrap();
        }
    }
}

/// The services that a deployment built.
fn built(run: &Run) -> BTreeSet<String> {
    let events = run.json();
    let builds = events
        .iter()
        .filter(|event| event["event"] == "step.started" && event["step"] == "build");
    builds.map(|event| text(event, "service")).collect()
}

/// What would happen to the image of each service, and why.
fn plan(command: &mut Command) -> Vec<(String, String)> {
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    let row = |row: &Value| {
        let reasons = row["build_reasons"].as_array().unwrap();
        let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
        (text(row, "service"), reasons.join(", "))
    };
    run.json().iter().map(row).collect()
}

fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap().to_owned()
}

fn pairs(rows: [(&str, &str); 3]) -> Vec<(String, String)> {
    let owned = |(name, reason): (&str, &str)| (name.to_owned(), reason.to_owned());
    rows.map(owned).to_vec()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_what_a_commit_touches_is_built_and_nothing_else_is_checked_out() {
    let monorepo = Monorepo::new(|_| "branch: main".to_owned());
    let new = "never built before";
    let first = [("cart", new), ("web", new), ("search", new)];
    assert_eq!(monorepo.plan(), pairs(first));
    assert_eq!(monorepo.checkouts(), 0, "a plan is made without a checkout");
    assert_eq!(monorepo.deploy(), names(&["cart", "search", "web"]));
    assert_eq!(monorepo.checkouts(), 1);

    monorepo.commit(&[("README", "two"), ("libs/other/lib", "two")]);
    assert_eq!(monorepo.deploy(), names(&[]));
    assert_eq!(monorepo.checkouts(), 1);

    monorepo.commit(&[("cart/src/a", "1"), ("cart/src/b", "1"), ("cart/c", "1")]);
    let same = "unchanged since deployment 1";
    let second = [
        ("cart", "source changed: 3 files under cart/"),
        ("web", same),
        ("search", same),
    ];
    assert_eq!(monorepo.plan(), pairs(second));
    assert_eq!(monorepo.checkouts(), 1);
    assert_eq!(monorepo.deploy(), names(&["cart"]));
    assert_eq!(monorepo.checkouts(), 2);

    monorepo.commit(&[("libs/common/lib", "two")]);
    let third = [
        ("cart", "source changed: libs/common/lib"),
        ("web", "source changed: libs/common/lib"),
        ("search", same),
    ];
    assert_eq!(monorepo.plan(), pairs(third));
    assert_eq!(monorepo.deploy(), names(&["cart", "web"]));

    // How git writes the files below is decided here.
    monorepo.commit(&[("libs/.gitattributes", "* eol=crlf\n")]);
    assert_eq!(monorepo.deploy(), names(&["cart", "web"]));
    assert_eq!(monorepo.deploy(), names(&[]));
}

#[test]
fn what_is_unchanged_needs_nothing_from_the_repository_but_its_branches() {
    let monorepo = Monorepo::new(|_| "branch: main".to_owned());
    assert_eq!(monorepo.deploy().len(), 3);
    monorepo.break_contents();
    assert_eq!(monorepo.deploy(), names(&[]));
    // Without what was fetched before it has to be asked, and has nothing to give.
    fs::remove_dir_all(monorepo.mirror()).unwrap();
    let run = monorepo.installation.run(&["plan"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stdout.contains("cannot read the repository"), "{run}");
}

#[test]
fn a_commit_that_is_named_needs_no_repository_once_it_is_here() {
    let monorepo =
        Monorepo::new(|monorepo| format!("commit: {}", monorepo.git(&["rev-parse", "HEAD"])));
    assert_eq!(monorepo.deploy().len(), 3);
    let project = monorepo.installation.project();
    fs::rename(project.join("mono"), project.join("gone")).unwrap();
    assert_eq!(monorepo.deploy(), names(&[]));
}

#[test]
fn a_source_that_is_changed_while_its_build_waits_is_known_as_it_was_built() {
    let installation = Installation::new();
    let mut gate = Gate::new(&installation, "gate");
    let mut asked = Gate::new(&installation, "asked");
    for folder in ["app", "late"] {
        add_actor(&installation, folder);
    }
    installation.write("late/text", "when it was compared");
    // A tool that tells its version when the other build has taken the only slot.
    let held = format!("#!/bin/sh\nread -r _ < {}\necho 1\n", asked.path());
    let held = installation.write("bin/held", &held);
    fs::set_permissions(&held, PermissionsExt::from_mode(0o755)).unwrap();
    let made_by = |name: &str, with: &str| {
        job(name, "job, version=7")
            .replace("builtin:static", "builtin:command")
            .replace(
                "{ target: /app }",
                &format!("{{ {with}, outputs: [actor] }}"),
            )
    };
    let slow = made_by("slow", &format!("tools: [], steps: [{}]", gate.step()));
    let late = made_by("late", "tools: [held], steps: [[cp, actor, copy]]");
    let late = late.replace("path: app", "path: late");
    let file = format!("name: test\nlimits: {{ build: 1 }}\nservices:{slow}{late}");
    installation.write("stagewright.yaml", &file);
    let mut command = installation.command(&["deploy", "--output", "json"]);
    let path = std::env::var("PATH").unwrap();
    let folder = installation.project().join("bin");
    let path = format!("{}:{path}", folder.display());
    let mut going = Going::of({
        command.env("PATH", &path);
        command
    });
    going.until(|event| event["event"] == "step.started" && event["service"] == "slow");
    asked.admit(100);
    going.until(|event| event["event"] == "step.waiting" && event["service"] == "late");
    installation.write("late/text", "when it was built");
    gate.admit(1);
    let (_, run) = going.all();
    assert_eq!(run.code, Some(0), "{run}");
    let plan = || plan(installation.command(&PLAN).env("PATH", &path));
    let known = ("late".to_owned(), "unchanged since deployment 1".to_owned());
    assert_eq!(plan()[1], known);

    installation.write("late/text", "when it was compared");
    let changed = ("late".to_owned(), "source changed: late/text".to_owned());
    assert_eq!(plan()[1], changed);
}
