//! Finds out whether there is something to do for a service: compares what it would be made
//! from with what it was last made from, and asks plugins whether that still stands. Changes
//! nothing and holds no slot.

use stagewright_pipeline::environment::{Run, ServiceType};
use stagewright_pipeline::{
    Action, Change, Failure, Fingerprint, Phase, PluginRecord, Record, Standing, Verdict,
};
use stagewright_runtime::{Cancel, Supply, record};

use super::attempt::{Stop, chosen, declared_commands, within};
use super::ingredients::{build_fingerprint, settings, version};
use super::render::Rendered;
use super::workshop::Workshop;
use crate::description::Subject;
use crate::source::Listing;

/// What an assessment may use.
struct Question<'a> {
    subject: &'a Subject,
    known: Record,
    cancel: Cancel,
    /// Milliseconds.
    left: u64,
}

impl Workshop {
    /// What is to be done for a service in a phase, and why.
    pub(super) async fn assess(
        &self,
        service: &str,
        phase: Phase,
        left: u64,
        cancel: Cancel,
    ) -> Verdict {
        let subject = match self.subject(service) {
            Ok(subject) => subject,
            Err(failure) => return Verdict::Failed(Box::new(failure)),
        };
        let question = Question {
            subject,
            known: self.book.record(service),
            cancel,
            left,
        };
        let verdict = match (phase, self.description.action.compares()) {
            (Phase::Build, _) => self.assess_build(&question).await,
            (Phase::Deploy, true) => self.assess_deploy(&question).await,
            (Phase::Deploy, false) => Ok(Verdict::Changed(Box::new(Change {
                plugin: Some(subject.deploy.clone()),
                ..Change::default()
            }))),
        };
        match verdict {
            Ok(verdict) => verdict,
            Err(Stop::Failed(failure)) => Verdict::Failed(failure),
            // The core has cancelled the service already, or is about to.
            Err(Stop::Cancelled(_)) => Verdict::Failed(Box::new(Failure::new(
                "step.cancelled",
                "the comparison was ended, because the deployment was cancelled",
            ))),
        }
    }

    async fn assess_build(&self, question: &Question<'_>) -> Result<Verdict, Stop> {
        let (fingerprint, listing) = self.made_from(question).await?;
        let (Some(_), Some(push)) = (&question.subject.build, &question.subject.push) else {
            return Err(Failure::new("host.fault", "no builder and publisher were chosen").into());
        };
        let before = question.known.pushed.as_ref();
        let same = |pushed: &&stagewright_pipeline::Pushed| {
            pushed.fingerprint.as_ref() == Some(&fingerprint)
        };
        if let Some(pushed) = before.filter(same)
            && let Some(reference) = self
                .still_there(question, push, pushed.reference.as_deref())
                .await?
        {
            return Ok(Verdict::Unchanged(Box::new(Standing {
                reference: Some(reference),
                reason: format!("unchanged since deployment {}", pushed.deployment),
                fingerprint: Some(fingerprint),
                ..Standing::default()
            })));
        }
        let built = self.built(question, &fingerprint).await;
        let before = before.map(|pushed| pushed.fingerprint.as_ref());
        let mut reasons = match &built {
            Some(_) => vec!["built before, and not pushed".to_owned()],
            None => reasons(before, &fingerprint, "built"),
        };
        if let (Some(Some(before)), Some(listing)) = (before, listing) {
            let service = &question.subject.service.name;
            self.say_what_changed(service, before, listing, &mut reasons)
                .await;
        }
        Ok(Verdict::Changed(Box::new(Change {
            reasons,
            fingerprint: Some(fingerprint),
            built,
            plugin: question.subject.build.clone(),
            ..Change::default()
        })))
    }

    /// The image of the last build, if that was made from the same and the image is still
    /// where it was made: then only the push is left.
    async fn built(&self, question: &Question<'_>, fingerprint: &Fingerprint) -> Option<String> {
        let built = question.known.built.as_ref()?;
        let reference = built.reference.as_ref()?;
        let is_same = built.fingerprint.as_ref() == Some(fingerprint);
        let is_there = is_same && self.image(reference).await.is_ok();
        is_there.then(|| reference.clone())
    }

