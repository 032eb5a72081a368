//! Journal files in which bytes were changed at random: read as they were written, or refused
//! with a reason. Nothing that was never written is ever read.

use std::path::Path;

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::{Fixture, facts, queued};
use crate::{DeploymentId, Journal, JournalError, Salvage, SqliteJournal};

/// The files of a journal, one after the other: the length of the first, the first, the rest.
struct Files;

impl Files {
    fn joined(folder: &Path) -> Vec<u8> {
        let database = std::fs::read(folder.join("journal.db")).unwrap();
        let log = std::fs::read(folder.join("journal.db-wal")).unwrap_or_default();
        let length = u32::try_from(database.len()).unwrap().to_le_bytes();
        [length.as_slice(), &database, &log].concat()
    }

    fn split(joined: &[u8], folder: &Path) {
        let (length, rest) = joined.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
        let (database, log) = rest.split_at(length);
        std::fs::write(folder.join("journal.db"), database).unwrap();
        std::fs::write(folder.join("journal.db-wal"), log).unwrap();
    }
}

fn body(number: usize) -> String {
    format!("fact {number} {}", "x".repeat(number * 40))
}

/// A journal that has been checkpointed, and one whose facts are in the log alone.
async fn seeds() -> [Vec<u8>; 2] {
    let fixture = Fixture::new();
    for environment in ["shop", "blog"] {
        let id = queued(&fixture.journal, environment).await;
        for number in 1..=12 {
            let one = facts(&id, number as u64, &[&body(number)]);
            let append = if number == 1 { one.started() } else { one };
            fixture.journal.append(append).await.unwrap();
        }
        let text = format!("ledger of {environment}");
        fixture
            .journal
            .put_document(environment, "ledger", text)
            .await
            .unwrap();
    }
    let logged = Files::joined(fixture.folder.path());
    let fixture = fixture.reopened();
    [logged, Files::joined(fixture.folder.path())]
}

/// Reads everything, and holds it against what was written.
async fn read_all(journal: &SqliteJournal) -> Result<(), JournalError> {
    for environment in journal.environments().await? {
        if let Some(text) = journal.document(&environment, "ledger").await? {
            assert_eq!(text, format!("ledger of {environment}"));
        }
        journal.unfinished(&environment).await?;
        for deployment in journal.deployments(Some(&environment), 10).await? {
            let text = journal.description(&deployment.id).await?;
            assert!(
                ["shop", "blog"].contains(&environment.as_str()),
                "{environment:?}"
            );
            assert_eq!(deployment.id, DeploymentId::new(&environment, 1));
            assert_eq!(text, format!(r#"{{"name":"{environment}"}}"#));
            for (entry, number) in journal.read(&deployment.id, 0, 100).await?.iter().zip(1..) {
                assert_eq!((entry.seq, &entry.body), (number as u64, &body(number)));
            }
        }
    }
    Ok(())
}

/// Looks at everything that can still be read, whatever state it is in.
fn salvage(journal: &Path) {
    if let Ok(salvage) = Salvage::open(journal) {
        let mut defects = 0;
        let done: Result<(), ()> = salvage.check(&mut |_| {
            defects += 1;
            Ok(())
        });
        assert_eq!(done, Ok(()), "after {defects} defects");
    }
}

#[test]
fn files() -> Result<(), Finding> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let target = Target::new("journal-file", Shape::Bytes)
        .seeds(runtime.block_on(seeds()))
        .least(40);
    target.run(|input| {
        let folder = tempfile::tempdir().unwrap();
        Files::split(input, folder.path());
        salvage(&folder.path().join("journal.db"));
        runtime.block_on(async {
            let opened = SqliteJournal::open(&folder.path().join("journal.db"));
            let read = match &opened {
                Ok(journal) => read_all(journal).await,
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = &read {
                assert!(error.to_string().contains("journal.db"), "{error}");
            }
            Verdict::from(read.is_ok())
        })
    })?;
    Ok(())
}
