//! Crashes, files of others, and a database that gives up.

use std::{io::Write, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use super::{Fixture, bodies, damage, facts, open_raw, queued};
use crate::{
    Journal, JournalError, SqliteJournal,
    sqlite::{bell::Bell, connection::Database, schema::VERSION, update, writer::Writer},
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
    assert_eq!(damage(&path), Vec::<String>::new());
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
    let append = |append| writer.run(move |connection| update::append(connection, &append));
    let error = append(facts(&id, 1, &["a", &large])).await.unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(error.to_string().contains("resume"), "{error}");
    assert!(bodies(&fixture.journal, &id).await.is_empty());

    append(facts(&id, 1, &["a", "b"])).await.unwrap();
    assert_eq!(bodies(&fixture.journal, &id).await, ["a", "b"]);
}
