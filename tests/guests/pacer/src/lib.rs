//! A deployer whose steps take a set time and do nothing else, and that calls the host as often
//! as it is told when it is observed: what is measured around it is the host's.

use std::time::Duration;

use serde::Deserialize;
use stagewright_sdk::{
    Change, Deployer, Description, Failure, Plugin, Service, State, Step, clock, log,
};

struct Pacer;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    milliseconds: u64,
    #[serde(default)]
    lines: u32,
    #[serde(default)]
    questions: u32,
}

impl Plugin for Pacer {
    type Config = Config;

    fn describe() -> Description {
        Description::new("pacer", "1.0.0", "Takes its time.").schema(
            r#"{
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "milliseconds": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "How long starting, stopping and restarting take."
                    },
                    "lines": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "How many lines are logged when it is observed."
                    },
                    "questions": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "How often it asks for its time when it is observed."
                    }
                }
            }"#,
        )
    }
}

fn ready() -> State {
    State::new("ready", "It took its time.")
}

/// Takes the time, unless the step is cancelled.
fn pass(config: &Config) -> Result<State, Failure> {
    log::info("taking its time");
    if clock::sleep(Duration::from_millis(config.milliseconds)) {
        Ok(ready())
    } else {
        Err(Failure::new("cancelled", "the pause was cut short"))
    }
}

impl Deployer for Pacer {
    fn address(_: &Service, _: Config) -> Result<String, Failure> {
        Ok("localhost".to_owned())
    }

    fn plan(_: &Service, _: Config, _: Option<&str>) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    fn deploy(_: &Step, _: &Service, _: Config, _: &str) -> Result<State, Failure> {
        Ok(ready())
    }

    fn observe(_: &Service, config: Config) -> Result<State, Failure> {
        for _ in 0..config.lines {
            log::info("a line of a step");
        }
        let asked = (0..config.questions).filter_map(|_| clock::remaining());
        let least = asked.min().unwrap_or_default();
        Ok(State::new("ready", format!("{least:?} are left.")))
    }

    fn start(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        pass(&config)
    }

    fn stop(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        pass(&config)
    }

    fn restart(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        pass(&config)
    }

    fn destroy(_: &Step, _: &Service, _: Config, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

stagewright_sdk::export!(Pacer: deployer);
