//! A service as plugins are told of it: references in its variables replaced, secrets as
//! names only.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use stagewright_pipeline::environment::{
    Part, Protocol, Reference, ServiceType, Template, Variable,
};
use stagewright_pipeline::{Action, Failure, Output, PluginRecord};
use stagewright_runtime::{Cancel, record};
use stagewright_runtime::{SecretText, Secrets};

use super::workshop::{Workshop, failure};
use crate::description::Subject;

/// The code of a variable whose references lead nowhere, now.
pub(super) const UNRESOLVED: &str = "variable.unresolved";

/// A service for a call, and the values of the secrets that only this rendering knows.
pub(super) struct Rendered {
    pub(super) service: record::Service,
    /// By the name under which the service's variables refer to them.
    pub(super) secrets: BTreeMap<String, SecretText>,
}

/// What a reference stands for.
enum Found {
    Shown(String),
    Sensitive(SecretText),
}

impl Workshop {
    /// The service without its variables: builds and pushes do not depend on where other
    /// services are.
    pub(super) fn bare(
        &self,
        subject: &Subject,
        record: &PluginRecord,
    ) -> Result<Rendered, Failure> {
        let service = self.record(subject, record, Vec::new())?;
        Ok(Rendered {
            service,
            secrets: BTreeMap::new(),
        })
    }

    /// The service with its variables.
    pub(super) async fn rendered(
        &self,
        subject: &Subject,
        record: &PluginRecord,
    ) -> Result<Rendered, Failure> {
        let mut secrets = BTreeMap::new();
        let mut variables = Vec::new();
        for (name, variable) in &subject.service.variables {
            let value = match variable {
                Variable::Secret(secret) => record::Value::Secret(secret.clone()),
                Variable::Text(template) => match self.text(template, subject).await? {
                    Found::Shown(text) => record::Value::Text(text),
                    Found::Sensitive(text) => {
                        // No name of an operator's secret has a slash.
                        let secret = format!("{}/{name}", subject.service.name);
                        secrets.insert(secret.clone(), text);
                        record::Value::Secret(secret)
                    }
                },
            };
            variables.push(record::Variable {
                name: name.clone(),
                value,
            });
        }
        Ok(Rendered {
            service: self.record(subject, record, variables)?,
            secrets,
        })
    }

    fn record(
        &self,
        subject: &Subject,
        plugin: &PluginRecord,
        variables: Vec<record::Variable>,
    ) -> Result<record::Service, Failure> {
        let service = &subject.service;
        let stage = self.description.environment.stages.get(service.stage);
        let health = service
            .health
            .as_ref()
            .map(serde_json::to_string)
            .transpose();
        let ports = service.ports.iter().map(|port| record::Port {
            name: port.name.clone(),
            number: port.number,
            protocol: match port.protocol {
                Protocol::Tcp => "tcp".to_owned(),
                Protocol::Udp => "udp".to_owned(),
            },
        });
        Ok(record::Service {
            environment: self.id.environment().to_owned(),
            name: service.name.clone(),
            kind: kind(service.kind).to_owned(),
            stage: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
            image: service.image.clone(),
            source_path: service.source.as_ref().map(|source| source.path.clone()),
            ports: ports.collect(),
            variables,
            health: health.map_err(|error| Failure::new("host.fault", error.to_string()))?,
            config: plugin.config.clone(),
        })
    }

