//! Images are made of their content alone: the same source gives the same digest anywhere.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::environment::{job, with};

/// Deploys a job with this build, whose source is written at this time, in an installation of
/// its own; answers with the digest of its image.
fn digest(build: &str, written: SystemTime) -> String {
    let service = job("web", "job, version=7");
    let own = service
        .lines()
        .find(|line| line.contains("build:"))
        .unwrap();
    let installation = with(&[service.replace(own, &format!("    build: {build}"))]);
    for (name, text) in [("page.txt", "hello\n"), ("more/deep.txt", "below\n")] {
        let path = installation.write(&format!("app/{name}"), text);
        File::open(path).unwrap().set_modified(written).unwrap();
    }
    let run = installation.succeed(&["deploy", "--output", "json"]);
    let pushed = run
        .json()
        .into_iter()
        .find(|event| event["event"] == "step.ended" && event["step"] == "push");
    let reference = pushed.unwrap()["reference"].as_str().unwrap().to_owned();
    reference.split_once('@').unwrap().1.to_owned()
}

fn is_the_same_anywhere(build: &str) {
    let now = SystemTime::now();
    let first = digest(build, now);
    assert!(first.starts_with("sha256:"), "{first}");
    assert_eq!(first, digest(build, now - Duration::from_secs(86_400)));
}

#[test]
fn a_packed_folder_has_the_same_digest_anywhere() {
    is_the_same_anywhere(r#"{ plugin: "builtin:static", with: { target: /app } }"#);
}

#[test]
fn what_programs_built_has_the_same_digest_anywhere() {
    is_the_same_anywhere(
        "{ with: { steps: [[cp, page.txt, copy.txt], [install, -m, '700', page.txt, run.sh]], \
         outputs: [actor, more, copy.txt, run.sh] } }",
    );
}
