//! `doctor`: what is there on this machine, what is missing, and what to do.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::arguments::{Doctor, Output};
use super::{Exit, print};
use crate::compose::Host;
use crate::doctor::{State, examine};

/// The environment file that is looked at when none is named and it is there.
const USUAL: &str = "stagewright.yaml";

pub(crate) async fn run(host: &Arc<Host>, doctor: &Doctor, output: Output) -> Result<Exit> {
    let usual = Path::new(USUAL);
    let file = match &doctor.file {
        Some(file) => Some(file.as_path()),
        None => usual.exists().then_some(usual),
    };
    let findings = examine(host, file).await;
    let widest = findings
        .iter()
        .map(|finding| finding.subject.chars().count());
    let widest = widest.max().unwrap_or_default();
    for finding in &findings {
        if output == Output::Json {
            print::json(finding)?;
            continue;
        }
        let (subject, state) = (&finding.subject, finding.state.as_str());
        print::line(&format!("{subject:widest$}  {state:8}  {}", finding.found))?;
        if let Some(hint) = &finding.hint {
            print::line(&format!("{:widest$}  {:8}  hint: {hint}", "", ""))?;
        }
    }
    let is_missing = findings
        .iter()
        .any(|finding| finding.state == State::Missing);
    Ok(if is_missing {
        Exit::Usage
    } else {
        Exit::Success
    })
}
