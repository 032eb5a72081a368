//! The built-in builder `command`: runs the service's own build steps in a copy of its source,
//! and packs what they make.
//!
//! The steps are ordinary programs of the host's user, started by the host with a clean
//! environment. What this plugin decides is only what is copied, run and packed. It works in
//! the same folder for every build of a service, because many tools write the path of their
//! work into what they make.

mod config;
mod tree;

use stagewright_sdk::process::{self, Command};
use stagewright_sdk::workspace::Entry;
use stagewright_sdk::{
    Builder, Description, Directory, Draft, Failure, Image, ImageConfig, OrFail, Plugin, Problem,
    Service, Step, Value, Variable, cancel, images, log, progress,
};

use config::{Config, Run, Tools};

/// The folder of the output that is built in.
const WORK: &str = "work";

struct Builds;

impl Plugin for Builds {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "command",
            env!("CARGO_PKG_VERSION"),
            "Builds a service by running its own tools, and packs what they make.",
        )
        .need(
            "workspace",
            "",
            "to copy the source and keep caches between builds",
        )
        .need(
            "process",
            "commands",
            "to run the build steps and ask tools for their versions",
        )
        .need("images", "", "to put the image together")
        .need("registry", "pull", "to build on images of registries")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }
}

impl Builder for Builds {
    fn inputs(
        _: &Service,
        config: Config,
        _: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut inputs = Vec::new();
        match config.tools() {
            Tools::Named(tools) => {
                for tool in tools {
                    inputs.push((format!("tool {tool}"), process::version(tool)?));
                }
            }
            Tools::Found(tools) => inputs.extend(tools.iter().filter_map(|tool| {
                let version = process::version(tool).ok()?;
                Some((format!("tool {tool}"), version))
            })),
        }
        if let Some(base) = &config.base {
            inputs.push((format!("base {base}"), images::find(base)?.digest()));
        }
        Ok(inputs)
    }

    fn build(
        _: &Step,
        service: &Service,
        config: Config,
        source: Option<&Directory>,
        output: &Directory,
    ) -> Result<Image, Failure> {
        let source = source
            .or_fail(
                "source.missing",
                format!("`{}` has no source.", service.name),
            )
            .map_err(|failure| failure.hint("Add `source: { path: FOLDER }` to the service."))?;
        prepare(service, &config, source, output)?;
        let total = config.steps.len();
        for (index, step) in config.steps.iter().enumerate() {
            if cancel::requested() {
                return Err(Failure::new("cancelled", "The build was cancelled."));
            }
            progress::report(index as u64, Some(total as u64), &shown(step));
            run(service, step, (index + 1, total), output)?;
        }
        progress::report(total as u64, Some(total as u64), "packing");
        pack(service, &config, output)
    }
}

/// Where a path of the service's source is in the output.
fn at_work(service: &Service, path: &str) -> String {
    match service.in_source(path).as_str() {
        "." => WORK.to_owned(),
        path => format!("{WORK}/{path}"),
    }
}

/// Copies the source afresh and puts the caches in their places.
fn prepare(
    service: &Service,
    config: &Config,
    source: &Directory,
    output: &Directory,
) -> Result<(), Failure> {
    output.remove(WORK)?;
    let caches: Vec<String> = config
        .caches
        .iter()
        .map(|it| service.in_source(it))
        .collect();
    for part in tree::parts(&caches, |folder| entries(source, folder))? {
        let target = match part.as_str() {
            "." => WORK.to_owned(),
            part => format!("{WORK}/{part}"),
        };
        output.copy_from(source, &part, &target)?;
    }
    for (cache, path) in config.caches.iter().zip(&caches) {
        output.attach_cache(&config::cache_name(cache), &format!("{WORK}/{path}"))?;
    }
    Ok(())
}

/// All entries of a folder, which the host hands over a thousand at a time.
fn entries(source: &Directory, folder: &str) -> Result<Vec<Entry>, Failure> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.path.clone());
        let more = source.entries(folder, false, after.as_deref())?;
        if more.is_empty() {
            return Ok(entries);
        }
        entries.extend(more);
    }
}

fn run(
    service: &Service,
    step: &Run,
    place: (usize, usize),
    output: &Directory,
) -> Result<(), Failure> {
    log::info(format!("$ {}", shown(step)));
    let variables = step.variables().map(|(name, value)| Variable {
        name: name.to_owned(),
        value: Value::Text(value.to_owned()),
    });
    let command = Command {
        argv: step.argv().to_vec(),
        working_directory: at_work(service, step.folder()),
        variables: variables.collect(),
    };
    let exit = process::run(output, &command)?;
    match exit.success() {
        true => Ok(()),
        false => Err(failed(step, place, &exit)),
    }
}

/// The failure of a step that was run and did not end well.
fn failed(step: &Run, (number, total): (usize, usize), exit: &process::Exit) -> Failure {
    let shown = shown(step);
    let message = format!("Build step {number} of {total}, `{shown}`, ended with {exit}.");
    Failure::new("build.step-failed", message)
        .hint("What it printed is in the log of the build, `stagewright logs`.")
        .detail("exit", exit)
}

/// A step as people write it in a terminal.
fn shown(step: &Run) -> String {
    let word = |word: &String| match word.is_empty() || word.contains([' ', '\t', '\n', '"', '\''])
    {
        true => format!("{word:?}"),
        false => word.clone(),
    };
    step.argv().iter().map(word).collect::<Vec<_>>().join(" ")
}

fn pack(service: &Service, config: &Config, output: &Directory) -> Result<Image, Failure> {
    let draft = match &config.base {
        Some(base) => Draft::from_base(&images::find(base)?)?,
        None => Draft::new(),
    };
    for packed in &config.outputs {
        let from = at_work(service, packed.from());
        draft
            .add(output, &from, &packed.to())
            .map_err(|failure| match failure.code.as_str() {
                "workspace.not-found" => {
                    let message = format!("The build steps did not make `{}`.", packed.from());
                    Failure::new("build.output-missing", message)
                        .hint("Check `outputs`: paths are relative to the source of the service.")
                }
                _ => failure,
            })?;
    }
    draft.configure(&ImageConfig {
        command: config.command(),
        ..ImageConfig::default()
    });
    Draft::finish(draft)
}

stagewright_sdk::export!(Builds: builder);

#[cfg(test)]
mod tests {
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Builds>().is_empty());
    }

    #[test]
    fn a_service_is_built_at_its_own_place_in_the_tree() {
        let mut api = harness::service("api");
        assert_eq!(at_work(&api, "."), "work");
        api.source_path = Some("services/api".to_owned());
        assert_eq!(at_work(&api, "."), "work/services/api");
        assert_eq!(
            at_work(&api, "target/release/api"),
            "work/services/api/target/release/api"
        );
    }

    #[test]
    fn a_failed_step_is_named_with_its_number_its_words_and_its_exit() {
        let step = Run::Words(["sh", "-c", "exit 3"].map(str::to_owned).to_vec());
        let exit = process::Exit {
            code: Some(3),
            signal: None,
        };
        let failure = failed(&step, (2, 3), &exit);
        let expected = "Build step 2 of 3, `sh -c \"exit 3\"`, ended with exit code 3.";
        assert_eq!(failure.message, expected);
        assert_eq!(failure.code, "build.step-failed");
    }
}
