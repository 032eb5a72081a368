//! Ends the tests when an input is not done with in any sensible time.
//!
//! A loop without an end cannot be interrupted from outside, so the process is aborted, after
//! the input was left where it can be found.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long one input may take. Far more than any needs, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Looks at the clock while inputs run; dropping it ends that.
pub(crate) struct Watch {
    input: Arc<Mutex<Vec<u8>>>,
    begun: Sender<()>,
}

impl Watch {
    /// Watches the inputs of a target. One that hangs is written to `file`.
    pub(crate) fn new(target: &str, file: PathBuf) -> Self {
        let input = Arc::new(Mutex::new(Vec::new()));
        let (begun, begins) = channel();
        let (shared, target) = (Arc::clone(&input), target.to_owned());
        std::thread::spawn(move || {
            loop {
                match begins.recv_timeout(PATIENCE) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => give_up(&target, &file, &shared),
                }
            }
        });
        Self { input, begun }
    }

    /// The next input begins now.
    pub(crate) fn begin(&self, next: &[u8]) {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.clear();
        input.extend_from_slice(next);
        // The watching thread ends after this sender only.
        let _ = self.begun.send(());
    }
}

fn give_up(target: &str, file: &Path, input: &Mutex<Vec<u8>>) -> ! {
    let input = input.lock().unwrap_or_else(PoisonError::into_inner);
    let left = match std::fs::write(file, &*input) {
        Ok(()) => format!("it is in {}", file.display()),
        Err(error) => format!("it cannot be kept: {error}"),
    };
    let said = format!("{target}: an input came to no end in {PATIENCE:?}; {left}\n");
    // Not through the macros: the test runner would keep it for a report that never comes.
    let _ = std::io::stderr().write_all(said.as_bytes());
    std::process::abort()
}
