//! Deployments as the journal knows them: their names, and the few columns that lists and
//! queues are read from without folding facts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Names a deployment: `<environment>-<number>`, the number counted from 1 per environment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId {
    environment: String,
    number: u64,
}

impl DeploymentId {
    /// The id of one deployment of an environment.
    pub fn new(environment: impl Into<String>, number: u64) -> Self {
        Self {
            environment: environment.into(),
            number,
        }
    }

    /// The environment that is deployed.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Counted from 1 in its environment, without gaps.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.environment, self.number)
    }
}

/// A text that is not the id of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of a deployment; ids look like `shop-41`")]
pub struct InvalidDeploymentId(String);

impl FromStr for DeploymentId {
    type Err = InvalidDeploymentId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.rsplit_once('-')
            .filter(|(environment, digits)| {
                !environment.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
            .and_then(|(environment, digits)| {
                let number: u64 = digits.parse().ok()?;
                let id = Self::new(environment, number);
                // One deployment has one name, so `shop-041` is not another one of `shop-41`.
                (number > 0 && !digits.starts_with('0')).then_some(id)
            })
            .ok_or_else(|| InvalidDeploymentId(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for DeploymentId {
    type Error = InvalidDeploymentId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeploymentId> for String {
    fn from(id: DeploymentId) -> Self {
        id.to_string()
    }
}

/// What a deployment is created from.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// The environment that is deployed.
    pub environment: String,
    /// What is done: `deploy`, `stop`, ...
    pub action: String,
    /// What or who asked for it, for people.
    pub trigger: String,
    /// What it is made of, as JSON text; see [`Journal::description`](crate::Journal::description).
    pub description: String,
    /// When it was asked for, in milliseconds since 1970.
    pub time_ms: u64,
    /// Its first facts, numbered from 1: what is to be known of it from the moment it exists.
    pub bodies: Vec<String>,
}

impl fmt::Debug for NewDeployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDeployment")
            .field("environment", &self.environment)
            .field("action", &self.action)
            .field("trigger", &self.trigger)
            .field("description_bytes", &self.description.len())
            .field("time_ms", &self.time_ms)
            .field("facts", &self.bodies.len())
            .finish()
    }
}

/// Where a deployment is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Recorded, not begun.
    Queued,
    /// Begun, not ended; a driver may have died on it.
    Running,
    /// Over; nothing is appended any more.
    Ended,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Ended]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// One deployment, without its facts and its description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its name.
    pub id: DeploymentId,
    /// What is done: `deploy`, `stop`, ...
    pub action: String,
    /// What or who asked for it.
    pub trigger: String,
    /// Where it is in its life.
    pub state: State,
    /// How it ended; set exactly when `state` is [`State::Ended`].
    pub result: Option<String>,
    /// The later deployment that took this one's place in the queue.
    pub merged_into: Option<DeploymentId>,
    /// The number of its last fact; 0 when there is none.
    pub last_seq: u64,
    /// When it was recorded, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it began, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// Its facts and its description were removed; see
    /// [`Journal::forget`](crate::Journal::forget).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
}

/// Which deployments of an environment are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Those with one of these [actions](Deployment::action).
    pub actions: &'a [&'a str],
    /// Also those of which only the row is left.
    pub forgotten: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for text in ["shop-1", "shop-eu-west-41", "9-9"] {
            let id: DeploymentId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            let (environment, number) = text.rsplit_once('-').unwrap();
            assert_eq!(id.environment(), environment);
            assert_eq!(id.number().to_string(), number);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "shop", "shop-", "-1", "shop-0", "shop-01", "shop-+1", "shop-1x",
        ] {
            assert!(text.parse::<DeploymentId>().is_err(), "{text}");
        }
        assert!("shop-99999999999999999999".parse::<DeploymentId>().is_err());
    }
}
