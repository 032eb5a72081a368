use super::*;
use crate::capability::registry::{Registries, Settings};

fn context(folder: &Path) -> ImagesContext {
    let service = Service {
        environment: "shop".into(),
        name: "api".into(),
        kind: "application".into(),
        stage: "services".into(),
        image: Some("oci:images/db".into()),
        source_path: None,
        ports: Vec::new(),
        variables: Vec::new(),
        health: None,
        config: r#"{"base":"oci:bases:rust","deep":[{"x":"layout:a@sha256:0"}],"n":"text"}"#.into(),
    };
    let store = Store::open(folder).unwrap();
    let registries = Arc::new(Registries::new(Settings::default()));
    let session = Session::new(registries, store.clone(), Arc::default(), None);
    ImagesContext::new(store, Arc::new(session), &service, folder)
}

#[test]
fn only_declared_and_handed_images_are_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let mut context = context(folder.path());
    for declared in ["oci:images/db", "oci:bases:rust", "layout:a@sha256:0"] {
        assert!(context.check_reference(declared).is_ok(), "{declared}");
    }
    for foreign in [
        "text",
        "oci:images",
        "oci:images/db:other",
        "layout:b@sha256:0",
    ] {
        assert!(context.check_reference(foreign).is_err(), "{foreign}");
    }
    context.hand("layout:b@sha256:0");
    assert!(context.check_reference("layout:b@sha256:0").is_ok());
}

#[test]
fn names_are_those_of_the_own_service() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path());
    for own in ["shop/api", "shop/api/debug", "shop/api:1"] {
        assert!(context.check_name(own).is_ok(), "{own}");
    }
    for foreign in ["shop", "shop/apix", "other/api", "", "shop/web"] {
        assert!(context.check_name(foreign).is_err(), "{foreign}");
    }
}
