//! Performs one attempt of a step: calls the plugin that the description fixed for it, and
//! turns its answer into an outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stagewright_pipeline::{Failure, Outcome, Output, PluginRecord, Product, Retry, Step};
use stagewright_runtime::{Call, Cancel, StepError, record};
use tokio_util::sync::CancellationToken;

use super::source::Staged;
use super::workshop::{Attempt, Workshop, engine, failure};
use crate::description::Subject;
use crate::source::SourceError;

/// How long it may take to find out what a deploy left that was ended by force, in milliseconds.
const LAST_LOOK: u64 = 500;

impl Workshop {
    /// Performs the attempt to its end.
    pub(super) async fn perform(&self, attempt: Attempt) -> Outcome {
        let result = match attempt.step {
            Step::Build => self.build(&attempt).await,
            Step::Push => self.push(&attempt).await,
            _ => self.act(&attempt).await,
        };
        match result {
            Ok(product) => Outcome::Succeeded(Box::new(product)),
            Err(Stop::Failed(failure)) => Outcome::Failed(failure),
            Err(Stop::Cancelled(mut remains)) => {
                if attempt.step == Step::Deploy && attempt.cancel.forced.is_cancelled() {
                    remains.extend(self.left_behind(&attempt).await);
                }
                Outcome::Cancelled {
                    confirmed: remains.is_empty(),
                    remains,
                }
            }
        }
    }

    /// What a deploy left that was ended without being asked to end, as its deployer sees it.
    async fn left_behind(&self, attempt: &Attempt) -> Option<String> {
        let service = &attempt.service;
        let asked = async {
            let subject = self.subject(service)?;
            let rendered = self.bare(subject, &subject.deploy)?;
            let call = self.question(rendered, Cancel::default(), LAST_LOOK);
            let plugin = self.plugin(&subject.deploy).await?;
            let state = plugin.observe(call).await;
            state.map_err(|error| failure(error.failure()))
        };
        let own = self.step_id(service, attempt.step);
        match asked.await {
            Ok(state) if state.step_id.as_ref() != Some(&own) => None,
            Ok(state) if matches!(state.condition.as_str(), "absent" | "stopped") => None,
            _ => Some(format!(
                "what this step had deployed of {service} may go on"
            )),
        }
    }

    async fn build(&self, attempt: &Attempt) -> Result<Product, Stop> {
        let subject = self.subject(&attempt.service)?;
        let record = chosen(subject.build.as_ref(), "builder")?;
        let plugin = self.plugin(record).await?;
        let log = self.log(attempt)?;
        let mut call = self.call(attempt, self.bare(subject, record)?, log);
        let token = attempt.cancel.requested.child_token();
        let staged = within(attempt.left, &token, self.stage(subject, &token)).await?;
        call.source = staged.as_ref().map(Staged::supply);
        self.provide_folders(&mut call, record);
        let fingerprint = match &staged {
            Some(staged) => self.changed_meanwhile(attempt, subject, staged).await?,
            None => None,
        };
        let built = plugin.build(call).await?;
        if let Some(staged) = staged {
            self.remember_source(subject, staged, &token).await;
        }
        Ok(Product {
            reference: Some(built.reference),
            fingerprint,
            ..Product::default()
        })
    }

    async fn push(&self, attempt: &Attempt) -> Result<Product, Stop> {
        let subject = self.subject(&attempt.service)?;
        let record = chosen(subject.push.as_ref(), "publisher")?;
        let plugin = self.plugin(record).await?;
        let log = self.log(attempt)?;
        let call = self.call(attempt, self.bare(subject, record)?, log);
        let known = self.book.record(&attempt.service);
        let reference = known
            .built
            .and_then(|built| built.reference)
            .ok_or_else(|| Failure::new("push.no-image", "there is no built image to push"))?;
        let image = self.image(&reference).await?;
        let reference = plugin.publish(call, &image).await?;
        Ok(Product {
            reference: Some(reference),
            ..Product::default()
        })
    }

    /// Deploys, starts, stops, restarts or removes.
    async fn act(&self, attempt: &Attempt) -> Result<Product, Stop> {
        let subject = self.subject(&attempt.service)?;
        let record = &subject.deploy;
        let plugin = self.plugin(record).await?;
        if attempt.step == Step::Deploy {
            let (state, removed) = self.deploy(attempt, subject, &plugin).await?;
            let mut product = self.product(attempt, state)?;
            if product.reference.is_none() {
                product.reference = self.reference(&attempt.service).ok();
            }
            return Ok(Product { removed, ..product });
        }
        let rendered = match attempt.step {
            // What is taken down needs no variables, and they may refer to what is gone.
            Step::Stop | Step::Destroy => self.bare(subject, record)?,
            _ => self.rendered(subject, record).await?,
        };
        let call = self.call(attempt, rendered, self.log(attempt)?);
        let state = match attempt.step {
            Step::Start => plugin.start(call).await?,
            Step::Stop => plugin.stop(call).await?,
            Step::Restart => plugin.restart(call).await?,
            Step::Destroy => {
                plugin.destroy(call, self.description.with_data).await?;
                return self.removed(attempt, subject).await;
            }
            step => {
                return Err(
                    Failure::new("host.fault", format!("no deployer does `{step}`")).into(),
                );
            }
        };
        Ok(self.product(attempt, state)?)
    }

