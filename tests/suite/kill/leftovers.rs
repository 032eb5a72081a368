//! What is in the state folder when a deployment has ended: nothing half done, and only whole
//! images.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::course::Act;
use super::cycle::{Cycles, Done};

/// Names of what a crash may leave half done, and what must be gone when a deployment has ended.
const HALF_DONE: [&str; 6] = [
    ".new-",
    ".gone-",
    ".tmp",
    ".unpacking",
    ".sock",
    ".partial-",
];

/// No temporary files, no sockets of nobody, no releases beyond the one that each service has.
pub fn nothing_half_done_is_left(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let act = done.act;
    // With the deployment ended there is nobody who would take the socket away before the next.
    let ended_before = done.was_killed && done.resumed.is_empty();
    let state = cycles.installation.state();
    let mut folders_to_see = vec![state.clone()];
    while let Some(folder) = folders_to_see.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_in_use = path.starts_with(state.join("releases")) && name == "ctl.sock";
            let is_of_dead = ended_before && folder.ends_with("control");
            let is_half_done = HALF_DONE.iter().any(|mark| name.contains(mark))
                || name.ends_with(".new")
                || (name == "away" && path.starts_with(state.join("caches")))
                || folder.ends_with("images/.incoming");
            if is_half_done && !is_in_use && !is_of_dead {
                found.push(format!("half done: {}", path.display()));
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && name != "root" {
                folders_to_see.push(path);
            }
        }
    }
    let releases = state.join("releases/test");
    for service in folders(&releases) {
        let there = folders(&releases.join(&service));
        // A run that failed is kept for a look at it, beside the one before.
        let most = match (act, service.as_str()) {
            (Act::Destroy, _) => 0,
            (_, "broken" | "endless") => 2,
            _ => 1,
        };
        if there.len() > most {
            found.push(format!(
                "{service} has more than {most} releases: {there:?}"
            ));
        }
    }
    let data = state.join("data/test");
    if act == Act::Destroy && !folders(&data).is_empty() {
        found.push(format!("data is left: {:?}", folders(&data)));
    }
}

/// Every image of the index is there, and every blob is what its name says.
pub fn images_are_whole(cycles: &mut Cycles, found: &mut Vec<String>) {
    let images = cycles.installation.state().join("images");
    let index = fs::read(images.join("index.json")).unwrap_or_default();
    let Ok(index) = serde_json::from_slice::<Value>(&index) else {
        found.push("the index of the images is damaged".to_owned());
        return;
    };
    let blobs = images.join("blobs/sha256");
    for entry in fs::read_dir(&blobs).into_iter().flatten().flatten() {
        let path = entry.path();
        if cycles.verified.contains(&path) {
            continue;
        }
        let digest = Sha256::digest(fs::read(&path).unwrap_or_default());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        match entry.file_name() == digest.as_str() {
            true => drop(cycles.verified.insert(path)),
            false => found.push(format!("{} is {digest}", path.display())),
        }
    }
    let there = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let path = blobs.join(digest.trim_start_matches("sha256:"));
        let size = path.metadata().map(|metadata| metadata.len()).ok();
        (size == descriptor["size"].as_u64()).then_some(path)
    };
    for entry in index["manifests"].as_array().into_iter().flatten() {
        let Some(manifest) = there(entry) else {
            found.push(format!("an image of the index is not there: {entry}"));
            continue;
        };
        let manifest = fs::read(manifest).unwrap_or_default();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let layers = manifest["layers"].as_array().into_iter().flatten();
        for part in layers.chain([&manifest["config"]]) {
            if there(part).is_none() {
                found.push(format!("a part of an image is not there: {part}"));
            }
        }
    }
}

/// Names of the folders in a folder.
pub fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
