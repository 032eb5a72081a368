//! Images that were made to do harm.

use super::super::*;
use super::*;

/// Tries to unpack, and looks that nothing came of it.
fn refused(layers: &[Vec<u8>], limits: &UnpackLimits) -> ImageError {
    let place = Place::new();
    place.put("outside/secret", "secret");
    let image = Foreign::image(place.path("layout"), layers);
    fs::create_dir(place.path("releases")).unwrap();
    let error = unpack(
        &image,
        &place.path("releases/one"),
        limits,
        &Interrupt::new(),
    )
    .unwrap_err();
    assert_eq!(
        fs::read_dir(place.path("releases")).unwrap().count(),
        0,
        "{error}"
    );
    let outside: Vec<_> = fs::read_dir(place.path("outside"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["secret"], "{error}");
    assert_eq!(
        fs::read_to_string(place.path("outside/secret")).unwrap(),
        "secret"
    );
    error
}

fn unsafe_reason(entries: &[Vec<u8>]) -> String {
    let error = refused(&[archive(entries)], &LIMITS);
    assert_eq!(error.code(), "image.unsafe", "{error}");
    error.to_string()
}

fn file(path: &str) -> Vec<u8> {
    entry(b'0', path, "", 0o644, b"x")
}

fn link(path: &str, target: &str) -> Vec<u8> {
    entry(b'2', path, target, 0o777, b"")
}

#[test]
fn paths_that_leave_the_release() {
    for path in ["../outside/evil", "a/../../outside/evil", "a/..", ".."] {
        assert!(unsafe_reason(&[file(path)]).contains("climbs"), "{path}");
        assert!(
            unsafe_reason(&[entry(b'5', path, "", 0o755, b"")]).contains("climbs"),
            "{path}"
        );
        assert!(
            unsafe_reason(&[link(path, "x")]).contains("climbs"),
            "{path}"
        );
    }
    assert!(unsafe_reason(&[file("/etc/evil")]).contains("absolute"));
    let long = entry(b'L', "././@LongLink", "", 0, b"../../outside/evil\0");
    assert!(unsafe_reason(&[long, file("harmless")]).contains("climbs"));
    let pax = entry(b'x', "pax", "", 0, b"27 path=../../outside/evil\n");
    assert!(unsafe_reason(&[pax, file("harmless")]).contains("climbs"));
}

#[test]
fn links_that_leave_the_release() {
    for target in [
        "..",
        "../outside",
        "a/../../outside",
        "../../../../etc/passwd",
    ] {
        assert!(
            unsafe_reason(&[link("link", target)]).contains("leads out"),
            "{target}"
        );
    }
    assert!(unsafe_reason(&[link("a/b", "../../outside")]).contains("leads out"));
    let chain = [
        link("a/here", ".."),
        link("chain", "a/here/../../outside/secret"),
    ];
    assert!(unsafe_reason(&chain).contains("through other links"));
    // The same, put together from two layers, the dangling one first.
    let layers = [
        archive(&[link("chain", "a/here/../../outside/secret")]),
        archive(&[link("a/here", "..")]),
    ];
    assert_eq!(refused(&layers, &LIMITS).code(), "image.unsafe");
    assert!(unsafe_reason(&[link("empty", "")]).contains("nothing"));
}

#[test]
fn writes_through_links() {
    for target in ["sub", "/sub", "."] {
        let written = [
            entry(b'5', "sub", "", 0o755, b""),
            link("link", target),
            file("link/evil"),
        ];
        assert!(
            unsafe_reason(&written).contains("through a link"),
            "{target}"
        );
        let layers = [archive(&written[..2]), archive(&written[2..])];
        assert_eq!(refused(&layers, &LIMITS).code(), "image.unsafe");
    }
    assert!(unsafe_reason(&[file("file"), file("file/below")]).contains("not a directory"));
}

#[test]
fn a_file_over_a_link_replaces_the_link() {
    let place = Place::new();
    let layer = archive(&[
        entry(b'0', "real", "", 0o644, b"real"),
        link("link", "real"),
        file("link"),
    ]);
    let image = Foreign::image(place.path("layout"), &[layer]);
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    assert_eq!(
        fs::read_to_string(place.path("release/real")).unwrap(),
        "real"
    );
    assert_eq!(fs::read_to_string(place.path("release/link")).unwrap(), "x");
    assert!(!place.path("release/link").is_symlink());
}

#[test]
fn hard_links_to_what_is_not_a_file_of_the_image() {
    let hard = |path: &str, target: &str| entry(b'1', path, target, 0o644, b"");
    assert!(unsafe_reason(&[hard("a", "../outside/secret")]).contains("climbs"));
    assert!(unsafe_reason(&[hard("a", "/etc/passwd")]).contains("absolute"));
    assert!(unsafe_reason(&[hard("a", "absent")]).contains("not a file"));
    assert!(unsafe_reason(&[file("x"), link("l", "x"), hard("a", "l")]).contains("not a file"));
    assert!(
        unsafe_reason(&[entry(b'5', "d", "", 0o755, b""), hard("a", "d")]).contains("not a file")
    );
    assert!(
        unsafe_reason(&[file("d/x"), link("l", "d"), hard("a", "l/x")]).contains("through a link")
    );
}

#[test]
fn whiteouts_that_hide_what_is_not_theirs() {
    for path in [".wh...", "a/.wh..", ".wh."] {
        assert!(
            unsafe_reason(&[file(path)]).contains("hides nothing"),
            "{path}"
        );
    }
    let place = Place::new();
    place.put("outside/secret", "secret");
    // Through a link, even one that stays inside, nothing is hidden.
    let lower = archive(&[file("real/kept"), link("link", "real")]);
    let image = Foreign::image(
        place.path("layout"),
        &[
            lower,
            archive(&[file("link/.wh.kept"), file("link/.wh..wh..opq")]),
        ],
    );
    unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new()).unwrap();
    assert!(place.path("release/real/kept").exists());
}

