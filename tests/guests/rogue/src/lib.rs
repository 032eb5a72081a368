//! A plugin of all three roles that misbehaves as it is told: `with: { crime: flood, at: build }`.
//!
//! Left alone it is a decent plugin: it packs its source, keeps the image in the host's store,
//! and leaves what is deployed to somebody else.

mod answer;
mod crime;
mod exit;
mod folder;
mod program;

use serde::Deserialize;
use stagewright_sdk::{
    Builder, Change, Deployer, Description, Directory, Draft, Failure, Image, OrFail, Plugin,
    Problem, Publisher, Service, State, Step, images,
};

use crime::Crime;

struct Rogue;

/// The `with` block of each role.
#[derive(Clone, Debug, Deserialize)]
struct Config {
    /// What is done.
    crime: Crime,
    /// In which export.
    at: Export,
}

/// The exports that are told what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Export {
    Validate,
    Inputs,
    Build,
    Exists,
    Publish,
    Address,
    Plan,
    Deploy,
    Observe,
    Start,
    Stop,
    Restart,
    Destroy,
}

impl Config {
    /// Commits the crime, if this is the place for it.
    fn visit(&self, at: Export) -> Result<(), Failure> {
        if self.at == at {
            crime::commit(self.crime)?;
        }
        Ok(())
    }
}

impl Plugin for Rogue {
    type Config = Config;

    fn describe() -> Description {
        Description::new("rogue", "1.0.0", "Misbehaves as it is told.")
            .need("workspace", "", "to work in folders")
            .need("images", "", "to put images together")
            .need("process", "supervise", "to run programs")
            .need("probe", "", "to ask them how they are")
            .schema(r#"{"type": "object", "required": ["crime", "at"]}"#)
    }

    fn validate(config: &Config) -> Vec<Problem> {
        match config.visit(Export::Validate) {
            Ok(()) => Vec::new(),
            Err(failure) => vec![Problem::new("/crime", failure.message)],
        }
    }
}

impl Builder for Rogue {
    fn inputs(
        _: &Service,
        config: Config,
        _: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        config.visit(Export::Inputs)?;
        match (config.at, config.crime) {
            (Export::Inputs, Crime::GiantAnswer) => Ok(answer::giant_list()),
            _ => Ok(Vec::new()),
        }
    }

    fn build(
        _: &Step,
        service: &Service,
        config: Config,
        source: Option<&Directory>,
        output: &Directory,
    ) -> Result<Image, Failure> {
        let source = source.or_fail("source.missing", "a rogue has a source")?;
        config.visit(Export::Build)?;
        if config.at == Export::Build {
            folder::commit(config.crime, service, source, output)?;
        }
        let draft = Draft::new();
        draft.add(source, &service.in_source("."), "/app")?;
        Draft::finish(draft)
    }
}

impl Publisher for Rogue {
    fn exists(_: &Service, config: Config, _: &str) -> Result<Option<String>, Failure> {
        config.visit(Export::Exists)?;
        Ok(None)
    }

    fn publish(
        _: &Step,
        service: &Service,
        config: Config,
        image: &Image,
    ) -> Result<String, Failure> {
        config.visit(Export::Publish)?;
        let name = format!("{}/{}", service.environment, service.name);
        if config.at == Export::Publish && config.crime == Crime::Keep {
            folder::keep_on(image, &name)?;
        }
        if config.at == Export::Publish && config.crime == Crime::GiantAnswer {
            return Ok(answer::giant_text());
        }
        images::keep(image, &name)
    }
}

impl Deployer for Rogue {
    fn address(_: &Service, config: Config) -> Result<String, Failure> {
        config.visit(Export::Address)?;
        Ok("rogue.example".to_owned())
    }

    fn plan(_: &Service, config: Config, _: Option<&str>) -> Result<Vec<Change>, Failure> {
        config.visit(Export::Plan)?;
        Ok(Vec::new())
    }

    fn deploy(
        step: &Step,
        service: &Service,
        config: Config,
        reference: &str,
    ) -> Result<State, Failure> {
        config.visit(Export::Deploy)?;
        if config.at == Export::Deploy {
            program::commit(config.crime, step, service, reference)?;
            if config.crime == Crime::GiantAnswer {
                return Ok(answer::giant_state());
            }
        }
        Ok(ready())
    }

    fn observe(_: &Service, config: Config) -> Result<State, Failure> {
        config.visit(Export::Observe)?;
        Ok(ready())
    }

    fn start(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        config.visit(Export::Start)?;
        Ok(ready())
    }

    fn stop(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        config.visit(Export::Stop)?;
        Ok(State::new("stopped", "Nobody looks after it."))
    }

    fn restart(_: &Step, _: &Service, config: Config) -> Result<State, Failure> {
        config.visit(Export::Restart)?;
        Ok(ready())
    }

    /// With its data it goes quietly, so that a test can clear away what it made.
    fn destroy(_: &Step, _: &Service, config: Config, with_data: bool) -> Result<(), Failure> {
        program::clear_away(with_data)?;
        if with_data {
            return Ok(());
        }
        config.visit(Export::Destroy)
    }
}

fn ready() -> State {
    State::new("ready", "It is looked after elsewhere.")
}

stagewright_sdk::export!(Rogue: builder, publisher, deployer);
