//! How much memory an image takes on its way from one registry to another.

use std::fs::File;
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{installation, skopeo};
use crate::engines::{Fault, Proxy, Registry};

const MEBIBYTE: u64 = 1 << 20;
/// Bytes of the layers of the larger image.
const LARGE: u64 = 256 * MEBIBYTE;
/// What it may take more than a small one, however large it is.
const MOST: u64 = 64 * MEBIBYTE;

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a layout of one image whose layers are empty archives of so many bytes in all.
fn layout(folder: &Path, bytes: u64) {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let document = |value: &serde_json::Value| {
        let text = value.to_string();
        let digest = hex(Sha256::new_with_prefix(text.as_bytes()));
        std::fs::write(blobs.join(&digest), &text).unwrap();
        (format!("sha256:{digest}"), text.len())
    };
    let mut layers = Vec::new();
    for part in 0..4 {
        // Each is another one, by its length.
        let size = bytes / 4 + part * 512;
        let mut hash = Sha256::new();
        let mut left = size as usize;
        while left > 0 {
            let piece = left.min(ZEROS.len());
            hash.update(&ZEROS[..piece]);
            left -= piece;
        }
        let digest = hex(hash);
        let file = File::create(blobs.join(&digest)).unwrap();
        file.set_len(size).unwrap();
        let kind = "application/vnd.oci.image.layer.v1.tar";
        layers
            .push(json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": size }));
    }
    let ids: Vec<_> = layers.iter().map(|layer| &layer["digest"]).collect();
    let (config, size) = document(&json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": ids },
    }));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size,
    });
    let (manifest, size) = document(&json!({
        "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers,
    }));
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": kind, "digest": manifest, "size": size }],
    });
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    std::fs::write(folder.join("oci-layout"), version.to_string()).unwrap();
}

/// Mirrors an image of so many bytes; answers with the most memory that this took, in bytes.
fn mirroring(bytes: u64) -> u64 {
    let (from, to) = (Registry::open(), Registry::open());
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), bytes);
    let source = format!("oci:{}", folder.path().display());
    let target = format!("docker://{}/source/large:1", from.host());
    let copy = [
        "copy",
        "--quiet",
        "--preserve-digests",
        "--dest-tls-verify=false",
    ];
    skopeo(&[&copy[..], &[&source, &target]].concat());
    // When the manifest comes, all else has been there.
    let proxy = Proxy::before(&to.host(), |asked| {
        match asked.method == "PUT" && asked.path.contains("/manifests/") {
            true => Fault::Hold,
            false => Fault::None,
        }
    });
    let (from, to) = (from.host(), proxy.host());
    let service = format!(
        "\n  large:\n    type: job\n    image: \"{from}/source/large:1\"\n    run: on-destroy\n    \
         push: {{ plugin: \"builtin:registry\", with: {{ repository: \"{to}/mirror/large\" }} }}\n    \
         deploy: {{ with: {{ command: [/none] }} }}\n"
    );
    let installation = installation(&[service], &[&from, &to]);
    let mut host = installation.command(&["deploy"]).spawn().unwrap();
    proxy.wait_until_one_is_held();
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.id())).unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    let blobs = installation.state().join("images/blobs/sha256");
    let here: u64 = std::fs::read_dir(blobs)
        .unwrap()
        .map(|blob| blob.unwrap().metadata().unwrap().len())
        .sum();
    assert!(here >= bytes, "it came through here");
    std::fs::remove_dir_all(installation.state()).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.parse::<u64>().unwrap() * 1024
}

#[test]
fn an_image_takes_no_memory_for_its_size() {
    let small = mirroring(MEBIBYTE);
    let large = mirroring(LARGE);
    let more = large.saturating_sub(small);
    assert!(
        more < MOST,
        "{} MiB more than the {} MiB that a small one takes",
        more / MEBIBYTE,
        small / MEBIBYTE
    );
}
