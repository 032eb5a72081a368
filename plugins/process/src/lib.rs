//! The built-in deployer `process`: runs services as supervised processes of this machine, and
//! jobs to their end.
//!
//! The host unpacks, starts, watches and probes; here is decided what happens in which order,
//! and what is put right when it does not work. All of it is written against
//! `machine`, so that it can be tested without one.

mod condition;
mod config;
mod control;
mod failing;
#[cfg(test)]
mod gate_tests;
mod job;
mod machine;
#[cfg(test)]
mod made_up;
mod rollout;

use stagewright_sdk::{
    Change, Deployer, Description, Failure, Plugin, Problem, Service, State, Step,
};

use config::Config;
use machine::Host;

struct Processes;

impl Plugin for Processes {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "process",
            env!("CARGO_PKG_VERSION"),
            "Runs services as supervised processes of this machine.",
        )
        .need(
            "process",
            "supervise",
            "to unpack releases and keep their programs running",
        )
        .need("images", "", "to find the image that is deployed")
        .need("registry", "pull", "to find it in a registry")
        .need("probe", "", "to know when a service is ready")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }
}

impl Deployer for Processes {
    fn address(_: &Service, _: Config) -> Result<String, Failure> {
        Ok("127.0.0.1".to_owned())
    }

    fn plan(
        service: &Service,
        config: Config,
        reference: Option<&str>,
    ) -> Result<Vec<Change>, Failure> {
        control::plan(&Host, service, &config, reference)
    }

    fn deploy(
        step: &Step,
        service: &Service,
        config: Config,
        reference: &str,
    ) -> Result<State, Failure> {
        match service.is_job() {
            true => job::run(&Host, step, service, &config, reference),
            false => rollout::deploy(&Host, step, service, &config, reference),
        }
    }

    fn observe(service: &Service, config: Config) -> Result<State, Failure> {
        control::observe(&Host, service, &config)
    }

    fn start(step: &Step, service: &Service, config: Config) -> Result<State, Failure> {
        control::start(&Host, step, service, &config)
    }

    fn stop(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        control::stop(&Host)
    }

    fn restart(step: &Step, service: &Service, config: Config) -> Result<State, Failure> {
        if !service.is_job() {
            control::stop(&Host)?;
        }
        control::start(&Host, step, service, &config)
    }

    fn destroy(_: &Step, _: &Service, _: Config, with_data: bool) -> Result<(), Failure> {
        control::destroy(&Host, with_data)
    }
}

stagewright_sdk::export!(Processes: deployer);

#[cfg(test)]
mod tests {
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Processes>().is_empty());
    }
}
