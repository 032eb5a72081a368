//! From images to folders, as the specification wants it.

use std::os::unix::fs::MetadataExt;

use super::super::*;
use super::*;

fn unpacked(place: &Place, layers: &[Vec<u8>]) -> Result<PathBuf, ImageError> {
    let image = Foreign::image(place.path("layout"), layers);
    let target = place.path("release");
    unpack(&image, &target, &LIMITS, &Interrupt::new())?;
    Ok(target)
}

fn tree(path: &Path) -> Vec<String> {
    let folder = Folder::open(path, Access::Read).unwrap();
    let entries = folder
        .entries(".", true, None, 1000, &Interrupt::new())
        .unwrap();
    entries.into_iter().map(|entry| entry.path).collect()
}

fn file(path: &str, content: &str) -> Vec<u8> {
    entry(b'0', path, "", 0o644, content.as_bytes())
}

#[test]
fn what_was_packed_comes_out_again() {
    let place = Place::new();
    place.put("src/run", "run");
    place.put("src/sub/file", "content");
    make_executable(&place.path("src/run"));
    std::os::unix::fs::symlink("../run", place.path("src/sub/link")).unwrap();
    fs::create_dir(place.path("src/empty")).unwrap();
    let image = place.image("src", "/app");
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    assert_eq!(
        tree(&place.path("release")),
        [
            "app",
            "app/empty",
            "app/run",
            "app/sub",
            "app/sub/file",
            "app/sub/link"
        ]
    );
    let (before, after) = (place.folder("src"), place.folder("release/app"));
    assert_eq!(
        before.digest(".", &Interrupt::new()).unwrap(),
        after.digest(".", &Interrupt::new()).unwrap()
    );
    let again = unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new());
    assert_eq!(code(again), "image.occupied");
}

#[test]
fn upper_layers_replace_and_hide_what_is_below() {
    let place = Place::new();
    let lower = archive(&[
        file("a/kept", "1"),
        file("a/gone", "1"),
        file("b/old", "1"),
        file("b/deep/old", "1"),
        file("c", "file"),
        file("d/x", "1"),
        file("e/old", "1"),
        file("same", "1"),
    ]);
    let upper = archive(&[
        file("a/.wh.gone", ""),
        file("a/.wh.never-there", ""),
        // The marker hides what is below it in other layers, wherever it stands in its own.
        file("b/new", "2"),
        file("b/deep/new", "2"),
        file("b/.wh..wh..opq", ""),
        entry(b'5', "c", "", 0o755, b""),
        file("c/inside", "2"),
        file("d", "now a file"),
        file(".wh.e", ""),
        file("same", "2"),
        file(".wh..wh.plnk", ""),
    ]);
    let release = unpacked(&place, &[lower, upper]).unwrap();
    assert_eq!(
        tree(&release),
        [
            "a",
            "a/kept",
            "b",
            "b/deep",
            "b/deep/new",
            "b/new",
            "c",
            "c/inside",
            "d",
            "same"
        ]
    );
    assert_eq!(fs::read_to_string(release.join("same")).unwrap(), "2");
}

#[test]
fn hidden_and_made_anew_in_one_layer_is_there() {
    let place = Place::new();
    let lower = archive(&[file("a/old", "1"), file("f", "1")]);
    let upper = archive(&[
        file("a/new", "2"),
        file(".wh.a", ""),
        file("f", "2"),
        file(".wh.f", ""),
    ]);
    let release = unpacked(&place, &[lower, upper]).unwrap();
    assert_eq!(tree(&release), ["a", "a/new", "f"]);
    assert_eq!(fs::read_to_string(release.join("f")).unwrap(), "2");
}

