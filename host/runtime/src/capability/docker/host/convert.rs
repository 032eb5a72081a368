//! Between the records of the WIT and those of the client, with all that is refused on the way.

use super::super::build::Recipe;
use super::super::create::Options;
use super::super::{Error, outputs};
use super::DockerContext;
use crate::bindings::offered::docker;
use crate::capability::refusal::Refusal;
use crate::capability::secrets::SecretText;

/// The least memory that the engine takes.
const LEAST_MEMORY: u64 = 6 * 1024 * 1024;
/// Thousandths of a processor in the engine's billionths.
const NANO: i64 = 1_000_000;

/// A recipe for the engine's builder.
pub(super) fn recipe(wanted: docker::Recipe) -> Result<Recipe, Refusal> {
    if !wanted.secrets.is_empty() {
        let message = "builds are not given secrets yet: leave `secrets` out".to_owned();
        return Err(Error::Invalid(message).into());
    }
    Ok(Recipe {
        dockerfile: wanted.dockerfile,
        target: wanted.target,
        arguments: wanted.arguments,
        labels: wanted.labels,
        platform: wanted.platform,
        cache_from: wanted.cache_from,
        no_cache: wanted.no_cache,
    })
}

/// How a container is made, with secrets in place.
pub(super) async fn options(
    context: &DockerContext,
    wanted: docker::ContainerOptions,
) -> Result<Options, Refusal> {
    let exposed: Vec<String> = context
        .service
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.number, port.protocol))
        .collect();
    let mut published = Vec::new();
    for one in &wanted.ports {
        let port = format!("{}/{}", one.port, one.protocol);
        if !exposed.contains(&port) {
            let message = format!("the service does not declare the port {port}");
            return Err(Error::Invalid(message).into());
        }
        published.push((port, one.host_port));
    }
    if let Some(mount) = wanted
        .mounts
        .iter()
        .find(|mount| !mount.target.starts_with('/'))
    {
        let message = format!(
            "`{}` is not an absolute path in the container",
            mount.target
        );
        return Err(Error::Invalid(message).into());
    }
    if wanted.memory.is_some_and(|bytes| bytes < LEAST_MEMORY) {
        let message = format!("a container has at least {LEAST_MEMORY} bytes of memory");
        return Err(Error::Invalid(message).into());
    }
    let mut variables = context.secrets.resolve(wanted.variables).await?;
    let own = [
        (
            "STAGEWRIGHT_ENVIRONMENT",
            context.service.environment.as_str(),
        ),
        ("STAGEWRIGHT_SERVICE", &context.service.name),
        ("STAGEWRIGHT_REASON", &context.reason),
    ];
    let has_outputs = !wanted.keep_running && !wanted.read_only_root;
    let place = has_outputs.then_some(("STAGEWRIGHT_OUTPUT", outputs::FILE));
    for (name, value) in own.into_iter().chain(place) {
        variables.push((name.to_owned(), SecretText::new(value)));
    }
    let mounts = wanted.mounts.into_iter();
    Ok(Options {
        entrypoint: wanted.entrypoint,
        command: wanted.command,
        working_directory: wanted.working_directory,
        user: wanted.user,
        variables,
        exposed,
        published,
        mounts: mounts
            .map(|mount| (mount.volume, mount.target, mount.read_only))
            .collect(),
        keep_running: wanted.keep_running,
        // Whole seconds, rounded up: nobody is killed before its time.
        stop_grace_seconds: i64::from(wanted.stop_grace_ms.div_ceil(1000)),
        memory: wanted.memory.and_then(|bytes| i64::try_from(bytes).ok()),
        nano_cpus: wanted.cpus.map(|cpus| i64::from(cpus) * NANO),
        read_only_root: wanted.read_only_root,
    })
}
