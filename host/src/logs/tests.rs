use stagewright_runtime::Origin;

use super::*;
use crate::clock::SystemClock;

fn name() -> AttemptName {
    AttemptName {
        service: "api".into(),
        step: Step::Build,
        attempt: 1,
    }
}

fn say(log: &AttemptLog, message: &str) {
    log.line(LogLine {
        origin: Origin::Plugin,
        level: Level::Info,
        message: message.into(),
        fields: vec![("a".into(), "b".into())],
    });
}

fn messages(said: &[Said]) -> Vec<&str> {
    said.iter()
        .map(|said| match &said.record {
            Record::Line { message, .. } => message.as_str(),
            Record::Progress { what, .. } => what.as_str(),
        })
        .collect()
}

#[test]
fn what_is_said_is_read_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = AttemptLog::open(folder.path(), name(), Arc::new(SystemClock)).unwrap();
    let mut reader = LogReader::new(folder.path().to_owned());
    assert!(reader.read(&name()).unwrap().is_empty());
    say(&log, "one");
    log.progress(Progress {
        done: 1,
        total: Some(2),
        what: "half".into(),
    });
    assert_eq!(messages(&reader.read(&name()).unwrap()), ["one", "half"]);
    say(&log, "two");
    assert_eq!(messages(&reader.read(&name()).unwrap()), ["two"]);
}

#[test]
fn a_log_that_is_too_long_keeps_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = AttemptLog::open(folder.path(), name(), Arc::new(SystemClock)).unwrap();
    let long = "x".repeat(64 * 1024);
    for number in 0..200 {
        say(&log, &format!("{number} {long}"));
    }
    let bytes: u64 = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes <= u64::from(KEPT) * GENERATION, "{bytes}");
    let mut reader = LogReader::new(folder.path().to_owned());
    let said = reader.read(&name()).unwrap();
    assert!(messages(&said).last().unwrap().starts_with("199 "));
    assert!(said.len() > 64);
}

#[test]
fn a_line_that_is_half_written_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = AttemptLog::open(folder.path(), name(), Arc::new(SystemClock)).unwrap();
    say(&log, "one");
    let path = folder.path().join("api.build.1.1.log");
    let whole = std::fs::read(&path).unwrap();
    let (start, rest) = whole.split_at(20);
    std::fs::write(&path, start).unwrap();
    let mut reader = LogReader::new(folder.path().to_owned());
    assert!(reader.read(&name()).unwrap().is_empty());
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(rest)
        .unwrap();
    assert_eq!(messages(&reader.read(&name()).unwrap()), ["one"]);
}

#[test]
fn a_line_that_was_torn_does_not_spoil_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.build.1.1.log");
    std::fs::write(&path, "{\"event\":\"step.lo").unwrap();
    let log = AttemptLog::open(folder.path(), name(), Arc::new(SystemClock)).unwrap();
    say(&log, "whole");
    let mut reader = LogReader::new(folder.path().to_owned());
    assert_eq!(messages(&reader.read(&name()).unwrap()), ["whole"]);
}

#[tokio::test]
async fn a_listener_hears_of_a_new_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut bell = LogBell::listen(folder.path()).unwrap();
    let log = AttemptLog::open(folder.path(), name(), Arc::new(SystemClock)).unwrap();
    say(&log, "one");
    bell.heard().await.unwrap();
}