    /// Everything that the image would be made from, and what the source is made of.
    async fn made_from(
        &self,
        question: &Question<'_>,
    ) -> Result<(Fingerprint, Option<Listing>), Stop> {
        let Question {
            subject,
            cancel,
            left,
            ..
        } = question;
        let token = cancel.requested.child_token();
        let listed = within(*left, &token, self.listing(subject, &token));
        let asked = self.inputs(subject, cancel, *left, None);
        let (listing, inputs) = match subject.commit {
            // What a repository has is fetched before a plugin may ask for it: that may take
            // longer than an answer.
            Some(_) => (listed.await?, asked.await?),
            // Tools take long to tell their versions, so the source is read meanwhile.
            None => tokio::try_join!(listed, asked)?,
        };
        let fingerprint = build_fingerprint(subject, inputs, listing.as_ref())?;
        Ok((fingerprint, listing))
    }

    /// What the builder says that the image depends on. Of a source that is `staged` it sees
    /// the copy.
    pub(super) async fn inputs(
        &self,
        subject: &Subject,
        cancel: &Cancel,
        left: u64,
        staged: Option<Supply>,
    ) -> Result<Vec<(String, String)>, Stop> {
        let builder = chosen(subject.build.as_ref(), "builder")?;
        let plugin = self.plugin(builder).await?;
        let mut call = self.question(self.bare(subject, builder)?, cancel.clone(), left);
        let token = cancel.requested.child_token();
        call.source = match staged {
            Some(staged) => Some(staged),
            None => within(left, &token, self.supply(subject, &plugin, &token)).await?,
        };
        call.commands = declared_commands(&builder.config);
        let mut inputs = plugin.inputs(call).await?;
        inputs.push(version(builder, &plugin));
        Ok(inputs)
    }

    /// Is the image that was pushed still where deployers find it?
    async fn still_there(
        &self,
        question: &Question<'_>,
        push: &PluginRecord,
        reference: Option<&str>,
    ) -> Result<Option<String>, Stop> {
        let Some((_, digest)) = reference.and_then(|reference| reference.rsplit_once('@')) else {
            return Ok(None);
        };
        let rendered = self.bare(question.subject, push)?;
        let call = self.question(rendered, question.cancel.clone(), question.left);
        Ok(self.plugin(push).await?.exists(call, digest).await?)
    }

    async fn assess_deploy(&self, question: &Question<'_>) -> Result<Verdict, Stop> {
        let Question { subject, known, .. } = question;
        if let Some(reason) = self.leaves_alone(subject, known) {
            return Ok(Verdict::Unchanged(Box::new(Standing {
                reference: known.reference().map(str::to_owned),
                reason,
                ..Standing::default()
            })));
        }
        let rendered = self.rendered(subject, &subject.deploy).await?;
        let fingerprint = self.deploy_fingerprint(question, &rendered).await?;
        let before = known.deployed.as_ref();
        let is_same = before.is_some_and(|d| d.fingerprint.as_ref() == Some(&fingerprint));
        let mut reasons = reasons(
            before.map(|d| d.fingerprint.as_ref()),
            &fingerprint,
            "deployed",
        );
        if self.description.action == Action::Redeploy {
            reasons = vec!["asked for".to_owned()];
        } else if subject.service.kind == ServiceType::Job {
            let on_rollback = self.description.action == Action::Rollback;
            if is_same && !on_rollback && subject.service.run.contains(&Run::OnChange) {
                return Ok(unchanged(known, fingerprint));
            }
            if is_same {
                reasons = vec![match on_rollback {
                    true => "it runs on rollback".to_owned(),
                    false => "it runs in every deployment".to_owned(),
                }];
            }
        } else if is_same {
            let call = self.question(rendered, question.cancel.clone(), question.left);
            let state = self.plugin(&subject.deploy).await?.observe(call).await?;
            if state.condition == "ready" {
                return Ok(unchanged(known, fingerprint));
            }
            let detail = state.detail.trim();
            reasons = vec![match detail {
                "" => format!("it is {}", state.condition),
                detail => format!("it is {}: {detail}", state.condition),
            }];
        }
        Ok(Verdict::Changed(Box::new(Change {
            reasons,
            fingerprint: Some(fingerprint),
            plugin: Some(subject.deploy.clone()),
            given: self.given_then(&subject.service.name),
            ..Change::default()
        })))
    }

