//! Container registries, by the OCI distribution protocol (1.1): images are looked up, pulled,
//! pushed and tagged, within the repositories that are granted.
//!
//! The protocol is spoken here, over reqwest: what this host promises needs the status, the
//! `retry-after` and the body of every answer, uploads that go on where they broke off, and
//! documents of bounded size, which no client library hands out. A guest names repositories
//! and never sees a credential; a [`Session`] is what one call has of registries, and the only
//! place that requests go out from. Nothing of an image is believed before its digest was
//! compared, and no tag is moved before all that it stands for is there.

mod address;
mod answer;
mod auth;
mod backoff;
mod credentials;
mod documents;
mod error;
mod host;
mod pull;
mod push;
mod session;
mod settings;
mod transfer;
mod upload;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::call::Operations;
use crate::capability::images::Image;
use crate::capability::refusal::Refusal;
use crate::grant::RegistryGrant;
use crate::record::Failure;

pub use address::{Address, Repository};
pub use error::RegistryError;
pub use settings::{CredentialSource, RegistrySettings, SecretName, Settings};

pub(crate) use host::{RegistryAccess, RegistryView};
pub(crate) use session::{Registries, Session};

/// Repositories that an environment file declares for a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// To look for images in, and to pull them from.
    pub pull: Vec<String>,
    /// To push images to, and to tag them.
    pub push: Vec<String>,
}

/// What one call may do with registries.
pub(crate) struct RegistryContext {
    session: Arc<Session>,
    /// Scopes to read from.
    pull: Vec<String>,
    /// Scopes to write to.
    push: Vec<String>,
    /// References that the step was handed.
    handed: BTreeSet<String>,
}

impl RegistryContext {
    pub(crate) fn new(session: Arc<Session>, grant: &RegistryGrant, declared: &Declared) -> Self {
        let declared = Some(declared).filter(|_| grant.declared);
        let own =
            |pick: fn(&Declared) -> &Vec<String>| declared.into_iter().flat_map(pick).cloned();
        let push: Vec<String> = grant.push.iter().cloned().chain(own(|d| &d.push)).collect();
        // Who may write may look whether that has been done.
        let pull = grant.pull.iter().cloned().chain(own(|d| &d.pull));
        Self {
            session,
            pull: pull.chain(push.iter().cloned()).collect(),
            push,
            handed: BTreeSet::new(),
        }
    }

    /// Makes an image readable, because the step was handed its reference.
    pub(crate) fn hand(&mut self, reference: &str) {
        self.handed.insert(reference.to_owned());
    }

    fn readable(&self, reference: &str) -> Result<Address, Failure> {
        let address: Address = reference.parse()?;
        if self.handed.contains(reference) {
            return Ok(address);
        }
        check(&address.repository, &self.pull, "pull")?;
        Ok(address)
    }

    fn writable(&self, repository: &str) -> Result<Repository, Failure> {
        let repository: Repository = repository.parse()?;
        check(&repository, &self.push, "push")?;
        Ok(repository)
    }
}

fn check(repository: &Repository, scopes: &[String], grant: &str) -> Result<(), Failure> {
    if scopes.iter().any(|scope| repository.is_in(scope)) {
        return Ok(());
    }
    let message = format!("the repository `{repository}` is not granted to {grant}");
    Err(Failure::new("registry.repository-not-granted", message)
        .hint(format!("name it in the environment file, as the `image` of the service or in the plugin's `with`, or let the operator grant it under `registry.{grant}`"))
        .detail("granted", scopes.join(", ")))
}

/// The image with its layers in the host's store: for whoever needs more of it than its
/// documents.
pub(crate) async fn brought_here(
    operations: &Operations,
    session: &Arc<Session>,
    image: &Image,
) -> Result<Image, Refusal> {
    if image.origin().is_none() {
        return Ok(image.clone());
    }
    let (session, image) = (Arc::clone(session), image.clone());
    let pull = operations.run("pulling an image", |token| async move {
        until(&token, session.pull(&image)).await
    });
    Ok(pull.await??)
}

/// Works until it is done or the step is asked to end. What is dropped then has nothing open
/// but connections.
async fn until<T>(
    token: &CancellationToken,
    work: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    tokio::select! {
        done = work => done,
        () = token.cancelled() => Err(RegistryError::Interrupted),
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        Self::Failure(error.into())
    }
}

#[cfg(test)]
mod tests;
