//! Bad input: told with its place and what to do, before anything starts.

use std::os::unix::fs::PermissionsExt;

use crate::environment::{add_actor, free_port, server};
use crate::installation::{Installation, Run};

/// A file that is wrong in one way.
struct Case {
    what: &'static str,
    /// What is replaced in the right file, and by what.
    wrong: (&'static str, &'static str),
    /// Where it is told: the line of this text in the wrong file.
    line_of: &'static str,
    /// What is told, the hint included.
    words: &'static [&'static str],
}

/// A right file, for the cases to spoil.
const RIGHT: &str = r#"name: test
stages:
  - { name: early, default_for: [job] }
  - { name: late, default_for: [application] }
services:
  one:
    type: job
    source: { path: app }
    build: { plugin: "builtin:static", with: { target: /app } }
    deploy: { with: { command: [/app/actor, job, version=7] } }
  two:
    type: application
    source: { path: app }
    build: { plugin: "builtin:static", with: { target: /app } }
    deploy: { with: { command: [/app/actor, serve] } }
    ports: [{ name: http, port: 18091 }]
  three:
    type: application
    source: { path: app }
    build: { plugin: "builtin:static", with: { target: /app } }
    deploy: { with: { command: [/app/actor, serve] } }
    ports: [{ name: http, port: 18092 }]
"#;

const CASES: &[Case] = &[
    Case {
        what: "broken YAML",
        wrong: ("port: 18091 }]", "port: 18091 }"),
        line_of: "  three:",
        words: &[],
    },
    Case {
        what: "an unknown field",
        wrong: ("    type: job", "    kind: job"),
        line_of: "kind: job",
        words: &["`kind`"],
    },
    Case {
        what: "a repeated field",
        wrong: ("    type: job", "    type: job\n    'type': job"),
        line_of: "'type'",
        words: &["`type` is there twice", "the first one is on line 7"],
    },
    Case {
        what: "a stage that is there twice, in another case",
        wrong: ("name: late", "name: EARLY"),
        line_of: "name: EARLY",
        words: &["two stages `EARLY`", "the first one is on line 3"],
    },
    Case {
        what: "a service in an unknown stage",
        wrong: ("    type: job", "    type: job\n    stage: erly"),
        line_of: "stage: erly",
        words: &["unknown stage `erly`", "`early`"],
    },
    Case {
        what: "needs in a circle",
        wrong: (
            "port: 18091 }]\n  three:\n",
            "port: 18091 }]\n    needs: [three]\n  three:\n    needs: [two]\n",
        ),
        line_of: "needs: [two]",
        words: &["circle", "`two`", "`three`", "remove one"],
    },
    Case {
        what: "a port of two services",
        wrong: ("port: 18092", "port: 18091"),
        line_of: "",
        words: &[
            "`two` and `three` both listen on port 18091",
            "another number",
        ],
    },
    Case {
        what: "an unknown plugin",
        wrong: ("builtin:static", "builtin:statik"),
        line_of: "builtin:statik",
        words: &[
            "`statik`",
            "there are: command, docker, dockerfile, image, layout, process, registry, static",
        ],
    },
    Case {
        what: "a folder that is not there",
        wrong: ("source: { path: app }", "source: { path: gone }"),
        line_of: "path: gone",
        words: &["`gone`", "correct `path`"],
    },
    Case {
        what: "a repository that is none",
        wrong: ("{ path: app }", "{ git: ./app, branch: main }"),
        line_of: "git: ./app",
        words: &["cannot read the repository", "check the address"],
    },
    Case {
        what: "a repository that is not there",
        wrong: ("{ path: app }", "{ git: ./gone, branch: main }"),
        line_of: "git: ./gone",
        words: &["cannot read the repository", "gone", "check the address"],
    },
];

impl Case {
    fn text(&self) -> String {
        let (right, wrong) = self.wrong;
        assert!(RIGHT.contains(right), "{}", self.what);
        RIGHT.replacen(right, wrong, 1)
    }

    /// Everything that is not as it should be.
    fn defects(&self) -> Vec<String> {
        let text = self.text();
        let at = match self.line_of {
            // The last service is the one to be corrected.
            "" => text.lines().count(),
            part => text.lines().position(|line| line.contains(part)).unwrap() + 1,
        };
        let installation = Installation::new();
        add_actor(&installation, "app");
        installation.write("stagewright.yaml", &text);
        let run = installation.run(&["deploy"]);
        let mut words = vec![format!("stagewright.yaml:{at}:")];
        words.extend(self.words.iter().map(|&word| word.to_owned()));
        let mut defects = missing(&run, &words);
        defects.extend(begun(&installation));
        if !defects.is_empty() {
            defects.insert(0, format!("## {}\n{run}", self.what));
        }
        defects
    }
}

/// What a refusal does not say.
fn missing(run: &Run, words: &[String]) -> Vec<String> {
    let mut defects = Vec::new();
    if run.code != Some(2) {
        defects.push(format!("exit code {:?}", run.code));
    }
    let unsaid = words.iter().filter(|word| !run.stderr.contains(*word));
    defects.extend(unsaid.map(|word| format!("does not say: {word}")));
    defects
}

/// What was begun in spite of a refusal.
fn begun(installation: &Installation) -> Option<String> {
    let history = installation.run(&["history", "test"]);
    let is_new = history.code == Some(2) && history.stderr.contains("was never deployed");
    (!is_new).then(|| format!("something was begun\n{history}"))
}

