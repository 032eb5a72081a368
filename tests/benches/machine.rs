//! What the machine is: numbers mean nothing without it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A line that says what measured: processor, cores, memory, kernel.
pub fn told() -> String {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor".into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let memory = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim();
    format!("{processor}, {cores} cores, {memory} GiB of memory, Linux {kernel}")
}

/// How busy the machine is: its load over the last minute.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// Year, month and day, as the machine's `date` says it.
pub fn date() -> String {
    printed("date", &["+%Y-%m-%d"]).unwrap_or_else(|| "an unknown day".to_owned())
}

/// The commit that is measured.
pub fn commit() -> String {
    let arguments = [
        "-C",
        env!("CARGO_MANIFEST_DIR"),
        "rev-parse",
        "--short",
        "HEAD",
    ];
    printed("git", &arguments).unwrap_or_else(|| "no commit".to_owned())
}

/// The name of the file system that the folder is on.
pub fn file_system(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    let table = printed("df", &["--output=fstype", &folder]).unwrap_or_default();
    table.lines().last().unwrap_or_default().to_owned()
}

/// How often a second the file system makes a small append durable (4 KiB, then fdatasync).
pub fn syncs_a_second(folder: &Path, during: Duration) -> Result<f64> {
    let mut file = File::create(folder.join("sync"))?;
    let page = [7; 4096];
    let (began, mut syncs) = (Instant::now(), 0_u32);
    while began.elapsed() < during {
        append_durably(&mut file, &page)?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

/// Writes behind what was written before, and waits until it is on the disk.
pub fn append_durably(file: &mut File, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes)?;
    file.sync_data().context("fdatasync")
}

/// A field of `/proc/PROCESS/status` that is counted in KiB, in bytes: `VmRSS` is the resident
/// memory, `VmHWM` the most that it has been.
pub fn resident(name: &str, process: &str) -> Result<f64> {
    let file = format!("/proc/{process}/status");
    let value = field(&file, name).with_context(|| format!("no {name} in {file}"))?;
    let kibibytes: f64 = value.trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0)
}

/// The value of a line `name : value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(known, _)| known.trim() == name)?;
    Some(value.trim().to_owned())
}

fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then(|| text.trim().to_owned())
}
