use super::*;

/// Everything that is said of a file with one application `a`, whose fields these are. They
/// start on line 3.
fn of_application(fields: &str) -> Vec<String> {
    problems(&format!(
        "name: e\nservices: {{a: {{type: application,\n {fields}\n }}}}"
    ))
}

/// The same of a container `c` with an image.
fn of_container(fields: &str) -> Vec<String> {
    problems(&format!(
        "name: e\nservices: {{c: {{type: container, image: x,\n {fields}\n }}}}"
    ))
}

#[test]
fn fields_and_values_that_do_not_fit() {
    for (fields, expected) in [
        (
            "prots: []",
            "3:2: unknown field `prots`; did you mean `ports`?",
        ),
        (
            "skip: 'no'",
            "3:8: `skip` must be `true` or `false`, not text",
        ),
        (
            "stage: 1",
            "3:9: `stage` must be text, not a number; put it in quotes",
        ),
        (
            "needs: a",
            "3:9: `needs` must be a list, not text; a list of one is written [a]",
        ),
        (
            "health:",
            "3:2: `health` has no value; give it one, or remove the line",
        ),
        (
            "timeouts: {build: 30}",
            "3:20: `build` must be a duration, not a number; write it with its unit, as in `30s`",
        ),
        (
            "timeouts: {build: 0.5}",
            "3:20: `build` must be a duration, not a number; write it as in `500ms` or `30s`",
        ),
        (
            "timeouts: {build: true}",
            "3:20: `build` must be text, not `true` or `false`; put it in quotes",
        ),
        (
            "timeouts: {build: 30min}",
            "3:20: `build` must be a duration: a number and `ms`, `s`, `m` or `h`; write it as in `500ms` or `30s`",
        ),
        ("retry: {max: 21}", "3:15: `max` must be at most 20"),
        ("retry: {max: -1}", "3:15: `max` must be at least 0"),
        (
            "ports: [{name: p, port: 65536}]",
            "3:26: `port` must be at most 65535",
        ),
        (
            "ports: [{name: p}]",
            "3:10: `ports[0]` lacks the field `port`",
        ),
        (
            "ports: [{name: p, port: 1, protocol: tpc}]",
            "3:39: `protocol` must be one of `tcp`, `udp`, not `tpc`; did you mean `tcp`?",
        ),
        (
            "ports: [{name: P!, port: 1}]",
            "3:17: `name` must consist of lower-case letters, digits and `-`; begin and end it with a letter or digit, in at most 63 characters",
        ),
        (
            "variables: {A: [1]}",
            "3:17: `A` must be text or a number or `true` or `false` or a mapping, not a list",
        ),
        (
            "variables: {A: {secrte: x}}",
            "3:18: unknown field `secrte`; did you mean `secret`?",
        ),
        (
            "variables: {A: {secret: 'a b'}}",
            "3:26: `secret` must be the name of a secret: letters, digits, `.`, `_` and `-`, at most 128; the secret itself is kept by the operator, never in this file",
        ),
        (
            "variables: {A-B: x}",
            "3:14: the name `A-B` must consist of letters, digits and `_`, and not begin with a digit; programs read it from their environment by this name",
        ),
        (
            "deploy: {plugin: process}",
            "3:19: `plugin` must name a plugin; write `builtin:NAME`, `./file.wasm` or `oci://registry/repository:tag`",
        ),
        (
            "ports: [{name: p, port: 1}], health: {http: {port: p, path: healthz}}",
            "3:62: `path` must begin with `/`; write a path as in `/healthz`",
        ),
        (
            "health: {exec: {command: []}}",
            "3:27: `command` must not be empty",
        ),
    ] {
        let said = of_container(fields);
        assert_eq!(said, [expected], "{fields}");
    }
}

#[test]
fn names_of_the_file_itself() {
    let text = "name: Shop\noverlap: nonee\nservices: {A_b: {type: container, image: x}}\nstrategies: {job: {}, databse: {}}\nlimits: {build: 0}\nstages: []\n";
    assert_eq!(
        problems(text),
        [
            "1:7: `name` must consist of lower-case letters, digits and `-`; begin and end it with a letter or digit, in at most 63 characters",
            "2:10: `overlap` must be one of `none`, `within-stage`, `across-stages`, not `nonee`; did you mean `none`?",
            "3:12: the name `A_b` must consist of lower-case letters, digits and `-`; begin and end it with a letter or digit, in at most 63 characters",
            "4:23: the name `databse` must be one of `database`, `job`, `container`, `application`; did you mean `database`?",
            "5:17: `build` must be at least 1",
            "6:9: `stages` must not be empty",
        ]
    );
}

