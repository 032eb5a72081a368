//! Versions of programs, each asked for once: the calls of a deployment share one of these,
//! so that a hundred services with one compiler start it once, and all of them are told the
//! same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{Error, Runner};

/// What programs of this machine answered to `--version`. Kept for as long as one deployment
/// or one question takes, since programs are upgraded.
#[derive(Debug, Default)]
pub struct Versions {
    known: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
}

impl Versions {
    /// None are known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The first line that `program --version` prints. Calls for one program share the answer;
    /// a failure is asked again.
    pub(crate) async fn of(
        &self,
        runner: &Runner,
        program: &str,
        cancel: &CancellationToken,
    ) -> Result<String, Error> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(program.to_owned()).or_default())
        };
        let asked = cell
            .get_or_try_init(|| runner.version(program, cancel))
            .await;
        asked.cloned()
    }
}
