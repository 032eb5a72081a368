//! What a call may reach. The protocol itself is tested against real registries, in the tests
//! of the program.

use super::*;
use crate::capability::images::Store;
use crate::redactor::Redactor;

fn context(grant: &RegistryGrant, declared: &Declared) -> (tempfile::TempDir, RegistryContext) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let registries = Arc::new(Registries::new(Settings::default()));
    let redactor = Arc::new(Redactor::new());
    let session = Arc::new(Session::new(registries, store, redactor, None));
    (folder, RegistryContext::new(session, grant, declared))
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn repositories_are_reached_as_far_as_they_are_granted() {
    let grant = RegistryGrant {
        pull: strings(&["example.org/bases/"]),
        push: strings(&["example.org/team/app"]),
        declared: false,
    };
    let declared = Declared {
        pull: strings(&["postgres"]),
        push: strings(&["example.org/other"]),
    };
    let (_folder, context) = context(&grant, &declared);
    for reference in ["example.org/bases/rust:1", "example.org/team/app:1"] {
        assert!(context.readable(reference).is_ok(), "{reference}");
    }
    for reference in ["postgres:16", "example.org/other:1", "example.org/based:1"] {
        let failure = context.readable(reference).unwrap_err();
        assert_eq!(failure.code, "registry.repository-not-granted");
    }
    assert!(context.writable("example.org/team/app").is_ok());
    for repository in [
        "example.org/bases/rust",
        "example.org/other",
        "example.org/team/app2",
    ] {
        assert!(context.writable(repository).is_err(), "{repository}");
    }
}

#[test]
fn what_a_file_declares_counts_only_where_the_grant_says_so() {
    let grant = RegistryGrant {
        declared: true,
        ..RegistryGrant::default()
    };
    let declared = Declared {
        pull: strings(&["docker.io/library/postgres"]),
        push: strings(&["example.org/team/app"]),
    };
    let (_folder, context) = context(&grant, &declared);
    assert!(context.readable("postgres:16").is_ok());
    assert!(context.writable("postgres").is_err());
    assert!(context.readable("example.org/team/app:1").is_ok());
    assert!(context.writable("example.org/team/app").is_ok());
}

#[test]
fn what_a_step_is_handed_can_be_read_and_nothing_else_of_its_repository() {
    let (_folder, mut context) = context(&RegistryGrant::default(), &Declared::default());
    let reference = format!("example.org/app@sha256:{}", "0".repeat(64));
    assert!(context.readable(&reference).is_err());
    context.hand(&reference);
    assert!(context.readable(&reference).is_ok());
    assert!(context.readable("example.org/app:1").is_err());
    assert!(context.writable("example.org/app").is_err());
}
