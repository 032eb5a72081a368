use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn program(path: &Path, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_word_is_looked_up_in_path_and_a_miss_says_where() {
    let folder = tempfile::tempdir().unwrap();
    program(&folder.path().join("b/tool"), 0o755);
    fs::create_dir(folder.path().join("a")).unwrap();
    let path = format!("{0}/a:relative:{0}/b", folder.path().display());
    let found = resolve_program("tool", &path, Path::new("/")).unwrap();
    assert_eq!(found, folder.path().join("b/tool"));
    let error = resolve_program("nope", &path, Path::new("/")).unwrap_err();
    assert_eq!(error.code(), "process.not-found");
    assert!(error.to_string().contains(&path), "{error}");
}

#[test]
fn a_file_that_is_not_executable_is_told_from_one_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    program(&folder.path().join("tool"), 0o644);
    let error = resolve_program("./tool", "", folder.path()).unwrap_err();
    assert_eq!(error.code(), "process.not-executable");
    let error = resolve_program("./gone", "", folder.path()).unwrap_err();
    assert_eq!(error.code(), "process.not-found");
}

#[test]
fn absolute_words_and_links_stay_in_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap().join("root");
    program(&root.join("app/real"), 0o755);
    symlink("/app/real", root.join("app/link")).unwrap();
    symlink("/bin/sh", root.join("app/out")).unwrap();
    let find = |word: &str| resolve_in_release(word, "/bin", &root, "/app");
    assert_eq!(find("/app/link").unwrap(), root.join("app/real"));
    assert_eq!(find("./real").unwrap(), root.join("app/real"));
    assert_eq!(find("/../../app/real").unwrap(), root.join("app/real"));
    assert_eq!(find("/app/out").unwrap_err().code(), "process.not-found");
    assert_eq!(find("sh").unwrap(), Path::new("/bin/sh"));
    assert!(directory_in_release(&root, "/app/real").is_err());
    assert_eq!(directory_in_release(&root, "").unwrap(), root);
}

#[test]
fn only_listed_variables_pass() {
    let given = [
        ("PATH", "/bin"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("HOME", "/h"),
    ]
    .map(|(name, value)| (name.into(), value.into()));
    let passed = pass_through(given);
    assert_eq!(passed.len(), 2);
    let releases: Vec<_> = for_releases(&passed).collect();
    assert_eq!(releases, [("PATH".to_owned(), "/bin".to_owned())]);
}
