//! What a commit holds, found without a checkout.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use tokio_util::sync::CancellationToken;

use super::{Fixture, calm, write};
use crate::source::{CommitId, Listing, Places, SourceError, folder_source};

fn places(path: &str, include: &[&str]) -> Places {
    Places {
        path: path.to_owned(),
        include: include.iter().map(|path| (*path).to_owned()).collect(),
    }
}

impl Fixture {
    async fn list(&self, commit: &CommitId, places: Places) -> Result<Listing, SourceError> {
        let cancel = CancellationToken::new();
        let repository = self.repository();
        self.sources
            .list(&repository, commit, places, &cancel)
            .await
    }

    async fn digest(&self, commit: &CommitId, path: &str, include: &[&str]) -> String {
        let listing = self.list(commit, places(path, include)).await;
        listing.unwrap().digest()
    }

    /// How many trees were checked out.
    fn checkouts(&self) -> usize {
        fs::read_dir(self.mirror().join("trees")).unwrap().count()
    }
}

/// Writes a tree with everything that a source may have.
fn fill(root: &Path) {
    for file in [
        "api/src/main",
        "api/src.old",
        "api/src-2/x",
        "api/build/made",
        "api/notes.log",
        "api/kept.log",
        "libs/common/lib",
        "libs/other/lib",
        "web/page",
    ] {
        write(&root.join(file), file);
    }
    write(
        &root.join("api/.stagewrightignore"),
        "/build\n*.log\n!kept.log\n",
    );
    symlink("src/main", root.join("api/link")).unwrap();
    symlink("../libs/common", root.join("api/common")).unwrap();
    fs::set_permissions(root.join("api/src-2/x"), PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_commit_lists_what_a_checkout_of_it_shows() {
    let fixture = Fixture::new();
    fill(&fixture.origin());
    let commit = fixture.commit("more", "more");
    for (path, include) in [
        ("api", vec!["libs/common"]),
        ("./api/", vec!["api/src", "libs"]),
        (".", vec!["api"]),
        ("api/src", vec!["api"]),
        ("web", vec![]),
    ] {
        let listed = fixture.list(&commit, places(path, &include)).await;
        let include: Vec<String> = include.into_iter().map(str::to_owned).collect();
        let root = fixture.checkout(&commit).await.unwrap();
        let tree = folder_source(&root, path, &include).unwrap();
        let index = fixture.folder.path().join("index");
        let shown = tree.listing(&index, &calm()).unwrap();
        assert_eq!(listed.unwrap().outline(), shown.outline(), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_checked_out_and_nothing_is_fetched_twice() {
    let fixture = Fixture::new();
    let first = fixture.commit("api/main", "one");
    let before = fixture.digest(&first, "api", &[]).await;
    assert_eq!(fixture.checkouts(), 0);
    let second = fixture.commit("api/main", "two");
    let away = fixture.folder.path().join("away");
    fs::rename(fixture.origin(), &away).unwrap();
    assert_eq!(fixture.digest(&first, "api", &[]).await, before);
    let unknown = fixture.list(&second, places("api", &[])).await.unwrap_err();
    assert!(
        matches!(unknown, SourceError::Unreachable { .. }),
        "{unknown}"
    );
    fs::rename(&away, fixture.origin()).unwrap();
    assert_ne!(fixture.digest(&second, "api", &[]).await, before);
    assert_eq!(fixture.checkouts(), 0);
    assert!(fixture.leftovers().is_empty());
}

#[tokio::test]
async fn the_digest_is_of_what_the_build_sees_and_of_what_decides_its_bytes() {
    let fixture = Fixture::new();
    fill(&fixture.origin());
    let mut commit = fixture.commit("more", "more");
    let mut seen = vec![fixture.digest(&commit, "api", &["libs/common"]).await];
    let origin = fixture.origin();
    let same: [(&str, &str); 4] = [
        ("web/page", "changed"),
        ("libs/other/lib", "changed"),
        ("api/build/made", "changed"),
        ("web/.gitattributes", "* -text\n"),
    ];
    for (file, content) in same {
        commit = fixture.commit(file, content);
        let digest = fixture.digest(&commit, "api", &["libs/common"]).await;
        assert_eq!(seen, [digest], "{file}");
    }
    let different: [(&str, &str); 7] = [
        ("api/src/main", "changed"),
        ("api/new", ""),
        ("libs/common/lib", "changed"),
        (".gitattributes", "*.txt eol=crlf\n"),
        ("libs/.gitattributes", "* -text\n"),
        ("api/src/.gitattributes", "* -text\n"),
        ("api/.stagewrightignore", "/build\n"),
    ];
    for (file, content) in different {
        commit = fixture.commit(file, content);
        let digest = fixture.digest(&commit, "api", &["libs/common"]).await;
        assert!(!seen.contains(&digest), "{file}");
        seen.push(digest);
    }
    fs::set_permissions(origin.join("api/new"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::remove_file(origin.join("api/link")).unwrap();
    let commit = fixture.commit("api/src/main", "again");
    let digest = fixture.digest(&commit, "api", &["libs/common"]).await;
    assert!(!seen.contains(&digest));
    // Where the build works is a part of what it sees.
    assert_ne!(
        fixture.digest(&commit, "api", &["libs"]).await,
        fixture.digest(&commit, "libs", &["api"]).await
    );
}

#[tokio::test]
async fn hidden_attributes_decide_as_well() {
    let fixture = Fixture::new();
    write(
        &fixture.origin().join("api/.stagewrightignore"),
        ".gitattributes\n",
    );
    let before = fixture.commit("api/main", "one\n");
    let after = fixture.commit("api/.gitattributes", "main eol=crlf\n");
    assert_ne!(
        fixture.digest(&before, "api", &[]).await,
        fixture.digest(&after, "api", &[]).await
    );
}

#[tokio::test]
async fn folders_that_have_the_name_of_attributes_decide_nothing() {
    let fixture = Fixture::new();
    write(
        &fixture.origin().join("api/.stagewrightignore"),
        ".gitattributes\n",
    );
    write(&fixture.origin().join("api/main"), "main");
    write(&fixture.origin().join(".gitattributes/x"), "one");
    let before = fixture.commit("api/.gitattributes/x", "one");
    write(&fixture.origin().join(".gitattributes/x"), "two");
    let after = fixture.commit("api/.gitattributes/x", "two");
    assert_eq!(
        fixture.digest(&before, "api", &[]).await,
        fixture.digest(&after, "api", &[]).await
    );
}

#[tokio::test]
async fn another_repository_in_a_commit_is_an_empty_folder() {
    let fixture = Fixture::new();
    let first = fixture.commit("api/main", "one");
    let inner = format!("160000,{first},libs/inner");
    fixture.git(&["update-index", "--add", "--cacheinfo", &inner]);
    fixture.git(&["commit", "--quiet", "--message", "inner"]);
    let commit: CommitId = fixture.git(&["rev-parse", "HEAD"]).parse().unwrap();
    for (path, include) in [
        ("libs/inner", vec![]),
        ("api", vec!["libs"]),
        ("api", vec!["libs/inner"]),
    ] {
        let listed = fixture.list(&commit, places(path, &include)).await;
        let include: Vec<String> = include.into_iter().map(str::to_owned).collect();
        let root = fixture.checkout(&commit).await.unwrap();
        let tree = folder_source(&root, path, &include).unwrap();
        let index = fixture.folder.path().join("index");
        let shown = tree.listing(&index, &calm()).unwrap();
        assert_eq!(listed.unwrap().outline(), shown.outline(), "{path}");
    }
    for place in ["libs/inner/src", "libs/inner/main"] {
        let missing = fixture.list(&commit, places(place, &[])).await.unwrap_err();
        assert!(matches!(missing, SourceError::Missing { .. }), "{missing}");
    }
}

#[tokio::test]
async fn places_that_a_commit_does_not_have_are_named() {
    let fixture = Fixture::new();
    fill(&fixture.origin());
    symlink("api", fixture.origin().join("alias")).unwrap();
    let commit = fixture.commit("more", "more");
    for path in ["ap", "api/src/main/x", "web/pages"] {
        let missing = fixture.list(&commit, places("api", &[path])).await;
        let missing = missing.unwrap_err();
        assert!(matches!(missing, SourceError::Missing { .. }), "{missing}");
        let text = missing.to_string();
        let names = text.contains(&format!("`{path}`")) && text.contains(commit.as_str());
        assert!(names, "{text}");
    }
    for path in ["..", "api/../..", "/etc", "alias", "alias/src"] {
        let refused = fixture.list(&commit, places(path, &[])).await.unwrap_err();
        assert!(matches!(refused, SourceError::Outside { .. }), "{refused}");
    }
}

#[tokio::test]
async fn links_that_lead_out_and_lists_that_cannot_be_read_are_refused() {
    for target in ["/etc/passwd", "../../outside", "src/../../../x"] {
        let fixture = Fixture::new();
        fs::create_dir(fixture.origin().join("api")).unwrap();
        symlink(target, fixture.origin().join("api/bad")).unwrap();
        let commit = fixture.commit("more", "more");
        let refused = fixture.list(&commit, places("api", &[])).await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("api/bad") && text.contains(target), "{text}");
    }
    let fixture = Fixture::new();
    let commit = fixture.commit("api/.stagewrightignore", "a\n[z-a]\n");
    let refused = fixture.list(&commit, places("api", &[])).await.unwrap_err();
    assert!(refused.to_string().contains("line 2"), "{refused}");
    fs::remove_file(fixture.origin().join("api/.stagewrightignore")).unwrap();
    symlink("../README", fixture.origin().join("api/.stagewrightignore")).unwrap();
    let commit = fixture.commit("more", "more");
    let refused = fixture.list(&commit, places("api", &[])).await.unwrap_err();
    assert!(refused.to_string().contains("not a file"), "{refused}");
    let root = fixture.checkout(&commit).await.unwrap();
    let tree = folder_source(&root, "api", &[]).unwrap();
    let refused = tree.entries(&calm()).unwrap_err();
    assert!(refused.to_string().contains("a link"), "{refused}");
}

#[tokio::test]
async fn a_cancelled_look_is_told_as_such() {
    let fixture = Fixture::new();
    let commit = fixture.commit("api/main", "one");
    let cancel = CancellationToken::new();
    cancel.cancel();
    let repository = fixture.repository();
    let listed = fixture
        .sources
        .list(&repository, &commit, places("api", &[]), &cancel);
    assert!(matches!(listed.await, Err(SourceError::Cancelled)));
}

#[tokio::test]
async fn a_chain_of_folders_that_no_checkout_could_have_is_refused_soon() {
    let fixture = Fixture::new();
    let blob = fixture.git(&["rev-parse", "HEAD:README"]);
    let file = format!("100644 blob {blob}\tfile\n");
    let mut tree = fixture.fed(&["mktree"], &file);
    let name = "n".repeat(250);
    for _ in 0..20 {
        let folder = format!("040000 tree {tree}\t{name}\n");
        tree = fixture.fed(&["mktree"], &folder);
    }
    let commit = fixture.git(&["commit-tree", "-m", "deep", &tree]);
    fixture.git(&["update-ref", "refs/heads/main", &commit]);
    let commit = commit.parse().unwrap();
    let refused = fixture.list(&commit, places(".", &[])).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::PathTooLong { limit: 4096, .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("`nnn"), "{refused}");
}

/// Each folder has twice the one below it, so that few objects name very many paths.
#[tokio::test]
async fn trees_that_name_more_than_can_be_held_are_refused() {
    let fixture = Fixture::new();
    let blob = fixture.git(&["rev-parse", "HEAD:README"]);
    let mut tree = fixture.fed(&["mktree"], &format!("100644 blob {blob}\tfile\n"));
    let (left, right) = ("l".repeat(200), "r".repeat(200));
    for _ in 0..19 {
        let folder = format!("040000 tree {tree}\t{left}\n040000 tree {tree}\t{right}\n");
        tree = fixture.fed(&["mktree"], &folder);
    }
    let commit = fixture.git(&["commit-tree", "-m", "wide", &tree]);
    fixture.git(&["update-ref", "refs/heads/main", &commit]);
    let commit = commit.parse().unwrap();
    let refused = fixture.list(&commit, places(".", &[])).await.unwrap_err();
    assert!(
        matches!(refused, SourceError::PathsTooLarge { .. }),
        "{refused}"
    );
}
