//! A builder and publisher with a fault: it fails at its first attempt, asks to be left alone
//! for a while then, fails for good, or never comes to an end. Without one it does what the built-in `static` and `layout` do.

use std::time::Duration;

use serde::Deserialize;
use stagewright_sdk::{
    Builder, Description, Directory, Draft, Failure, Image, OrFail, Plugin, Publisher, Service,
    Step, clock, images,
};

struct Stumble;

#[derive(Deserialize)]
struct Config {
    fault: Fault,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fault {
    None,
    Once,
    Busy,
    Always,
    Endless,
}

/// How long it asks to be left alone.
const WHILE: Duration = Duration::from_millis(1_500);

impl Fault {
    fn have(&self, step: &Step) -> Result<(), Failure> {
        match self {
            Self::Once if step.attempt == 1 => {
                Err(Failure::new("stumble.once", "not at the first attempt").retry_later())
            }
            Self::Busy if step.attempt == 1 => {
                Err(Failure::new("stumble.busy", "not now").retry_after(WHILE))
            }
            Self::None | Self::Once | Self::Busy => Ok(()),
            Self::Always => Err(Failure::new("stumble.always", "never")),
            Self::Endless => {
                while clock::sleep(Duration::from_secs(60)) {}
                Err(Failure::new("cancelled", "the rest was cancelled"))
            }
        }
    }
}

impl Plugin for Stumble {
    type Config = Config;

    fn describe() -> Description {
        Description::new("stumble", "1.0.0", "Has the fault that it is told to have.")
            .need("images", "", "to make images and keep them")
            .schema(
                r#"{
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["fault"],
                    "properties": {
                        "fault": {"enum": ["none", "once", "busy", "always", "endless"]}
                    }
                }"#,
            )
    }
}

impl Builder for Stumble {
    fn build(
        step: &Step,
        service: &Service,
        config: Config,
        source: Option<&Directory>,
        _: &Directory,
    ) -> Result<Image, Failure> {
        config.fault.have(step)?;
        let source = source.or_fail("source.missing", "stumble packs a source")?;
        let draft = Draft::new();
        draft.add(source, &service.in_source("."), "/app")?;
        Draft::finish(draft)
    }
}

fn name(service: &Service) -> String {
    format!("{}/{}", service.environment, service.name)
}

impl Publisher for Stumble {
    fn exists(service: &Service, _: Config, digest: &str) -> Result<Option<String>, Failure> {
        images::kept(&name(service), digest)
    }

    fn publish(
        step: &Step,
        service: &Service,
        config: Config,
        image: &Image,
    ) -> Result<String, Failure> {
        config.fault.have(step)?;
        images::keep(image, &name(service))
    }
}

stagewright_sdk::export!(Stumble: builder, publisher);
