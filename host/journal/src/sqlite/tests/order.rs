//! Numbers, order, conflicts, groups, and what is true together.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Fixture, bodies, facts, new_deployment, queued};
use crate::{
    DeploymentId, Journal, JournalError, MAX_TEXT_BYTES, NewDeployment, Selection, SqliteJournal,
    State,
};

#[tokio::test]
async fn deployments_are_numbered_per_environment() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    assert_eq!(queued(journal, "shop").await.to_string(), "shop-1");
    assert_eq!(queued(journal, "shop").await.to_string(), "shop-2");
    assert_eq!(queued(journal, "blog-eu").await.to_string(), "blog-eu-1");

    let fixture = fixture.reopened();
    let journal = &fixture.journal;
    assert_eq!(queued(journal, "shop").await.to_string(), "shop-3");
    assert_eq!(journal.environments().await.unwrap(), ["blog-eu", "shop"]);

    let ids = |list: Vec<crate::Deployment>| -> Vec<String> {
        list.into_iter().map(|entry| entry.id.to_string()).collect()
    };
    let all = journal.deployments(None, 3).await.unwrap();
    assert_eq!(ids(all), ["shop-3", "blog-eu-1", "shop-2"]);
    let shop = journal.deployments(Some("shop"), 2).await.unwrap();
    assert_eq!(ids(shop), ["shop-3", "shop-2"]);
}

#[tokio::test]
async fn what_a_selection_leaves_out_does_not_count() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    for action in ["deploy", "run", "stop", "run", "deploy", "run"] {
        let action = action.to_owned();
        let one = NewDeployment {
            action,
            ..new_deployment("shop")
        };
        journal.create(one).await.unwrap();
        queued(journal, "blog").await;
    }
    let first = DeploymentId::new("shop", 1);
    let done = facts(&first, 1, &["a"]).started().ended("succeeded");
    journal.append(done).await.unwrap();
    journal.forget(&first).await.unwrap();

    let numbers = async |actions: &[&str], forgotten, limit| -> Vec<u64> {
        let selection = Selection { actions, forgotten };
        let found = journal.selected("shop", selection, limit).await.unwrap();
        found.iter().map(|one| one.id.number()).collect()
    };
    assert_eq!(numbers(&["deploy"], true, 2).await, [5, 1]);
    assert_eq!(numbers(&["deploy"], false, 2).await, [5]);
    assert_eq!(numbers(&["stop", "deploy"], true, 2).await, [5, 3]);
    assert!(numbers(&[], true, 9).await.is_empty());
}

#[tokio::test]
async fn a_deployment_is_queued_then_running_then_ended() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let id = queued(journal, "shop").await;
    let found = journal.deployment(&id).await.unwrap().unwrap();
    assert_eq!((found.state, found.last_seq), (State::Queued, 0));
    assert_eq!(found.created_ms, 1_000);
    assert_eq!(
        journal.description(&id).await.unwrap(),
        r#"{"name":"shop"}"#
    );

    journal
        .append(facts(&id, 1, &["a", "b"]).started())
        .await
        .unwrap();
    let found = journal.deployment(&id).await.unwrap().unwrap();
    assert_eq!((found.state, found.last_seq), (State::Running, 2));
    assert_eq!((found.started_ms, found.ended_ms), (Some(1_001), None));
    assert_eq!(journal.unfinished("shop").await.unwrap(), [found]);

    let last = facts(&id, 3, &["c"])
        .ended("failed")
        .document("ledger", "{}");
    journal.append(last).await.unwrap();
    let found = journal.deployment(&id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.result.as_deref()),
        (State::Ended, Some("failed"))
    );
    assert_eq!(
        (found.started_ms, found.ended_ms),
        (Some(1_001), Some(1_003))
    );
    assert!(journal.unfinished("shop").await.unwrap().is_empty());
    assert_eq!(
        journal.document("shop", "ledger").await.unwrap().unwrap(),
        "{}"
    );

    let after = journal.append(facts(&id, 4, &["d"])).await;
    assert!(matches!(after, Err(JournalError::Ended(_))));
    assert_eq!(bodies(journal, &id).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn one_append_can_begin_and_end_a_deployment() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let (worked, cancelled) = (queued(journal, "shop").await, queued(journal, "shop").await);
    let all = facts(&worked, 1, &["a"]).started().ended("succeeded");
    journal.append(all).await.unwrap();
    journal
        .append(facts(&cancelled, 1, &["a"]).ended("cancelled"))
        .await
        .unwrap();
    let worked = journal.deployment(&worked).await.unwrap().unwrap();
    let cancelled = journal.deployment(&cancelled).await.unwrap().unwrap();
    assert_eq!(
        (worked.started_ms, cancelled.started_ms),
        (Some(1_001), None)
    );
    assert_eq!(
        (worked.state, cancelled.state),
        (State::Ended, State::Ended)
    );
}

