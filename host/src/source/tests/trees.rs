//! What belongs to a source, and its digest.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::atomic::AtomicBool,
};

use tempfile::TempDir;

use super::{super::EntryKind, calm, write};
use crate::source::{SourceError, SourceTree, folder_source};

fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "api/src/main",
        "api/.git/HEAD",
        "libs/common/lib",
        "libs/other/lib",
        "web/page",
    ] {
        write(&folder.path().join(file), file);
    }
    folder
}

fn tree(root: &Path, path: &str, include: &[&str]) -> Result<SourceTree, SourceError> {
    let include: Vec<String> = include.iter().map(|path| (*path).to_owned()).collect();
    folder_source(root, path, &include)
}

fn names(tree: &SourceTree) -> Vec<String> {
    let entries = tree.entries(&calm()).unwrap();
    entries
        .iter()
        .map(|entry| entry.path.display().to_string())
        .collect()
}

fn digest(tree: &SourceTree) -> String {
    let state = tempfile::tempdir().unwrap();
    tree.listing(&state.path().join("index"), &calm())
        .unwrap()
        .digest()
}

#[test]
fn a_build_sees_its_path_and_what_it_includes() {
    let shop = shop();
    let api = tree(shop.path(), "./api/", &["libs/common", "api/src"]).unwrap();
    assert_eq!(
        (api.path.as_str(), api.include[0].as_str()),
        ("api", "libs/common")
    );
    assert_eq!(
        names(&api),
        [
            "api",
            "api/src",
            "api/src/main",
            "libs/common",
            "libs/common/lib"
        ]
    );
    let all = tree(shop.path(), ".", &["api"]).unwrap();
    assert_eq!(all.path, "");
    assert!(names(&all).contains(&"web/page".to_owned()));
    assert_eq!(
        names(&all).iter().filter(|name| *name == "api/src").count(),
        1
    );
}

#[test]
fn entries_are_sorted_by_path_whatever_their_names() {
    let shop = shop();
    for file in [
        "api/src.old",
        "api/src-2/x",
        "api/src/a/b",
        "api/src/a.b",
        "api/Z",
    ] {
        write(&shop.path().join(file), file);
    }
    let entries = tree(shop.path(), ".", &[]).unwrap();
    let entries = entries.entries(&calm()).unwrap();
    assert!(entries.len() > 15);
    assert!(entries.is_sorted_by(|a, b| a.path < b.path), "{entries:?}");
}

#[test]
fn what_is_not_in_the_tree_is_refused_by_name() {
    let shop = shop();
    symlink("api", shop.path().join("alias")).unwrap();
    let missing = tree(shop.path(), "ap", &[]).unwrap_err();
    assert!(matches!(missing, SourceError::Missing { .. }));
    assert!(missing.to_string().contains("`ap`"), "{missing}");
    let missing = tree(shop.path(), "api", &["libs/comon"]).unwrap_err();
    assert!(missing.to_string().contains("`libs/comon`"), "{missing}");
    for path in ["..", "api/../..", "/etc", "alias", "alias/src"] {
        let refused = tree(shop.path(), path, &[]);
        assert!(
            matches!(refused, Err(SourceError::Outside { .. })),
            "{path}: {refused:?}"
        );
    }
}

#[test]
fn the_digest_is_of_what_the_build_sees_and_of_nothing_else() {
    let (one, two) = (shop(), shop());
    let api = |shop: &TempDir| tree(shop.path(), "api", &["libs/common"]).unwrap();
    let before = digest(&api(&one));
    assert_eq!(before, digest(&api(&two)));
    assert!(
        before.starts_with("sha256:") && before.len() == 71,
        "{before}"
    );

    write(&one.path().join("web/page"), "changed");
    write(&one.path().join("libs/other/lib"), "changed");
    write(&one.path().join("api/.git/HEAD"), "changed");
    assert_eq!(before, digest(&api(&one)));
    assert_ne!(
        before,
        digest(&tree(one.path(), "libs/common", &["api"]).unwrap())
    );
}

