//! The containers of a service: found by their labels, and by nothing else.

use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, RemoveContainerOptions, StartContainerOptions,
    StopContainerOptions, WaitContainerOptions,
};
use futures::{StreamExt, pin_mut};

use super::labels::{Labels, Owner, Tag};
use super::state::State;
use super::{Engine, Error};

/// A container of a service. Clones are handles to the same.
#[derive(Clone)]
pub struct Container {
    pub(super) engine: Engine,
    pub(super) owner: Owner,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tag: Tag,
}

impl Engine {
    /// The containers of the service, newest first.
    pub(super) async fn containers(&self, owner: &Owner) -> Result<Vec<Container>, Error> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(owner.service_filters()),
            ..ListContainersOptions::default()
        };
        let found = self.client().await?.list_containers(Some(options)).await;
        let found = found.map_err(self.failed("a list of containers"))?;
        let own = found
            .into_iter()
            .filter(|found| owner.owns(found.labels.as_ref()));
        let mut containers: Vec<_> = own
            .filter_map(|found| Container::of(self, owner, found))
            .collect();
        containers.sort_by_key(|container| std::cmp::Reverse(container.tag.number));
        Ok(containers)
    }
}

impl Container {
    fn of(engine: &Engine, owner: &Owner, found: ContainerSummary) -> Option<Self> {
        let names = found.names.unwrap_or_default();
        let name = names.first().map_or("", String::as_str);
        Some(Self {
            engine: engine.clone(),
            owner: owner.clone(),
            id: found.id?,
            name: name.trim_start_matches('/').to_owned(),
            tag: Tag::read(&found.labels?),
        })
    }

    pub(super) async fn inspect(&self) -> Result<ContainerInspectResponse, Error> {
        let what = self.what();
        let client = self.engine.client().await?;
        let inspected = client
            .inspect_container(&self.id, None::<InspectContainerOptions>)
            .await;
        inspected.map_err(self.engine.failed(&what))
    }

    pub(crate) async fn state(&self) -> Result<State, Error> {
        Ok(State::of(&self.inspect().await?))
    }

    /// Starts it, unless it runs.
    pub(crate) async fn start(&self) -> Result<(), Error> {
        let what = format!("the start of {}", self.what());
        let client = self.engine.client().await?;
        let started = client
            .start_container(&self.id, None::<StartContainerOptions>)
            .await;
        match started.map_err(self.engine.failed(&what)) {
            Err(Error::Refused { message, .. }) if is_about_a_port(&message) => {
                Err(Error::PortTaken { cause: message })
            }
            other => other,
        }
    }

    /// Asks it to end, and has it killed after its grace period.
    pub(crate) async fn stop(&self) -> Result<(), Error> {
        let what = format!("the end of {}", self.what());
        let client = self.engine.patient().await?;
        let stopped = client
            .stop_container(&self.id, None::<StopContainerOptions>)
            .await;
        match stopped.map_err(self.engine.failed(&what)) {
            Err(Error::Gone { .. }) => Ok(()),
            other => other,
        }
    }

    /// Waits for its end.
    pub(crate) async fn wait(&self) -> Result<State, Error> {
        let what = format!("the end of {}", self.what());
        loop {
            let client = self.engine.patient().await?;
            let ended = client.wait_container(&self.id, None::<WaitContainerOptions>);
            pin_mut!(ended);
            let answer = ended.next().await;
            // The state tells more than the answer, and is there when the engine was restarted
            // and the answer was not.
            let state = self.state().await?;
            if !state.runs() && state.condition != "created" {
                return Ok(state);
            }
            match answer {
                Some(Ok(_)) => {}
                Some(Err(answer)) => return Err(self.engine.failed(&what)(answer)),
                None => {
                    let cause = "it stopped waiting".to_owned();
                    return Err(Error::Broken { what, cause });
                }
            }
        }
    }

    /// Removes it, with the environment's network when it is the last in it.
    pub(crate) async fn remove(&self) -> Result<(), Error> {
        let what = format!("the removal of {}", self.what());
        if self.is_there().await? {
            // Ending takes as long as the container likes, so nobody waits for that behind it.
            self.stop().await?;
        }
        let _census = self.engine.census().lock().await;
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            ..RemoveContainerOptions::default()
        };
        let client = self.engine.patient().await?;
        let removed = client.remove_container(&self.id, Some(options)).await;
        match removed.map_err(self.engine.failed(&what)) {
            Ok(()) | Err(Error::Gone { .. }) => {}
            // Somebody else is at it already.
            Err(Error::Refused { status: 409, .. }) => {}
            Err(error) => return Err(error),
        }
        self.engine.leave_network(&self.owner).await
    }

    async fn is_there(&self) -> Result<bool, Error> {
        match self.state().await {
            Ok(state) => Ok(state.runs()),
            Err(Error::Gone { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn what(&self) -> String {
        format!("the container `{}`", self.name)
    }
}

/// Whose something is, as far as its labels tell.
pub(super) fn holder(labels: Option<&Labels>) -> String {
    let mut known: Vec<_> = labels
        .into_iter()
        .flatten()
        .take(10)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    known.sort();
    match known.is_empty() {
        true => "no labels".to_owned(),
        false => format!("the labels {}", known.join(", ")),
    }
}

/// Whether the engine could not start a container because of a port.
fn is_about_a_port(message: &str) -> bool {
    let signs = [
        "port is already allocated",
        "address already in use",
        "bind: ",
    ];
    signs.iter().any(|sign| message.contains(sign))
}
