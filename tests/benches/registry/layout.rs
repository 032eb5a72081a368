//! An image of a given size: a layout whose layers hold nothing that could be made smaller.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PIECE: usize = 1 << 20;

/// Writes the one image, of so many bytes in so many layers.
pub fn write(folder: &Path, bytes: u64, layers: u64) -> Result<()> {
    std::fs::create_dir_all(folder.join("blobs/sha256"))?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut descriptors = Vec::new();
    for _ in 0..layers {
        let (digest, size) = layer(folder, bytes / layers, &mut state)?;
        let kind = "application/vnd.oci.image.layer.v1.tar";
        descriptors.push(json!({ "mediaType": kind, "digest": digest, "size": size }));
    }
    let ids: Vec<_> = descriptors
        .iter()
        .filter_map(|one| one.get("digest"))
        .collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": ids },
    });
    let config = document(folder, "application/vnd.oci.image.config.v1+json", &config)?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "config": config, "layers": descriptors,
    });
    let manifest = document(folder, kind, &manifest)?;
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    std::fs::write(folder.join("index.json"), index.to_string())?;
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    Ok(std::fs::write(
        folder.join("oci-layout"),
        version.to_string(),
    )?)
}

/// Noise (xorshift64) of that many bytes.
fn layer(folder: &Path, bytes: u64, state: &mut u64) -> Result<(String, u64)> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut hash = Sha256::new();
    let mut left = usize::try_from(bytes)?;
    let mut piece = Vec::with_capacity(PIECE);
    while left > 0 {
        piece.clear();
        while piece.len() < PIECE.min(left) {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            piece.extend_from_slice(&state.to_le_bytes());
        }
        piece.truncate(left);
        hash.update(&piece);
        file.write_all(&piece)?;
        left -= piece.len();
    }
    let digest = hex(hash);
    let file: File = file.persist(folder.join("blobs/sha256").join(&digest))?;
    Ok((format!("sha256:{digest}"), file.metadata()?.len()))
}

fn document(folder: &Path, kind: &str, content: &Value) -> Result<Value> {
    let text = content.to_string();
    let digest = hex(Sha256::new_with_prefix(&text));
    std::fs::write(folder.join("blobs/sha256").join(&digest), &text)?;
    Ok(json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": text.len() }))
}

fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
