//! Layouts and layers that were changed at random: taken or refused, and in both cases nothing
//! is outside of where it belongs, nothing is half there, and nothing is larger than allowed.

mod layers;

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::super::*;
use super::*;
use crate::harmless::disturbs;

const LIMITS: UnpackLimits = UnpackLimits {
    bytes: 4 * 1024 * 1024,
    entries: 200,
};
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A place with something around the target that must stay as it is.
struct Field {
    place: Place,
}

impl Field {
    fn new() -> Self {
        let place = Place::new();
        place.put("outside/secret", "secret");
        fs::create_dir(place.path("releases")).unwrap();
        Self { place }
    }

    /// Unpacks; looks at everything around, and at what came of it.
    fn unpack(&self, image: &Image) -> Verdict {
        let target = self.place.path("releases/one");
        let result = unpack(image, &target, &LIMITS, &Interrupt::new());
        assert_eq!(names(&self.place.path("outside")), ["secret"]);
        let secret = fs::read_to_string(self.place.path("outside/secret")).unwrap();
        assert_eq!(secret, "secret");
        assert_eq!(
            names(&self.place.path("")),
            ["images", "layout", "outside", "releases"]
        );
        let left = names(&self.place.path("releases"));
        if let Err(error) = result {
            assert!(left.is_empty(), "{left:?} is left after: {error}");
            assert_told(&error);
            return Verdict::Refused;
        }
        assert_eq!(left, ["one"]);
        let root = target.canonicalize().unwrap();
        let (bytes, entries) = measure(&root, &root);
        assert!(
            bytes <= LIMITS.bytes && entries <= LIMITS.entries,
            "{bytes} {entries}"
        );
        fs::remove_dir_all(target).unwrap();
        Verdict::Accepted
    }
}

/// Errors quote what strangers wrote: a little of it, and nothing that steers a terminal.
fn assert_told(error: &ImageError) {
    let told = error.to_string();
    let bad = |c: char| c != '\t' && disturbs(c);
    assert!(!told.contains(bad) && told.len() < 4 * 1024, "{told:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Bytes and entries below a folder. Every link stays inside, and no file has more rights than
/// it should.
fn measure(folder: &Path, root: &Path) -> (u64, u64) {
    let mut sum = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        sum.1 += 1;
        if found.is_dir() {
            let (bytes, entries) = measure(&path, root);
            sum = (sum.0 + bytes, sum.1 + entries);
        } else if found.is_symlink() {
            let inside = path
                .canonicalize()
                .map_or(true, |end| end.starts_with(root));
            assert!(inside, "{path:?} leads out");
        } else {
            assert!(found.is_file(), "{path:?}");
            assert_eq!(found.permissions().mode() & 0o7000, 0, "{path:?}");
            sum.0 += found.len();
        }
    }
    sum
}

/// What the documents of an image say, with places for digests and sizes that are known only
/// when the mutated documents are written.
fn documents() -> [String; 3] {
    let layer = archive(&[entry(b'0', "app/run", "", 0o755, b"run")]);
    let digest = Digest::of(&layer).to_string();
    let descriptor = |kind: &str, what: &str| json!({ "mediaType": kind, "digest": format!("@{what}-digest"), "size": format!("@{what}-size") });
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {
            "Env": ["A=1"], "Cmd": ["/app/run"], "WorkingDir": "/", "Labels": { "a": "b" },
            "ExposedPorts": { "80/tcp": {} },
        },
        "rootfs": { "type": "layers", "diff_ids": [digest] },
        "history": [{ "created_by": "hand" }],
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, "config"),
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest,
            "size": layer.len(),
        }],
    });
    let index = |manifest: Value| json!({ "schemaVersion": 2, "manifests": [manifest] });
    let mut tagged = descriptor(MANIFEST, "manifest");
    tagged["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    tagged["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    let whole = |index: Value, nested: Value| {
        json!({
            "oci-layout": version, "index": index, "nested": nested, "manifest": manifest,
            "config": config,
        })
        .to_string()
    };
    [
        whole(index(tagged.clone()), json!({})),
        whole(index(descriptor(INDEX, "nested")), index(tagged)),
        whole(
            index(descriptor(MANIFEST, "manifest")),
            index(descriptor(INDEX, "nested")),
        ),
    ]
}

/// Writes the documents of a layout, each under its digest, from the last one to the first.
fn write(foreign: &Foreign, documents: &Value) {
    let mut places: Vec<(String, String)> = Vec::new();
    for name in ["config", "manifest", "nested", "index", "oci-layout"] {
        let mut text = documents.get(name).unwrap_or(&Value::Null).to_string();
        for (place, with) in &places {
            text = text.replace(place, with);
        }
        match name {
            "index" => fs::write(foreign.path.join("index.json"), text).unwrap(),
            "oci-layout" => fs::write(foreign.path.join("oci-layout"), text).unwrap(),
            name => {
                let blob = foreign.blob("", text.as_bytes());
                places.push((
                    format!("@{name}-digest"),
                    blob["digest"].as_str().unwrap().into(),
                ));
                places.push((format!("\"@{name}-size\""), blob["size"].to_string()));
            }
        }
    }
}

