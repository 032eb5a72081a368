//! What can be done with the folders of a build.

use std::hint::black_box;

use stagewright_sdk::process::{self, Command};
use stagewright_sdk::{Directory, Draft, Failure, Image, Service, images, log};

use crate::crime::Crime;

/// How often the source is copied to make a tree that is worth the work.
const COPIES: usize = 64;

pub(crate) fn commit(
    crime: Crime,
    service: &Service,
    source: &Directory,
    output: &Directory,
) -> Result<(), Failure> {
    let here = service.in_source(".");
    match crime {
        Crime::Copy => loop {
            output.copy_from(source, &here, "copy")?;
        },
        Crime::Digest => {
            grow(source, output, &here)?;
            loop {
                black_box(output.digest("tree")?);
            }
        }
        Crime::List => {
            grow(source, output, &here)?;
            loop {
                black_box(output.entries("tree", true, None)?);
            }
        }
        Crime::Pack => {
            grow(source, output, &here)?;
            loop {
                let draft = Draft::new();
                draft.add(output, "tree", "/tree")?;
            }
        }
        Crime::Handles => {
            let mut drafts = Vec::new();
            loop {
                drafts.push(Draft::new());
            }
        }
        Crime::Run => run(output),
        _ => Ok(()),
    }
}

/// Keeps an image under ever new names.
pub(crate) fn keep_on(image: &Image, name: &str) -> Result<(), Failure> {
    for number in 0_u64.. {
        images::keep(image, &format!("{name}/{number}"))?;
    }
    Ok(())
}

fn grow(source: &Directory, output: &Directory, here: &str) -> Result<(), Failure> {
    for copy in 0..COPIES {
        output.copy_from(source, here, &format!("tree/{copy}"))?;
    }
    Ok(())
}

fn run(output: &Directory) -> Result<(), Failure> {
    let words = ["sh", "-c", "trap '' TERM; while :; do sleep 1000; done"];
    let command = Command {
        argv: words.map(str::to_owned).to_vec(),
        working_directory: String::new(),
        variables: Vec::new(),
    };
    log::info("running something that does not end");
    let exit = process::run(output, &command)?;
    log::info(format!("it ended with {exit}"));
    Ok(())
}
