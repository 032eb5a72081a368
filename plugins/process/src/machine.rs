//! What the deployer asks of the machine: the host's interfaces, as traits, so that the
//! decisions can be tested against a machine that is made up.

use std::time::Duration;

use stagewright_sdk::process::{Exit, Launch, ReleaseState};
use stagewright_sdk::readiness::{Candidate, HostTime, Time};
use stagewright_sdk::{Failure, Output, Release, images, process};

/// The machine that the services run on.
pub(crate) trait Machine: Time {
    type Release: Supervised;

    /// Unpacks an image for a step, unless that has been done.
    fn install(&self, step_id: &str, reference: &str) -> Result<Self::Release, Failure>;
    /// The releases of the service, newest first.
    fn releases(&self) -> Result<Vec<Self::Release>, Failure>;
    /// Removes the service's data folder.
    fn remove_data(&self) -> Result<(), Failure>;
}

/// One unpacked image, and the process that was started from it.
pub(crate) trait Supervised: Candidate {
    fn step_id(&self) -> String;
    fn reference(&self) -> String;
    fn state(&self) -> Result<ReleaseState, Failure>;
    fn start(&self, launch: &Launch) -> Result<(), Failure>;
    fn start_again(&self) -> Result<(), Failure>;
    fn stop(&self) -> Result<(), Failure>;
    fn wait(&self) -> Result<Exit, Failure>;
    fn outputs(&self) -> Result<Vec<Output>, Failure>;
    fn tail(&self, lines: u32) -> Result<Vec<String>, Failure>;
    fn remove(&self) -> Result<(), Failure>;
}

/// The machine of the host that called.
pub(crate) struct Host;

impl Machine for Host {
    type Release = Release;

    fn install(&self, step_id: &str, reference: &str) -> Result<Release, Failure> {
        process::install(step_id, &images::find(reference)?)
    }

    fn releases(&self) -> Result<Vec<Release>, Failure> {
        process::releases()
    }

    fn remove_data(&self) -> Result<(), Failure> {
        process::remove_data()
    }
}

impl Time for Host {
    fn elapsed(&self) -> Duration {
        HostTime.elapsed()
    }

    fn remaining(&self) -> Option<Duration> {
        HostTime.remaining()
    }

    fn pause(&self, time: Duration) -> bool {
        HostTime.pause(time)
    }
}

impl Supervised for Release {
    fn step_id(&self) -> String {
        Release::step_id(self)
    }

    fn reference(&self) -> String {
        Release::reference(self)
    }

    fn state(&self) -> Result<ReleaseState, Failure> {
        Release::state(self)
    }

    fn start(&self, launch: &Launch) -> Result<(), Failure> {
        Release::start(self, launch)
    }

    fn start_again(&self) -> Result<(), Failure> {
        Release::start_again(self)
    }

    fn stop(&self) -> Result<(), Failure> {
        Release::stop(self)
    }

    fn wait(&self) -> Result<Exit, Failure> {
        Release::wait(self)
    }

    fn outputs(&self) -> Result<Vec<Output>, Failure> {
        Release::outputs(self)
    }

    fn tail(&self, lines: u32) -> Result<Vec<String>, Failure> {
        Release::tail(self, lines)
    }

    fn remove(&self) -> Result<(), Failure> {
        Release::remove(self)
    }
}
