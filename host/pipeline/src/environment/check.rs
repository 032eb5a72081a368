//! What the fields of an environment file mean together.
//!
//! Each submodule looks at one aspect of the whole file and reports all that is wrong with it.
//! A file may come with cuts (see [`salvage`](super::salvage)); a check that would complain of
//! something's absence first asks whether that was cut.

use std::rc::Rc;

use indexmap::IndexMap;

use super::document::{Document, child};
use super::file::{EnvironmentFile, ServiceFile, StageFile};
use super::problem::Finding;
use super::resolve;

mod needs;
mod ports;
mod service;
mod stages;
mod variables;

/// Everything that is wrong with the meaning of a file.
pub(super) fn check(file: &EnvironmentFile, document: &Document, cuts: &[String]) -> Vec<Finding> {
    let stages = resolve::stages(file);
    let services = file.services.iter().enumerate();
    let services = services.map(|(index, (name, service))| {
        let entry = Entry {
            index,
            name,
            service,
            pointer: child("/services", name),
            stage: resolve::stage_of(&stages, service),
        };
        (name.as_str(), entry)
    });
    let mut check = Check {
        file,
        document,
        cuts,
        services: Rc::new(services.collect()),
        stages: &stages,
        findings: Vec::new(),
    };
    check.stage_names();
    check.stage_defaults();
    check.service_stages();
    check.sources();
    check.job_fields();
    check.durations();
    check.ports();
    check.port_clashes();
    check.health();
    check.needs();
    check.cycles();
    check.variables();
    check.findings
}

struct Check<'a> {
    file: &'a EnvironmentFile,
    document: &'a Document,
    cuts: &'a [String],
    stages: &'a [StageFile],
    services: Rc<Entries<'a>>,
    findings: Vec<Finding>,
}

/// The services by name, in the order of the file.
type Entries<'a> = IndexMap<&'a str, Entry<'a>>;

/// A service with what is known of it.
struct Entry<'a> {
    index: usize,
    name: &'a str,
    service: &'a ServiceFile,
    pointer: String,
    /// Nothing when the file does not tell; that is reported once, by the stages.
    stage: Option<usize>,
}

impl<'a> Check<'a> {
    /// The services, held apart from `self` so that findings can be added while they are read.
    fn entries(&self) -> Rc<Entries<'a>> {
        Rc::clone(&self.services)
    }

    /// Whether nothing at this place or below was cut.
    fn sound(&self, pointer: &str) -> bool {
        !self.cuts.iter().any(|cut| below(cut, pointer).is_some())
    }

    /// Whether the mapping at this place has all the fields that it was written with, and they
    /// are known ones.
    fn complete(&self, pointer: &str) -> bool {
        !self
            .cuts
            .iter()
            .any(|cut| below(cut, pointer).is_some_and(|rest| rest.matches('/').count() <= 1))
    }

    /// The name of a stage, for sentences.
    fn stage_name(&self, stage: usize) -> &'a str {
        self.stages
            .get(stage)
            .map_or("", |stage| stage.name.as_str())
    }

    /// The names that the file has services by, cut ones too.
    fn known_services(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.document.keys("/services")
    }

    fn report(&mut self, pointer: &str, message: String, hint: impl Into<String>) {
        let position = self.document.locate(pointer);
        self.findings
            .push(Finding::new(position, message).hint(hint));
    }

    fn report_key(&mut self, pointer: &str, message: String, hint: impl Into<String>) {
        let position = self.document.locate_key(pointer);
        self.findings
            .push(Finding::new(position, message).hint(hint));
    }

    /// A hint to the line of something that was there before.
    fn first_on_line(&self, pointer: &str) -> String {
        format!(
            "the first one is on line {}",
            self.document.locate(pointer).line
        )
    }
}

/// What of a pointer is below another.
fn below<'p>(pointer: &'p str, above: &str) -> Option<&'p str> {
    let rest = pointer.strip_prefix(above)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