#[tokio::test]
async fn facts_are_read_in_pages() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let id = queued(journal, "shop").await;
    journal
        .append(facts(&id, 1, &["a", "b", "c", "d"]))
        .await
        .unwrap();
    let page = journal.read(&id, 1, 2).await.unwrap();
    let page: Vec<_> = page
        .iter()
        .map(|entry| (entry.seq, entry.body.as_str()))
        .collect();
    assert_eq!(page, [(2, "b"), (3, "c")]);
    assert!(journal.read(&id, 4, 10).await.unwrap().is_empty());

    let large = "x".repeat(9 << 20);
    journal
        .append(facts(&id, 5, &[&large, &large, &large]))
        .await
        .unwrap();
    let page = journal.read(&id, 4, 10).await.unwrap();
    assert_eq!(page.len(), 2, "a page ends after 16 MiB");
}

#[tokio::test]
async fn a_write_of_somebody_else_is_a_conflict_and_changes_nothing() {
    let fixture = Fixture::new();
    let other = SqliteJournal::open(&fixture.path()).unwrap();
    let id = queued(&fixture.journal, "shop").await;
    fixture
        .journal
        .append(facts(&id, 1, &["mine"]))
        .await
        .unwrap();
    other.append(facts(&id, 2, &["theirs"])).await.unwrap();

    let late = facts(&id, 2, &["late"])
        .ended("succeeded")
        .document("ledger", "late");
    let error = fixture.journal.append(late).await.unwrap_err();
    assert!(
        matches!(
            &error,
            JournalError::Conflict {
                first_seq: 2,
                next: 3,
                ..
            }
        ),
        "{error}"
    );
    let gap = fixture.journal.append(facts(&id, 4, &["gap"])).await;
    assert!(matches!(gap, Err(JournalError::Conflict { next: 3, .. })));

    assert_eq!(bodies(&fixture.journal, &id).await, ["mine", "theirs"]);
    assert_eq!(other.document("shop", "ledger").await.unwrap(), None);
    let found = other.deployment(&id).await.unwrap().unwrap();
    assert_eq!(found.state, State::Queued);
}

#[tokio::test]
async fn what_does_not_exist_or_does_not_fit_is_refused() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let nobody = DeploymentId::new("shop", 9);
    let unknown = journal.append(facts(&nobody, 1, &["a"])).await.unwrap_err();
    assert!(unknown.to_string().contains("shop-9"), "{unknown}");
    assert!(matches!(
        journal.read(&nobody, 0, 1).await,
        Err(JournalError::Unknown(_))
    ));
    assert!(journal.deployment(&nobody).await.unwrap().is_none());

    let id = queued(journal, "shop").await;
    let large = facts(&id, 1, &[&"x".repeat(MAX_TEXT_BYTES + 1)]);
    let refused = journal.append(large).await;
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })));
    assert!(bodies(journal, &id).await.is_empty());
}

