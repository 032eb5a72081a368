//! A builder as a team would write it: packs its source, and a note that it writes itself.

use serde::Deserialize;
use stagewright_sdk::{
    Builder, Description, Directory, Draft, Failure, Image, ImageConfig, OrFail, Plugin, Service,
    Step,
};

struct Stamp;

#[derive(Deserialize)]
struct Config {
    note: String,
    command: Vec<String>,
}

impl Plugin for Stamp {
    type Config = Config;

    fn describe() -> Description {
        Description::new("stamp", "1.0.0", "Packs a folder with a note beside it.")
            .need("workspace", "", "to write the note")
            .need("images", "", "to put the image together")
            .schema(
                r#"{
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["note", "command"],
                    "properties": {
                        "note": {"type": "string"},
                        "command": {"type": "array", "items": {"type": "string"}}
                    }
                }"#,
            )
    }
}

impl Builder for Stamp {
    fn build(
        _: &Step,
        service: &Service,
        config: Config,
        source: Option<&Directory>,
        output: &Directory,
    ) -> Result<Image, Failure> {
        let source = source.or_fail("source.missing", "stamp packs a source")?;
        output.write("note.txt", 0, config.note.as_bytes())?;
        let draft = Draft::new();
        draft.add(source, &service.in_source("."), "/app")?;
        draft.add(output, "note.txt", "/app/note.txt")?;
        draft.configure(&ImageConfig {
            command: config.command,
            ..ImageConfig::default()
        });
        Draft::finish(draft)
    }
}

stagewright_sdk::export!(Stamp: builder);
