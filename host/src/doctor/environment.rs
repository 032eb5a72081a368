//! What one environment needs: everything that would keep its deployment from starting, and
//! the programs that its builds run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use stagewright_pipeline::Action;
use stagewright_pipeline::environment::Problems;
use stagewright_runtime::capability::process::resolve_program;

use super::{Finding, State};
use crate::compose::Host;
use crate::resolve::{Extent, Resolved, granted_commands, resolve};

/// Looks at an environment file and at everything that it takes from the world. What came of
/// it, when nothing is wrong with it.
pub(super) async fn examine(host: &Arc<Host>, file: &Path) -> (Option<Resolved>, Vec<Finding>) {
    match resolve(host, file, Action::Deploy, &[], Extent::World).await {
        Ok(resolved) => {
            let environment = &resolved.description.environment;
            let found = format!(
                "`{}` has all that it takes from this machine",
                environment.name
            );
            let mut findings = vec![Finding::new("environment", State::Ready, found)];
            findings.extend(programs(&resolved));
            (Some(resolved), findings)
        }
        Err(error) => (None, told(error)),
    }
}

fn told(error: anyhow::Error) -> Vec<Finding> {
    let problems = match error.downcast::<Problems>() {
        Ok(problems) => problems,
        Err(error) => {
            let found = format!("{error:#}");
            return vec![Finding::new("environment", State::Missing, found)];
        }
    };
    let findings = problems.problems.iter().map(|problem| Finding {
        subject: format!("{}:{}:{}", problem.file, problem.line, problem.column),
        state: State::Missing,
        found: problem.message.clone(),
        hint: problem.hint.clone(),
    });
    findings.collect()
}

/// The programs that builds run, and who runs them. One that is written with a folder is looked
/// for in the source when the build runs.
fn programs(resolved: &Resolved) -> Vec<Finding> {
    let mut users: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for subject in &resolved.description.subjects {
        for program in granted_commands(subject) {
            if !program.contains('/') {
                let users = users.entry(program).or_default();
                users.insert(&subject.service.name);
            }
        }
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let look = |(program, users): (String, BTreeSet<&str>)| {
        let users = users.into_iter().collect::<Vec<_>>().join(", ");
        let subject = format!("program {program}");
        match resolve_program(&program, &path, &resolved.description.folder) {
            Ok(found) => Finding::new(
                subject,
                State::Ready,
                format!("{} builds {users}", found.display()),
            ),
            Err(error) => Finding::new(subject, State::Missing, format!("{error}"))
                .hint(format!("install it: it builds {users}")),
        }
    };
    users.into_iter().map(look).collect()
}
