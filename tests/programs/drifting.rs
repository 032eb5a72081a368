//! Stagewright itself, by a time of day that tests set: the machine's, and so many milliseconds
//! as the file `drift` beside the state folder says. Its second line, where it has one, names
//! the start of the machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use stagewright::{Clock, SystemClock, Uptime};
use stagewright_pipeline::Timestamp;

struct Drifting {
    file: PathBuf,
}

impl Drifting {
    fn said(&self, line: usize) -> Option<String> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        text.lines().nth(line).map(str::to_owned)
    }
}

impl Clock for Drifting {
    fn now(&self) -> Timestamp {
        let drift = self.said(0).and_then(|drift| drift.parse().ok());
        Timestamp(
            SystemClock
                .now()
                .0
                .saturating_add_signed(drift.unwrap_or(0)),
        )
    }

    fn uptime(&self) -> Uptime {
        let real = SystemClock.uptime();
        Uptime {
            boot: self.said(1).unwrap_or(real.boot),
            ..real
        }
    }
}

fn main() -> ExitCode {
    let state = std::env::var_os("STAGEWRIGHT_HOME").map(PathBuf::from);
    let file = state.unwrap_or_default().with_file_name("drift");
    stagewright::main_with(Arc::new(Drifting { file }))
}
