//! Watching for writes, and reading beside the writer.

use std::{task::Poll, time::Duration};

use super::{Fixture, bodies, facts, open_raw, queued};
use crate::{Journal, SqliteJournal};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_reader_is_woken_by_a_write_and_only_then() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    let reader = SqliteJournal::open(&fixture.path()).unwrap();
    let mut watch = reader.watch().unwrap();
    {
        let mut silent = watch.changed();
        let polled =
            std::future::poll_fn(|context| Poll::Ready(silent.as_mut().poll(context))).await;
        assert!(polled.is_pending(), "nothing was written");
    }
    for (seq, body) in [(1, "a"), (2, "b")] {
        let append = fixture.journal.append(facts(&id, seq, &[body]));
        let (written, woken) =
            tokio::join!(append, tokio::time::timeout(PATIENCE, watch.changed()));
        written.unwrap();
        woken
            .unwrap_or_else(|_| panic!("write {seq} is told"))
            .unwrap();
        assert_eq!(
            bodies(&reader, &id).await.len() as u64,
            seq,
            "it is seen when it is told"
        );
    }
}

#[tokio::test]
async fn a_removed_folder_ends_the_wait_with_an_error() {
    let fixture = Fixture::new();
    let mut watch = fixture.journal.watch().unwrap();
    std::fs::remove_file(fixture.folder.path().join("journal.db-bell")).unwrap();
    drop(fixture);
    let told = async {
        loop {
            if let Err(error) = watch.changed().await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(PATIENCE, told)
        .await
        .expect("it is told");
    assert!(error.to_string().contains("journal.db-bell"), "{error}");
}

#[test]
fn a_watch_outside_a_runtime_is_an_error() {
    let fixture = Fixture::new();
    assert!(fixture.journal.watch().is_err());
}

#[tokio::test]
async fn a_reader_neither_waits_for_a_writer_nor_holds_it_up() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    fixture.journal.append(facts(&id, 1, &["a"])).await.unwrap();

    let writing = open_raw(&fixture.path());
    writing.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(bodies(&fixture.journal, &id).await, ["a"]);
    writing.execute_batch("ROLLBACK").unwrap();

    let reading = open_raw(&fixture.path());
    reading.execute_batch("BEGIN").unwrap();
    let count = || -> i64 {
        reading
            .query_row("SELECT count(*) FROM fact", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(), 1);
    fixture.journal.append(facts(&id, 2, &["b"])).await.unwrap();
    assert_eq!(count(), 1, "a reader keeps what it began with");
}

#[tokio::test]
async fn documents_are_replaced_and_kept_apart() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    journal
        .put_document("shop", "file", "1".to_owned())
        .await
        .unwrap();
    journal
        .put_document("shop", "file", "2".to_owned())
        .await
        .unwrap();
    journal
        .put_document("blog", "file", "3".to_owned())
        .await
        .unwrap();
    let fixture = fixture.reopened();
    let read = async |environment, key| fixture.journal.document(environment, key).await.unwrap();
    assert_eq!(read("shop", "file").await.as_deref(), Some("2"));
    assert_eq!(read("blog", "file").await.as_deref(), Some("3"));
    assert_eq!(read("shop", "ledger").await, None);
}
