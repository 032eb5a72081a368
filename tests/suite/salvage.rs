//! `journal check` and `journal export`, on a journal that is sound and on one that is not.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use stagewright_journal::SqliteJournal;

use crate::environment::{job, with};
use crate::installation::Installation;

const PAGE: usize = 4096;

/// An installation with two deployments, whose journal is in one file.
fn deployed() -> Installation {
    let installation = with(&[job("migrate", "job, version=1")]);
    for _ in 0..2 {
        installation.succeed(&["deploy"]);
    }
    drop(SqliteJournal::open(&installation.state().join("journal.db")).unwrap());
    installation
}

fn of_kind<'a>(rows: &'a [Value], kind: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

#[test]
fn all_of_a_sound_journal_is_exported() {
    let installation = deployed();
    let check = installation.succeed(&["journal", "check"]);
    assert_eq!(check.stdout, "the journal is sound\n");
    let check = installation.succeed(&["journal", "check", "--output", "json"]);
    assert_eq!(check.json()[0]["sound"], true);

    let run = installation.succeed(&["journal", "export"]);
    assert_eq!(run.stderr, "", "{run}");
    let rows = run.json();
    assert_eq!(of_kind(&rows, "environment")[0]["name"], "test");
    assert_eq!(of_kind(&rows, "deployment").len(), 2);
    assert_eq!(of_kind(&rows, "description").len(), 2);
    let documents = of_kind(&rows, "document");
    assert!(documents.iter().any(|document| document["key"] == "ledger"));
    assert!(
        rows.iter()
            .all(|row| row["kind"] == "environment" || row["check"] == "holds")
    );
    for deployment in of_kind(&rows, "deployment") {
        let mine = |fact: &&&Value| fact["deployment"] == deployment["id"];
        let facts = of_kind(&rows, "fact");
        let count = facts.iter().filter(mine).count() as u64;
        assert_eq!(deployment["last_seq"], count, "{run}");
    }

    let file = installation.project().join("kept.jsonl");
    let to = file.display().to_string();
    installation.succeed(&["journal", "export", "--to", &to, "--environment", "test"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), run.stdout);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = installation.run(&["journal", "export", "--to", &to]);
    assert_eq!(again.code, Some(2), "a file was written over\n{again}");
    let nobody = installation.run(&["journal", "export", "--environment", "nobody"]);
    assert_eq!(
        (nobody.code, nobody.stdout.as_str()),
        (Some(1), ""),
        "{nobody}"
    );
}

#[test]
fn a_damaged_journal_is_refused_and_what_is_left_of_it_is_exported() {
    let installation = deployed();
    let path = installation.state().join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = bytes.clone();
    // The first fact of the first deployment: one letter of it becomes another.
    let text = br#""fact":"deployment-queued""#;
    let place = bytes
        .windows(text.len())
        .position(|bytes| bytes == text)
        .unwrap();
    bytes[place + 9] ^= 0x20;
    std::fs::write(&path, &bytes).unwrap();

    let logs = installation.run(&["logs", "test-1"]);
    assert_eq!(logs.code, Some(2), "{logs}");
    for words in [
        "fact 1 of test-1",
        "is not what was written",
        "journal export",
    ] {
        assert!(logs.stderr.contains(words), "{words}\n{logs}");
    }
    let check = installation.run(&["journal", "check", "--output", "json"]);
    assert_eq!(check.code, Some(1), "{check}");
    assert_eq!(check.json().last().unwrap()["sound"], false);
    let export = installation.run(&["journal", "export"]);
    assert_eq!(export.code, Some(1), "{export}");
    assert!(export.stderr.contains("fact 1 of test-1"), "{export}");
    let rows = export.json();
    let broken: Vec<&Value> = rows.iter().filter(|row| row["check"] == "broken").collect();
    assert_eq!(broken.len(), 1, "{export}");
    assert_eq!(
        (&broken[0]["deployment"], &broken[0]["seq"]),
        (&"test-1".into(), &1.into())
    );

    std::fs::write(&path, &whole[..PAGE]).unwrap();
    let status = installation.run(&["status", "test"]);
    assert_eq!(status.code, Some(2), "{status}");
    assert!(status.stderr.contains("damaged"), "{status}");
    let export = installation.run(&["journal", "export"]);
    assert_eq!(export.code, Some(1), "{export}");
    assert!(!export.stderr.is_empty());

    std::fs::write(&path, &whole).unwrap();
    installation.succeed(&["journal", "check"]);
}