#[test]
fn the_file_that_the_cases_spoil_is_right() {
    let installation = Installation::new();
    add_actor(&installation, "app");
    installation.write("stagewright.yaml", RIGHT);
    installation.succeed(&["validate"]);
}

#[test]
fn what_is_wrong_in_a_file_is_told_at_its_line_and_nothing_starts() {
    let defects: Vec<String> = CASES.iter().flat_map(Case::defects).collect();
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}

/// An installation with a service that uses the secret `word`.
fn with_secret() -> Installation {
    let installation = Installation::new();
    add_actor(&installation, "app");
    let service =
        server("web", free_port(), "x").replace(r#"GREETING: "x""#, "GREETING: { secret: word }");
    installation.write(
        "stagewright.yaml",
        &format!("name: test\nservices:{service}"),
    );
    installation
}

fn is_refused(installation: &Installation, run: &Run, words: &[&str], secret: &str) {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let mut defects = missing(run, &words);
    defects.extend(begun(installation));
    assert!(defects.is_empty(), "{}\n{run}", defects.join("\n"));
    let shown = run.stdout.contains(secret) || run.stderr.contains(secret);
    assert!(!shown, "the secret is shown\n{run}");
}

#[test]
fn a_file_of_secrets_that_others_can_read_is_refused() {
    let installation = with_secret();
    let secrets = installation.write("secrets.yaml", "word: open-sesame-42\n");
    let wide = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&secrets, wide).unwrap();
    let config = format!("secrets: {{ file: {} }}\n", secrets.display());
    let config = installation.write("config.yaml", &config);
    let run = installation.run(&["--config", config.to_str().unwrap(), "deploy"]);
    let words = ["secrets.yaml", "mode 644", "chmod 600"];
    is_refused(&installation, &run, &words, "open-sesame-42");
}

#[test]
fn a_secret_that_is_too_short_to_be_kept_out_of_logs_is_refused() {
    let installation = with_secret();
    let mut command = installation.command(&["deploy"]);
    command.env("STAGEWRIGHT_SECRET_WORD", "q7#");
    let run = Run::from(command.output().unwrap());
    let words = ["stagewright.yaml:", "`word`", "4 characters"];
    is_refused(&installation, &run, &words, "q7#");
}

#[test]
fn a_secret_without_a_value_is_refused() {
    let installation = with_secret();
    let mut command = installation.command(&["deploy"]);
    command.env("STAGEWRIGHT_SECRET_WORD", "");
    let run = Run::from(command.output().unwrap());
    let words = ["stagewright.yaml:", "the secret `word` is empty"];
    let words = words.map(str::to_owned);
    let mut defects = missing(&run, &words);
    defects.extend(begun(&installation));
    assert!(defects.is_empty(), "{}\n{run}", defects.join("\n"));
}

#[test]
fn what_is_wrong_in_the_operators_configuration_is_told_with_what_was_probably_meant() {
    let installation = Installation::new();
    add_actor(&installation, "app");
    installation.write("stagewright.yaml", RIGHT);
    for (text, words) in [
        (
            "host_slots: 4\nhost_slotz: 3",
            ":2:1: unknown field `host_slotz`; did you mean `host_slots`?",
        ),
        (
            "secrets: { flie: x }",
            ":1:12: unknown field `flie`; did you mean `file`?",
        ),
        (
            "limits: { memroy: 3MiB }",
            ":1:11: unknown field `memroy`; did you mean `memory`?",
        ),
        (
            "strategies: { aplication: {} }",
            "unknown variant `aplication`; did you mean `application`?",
        ),
        (
            "colours: none",
            "unknown field `colours`; known here: `strategies`, `limits`,",
        ),
        (
            "cancel_grace: 15",
            ":1:15: invalid type: integer `15`, expected a duration: a number and `ms`",
        ),
    ] {
        installation.configure(text);
        let run = installation.run(&["validate"]);
        let told = run.code == Some(2) && run.stderr.contains(words);
        assert!(told, "{text}: {words}\n{run}");
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let installation = Installation::new();
    add_actor(&installation, "app");
    let port = free_port();
    let file = format!("name: test\nservices:{}", server("web", port, "one"));
    installation.write("stagewright.yaml", &file);
    let fine = installation.succeed(&["validate"]);
    assert!(fine.stdout.contains("with 1 service in 4 stages"), "{fine}");
    installation.succeed(&["deploy"]);
    for (arguments, words) in [
        (
            &["logs", "--service", "wbe"][..],
            "there is no service `wbe` in test-1; there are `web`",
        ),
        (
            &["logs", "--release", "--service", "wbe"],
            "there is no service `wbe` in `test`; there are `web`",
        ),
        (
            &["logs", "test-7"],
            "there is no deployment test-7; the last one of `test` is test-1",
        ),
        (
            &["cancel", "test-7"],
            "there is no deployment test-7; the last one of `test` is test-1",
        ),
        (
            &["logs", "tset-1"],
            "environment `tset-1` was never deployed; there are test",
        ),
        (
            &["rollback", "--to", "-1"],
            "`-1` is no deployment: name one as 3 or as test-3; `stagewright history` lists them",
        ),
    ] {
        let run = installation.run(arguments);
        let told = run.code == Some(2) && run.stderr.contains(words);
        assert!(told, "{arguments:?}: {words}\n{run}");
    }
}
