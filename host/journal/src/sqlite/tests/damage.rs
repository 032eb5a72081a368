//! Crashes, torn files, files of others, and a full database.

use std::{fs::OpenOptions, io::Write, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use super::{Fixture, bodies, facts, open_raw, queued};
use crate::{
    Journal, JournalError, SqliteJournal,
    sqlite::{bell::Bell, connection::Database, schema::VERSION, writer::Writer},
};

fn refusal(path: &Path) -> JournalError {
    match SqliteJournal::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    fixture
        .journal
        .append(facts(&id, 1, &["a", "b"]).started())
        .await
        .unwrap();
    let (_copy, path) = fixture.copied();
    let journal = SqliteJournal::open(&path).unwrap();
    assert_eq!(bodies(&journal, &id).await, ["a", "b"]);
    assert_eq!(journal.unfinished("shop").await.unwrap().len(), 1);
    journal.append(facts(&id, 3, &["c"])).await.unwrap();
    journal.check().await.unwrap();
}

#[tokio::test]
async fn what_was_handed_over_is_written_though_nobody_waits() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    {
        let append = fixture.journal.append(facts(&id, 1, &["a"]));
        let mut append = std::pin::pin!(append);
        // Polled once: the request is in the queue, and then its sender is gone.
        assert!(futures_poll(append.as_mut()).is_pending());
    }
    let fixture = fixture.reopened();
    assert_eq!(bodies(&fixture.journal, &id).await, ["a"]);
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn a_torn_end_loses_only_what_is_torn() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    for (seq, body) in [(1, "a"), (2, "b"), (3, "c")] {
        fixture
            .journal
            .append(facts(&id, seq, &[body]))
            .await
            .unwrap();
    }
    let (copy, path) = fixture.copied();
    let log = OpenOptions::new()
        .write(true)
        .open(copy.path().join("journal.db-wal"))
        .unwrap();
    log.set_len(log.metadata().unwrap().len() - 5).unwrap();

    let journal = SqliteJournal::open(&path).unwrap();
    assert_eq!(bodies(&journal, &id).await, ["a", "b"]);
    journal.append(facts(&id, 3, &["again"])).await.unwrap();
    assert_eq!(bodies(&journal, &id).await, ["a", "b", "again"]);
}

#[tokio::test]
async fn a_file_damaged_in_the_middle_is_refused_by_name() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    let large = "x".repeat(200_000);
    fixture
        .journal
        .append(facts(&id, 1, &[&large]))
        .await
        .unwrap();
    let path = fixture.path();
    let Fixture { folder, journal } = fixture;
    drop(journal);

    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 20);
    // The second page begins a table; the header alone still looks sound.
    bytes[4096..20 * 4096].fill(0xab);
    std::fs::write(&path, &bytes).unwrap();
    let error = match SqliteJournal::open(&path) {
        Ok(journal) => journal.check().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("journal.db"), "{error}");
    drop(folder);
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::File::create(&text)
        .unwrap()
        .write_all(&[b'x'; 8192])
        .unwrap();
    assert!(matches!(refusal(&text), JournalError::Damaged { .. }));

    let foreign = folder.path().join("foreign");
    open_raw(&foreign)
        .execute_batch("CREATE TABLE mine (a)")
        .unwrap();
    assert!(matches!(refusal(&foreign), JournalError::Foreign { .. }));

    let nowhere = folder.path().join("missing/journal.db");
    assert!(matches!(refusal(&nowhere), JournalError::Io { .. }));
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    let path = fixture.path();
    let newer = VERSION + 1;
    open_raw(&path)
        .pragma_update(None, "user_version", newer)
        .unwrap();
    let error = refusal(&path);
    assert!(
        matches!(error, JournalError::Newer { found, known, .. } if (found, known) == (newer, VERSION)),
        "{error}"
    );
    let kept: i64 = open_raw(&path)
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(kept, newer);
}

#[test]
fn others_cannot_read_the_files() {
    let fixture = Fixture::new();
    for entry in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn when_the_database_gives_up_nothing_is_half_done_and_it_goes_on_afterwards() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    // A trigger that ends the transaction stands in for whatever makes the database do so.
    let raw = open_raw(&fixture.path());
    raw.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON fact WHEN new.body = 'last'
         BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
    )
    .unwrap();
    let failed = fixture.journal.append(facts(&id, 1, &["a", "last"])).await;
    assert!(
        matches!(failed, Err(JournalError::Database { .. })),
        "{failed:?}"
    );
    assert!(bodies(&fixture.journal, &id).await.is_empty());

    raw.execute_batch("DROP TRIGGER full").unwrap();
    fixture
        .journal
        .append(facts(&id, 1, &["a", "last"]))
        .await
        .unwrap();
    assert_eq!(bodies(&fixture.journal, &id).await, ["a", "last"]);
}

#[tokio::test]
async fn a_full_disk_is_named_and_nothing_of_the_append_is_kept() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    // A database that may not grow answers as a full disk does.
    let database = Arc::new(Database::new(&fixture.path()).unwrap());
    let connection = database.open_writer().unwrap();
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update_and_check(None, "max_page_count", pages + 10, |_| Ok(()))
        .unwrap();
    let bell = Bell::open(&fixture.path()).unwrap();
    let writer = Writer::start(database, connection, bell).unwrap();

    let large = "x".repeat(100 << 10);
    let error = writer
        .append(facts(&id, 1, &["a", &large]))
        .await
        .unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(error.to_string().contains("resume"), "{error}");
    assert!(bodies(&fixture.journal, &id).await.is_empty());

    writer.append(facts(&id, 1, &["a", "b"])).await.unwrap();
    assert_eq!(bodies(&fixture.journal, &id).await, ["a", "b"]);
}

/// Found by the fuzzer: SQLite reads bytes that went bad in the middle of a text as if they had
/// been written so.
#[tokio::test]
async fn what_is_not_as_it_was_written_is_refused_by_name() {
    for (damage, named) in [
        (
            "UPDATE fact SET body = 'B' WHERE seq = 2",
            "fact 2 of shop-1",
        ),
        (
            "UPDATE fact SET time_ms = 5 WHERE seq = 3",
            "fact 3 of shop-1",
        ),
        (
            "DELETE FROM fact WHERE seq = 2",
            "fact 2 of shop-1 is missing",
        ),
        (
            "DELETE FROM fact WHERE seq = 3",
            "fact 3 of shop-1 is missing",
        ),
        (
            "UPDATE description SET body = '{}'",
            "the description of shop-1",
        ),
        (
            "DELETE FROM description",
            "the description of shop-1 is missing",
        ),
        (
            "UPDATE document SET body = '{}'",
            "the document `ledger` of shop",
        ),
        ("UPDATE environment SET name = 'shoq'", "of shoq"),
    ] {
        let fixture = Fixture::new();
        let id = queued(&fixture.journal, "shop").await;
        let append = facts(&id, 1, &["a", "b", "c"]).document("ledger", "kept");
        fixture.journal.append(append).await.unwrap();
        open_raw(&fixture.path()).execute_batch(damage).unwrap();

        let name = fixture.journal.environments().await.unwrap().remove(0);
        let id = crate::DeploymentId::new(&name, 1);
        let read = async {
            fixture.journal.document(&name, "ledger").await?;
            fixture.journal.description(&id).await?;
            fixture.journal.read(&id, 0, 10).await
        };
        let error = read.await.unwrap_err();
        assert!(
            matches!(error, JournalError::Damaged { .. }),
            "{damage}: {error}"
        );
        assert!(error.to_string().contains(named), "{damage}: {error}");
    }
}
