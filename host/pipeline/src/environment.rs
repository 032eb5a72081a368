//! Environments: from the text of a file to a checked description.
//!
//! [`read`] goes through four rooms in turn: the text becomes a tree with positions
//! ([`document`]), the tree is held against the schema of the [`mod@file`] types, what the fields
//! mean together is checked, and defaults are filled in ([`model`]). All mistakes are told at
//! once, each with its place. Nothing here opens a file or asks a clock.

use serde_json::{Map, Value};

mod check;
pub mod document;
mod duration;
pub mod edit;
pub mod file;
pub mod model;
pub mod near;
mod path;
mod problem;
mod resolve;
mod salvage;
pub mod schedule;
mod schema;
mod shape;
mod template;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use duration::Duration;
pub use file::{OnFailure, Overlap, Protocol, Rollback, Run, ServiceType};
pub use model::{
    Environment, Git, PluginUse, Port, Retry, Revision, Service, Source, Stage, StageLimits,
    Strategy, Timeouts, Variable,
};
pub use problem::{Finding, Position, Problem, Problems};
pub use schedule::Schedule;
pub use schema::schema;
pub use shape::{BadSchema, Form};
pub use template::{Malformed, Part, Reference, Template};

use std::sync::LazyLock;

use file::EnvironmentFile;
use salvage::Salvage;

/// A step whose plugin has a `with` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    /// The builder's.
    Build,
    /// The publisher's.
    Push,
    /// The deployer's.
    Deploy,
}

/// A checked environment, with the places of everything in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// What the file describes.
    pub environment: Environment,
    /// The types that the file was read into, for [`edit`].
    pub written: EnvironmentFile,
    file: String,
    document: Document,
}

/// Reads an environment file. `file` is its name in messages; `text` is what is in it.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn read(file: &str, text: &str) -> Result<Checked, Problems> {
    static FORM: LazyLock<Result<Form, BadSchema>> = LazyLock::new(|| Form::new(schema()));
    let (document, mut findings) = Document::parse(text);
    let (Some(document), Ok(form)) = (document, FORM.as_ref()) else {
        let unusable = FORM.as_ref().err().map(|bad| bad.to_string());
        findings.extend(unusable.map(|message| Finding::new(Position::START, message)));
        return Err(Problems::of(file, findings));
    };
    let value = as_written(document.value(), &document);
    let misfits = form.misfits(&value, &document, "");
    findings.extend(misfits.iter().map(|misfit| misfit.finding.clone()));
    let rest = Salvage::cut(value, misfits, |value| form.misfits(value, &document, ""));
    let rest = rest.unwrap_or_else(|error| {
        // The schema let something pass that the types do not take.
        findings.push(Finding::new(
            Position::START,
            format!("cannot be read: {error}"),
        ));
        None
    });
    let Some(Salvage {
        file: written,
        cuts,
    }) = rest
    else {
        return Err(Problems::of(file, findings));
    };
    findings.extend(check::check(&written, &document, &cuts));
    Problems::none_of(file, findings)?;
    Ok(Checked {
        environment: resolve::resolve(&written),
        written,
        file: file.to_owned(),
        document,
    })
}

impl Checked {
    /// Where the value at a JSON pointer is in the file; the nearest place above, if it was
    /// left out.
    pub fn locate(&self, pointer: &str) -> Position {
        self.document.locate(pointer)
    }

    /// A problem that someone else found at a JSON pointer: a plugin, the operator's rules.
    pub fn problem(&self, pointer: &str, message: &str, hint: Option<&str>) -> Problem {
        let finding = Finding {
            position: self.locate(pointer),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        };
        finding.in_file(&self.file)
    }

    /// The JSON pointer to the `with` of a service's step, whether it is there or not.
    pub fn pointer_to_with(service: &Service, step: Configured) -> String {
        let step = match step {
            Configured::Build => "build",
            Configured::Push => "push",
            Configured::Deploy => "deploy",
        };
        format!("{}/{step}/with", service.pointer())
    }

    /// Holds the `with` of a service's step, as all layers together say it, against the schema
    /// that its plugin describes.
    pub fn check_with(
        &self,
        service: &Service,
        step: Configured,
        with: &Map<String, Value>,
        schema: &Form,
    ) -> Vec<Problem> {
        let pointer = Self::pointer_to_with(service, step);
        let value = Value::Object(with.clone());
        let findings = schema.check(&value, &self.document, &pointer);
        match Problems::none_of(&self.file, findings) {
            Ok(()) => Vec::new(),
            Err(problems) => problems.problems,
        }
    }
}

/// Variables that are numbers, as text: `1.10` means what was written, not `1.1`.
fn as_written(mut value: Value, document: &Document) -> Value {
    let services = document.keys("/services");
    let of_services = services.map(|name| document::child("/services", name) + "/variables");
    for pointer in of_services.chain(["/variables".to_owned()]) {
        let variables = value.pointer_mut(&pointer).and_then(Value::as_object_mut);
        for (name, value) in variables.into_iter().flatten() {
            if let Some(text) = document.written(&document::child(&pointer, name)) {
                *value = Value::from(text);
            }
        }
    }
    value
}
