//! References, tags and platforms: which image is meant.

use super::super::*;
use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn with(mut descriptor: Value, field: &str, value: Value) -> Value {
    descriptor[field] = value;
    descriptor
}

fn tagged(descriptor: Value, tag: &str) -> Value {
    with(
        descriptor,
        "annotations",
        json!({ "org.opencontainers.image.ref.name": tag }),
    )
}

fn on(descriptor: Value, os: &str, architecture: &str) -> Value {
    with(
        descriptor,
        "platform",
        json!({ "os": os, "architecture": architecture }),
    )
}

fn layer(content: &str) -> Vec<u8> {
    archive(&[entry(b'0', "file", "", 0o644, content.as_bytes())])
}

fn manifest(foreign: &Foreign, content: &str) -> Value {
    let layer = layer(content);
    foreign.manifest(&[(&layer, &layer, "application/vnd.oci.image.layer.v1.tar")])
}

fn chosen(foreign: &Foreign, selector: &Selector) -> Result<String, ImageError> {
    Layout::open(&foreign.path)?
        .image(selector)
        .map(|image| image.digest().to_string())
}

#[test]
fn the_only_image_needs_no_tag_and_several_do() {
    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let (one, two) = (manifest(&foreign, "1"), manifest(&foreign, "2"));
    foreign.index(&[tagged(one.clone(), "v1"), tagged(one.clone(), "latest")]);
    assert_eq!(chosen(&foreign, &Selector::Only).unwrap(), one["digest"]);
    foreign.index(&[tagged(one.clone(), "v1"), tagged(two.clone(), "v2")]);
    let error = chosen(&foreign, &Selector::Only).unwrap_err();
    assert_eq!(error.code(), "image.ambiguous");
    assert!(error.to_string().contains("`v1`, `v2`"), "{error}");
    assert_eq!(
        chosen(&foreign, &Selector::Tag("v2".to_owned())).unwrap(),
        two["digest"]
    );
    let error = chosen(&foreign, &Selector::Tag("v3".to_owned())).unwrap_err();
    assert_eq!(error.code(), "image.not-found");
    assert!(error.to_string().contains("only `v1`, `v2`"), "{error}");
    let digest = two["digest"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        chosen(&foreign, &Selector::Digest(digest)).unwrap(),
        two["digest"]
    );
    foreign.index(&[]);
    assert_eq!(code(chosen(&foreign, &Selector::Only)), "image.not-found");
}

#[test]
fn the_platform_of_this_machine_is_chosen_through_nested_indexes() {
    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let own = oci_spec::image::Arch::default().to_string();
    let (one, two) = (manifest(&foreign, "1"), manifest(&foreign, "2"));
    let many = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [
        on(two.clone(), "windows", &own), on(one.clone(), "linux", &own), on(two.clone(), "unknown", "unknown"),
    ]});
    let many = foreign.document(INDEX, &many);
    foreign.index(&[tagged(many.clone(), "v1")]);
    for selector in [
        Selector::Only,
        Selector::Tag("v1".to_owned()),
        Selector::Digest(many["digest"].as_str().unwrap().parse().unwrap()),
    ] {
        assert_eq!(chosen(&foreign, &selector).unwrap(), one["digest"]);
    }
    foreign.index(&[on(two, "linux", "s390x")]);
    let error = chosen(&foreign, &Selector::Only).unwrap_err();
    assert_eq!(error.code(), "image.unsupported");
    assert!(error.to_string().contains("linux/s390x"), "{error}");
}

#[test]
fn indexes_inside_one_another_are_bounded() {
    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let mut inner = manifest(&foreign, "1");
    for _ in 0..5 {
        inner = foreign.document(
            INDEX,
            &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [inner] }),
        );
    }
    foreign.index(&[inner.clone()]);
    assert_eq!(code(chosen(&foreign, &Selector::Only)), "image.too-large");
    let empty = foreign.document(
        INDEX,
        &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }),
    );
    foreign.index(&vec![empty; 100]);
    assert_eq!(code(chosen(&foreign, &Selector::Only)), "image.too-large");
}