#[test]
fn devices_pipes_and_other_kinds() {
    assert!(unsafe_reason(&[entry(b'3', "null", "", 0o666, b"")]).contains("device"));
    assert!(unsafe_reason(&[entry(b'4', "disk", "", 0o666, b"")]).contains("device"));
    assert!(unsafe_reason(&[entry(b'6', "pipe", "", 0o666, b"")]).contains("pipe"));
    assert!(unsafe_reason(&[entry(b'S', "sparse", "", 0o666, b"")]).contains("kind"));
    let pax = entry(b'x', "pax", "", 0, b"22 GNU.sparse.major=1\n");
    assert!(unsafe_reason(&[pax, file("sparse")]).contains("sparse"));
}

#[test]
fn two_sizes_for_one_file() {
    let pax = entry(b'x', "pax", "", 0, b"12 size=512\n");
    assert!(unsafe_reason(&[pax, file("a")]).contains("two different sizes"));
}

#[test]
fn bombs_are_stopped_at_the_limit() {
    let limits = UnpackLimits {
        bytes: 1024 * 1024,
        entries: 10,
    };
    let zeros = entry(b'0', "zeros", "", 0o644, &vec![0; 8 * 1024 * 1024]);
    let error = refused(&[archive(&[zeros])], &limits);
    assert_eq!(
        (error.code(), error.to_string().contains("1048576 bytes")),
        ("image.too-large", true)
    );
    // The limit is for all layers together, and for what nobody asked to extract, too.
    let half = archive(&[entry(b'0', "half", "", 0o644, &vec![0; 600 * 1024])]);
    assert_eq!(
        refused(&[half.clone(), half], &limits).code(),
        "image.too-large"
    );
    let mut trailing = archive(&[file("a")]);
    trailing.resize(8 * 1024 * 1024, 0);
    assert_eq!(refused(&[trailing], &limits).code(), "image.too-large");
    let many: Vec<_> = (0..11).map(|number| file(&number.to_string())).collect();
    assert_eq!(
        refused(&[archive(&many)], &limits).code(),
        "image.too-large"
    );
    let name = entry(b'L', "././@LongLink", "", 0, &vec![b'a'; 4 * 1024 * 1024]);
    let error = refused(&[archive(&[name, file("a")])], &LIMITS);
    assert_eq!(error.code(), "image.too-large");
    let deep = entry(b'L', "././@LongLink", "", 0, "d/".repeat(1500).as_bytes());
    assert!(unsafe_reason(&[deep, file("a")]).contains("not a path"));
}

#[test]
fn a_file_that_says_it_is_too_large_is_refused_before_it_is_written() {
    // Ten gibibytes by its header, of which nothing is there.
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..5].copy_from_slice(b"zeros");
    header.set_mode(0o644);
    header.set_size(10 << 30);
    header.set_cksum();
    let archive = header.as_bytes().to_vec();
    let error = refused(&[archive], &LIMITS);
    assert_eq!(error.code(), "image.too-large", "{error}");
    assert!(
        error.to_string().contains("the limit `unpacked`"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("operator's configuration"));
}

#[test]
fn directories_that_no_entry_names_count_as_well() {
    let limits = UnpackLimits {
        bytes: 1 << 20,
        entries: 50,
    };
    let deep: Vec<_> = (0..5)
        .map(|number| file(&format!("{number}/{}", "d/".repeat(15) + "file")))
        .collect();
    let error = refused(&[archive(&deep)], &limits);
    assert_eq!(error.code(), "image.too-large", "{error}");
    assert!(error.to_string().contains("`unpacked_entries`"), "{error}");
}

#[test]
fn a_layer_in_a_layer_is_no_archive() {
    let inner = gzip(&archive(&[file("a")]));
    let error = refused(&[gzip(&inner)], &LIMITS);
    assert_eq!(error.code(), "image.corrupt", "{error}");
    // As a file it stays what it is: nothing looks into it.
    let place = Place::new();
    let packed = archive(&[entry(b'0', "inner.tar.gz", "", 0o644, &inner)]);
    let image = Foreign::image(place.path("layout"), &[packed]);
    unpack(&image, &place.path("one"), &LIMITS, &Interrupt::new()).unwrap();
    assert_eq!(fs::read(place.path("one/inner.tar.gz")).unwrap(), inner);
}

