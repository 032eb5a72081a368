//! What a power cut leaves of the write-ahead log: any part of its end may be missing or zero.

use std::fs::OpenOptions;

use super::{Fixture, bodies, damage, facts, queued};
use crate::{DeploymentId, Journal, SqliteJournal};

/// Before each page in the log, as in "The SQLite Database File Format".
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
const PAGE: u64 = 4096;
/// Inside a page one byte is like another: the checksum of the frame covers all of it.
const STRIDE: usize = 509;
const APPENDS: u64 = 5;

/// Appends that each write one fact and its number as a document, and the size of the log
/// before the last two of them.
async fn written() -> (Fixture, DeploymentId, u64) {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    let mut size = 0;
    for seq in 1..=APPENDS {
        if seq == APPENDS - 1 {
            let log = fixture.folder.path().join("journal.db-wal");
            size = std::fs::metadata(log).unwrap().len();
        }
        let append = facts(&id, seq, &[&format!("fact {seq}")]).document("ledger", seq.to_string());
        fixture.journal.append(append).await.unwrap();
    }
    (fixture, id, size)
}

/// Every place in and around the headers of the frames, and some in the pages.
fn places(from: u64, to: u64) -> Vec<u64> {
    let is_near_header = |place: u64| {
        let inside = (place - LOG_HEADER) % (FRAME_HEADER + PAGE);
        inside <= FRAME_HEADER + 1 || inside == FRAME_HEADER + PAGE - 1
    };
    let (headers, pages): (Vec<u64>, Vec<u64>) = (from..=to).partition(|&at| is_near_header(at));
    headers
        .into_iter()
        .chain(pages.into_iter().step_by(STRIDE))
        .collect()
}

/// Opens a journal whose log was changed; how many of the facts are left.
async fn left(fixture: &Fixture, id: &DeploymentId, tear: impl Fn(&std::fs::File)) -> u64 {
    let (copy, path) = fixture.copied();
    let log = OpenOptions::new()
        .write(true)
        .open(copy.path().join("journal.db-wal"))
        .unwrap();
    tear(&log);
    let journal = SqliteJournal::open(&path).unwrap();
    let kept = bodies(&journal, id).await;
    let count = kept.len() as u64;
    let whole: Vec<String> = (1..=count).map(|seq| format!("fact {seq}")).collect();
    assert_eq!(kept, whole);
    let found = journal.deployment(id).await.unwrap().unwrap();
    assert_eq!(found.last_seq, count);
    let document = journal.document("shop", "ledger").await.unwrap();
    assert_eq!(document, Some(count.to_string()));
    let next = facts(id, count + 1, &["next"]);
    journal.append(next).await.unwrap();
    drop(journal);
    assert_eq!(damage(&path), Vec::<String>::new());
    count
}

#[tokio::test]
async fn a_log_that_is_cut_off_anywhere_leaves_whole_appends() {
    let (fixture, id, from) = written().await;
    let log = fixture.folder.path().join("journal.db-wal");
    let to = std::fs::metadata(log).unwrap().len();
    let mut seen = Vec::new();
    for size in places(from, to) {
        let count = left(&fixture, &id, |log| log.set_len(size).unwrap()).await;
        seen.push((size, count));
    }
    seen.sort_unstable();
    assert!(seen.is_sorted_by_key(|(_, count)| *count), "{seen:?}");
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert_eq!((first.1, last.1), (APPENDS - 2, APPENDS));
}

#[tokio::test]
async fn a_log_whose_end_is_zero_leaves_whole_appends() {
    let (fixture, id, from) = written().await;
    let log = fixture.folder.path().join("journal.db-wal");
    let to = std::fs::metadata(log).unwrap().len();
    for size in places(from, to - 1).into_iter().step_by(3) {
        let count = left(&fixture, &id, |log| {
            log.set_len(size).unwrap();
            log.set_len(to).unwrap();
        })
        .await;
        assert!((APPENDS - 2..APPENDS).contains(&count), "{count} at {size}");
    }
}
