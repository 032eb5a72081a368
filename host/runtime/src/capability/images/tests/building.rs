//! From folders to images: reproducible, configured, and remembered.

use std::os::unix::fs::symlink;

use super::super::*;
use super::*;
use crate::folder::Moment;

fn config() -> ImageConfig {
    ImageConfig {
        entrypoint: vec!["/app/server".to_owned()],
        command: vec!["--verbose".to_owned()],
        environment: vec![
            ("B".to_owned(), "2".to_owned()),
            ("A".to_owned(), "x=y".to_owned()),
        ],
        working_directory: "/app".to_owned(),
        user: "1000".to_owned(),
        ports: vec!["8080/tcp".to_owned()],
        labels: vec![
            ("z".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ],
    }
}

#[test]
fn equal_inputs_give_an_equal_digest_in_any_place_and_order() {
    let build = |order: &[&str]| {
        let place = Place::new();
        for path in order {
            place.put(&format!("src/{path}"), path);
        }
        symlink("b/c", place.path("src/link")).unwrap();
        make_executable(&place.path("src/run"));
        let mut draft = Draft::new(&place.store);
        draft
            .add(&place.folder("src"), ".", "/srv", &Interrupt::new())
            .unwrap();
        draft
            .add(&place.folder("src"), "run", "/bin/run", &Interrupt::new())
            .unwrap();
        draft.configure(config());
        draft.finish(&Interrupt::new()).unwrap().digest()
    };
    let one = build(&["a", "b/c", "b/d/e", "run"]);
    std::thread::scope(|scope| {
        let other = scope
            .spawn(|| build(&["run", "b/d/e", "b/c", "a"]))
            .join()
            .unwrap();
        assert_eq!(one, other);
    });
    assert_ne!(one, build(&["a", "b/c", "b/d/x", "run"]));
}

#[test]
fn an_image_says_what_its_draft_was_told() {
    let place = Place::new();
    place.put("src/server", "x");
    let mut draft = Draft::new(&place.store);
    draft
        .add(
            &place.folder("src"),
            "server",
            "/app/server",
            &Interrupt::new(),
        )
        .unwrap();
    draft.configure(config());
    let image = draft.finish(&Interrupt::new()).unwrap();
    let mut sorted = config();
    sorted.labels.sort();
    assert_eq!(image.config(), sorted);
    assert_eq!(image.layers().len(), 1);
    assert_eq!(image.location(), "layout");
    assert_eq!(image.reference(), format!("layout:{}", image.digest()));
    let blobs: u64 = fs::read_dir(place.path("images/blobs/sha256"))
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(image.size(), blobs);
    assert_eq!(
        place.store.image(image.reference()).unwrap().digest(),
        image.digest()
    );
}

#[test]
fn a_base_keeps_its_layers_and_what_nobody_overrides() {
    let place = Place::new();
    let base = archive(&[
        entry(b'0', "etc/base", "", 0o644, b"base"),
        entry(b'0', "app/old", "", 0o644, b"old"),
    ]);
    let base = Foreign::image(place.path("base"), &[base]);
    place.put("src/server", "x");
    let mut draft = Draft::from_base(&place.store, &base);
    draft
        .add(&place.folder("src"), ".", "/app", &Interrupt::new())
        .unwrap();
    let change = ImageConfig {
        environment: vec![("B".to_owned(), "2".to_owned())],
        ..ImageConfig::default()
    };
    draft.configure(change);
    let image = draft.finish(&Interrupt::new()).unwrap();
    assert_eq!(image.layers()[0], base.layers()[0]);
    assert_eq!(image.layers().len(), 2);
    let variables =
        [("A", "1"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(image.config().environment, variables);
    let document: Value = image.raw_config().clone();
    assert_eq!(
        document["config"]["Healthcheck"]["Test"],
        json!(["CMD", "true"])
    );
    // The base may go away: everything was copied.
    fs::remove_dir_all(place.path("base")).unwrap();
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    for (path, content) in [
        ("etc/base", "base"),
        ("app/old", "old"),
        ("app/server", "x"),
    ] {
        assert_eq!(
            fs::read_to_string(place.path("release").join(path)).unwrap(),
            content
        );
    }
}

#[test]
fn an_untouched_folder_is_not_read_again_and_a_touched_one_is() {
    let place = Place::new();
    place.put("src/file", "one");
    let fresh: fn() -> Moment = || Moment((0, 0));
    let later: fn() -> Moment = || Moment((i64::MAX, 0));
    let build = |clock| {
        let mut draft = Draft::new(&place.store);
        draft
            .add_at(&place.folder("src"), ".", "/srv", clock, &Interrupt::new())
            .unwrap();
        draft.finish(&Interrupt::new()).unwrap().digest()
    };
    let notes = || fs::read_dir(place.path("images/.layers")).map_or(0, Iterator::count);
    // So fresh a file could change once more without its times showing it.
    let first = build(fresh);
    assert_eq!(notes(), 0);
    assert_eq!(build(later), first);
    assert_eq!(notes(), 1);
    // A wrong note is believed, so the folder is not looked into any more.
    let note = fs::read_dir(place.path("images/.layers"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&note).unwrap();
    let diff_id = serde_json::from_str::<Value>(&text).unwrap()["diff_id"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(
        &note,
        text.replace(&diff_id, &Digest::of(b"other").to_string()),
    )
    .unwrap();
    assert_ne!(build(later), first);
    // One whose blob is gone is not.
    let layer: Digest = serde_json::from_str::<Value>(&text).unwrap()["layer"]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    fs::remove_file(place.blob(layer)).unwrap();
    assert_eq!(build(later), first);
    place.put("src/file", "two");
    let second = build(later);
    assert_ne!(second, first);
    place.put("src/file", "one");
    assert_eq!(build(later), first);
}

#[test]
fn large_and_long_named_files_survive() {
    let place = Place::new();
    let long = format!("src/{0}/{0}/{0}/file", "long".repeat(40));
    // More than one block of the compressor, and not all alike.
    let large: String = (0..200_000)
        .map(|number: u32| number.wrapping_mul(2_654_435_761).to_string())
        .collect();
    place.put(&long, &large);
    place.put("src/empty", "");
    symlink("target/".repeat(30), place.path("src/link")).unwrap();
    let image = place.image("src", "/");
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    let unpacked = fs::read_to_string(place.path(&long.replacen("src", "release", 1))).unwrap();
    assert!(unpacked == large);
    let (before, after) = (place.folder("src"), place.folder("release"));
    assert_eq!(
        before.digest(".", &Interrupt::new()).unwrap(),
        after.digest(".", &Interrupt::new()).unwrap()
    );
}

/// Forty files of two mebibytes, as text so that they are packed fast.
fn large_folder() -> Place {
    let place = Place::new();
    for number in 0..40 {
        let line = format!("line of file {number:02}\n");
        let text = line.repeat((2 << 20) / line.len());
        place.put(&format!("src/folder-{}/{number}", number % 3), &text);
    }
    place
}

#[test]
fn a_large_folder_becomes_the_same_layers_in_every_place() {
    let (one, two) = (large_folder(), large_folder());
    let image = one.image("src", "/srv");
    assert!(image.layers().len() > 1, "{:?}", image.layers());
    assert_eq!(image.digest(), two.image("src", "/srv").digest());
    unpack(&image, &one.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    let (before, after) = (one.folder("src"), one.folder("release/srv"));
    assert_eq!(
        before.digest(".", &Interrupt::new()).unwrap(),
        after.digest(".", &Interrupt::new()).unwrap()
    );
    // A draft that has many layers already takes the folder as one.
    let mut draft = Draft::new(&one.store);
    one.put("small", "x");
    for number in 0..99 {
        let target = format!("/small-{number}");
        draft
            .add(&one.folder("."), "small", &target, &Interrupt::new())
            .unwrap();
    }
    draft
        .add(&one.folder("src"), ".", "/srv", &Interrupt::new())
        .unwrap();
    assert_eq!(
        code(draft.add(&one.folder("."), "small", "/x", &Interrupt::new())),
        "image.too-large"
    );
    assert_eq!(draft.finish(&Interrupt::new()).unwrap().layers().len(), 100);
}

#[test]
fn a_changed_file_changes_one_layer_of_a_large_folder() {
    let place = large_folder();
    let before = place.image("src", "/srv");
    place.put("src/folder-1/1", &"changed line\n".repeat(150_000));
    let after = place.image("src", "/srv");
    let changed = after
        .layers()
        .iter()
        .filter(|layer| !before.layers().contains(layer))
        .count();
    assert_eq!(changed, 1, "{before:?} {after:?}");
}

#[test]
fn targets_and_interrupts_are_minded() {
    let place = Place::new();
    place.put("src/file", "one");
    let mut draft = Draft::new(&place.store);
    for target in ["", "app", "/app/../etc", "../x"] {
        assert_eq!(
            code(draft.add(&place.folder("src"), ".", target, &Interrupt::new())),
            "image.malformed"
        );
    }
    assert_eq!(
        code(draft.add(&place.folder("src"), "file", "/", &Interrupt::new())),
        "image.malformed"
    );
    assert_eq!(
        code(draft.add(&place.folder("src"), "absent", "/x", &Interrupt::new())),
        "workspace.not-found"
    );
    assert_eq!(
        code(draft.add(&place.folder("src"), "../x", "/x", &Interrupt::new())),
        "workspace.outside"
    );
    let interrupt = Interrupt::new();
    interrupt.raise();
    assert_eq!(
        code(draft.add(&place.folder("src"), ".", "/x", &interrupt)),
        "image.interrupted"
    );
    assert_eq!(
        fs::read_dir(place.path("images/.incoming"))
            .unwrap()
            .count(),
        0
    );
}