    fn product(&self, attempt: &Attempt, state: record::State) -> Result<Product, Failure> {
        let outputs = self.sealed.keep(&attempt.service, state.outputs)?;
        Ok(Product {
            reference: state.reference,
            condition: Some(state.condition),
            outputs,
            ..Product::default()
        })
    }

    /// What older strategies left goes, too; then nothing is known of the service any more.
    async fn removed(&self, attempt: &Attempt, subject: &Subject) -> Result<Product, Stop> {
        let known = self.book.record(&attempt.service);
        let older = known.instances.iter().map(|instance| &instance.plugin);
        for record in older.filter(|record| record.digest != subject.deploy.digest) {
            let plugin = self.plugin(record).await?;
            let call = self.call(attempt, self.bare(subject, record)?, self.log(attempt)?);
            plugin.destroy(call, self.description.with_data).await?;
        }
        self.sealed.forget(&attempt.service)?;
        Ok(Product {
            condition: Some("absent".to_owned()),
            ..Product::default()
        })
    }

    /// The image that is deployed: what was pushed last, or what an earlier deployment had.
    pub(super) fn reference(&self, service: &str) -> Result<String, Failure> {
        if let Some(earlier) = &self.description.earlier
            && let Some(image) = earlier.images.get(service)
        {
            return Ok(image.clone());
        }
        let known = self.book.record(service);
        known.reference().map(str::to_owned).ok_or_else(|| {
            Failure::new("deploy.no-image", "there is no pushed image to deploy")
                .hint("deploy without --only once, or give the service a build")
        })
    }

    pub(super) async fn image(
        &self,
        reference: &str,
    ) -> Result<stagewright_runtime::BuiltImage, Failure> {
        let runtime = self.host.runtime().map_err(engine)?;
        let folder = &self.description.folder;
        let found = runtime.image(reference, folder, &self.redactor).await;
        found.map_err(|found| Failure {
            code: "push.no-image".to_owned(),
            ..failure(found)
        })
    }

    /// The folders that a builder works in.
    pub(super) fn provide_folders(&self, call: &mut Call, record: &PluginRecord) {
        let service = call.service.name.clone();
        call.output = Some(self.build_folder(&service).join("output"));
        call.caches = Some(self.host.home.caches(self.id.environment(), &service));
        call.commands = declared_commands(&record.config);
    }
}

/// Bounds what the host itself does for a step. Work that is too late is told to end through
/// its token.
pub(super) async fn within<T>(
    millis: u64,
    token: &CancellationToken,
    work: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    let _ended = token.clone().drop_guard();
    match tokio::time::timeout(Duration::from_millis(millis), work).await {
        Ok(done) => done,
        Err(_) => Err(Failure::new(
            "step.timed-out",
            format!("the source was not there after {} s", millis / 1_000),
        )
        .hint("look whether the repository answers, or give the step longer with `timeouts`")
        .retry(Retry::Later)
        .into()),
    }
}

/// Runs blocking work that looks at a flag, which is set when the step is asked to end.
pub(super) async fn interruptible<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce(&AtomicBool) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Stop> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    let mut task = tokio::task::spawn_blocking(move || work(&seen));
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = cancel.cancelled() => {
            interrupted.store(true, Ordering::Relaxed);
            task.await
        }
    };
    match joined {
        Ok(result) => Ok(result?),
        Err(error) => Err(Failure::new("host.panic", error.to_string()).into()),
    }
}

/// Why a step did not succeed.
pub(super) enum Stop {
    /// It failed.
    Failed(Box<Failure>),
    /// It was cancelled; this may remain.
    Cancelled(Vec<String>),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Cancelled { remains } => Self::Cancelled(remains),
            other => failure(other.failure()).into(),
        }
    }
}

pub(super) fn chosen<'a>(
    record: Option<&'a PluginRecord>,
    role: &str,
) -> Result<&'a PluginRecord, Failure> {
    record.ok_or_else(|| Failure::new("host.fault", format!("no {role} was chosen")))
}

/// The programs that an environment file declares for the steps of a build, and those whose
/// versions it asks for: the first words under `steps` and `tools` of the builder's `with`.
pub(crate) fn declared_commands(config: &str) -> Vec<String> {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    let words = |key: &str| {
        config
            .get(key)
            .and_then(|value| value.as_array())
            .into_iter()
            .flatten()
    };
    let steps = words("steps").filter_map(|step| step.get("run").unwrap_or(step).get(0));
    let mut commands: Vec<String> = steps
        .chain(words("tools"))
        .filter_map(|word| word.as_str())
        .map(str::to_owned)
        .collect();
    commands.sort();
    commands.dedup();
    commands
}

/// Outputs as the core keeps them.
pub(super) fn outputs(outputs: Vec<record::Output>) -> Vec<Output> {
    outputs
        .into_iter()
        .map(
            |record::Output {
                 name,
                 value,
                 sensitive,
             }| Output {
                name,
                value,
                sensitive,
            },
        )
        .collect()
}
