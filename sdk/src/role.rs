//! The three roles, one trait each. A plugin implements those that it has and names them in
//! [`export!`](crate::export!).

use crate::plugin::Plugin;
use crate::{Change, Directory, Failure, Image, Output, Service, State, Step};

/// Makes an image from a source, or finds it.
pub trait Builder: Plugin {
    /// What the image depends on beyond source, configuration and plugin, as label and value:
    /// versions of tools, bases by digest. While these stay the same a build may be left out.
    fn inputs(
        _service: &Service,
        _config: Self::Config,
        _source: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        Ok(Vec::new())
    }

    /// Makes the image. `source` is read-only and there when the service declares one; `output`
    /// is a folder to work in.
    fn build(
        step: &Step,
        service: &Service,
        config: Self::Config,
        source: Option<&Directory>,
        output: &Directory,
    ) -> Result<Image, Failure>;
}

/// Takes an image to where deployers find it.
pub trait Publisher: Plugin {
    /// The reference by digest, when the image of this digest is there already.
    fn exists(
        service: &Service,
        config: Self::Config,
        digest: &str,
    ) -> Result<Option<String>, Failure>;

    /// Brings it there and answers with its reference by digest. Doing so twice must be as good
    /// as once.
    fn publish(
        step: &Step,
        service: &Service,
        config: Self::Config,
        image: &Image,
    ) -> Result<String, Failure>;
}

/// Brings a service to the state that is described, and tells what there is.
///
/// What changes something must do nothing when the same step asks for it again: after a crash
/// the host asks [`observe`](Deployer::observe) and, in doubt, repeats the step under the same
/// id.
pub trait Deployer: Plugin {
    /// The host name or address at which others in the environment reach this service, whether
    /// it is deployed or not: what `{{service.host}}` stands for.
    fn address(service: &Service, config: Self::Config) -> Result<String, Failure>;

    /// What [`deploy`](Deployer::deploy) would do. No `reference`: the image is not built yet.
    fn plan(
        service: &Service,
        config: Self::Config,
        reference: Option<&str>,
    ) -> Result<Vec<Change>, Failure>;

    /// Returns when the service is ready, or the job has completed.
    fn deploy(
        step: &Step,
        service: &Service,
        config: Self::Config,
        reference: &str,
    ) -> Result<State, Failure>;

    /// What there is now. Never changes anything.
    fn observe(service: &Service, config: Self::Config) -> Result<State, Failure>;

    /// Starts what is deployed and stopped.
    fn start(step: &Step, service: &Service, config: Self::Config) -> Result<State, Failure>;

    /// Stops what runs, and keeps it.
    fn stop(step: &Step, service: &Service, config: Self::Config) -> Result<State, Failure>;

    /// Starts anew what is deployed.
    fn restart(step: &Step, service: &Service, config: Self::Config) -> Result<State, Failure>;

    /// Removes what is deployed; its volumes and data folders only `with_data`.
    fn destroy(
        step: &Step,
        service: &Service,
        config: Self::Config,
        with_data: bool,
    ) -> Result<(), Failure>;
}

impl State {
    /// A state by its condition (`absent`, `starting`, `ready`, `failed`, `stopped`,
    /// `completed`) and a sentence for people.
    pub fn new(condition: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            condition: condition.into(),
            step_id: None,
            reference: None,
            detail: detail.into(),
            outputs: Vec::new(),
        }
    }

    /// Names the step that made what is there, and the image by digest.
    #[must_use]
    pub fn of(mut self, step_id: impl Into<String>, reference: impl Into<String>) -> Self {
        self.step_id = Some(step_id.into());
        self.reference = Some(reference.into());
        self
    }

    /// Adds what a completed job answered with.
    #[must_use]
    pub fn outputs(mut self, outputs: Vec<Output>) -> Self {
        self.outputs = outputs;
        self
    }
}
