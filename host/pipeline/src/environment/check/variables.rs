//! Variables: what their templates refer to, and whether it is known by then.
//!
//! The address of a service is known before anything runs, so it can be referred to from
//! anywhere. The output of a job exists once its stage is settled, so only services of later
//! stages can have it. Under `overlap: across-stages` later stages build while the job may not
//! have run. A builder is handed all variables of its service, so there no service that is
//! built from source can have an output in any of them.

use indexmap::IndexMap;

use super::super::document::child;
use super::super::file::{Overlap, ServiceType, VariableValue};
use super::super::model::Variable;
use super::super::template::{Reference, Template};
use super::super::{near, resolve};
use super::{Check, Entry};

impl<'a> Check<'a> {
    pub(super) fn variables(&mut self) {
        let shared = &self.file.variables;
        for (name, template) in self.templates("/variables", shared) {
            let pointer = child("/variables", name);
            let entries = self.entries();
            let getters = entries.values();
            let getters = getters.filter(|entry| !entry.service.variables.contains_key(name));
            let getters: Vec<_> = getters.collect();
            for reference in template.references() {
                self.reference(&pointer, reference, &getters);
            }
        }
        for entry in self.entries().values() {
            let above = child(&entry.pointer, "variables");
            for (name, template) in self.templates(&above, &entry.service.variables) {
                for reference in template.references() {
                    self.reference(&child(&above, name), reference, &[entry]);
                }
            }
        }
    }

    /// The templates among variables; those that are malformed are reported.
    fn templates<'v>(
        &mut self,
        above: &str,
        variables: &'v IndexMap<String, VariableValue>,
    ) -> Vec<(&'v str, Template)> {
        let mut templates = Vec::new();
        for (name, value) in variables {
            match resolve::variable(value) {
                Ok(Variable::Text(template)) => templates.push((name.as_str(), template)),
                Ok(Variable::Secret(_)) => {}
                Err(malformed) => {
                    let hint = "write `{{service.host}}`, `{{service.port}}`, `{{job.output}}`, or `{{{{` for a literal `{{`";
                    self.report(&child(above, name), malformed.to_string(), hint);
                }
            }
        }
        templates
    }

    /// Checks a reference in a variable that some services get.
    fn reference(&mut self, pointer: &str, reference: &Reference, getters: &[&Entry<'a>]) {
        let name = reference.service.as_str();
        match self.entries().get(name) {
            Some(job) if job.service.kind == ServiceType::Job => {
                self.output(pointer, reference, job, getters);
            }
            Some(service) => self.attribute(pointer, reference, service),
            None if self.document.has(&child("/services", name)) => {}
            None => {
                let message = format!("`{reference}` refers to an unknown service");
                let hint = near::suggest(name, self.known_services(), "there are no services");
                self.report(pointer, message, hint);
            }
        }
    }

    fn attribute(&mut self, pointer: &str, reference: &Reference, service: &Entry<'a>) {
        let ports = &service.service.ports;
        let name = service.name;
        let known =
            self.sound(&child(&service.pointer, "ports")) && self.complete(&service.pointer);
        let (message, hint) = match (reference.attribute.as_str(), reference.port_name()) {
            ("host", _) => return,
            ("port", _) if !ports.is_empty() || !known => return,
            ("port", _) => (
                format!("`{reference}` refers to a port, but `{name}` has none"),
                "declare one under its `ports`".to_owned(),
            ),
            (_, Some(port)) if ports.iter().any(|known| known.name == port) || !known => return,
            (_, Some(port)) => (
                format!("`{reference}` refers to a port that `{name}` does not have"),
                near::suggest(
                    port,
                    ports.iter().map(|port| port.name.as_str()),
                    "it has none",
                ),
            ),
            (attribute, None) => (
                format!("`{reference}` refers to an unknown attribute"),
                match near::nearest(attribute, ["host", "port"]) {
                    Some(near) => format!("did you mean `{{{{{name}.{near}}}}}`?"),
                    None => "there are `host`, `port` and `port.NAME`; only jobs have outputs"
                        .to_owned(),
                },
            ),
        };
        self.report(pointer, message, hint);
    }

    fn output(
        &mut self,
        pointer: &str,
        reference: &Reference,
        job: &Entry<'a>,
        getters: &[&Entry<'a>],
    ) {
        let Some(stage) = job.stage else {
            return;
        };
        let early = getters
            .iter()
            .filter(|entry| entry.stage.is_some_and(|own| own <= stage));
        if let Some(names) = near::list(early.map(|entry| entry.name)) {
            let message = format!(
                "`{reference}` is an output of a job of stage `{}`, which {names} cannot wait for",
                self.stage_name(stage),
            );
            let hint = "outputs become variables of services of later stages";
            self.report(pointer, message, hint);
        }
        if self.file.overlap != Overlap::AcrossStages {
            return;
        }
        let late = getters
            .iter()
            .filter(|entry| entry.stage.is_some_and(|own| own > stage));
        let built = late.filter(|entry| entry.service.source.is_some());
        if let Some(names) = near::list(built.map(|entry| entry.name)) {
            let message = format!(
                "`{reference}` is an output of a job that may run after {names} has been built, because of `overlap: across-stages`"
            );
            let hint = "use `overlap: within-stage`";
            self.report(pointer, message, hint);
        }
    }
}
