//! One blob on its way into a repository: small ones in one request, large ones in chunks, so
//! that what goes wrong costs no more than the chunk that was on its way (distribution-spec
//! 1.1, "Pushing blobs"). A registry that forgets an upload whose connection broke in the middle
//! of a chunk, as the distribution project's own does, is sent the blob from its beginning.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Body, Method, Response, StatusCode, Url};

use super::auth::Access;
use super::backoff::Backoff;
use super::session::{Ask, location};
use super::transfer::{Meter, read};
use super::{RegistryError, Repository, Session, answer};
use crate::capability::images::{Digest, Layout};

/// Up to this many bytes a blob goes in one request.
const SMALL: u64 = 8 * 1024 * 1024;
/// Bytes of a chunk of a larger one.
const CHUNK: u64 = 16 * 1024 * 1024;
/// How long a registry may take over what it was sent: it may have to put it away elsewhere.
const PATIENCE: Duration = Duration::from_secs(300);

/// A blob that is to go into a repository.
#[derive(Clone)]
pub(super) struct Parcel {
    pub(super) to: Repository,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Where its content is.
    pub(super) layout: Layout,
}

/// An upload that goes on.
struct Upload<'a> {
    session: &'a Session,
    parcel: &'a Parcel,
    meter: &'a Arc<Meter>,
    /// Where the rest is sent to.
    location: Url,
    /// What the registry has.
    sent: u64,
}

impl Session {
    /// Sends a blob. `location`: an upload that the registry has begun already.
    pub(super) async fn upload(
        &self,
        parcel: &Parcel,
        location: Option<Url>,
        meter: &Arc<Meter>,
    ) -> Result<(), RegistryError> {
        let location = match location {
            Some(location) => location,
            None => self.begin(&parcel.to).await?,
        };
        let mut upload = Upload {
            session: self,
            parcel,
            meter,
            location,
            sent: 0,
        };
        let mut backoff = Backoff::new();
        let mut broke_off = false;
        loop {
            let before = upload.sent;
            let error = match upload.go_on().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if upload.sent > before {
                backoff.reset();
            }
            if error.is_temporary() {
                self.pause(&mut backoff, error).await?;
                broke_off = true;
            } else if broke_off && matches!(error, RegistryError::Rejected { .. }) {
                // What it had of the blob when the connection broke is not what it says it is.
                broke_off = false;
                upload.forget();
                upload.location = self.begin(&parcel.to).await?;
                continue;
            } else {
                return Err(error);
            }
            if self.has_blob(&parcel.to, parcel.digest).await? {
                meter.add(parcel.size.saturating_sub(upload.sent));
                return Ok(());
            }
            upload.find_place().await?;
        }
    }

    /// Is the blob in the repository?
    pub(super) async fn has_blob(
        &self,
        repository: &Repository,
        digest: Digest,
    ) -> Result<bool, RegistryError> {
        let doing = format!("tell whether {repository} has a blob");
        let ask = Ask {
            repository,
            access: Access::Push,
            method: Method::HEAD,
            url: self.url(repository, &format!("blobs/{digest}"))?,
            doing: &doing,
        };
        let response = self.send(&ask, |request| request).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(answer::refusal(repository.registry(), response, &doing).await),
        }
    }

    /// Has the registry take a blob from another of its repositories. The answer is where the
    /// blob is to be sent to when it does not want to.
    pub(super) async fn mount(
        &self,
        to: &Repository,
        from: &Repository,
        digest: Digest,
    ) -> Result<Option<Url>, RegistryError> {
        let mut url = self.url(to, "blobs/uploads/")?;
        url.query_pairs_mut()
            .append_pair("mount", &digest.to_string())
            .append_pair("from", from.path());
        let doing = format!("take a blob of {from} for {to}");
        let ask = Ask {
            repository: to,
            access: Access::Mount(from.path().to_owned()),
            method: Method::POST,
            url,
            doing: &doing,
        };
        let response = self
            .send(&ask, |request| request.header(CONTENT_LENGTH, 0))
            .await?;
        match response.status() {
            StatusCode::CREATED => Ok(None),
            StatusCode::ACCEPTED => {
                let location = location(to.registry(), &ask.url, response.headers())?;
                Ok(Some(location))
            }
            _ => Err(answer::refusal(to.registry(), response, &doing).await),
        }
    }

    async fn begin(&self, to: &Repository) -> Result<Url, RegistryError> {
        let doing = format!("take blobs into {to}");
        let ask = Ask {
            repository: to,
            access: Access::Push,
            method: Method::POST,
            url: self.url(to, "blobs/uploads/")?,
            doing: &doing,
        };
        let response = self
            .send(&ask, |request| request.header(CONTENT_LENGTH, 0))
            .await?;
        match response.status() {
            StatusCode::ACCEPTED => location(to.registry(), &ask.url, response.headers()),
            _ => Err(answer::refusal(to.registry(), response, &doing).await),
        }
    }
}

