//! Who may write when the lock of an environment was lost.

use super::{Fixture, bodies, facts, new_deployment, queued};
use crate::{Append, Claim, Journal, JournalError, SqliteJournal, State};

#[tokio::test]
async fn who_lost_the_environment_writes_nothing_more() {
    let fixture = Fixture::new();
    let other = SqliteJournal::open(&fixture.path()).unwrap();
    let (id, blog) = (
        queued(&fixture.journal, "shop").await,
        queued(&fixture.journal, "blog").await,
    );
    let first = fixture
        .journal
        .claim("shop", "pid 1 (deploy)")
        .await
        .unwrap();
    let append = |claim: &Claim, seq, body: &str| Append {
        claim: claim.clone(),
        ..facts(&id, seq, &[body])
    };
    fixture
        .journal
        .append(append(&first, 1, "mine"))
        .await
        .unwrap();

    let second = other.claim("shop", "pid 2 (resume)").await.unwrap();
    assert!(second.number() > first.number());
    let late = append(&first, 2, "late")
        .ended("succeeded")
        .document("ledger", "late")
        .then(new_deployment("shop"));
    let error = fixture.journal.append(late).await.unwrap_err();
    assert!(matches!(error, JournalError::Superseded { .. }), "{error}");
    assert!(error.to_string().contains("pid 2 (resume)"), "{error}");
    let found = other.deployment(&id).await.unwrap().unwrap();
    assert_eq!((found.state, found.last_seq), (State::Queued, 1));
    assert_eq!(other.document("shop", "ledger").await.unwrap(), None);
    assert_eq!(other.unfinished("shop").await.unwrap().len(), 1);

    other.append(append(&second, 2, "theirs")).await.unwrap();
    assert_eq!(bodies(&other, &id).await, ["mine", "theirs"]);
    // A queue entry needs no claim, and a claim is good for its environment alone.
    queued(&fixture.journal, "shop").await;
    let stray = Append {
        claim: second,
        ..facts(&blog, 1, &["stray"])
    };
    let refused = other.append(stray).await;
    assert!(matches!(refused, Err(JournalError::ClaimOfAnother { .. })));
    assert!(bodies(&other, &blog).await.is_empty());
}
