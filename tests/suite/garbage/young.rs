//! What nobody has written down yet, and only its age keeps from being removed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::deploy;
use crate::environment::{free_port, job, with};
use crate::installation::{Installation, PROGRAM, Run};

/// What kills the program.
const EXECUTIONER: &str = env!("CARGO_BIN_EXE_executioner");

/// Makes every file below a folder as old as if it had been made two hours ago.
pub fn age(folder: &Path) {
    let old = SystemTime::now() - Duration::from_secs(2 * 3_600);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => age(&entry.path()),
            kind if kind.is_file() => {
                let file = std::fs::File::open(entry.path()).unwrap();
                file.set_modified(old).unwrap();
            }
            _ => {}
        }
    }
    std::fs::File::open(folder)
        .unwrap()
        .set_modified(old)
        .unwrap();
}

/// Names of the blobs of the image that a service had in a deployment, read from the index.
fn blobs(installation: &Installation) -> BTreeSet<String> {
    let folder = installation.state().join("images/blobs/sha256");
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_a_rollback_has_looked_up_stays_though_nothing_is_written_down_yet() {
    let port = free_port();
    let installation = with(&[]);
    deploy(&installation, port, &["one"]);
    let first = blobs(&installation);
    deploy(&installation, port, &["two"]);
    let second: BTreeSet<String> = &blobs(&installation) - &first;
    deploy(&installation, port, &["three"]);
    age(&installation.state().join("images"));

    // It dies where it would write down that it begins, and has looked everything up by then.
    let words = ["/dev/null", "append:1", PROGRAM, "rollback", "--to", "1"];
    let killed = installation.command_of(EXECUTIONER, &words).output();
    assert_eq!(Run::from(killed.unwrap()).code, Some(137));
    let history = installation.succeed(&["history", "--output", "json"]);
    assert_eq!(
        history.json().len(),
        3,
        "nothing was written down\n{history}"
    );

    installation.succeed(&["gc", "--history", "1"]);
    let left = blobs(&installation);
    assert!(first.is_subset(&left), "{first:?}\n{left:?}");
    let gone = second.intersection(&left).next();
    assert_eq!(gone, None, "what nobody has asked for is gone");
}

/// The number of the append to the journal that follows an effect on such a file, for the first
/// time, in an executioner's report.
fn append_after(report: &Path, file: &str) -> usize {
    let report = std::fs::read_to_string(report).unwrap();
    let until: Vec<&str> = report
        .lines()
        .take_while(|effect| !effect.ends_with(file))
        .collect();
    assert!(until.len() < report.lines().count(), "{file}\n{report}");
    let appends = until.iter().filter(|effect| effect.starts_with("append:"));
    appends.count()
}

#[test]
fn what_an_image_is_made_of_stays_while_it_has_no_name_yet() {
    let installation = with(&[job("note", "note")]);
    let more = |text: &str| std::fs::write(installation.project().join("app/more"), text).unwrap();
    installation.succeed(&["deploy"]);
    more("two");
    let report = installation.project().join("report");
    let watched = |point: &str| {
        let report = report.display().to_string();
        let words = [&report, point, PROGRAM, "deploy", "--output", "json"];
        Run::from(
            installation
                .command_of(EXECUTIONER, &words)
                .output()
                .unwrap(),
        )
    };
    assert_eq!(watched("none").code, Some(0));
    // The last append before the push gives the image its name says that it was built.
    let built = append_after(&report, "images/index.json");
    age(&installation.state().join("images"));
    let before = blobs(&installation);
    more("three");
    let killed = watched(&format!("append:{built}"));
    assert_eq!(killed.code, Some(137), "{killed}");
    let told = killed.json();
    let began = told.iter().any(|event| event["event"] == "step.started");
    let ended = told.iter().any(|event| event["event"] == "step.ended");
    assert!(began && !ended, "nobody knows of the image\n{killed}");
    let made: BTreeSet<String> = &blobs(&installation) - &before;
    assert!(
        made.len() >= 3,
        "a layer, a configuration, a manifest: {made:?}"
    );

    let run = installation.succeed(&["gc", "--history", "0", "--output", "json"]);
    let left = blobs(&installation);
    assert!(made.is_subset(&left), "{made:?}\n{left:?}\n{run}");
    assert!(
        left.len() < made.len() + before.len(),
        "what is old goes\n{run}"
    );
    installation.succeed(&["resume"]);
}