#[test]
fn what_is_missing() {
    assert_eq!(
        problems("description: x\n"),
        [
            "1:1: the document lacks the field `name`",
            "1:1: the document lacks the field `services`",
        ]
    );
    assert_eq!(
        problems("- a\n"),
        ["1:1: the document must be a mapping, not a list"]
    );
    assert_eq!(
        problems("name: e\nservices:\n"),
        ["2:1: `services` has no value; give it one, or remove the line"]
    );
    assert_eq!(
        problems("name: e\nservices: {a: {source: {}}}\n"),
        ["2:12: `a` lacks the field `type`"]
    );
}

#[test]
fn stages() {
    let text = "\
name: e
stages:
  - { name: data, default_for: [database] }
  - { name: Data, default_for: [job, database] }
  - { name: ' x' }
services:
  d: { type: database, image: x, stage: dta }
  j: { type: job, image: x, stage: DATA }
  c: { type: container, image: x }
  k: { type: container, image: x }
";
    assert_eq!(
        problems(text),
        [
            "4:13: there are two stages `Data`; upper and lower case count as the same; the first one is on line 3",
            "4:38: two stages are the default for `database`: `data` and `Data`; leave it in one of them",
            "5:13: the name of a stage has spaces around it, or control characters; write one line of plain text",
            "7:41: unknown stage `dta`; did you mean `data`?",
            "9:3: no stage is the default for `container`, which `c`, `k` would go to; write `default_for: [container]` in a stage, or `stage` in the service",
        ]
    );
}

#[test]
fn needs() {
    let text = "\
name: e
services:
  db:
    { type: database, image: x, needs: [api] }
  a: { type: container, image: x, needs: [c, a] }
  b: { type: container, image: x, needs: [a, a] }
  c: { type: container, image: x, needs: [b, bd] }
  api: { type: application, source: {}, needs: [db, c] }
";
    assert_eq!(
        problems(text),
        [
            "4:41: `db` of stage `0.DEFAULT DATABASE` needs `api` of the later stage `3.DEFAULT APPLICATION`; move one of them: needs reach into the same stage or earlier ones",
            "5:46: `a` needs itself; remove it",
            "6:43: needs go round in a circle: `a` → `c` → `b` → `a`; remove one of these needs",
            "6:46: `a` is there twice; remove one of them",
            "7:46: unknown service `bd`; did you mean `db`?",
        ]
    );
}

#[test]
fn a_long_chain_of_needs_is_walked() {
    let mut text = "name: e\nservices:\n".to_owned();
    for at in 0..3_000 {
        let next = (at + 1) % 3_000;
        text += &format!("  s{at}: {{type: container, image: x, needs: [s{next}]}}\n");
    }
    let said = problems(&text);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("`s0` → `s1` → "), "{said:?}");
    assert!(said[0].contains("`s11` → … → `s0`"), "{said:?}");
}

#[test]
fn ports_and_health() {
    let text = "\
name: e
services:
  a:
    type: container
    image: x
    ports: [{ name: http, port: 80 }, { name: http, port: 81 }, { name: x, port: 80 }]
    health: { tcp: { port: htp }, exec: { command: [x] }, interval: 0s, within: 999h }
  b:
    type: container
    image: x
    ports: [{ name: http, port: 81 }]
    health: { timeout: 1s }
  j:
    type: job
    image: x
    health: { exec: { command: [x] } }
";
    assert_eq!(
        problems(text),
        [
            "6:47: there are two ports `http`; the first one is on line 6",
            "6:82: port 80 is there twice; the first one is on line 6",
            "7:28: `a` has no port `htp`; did you mean `http`?",
            "7:35: `exec` beside `tcp`: a service has one check; keep one of them",
            "7:69: `interval` must be more than nothing; write `1s` or more",
            "7:81: `within` is longer than 30 days; write at most `720h`",
            "11:33: `a` and `b` both listen on port 81; give one of them another number",
            "12:5: `health` names no check; write one of `tcp`, `http`, `exec` and `grpc`",
            "16:5: `j` is a job, which has no `health`: it is done when it ends; remove it",
        ]
    );
}

