//! A deployer that leaves everything to somebody else: it needs no capability at all. With
//! `fails` it never succeeds.

use serde::Deserialize;
use stagewright_sdk::{Change, Deployer, Description, Failure, Plugin, Service, State, Step, log};

struct Elsewhere;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    fails: bool,
}

impl Plugin for Elsewhere {
    type Config = Config;

    fn describe() -> Description {
        Description::new("elsewhere", "1.0.0", "Leaves the service to somebody else.").schema(
            r#"{
                "type": "object",
                "additionalProperties": false,
                "properties": {"fails": {"type": "boolean"}}
            }"#,
        )
    }
}

fn ready() -> State {
    State::new("ready", "It is looked after elsewhere.")
}

impl Deployer for Elsewhere {
    fn address(_: &Service, _: Config) -> Result<String, Failure> {
        Ok("elsewhere.example".to_owned())
    }

    fn plan(_: &Service, _: Config, _: Option<&str>) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    fn deploy(_: &Step, _: &Service, config: Config, _: &str) -> Result<State, Failure> {
        if config.fails {
            return Err(Failure::new("elsewhere.closed", "nobody is there"));
        }
        Ok(ready())
    }

    fn observe(_: &Service, _: Config) -> Result<State, Failure> {
        Ok(ready())
    }

    fn start(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(ready())
    }

    fn stop(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(State::new("stopped", "Nobody looks after it."))
    }

    fn restart(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(ready())
    }

    fn destroy(_: &Step, service: &Service, _: Config, _: bool) -> Result<(), Failure> {
        log::info(format!("{} is not looked after any more", service.name));
        Ok(())
    }
}

stagewright_sdk::export!(Elsewhere: deployer);
