//! Registries as one call speaks to them: with the credentials that the host has, within
//! bounds, again where that may help.
//!
//! This is the one place from which requests go out. A credential goes to the registry that it
//! is for and to the token server that this registry names, and to nobody else; it is known to
//! the redactor before. What is kept for longer than a call are connections, nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, Url};

use super::auth::{self, Access, Authorization, Challenge};
use super::backoff::Backoff;
use super::credentials::{Login, login};
use super::settings::{RegistrySettings, Settings};
use super::{RegistryError, Repository, answer};
use crate::capability::images::{Digest, ImageError, Store};
use crate::capability::log::{Origin, StepLog};
use crate::record::Level;
use crate::redactor::Redactor;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// Redirections of one request: registries send readers on to where they keep their blobs.
const MOST_REDIRECTIONS: usize = 5;
/// What Docker's own registry calls itself.
const DOCKER: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// Registries as this host knows them. Made once; sessions share it.
#[derive(Debug)]
pub(crate) struct Registries {
    settings: Settings,
    /// Connections, by host.
    clients: Mutex<HashMap<String, Client>>,
    /// Blobs that are on their way into the store, so that each comes once.
    pub(super) coming: Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
}

/// Registries as one call knows them.
pub(crate) struct Session {
    pub(super) registries: Arc<Registries>,
    /// Where documents and layers are kept that come from registries.
    pub(super) store: Store,
    pub(super) redactor: Arc<Redactor>,
    /// Where it is told what happens. `None`: nobody listens.
    pub(super) log: Option<Arc<StepLog>>,
    /// What registries let this call in with.
    authorizations: Mutex<HashMap<(Repository, Access), Authorization>>,
}

/// A request to be, as often as it takes.
pub(super) struct Ask<'a> {
    pub(super) repository: &'a Repository,
    pub(super) access: Access,
    pub(super) method: Method,
    pub(super) url: Url,
    /// What is done, as a verb and its object, for messages.
    pub(super) doing: &'a str,
}