#[test]
fn plain_gzip_and_zstandard_layers_are_read() {
    let place = Place::new();
    let layers =
        ["plain", "gzip", "zstd"].map(|name| archive(&[file(name, name), file("last", name)]));
    let compress = |bytes: &[u8]| {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    };
    // Two frames, and one that is to be skipped between them.
    let (head, tail) = layers[2].split_at(700);
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [compress(head), skipped.to_vec(), compress(tail)].concat();
    let gzip = gzip(&layers[1]);
    let foreign = Foreign::new(place.path("layout"));
    let manifest = foreign.manifest(&[
        (
            &layers[0],
            &layers[0],
            "application/vnd.oci.image.layer.v1.tar",
        ),
        (
            &layers[1],
            &gzip,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
        (
            &layers[2],
            &frames,
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ),
    ]);
    foreign.index(&[manifest]);
    let image = Layout::open(&foreign.path)
        .unwrap()
        .image(&Selector::Only)
        .unwrap();
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    assert_eq!(
        tree(&place.path("release")),
        ["gzip", "last", "plain", "zstd"]
    );
    assert_eq!(
        fs::read_to_string(place.path("release/last")).unwrap(),
        "zstd"
    );
    foreign.index(&[foreign.manifest(&[(
        &layers[0],
        &layers[0],
        "application/vnd.oci.image.layer.v1.tar+rot13",
    )])]);
    let image = Layout::open(&foreign.path)
        .unwrap()
        .image(&Selector::Only)
        .unwrap();
    let refused = unpack(&image, &place.path("other"), &LIMITS, &Interrupt::new());
    assert_eq!(code(refused), "image.unsupported");
}

#[test]
fn modes_lose_their_dangerous_bits_and_owners_can_clean_up() {
    let place = Place::new();
    let release = unpacked(
        &place,
        &[archive(&[
            entry(b'0', "suid", "", 0o6755, b""),
            entry(b'5', "shut", "", 0o1000, b""),
            file("shut/inside", ""),
            entry(b'0', "unreadable", "", 0o000, b""),
        ])],
    )
    .unwrap();
    let mode = |path: &str| fs::symlink_metadata(release.join(path)).unwrap().mode() & 0o7777;
    assert_eq!(
        (mode("suid"), mode("shut"), mode("unreadable")),
        (0o755, 0o700, 0o600)
    );
    assert_eq!(mode("."), 0o755);
}

#[test]
fn absolute_links_mean_the_release_and_hard_links_share_a_file() {
    let place = Place::new();
    let release = unpacked(
        &place,
        &[archive(&[
            file("usr/lib/real", "real"),
            entry(b'2', "a/b/link", "/usr/lib/real", 0o777, b""),
            entry(b'2', "root", "/", 0o777, b""),
            entry(b'2', "up", "/../../usr", 0o777, b""),
            entry(b'2', "dangling", "nowhere", 0o777, b""),
            entry(b'1', "hard", "usr/lib/real", 0o644, b""),
        ])],
    )
    .unwrap();
    assert_eq!(
        fs::read_link(release.join("a/b/link")).unwrap(),
        Path::new("../../usr/lib/real")
    );
    assert_eq!(
        fs::read_to_string(release.join("a/b/link")).unwrap(),
        "real"
    );
    assert_eq!(
        fs::canonicalize(release.join("root")).unwrap(),
        fs::canonicalize(&release).unwrap()
    );
    assert_eq!(fs::read_link(release.join("up")).unwrap(), Path::new("usr"));
    assert!(release.join("dangling").is_symlink());
    assert_eq!(
        fs::metadata(release.join("hard")).unwrap().ino(),
        fs::metadata(release.join("usr/lib/real")).unwrap().ino()
    );
}

#[test]
fn long_names_of_both_dialects_are_read() {
    let place = Place::new();
    let (gnu, pax) = ("g".repeat(120), format!("{0}/{0}", "p".repeat(120)));
    let record = |key: &str, value: &str| {
        let bare = key.len() + value.len() + 3;
        let length = (1..10)
            .map(|digits| bare + digits)
            .find(|length| length.to_string().len() + bare == *length)
            .unwrap();
        format!("{length} {key}={value}\n")
    };
    let release = unpacked(
        &place,
        &[archive(&[
            entry(b'L', "././@LongLink", "", 0, format!("{gnu}\0").as_bytes()),
            file("short", "gnu"),
            entry(b'g', "global", "", 0, record("comment", "x").as_bytes()),
            entry(b'x', "pax", "", 0, record("path", &pax).as_bytes()),
            file("short", "pax"),
        ])],
    )
    .unwrap();
    assert_eq!(fs::read_to_string(release.join(&gnu)).unwrap(), "gnu");
    assert_eq!(fs::read_to_string(release.join(&pax)).unwrap(), "pax");
    assert!(!release.join("short").exists());
}

#[test]
fn an_interrupted_or_failed_run_leaves_nothing_and_can_be_repeated() {
    let place = Place::new();
    place.put("src/file", "one");
    let image = place.image("src", "/srv");
    let (target, limits) = (place.path("releases/one"), LIMITS);
    fs::create_dir(place.path("releases")).unwrap();
    let interrupt = Interrupt::new();
    interrupt.raise();
    assert_eq!(
        code(unpack(&image, &target, &limits, &interrupt)),
        "image.interrupted"
    );
    assert_eq!(fs::read_dir(place.path("releases")).unwrap().count(), 0);
    // As a killed run would leave it.
    place.put("releases/.one.unpacking/srv/half", "x");
    unpack(&image, &target, &limits, &Interrupt::new()).unwrap();
    assert_eq!(tree(&target), ["srv", "srv/file"]);
    assert_eq!(fs::read_dir(place.path("releases")).unwrap().count(), 1);
}

#[test]
fn two_runs_to_one_target_do_not_mix() {
    let place = Place::new();
    for number in 0..200 {
        place.put(&format!("src/{number}"), "x");
    }
    let image = place.image("src", "/srv");
    let target = place.path("release");
    let results: Vec<_> = std::thread::scope(|scope| {
        let run = || unpack(&image, &target, &LIMITS, &Interrupt::new());
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .into_iter()
            .filter_map(Result::err)
            .all(|error| error.code() == "image.occupied")
    );
    assert_eq!(tree(&target).len(), 201);
    assert!(!place.path(".release.unpacking").exists());
}