#[test]
fn documents_that_are_not_what_they_should_be_are_refused() {
    let place = Place::new();
    assert_eq!(code(Layout::open(&place.path("absent"))), "image.not-found");
    fs::create_dir(place.path("empty")).unwrap();
    assert_eq!(code(Layout::open(&place.path("empty"))), "image.not-found");
    let foreign = Foreign::new(place.path("layout"));
    let selector = Selector::Only;
    fs::write(place.path("layout/index.json"), "[".repeat(100_000)).unwrap();
    assert_eq!(code(chosen(&foreign, &selector)), "image.invalid");
    let huge = vec![b' '; 5 * 1024 * 1024];
    foreign.index(&[foreign.blob("application/vnd.oci.image.manifest.v1+json", &huge)]);
    assert_eq!(code(chosen(&foreign, &selector)), "image.too-large");
    let long = format!("sha512:{}", "0".repeat(128));
    foreign.index(&[with(manifest(&foreign, "1"), "digest", json!(long))]);
    assert_eq!(code(chosen(&foreign, &selector)), "image.unsupported");
    foreign.index(&[with(manifest(&foreign, "1"), "size", json!(3))]);
    assert_eq!(code(chosen(&foreign, &selector)), "image.corrupt");
    fs::write(
        place.path("layout/oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    assert_eq!(code(chosen(&foreign, &selector)), "image.unsupported");
}

#[test]
fn references_lead_into_the_folder_of_the_environment_file_only() {
    let place = Place::new();
    let foreign = Foreign::new(place.path("outside/layout"));
    let one = manifest(&foreign, "1");
    foreign.index(&[tagged(one.clone(), "v1")]);
    let digest = one["digest"].as_str().unwrap();
    let outside = place.path("outside");
    for reference in [
        "oci:layout".to_owned(),
        "oci:./layout:v1".to_owned(),
        format!("oci:layout@{digest}"),
    ] {
        let image = place
            .store
            .resolve(&reference, &outside, Scope::Inside)
            .unwrap();
        assert_eq!(image.digest().to_string(), digest);
        assert!(
            image.reference().ends_with(&format!("layout@{digest}")),
            "{}",
            image.reference()
        );
        assert_eq!(
            place
                .store
                .resolve(image.reference(), &outside, Scope::Inside)
                .unwrap()
                .digest(),
            image.digest()
        );
    }
    let base = place.path("base");
    fs::create_dir(&base).unwrap();
    std::os::unix::fs::symlink("../outside/layout", base.join("link")).unwrap();
    let absolute = format!("oci:{}", foreign.path.display());
    for reference in ["oci:../outside/layout", "oci:link", &absolute] {
        assert_eq!(
            code(place.store.resolve(reference, &base, Scope::Inside)),
            "workspace.outside",
            "{reference}"
        );
        assert_eq!(
            place
                .store
                .resolve(reference, &base, Scope::Anywhere)
                .unwrap()
                .digest()
                .to_string(),
            digest
        );
    }
    // A blob that is a link to elsewhere.
    let blob = foreign
        .path
        .join("blobs/sha256")
        .join(&digest["sha256:".len()..]);
    fs::rename(&blob, place.path("outside/manifest")).unwrap();
    std::os::unix::fs::symlink("../../../manifest", &blob).unwrap();
    assert_eq!(
        code(place.store.resolve("oci:layout", &outside, Scope::Inside)),
        "workspace.outside"
    );
}

#[test]
fn references_are_read_and_written_alike() {
    let digest = Digest::of(b"x");
    for text in [
        "oci:a/b",
        "oci:a/b:v1",
        "oci:/a:1/b",
        &format!("oci:a:b@{digest}"),
        &format!("layout:shop/api@{digest}"),
        &format!("layout:{digest}"),
    ] {
        assert_eq!(text.parse::<Reference>().unwrap().to_string(), *text);
    }
    for text in [
        "",
        "oci:",
        "nginx",
        "docker://x",
        "layout:a",
        "oci:a:..",
        "oci:a@sha256:00",
        "layout:@sha256:00",
        "layout:a@sha512:00",
    ] {
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}