    /// Why nothing is to be done whatever changed: a job that runs on other occasions, or a
    /// service that somebody has deployed since the failure that is undone.
    pub(super) fn leaves_alone(&self, subject: &Subject, known: &Record) -> Option<String> {
        let service = &subject.service;
        let is_job = service.kind == ServiceType::Job;
        if is_job && !self.description.action.runs(&service.run) {
            let schedule = service.schedule.as_ref();
            let schedule = schedule.map(|schedule| format!("by the clock, `{schedule}`"));
            let occasions = service.run.iter().map(|run| run.as_str().to_owned());
            let when: Vec<String> = occasions.chain(schedule).collect();
            return Some(match when.as_slice() {
                [] => "it runs only when it is asked for by name".to_owned(),
                when => format!("it runs {}", when.join(", ")),
            });
        }
        let undone = self.description.undoes()?;
        let last = known.deployed.as_ref()?.deployment;
        (last != undone).then(|| format!("deployed by deployment {last} since"))
    }

    /// Everything that what runs is made from. Secrets enter as keyed hashes.
    async fn deploy_fingerprint(
        &self,
        question: &Question<'_>,
        rendered: &Rendered,
    ) -> Result<Fingerprint, Failure> {
        let deployer = &question.subject.deploy;
        let service = &rendered.service;
        let mut parts = vec![
            (format!("plugin {}", deployer.name), deployer.digest.clone()),
            version(deployer, &self.plugin(deployer).await?),
            (
                "image".to_owned(),
                self.reference(&service.name).unwrap_or_default(),
            ),
            (
                "health".to_owned(),
                service.health.clone().unwrap_or_default(),
            ),
        ];
        parts.extend(settings("deploy", &deployer.config));
        for port in &service.ports {
            let value = format!("{}/{}", port.number, port.protocol);
            parts.push((format!("port {}", port.name), value));
        }
        for variable in &service.variables {
            let value = match &variable.value {
                record::Value::Text(text) => text.clone(),
                record::Value::Secret(name) => self.keyed_hash(name, rendered).await?,
            };
            parts.push((format!("variable {}", variable.name), value));
        }
        Ok(Fingerprint::new(parts))
    }

    async fn keyed_hash(&self, name: &str, rendered: &Rendered) -> Result<String, Failure> {
        let value = match rendered.secrets.get(name) {
            Some(value) => value.clone(),
            None => self
                .host
                .secrets
                .value(name)
                .await
                .map_err(super::workshop::failure)?,
        };
        let key = &self.host.key;
        key.hash(value.expose())
            .map_err(|error| Failure::new("host.key", format!("{error:#}")))
    }
}

fn unchanged(known: &Record, fingerprint: Fingerprint) -> Verdict {
    let deployed = known.deployed.as_ref();
    let deployment = deployed.map_or(0, |deployed| deployed.deployment);
    Verdict::Unchanged(Box::new(Standing {
        reference: deployed.and_then(|deployed| deployed.reference.clone()),
        reason: format!("unchanged since deployment {deployment}"),
        fingerprint: Some(fingerprint),
        outputs: known.outputs.clone(),
    }))
}

/// What differs from the last time.
fn reasons(before: Option<Option<&Fingerprint>>, now: &Fingerprint, done: &str) -> Vec<String> {
    match before {
        None => vec![format!("never {done} before")],
        Some(None) => vec![format!("not {done} to its end the last time")],
        Some(Some(before)) => match Fingerprint::explain(before, now) {
            same if same.is_empty() => vec![format!("what was {done} is not there any more")],
            differences => differences,
        },
    }
}