#[test]
fn every_kind_of_change_changes_the_digest() {
    let main = |root: &Path| root.join("api/src/main");
    let changes: [fn(&Path); 7] = [
        |root| write(&root.join("api/src/main"), "changed"),
        |root| fs::rename(root.join("api/src/main"), root.join("api/src/moved")).unwrap(),
        |root| {
            fs::set_permissions(root.join("api/src/main"), fs::Permissions::from_mode(0o755))
                .unwrap()
        },
        |root| fs::create_dir(root.join("api/empty")).unwrap(),
        |root| symlink("src", root.join("api/link")).unwrap(),
        |root| symlink("src/main", root.join("api/link")).unwrap(),
        |root| write(&root.join("libs/common/lib"), "changed"),
    ];
    let api = |root: &Path| digest(&tree(root, "api", &["libs/common"]).unwrap());
    let unchanged = shop();
    fs::set_permissions(main(unchanged.path()), fs::Permissions::from_mode(0o644)).unwrap();
    let mut seen = vec![api(unchanged.path())];
    for change in changes {
        let shop = shop();
        fs::set_permissions(main(shop.path()), fs::Permissions::from_mode(0o644)).unwrap();
        change(shop.path());
        let digest = api(shop.path());
        assert!(!seen.contains(&digest), "change {}", seen.len());
        seen.push(digest);
    }
}

#[test]
fn the_list_of_the_sub_path_says_what_is_ignored() {
    let shop = shop();
    let api = tree(shop.path(), "api", &["libs/common"]).unwrap();
    write(
        &shop.path().join("api/.stagewrightignore"),
        "# built\n/target/\n*.log\n!keep.log\n",
    );
    let before = digest(&api);
    for file in ["api/target/debug/x", "api/src/a.log", "api/b.log"] {
        write(&shop.path().join(file), "x");
    }
    assert_eq!(before, digest(&api));
    write(&shop.path().join("api/src/keep.log"), "x");
    let kept = digest(&api);
    assert_ne!(before, kept);
    write(&shop.path().join("libs/common/c.log"), "x");
    assert_ne!(kept, digest(&api), "the list is of the sub-path alone");

    write(&shop.path().join("api/.stagewrightignore"), "a\n[z-a]\n");
    let error = api.entries(&calm()).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn links_that_lead_out_are_refused() {
    for (link, target) in [
        ("api/link", "/etc/passwd"),
        ("api/link", "../../secret"),
        ("api/src/link", "../../../secret"),
    ] {
        let shop = shop();
        symlink(target, shop.path().join(link)).unwrap();
        let api = tree(shop.path(), "api", &[]).unwrap();
        let error = api.entries(&calm()).unwrap_err();
        assert!(matches!(error, SourceError::Outside { .. }), "{error}");
        assert!(error.to_string().contains(link), "{error}");
    }
}

/// As it is written the second link stays inside; by way of the first it does not.
#[test]
fn links_that_lead_out_by_way_of_another_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    write(&folder.path().join("outside"), "x");
    write(&root.join("libs/lib"), "x");
    fs::create_dir_all(root.join("api/a/b")).unwrap();
    symlink("../../../libs", root.join("api/a/b/up")).unwrap();
    let api = tree(&root, "api", &[]).unwrap();
    digest(&api);
    symlink("up/../../outside", root.join("api/a/b/link")).unwrap();
    let refused = api.entries(&calm());
    assert!(
        matches!(refused, Err(SourceError::Outside { .. })),
        "{refused:?}"
    );
}

#[test]
fn inner_links_are_entries_and_are_not_followed() {
    let shop = shop();
    symlink("../libs/common", shop.path().join("api/common")).unwrap();
    symlink(".", shop.path().join("api/loop")).unwrap();
    symlink("nowhere", shop.path().join("api/dangling")).unwrap();
    let api = tree(shop.path(), "api", &[]).unwrap();
    let entries = api.entries(&calm()).unwrap();
    let links = entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::Link(_)));
    assert_eq!(links.count(), 3);
    assert!(
        !names(&api)
            .iter()
            .any(|name| name.starts_with("api/common/"))
    );
}

#[test]
fn pipes_are_named_and_not_opened() {
    let shop = shop();
    let pipe = shop.path().join("api/pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let api = tree(shop.path(), "api", &[]).unwrap();
    let entries = api.entries(&calm()).unwrap();
    assert!(entries.iter().any(|entry| entry.kind == EntryKind::Other));
    digest(&api);
}

#[test]
fn an_interrupt_ends_it() {
    let shop = shop();
    let api = tree(shop.path(), "api", &[]).unwrap();
    let interrupted = AtomicBool::new(true);
    assert!(matches!(
        api.listing(&shop.path().join("index"), &interrupted),
        Err(SourceError::Cancelled)
    ));
}
