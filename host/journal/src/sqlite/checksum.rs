//! Checksums of what is kept, since SQLite has none: a byte that went bad on the disk in the
//! middle of a text would be read as if it had been written so.
//!
//! A CRC-32 (ISO 3309) finds what disks and memory do to bytes. It is no protection from
//! people; whoever can write the file is the user that it belongs to.

use crc32fast::Hasher;

use crate::DeploymentId;

/// Of a fact, with its place.
pub(super) fn fact(deployment: &DeploymentId, seq: i64, time_ms: i64, body: &str) -> u32 {
    let numbers = [deployment.number().cast_signed(), seq, time_ms];
    of(deployment.environment(), &numbers, body)
}

/// Of the description of a deployment.
pub(super) fn description(deployment: &DeploymentId, body: &str) -> u32 {
    let numbers = [deployment.number().cast_signed()];
    of(deployment.environment(), &numbers, body)
}

/// Of a document of an environment.
pub(super) fn document(environment: &str, key: &str, body: &str) -> u32 {
    let numbers = [i64::from(of(key, &[], ""))];
    of(environment, &numbers, body)
}

fn of(name: &str, numbers: &[i64], body: &str) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(name.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(body.as_bytes());
    hasher.finalize()
}
