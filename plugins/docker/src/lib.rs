//! The built-in deployer `docker`: runs services as containers of the Docker engine that the
//! operator chose, and jobs to their end.
//!
//! The host makes, starts, names and probes; here is decided what happens in which order, and
//! what is put right when it does not work.

mod condition;
mod config;
mod control;
mod failing;
mod job;
mod rollout;

use stagewright_sdk::{
    Change, Deployer, Description, Failure, Plugin, Problem, Service, State, Step,
};

use config::Config;

struct Containers;

impl Plugin for Containers {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "docker",
            env!("CARGO_PKG_VERSION"),
            "Runs services as containers of a Docker engine.",
        )
        .need("docker", "run", "to run containers of the service")
        .need("images", "", "to find the image that is deployed")
        .need("registry", "pull", "to find it in a registry")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }
}

impl Deployer for Containers {
    fn address(service: &Service, _: Config) -> Result<String, Failure> {
        Ok(service.name.clone())
    }

    fn plan(
        service: &Service,
        config: Config,
        reference: Option<&str>,
    ) -> Result<Vec<Change>, Failure> {
        control::plan(service, &config, reference)
    }

    fn deploy(
        step: &Step,
        service: &Service,
        config: Config,
        reference: &str,
    ) -> Result<State, Failure> {
        match service.is_job() {
            true => job::run(step, service, &config, reference),
            false => rollout::deploy(step, service, &config, reference),
        }
    }

    fn observe(service: &Service, config: Config) -> Result<State, Failure> {
        control::observe(service, &config)
    }

    fn start(_: &Step, service: &Service, config: Config) -> Result<State, Failure> {
        control::start(service, &config)
    }

    fn stop(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        control::stop()
    }

    fn restart(_: &Step, service: &Service, config: Config) -> Result<State, Failure> {
        if !service.is_job() {
            control::stop()?;
        }
        control::start(service, &config)
    }

    fn destroy(_: &Step, _: &Service, _: Config, with_data: bool) -> Result<(), Failure> {
        control::destroy(with_data)
    }
}

stagewright_sdk::export!(Containers: deployer);

#[cfg(test)]
mod tests {
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Containers>().is_empty());
    }
}
