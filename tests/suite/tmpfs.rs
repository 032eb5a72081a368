//! A small disk of a test's own, to be filled up: a tmpfs.
//!
//! Mounting takes a privilege. A test that has none runs once more in a namespace where it is
//! root (unshare(1) of util-linux); where that is refused as well, the test fails and says so.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Set for the run inside the namespace, so that there is no third one.
const INSIDE: &str = "STAGEWRIGHT_TEST_INSIDE_NAMESPACE";

/// A mounted file system, unmounted when it is dropped.
pub struct Tmpfs {
    folder: TempDir,
}

/// A file that takes up all space that is left, until it is dropped.
pub struct Ballast {
    path: PathBuf,
}

/// Runs a test with a disk of so many bytes. Called by the test itself, first of all.
pub fn with(bytes: u64, test: impl FnOnce(&Tmpfs)) {
    match Tmpfs::mount(bytes) {
        Ok(tmpfs) => test(&tmpfs),
        Err(refusal) if std::env::var_os(INSIDE).is_some() => {
            panic!("a tmpfs cannot be mounted even as root of a namespace: {refusal}")
        }
        Err(refusal) => once_more(&refusal),
    }
}

/// Runs the test that this thread runs inside a namespace of its own.
fn once_more(refusal: &str) {
    let thread = std::thread::current();
    let name = thread.name().expect("the thread of a test has its name");
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare(1) of util-linux is needed");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "a tmpfs is needed, and neither mount(8) ({refusal}) nor unshare(1) worked; run the tests \
         as root, or allow user namespaces\n{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

impl Tmpfs {
    fn mount(bytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let run = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={bytes},mode=0700"),
                "tmpfs",
            ])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        match run.status.success() {
            true => Ok(Self { folder }),
            false => Err(String::from_utf8_lossy(&run.stderr).trim().to_owned()),
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes up all space but so many bytes.
    pub fn fill_but(&self, left: usize) -> Ballast {
        let path = self.path().join("ballast");
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .unwrap();
        let block = [0x5a_u8; 4096];
        let mut written = 0_usize;
        loop {
            match file.write(&block) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
        let kept = written.checked_sub(left).expect("so much was free");
        file.set_len(kept as u64).unwrap();
        Ballast { path }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, as a process of the test may still be ending in it.
        let ended = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "umount {}", self.path().display());
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        // It may have gone with its file system.
        let _ = std::fs::remove_file(&self.path);
    }
}
