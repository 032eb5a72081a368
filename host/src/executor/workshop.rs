//! What the steps of one deployment share, and the surroundings of each of their calls.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stagewright_journal::DeploymentId;
use stagewright_pipeline::environment::Variable;
use stagewright_pipeline::{Failure, PluginRecord, Retry, Step};
use stagewright_runtime::{
    Call, Cancel, LogLine, Plugin, Progress, Redactor, Sink, Versions, record,
};
use tokio::sync::OnceCell;

use super::ledger::Book;
use super::render::{CallSecrets, Rendered};
use super::repositories::{Naming, declared_repositories};
use super::sealed::Sealed;
use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::logs::{AttemptLog, AttemptName};

/// Where the steps of one deployment are performed.
pub(super) struct Workshop {
    pub(super) host: Arc<Host>,
    pub(super) id: DeploymentId,
    pub(super) description: Description,
    pub(super) book: Book,
    pub(super) redactor: Arc<Redactor>,
    pub(super) sealed: Sealed,
    /// Versions of the programs that builds run, asked once for each.
    versions: Arc<Versions>,
    /// Where services reach each other, asked once for each.
    pub(super) addresses: HashMap<String, OnceCell<String>>,
}

/// One try of a step.
pub(super) struct Attempt {
    pub(super) service: String,
    pub(super) step: Step,
    /// Counted from 1.
    pub(super) number: u16,
    /// Milliseconds that it has.
    pub(super) left: u64,
    pub(super) cancel: Cancel,
}

impl Workshop {
    pub(super) fn new(
        host: Arc<Host>,
        id: &DeploymentId,
        description: Description,
        book: Book,
    ) -> Self {
        let names = description
            .subjects
            .iter()
            .map(|subject| subject.service.name.clone());
        let addresses = names.map(|name| (name, OnceCell::new())).collect();
        Self {
            sealed: Sealed::new(host.home.sealed(id.environment())),
            redactor: Arc::new(Redactor::new()),
            versions: Arc::default(),
            id: id.clone(),
            host,
            description,
            book,
            addresses,
        }
    }

    /// Makes every secret of the deployment known to the redactor, so that what was revealed
    /// before a crash is not written after it. One that cannot be had now is told of by the
    /// step that needs it.
    pub(super) async fn learn_secrets(&self) {
        let variables = self
            .description
            .parts()
            .flat_map(|part| part.service.variables.values());
        for variable in variables {
            if let Variable::Secret(name) = variable
                && let Ok(value) = self.host.secrets.value(name).await
            {
                self.redactor.add(value.expose());
            }
        }
        for value in self.sealed.values().unwrap_or_default() {
            self.redactor.add(&value);
        }
    }

    pub(super) fn subject(&self, service: &str) -> Result<&Subject, Failure> {
        self.description.subject(service).ok_or_else(|| {
            Failure::new(
                "host.fault",
                format!("service {service} is not in this deployment"),
            )
        })
    }

    /// The plugin of a record: the very component that was chosen, whatever its name means
    /// today.
    pub(super) async fn plugin(&self, record: &PluginRecord) -> Result<Plugin, Failure> {
        let runtime = self.host.runtime().map_err(engine)?;
        let loaded = runtime.load(&record.digest, &self.description.folder).await;
        let loaded = loaded.map_err(|error| {
            Failure::new("plugin.unavailable", format!("{}: {error}", record.name))
        })?;
        Ok(loaded.called(&record.name))
    }

    /// The surroundings of a question that changes nothing and is heard by nobody. How long it
    /// may take at the most is a limit of the plugin.
    pub(super) fn question(&self, rendered: Rendered, cancel: Cancel, left: u64) -> Call {
        let attempt = Attempt {
            service: rendered.service.name.clone(),
            step: self.description.action.step(),
            number: 1,
            left,
            cancel,
        };
        self.call(&attempt, rendered, Arc::new(Unheard))
    }

    /// The log of an attempt.
    pub(super) fn log(&self, attempt: &Attempt) -> Result<Arc<AttemptLog>, Failure> {
        let name = AttemptName {
            service: attempt.service.clone(),
            step: attempt.step,
            attempt: attempt.number,
        };
        let folder = self.host.home.logs(&self.id.to_string());
        let log = AttemptLog::open(&folder, name, Arc::clone(&self.host.clock));
        Ok(Arc::new(log.map_err(|error| {
            Failure::new("host.log", format!("{error:#}")).retry(Retry::Later)
        })?))
    }

    /// The surroundings of a call for an attempt.
    pub(super) fn call(&self, attempt: &Attempt, rendered: Rendered, sink: Arc<dyn Sink>) -> Call {
        let left = Duration::from_millis(attempt.left);
        let deadline = self.host.clock.now().after(attempt.left);
        let step = record::Step {
            id: self.step_id(&attempt.service, attempt.step),
            deployment: self.id.to_string(),
            reason: self.description.action.to_string(),
            attempt: attempt.number.into(),
            deadline: Some(deadline.0),
        };
        let secrets = CallSecrets::new(rendered.secrets, Arc::clone(&self.host.secrets));
        Call {
            step,
            repositories: declared_repositories(&Naming {
                environment: &rendered.service.environment,
                service: &rendered.service.name,
                image: rendered.service.image.as_deref(),
                config: &rendered.service.config,
            }),
            service: rendered.service,
            deadline: Instant::now() + left,
            cancel: attempt.cancel.clone(),
            sink,
            redactor: Arc::clone(&self.redactor),
            secrets: Arc::new(secrets),
            base: self.description.folder.clone(),
            source: None,
            output: None,
            caches: None,
            commands: Vec::new(),
            versions: Arc::clone(&self.versions),
        }
    }

    pub(super) fn step_id(&self, service: &str, step: Step) -> String {
        format!("{}/{service}/{step}", self.id)
    }

    /// What is known of a service's source.
    pub(super) fn source_index(&self, service: &str) -> PathBuf {
        self.host.home.source_index(self.id.environment(), service)
    }

    /// The folder in which a service is built.
    pub(super) fn build_folder(&self, service: &str) -> PathBuf {
        self.host.home.build(self.id.environment(), service)
    }
}

/// There is no sandbox on this machine.
pub(super) fn engine(error: anyhow::Error) -> Failure {
    Failure::new("host.engine", format!("{error:#}"))
}

/// A failure as the core keeps it.
pub(super) fn failure(failure: record::Failure) -> Failure {
    let retry = match failure.retry {
        record::Retry::Never => Retry::Never,
        record::Retry::Later => Retry::Later,
        record::Retry::AfterMs(millis) => Retry::AfterMs(millis),
    };
    Failure {
        code: failure.code,
        message: failure.message,
        hint: failure.hint,
        retry,
        details: failure.details,
    }
}

/// Where what plugins say to a question goes.
struct Unheard;

impl Sink for Unheard {
    fn line(&self, line: LogLine) {
        tracing::debug!(origin = line.origin.as_str(), "{}", line.message);
    }

    fn progress(&self, _: Progress) {}
}