impl Upload<'_> {
    /// Sends what is missing.
    async fn go_on(&mut self) -> Result<(), RegistryError> {
        let Parcel { size, .. } = *self.parcel;
        while size > SMALL && self.sent < size {
            self.send_chunk().await?;
        }
        let left = size - self.sent;
        let from = self.sent;
        let mut url = self.location.clone();
        url.query_pairs_mut()
            .append_pair("digest", &self.parcel.digest.to_string());
        let response = self.request(Method::PUT, url, from, left).await?;
        if response.status() == StatusCode::CREATED || response.status() == StatusCode::NO_CONTENT {
            return Ok(());
        }
        Err(self.refusal(response).await)
    }

    async fn send_chunk(&mut self) -> Result<(), RegistryError> {
        let length = CHUNK.min(self.parcel.size - self.sent);
        let url = self.location.clone();
        let response = self.request(Method::PATCH, url, self.sent, length).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refusal(response).await);
        }
        self.location = location(self.registry(), &self.location, response.headers())?;
        self.sent = held(&response).unwrap_or(self.sent + length);
        self.sound()
    }

    /// Sends a part of the blob. What was sent in vain does not count.
    async fn request(
        &self,
        method: Method,
        url: Url,
        from: u64,
        length: u64,
    ) -> Result<Response, RegistryError> {
        let doing = self.doing();
        let is_chunk = method == Method::PATCH;
        let ask = Ask {
            repository: &self.parcel.to,
            access: Access::Push,
            method,
            url,
            doing: &doing,
        };
        let (digest, layout) = (self.parcel.digest, self.parcel.layout.clone());
        let open = tokio::task::spawn_blocking(move || layout.blob(digest));
        let file = open.await.map_err(|_| RegistryError::Interrupted)??;
        let part = self.meter.part();
        let build = |request: reqwest::RequestBuilder| {
            part.take_back();
            let request = request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, length);
            let request = match (is_chunk, from + length) {
                (true, end) => request.header(CONTENT_RANGE, format!("{from}-{}", end - 1)),
                (false, _) => request,
            };
            match (length, file.try_clone()) {
                (0, _) => request.body(Vec::new()),
                (_, Ok(file)) => {
                    let stream = read(file, from, length, Arc::clone(&part));
                    request.body(Body::wrap_stream(stream))
                }
                (_, Err(error)) => {
                    let failed = futures::stream::once(async { Err::<bytes::Bytes, _>(error) });
                    request.body(Body::wrap_stream(failed))
                }
            }
        };
        let answered = tokio::select! {
            answered = self.session.attempt(&ask, build) => answered,
            () = part.stalled(PATIENCE) => Err(answer::silent(self.registry())),
        };
        answered.inspect_err(|_| part.take_back())
    }

    /// Asks how much the registry has; begins anew where it has forgotten all of it.
    async fn find_place(&mut self) -> Result<(), RegistryError> {
        let doing = self.doing();
        let ask = Ask {
            repository: &self.parcel.to,
            access: Access::Push,
            method: Method::GET,
            url: self.location.clone(),
            doing: &doing,
        };
        let response = self.session.send(&ask, |request| request).await?;
        let is_known = response.status() == StatusCode::NO_CONTENT && self.parcel.size > SMALL;
        match held(&response).filter(|_| is_known) {
            Some(held) => {
                if response.headers().contains_key(reqwest::header::LOCATION) {
                    self.location = location(self.registry(), &ask.url, response.headers())?;
                }
                self.forget();
                self.sent = held;
                self.sound()?;
                self.meter.add(held);
                Ok(())
            }
            None => {
                self.forget();
                self.location = self.session.begin(&self.parcel.to).await?;
                Ok(())
            }
        }
    }

    fn forget(&mut self) {
        self.meter.take_back(self.sent);
        self.sent = 0;
    }

    /// # Errors
    /// When the registry has more than there is.
    fn sound(&self) -> Result<(), RegistryError> {
        if self.sent <= self.parcel.size {
            return Ok(());
        }
        Err(RegistryError::Unsound {
            registry: self.registry().to_owned(),
            reason: "it says that it has more of a blob than there is".to_owned(),
        })
    }

    fn registry(&self) -> &str {
        self.parcel.to.registry()
    }

    fn doing(&self) -> String {
        format!(
            "take the blob {} into {}",
            self.parcel.digest, self.parcel.to
        )
    }

    async fn refusal(&self, response: Response) -> RegistryError {
        answer::refusal(self.registry(), response, &self.doing()).await
    }
}

/// How many bytes the registry has: `range: 0-1023` are 1,024. One byte looks as none does, and
/// counts as none.
fn held(response: &Response) -> Option<u64> {
    let range = response.headers().get(RANGE)?.to_str().ok()?;
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let (_, last) = range.split_once('-')?;
    match last.parse().ok()? {
        0 => Some(0),
        last => u64::checked_add(last, 1),
    }
}
