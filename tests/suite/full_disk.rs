//! A disk that is full when the journal is written.

use stagewright_journal::{Append, Journal, JournalError, NewDeployment, SqliteJournal};

use crate::environment::{add_actor, free_port, get, job, rewrite, server};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::Installation;
use crate::tmpfs;

fn new_deployment() -> NewDeployment {
    NewDeployment {
        environment: "test".to_owned(),
        action: "deploy".to_owned(),
        trigger: "test".to_owned(),
        description: "{}".to_owned(),
        time_ms: 1,
        bodies: Vec::new(),
    }
}

#[test]
fn a_journal_on_a_full_disk_keeps_whole_appends_and_goes_on_when_there_is_space() {
    tmpfs::with(2 << 20, |disk| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let path = disk.path().join("journal.db");
        runtime.block_on(async {
            let journal = SqliteJournal::open(&path).unwrap();
            let id = journal.create(new_deployment()).await.unwrap();
            let claim = journal.claim("test", "this test").await.unwrap();
            let append = |seq: u64| {
                let bodies = vec![format!("{seq}a"), "x".repeat(10_000)];
                let append = Append::new(claim.clone(), id.clone(), seq, seq, bodies);
                append.document("ledger", seq.to_string())
            };
            let ballast = disk.fill_but(200_000);
            let mut seq = 1;
            let error = loop {
                match journal.append(append(seq)).await {
                    Ok(_) => seq += 2,
                    Err(error) => break error,
                }
            };
            assert!(seq > 1, "not even one was kept: {error}");
            assert!(matches!(error, JournalError::Full { .. }), "{error:?}");
            assert!(error.to_string().contains("free some space"), "{error}");
            let again = journal.append(append(seq)).await.unwrap_err();
            assert!(matches!(again, JournalError::Full { .. }), "{again:?}");
            let kept = journal.read(&id, 0, usize::MAX).await.unwrap();
            assert_eq!(kept.len() as u64, seq - 1);
            let ledger = journal.document("test", "ledger").await.unwrap();
            assert_eq!(ledger, Some((seq - 2).to_string()));

            drop(ballast);
            journal.append(append(seq)).await.unwrap();
            let kept = journal.read(&id, 0, usize::MAX).await.unwrap();
            assert_eq!(kept.len() as u64, seq + 1);
        });
    });
}

#[test]
fn a_full_disk_is_named_and_the_next_run_finds_a_sound_journal() {
    tmpfs::with(64 << 20, |disk| {
        let installation = Installation::inside(disk.path());
        add_actor(&installation, "app");
        rewrite(&installation, &[job("migrate", "job, version=1")]);
        installation.succeed(&["deploy"]);

        let ballast = disk.fill_but(0);
        let run = installation.run(&["deploy"]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("no space is left"), "{run}");
        drop(ballast);
        installation.succeed(&["journal", "check"]);
        installation.succeed(&["deploy"]);
        let history = installation
            .succeed(&["history", "--output", "json"])
            .json();
        assert_eq!(history.len(), 2, "{history:#?}");
    });
}

#[test]
fn a_deployment_whose_disk_became_full_stops_and_is_resumed_when_there_is_space() {
    tmpfs::with(64 << 20, |disk| {
        let installation = Installation::inside(disk.path());
        add_actor(&installation, "app");
        let mut gate = Gate::new(&installation, "gate");
        let build = format!("{{ steps: [{}], outputs: [actor] }}", gate.step());
        let migrate = job("migrate", "job, version=1")
            .replace("builtin:static", "builtin:command")
            .replace("{ target: /app }", &build);
        rewrite(&installation, &[migrate]);
        let mut going = Going::new(&installation, &["deploy"]);
        going.until(|event| event["event"] == "step.started");

        let ballast = disk.fill_but(0);
        gate.admit(2);
        let (_, run) = going.end();
        assert_eq!(run.code, Some(4), "{run}");
        assert!(
            run.stderr.contains("no space is left for the journal"),
            "{run}"
        );
        assert!(run.stderr.contains("resume"), "{run}");
        drop(ballast);
        installation.succeed(&["journal", "check"]);
        installation.succeed(&["resume"]);
    });
}

/// Is every blob of the image store what its name says, and is no release half there?
fn assert_whole(installation: &Installation) {
    use sha2::{Digest, Sha256};
    let blobs = installation.state().join("images/blobs/sha256");
    for blob in std::fs::read_dir(blobs).unwrap().flatten() {
        let hash = Sha256::digest(std::fs::read(blob.path()).unwrap());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(blob.file_name().to_string_lossy(), hash);
    }
    let releases = installation.state().join("releases/test/web");
    for release in std::fs::read_dir(releases).into_iter().flatten().flatten() {
        let name = release.file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with('.'), "{name} is left");
    }
}

/// Source, image, release and log of a service take some megabytes each, so with so much space
/// left the disk becomes full while one or the other is written.
#[test]
fn wherever_the_disk_becomes_full_nothing_half_done_is_taken_for_done() {
    tmpfs::with(160 << 20, |disk| {
        let installation = Installation::inside(disk.path());
        add_actor(&installation, "app");
        let port = free_port();
        rewrite(&installation, &[server("web", port, "0")]);
        installation.succeed(&["deploy"]);
        let mut failed = 0;
        for tenths in [1_usize, 5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 150] {
            let greeting = tenths.to_string();
            rewrite(&installation, &[server("web", port, &greeting)]);
            std::fs::write(installation.project().join("app/more"), &greeting).unwrap();
            let ballast = disk.fill_but(tenths * 100_000);
            let run = installation.run(&["deploy"]);
            if run.code != Some(0) {
                failed += 1;
                let said = format!("{}{}", run.stdout, run.stderr).to_lowercase();
                assert!(said.contains("space"), "{run}");
                assert_ne!(get(port, "/"), Some(greeting.clone()), "{run}");
            }
            drop(ballast);
            installation.succeed(&["journal", "check"]);
            installation.succeed(&["resume"]);
            installation.succeed(&["deploy"]);
            assert_eq!(get(port, "/"), Some(greeting), "{run}");
            assert_whole(&installation);
        }
        assert!(failed > 3, "the disk was full only {failed} times");
    });
}
