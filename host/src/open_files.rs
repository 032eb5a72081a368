//! How many files this process may have open at once.
//!
//! Each plugin call may hold hundreds of handles, some of which are open files, and many calls
//! run at once: more than the soft limit that login shells and service managers give (1,024 on
//! most machines). The hard limit is what the administrator decided; up to there the host may
//! raise its own. Programs must not get the raised one: some of them still wait with select(2),
//! which breaks with files beyond 1,024, and that is why the soft limit is what it is. So every
//! shim is told what it was, and goes back to it before it starts anything.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and answers with what it was. None: it is as high as
/// it can be.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let before = current?;
    if maximum.is_some_and(|maximum| maximum <= before) {
        return None;
    }
    set(maximum).then_some(before)
}

/// Goes back to a limit that [`raise`] answered with.
pub(crate) fn restore(before: u64) {
    set(Some(before));
}

fn set(soft: Option<u64>) -> bool {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit {
        current: soft,
        maximum,
    };
    // Without it the host works, with fewer files; calls that need more say so.
    setrlimit(Resource::Nofile, wanted)
        .inspect_err(|error| tracing::warn!(%error, "the limit of open files stays as it is"))
        .is_ok()
}
