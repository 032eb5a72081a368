//! How what belongs to a service is told from everything else in the engine.

use std::collections::HashMap;

const INSTALLATION: &str = "dev.stagewright.installation";
const ENVIRONMENT: &str = "dev.stagewright.environment";
const SERVICE: &str = "dev.stagewright.service";
const DEPLOYMENT: &str = "dev.stagewright.deployment";
const STEP: &str = "dev.stagewright.step";
const REFERENCE: &str = "dev.stagewright.reference";
const NUMBER: &str = "dev.stagewright.number";

/// Labels by name.
pub(super) type Labels = HashMap<String, String>;
/// The filters of a list, as the engine wants them.
pub(super) type Filters = HashMap<String, Vec<String>>;

/// Whose objects are meant: one service of one environment of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(super) installation: String,
    pub(super) environment: String,
    pub(super) service: String,
}

/// What the labels of a container say beside its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) deployment: String,
    pub(super) step: String,
    /// The image, as it was handed to the step.
    pub(super) reference: String,
    /// Counts the containers of the service.
    pub(super) number: u64,
}

impl Owner {
    /// The name of everything that the environment's services share.
    pub(super) fn environment_name(&self) -> String {
        format!("stagewright-{}", self.environment)
    }

    /// Begins the names of what is the service's own.
    pub(super) fn service_name(&self) -> String {
        format!("stagewright-{}-{}", self.environment, self.service)
    }

    /// The labels of what the whole environment shares.
    pub(super) fn environment_labels(&self) -> Labels {
        labels(&[
            (INSTALLATION, &self.installation),
            (ENVIRONMENT, &self.environment),
        ])
    }

    /// The labels of what is the service's own.
    pub(super) fn service_labels(&self) -> Labels {
        let mut all = self.environment_labels();
        all.insert(SERVICE.to_owned(), self.service.clone());
        all
    }

    /// The labels of a container.
    pub(super) fn container_labels(&self, tag: &Tag) -> Labels {
        let mut all = self.service_labels();
        all.extend(labels(&[
            (DEPLOYMENT, &tag.deployment),
            (STEP, &tag.step),
            (REFERENCE, &tag.reference),
            (NUMBER, &tag.number.to_string()),
        ]));
        all
    }

    /// Finds what the whole environment shares, and what is any of its services' own.
    pub(super) fn environment_filters(&self) -> Filters {
        filters(&self.environment_labels())
    }

    /// Finds what is the service's own.
    pub(super) fn service_filters(&self) -> Filters {
        filters(&self.service_labels())
    }

    /// Whether something with these labels is shared by the environment's services.
    pub(super) fn shares(&self, found: Option<&Labels>) -> bool {
        holds(found, &self.environment_labels())
    }

    /// Whether something with these labels is the service's own.
    pub(super) fn owns(&self, found: Option<&Labels>) -> bool {
        holds(found, &self.service_labels())
    }
}

impl Tag {
    /// From the labels of a container.
    pub(super) fn read(labels: &Labels) -> Self {
        let text = |name| labels.get(name).cloned().unwrap_or_default();
        Self {
            deployment: text(DEPLOYMENT),
            step: text(STEP),
            reference: text(REFERENCE),
            number: text(NUMBER).parse().unwrap_or_default(),
        }
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

fn filters(labels: &Labels) -> Filters {
    let mut wanted: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    wanted.sort();
    HashMap::from([("label".to_owned(), wanted)])
}

fn holds(found: Option<&Labels>, wanted: &Labels) -> bool {
    found.is_some_and(|found| {
        let mut wanted = wanted.iter();
        wanted.all(|(name, value)| found.get(name) == Some(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(service: &str) -> Owner {
        Owner {
            installation: "a1".to_owned(),
            environment: "shop".to_owned(),
            service: service.to_owned(),
        }
    }

    #[test]
    fn only_all_the_labels_of_a_service_make_something_its_own() {
        let web = owner("web");
        let tag = Tag {
            deployment: "shop-3".to_owned(),
            step: "shop-3/web/deploy".to_owned(),
            reference: "layout:sha256:aa".to_owned(),
            number: 7,
        };
        let labels = web.container_labels(&tag);
        assert!(web.owns(Some(&labels)) && web.shares(Some(&labels)));
        assert_eq!(Tag::read(&labels), tag);
        assert!(!owner("api").owns(Some(&labels)) && owner("api").shares(Some(&labels)));
        let mut elsewhere = web.clone();
        elsewhere.installation = "b2".to_owned();
        assert!(!elsewhere.owns(Some(&labels)) && !elsewhere.shares(Some(&labels)));
        assert!(!web.owns(Some(&Labels::new())) && !web.owns(None));
        assert!(!web.owns(Some(&web.environment_labels())));
    }
}
