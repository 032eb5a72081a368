//! Stages: their names, what they are the default for, and which service is in which.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::super::file::ServiceType;
use super::super::{near, resolve};
use super::Check;

impl Check<'_> {
    pub(super) fn stage_names(&mut self) {
        let stages = self.file.stages.as_deref().unwrap_or_default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (at, stage) in stages.iter().enumerate() {
            let pointer = format!("/stages/{at}/name");
            let name = &stage.name;
            if name.trim() != name || name.chars().any(char::is_control) {
                let message = "the name of a stage has spaces around it, or control characters";
                self.report(&pointer, message.to_owned(), "write one line of plain text");
            }
            if let Some(first) = seen.insert(name.to_lowercase(), at) {
                let message = format!(
                    "there are two stages `{name}`; upper and lower case count as the same"
                );
                let hint = self.first_on_line(&format!("/stages/{first}/name"));
                self.report(&pointer, message, hint);
            }
        }
    }

    pub(super) fn stage_defaults(&mut self) {
        let stages = self.file.stages.as_deref().unwrap_or_default();
        let mut seen: HashMap<ServiceType, &str> = HashMap::new();
        for (at, stage) in stages.iter().enumerate() {
            for (item, kind) in stage.default_for.iter().enumerate() {
                if let Some(first) = seen.insert(*kind, &stage.name) {
                    let message = format!(
                        "two stages are the default for `{kind}`: `{first}` and `{}`",
                        stage.name
                    );
                    let pointer = format!("/stages/{at}/default_for/{item}");
                    self.report(&pointer, message, "leave it in one of them");
                }
            }
        }
    }

    pub(super) fn service_stages(&mut self) {
        if self.cuts.iter().any(|cut| cut == "/stages") {
            return;
        }
        let mut homeless: IndexMap<ServiceType, Vec<String>> = IndexMap::new();
        for entry in self.entries().values() {
            match &entry.service.stage {
                Some(name) if resolve::stage_named(self.stages, name).is_none() => {
                    let known = self.stages.iter().map(|stage| stage.name.as_str());
                    let hint = near::suggest(name, known, "there are none");
                    let pointer = format!("{}/stage", entry.pointer);
                    self.report(&pointer, format!("unknown stage `{name}`"), hint);
                }
                None if entry.stage.is_none() && self.complete(&entry.pointer) => {
                    let services = homeless.entry(entry.service.kind).or_default();
                    services.push(entry.pointer.clone());
                }
                _ => {}
            }
        }
        if !self.sound("/stages") {
            return;
        }
        for (kind, pointers) in homeless {
            let Some(first) = pointers.first() else {
                continue;
            };
            let names = pointers
                .iter()
                .filter_map(|pointer| pointer.rsplit('/').next());
            let names = near::list(names).unwrap_or_default();
            let message =
                format!("no stage is the default for `{kind}`, which {names} would go to");
            let hint =
                format!("write `default_for: [{kind}]` in a stage, or `stage` in the service");
            self.report_key(first, message, hint);
        }
    }
}
