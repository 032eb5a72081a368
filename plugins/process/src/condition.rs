//! What the host says about a release, in words that the decisions are made with.

use stagewright_sdk::Failure;
use stagewright_sdk::process::ReleaseState;

use crate::machine::Supervised;

/// Is there a process, or will there be one without anybody's doing?
pub(crate) fn runs(state: &ReleaseState) -> bool {
    matches!(state.condition.as_str(), "starting" | "running")
}

/// Is there a process of it, looked after or not?
pub(crate) fn alive(state: &ReleaseState) -> bool {
    runs(state) || state.condition == "lost"
}

/// Was it unpacked and never started?
pub(crate) fn untouched(state: &ReleaseState) -> bool {
    state.condition == "installed"
}

/// The release that the service is at present: the newest that runs, else the newest that was
/// ever started.
pub(crate) fn current<R: Supervised>(
    releases: Vec<R>,
) -> Result<Option<(R, ReleaseState)>, Failure> {
    let mut newest = None;
    for release in releases {
        let state = release.state()?;
        if runs(&state) {
            return Ok(Some((release, state)));
        }
        if newest.is_none() && !untouched(&state) {
            newest = Some((release, state));
        }
    }
    Ok(newest)
}
