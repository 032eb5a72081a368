//! What is removed to make room, and what stays.

use super::{Fixture, bodies, damage, facts, queued};
use crate::{DeploymentId, Journal, JournalError};

#[tokio::test]
async fn an_ended_deployment_is_forgotten_but_not_its_number() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let id = queued(journal, "shop").await;
    let early = journal.forget(&id).await;
    assert!(matches!(early, Err(JournalError::Unfinished(_))));
    journal
        .append(facts(&id, 1, &["a", "b"]).started().ended("succeeded"))
        .await
        .unwrap();
    let other = queued(journal, "shop").await;
    journal.append(facts(&other, 1, &["c"])).await.unwrap();
    for _ in 0..2 {
        journal.forget(&id).await.unwrap();
    }

    let facts = journal.read(&id, 0, 10).await;
    assert!(matches!(facts, Err(JournalError::Forgotten(_))));
    let description = journal.description(&id).await;
    assert!(matches!(description, Err(JournalError::Forgotten(_))));
    let found = journal.deployment(&id).await.unwrap().unwrap();
    assert_eq!((found.forgotten, found.last_seq), (true, 2));
    assert_eq!(found.result.as_deref(), Some("succeeded"));
    assert_eq!(bodies(journal, &other).await, ["c"]);
    let nobody = journal.forget(&DeploymentId::new("shop", 9)).await;
    assert!(matches!(nobody, Err(JournalError::Unknown(_))));

    let fixture = fixture.reopened();
    let journal = &fixture.journal;
    assert_eq!(journal.deployments(Some("shop"), 9).await.unwrap().len(), 2);
    assert_eq!(queued(journal, "shop").await.to_string(), "shop-3");
    assert_eq!(damage(&fixture.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_document_is_deleted_in_its_environment_alone() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    for environment in ["shop", "blog"] {
        let body = environment.to_owned();
        journal
            .put_document(environment, "pins", body)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        journal.delete_document("shop", "pins").await.unwrap();
    }
    assert_eq!(journal.document("shop", "pins").await.unwrap(), None);
    let left = journal.document("blog", "pins").await.unwrap();
    assert_eq!(left.as_deref(), Some("blog"));
    journal.delete_document("nowhere", "pins").await.unwrap();
    assert_eq!(journal.environments().await.unwrap(), ["blog", "shop"]);
}
