//! Damage in the middle of the file: found by whoever reads it, and gone around by who looks
//! for what is left.

use std::{collections::BTreeSet, convert::Infallible, path::Path};

use super::{Fixture, bodies, damage, facts, open_raw, queued};
use crate::{
    Check, Deployment, DeploymentId, Finding, Found, Journal, JournalError, Salvage, SqliteJournal,
};

const PAGE: usize = 4096;
/// Of how many bytes one is flipped: no divisor of the page, so that all kinds of places come.
const STRIDE: usize = 307;

/// Two deployments with facts and a document, in one file.
async fn written() -> (tempfile::TempDir, [DeploymentId; 2]) {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let ids = [queued(journal, "shop").await, queued(journal, "shop").await];
    for id in &ids {
        let texts: Vec<String> = (1..=40)
            .map(|seq| format!("fact {seq} of {id} {}", "x".repeat(200)))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let append = facts(id, 1, &texts).started().document("ledger", "{}");
        journal.append(append).await.unwrap();
    }
    (fixture.closed(), ids)
}

/// All that is read of a journal; errors are told apart from answers only.
#[derive(Debug, PartialEq)]
struct Readings {
    facts: Vec<Option<Vec<String>>>,
    descriptions: Vec<Option<String>>,
    deployments: Vec<Option<Deployment>>,
    document: Option<Option<String>>,
}

async fn read(path: &Path, ids: &[DeploymentId]) -> Result<Readings, JournalError> {
    let journal = SqliteJournal::open(path)?;
    let mut readings = Readings {
        facts: Vec::new(),
        descriptions: Vec::new(),
        deployments: Vec::new(),
        document: journal.document("shop", "ledger").await.ok(),
    };
    for id in ids {
        let facts = journal.read(id, 0, usize::MAX).await;
        let facts = facts.map(|facts| facts.into_iter().map(|fact| fact.body).collect());
        readings.facts.push(facts.ok());
        readings
            .descriptions
            .push(journal.description(id).await.ok());
        let found = journal.deployment(id).await;
        readings.deployments.push(found.ok().flatten());
    }
    Ok(readings)
}

fn are_equal_where_they_are<T: PartialEq>(now: &[Option<T>], before: &[Option<T>]) -> bool {
    now.iter()
        .zip(before)
        .all(|(now, before)| now.is_none() || now == before)
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_never_read_as_if_it_were_good() {
    let (folder, ids) = written().await;
    let path = folder.path().join("journal.db");
    let good = read(&path, &ids).await.unwrap();
    assert!(good.facts.iter().all(Option::is_some));
    let bytes = std::fs::read(&path).unwrap();
    let (mut refused, mut unharmed) = (0, 0);
    for place in (0..bytes.len()).step_by(STRIDE) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0xa5;
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("journal.db");
        std::fs::write(&path, flipped).unwrap();
        let Ok(now) = read(&path, &ids).await else {
            refused += 1;
            continue;
        };
        let is_good = are_equal_where_they_are(&now.facts, &good.facts)
            && are_equal_where_they_are(&now.descriptions, &good.descriptions)
            && are_equal_where_they_are(&now.deployments, &good.deployments)
            && (now.document.is_none() || now.document == good.document);
        assert!(is_good, "byte {place}: {now:?}");
        match now == good {
            true => unharmed += 1,
            false => refused += 1,
        }
    }
    // Unused space is in every page, so that some flips harm nothing.
    assert!(
        refused > 20 && unharmed > 0,
        "{refused} refused, {unharmed} unharmed"
    );
}

/// Where the tree of a table begins, in pages from 0.
fn root_page(path: &Path, table: &str) -> usize {
    let query = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u32 = open_raw(path)
        .query_row(query, [table], |row| row.get(0))
        .unwrap();
    page as usize - 1
}