impl Registries {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            clients: Mutex::default(),
            coming: Mutex::default(),
        }
    }

    fn settings(&self, registry: &str) -> RegistrySettings {
        let own = self.settings.hosts.get(registry);
        own.cloned().unwrap_or_default()
    }

    /// The root of a registry's interface.
    fn root(&self, registry: &str) -> Result<Url, RegistryError> {
        let scheme = match self.settings(registry).plain_http {
            true => "http",
            false => "https",
        };
        let host = match registry {
            host if host == DOCKER.0 => DOCKER.1,
            host => host,
        };
        Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|_| {
            RegistryError::malformed(registry, "the host of a registry: `registry.example:5000`")
        })
    }

    fn client(&self, registry: &str) -> Result<Client, RegistryError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(registry) {
            return Ok(client.clone());
        }
        let settings = self.settings(registry);
        let broken = |reason: String| RegistryError::Configuration {
            registry: registry.to_owned(),
            reason,
        };
        let mut builder = Client::builder()
            .user_agent(concat!("stagewright/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(Policy::limited(MOST_REDIRECTIONS))
            // Neither a redirection nor a token server may lead out of TLS.
            .https_only(!settings.plain_http);
        if let Some(path) = &settings.ca {
            let file = path.display();
            let text = std::fs::read(path)
                .map_err(|error| broken(format!("its `ca` {file} cannot be read: {error}")))?;
            let certificates = Certificate::from_pem_bundle(&text)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .ok_or_else(|| broken(format!("its `ca` {file} holds no certificates in PEM")))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder
            .build()
            .map_err(|error| broken(format!("no client can be made: {error}")))?;
        clients.insert(registry.to_owned(), client.clone());
        Ok(client)
    }
}

impl Session {
    pub(crate) fn new(
        registries: Arc<Registries>,
        store: Store,
        redactor: Arc<Redactor>,
        log: Option<Arc<StepLog>>,
    ) -> Self {
        Self {
            registries,
            store,
            redactor,
            log,
            authorizations: Mutex::default(),
        }
    }

    /// An address in a repository: `blobs/sha256:…`.
    pub(super) fn url(&self, repository: &Repository, path: &str) -> Result<Url, RegistryError> {
        let root = self.registries.root(repository.registry())?;
        let joined = root.join(&format!("{}/{path}", repository.path()));
        joined.map_err(|_| RegistryError::malformed(path, "a path in a registry"))
    }

    /// Sends a request until it is answered, or it is hopeless. Answers that are errors of the
    /// client are handed back.
    pub(super) async fn send(
        &self,
        ask: &Ask<'_>,
        build: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, RegistryError> {
        let mut backoff = Backoff::new();
        loop {
            let attempt = self.attempt(ask, &build);
            let asked = tokio::time::timeout(answer::PATIENCE, attempt).await;
            let asked = asked.unwrap_or_else(|_| Err(answer::silent(ask.repository.registry())));
            match asked {
                Ok(response) => return Ok(response),
                Err(error) => self.pause(&mut backoff, error).await?,
            }
        }
    }

    /// Sends a request once; twice, when the registry wants to know first who asks. Servers
    /// that cannot answer now are errors.
    pub(super) async fn attempt(
        &self,
        ask: &Ask<'_>,
        build: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, RegistryError> {
        let registry = ask.repository.registry();
        let client = self.registries.client(registry)?;
        let mut is_second = false;
        loop {
            let request = build(client.request(ask.method.clone(), ask.url.clone()));
            let response = self.authorized(ask, request).send().await;
            let response = response.map_err(|error| answer::lost(registry, &error))?;
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED {
                if is_second {
                    return Err(self.refused(ask, response).await);
                }
                self.introduce(ask, &client, response).await?;
                is_second = true;
                continue;
            }
            if status == StatusCode::FORBIDDEN
                || status == StatusCode::TOO_MANY_REQUESTS
                || status.is_server_error()
            {
                return Err(answer::refusal(registry, response, ask.doing).await);
            }
            return Ok(response);
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The error itself, when there is to be none.
    pub(super) async fn pause(
        &self,
        backoff: &mut Backoff,
        error: RegistryError,
    ) -> Result<(), RegistryError> {
        let told = error.to_string();
        let pause = backoff.pause(error)?;
        self.tell(
            Level::Warn,
            &format!("{told}; trying again in {:.1} s", pause.as_secs_f64()),
        );
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Writes a line into the log of the step.
    pub(super) fn tell(&self, level: Level, message: &str) {
        if let Some(log) = &self.log {
            log.write(Origin::Host, level, message, &[]);
        }
    }

    /// Works on the store, away from the threads that requests run on.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(done) => Ok(done?),
            // It was given up with the runtime, or it panicked; there is nothing to go on with.
            Err(_) => Err(RegistryError::Interrupted),
        }
    }

    /// Adds what the registry lets this call in with, where the request goes to the registry.
    fn authorized(&self, ask: &Ask<'_>, request: RequestBuilder) -> RequestBuilder {
        let root = self.registries.root(ask.repository.registry());
        if !root.is_ok_and(|root| root.origin() == ask.url.origin()) {
            return request;
        }
        let known = self.known();
        match known.get(&(ask.repository.clone(), ask.access.clone())) {
            None => request,
            Some(Authorization::Basic { username, password }) => {
                request.basic_auth(username, Some(password.expose()))
            }
            Some(Authorization::Bearer(token)) => request.bearer_auth(token.expose()),
        }
    }

    /// Finds out who this is for the registry, after it has asked.
    async fn introduce(
        &self,
        ask: &Ask<'_>,
        client: &Client,
        response: Response,
    ) -> Result<(), RegistryError> {
        let registry = ask.repository.registry();
        let login = self.login(registry).await?;
        let met = match Challenge::of(response.headers()) {
            None => None,
            Some(challenge) => {
                let (repository, access) = (ask.repository, &ask.access);
                let redactor = &self.redactor;
                auth::meet(challenge, &login, client, repository, access, redactor).await?
            }
        };
        let Some(authorization) = met else {
            return Err(unauthorized(registry, &login, response).await);
        };
        let key = (ask.repository.clone(), ask.access.clone());
        self.known().insert(key, authorization);
        Ok(())
    }

    /// Why a request is still refused after the registry knows who asks.
    async fn refused(&self, ask: &Ask<'_>, response: Response) -> RegistryError {
        let registry = ask.repository.registry();
        self.known()
            .remove(&(ask.repository.clone(), ask.access.clone()));
        match (
            Challenge::of(response.headers()),
            self.login(registry).await,
        ) {
            // The token server let us in, and did not allow this.
            (Some(Challenge::Bearer { .. }), Ok(login)) if !matches!(login, Login::Token(_)) => {
                answer::refusal(registry, response, ask.doing).await
            }
            (_, Ok(login)) => unauthorized(registry, &login, response).await,
            (_, Err(error)) => error,
        }
    }

    async fn login(&self, registry: &str) -> Result<Login, RegistryError> {
        let Registries { settings, .. } = &*self.registries;
        let own = self.registries.settings(registry);
        login(registry, &own, &*settings.secrets, &self.redactor).await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(Repository, Access), Authorization>> {
        self.authorizations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn unauthorized(registry: &str, login: &Login, response: Response) -> RegistryError {
    RegistryError::Unauthorized {
        registry: registry.to_owned(),
        who: login.who(),
        said: answer::said(response).await,
    }
}

/// Where an answer sends us on to: absolute, or as seen from the request.
pub(super) fn location(
    registry: &str,
    asked: &Url,
    headers: &HeaderMap,
) -> Result<Url, RegistryError> {
    let text = headers.get(reqwest::header::LOCATION);
    let text = text.and_then(|text| text.to_str().ok());
    let found = text.and_then(|text| asked.join(text).ok());
    found.ok_or_else(|| RegistryError::Unsound {
        registry: registry.to_owned(),
        reason: "it does not say where a blob is to be sent to".to_owned(),
    })
}
