//! Deployments that wait for their environment, which takes one at a time.
//!
//! A pure list: who stores it and who starts what comes out is not its business. It must never
//! change a description: a deployment that is merged ends, and the newer one stands in its
//! place with its own.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::action::Action;

/// What makes two queued deployments the same request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Of which environment.
    pub environment: String,
    /// What is to be done.
    pub action: Action,
    /// For which services; nothing means all.
    pub only: Option<BTreeSet<String>>,
}

/// A deployment that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// Its id.
    pub id: String,
    /// What it is to do.
    pub request: Request,
    /// Older deployments that became part of it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absorbed: Vec<String>,
}

/// Where a deployment came to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many of the same environment are before it in the queue.
    pub position: u32,
    /// The deployment that it took the place of, which is over now.
    pub merged: Option<String>,
}

/// A deployment that cannot be queued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Too many wait.
    #[error("{0} deployments are waiting already; cancel some, or wait until they have run")]
    Full(usize),
    /// Ids are unique.
    #[error("deployment {0} is in the queue already")]
    Known(String),
}

/// Deployments that wait, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    most: usize,
    waiting: VecDeque<Queued>,
}

impl Queue {
    /// An empty queue that holds at most so many ids, absorbed ones included.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            waiting: VecDeque::new(),
        }
    }

    /// Puts a deployment in line. If the last one of its environment is the same request, it
    /// takes that one's place: only the last, since a merge across a different request (a
    /// `stop` between two deploys) would change what the sequence means.
    ///
    /// # Errors
    /// When the queue is full or knows the id.
    pub fn push(&mut self, id: impl Into<String>, request: Request) -> Result<Place, QueueError> {
        let id = id.into();
        let knows = |w: &Queued| w.id == id || w.absorbed.contains(&id);
        if self.waiting.iter().any(knows) {
            return Err(QueueError::Known(id));
        }
        let held: usize = self.waiting.iter().map(|w| 1 + w.absorbed.len()).sum();
        if held >= self.most {
            return Err(QueueError::Full(held));
        }
        let same_environment = |w: &&Queued| w.request.environment == request.environment;
        let ahead = self.waiting.iter().filter(same_environment).count() as u32;
        let last = self
            .waiting
            .iter_mut()
            .rev()
            .find(|w| w.request.environment == request.environment);
        match last {
            Some(last) if last.request == request => {
                let older = std::mem::replace(&mut last.id, id);
                last.absorbed.push(older.clone());
                Ok(Place {
                    position: ahead - 1,
                    merged: Some(older),
                })
            }
            _ => {
                self.waiting.push_back(Queued {
                    id,
                    request,
                    absorbed: Vec::new(),
                });
                Ok(Place {
                    position: ahead,
                    merged: None,
                })
            }
        }
    }

    /// Takes out the first deployment whose environment is free.
    pub fn take(&mut self, is_free: impl Fn(&str) -> bool) -> Option<Queued> {
        let at = self
            .waiting
            .iter()
            .position(|w| is_free(&w.request.environment))?;
        self.waiting.remove(at)
    }

    /// Takes out a deployment that was cancelled while it waited.
    pub fn cancel(&mut self, id: &str) -> Option<Queued> {
        let at = self.waiting.iter().position(|w| w.id == id)?;
        self.waiting.remove(at)
    }

    /// The id of the waiting deployment that this one became part of.
    #[must_use]
    pub fn merged_into(&self, id: &str) -> Option<&str> {
        let absorbs = |w: &&Queued| w.absorbed.iter().any(|older| older == id);
        self.waiting.iter().find(absorbs).map(|w| w.id.as_str())
    }

    /// What waits, first come first.
    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.waiting.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, QueueError, Request};
    use crate::action::Action;

    fn request(environment: &str, action: Action, only: &[&str]) -> Request {
        let only = (!only.is_empty()).then(|| only.iter().map(|s| (*s).to_owned()).collect());
        Request {
            environment: environment.to_owned(),
            action,
            only,
        }
    }

    #[test]
    fn the_newest_of_equal_requests_takes_the_place_and_both_ids_stay_known() {
        let mut queue = Queue::new(100);
        let deploy = || request("shop", Action::Deploy, &[]);
        queue
            .push("other-1", request("other", Action::Deploy, &[]))
            .unwrap();
        queue.push("shop-1", deploy()).unwrap();
        queue.push("shop-2", deploy()).unwrap();
        let place = queue.push("shop-3", deploy()).unwrap();
        assert_eq!(
            (place.position, place.merged.as_deref()),
            (0, Some("shop-2"))
        );
        assert_eq!(queue.merged_into("shop-1"), Some("shop-3"));
        assert_eq!(queue.merged_into("shop-2"), Some("shop-3"));
        assert_eq!(queue.merged_into("shop-3"), None);
        let taken = queue.take(|environment| environment == "shop").unwrap();
        assert_eq!(taken.id, "shop-3");
        assert_eq!(taken.absorbed, ["shop-1", "shop-2"]);
        assert_eq!(queue.iter().count(), 1);
    }

    #[test]
    fn other_actions_selections_and_environments_do_not_merge() {
        let mut queue = Queue::new(100);
        for (id, request) in [
            ("1", request("shop", Action::Deploy, &[])),
            ("2", request("shop", Action::Redeploy, &[])),
            ("3", request("shop", Action::Redeploy, &["api"])),
            ("4", request("shop", Action::Redeploy, &["api", "db"])),
            ("5", request("test", Action::Redeploy, &["api", "db"])),
            // Not the last of its environment: a merge would leap over 2, 3 and 4.
            ("6", request("shop", Action::Deploy, &[])),
        ] {
            assert_eq!(queue.push(id, request).unwrap().merged, None, "{id}");
        }
        let same = request("shop", Action::Deploy, &[]);
        assert_eq!(queue.push("7", same).unwrap().position, 4);
    }

    #[test]
    fn selections_are_sets() {
        let mut queue = Queue::new(9);
        queue
            .push("1", request("shop", Action::Deploy, &["a", "b"]))
            .unwrap();
        let place = queue
            .push("2", request("shop", Action::Deploy, &["b", "a"]))
            .unwrap();
        assert_eq!(place.merged.as_deref(), Some("1"));
    }

    #[test]
    fn it_is_bounded_and_ids_are_unique() {
        let mut queue = Queue::new(2);
        let deploy = || request("shop", Action::Deploy, &[]);
        queue.push("1", deploy()).unwrap();
        assert_eq!(
            queue.push("1", deploy()),
            Err(QueueError::Known("1".into()))
        );
        queue.push("2", deploy()).unwrap();
        assert_eq!(
            queue.push("1", deploy()),
            Err(QueueError::Known("1".into()))
        );
        assert_eq!(queue.push("3", deploy()), Err(QueueError::Full(2)));
        assert_eq!(
            queue.cancel("2").map(|w| w.absorbed),
            Some(vec!["1".to_owned()])
        );
        assert_eq!(queue.cancel("2"), None);
        queue.push("3", deploy()).unwrap();
    }
}
