//! The world's own account of what ran: programs and builds write a line when they begin.

use std::collections::BTreeMap;

use crate::installation::Installation;

/// Lines, each with how often it was written.
pub struct Account(BTreeMap<String, usize>);

impl Account {
    pub fn read(installation: &Installation) -> Self {
        let text = std::fs::read_to_string(installation.project().join("account"));
        let mut lines = BTreeMap::new();
        for line in text.unwrap_or_default().lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
        Self(lines)
    }

    /// How often the program of a service began to run in a deployment.
    pub fn runs(&self, deployment: &str, service: &str) -> usize {
        self.count(&format!("run {deployment}_{service}_deploy-"))
    }

    /// How often that generation was built.
    pub fn builds(&self, generation: u32) -> usize {
        self.count(&format!("build {generation}"))
    }

    /// Releases of which two processes ran at the same time.
    pub fn doubles(&self) -> usize {
        self.count("double ")
    }

    /// How often anything else ran than these services in a deployment.
    pub fn others(&self, deployment: &str, services: &[&str]) -> usize {
        let ours: usize = services
            .iter()
            .map(|name| self.runs(deployment, name))
            .sum();
        self.0.values().sum::<usize>() - ours
    }

    fn count(&self, beginning: &str) -> usize {
        let matching = self.0.iter().filter(|(line, _)| match beginning {
            exact if exact.starts_with("build ") => *line == exact,
            beginning => line.starts_with(beginning),
        });
        matching.map(|(_, count)| count).sum()
    }
}
