//! Resolving, fetching and checking out.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{super::Repository, Fixture, Revision, SourceError, branch, tag, write};
use crate::source::{CommitId, Report};

#[tokio::test]
async fn branches_tags_and_commits_are_resolved_and_checked_out() {
    let fixture = Fixture::new();
    let first = fixture.commit("api/main", "one");
    fixture.git(&["tag", "light"]);
    fixture.git(&["tag", "--annotate", "heavy", "--message", "release"]);
    let second = fixture.commit("api/main", "two");
    fixture.git(&["branch", "feature/x"]);

    for (revision, commit, content) in [
        (branch("main"), &second, "two"),
        (branch("feature/x"), &second, "two"),
        (tag("light"), &first, "one"),
        (tag("heavy"), &first, "one"),
        (Revision::Commit(first.clone()), &first, "one"),
    ] {
        let resolved = fixture.resolve(revision.clone()).await.unwrap();
        assert_eq!(&resolved, commit, "{revision}");
        let tree = fixture.checkout(&resolved).await.unwrap();
        assert_eq!(fs::read_to_string(tree.join("api/main")).unwrap(), content);
        assert!(!tree.join(".git").exists());
    }
    assert!(fixture.leftovers().is_empty());
}

#[tokio::test]
async fn modes_and_links_are_as_committed() {
    let fixture = Fixture::new();
    let script = fixture.origin().join("run.sh");
    write(&script, "#!/bin/sh\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("README", fixture.origin().join("link")).unwrap();
    let commit = fixture.commit("plain", "text\n");
    let tree = fixture.checkout(&commit).await.unwrap();
    let mode = |name| fs::metadata(tree.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("run.sh"), mode("plain")), (0o111, 0));
    assert_eq!(
        fs::read_link(tree.join("link")).unwrap().to_str(),
        Some("README")
    );
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_what_does() {
    let fixture = Fixture::new();
    fixture.git(&["branch", "develop"]);
    let error = fixture.resolve(branch("mian")).await.unwrap_err();
    assert!(matches!(error, SourceError::NoSuchRevision { .. }));
    let text = error.to_string();
    for part in [
        "branch `mian`",
        "develop, main",
        fixture.repository().address(),
    ] {
        assert!(text.contains(part), "{text}");
    }
    let error = fixture.resolve(tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("no tags"), "{error}");

    let nowhere = "1".repeat(40).parse().unwrap();
    let error = fixture.checkout(&nowhere).await.unwrap_err();
    assert!(error.to_string().contains(&"1".repeat(40)), "{error}");
    assert!(fixture.leftovers().is_empty());
}

#[tokio::test]
async fn a_repository_that_is_not_there_may_come_back() {
    let fixture = Fixture::new();
    let cancel = CancellationToken::new();
    let missing = Repository::parse("missing", fixture.folder.path()).unwrap();
    let resolver = fixture.sources.resolver();
    let error = resolver
        .resolve(&missing, &branch("main"), &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(
        error.may_pass() && error.to_string().contains("missing"),
        "{error}"
    );

    fs::rename(fixture.origin(), fixture.folder.path().join("missing")).unwrap();
    resolver
        .resolve(&missing, &branch("main"), &cancel)
        .await
        .unwrap();

    let folder = Repository::parse("sources", fixture.folder.path()).unwrap();
    let error = resolver
        .resolve(&folder, &branch("main"), &cancel)
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_deployment_sees_one_moment_of_a_repository() {
    let fixture = Fixture::new();
    let (repository, cancel) = (fixture.repository(), CancellationToken::new());
    let resolver = fixture.sources.resolver();
    let before = resolver
        .resolve(&repository, &branch("main"), &cancel)
        .await
        .unwrap();
    let after = fixture.commit("README", "second");
    let again = resolver
        .resolve(&repository, &branch("main"), &cancel)
        .await
        .unwrap();
    assert_eq!(before, again);
    assert_eq!(fixture.resolve(branch("main")).await.unwrap(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_at_once_share_one_fetch_and_one_tree() {
    let fixture = Fixture::new();
    let commit = fixture.commit("api/main", "one");
    let (one, two) = tokio::join!(fixture.checkout(&commit), fixture.checkout(&commit));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(packs(&fixture), 1);

    // Nothing of the repository is needed again.
    fs::rename(fixture.origin(), fixture.folder.path().join("gone")).unwrap();
    fixture.checkout(&commit).await.unwrap();
}

#[tokio::test]
async fn a_second_commit_fetches_only_what_is_new() {
    let fixture = Fixture::new();
    let large: String = (0..200_000).map(|number| format!("{number:x}")).collect();
    let first = fixture.commit("large", &large);
    fixture.checkout(&first).await.unwrap();
    let bytes = pack_bytes(&fixture);
    let second = fixture.commit("small", "x");
    fixture.checkout(&second).await.unwrap();
    assert_eq!(packs(&fixture), 2);
    assert!(pack_bytes(&fixture) < bytes + bytes / 10);
}

#[tokio::test]
async fn leftovers_of_a_killed_process_are_removed() {
    let fixture = Fixture::new();
    let commit = fixture.resolve(branch("main")).await.unwrap();
    let partial = fixture.mirror().join("trees/.partial-killed");
    write(&partial.join("half"), "done");
    fixture.checkout(&commit).await.unwrap();
    assert!(!partial.exists());
}

#[tokio::test]
async fn a_cancelled_checkout_leaves_nothing_and_can_be_repeated() {
    let fixture = Fixture::new();
    let commit = fixture.resolve(branch("main")).await.unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let repository = fixture.repository();
    let cancelled = fixture
        .sources
        .checkout(&repository, &commit, &cancel, None)
        .await;
    assert!(matches!(cancelled, Err(SourceError::Cancelled)));
    assert!(fixture.leftovers().is_empty());
    fixture.checkout(&commit).await.unwrap();
}

#[tokio::test]
async fn waiting_for_another_process_ends_with_a_cancel() {
    let fixture = Fixture::new();
    let commit = fixture.resolve(branch("main")).await.unwrap();
    let other = fs::File::options()
        .write(true)
        .open(fixture.mirror().join("lock"))
        .unwrap();
    other.lock().unwrap();
    let cancel = CancellationToken::new();
    let repository = fixture.repository();
    let waiting = fixture
        .sources
        .checkout(&repository, &commit, &cancel, None);
    let (cancelled, ()) = tokio::join!(waiting, async { cancel.cancel() });
    assert!(matches!(cancelled, Err(SourceError::Cancelled)));

    drop(other);
    fixture.checkout(&commit).await.unwrap();
}

/// A server that accepts and then says nothing: ssh is a script that tells a pipe it was begun,
/// then waits for another pipe.
#[tokio::test]
async fn a_silent_server_does_not_hold_up_a_cancel() {
    let fixture = Fixture::new();
    let folder = fixture.folder.path();
    let silent = Repository::parse("ssh://git@silent.test/api.git", folder).unwrap();
    for pipe in ["begun", "end"] {
        let made = std::process::Command::new("mkfifo")
            .arg(folder.join(pipe))
            .status();
        assert!(made.unwrap().success());
    }
    let script = folder.join("ssh.sh");
    let shown = folder.display();
    write(
        &script,
        &format!("#!/bin/sh\necho > {shown}/begun\nread line < {shown}/end\n"),
    );
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mirror = folder
        .join("sources")
        .join(silent.key())
        .join("repository.git");
    fs::create_dir_all(mirror.parent().unwrap().join("trees")).unwrap();
    gix::init_bare(&mirror).unwrap();
    let mut config = fs::File::options()
        .append(true)
        .open(mirror.join("config"))
        .unwrap();
    write!(
        config,
        "[core]\n\tsshCommand = {}\n[ssh]\n\tvariant = simple\n",
        script.display()
    )
    .unwrap();

    let cancel = CancellationToken::new();
    let begun = tokio::fs::read(folder.join("begun"));
    let commit: CommitId = "a".repeat(40).parse().unwrap();
    let fetching = fixture.sources.checkout(&silent, &commit, &cancel, None);
    let cancelled = tokio::time::timeout(Duration::from_secs(30), async {
        let (cancelled, _) = tokio::join!(fetching, async {
            begun.await.unwrap();
            cancel.cancel();
        });
        cancelled
    });
    let cancelled = cancelled
        .await
        .expect("it ends although the server is silent");
    assert!(matches!(cancelled, Err(SourceError::Abandoned)));
    fs::write(folder.join("end"), "\n").unwrap();
}

#[tokio::test]
async fn progress_is_told() {
    let fixture = Fixture::new();
    let commit = fixture.commit("api/main", "one");
    let told = Arc::new(Mutex::new(Vec::new()));
    let report: Report = {
        let told = Arc::clone(&told);
        Arc::new(move |progress| told.lock().unwrap().push(progress.clone()))
    };
    // The lock holds the work up until its first progress was told.
    fixture.resolve(branch("main")).await.unwrap();
    let other = fs::File::options()
        .write(true)
        .open(fixture.mirror().join("lock"))
        .unwrap();
    other.lock().unwrap();
    let (repository, cancel) = (fixture.repository(), CancellationToken::new());
    let release: Report = {
        let other = Mutex::new(Some(other));
        Arc::new(move |progress| {
            report(progress);
            drop(other.lock().unwrap().take());
        })
    };
    let tree = fixture
        .sources
        .checkout(&repository, &commit, &cancel, Some(&release))
        .await;
    tree.unwrap();
    let told = told.lock().unwrap();
    assert!(
        told.iter()
            .any(|progress| progress.activity.contains("another process")),
        "{told:?}"
    );
}

fn packs(fixture: &Fixture) -> usize {
    pack_files(fixture).len()
}

fn pack_bytes(fixture: &Fixture) -> u64 {
    pack_files(fixture)
        .iter()
        .map(|entry| entry.metadata().unwrap().len())
        .sum()
}

fn pack_files(fixture: &Fixture) -> Vec<fs::DirEntry> {
    fs::read_dir(fixture.mirror().join("repository.git/objects/pack"))
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "pack"))
        .collect()
}
