//! Makes containers.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig,
    Mount, MountType, NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, InspectContainerOptions};

use super::container::{Container, holder};
use super::labels::{Owner, Tag};
use super::{Engine, Error};
use crate::capability::images::Image;
use crate::capability::secrets::SecretText;

/// Of one file of a container's log, and how many there are.
const LOG_FILE: (&str, &str) = ("10m", "3");
/// How often a number is tried that another process takes at the same moment.
const TRIES: u64 = 3;

/// How a container is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) working_directory: String,
    pub(crate) user: String,
    /// With the values of secrets in them.
    pub(crate) variables: Vec<(String, SecretText)>,
    /// Declared ports of the container, as `8080/tcp`.
    pub(crate) exposed: Vec<String>,
    /// Ports of the container with those of the machine; none: one that is free.
    pub(crate) published: Vec<(String, Option<u16>)>,
    /// Volume, target, whether it is for reading only.
    pub(crate) mounts: Vec<(String, String, bool)>,
    pub(crate) keep_running: bool,
    pub(crate) stop_grace_seconds: i64,
    pub(crate) memory: Option<i64>,
    pub(crate) nano_cpus: Option<i64>,
    pub(crate) read_only_root: bool,
}

impl Engine {
    /// Makes a container for a step, unless the step has made it before.
    pub(super) async fn create(
        &self,
        owner: &Owner,
        tag: Tag,
        image: &Image,
        options: Options,
    ) -> Result<Container, Error> {
        let _census = self.census().lock().await;
        let all = self.containers(owner).await?;
        if let Some(made) = all.iter().find(|made| made.tag.step == tag.step) {
            return Ok(made.clone());
        }
        let image = self.provided(image).await?;
        let mut mounts = Vec::new();
        for (volume, target, read_only) in &options.mounts {
            mounts.push(Mount {
                target: Some(target.clone()),
                source: Some(self.volume(owner, volume).await?),
                typ: Some(MountType::VOLUME),
                read_only: Some(*read_only),
                ..Mount::default()
            });
        }
        // The first container has the name from the beginning: nobody else could be meant.
        let is_first = all.is_empty();
        let next = all.iter().map(|made| made.tag.number).max().unwrap_or(0) + 1;
        let mut outcome = Err(Error::Invalid("no number is free".to_owned()));
        for number in next..next + TRIES {
            let tag = Tag {
                number,
                ..tag.clone()
            };
            let network = self.network(owner).await?;
            let address = self.free_address(owner, &network).await?;
            let aliases = is_first.then(|| vec![owner.service.clone()]);
            let mut body = body(&options, &image, mounts.clone(), self.publish_address());
            body.labels = Some(owner.container_labels(&tag));
            body.networking_config = Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(
                    network.name.clone(),
                    endpoint(address, aliases),
                )])),
            });
            if let Some(host) = &mut body.host_config {
                host.network_mode = Some(network.name);
            }
            outcome = self.create_one(owner, tag, body).await;
            match &outcome {
                Err(Error::NameTaken { holder, .. }) if holder.contains(&owner.installation) => {}
                _ => break,
            }
        }
        if outcome.is_err() {
            self.leave_network(owner).await?;
        }
        outcome
    }

    async fn create_one(
        &self,
        owner: &Owner,
        tag: Tag,
        body: ContainerCreateBody,
    ) -> Result<Container, Error> {
        let name = format!("{}-{}", owner.service_name(), tag.number);
        let options = CreateContainerOptions {
            name: Some(name.clone()),
            ..CreateContainerOptions::default()
        };
        let client = self.client().await?;
        let made = client.create_container(Some(options), body).await;
        match made.map_err(self.failed("a new container")) {
            Ok(made) => Ok(Container {
                engine: self.clone(),
                owner: owner.clone(),
                id: made.id,
                name,
                tag,
            }),
            Err(Error::Refused { status: 409, .. }) => {
                let other = client
                    .inspect_container(&name, None::<InspectContainerOptions>)
                    .await;
                let labels = other.ok().and_then(|other| other.config?.labels);
                let holder = holder(labels.as_ref());
                let what = "container";
                Err(Error::NameTaken { what, name, holder })
            }
            Err(error) => Err(error),
        }
    }

    fn publish_address(&self) -> String {
        self.settings().publish_address().to_string()
    }
}

/// How a container is connected to the network of its environment.
pub(super) fn endpoint(address: Ipv4Addr, aliases: Option<Vec<String>>) -> EndpointSettings {
    EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        }),
        aliases,
        ..EndpointSettings::default()
    }
}

fn body(
    options: &Options,
    image: &str,
    mounts: Vec<Mount>,
    publish_address: String,
) -> ContainerCreateBody {
    let said = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    let environment = options
        .variables
        .iter()
        .map(|(name, value)| format!("{name}={}", value.expose()));
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: said(&options.entrypoint),
        cmd: said(&options.command),
        working_dir: text(&options.working_directory),
        user: text(&options.user),
        env: Some(environment.collect()),
        exposed_ports: Some(options.exposed.clone()),
        stop_timeout: Some(options.stop_grace_seconds),
        host_config: Some(host(options, mounts, publish_address)),
        ..ContainerCreateBody::default()
    }
}

fn host(options: &Options, mounts: Vec<Mount>, publish_address: String) -> HostConfig {
    let bindings = options.published.iter().map(|(port, host_port)| {
        let binding = PortBinding {
            host_ip: Some(publish_address.clone()),
            host_port: Some(host_port.map_or(String::new(), |port| port.to_string())),
        };
        (port.clone(), Some(vec![binding]))
    });
    let policy = match options.keep_running {
        true => RestartPolicyNameEnum::UNLESS_STOPPED,
        false => RestartPolicyNameEnum::NO,
    };
    let (size, files) = LOG_FILE;
    let log = HashMap::from([
        ("max-size".to_owned(), size.to_owned()),
        ("max-file".to_owned(), files.to_owned()),
    ]);
    HostConfig {
        mounts: Some(mounts),
        port_bindings: Some(bindings.collect()),
        restart_policy: Some(RestartPolicy {
            name: Some(policy),
            maximum_retry_count: None,
        }),
        memory: options.memory,
        nano_cpus: options.nano_cpus,
        readonly_rootfs: Some(options.read_only_root),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(log),
        }),
        ..HostConfig::default()
    }
}