/// Opens the image of this manifest, over a configuration that has these layers.
fn opened(manifest: impl FnOnce(&Foreign) -> Value) -> ImageError {
    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let manifest = manifest(&foreign);
    foreign.index(&[manifest]);
    let layout = Layout::open(&foreign.path).unwrap();
    layout.image(&Selector::Only).unwrap_err()
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

#[test]
fn a_manifest_with_a_hundred_thousand_layers() {
    let with = |count: usize| {
        opened(|foreign| {
            let layer = foreign.blob(GZIP, b"");
            let digest = layer["digest"].clone();
            let config = json!({
                "architecture": "amd64", "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": vec![digest; count] },
            });
            let config = foreign.document(CONFIG, &config);
            let layers = vec![layer; count];
            let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
            foreign.document(MANIFEST, &manifest)
        })
    };
    let error = with(100_000);
    assert_eq!(error.code(), "image.too-large");
    assert!(error.to_string().contains("4194304 bytes"), "{error}");
    let error = with(513);
    assert_eq!(error.code(), "image.too-large");
    assert!(error.to_string().contains("512 layers"), "{error}");
}

#[test]
fn documents_of_a_hundred_megabytes_are_not_read() {
    // Nothing but a size, on disk; the content could not be checked without reading it all.
    let huge = |foreign: &Foreign, media_type: &str| {
        let descriptor = foreign.blob(media_type, media_type.as_bytes());
        let digest = descriptor["digest"]
            .as_str()
            .unwrap()
            .replace("sha256:", "");
        let blob = fs::File::options()
            .write(true)
            .open(foreign.path.join("blobs/sha256").join(digest));
        blob.unwrap().set_len(100 << 20).unwrap();
        descriptor
    };
    let error = opened(|foreign| huge(foreign, MANIFEST));
    assert_eq!(error.code(), "image.too-large", "{error}");
    let error = opened(|foreign| {
        let config = huge(foreign, CONFIG);
        foreign.document(
            MANIFEST,
            &json!({ "schemaVersion": 2, "config": config, "layers": [] }),
        )
    });
    assert_eq!(error.code(), "image.too-large", "{error}");
    let error = opened(|foreign| foreign.blob(MANIFEST, "[".repeat(1 << 20).as_bytes()));
    assert_eq!(error.code(), "image.invalid", "{error}");
}

#[test]
fn sizes_that_no_blob_has() {
    for size in [json!(u64::MAX), json!(0), json!(-1), json!(1e300)] {
        let error = opened(|foreign| {
            let mut layer = foreign.blob(GZIP, b"layer");
            layer["size"] = size.clone();
            let config = json!({
                "architecture": "amd64", "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
            });
            let config = foreign.document(CONFIG, &config);
            let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
            foreign.document(MANIFEST, &manifest)
        });
        assert!(
            ["image.corrupt", "image.invalid"].contains(&error.code()),
            "{size}: {error}"
        );
    }
}

#[test]
fn damaged_layers() {
    let sound = archive(&[entry(b'0', "file", "", 0o644, &[7; 5000])]);
    for damaged in [
        sound[..3000].to_vec(),
        [&sound[..200], &[0xff; 600], &sound[800..]].concat(),
        vec![b'x'; 600],
    ] {
        assert_eq!(refused(&[damaged], &LIMITS).code(), "image.corrupt");
    }
    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let other = archive(&[file("other")]);
    let blob = gzip(&sound);
    // The blob is what its digest says, but not the archive that the configuration names.
    for (archive, blob) in [
        (&other, blob.clone()),
        (&sound, blob[..blob.len() - 20].to_vec()),
        (&sound, [blob, b"junk".to_vec()].concat()),
    ] {
        foreign.index(&[foreign.manifest(&[(archive, &blob, GZIP)])]);
        let image = Layout::open(&foreign.path)
            .unwrap()
            .image(&Selector::Only)
            .unwrap();
        let result = unpack(&image, &place.path("release"), &LIMITS, &Interrupt::new());
        assert_eq!(code(result), "image.corrupt");
        assert!(!place.path("release").exists());
    }
}

/// Found by the fuzzer: errors quoted documents and headers as they were, however long.
#[test]
fn errors_quote_little_of_an_image_and_nothing_that_steers_a_terminal() {
    let mut named = entry(b'0', "file", "", 0o644, b"");
    named[148..154].copy_from_slice(b"\x1b[2J\xff\xff");
    let error = refused(&[archive(&[named])], &LIMITS);
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");

    let place = Place::new();
    let foreign = Foreign::new(place.path("layout"));
    let long = "\u{1b}".repeat(100_000);
    foreign.index(&[json!({ "mediaType": "x", "digest": long, "size": long })]);
    let layout = Layout::open(&foreign.path).unwrap();
    let error = layout.image(&Selector::Only).unwrap_err().to_string();
    assert!(
        error.len() < 4_096 && !error.contains('\u{1b}'),
        "{}",
        error.len()
    );
}