/// What is left of a journal, and what is wrong with it.
fn salvage(path: &Path) -> (Vec<Found>, Vec<String>) {
    let (mut rows, mut damage) = (Vec::new(), Vec::new());
    let walked = Salvage::open(path).unwrap().walk(None, &mut |finding| {
        match finding {
            Finding::Row(row) => rows.push(row),
            Finding::Damage(what) => damage.push(what),
        }
        Ok::<(), Infallible>(())
    });
    walked.unwrap();
    (rows, damage)
}

fn good_facts(rows: &[Found], of: &DeploymentId) -> BTreeSet<i64> {
    let facts = rows.iter().filter_map(|row| match row {
        Found::Fact {
            deployment,
            seq,
            check: Check::Holds,
            ..
        } if *deployment == of.to_string() => Some(*seq),
        _ => None,
    });
    facts.collect()
}

#[tokio::test]
async fn a_row_that_was_changed_is_named_and_the_others_are_exported() {
    for (change, named) in [
        (
            "UPDATE fact SET body = 'another' WHERE deployment = 1 AND seq = 7",
            "fact 7 of shop-1 is not what was written",
        ),
        (
            "UPDATE fact SET time_ms = 1 WHERE deployment = 1 AND seq = 7",
            "fact 7 of shop-1 is not what was written",
        ),
        (
            "UPDATE fact SET seal = NULL WHERE deployment = 1 AND seq = 7",
            "fact 7 of shop-1 is not what was written",
        ),
        (
            "DELETE FROM fact WHERE deployment = 1 AND seq = 7",
            "fact 7 of shop-1 is missing",
        ),
        (
            "DELETE FROM fact WHERE deployment = 1 AND seq = 40",
            "fact 40 of shop-1 is missing",
        ),
        (
            "UPDATE deployment SET trigger = 'another' WHERE id = 1",
            "the row of deployment shop-1 is not what was written",
        ),
        (
            "UPDATE deployment SET seal = NULL WHERE id = 1",
            "the row of deployment shop-1 is not what was written",
        ),
    ] {
        let (folder, [broken, sound]) = written().await;
        let path = folder.path().join("journal.db");
        open_raw(&path).execute_batch(change).unwrap();
        let journal = SqliteJournal::open(&path).unwrap();
        let error = journal.read(&broken, 0, usize::MAX).await.unwrap_err();
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(named), "{change}: {error}");
        assert!(error.to_string().contains("journal export"), "{error}");
        assert_eq!(bodies(&journal, &sound).await.len(), 40);
        drop(journal);
        assert!(damage(&path).iter().any(|damage| damage.contains(named)));
        let (rows, damage) = salvage(&path);
        assert!(
            damage.iter().any(|damage| damage.contains(named)),
            "{damage:?}"
        );
        assert!(good_facts(&rows, &broken).len() >= 38, "{change}");
        assert_eq!(good_facts(&rows, &sound).len(), 40);
    }
}

#[tokio::test]
async fn damage_is_found_on_whatever_page_of_the_facts_is_read() {
    let (folder, [broken, _]) = written().await;
    let path = folder.path().join("journal.db");
    let change = "DELETE FROM fact WHERE deployment = 1 AND seq IN (20, 40)";
    open_raw(&path).execute_batch(change).unwrap();
    let journal = SqliteJournal::open(&path).unwrap();
    assert_eq!(journal.read(&broken, 0, 19).await.unwrap().len(), 19);
    for after in [10, 19, 20, 25] {
        let read = journal.read(&broken, after, 30).await;
        assert!(matches!(read, Err(JournalError::Damaged { .. })), "{after}");
    }
    assert_eq!(journal.read(&broken, 25, 5).await.unwrap().len(), 5);
    let after_last = journal.read(&broken, 39, 5).await;
    assert!(matches!(after_last, Err(JournalError::Damaged { .. })));
}

