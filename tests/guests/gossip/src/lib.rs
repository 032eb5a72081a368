//! A deployer that reveals secrets and then says what it was told to say, wherever a plugin can
//! say something. Its words are written backwards in its configuration, so that they stand in
//! no file before it says them.

use serde::Deserialize;
use stagewright_sdk::{
    Change, Deployer, Description, Failure, Plugin, Service, State, Step, log, progress, secrets,
};

struct Gossip;

#[derive(Deserialize)]
struct Config {
    reveal: Vec<String>,
    backwards: Vec<String>,
}

impl Config {
    fn words(&self) -> impl Iterator<Item = String> {
        let turned = |words: &String| words.chars().rev().collect();
        self.backwards.iter().map(turned)
    }
}

impl Plugin for Gossip {
    type Config = Config;

    fn describe() -> Description {
        Description::new("gossip", "1.0.0", "Tells everybody.")
            .need("secrets", "", "to tell them")
            .schema(
                r#"{
                    "type": "object",
                    "required": ["reveal", "backwards"],
                    "properties": {
                        "reveal": {"type": "array", "items": {"type": "string"}},
                        "backwards": {"type": "array", "items": {"type": "string"}}
                    }
                }"#,
            )
    }
}

impl Deployer for Gossip {
    fn address(_: &Service, _: Config) -> Result<String, Failure> {
        Ok("localhost".to_owned())
    }

    fn plan(_: &Service, _: Config, _: Option<&str>) -> Result<Vec<Change>, Failure> {
        Ok(Vec::new())
    }

    fn deploy(_: &Step, _: &Service, config: Config, _: &str) -> Result<State, Failure> {
        for name in &config.reveal {
            secrets::get(name)?.reveal()?;
        }
        for words in config.words() {
            log::info(&words);
            progress::report(1, Some(2), &words);
        }
        let all = config.words().collect::<Vec<_>>().join(" and ");
        let failure = Failure::new("gossip.told", format!("they say {all}"));
        Err(failure.hint(format!("ask for {all}")).detail("heard", &all))
    }

    fn observe(_: &Service, _: Config) -> Result<State, Failure> {
        Ok(State::new("absent", ""))
    }

    fn start(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(State::new("ready", ""))
    }

    fn stop(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(State::new("stopped", ""))
    }

    fn restart(_: &Step, _: &Service, _: Config) -> Result<State, Failure> {
        Ok(State::new("ready", ""))
    }

    fn destroy(_: &Step, _: &Service, _: Config, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

stagewright_sdk::export!(Gossip: deployer);
