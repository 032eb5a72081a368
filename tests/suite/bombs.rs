//! Images that were made to do harm, deployed by the real program beside services that mean
//! well.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use stagewright_runtime::Digest;
use tar::{EntryType, Header};

use crate::environment::{free_port, get, server, with};
use crate::sandbox::tree;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes a blob into a layout; answers with its descriptor.
fn blob(layout: &Path, media_type: &str, content: &[u8]) -> Value {
    let digest = Digest::of(content).to_string();
    let folder = layout.join("blobs/sha256");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(digest.replace("sha256:", "")), content).unwrap();
    json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
}

/// Makes a layout with one image of one layer.
fn image(layout: &Path, archive: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(archive).unwrap();
    let layer = blob(layout, LAYER, &packed.finish().unwrap());
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Cmd": ["/app/actor", "serve"] },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(archive).to_string()] },
    });
    let config = blob(layout, CONFIG, config.to_string().as_bytes());
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let manifest = blob(layout, MANIFEST, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
    std::fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}

/// One entry, with a header that says it has this size, whatever follows.
fn entry(kind: EntryType, path: &str, link: &str, said: u64, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o6755);
    header.set_size(said);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    entry(EntryType::Regular, path, "", content.len() as u64, content)
}

/// A service that runs an image of a layout beside the file.
fn container(name: &str) -> String {
    format!("\n  {name}:\n    type: container\n    image: \"oci:{name}\"\n")
}

/// The bombs, and of each what is told: code, cause, limit or remedy.
fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str, [&'static str; 2])> {
    let zeros = vec![0; 24 << 20];
    let many: Vec<u8> = (0..1500)
        .flat_map(|number| file(&format!("f{number}"), b""))
        .collect();
    let evil = file("link/evil", b"evil");
    vec![
        // Each fits, all of them do not; some kilobytes as they come.
        (
            "zeros",
            [file("a", &zeros), file("b", &zeros), file("c", &zeros)].concat(),
            "image.too-large",
            [
                "67108864 bytes, the limit `unpacked`",
                "raise that limit under `limits`",
            ],
        ),
        (
            "boast",
            entry(EntryType::Regular, "zeros", "", 10 << 30, b""),
            "image.too-large",
            [
                "67108864 bytes, the limit `unpacked`",
                "raise that limit under `limits`",
            ],
        ),
        (
            "many",
            many,
            "image.too-large",
            [
                "1000 files, the limit `unpacked_entries`",
                "raise that limit under `limits`",
            ],
        ),
        (
            "climber",
            file("../../../evil", b"evil"),
            "image.unsafe",
            ["climbs with `..`", "a tool that you trust"],
        ),
        (
            "absolute",
            file("/tmp/stagewright-evil", b"evil"),
            "image.unsafe",
            ["is an absolute path", "a tool that you trust"],
        ),
        (
            "through",
            [entry(EntryType::Symlink, "link", "/", 0, b""), evil].concat(),
            "image.unsafe",
            ["written through a link", "a tool that you trust"],
        ),
        (
            "hard",
            entry(EntryType::Link, "passwd", "../../../../etc/passwd", 0, b""),
            "image.unsafe",
            ["climbs with `..`", "a tool that you trust"],
        ),
        (
            "device",
            entry(EntryType::Char, "null", "", 0, b""),
            "image.unsafe",
            ["is a device", "a tool that you trust"],
        ),
        (
            "torn",
            b"no archive at all".repeat(100),
            "image.corrupt",
            ["is damaged", "copy the image again"],
        ),
    ]
}

#[test]
fn bombs_are_refused_by_name_and_the_services_beside_them_are_deployed() {
    let ports = [(); 3].map(|()| free_port());
    let honest = ["one", "two", "three"]
        .into_iter()
        .zip(ports)
        .map(|(name, port)| server(name, port, name));
    let bombs = bombs();
    let mut services: Vec<_> = honest.collect();
    services.extend(bombs.iter().map(|(name, ..)| container(name)));
    let installation = with(&services);
    let stages = "stages:\n  - { name: all, default_for: [application, container], on_failure: finish-stage }\n";
    let text = std::fs::read_to_string(installation.project().join("stagewright.yaml")).unwrap();
    installation.write(
        "stagewright.yaml",
        &text.replace("services:", &format!("{stages}services:")),
    );
    for (name, archive, ..) in &bombs {
        let mut archive = archive.clone();
        archive.extend([0; 1024]);
        image(&installation.project().join(name), &archive);
    }
    let config = "limits: { unpacked: 64MiB, unpacked_entries: 1000 }\n";
    let config = installation.write("config.yaml", config);
    let run = installation.run(&[
        "--config",
        config.to_str().unwrap(),
        "deploy",
        "--output",
        "json",
    ]);
    assert_eq!(run.code, Some(1), "{run}");
    let events = run.json();
    for (name, _, code, parts) in &bombs {
        let failed = events
            .iter()
            .find(|event| event["service"] == *name && event["error"].is_object());
        let failure = &failed.unwrap_or_else(|| panic!("{name} has not failed\n{run}"))["error"];
        assert_eq!(failure["code"], *code, "{name}: {failure}");
        let told = failure.to_string();
        assert!(
            parts.iter().all(|part| told.contains(part)),
            "{name}: {failure}"
        );
    }
    for (name, port) in ["one", "two", "three"].into_iter().zip(ports) {
        assert_eq!(get(port, "/").as_deref(), Some(name), "{run}");
    }
    let left = tree(&installation.state().join("releases/test"));
    for (name, ..) in &bombs {
        let below = format!("{name}/");
        let left: Vec<_> = left
            .iter()
            .filter(|path| path.starts_with(&below))
            .collect();
        assert!(left.is_empty(), "{name} left {left:?}");
    }
    assert!(!Path::new("/tmp/stagewright-evil").exists());
}