#[tokio::test]
async fn descriptions_and_documents_have_seals_of_their_own() {
    let (folder, [broken, sound]) = written().await;
    let path = folder.path().join("journal.db");
    open_raw(&path)
        .execute_batch(
            "UPDATE description SET body = '{}' WHERE deployment = 1;
             UPDATE document SET body = 'another'",
        )
        .unwrap();
    let journal = SqliteJournal::open(&path).unwrap();
    let refused = journal.description(&broken).await.unwrap_err();
    assert!(refused.to_string().contains("description of shop-1"));
    journal.description(&sound).await.unwrap();
    let refused = journal.document("shop", "ledger").await.unwrap_err();
    assert!(refused.to_string().contains("document `ledger`"));
    assert_eq!(damage(&path).len(), 2);
    journal
        .put_document("shop", "ledger", "{}".into())
        .await
        .unwrap();
    drop(journal);
    assert_eq!(damage(&path).len(), 1, "a new document is a sound one");
}

#[tokio::test]
async fn a_page_that_is_lost_costs_the_rows_on_it_alone() {
    let (folder, ids) = written().await;
    let path = folder.path().join("journal.db");
    let bytes = std::fs::read(&path).unwrap();
    let pages: Vec<usize> = (1..bytes.len() / PAGE)
        .filter(|page| {
            let text = String::from_utf8_lossy(&bytes[page * PAGE..][..PAGE]);
            text.contains(" of shop-1 xxx")
        })
        .collect();
    assert!(pages.contains(&root_page(&path, "fact")) && pages.len() > 3);
    for page in pages {
        let mut lost = bytes.clone();
        lost[page * PAGE..][..PAGE].fill(0);
        std::fs::write(&path, lost).unwrap();
        let error = match SqliteJournal::open(&path) {
            Ok(journal) => journal.read(&ids[0], 0, usize::MAX).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
        let (rows, wrong) = salvage(&path);
        assert!(!wrong.is_empty() && !damage(&path).is_empty());
        let left = good_facts(&rows, &ids[0]).len() + good_facts(&rows, &ids[1]).len();
        assert!(
            (60..80).contains(&left),
            "{left} of 80 facts are left: {wrong:?}"
        );
        let descriptions = rows
            .iter()
            .filter(|row| matches!(row, Found::Description { .. }));
        assert_eq!(descriptions.count(), 2);
    }
}

#[tokio::test]
async fn deployments_whose_rows_are_lost_are_found_by_their_index() {
    let (folder, ids) = written().await;
    let path = folder.path().join("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[root_page(&path, "deployment") * PAGE..][..PAGE].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let (rows, wrong) = salvage(&path);
    assert!(
        wrong.iter().any(|damage| damage.contains("shop-2")),
        "{wrong:?}"
    );
    for id in &ids {
        assert_eq!(good_facts(&rows, id).len(), 40, "{wrong:?}");
    }
}

#[tokio::test]
async fn long_facts_are_found_where_no_tree_leads_to_them() {
    let fixture = Fixture::new();
    let id = queued(&fixture.journal, "shop").await;
    let texts: Vec<String> = [1, 480, 900, 1_100, 4_000, 5_000, 70_000, 300]
        .map(|length| "\u{e4}".repeat(length))
        .to_vec();
    for (text, seq) in texts.iter().zip(1..) {
        fixture
            .journal
            .append(facts(&id, seq, &[text]))
            .await
            .unwrap();
    }
    let folder = fixture.closed();
    let path = folder.path().join("journal.db");
    let root = root_page(&path, "fact");
    let mut bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes[root * PAGE], 2, "the root is no leaf");
    let (kept, _) = salvage(&path);
    bytes[root * PAGE] = 0;
    std::fs::write(&path, bytes).unwrap();
    let (rows, wrong) = salvage(&path);
    assert!(
        wrong
            .iter()
            .any(|damage| damage.contains("facts of shop-1 from 0 on")),
        "{wrong:?}"
    );
    let texts = |rows: &[Found]| -> Vec<(i64, String)> {
        let facts = rows.iter().filter_map(|row| match row {
            Found::Fact { seq, body, .. } => Some((*seq, body.clone())),
            _ => None,
        });
        facts.collect()
    };
    let (before, after) = (texts(&kept), texts(&rows));
    assert_eq!(before.len(), 8);
    assert!(after.len() >= 6, "{} facts", after.len());
    assert!(after.iter().all(|fact| before.contains(fact)));
}