#[test]
fn sources() {
    for (fields, expected) in [
        (
            "skip: true",
            &[
                "2:12: `a` is an application without a `source`; say where its source is, as in `source: { path: . }`",
            ][..],
        ),
        (
            "image: x",
            &[
                "2:12: `a` is an application without a `source`; to run an existing image, make it a `container`",
            ],
        ),
        (
            "image: x, source: {}",
            &[
                "3:2: `a` has both an `image` and a `source`; keep `source` to build it, `image` to run what exists",
            ],
        ),
        (
            "source: {branch: b}",
            &["3:11: `branch` without `git`; name the repository, or remove it"],
        ),
        (
            "source: {git: g}",
            &[
                "3:11: a git source needs one of `branch`, `tag` and `commit`; write one, as in `branch: main`",
            ],
        ),
        (
            "source: {git: g, tag: t, branch: b}",
            &["3:19: `tag` beside `branch`: a git source has one revision; keep one of them"],
        ),
        (
            "source: {git: g, brnch: b}",
            &["3:19: unknown field `brnch`; did you mean `branch`?"],
        ),
        (
            "source: {git: 'https://u:p@h/x', branch: b}",
            &[
                "3:16: the address of the repository has a password in it; remove it here and change it there; git's credentials are the operator's",
            ],
        ),
        (
            "source: {git: g, commit: 1234567}",
            &["3:27: `commit` must be text, not a number; put it in quotes"],
        ),
        (
            "source: {git: g, commit: abc}",
            &[
                "3:27: `commit` must be the full hash of a commit: 40 digits of 0-9 and a-f; `git rev-parse` prints it",
            ],
        ),
        (
            "source: {path: /src, include: [a, ../b]}",
            &[
                "3:17: the path is absolute; write it relative to the folder of this file",
                "3:36: the path leaves its tree with `..`; write it relative to the folder of this file",
            ],
        ),
        (
            "source: {}, run: on-deploy, idempotent: true",
            &[
                "3:14: `run` is for jobs, and `a` is of type `application`; remove it",
                "3:30: `idempotent` is for jobs, and `a` is of type `application`; remove it",
            ],
        ),
    ] {
        assert_eq!(of_application(fields), expected, "{fields}");
    }
    let text = "name: e\nservices:\n  d: {type: database}\n  j: {type: job}\n";
    assert_eq!(
        problems(text),
        [
            "3:3: `d` has neither an `image` nor a `source`; name an image to run, or the source to build one from",
            "4:3: `j` has neither an `image` nor a `source`; name an image to run, or the source to build one from",
        ]
    );
}

#[test]
fn occasions_of_jobs() {
    let text = "\
name: e
services:
  a: { type: job, image: x, run: [on-deploy, on-change] }
  b: { type: job, image: x, run: [on-stop, on-stop] }
  c: { type: job, image: x, run: on-delpoy }
  d: { type: job, image: x, schedule: 'every day' }
  e: { type: container, image: x, schedule: '0 3 * * *' }
  f: { type: job, image: x, run: [on-stop, never] }
";
    assert_eq!(
        problems(text),
        [
            "3:34: `on-change` beside `on-deploy`: it runs in every deployment or only when something changed; keep one of them",
            "4:44: this occasion is in the list twice; remove one",
            "5:34: `run` must be one of `on-deploy`, `on-change`, `on-rollback`, `on-stop`, `on-destroy`, not `on-delpoy`; did you mean `on-deploy`?",
            "6:39: `every day` is no schedule: it has 2 fields instead of 5; minute, hour, day, month and weekday, as in `0 3 * * *`: every day at 3",
            "7:35: `schedule` is for jobs, and `e` is of type `container`; remove it",
            "8:44: `run[1]` must be one of `on-deploy`, `on-change`, `on-rollback`, `on-stop`, `on-destroy`, not `never`",
        ]
    );
}

#[test]
fn choices_that_are_taken_for_a_yes_or_a_no() {
    for (line, expected) in [
        (
            "rollback: true",
            "2:11: `rollback` must be one of `manual`, `automatic`, not `true`; did you mean `automatic`?",
        ),
        (
            "rollback: false",
            "2:11: `rollback` must be one of `manual`, `automatic`, not `false`; did you mean `manual`?",
        ),
        (
            "overlap: true",
            "2:10: `overlap` must be one of `none`, `within-stage`, `across-stages`, not `true`",
        ),
    ] {
        let text = format!("name: e\n{line}\nservices: {{}}");
        assert_eq!(problems(&text), [expected], "{line}");
    }
}

