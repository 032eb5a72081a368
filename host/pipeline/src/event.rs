//! Facts as the events that `--output json` prints and the daemon streams: one fact, one
//! event, one line.
//!
//! A pure function, so an event of long ago reads the same today, and `seq` has no gaps. Must
//! never show the value of a sensitive output.

mod describe;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::course::{Course, ServiceId, StageId};
use crate::fact::Fact;
use crate::failure::Failure;
use crate::moment::Timestamp;
use crate::outcome::Output;

/// One line of the stream. Fields that say nothing are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Event<'a> {
    /// Counted from the deployment's first fact, without gaps.
    pub seq: u64,
    /// When, in RFC 3339 with milliseconds.
    pub time: String,
    /// `step.started` and so on.
    pub event: &'static str,
    /// Of which deployment.
    pub deployment: &'a str,
    /// `deploy`, `stop`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// The stage, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'a str>,
    /// `build` or `deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// The service, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// `build`, `push`, `deploy`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<&'static str>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// `succeeded`, `failed`, `cancelled`, `cancel-unconfirmed`, `skipped`, `unchanged`; of an
    /// assessment also `changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// A sentence: what it waits for, why it is done or left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The instant that it waits for, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When it is ended by force, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// The image, by digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a str>,
    /// What a job answered with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<ShownOutput<'a>>,
    /// What may remain of a step that was cancelled.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub remains: &'a [String],
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ShownFailure<'a>>,
    /// The deployment that this one became part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<&'a str>,
}

/// An output, without its value when that is sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShownOutput<'a> {
    /// What `{{job.name}}` refers to.
    pub name: &'a str,
    /// The value, unless it is sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'a str>,
    /// It is shown nowhere.
    pub sensitive: bool,
}

/// A failure, for a machine and for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShownFailure<'a> {
    /// Stable, dotted, lower case.
    pub code: &'a str,
    /// One sentence.
    pub message: &'a str,
    /// What the person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'a str>,
}

impl<'a> From<&'a Failure> for ShownFailure<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            code: &failure.code,
            message: &failure.message,
            hint: failure.hint.as_deref(),
        }
    }
}

impl<'a> From<&'a Output> for ShownOutput<'a> {
    fn from(output: &'a Output) -> Self {
        Self {
            name: &output.name,
            value: (!output.sensitive).then_some(output.value.as_str()),
            sensitive: output.sensitive,
        }
    }
}

/// The event of a fact.
#[must_use]
pub fn event<'a>(
    course: &'a Course,
    deployment: &'a str,
    seq: u64,
    time: Timestamp,
    fact: &'a Fact,
) -> Event<'a> {
    let mut event = Event {
        seq,
        time: time.to_string(),
        deployment,
        ..Event::default()
    };
    event.describe(course, fact);
    event
}

impl<'a> Event<'a> {
    /// The event as one line of JSON, without the line's end.
    ///
    /// # Errors
    /// Never in practice: an event holds nothing that JSON cannot.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn of_stage(&mut self, course: &'a Course, stage: StageId) {
        self.stage = Some(course.stage_name(stage));
    }

    fn of_service(&mut self, course: &'a Course, id: ServiceId) {
        self.service = Some(course.service_name(id));
        if let Some(service) = course.service(id) {
            self.of_stage(course, service.stage);
        }
    }
}
