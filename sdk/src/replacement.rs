//! How a new instance of a service takes the place of the one that runs.

use serde::Deserialize;

use crate::Change;

/// Which of both is there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replace {
    /// The old one ends before the new one starts: nobody answers meanwhile.
    StopFirst,
    /// The old one ends when the new one is ready.
    StartFirst,
}

impl Replace {
    /// What a plan says of it. `old` and `new` are images by digest; there is no new one before
    /// it is built. `runs`: is there anybody whose answers would be missed?
    #[must_use]
    pub fn change(self, object: String, old: &str, new: Option<&str>, runs: bool) -> Change {
        let reason = match new {
            None => "its image is not built yet".to_owned(),
            Some(new) if new == old => {
                "its image stays, its settings or its health changed".to_owned()
            }
            Some(new) => format!("its image changes from {old} to {new}"),
        };
        let (how, downtime) = match self {
            Self::StopFirst => ("it stops before the new one starts", runs),
            Self::StartFirst => ("it stops when the new one is ready", false),
        };
        Change {
            action: "replace".to_owned(),
            object,
            reason: format!("{reason}; {how}"),
            downtime,
        }
    }
}
