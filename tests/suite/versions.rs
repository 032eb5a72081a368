//! Journals that older programs wrote: `fixtures/journals/N.db` is one of version N of the
//! tables, each with the same small history, as a driver that was killed left it.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use stagewright_journal::SqliteJournal;

use crate::environment::{job, rewrite, with};
use crate::going::Going;
use crate::installation::Installation;

/// Set to keep a journal of this program as the fixture of its version.
const KEEP: &str = "STAGEWRIGHT_KEEP_JOURNAL";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journals")
}

/// The version of the tables: `user_version` in the header of the file, as in "The SQLite
/// Database File Format".
fn version(journal: &Path) -> u32 {
    let bytes = std::fs::read(journal).unwrap();
    u32::from_be_bytes(bytes[60..64].try_into().unwrap())
}

/// One that failed after a retry, one that was cancelled, one whose driver was killed, and one
/// that waits for it. What is left of it is in one file.
fn write_history(installation: &Installation) -> PathBuf {
    let retry = "    idempotent: true\n    retry: { max: 2, backoff: 20ms }\n";
    let seed = job("seed", r#"flaky, "1""#) + retry;
    let broken = job("broken", r#"fail, "3""#) + "    needs: [seed]\n";
    rewrite(installation, &[seed.clone(), broken]);
    assert_eq!(installation.run(&["deploy"]).code, Some(1));

    rewrite(installation, &[seed, job("endless", "hang")]);
    let is_hanging = |event: &Value| event["event"] == "step.started" && event["step"] == "deploy";
    let mut cancelled = Going::new(installation, &["deploy", "--redeploy"]);
    cancelled.until(is_hanging);
    installation.succeed(&["cancel", "--force", "test-2"]);
    assert_eq!(cancelled.end().1.code, Some(3));

    let mut interrupted = Going::new(installation, &["deploy"]);
    interrupted.until(is_hanging);
    let mut queued = Going::new(installation, &["deploy"]);
    queued.until(|event| event["event"] == "deployment.queued");
    for driver in [queued, interrupted] {
        driver.signal(Signal::KILL);
        driver.end();
    }
    in_one_file(installation)
}

/// The journal of an installation; whoever closes it as the last one leaves it in one file.
fn in_one_file(installation: &Installation) -> PathBuf {
    let journal = installation.state().join("journal.db");
    drop(SqliteJournal::open(&journal).unwrap());
    journal
}

/// The results in the history, newest first; queued and running ones have none.
fn results(installation: &Installation) -> Vec<(String, Option<String>)> {
    let history = installation
        .succeed(&["history", "--output", "json"])
        .json();
    let text = |field: &Value| field.as_str().map(str::to_owned);
    history
        .iter()
        .map(|row| (text(&row["id"]).unwrap(), text(&row["result"])))
        .collect()
}

fn expected(results: [(&str, Option<&str>); 4]) -> Vec<(String, Option<String>)> {
    let owned = |(id, result): (&str, Option<&str>)| (id.to_owned(), result.map(str::to_owned));
    results.into_iter().map(owned).collect()
}

/// The facts of a deployment in the journal, as words.
fn facts(installation: &Installation, deployment: &str) -> Vec<String> {
    let exported = installation.succeed(&["journal", "export"]).json();
    let of_it = exported
        .iter()
        .filter(|row| row["kind"] == "fact" && row["deployment"] == deployment);
    of_it
        .map(|row| {
            assert_ne!(row["check"], "broken", "{row}");
            let fact: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
            fact["fact"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// Opens it, reads it, and goes on with it.
fn goes_on_with(fixture: &Path) {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.state()).unwrap();
    std::fs::copy(fixture, installation.state().join("journal.db")).unwrap();

    let before = [
        ("test-4", None),
        ("test-3", None),
        ("test-2", Some("cancelled")),
        ("test-1", Some("failed")),
    ];
    assert_eq!(results(&installation), expected(before));
    let status = installation
        .succeed(&["status", "test", "--output", "json"])
        .json();
    assert_eq!(status[0]["interrupted"], "test-3", "{status:#?}");
    let first = facts(&installation, "test-1");
    assert!(
        first.iter().any(|fact| fact == "retry-scheduled"),
        "{first:?}"
    );
    let begun = facts(&installation, "test-3");

    // The sources are not on this machine, so that the deployments can only fail; but they do
    // so step by step, each after what is in the journal.
    let resumed = installation.run(&["resume", "test", "--output", "json"]);
    assert_eq!(resumed.code, Some(1), "{resumed}");
    let events = resumed.json();
    let happened = |what: &str| events.iter().any(|event| event["event"] == what);
    assert!(
        happened("deployment.resumed") && happened("deployment.ended"),
        "{resumed}"
    );
    let all = facts(&installation, "test-3");
    assert_eq!(all[..begun.len()], begun, "what was there is still there");
    assert!(all.len() > begun.len());
    let after = [
        ("test-4", Some("failed")),
        ("test-3", Some("failed")),
        ("test-2", Some("cancelled")),
        ("test-1", Some("failed")),
    ];
    assert_eq!(results(&installation), expected(after));
    installation.succeed(&["journal", "check"]);
    assert!(version(&in_one_file(&installation)) >= version(fixture));
    // Nothing of it runs, and the plugins that could be asked are the older program's.
    std::fs::remove_dir_all(installation.state().join("locks")).unwrap();
}

#[test]
fn journals_of_all_versions_are_read_and_resumed() {
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let named = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(named, version(&path).to_string());
        goes_on_with(&path);
        versions.push(version(&path));
    }
    versions.sort_unstable();
    let newest = versions.last().copied().unwrap_or_default();
    assert_eq!(
        versions,
        (1..=newest).collect::<Vec<_>>(),
        "none is left out"
    );
}

#[test]
fn the_newest_version_has_a_fixture() {
    let installation = with(&[]);
    if std::env::var_os(KEEP).is_some() {
        let journal = write_history(&installation);
        let fixture = fixtures().join(format!("{}.db", version(&journal)));
        std::fs::copy(&journal, fixture).unwrap();
        installation.succeed(&["cancel", "--force", "test-4"]);
        installation.succeed(&["cancel", "--force", "test-3"]);
        return;
    }
    rewrite(&installation, &[job("migrate", "job")]);
    installation.succeed(&["deploy"]);
    let version = version(&in_one_file(&installation));
    let fixture = fixtures().join(format!("{version}.db"));
    assert!(
        fixture.exists(),
        "there is no journal of version {version} among the fixtures; make one with\n    \
         {KEEP}=1 cargo test -p stagewright-tests -- versions::the_newest"
    );
}
