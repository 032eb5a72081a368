use super::*;

fn service(folder: &Path) -> Service {
    let supervisor = Supervisor::new(Settings {
        releases: folder.join("releases"),
        data: folder.join("data"),
        shim: Vec::new(),
        passed: Vec::new(),
    });
    supervisor.service("shop", "api").unwrap()
}

fn install(
    service: &Service,
    step: &str,
    reference: &str,
) -> Result<Release, InstallError<io::Error>> {
    service.install(step, reference, ImageDefaults::default(), |root| {
        fs::create_dir(root)
    })
}

#[test]
fn step_ids_become_safe_and_distinct_names() {
    let names: Vec<_> = [
        "shop-41/api/deploy",
        "shop-41/api_deploy",
        "../..",
        "",
        &"x".repeat(999),
    ]
    .map(folder_name)
    .into();
    for name in &names {
        let whole = !name.contains('/') && !name.starts_with('.') && name.len() < 128;
        assert!(whole, "{name}");
    }
    assert_ne!(names[0], names[1]);
}

#[test]
fn installing_twice_is_installing_once_and_the_newest_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    assert!(service.releases().unwrap().is_empty());
    install(&service, "one", "sha256:1").unwrap();
    install(&service, "two", "sha256:2").unwrap();
    install(&service, "one", "sha256:1").unwrap();
    let steps: Vec<_> = service
        .releases()
        .unwrap()
        .iter()
        .map(|release| release.step_id().to_owned())
        .collect();
    assert_eq!(steps, ["two", "one"]);
    let Err(InstallError::Release(error)) = install(&service, "one", "sha256:3") else {
        panic!("another image was installed for the same step");
    };
    assert_eq!(error.code(), "release.installed-otherwise");
}

#[test]
fn a_failed_unpack_leaves_no_release_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let failed = service.install("one", "sha256:1", ImageDefaults::default(), |root| {
        fs::create_dir(root).unwrap();
        Err("torn")
    });
    assert!(matches!(failed, Err(InstallError::Unpack("torn"))));
    assert!(service.releases().unwrap().is_empty());
    assert_eq!(fs::read_dir(service.folder()).unwrap().count(), 0);
    install(&service, "one", "sha256:1").unwrap();
    assert_eq!(service.releases().unwrap().len(), 1);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor {
        settings: service(folder.path()).settings,
    };
    for name in ["..", "a/b", "", "A", "a\0"] {
        assert!(supervisor.service("shop", name).is_err(), "{name:?}");
        assert!(supervisor.service(name, "api").is_err(), "{name:?}");
    }
}

#[test]
fn an_image_that_does_not_unpack_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let torn = service.install("one", "sha256:1", ImageDefaults::default(), |root| {
        fs::create_dir(root)?;
        fs::write(root.join("half"), "")?;
        Err(io::Error::other("cancelled"))
    });
    assert!(matches!(torn, Err(InstallError::Unpack(_))));
    assert_eq!(fs::read_dir(service.folder()).unwrap().count(), 0);
}