    async fn text(&self, template: &Template, of: &Subject) -> Result<Found, Failure> {
        let mut text = String::new();
        let mut sensitive = false;
        for part in template.parts() {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Reference(reference) => match self.look_up(reference, of).await? {
                    Found::Shown(value) => text.push_str(&value),
                    Found::Sensitive(value) => {
                        sensitive = true;
                        text.push_str(value.expose());
                    }
                },
            }
        }
        Ok(match sensitive {
            true => Found::Sensitive(SecretText::new(text)),
            false => Found::Shown(text),
        })
    }

    async fn look_up(&self, reference: &Reference, of: &Subject) -> Result<Found, Failure> {
        let unknown = |why: &str| Failure::new(UNRESOLVED, format!("{reference} {why}"));
        let Some(subject) = self.description.subject(&reference.service) else {
            return Err(unknown("names no service of the environment"));
        };
        let service = &subject.service;
        let port = match (reference.attribute.as_str(), reference.port_name()) {
            ("host", _) => return Ok(Found::Shown(self.address(&service.name).await?)),
            ("port", _) => service.ports.first(),
            (_, Some(name)) => service.ports.iter().find(|port| port.name == name),
            (output, None) => return self.output(of, &service.name, output, reference),
        };
        let port = port.ok_or_else(|| unknown("names no port of the service"))?;
        Ok(Found::Shown(port.number.to_string()))
    }

    /// Does the job run in this deployment?
    fn runs_here(&self, job: &str) -> bool {
        self.description.subject(job).is_some_and(|subject| {
            let service = &subject.service;
            subject.takes_part && !service.skip && self.description.action.runs(&service.run)
        })
    }

    /// Why a service's variables cannot be known in this deployment, whatever happens in it:
    /// they refer to an output of a job that has none and does not run.
    pub(super) fn missing_output(&self, subject: &Subject) -> Option<Failure> {
        let templates = subject.service.variables.values();
        let templates = templates.filter_map(|variable| match variable {
            Variable::Text(template) => Some(template),
            Variable::Secret(_) => None,
        });
        let references = templates.flat_map(Template::references);
        let is_job = |name: &str| {
            let subject = self.description.subject(name);
            subject.is_some_and(|subject| subject.service.kind == ServiceType::Job)
        };
        references
            .filter(|reference| reference.attribute != "host" && reference.port_name().is_none())
            .filter(|reference| is_job(&reference.service) && !self.runs_here(&reference.service))
            .find_map(|reference| {
                let job = &reference.service;
                let output = self.output(subject, job, &reference.attribute, reference);
                output.err()
            })
    }

    /// How a job that has not answered comes to do so.
    fn how_to_run(&self, job: &str) -> String {
        let environment = self.id.environment();
        let run = format!("`stagewright job run {job} --environment {environment}` runs it");
        let is_built = self.book.record(job).reference().is_some();
        match (self.runs_here(job), is_built) {
            (true, _) => format!("{job} has answered with no outputs; deploy it first"),
            (false, true) => format!("{job} runs only when it is asked for; {run}"),
            (false, false) => {
                format!("`stagewright deploy --only {job}` builds {job}, then {run}")
            }
        }
    }

    /// The outputs of jobs that a rollback gives to a service.
    pub(super) fn given_then(&self, service: &str) -> BTreeMap<String, Vec<Output>> {
        let earlier = self.description.earlier.as_ref();
        let given = earlier.and_then(|earlier| earlier.given.get(service).cloned());
        let mut given = given.unwrap_or_default();
        given.retain(|job, _| !self.runs_here(job));
        given
    }

    /// An output of a job, for a service: of this deployment, or the last one that the job
    /// completed in. What is brought back, or started again after that, is given what the job
    /// had answered by then.
    fn output(
        &self,
        of: &Subject,
        job: &str,
        name: &str,
        reference: &Reference,
    ) -> Result<Found, Failure> {
        let service = &of.service.name;
        let given = match self.description.action {
            Action::Rollback => self.given_then(service),
            Action::Start | Action::Restart => self.book.record(service).given,
            _ => BTreeMap::new(),
        };
        let outputs = match given.get(job) {
            Some(outputs) => outputs.clone(),
            None => self.book.record(job).outputs,
        };
        let Some(output) = outputs.iter().find(|output| output.name == name) else {
            let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            let hint = match names.as_slice() {
                [] => self.how_to_run(job),
                names => format!("{job} answered with {}", names.join(", ")),
            };
            let message = format!("{reference}: job {job} has no output `{name}`");
            return Err(Failure::new(UNRESOLVED, message).hint(hint));
        };
        if !output.sensitive {
            return Ok(Found::Shown(output.value.clone()));
        }
        match self.sealed.value(job, name)? {
            Some(value) => Ok(Found::Sensitive(value)),
            None => Err(Failure::new(
                UNRESOLVED,
                format!("{reference}: the value of this sensitive output is not kept here"),
            )
            .hint(format!("run {job} again"))),
        }
    }

    /// Where a service is reached, as its deployer says.
    async fn address(&self, service: &str) -> Result<String, Failure> {
        let cell = self.addresses.get(service).ok_or_else(|| {
            Failure::new("host.fault", format!("no address is known of {service}"))
        })?;
        let ask = async {
            let subject = self.subject(service)?;
            let plugin = self.plugin(&subject.deploy).await?;
            let rendered = self.bare(subject, &subject.deploy)?;
            let left = subject.service.timeouts.deploy.millis();
            let call = self.question(rendered, Cancel::default(), left);
            plugin
                .address(call)
                .await
                .map_err(|error| failure(error.failure()))
        };
        cell.get_or_try_init(|| ask).await.cloned()
    }
}

/// Secrets of one call: those of its own rendering, then the operator's.
pub(super) struct CallSecrets {
    own: BTreeMap<String, SecretText>,
    operator: Arc<dyn Secrets>,
}

impl CallSecrets {
    pub(super) fn new(own: BTreeMap<String, SecretText>, operator: Arc<dyn Secrets>) -> Self {
        Self { own, operator }
    }
}

impl Secrets for CallSecrets {
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, record::Failure>> {
        match self.own.get(name) {
            Some(value) => Box::pin(std::future::ready(Ok(value.clone()))),
            None => self.operator.value(name),
        }
    }
}

fn kind(kind: ServiceType) -> &'static str {
    match kind {
        ServiceType::Database => "database",
        ServiceType::Job => "job",
        ServiceType::Container => "container",
        ServiceType::Application => "application",
    }
}