#[test]
fn references() {
    let text = "\
name: e
variables: { ALL: '{{j.version}}' }
services:
  d: { type: database, image: x, ports: [{ name: sql, port: 1 }], variables: { ALL: own, OUT: '{{j.version}}' } }
  j: { type: job, image: x, variables: { A: '{{d.prot}}', B: '{{d.port.sq}}', C: '{{dd.host}}' } }
  c:
    type: container
    image: x
    variables:
      A: '{{d.host'
      B: 'x {{d}}'
      C: '{{c.port}}'
      D: '{{d.port.sql}}{{d.colour}}'
";
    assert_eq!(
        problems(text),
        [
            "2:19: `{{j.version}}` is an output of a job of stage `1.DEFAULT JOB`, which `j` cannot wait for; outputs become variables of services of later stages",
            "4:95: `{{j.version}}` is an output of a job of stage `1.DEFAULT JOB`, which `d` cannot wait for; outputs become variables of services of later stages",
            "5:45: `{{d.prot}}` refers to an unknown attribute; did you mean `{{d.port}}`?",
            "5:62: `{{d.port.sq}}` refers to a port that `d` does not have; did you mean `sql`?",
            "5:82: `{{dd.host}}` refers to an unknown service; known here: `d`, `j`, `c`",
            "10:10: `{{d.host` has no closing `}}`; write `{{service.host}}`, `{{service.port}}`, `{{job.output}}`, or `{{{{` for a literal `{{`",
            "11:10: `{{d}}` is not a reference; write `{{service.host}}`, `{{service.port}}`, `{{job.output}}`, or `{{{{` for a literal `{{`",
            "12:10: `{{c.port}}` refers to a port, but `c` has none; declare one under its `ports`",
            "13:10: `{{d.colour}}` refers to an unknown attribute; there are `host`, `port` and `port.NAME`; only jobs have outputs",
        ]
    );
}

#[test]
fn outputs_may_not_feed_builds_that_run_ahead() {
    let text = "\
name: e
overlap: across-stages
services:
  j: { type: job, image: x }
  a: { type: application, source: {}, variables: { V: '{{j.version}}' } }
";
    assert_eq!(
        problems(text),
        [
            "5:55: `{{j.version}}` is an output of a job that may run after `a` has been built, because of `overlap: across-stages`; use `overlap: within-stage`",
        ]
    );
}

#[test]
fn ten_mistakes_are_ten_problems() {
    let text = "\
name: shop
nmae: shop
stages:
  - { name: data, default_for: [database, job, container] }
  - { name: DATA, on_failure: never }
services:
  db: { type: database, image: x, ports: [{ name: tcp, prot: 1 }] }
  db: { type: database, image: y }
  api:
    type: application
    stage: data
    source: { path: ../api }
    needs: [dbb]
    variables: { URL: 'tcp://{{db.host}}:{{db.port', KEY: { secret: '' } }
    health: { http: { port: http } }
";
    let said = problems(text);
    assert_eq!(
        said,
        [
            "2:1: unknown field `nmae`; did you mean `name`?",
            "5:13: there are two stages `DATA`; upper and lower case count as the same; the first one is on line 4",
            "5:31: `on_failure` must be one of `fail-fast`, `finish-stage`, `continue`, not `never`",
            "7:56: unknown field `prot`; did you mean `port`?",
            "8:3: `db` is there twice; the first one is on line 7",
            "12:21: the path leaves its tree with `..`; write it relative to the folder of this file",
            "13:13: unknown service `dbb`; did you mean `db`?",
            "14:23: `{{db.port` has no closing `}}`; write `{{service.host}}`, `{{service.port}}`, `{{job.output}}`, or `{{{{` for a literal `{{`",
            "14:69: `secret` must be the name of a secret: letters, digits, `.`, `_` and `-`, at most 128; the secret itself is kept by the operator, never in this file",
            "15:29: `api` has no port `http`; declare it under `ports`",
        ]
    );
}

#[test]
fn problems_are_data_too() {
    let problems = read("e.yaml", "name: e\nservices: {}\nnmae: x\n").unwrap_err();
    assert_eq!(
        serde_json::to_value(&problems.problems).unwrap(),
        json!([{
            "file": "e.yaml", "line": 3, "column": 1,
            "message": "unknown field `nmae`", "hint": "did you mean `name`?",
        }])
    );
}

#[test]
fn a_file_with_too_many_mistakes_is_cut() {
    let lines: String = (0..700).map(|at| format!("x{at}: 1\n")).collect();
    let problems = read("f", &format!("name: e\nservices: {{}}\n{lines}")).unwrap_err();
    assert_eq!((problems.problems.len(), problems.left_out), (500, 200));
    assert!(problems.to_string().ends_with("\nand 200 more"));
}
