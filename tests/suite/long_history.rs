//! What a rollback and `gc` know when thousands of other deployments came in between.

use futures::stream::{self, StreamExt};
use stagewright_journal::{
    Append, Claim, DeploymentId, Journal, MAX_PAGE, NewDeployment, SqliteJournal,
};

use crate::environment::{free_port, get, job, server, with};
use crate::installation::Installation;

/// How many rows are written at once.
const TOGETHER: usize = 500;

/// A run of a job that ended long ago, and was forgotten.
async fn forgotten_run(journal: &SqliteJournal, claim: &Claim) {
    let new = NewDeployment {
        environment: "test".to_owned(),
        action: "run".to_owned(),
        trigger: "test".to_owned(),
        description: "{}".to_owned(),
        time_ms: 1,
        bodies: Vec::new(),
    };
    let id = journal.create(new).await.unwrap();
    let facts = Append::new(claim.clone(), id.clone(), 1, 1, vec!["{}".to_owned()]);
    let ended = facts.started().ended("succeeded");
    journal.append(ended).await.unwrap();
    journal.forget(&id).await.unwrap();
}

/// Records as many deployments with this action as that one, which have ended.
async fn repeat(journal: &SqliteJournal, claim: &Claim, like: &DeploymentId, times: usize) {
    let known = journal.deployment(like).await.unwrap().unwrap();
    let description = journal.description(like).await.unwrap();
    for _ in 0..times {
        let new = NewDeployment {
            environment: "test".to_owned(),
            action: known.action.clone(),
            trigger: "test".to_owned(),
            description: description.clone(),
            time_ms: 1,
            bodies: Vec::new(),
        };
        let id = journal.create(new).await.unwrap();
        let facts = Append::new(claim.clone(), id, 1, 1, Vec::new());
        let ended = facts.started().ended("succeeded");
        journal.append(ended).await.unwrap();
    }
}

/// Writes more rows of jobs that ran by the clock than are ever read at once.
fn run_jobs_for_a_year(installation: &Installation) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = SqliteJournal::open(&installation.state().join("journal.db")).unwrap();
        let claim = journal.claim("test", "this test").await.unwrap();
        let runs = (0..=MAX_PAGE).map(|_| forgotten_run(&journal, &claim));
        let runs = stream::iter(runs).buffer_unordered(TOGETHER);
        runs.collect::<Vec<()>>().await;
    });
}

/// A server, a job after it, and an automatic rollback.
fn write(installation: &Installation, port: u16, greeting: &str, last: &str) {
    let web = server("web", port, greeting) + "    stage: a\n";
    let last = job("last", last) + "    stage: b\n";
    let stages = "rollback: automatic\nstages: [{ name: a }, { name: b }]\n";
    let text = format!("name: test\n{stages}services:{web}{last}");
    installation.write("stagewright.yaml", &text);
}

#[test]
fn states_are_found_behind_any_number_of_jobs() {
    let port = free_port();
    let installation = with(&[]).run_by(env!("CARGO_BIN_EXE_drifting"));
    for greeting in ["one", "two"] {
        write(&installation, port, greeting, "note");
        installation.write("app/more", greeting);
        installation.succeed(&["deploy"]);
    }
    run_jobs_for_a_year(&installation);

    // Two hours on, so that nothing counts as young.
    let drift = installation.state().with_file_name("drift");
    std::fs::write(drift, (2 * 3_600_000).to_string()).unwrap();
    let collected = installation.succeed(&["gc", "--output", "json"]);
    assert_eq!(collected.stdout, "", "all of it is needed");
    installation.succeed(&["restart"]);

    write(&installation, port, "three", "fail, \"3\"");
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert_eq!(get(port, "/").unwrap(), "two", "{failed}");
    let back = installation.succeed(&["rollback"]);
    assert!(back.stderr.contains("test-1"), "{back}");
    assert_eq!(get(port, "/").unwrap(), "one");
}

#[test]
fn twenty_of_each_kind_are_kept_where_nothing_is_said() {
    let installation = with(&[job("report", "note")]);
    installation.succeed(&["deploy"]);
    installation.succeed(&["job", "run", "report"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = SqliteJournal::open(&installation.state().join("journal.db")).unwrap();
        let claim = journal.claim("test", "this test").await.unwrap();
        for number in [1, 2] {
            let like = DeploymentId::new("test", number);
            repeat(&journal, &claim, &like, 24).await;
        }
    });
    let collected = installation.succeed(&["gc", "--output", "json"]);
    let rows = collected.json().into_iter();
    let forgotten: Vec<String> = rows
        .filter(|row| row["kind"] == "deployment")
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    // The second made what is there of the job; so it stays, and the first one does not.
    let states = [1, 3, 4, 5, 6];
    let runs = [27, 28, 29, 30];
    let expected = states.into_iter().chain(runs);
    let expected: Vec<String> = expected.map(|number| format!("test-{number}")).collect();
    assert_eq!(forgotten, expected, "{collected}");
}
