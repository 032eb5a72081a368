//! What others take for the same files: archivers, umoci, and what bounds them all.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::measure::{Samples, time};
use crate::place::Place;

/// What was measured of a reference.
pub struct Reference {
    pub name: &'static str,
    /// Whether it makes what we make; else it shows what bounds everybody.
    pub is_equal: bool,
    /// Its times, or why there are none.
    pub samples: Result<Samples, String>,
}

/// A script for `sh`, which is run in the folder of the files; `$OUT` is an empty folder.
struct Script {
    name: &'static str,
    /// Whether it makes what we make; else it shows what bounds everybody.
    is_equal: bool,
    /// Programs that it needs.
    needs: &'static [&'static str],
    text: &'static str,
}

const SCRIPTS: &[Script] = &[
    Script {
        name: "tar, gzip, sha256sum",
        is_equal: true,
        needs: &["tar", "gzip", "sha256sum"],
        text: "tar -c . | gzip | tee $OUT/layer | sha256sum",
    },
    Script {
        name: "tar, gzip -1, sha256sum",
        is_equal: true,
        needs: &["tar", "gzip", "sha256sum"],
        text: "tar -c . | gzip -1 | tee $OUT/layer | sha256sum",
    },
    Script {
        name: "tar, zstd -1, sha256sum",
        is_equal: true,
        needs: &["tar", "zstd", "sha256sum"],
        text: "tar -c . | zstd -1 -c | tee $OUT/layer | sha256sum",
    },
    Script {
        name: "umoci insert",
        is_equal: true,
        needs: &["umoci"],
        text: "umoci init --layout $OUT/images && umoci new --image $OUT/images:files \
               && umoci insert --rootless --image $OUT/images:files . /srv",
    },
    Script {
        name: "docker build",
        is_equal: true,
        needs: &["docker"],
        text: "docker info >/dev/null 2>&1 || exit 77; \
               printf 'FROM scratch\\nCOPY . /srv\\n' | docker build -q -f - .",
    },
    Script {
        name: "sha256sum of all files",
        is_equal: false,
        needs: &["sha256sum"],
        text: "find . -type f -print0 | xargs -0 sha256sum > $OUT/sums",
    },
    Script {
        name: "a copy, and sync",
        is_equal: false,
        needs: &["cp", "sync"],
        text: "cp -r . $OUT/copy && sync -f $OUT/copy",
    },
];

/// Measures each of them in turns with ours.
pub fn measure(
    place: &Place,
    files: &Path,
    rounds: u64,
    mut ours: impl FnMut() -> Result<Duration>,
) -> Result<(Samples, Vec<Reference>)> {
    let mut own = Vec::new();
    let mut times: Vec<Vec<_>> = SCRIPTS.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        own.push(ours()?);
        for (script, times) in SCRIPTS.iter().zip(&mut times) {
            let out = place.folder()?;
            if script.is_here() {
                times.push(time(|| script.run(files, out.path())));
            }
        }
    }
    let told = SCRIPTS.iter().zip(times).map(|(script, times)| {
        let samples: Result<Samples> = times.into_iter().collect();
        let mut samples = samples.map_err(|error| format!("{error:#}"));
        if samples.as_ref().is_ok_and(|samples| samples.rounds() == 0) {
            samples = Err(format!(
                "{} is not on this machine",
                script.needs.join(", ")
            ));
        }
        Reference {
            name: script.name,
            is_equal: script.is_equal,
            samples,
        }
    });
    Ok((own.into_iter().collect(), told.collect()))
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
    ensure!(copied.context("cannot run cp")?.success(), "cp failed");
    Ok(())
}

impl Script {
    fn is_here(&self) -> bool {
        let mut programs = self.needs.iter();
        programs.all(|program| {
            let asked = ["-c", &format!("command -v {program}")];
            let found = Command::new("sh").args(asked).output();
            found.is_ok_and(|output| output.status.success())
        })
    }

    fn run(&self, files: &Path, out: &Path) -> Result<()> {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(self.text)
            .current_dir(files)
            .env("OUT", out);
        let output = command.stdin(Stdio::null()).output()?;
        ensure!(output.status.code() != Some(77), "no engine answers");
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{} failed: {}",
            self.name,
            errors.trim()
        );
        Ok(())
    }
}