#[test]
fn layouts() -> Result<(), Finding> {
    let field = Field::new();
    let foreign = Foreign::new(field.place.path("layout"));
    foreign.blob("", &archive(&[entry(b'0', "app/run", "", 0o755, b"run")]));
    let target = Target::new("oci-layout", Shape::Json)
        .seeds(documents())
        // Found once: kept as an image, and taken for an index when it was looked for again.
        .seed(include_str!("fuzz/calls-itself-an-index.json"))
        .words(&[
            MANIFEST,
            CONFIG,
            INDEX,
            GZIP,
            "sha256:",
            "@config-digest",
            "@manifest-digest",
            "@nested-digest",
            "@config-size",
            "latest",
            "mediaType",
            "digest",
            "size",
            "manifests",
            "layers",
            "platform",
            "annotations",
            "schemaVersion",
            "config",
            "rootfs",
            "diff_ids",
            "Entrypoint",
            "Cmd",
            "Env",
            "amd64",
            "linux",
            "arm64",
            "urls",
            "subject",
            "data",
        ])
        .least(60);
    target.run(|input| {
        let Ok(documents) = serde_json::from_slice::<Value>(input) else {
            return Verdict::Refused;
        };
        write(&foreign, &documents);
        let opened = Layout::open(&foreign.path).and_then(|layout| {
            // A tag that is not there is an error, too, and must name what is.
            let _: Result<Image, ImageError> = layout.image(&Selector::Tag("latest".to_owned()));
            layout.image(&Selector::Only)
        });
        let image = match opened {
            Ok(image) => image,
            Err(error) => {
                assert_told(&error);
                return Verdict::Refused;
            }
        };
        let (_, _) = (image.config(), image.size());
        let verdict = field.unpack(&image);
        let store = &field.place.store;
        let kept = store.keep(&image, "fuzz", &Interrupt::new());
        if let Ok(reference) = &kept {
            assert_eq!(store.image(reference).unwrap().digest(), image.digest());
        }
        assert!(names(&field.place.path("images/.incoming")).is_empty());
        let told = verdict == Verdict::Accepted && kept.is_ok();
        fs::write(
            field.place.path("images/index.json"),
            r#"{"schemaVersion":2,"manifests":[]}"#,
        )
        .unwrap();
        Verdict::from(told)
    })?;
    Ok(())
}

#[test]
fn programs() -> Result<(), Finding> {
    let place = Place::new();
    let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(4096);
    // Without sections, which lie at the end of the file.
    program[0x28..0x30].fill(0);
    program[0x3c..0x40].fill(0);
    let target = Target::new("programs", Shape::Bytes)
        .seed(program)
        .seed("#!/bin/sh\necho\n")
        .seed("#!/usr/bin/env -S sh -e\n")
        .words(&["#!", "/bin/sh", "/usr/bin/env ", "\u{7f}ELF", "\u{1}\u{2}"]);
    place.put("release/run", "");
    make_executable(&place.path("release/run"));
    target.run(|input| {
        fs::write(place.path("release/run"), input).unwrap();
        let search = std::ffi::OsStr::new("/usr/bin:/bin");
        match check_runnable(&place.path("release"), "/run", search) {
            Ok(()) => Verdict::Accepted,
            Err(error) => {
                assert_eq!(error.code(), "image.not-runnable", "{error}");
                assert_told(&error);
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}

#[test]
fn references() -> Result<(), Finding> {
    let digest = Digest::of(b"").to_string();
    let seeds = [
        "oci:images/db",
        "oci:a:b:latest",
        "oci:a/b:1.0",
        "layout:shop/api@",
        "oci:a@",
    ];
    let target = Target::new("image-reference", Shape::Text)
        .seeds(seeds.map(|seed| match seed.ends_with('@') {
            true => format!("{seed}{digest}"),
            false => seed.to_owned(),
        }))
        .words(&[
            "oci:", "layout:", "@", ":", "/", "sha256:", "..", "--", "---",
        ]);
    target.run(
        |input| match String::from_utf8_lossy(input).parse::<Reference>() {
            Ok(reference) => {
                let again: Reference = reference.to_string().parse().unwrap();
                assert_eq!(again, reference);
                Verdict::Accepted
            }
            Err(error) => {
                assert_told(&error);
                Verdict::Refused
            }
        },
    )?;
    Ok(())
}
