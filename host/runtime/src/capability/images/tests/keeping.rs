//! The store: names, digests, concurrency, damage.

use std::thread;

use super::super::*;
use super::*;

fn index(place: &Place) -> Vec<Value> {
    let text = fs::read(place.path("images/index.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["manifests"]
        .as_array()
        .unwrap()
        .clone()
}

fn tag(entry: &Value) -> Option<&str> {
    entry["annotations"]["org.opencontainers.image.ref.name"].as_str()
}

#[test]
fn a_kept_image_is_found_by_its_name_and_digest() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    let digest = image.digest().to_string();
    assert_eq!(place.store.kept("shop/api", &digest).unwrap(), None);
    let reference = place
        .store
        .keep(&image, "shop/api", &Interrupt::new())
        .unwrap();
    assert_eq!(reference, format!("layout:shop/api@{digest}"));
    assert_eq!(
        place.store.kept("shop/api", &digest).unwrap().as_deref(),
        Some(reference.as_str())
    );
    assert_eq!(place.store.kept("shop/web", &digest).unwrap(), None);
    let again = place.store.image(&reference).unwrap();
    assert_eq!(
        (again.digest(), again.reference()),
        (image.digest(), reference.as_str())
    );
    let other = Store::open(&place.path("images")).unwrap();
    assert_eq!(other.kept("shop/api", &digest).unwrap(), Some(reference));
}

#[test]
fn a_name_means_its_newest_image_and_older_ones_stay() {
    let place = Place::new();
    place.put("src/file", "one");
    let old = place.image("src", "/srv");
    place.put("src/file", "two");
    let new = place.image("src", "/srv");
    for image in [&old, &new, &new] {
        place
            .store
            .keep(image, "shop/api", &Interrupt::new())
            .unwrap();
    }
    assert_eq!(index(&place).len(), 2);
    let tagged: Vec<_> = index(&place)
        .into_iter()
        .filter(|entry| tag(entry) == Some("shop/api"))
        .collect();
    assert_eq!(tagged.len(), 1);
    assert_eq!(tagged[0]["digest"], new.digest().to_string());
    for image in [&old, &new] {
        assert!(
            place
                .store
                .kept("shop/api", &image.digest().to_string())
                .unwrap()
                .is_some()
        );
    }
    // A rollback makes the old one the meant one again.
    place
        .store
        .keep(&old, "shop/api", &Interrupt::new())
        .unwrap();
    let tagged: Vec<_> = index(&place)
        .into_iter()
        .filter(|entry| tag(entry) == Some("shop/api"))
        .collect();
    assert_eq!(tagged[0]["digest"], old.digest().to_string());
    assert_eq!((tagged.len(), index(&place).len()), (1, 2));
}

#[test]
fn many_keep_at_once_and_none_is_lost() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    thread::scope(|scope| {
        for worker in 0..4 {
            let (image, path) = (&image, place.path("images"));
            scope.spawn(move || {
                // As another process would: with a store of its own.
                let store = Store::open(&path).unwrap();
                for number in 0..10 {
                    store
                        .keep(image, &format!("shop/{worker}-{number}"), &Interrupt::new())
                        .unwrap();
                }
            });
        }
    });
    let mut names: Vec<_> = index(&place)
        .iter()
        .map(|entry| tag(entry).unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 40);
}

#[test]
fn what_other_tools_wrote_into_the_index_is_kept() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    let foreign = json!({
        "schemaVersion": 2,
        "annotations": { "tool": "x" },
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": Digest::of(b"x").to_string(), "size": 1,
            "annotations": { "org.opencontainers.image.ref.name": "theirs" }, "future": [1, 2],
        }],
    });
    fs::write(
        place.path("images/index.json"),
        serde_json::to_vec(&foreign).unwrap(),
    )
    .unwrap();
    place.store.keep(&image, "ours", &Interrupt::new()).unwrap();
    let text: Value =
        serde_json::from_slice(&fs::read(place.path("images/index.json")).unwrap()).unwrap();
    assert_eq!(text["annotations"], foreign["annotations"]);
    assert_eq!(text["manifests"][0], foreign["manifests"][0]);
    assert_eq!(tag(&text["manifests"][1]), Some("ours"));
}

