//! Addresses of repositories, and what they must not contain.

use std::path::Path;

use super::super::{CommitId, Repository, SourceError, repository::without_logins};

fn parse(written: &str) -> Result<Repository, SourceError> {
    Repository::parse(written, Path::new("/home/ada/shop"))
}

#[test]
fn addresses_of_every_kind_are_taken() {
    for (written, address) in [
        (
            "https://git.example/acme/api.git",
            "https://git.example/acme/api.git",
        ),
        (
            "ssh://git@git.example:2222/acme/api",
            "ssh://git@git.example:2222/acme/api",
        ),
        (
            "git@git.example:acme/api.git",
            "git@git.example:acme/api.git",
        ),
        ("file:///srv/git/api.git", "/srv/git/api.git"),
        ("/srv/git/api.git", "/srv/git/api.git"),
        ("../api", "/home/ada/api"),
        ("./libs/../api", "/home/ada/shop/api"),
    ] {
        assert_eq!(parse(written).unwrap().to_string(), address);
    }
}

#[test]
fn one_folder_is_one_repository() {
    let keys = ["/home/ada/api", "../api", "file:///home/ada/shop/../api"]
        .map(|written| parse(written).unwrap().key().to_owned());
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0], keys[2]);
    assert_ne!(keys[0], parse("../web").unwrap().key());
}

#[test]
fn credentials_are_refused_and_never_shown() {
    for written in [
        "https://ada:hunter2@git.example/acme/api.git",
        "https://hunter2@git.example/acme/api.git",
        "ssh://ada:hunter2@git.example/acme/api.git",
        "https://git.example/acme/api.git?token=hunter2",
        "https://git.example/acme/api.git#hunter2",
    ] {
        let error = parse(written).unwrap_err();
        assert!(matches!(error, SourceError::Credentials { .. }), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("git.example"), "{shown}");
    }
    let other = parse("http://ada:hunter2@git.example/api").unwrap_err();
    assert!(!format!("{other} {other:?}").contains("hunter2"), "{other}");
}

#[test]
fn what_git_says_is_shown_without_credentials() {
    for (said, shown) in [
        (
            "no access to https://ada:hunter2@git.example/api: 401",
            "no access to https://git.example/api: 401",
        ),
        (
            "\"ssh://hunter2@git.example\" twice ssh://git.example",
            "\"ssh://git.example\" twice ssh://git.example",
        ),
        ("mail ada@git.example", "mail ada@git.example"),
    ] {
        assert_eq!(without_logins(said), shown);
    }
}

#[test]
fn other_addresses_are_refused() {
    for written in [
        "",
        "http://git.example/api",
        "git://git.example/api",
        "ext::sh -c date",
        "ftp://git.example/api",
        "https://git.example",
        "https://",
        "ssh://-oProxyCommand=date/api",
        "-oProxyCommand=date:api",
        "file://relative/api",
    ] {
        let refused = parse(written);
        assert!(
            matches!(refused, Err(SourceError::InvalidUrl { .. })),
            "{written}: {refused:?}"
        );
    }
}

#[test]
fn commits_are_full_hashes() {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(hash.parse::<CommitId>().unwrap().as_str(), hash);
    for text in [
        "",
        "0123456",
        "HEAD",
        &hash.to_uppercase(),
        &format!("{hash}0"),
    ] {
        assert!(text.parse::<CommitId>().is_err(), "{text}");
    }
}