#[tokio::test]
async fn queued_deployments_merge_into_a_later_one() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let (first, second) = (queued(journal, "shop").await, queued(journal, "shop").await);
    let foreign = queued(journal, "blog").await;

    let merge = |into: &DeploymentId| facts(&first, 1, &["merged"]).merged_into(into.clone());
    for wrong in [&foreign, &first, &DeploymentId::new("shop", 9)] {
        let refused = journal.append(merge(wrong)).await;
        assert!(
            matches!(refused, Err(JournalError::NotMergeable { .. })),
            "{wrong}"
        );
    }
    journal.append(merge(&second)).await.unwrap();
    let found = journal.deployment(&first).await.unwrap().unwrap();
    assert_eq!(found.merged_into, Some(second.clone()));
    assert_eq!(
        (found.state, found.result.as_deref()),
        (State::Ended, Some("merged"))
    );
    let left = journal.unfinished("shop").await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_writers_keep_their_order_and_share_commits() {
    const WRITERS: usize = 100;
    const APPENDS: u64 = 20;
    let fixture = Fixture::new();
    let journal = Arc::new(fixture.journal);
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let journal = Arc::clone(&journal);
        writers.spawn(async move {
            let id = journal
                .create(new_deployment(&format!("e{number}")))
                .await
                .unwrap();
            for seq in 1..=APPENDS {
                let append = facts(&id, seq, &[&format!("{number}/{seq}")]);
                journal.append(append).await.unwrap();
            }
            (number, id)
        });
    }
    while let Some(done) = writers.join_next().await {
        let (number, id) = done.unwrap();
        let expected: Vec<_> = (1..=APPENDS).map(|seq| format!("{number}/{seq}")).collect();
        assert_eq!(bodies(&journal, &id).await, expected);
    }
    let counts = journal.write_counts();
    assert_eq!(counts.requests, WRITERS as u64 * (APPENDS + 1));
    assert!(
        counts.commits * 2 < counts.requests,
        "{counts:?} are no groups"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_trouble_its_group() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let id = queued(journal, "shop").await;
    let mut both = Vec::new();
    for seq in [1, 7] {
        both.push(journal.append(facts(&id, seq, &["a"])));
    }
    let (wrong, right) = (both.pop().unwrap(), both.pop().unwrap());
    let (right, wrong) = tokio::join!(right, wrong);
    right.unwrap();
    assert!(matches!(wrong, Err(JournalError::Conflict { .. })));
    assert_eq!(bodies(journal, &id).await, ["a"]);
}

#[tokio::test]
async fn what_comes_then_is_recorded_with_the_facts_or_not_at_all() {
    let fixture = Fixture::new();
    let journal = &fixture.journal;
    let id = queued(journal, "shop").await;
    let next = || NewDeployment {
        action: "rollback".to_owned(),
        bodies: vec!["queued".to_owned()],
        ..new_deployment("shop")
    };
    let refused = journal.append(facts(&id, 2, &["a"]).then(next())).await;
    assert!(matches!(refused, Err(JournalError::Conflict { .. })));
    let large = NewDeployment {
        description: "x".repeat(MAX_TEXT_BYTES + 1),
        ..next()
    };
    let refused = journal.append(facts(&id, 1, &["a"]).then(large)).await;
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })));
    assert!(bodies(journal, &id).await.is_empty());
    assert_eq!(journal.unfinished("shop").await.unwrap().len(), 1);

    let last = facts(&id, 1, &["a"]).ended("failed").then(next());
    let then = journal.append(last).await.unwrap().unwrap();
    assert_eq!(then, DeploymentId::new("shop", 2));
    assert_eq!(bodies(journal, &then).await, ["queued"]);
    let found = journal.unfinished("shop").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].action.as_str(), found[0].last_seq),
        ("rollback", 1)
    );
    let plain = journal.append(facts(&then, 2, &["b"])).await.unwrap();
    assert_eq!(plain, None);
}