#[test]
fn keeping_copies_from_another_layout_and_verifies() {
    let place = Place::new();
    let layer = archive(&[entry(b'0', "file", "", 0o644, b"content")]);
    let image = Foreign::image(place.path("theirs"), &[layer]);
    let blob = place
        .path("theirs/blobs/sha256")
        .join(image.layers()[0].digest().unwrap().hex());
    let sound = fs::read(&blob).unwrap();
    let mut twisted = sound.clone();
    *twisted.last_mut().unwrap() ^= 1;
    for damaged in [
        &sound[..sound.len() - 1],
        &[sound.as_slice(), b"x"].concat(),
        &twisted,
    ] {
        fs::write(&blob, damaged).unwrap();
        assert_eq!(
            code(place.store.keep(&image, "x", &Interrupt::new())),
            "image.corrupt"
        );
        assert_eq!(
            place.store.kept("x", &image.digest().to_string()).unwrap(),
            None
        );
    }
    assert_eq!(
        fs::read_dir(place.path("images/blobs/sha256"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        fs::read_dir(place.path("images/.incoming"))
            .unwrap()
            .count(),
        0
    );
    fs::write(&blob, &sound).unwrap();
    let interrupt = Interrupt::new();
    interrupt.raise();
    assert_eq!(
        code(place.store.keep(&image, "x", &interrupt)),
        "image.interrupted"
    );
    let reference = place.store.keep(&image, "x", &Interrupt::new()).unwrap();
    fs::remove_dir_all(place.path("theirs")).unwrap();
    assert_eq!(
        place.store.image(&reference).unwrap().layers(),
        image.layers()
    );
}

#[test]
fn a_truncated_blob_is_noticed_when_the_image_is_opened() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    let digest = image.digest().to_string();
    let reference = place.store.keep(&image, "x", &Interrupt::new()).unwrap();
    let blob = place.blob(image.layers()[0].digest().unwrap());
    let sound = fs::read(&blob).unwrap();
    fs::write(&blob, &sound[..sound.len() / 2]).unwrap();
    assert_eq!(code(place.store.image(&reference)), "image.corrupt");
    assert_eq!(place.store.kept("x", &digest).unwrap(), None);
    fs::remove_file(&blob).unwrap();
    assert_eq!(code(place.store.image(&reference)), "image.not-found");
    // Building it again mends the store.
    assert_eq!(place.image("src", "/srv").digest(), image.digest());
    assert_eq!(place.store.kept("x", &digest).unwrap(), Some(reference));
    fs::write(place.blob(image.digest()), "{}").unwrap();
    assert_eq!(code(place.store.image(&digest)), "image.corrupt");
}

#[test]
fn leftovers_of_a_crash_go_when_nobody_has_the_store_open() {
    let place = Place::new();
    place.put("images/.incoming/left", "half a blob");
    drop(Store::open(&place.path("images")).unwrap());
    assert!(place.path("images/.incoming/left").exists());
    let path = place.path("images");
    let Place { root, store } = place;
    drop(store);
    Store::open(&path).unwrap();
    assert!(!path.join(".incoming/left").exists());
    drop(root);
}

#[test]
fn names_are_checked() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    for name in [
        "",
        "/a",
        "a/",
        "a//b",
        "-a",
        "a-",
        "a..b",
        "a b",
        "a---b",
        "ä",
        &"a".repeat(256),
    ] {
        assert_eq!(
            code(place.store.keep(&image, name, &Interrupt::new())),
            "image.malformed",
            "{name}"
        );
    }
    for name in ["a", "shop/api", "a.b_c-d:1@e+f", "a--b"] {
        place.store.keep(&image, name, &Interrupt::new()).unwrap();
    }
}
