//! Requests to the process that drives an environment, from other terminals: a unix socket in
//! the state folder that only this user can open. One JSON object a line each way.
//!
//! Only what the driver alone can do goes this way. Reading never does: status, history and
//! logs come from the journal and the log files, also when nothing drives.

#[cfg(test)]
mod fuzz;

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use stagewright_journal::DeploymentId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::home::private_folder;

/// The longest request or answer, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long no request is taken after one could not be.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one side waits for the other's line.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a driver can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Cancel the deployment, if it is the one that runs.
    Cancel {
        /// Which.
        deployment: DeploymentId,
        /// Without a grace period.
        force: bool,
    },
}

/// What the driver answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// It was written to the journal.
    Accepted,
    /// It was not, for this reason.
    Refused(String),
}

/// A request on its way to the driver's loop, and where the reply goes.
pub(crate) type Asked = (Request, oneshot::Sender<Reply>);

/// The driver's end. Dropping it breaks the conversations off and removes the socket.
pub(crate) struct Control {
    path: PathBuf,
    /// Device and number of the socket's file, by which it is told from another one.
    file: (u64, u64),
    /// Ends the accepting of connections, and conversations in which nothing was asked yet.
    closing: CancellationToken,
    /// Accepts connections; aborted on drop.
    accepting: JoinSet<()>,
}

impl Control {
    /// Listens at `path`. The caller holds the lock of the environment, so a socket that is
    /// there already was left by a process that is gone.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn listen(path: &Path, requests: mpsc::Sender<Asked>) -> Result<Self> {
        let (folder, name) = split(path)?;
        private_folder(folder)?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", path.display()));
            }
            _ => {}
        }
        let handle = File::open(folder)?;
        let listener = UnixListener::bind(short(&handle, name))
            .with_context(|| format!("cannot listen on {}", path.display()))?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
        let file = identity(path)?;
        let mut accepting = JoinSet::new();
        let closing = CancellationToken::new();
        accepting.spawn(accept(listener, requests, closing.clone()));
        Ok(Self {
            path: path.to_owned(),
            file,
            closing,
            accepting,
        })
    }

    /// Takes no further requests, and returns when those that were taken have their replies on
    /// the way. The receiver of the requests is to be dropped before.
    pub(crate) async fn close(mut self) {
        self.closing.cancel();
        while self.accepting.join_next().await.is_some() {}
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A driver that took over while this one was stopped has its own socket there. Nobody is
        // harmed by one that stays: the next driver replaces it.
        if identity(&self.path).is_ok_and(|found| found == self.file) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Asks the driver behind the socket at `path`. `None`: nobody listens there, or whoever did
/// went away without an answer.
///
/// # Errors
/// When the driver does not answer in time or not in words that are known here.
pub(crate) async fn ask(path: &Path, request: &Request) -> Result<Option<Reply>> {
    let (folder, name) = split(path)?;
    let handle = match File::open(folder) {
        Ok(handle) => handle,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stream = match UnixStream::connect(short(&handle, name)).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot reach {}", path.display()));
        }
    };
    tokio::time::timeout(PATIENCE, converse(stream, request))
        .await
        .map_err(|_| anyhow!("the driver of this environment did not answer in 10 seconds"))?
}

async fn converse(mut stream: UnixStream, request: &Request) -> Result<Option<Reply>> {
    let exchange = async {
        write_line(&mut stream, request).await?;
        read_line(&mut stream).await
    };
    let line = match exchange.await {
        Err(error) if went_away(&error) => return Ok(None),
        line => line?,
    };
    let reply = serde_json::from_str(&line);
    reply.context("the driver answered in words that are not known here")
}

/// Has the other side closed the connection without a word?
fn went_away(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref().map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
    )
}

async fn accept(listener: UnixListener, requests: mpsc::Sender<Asked>, closing: CancellationToken) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    conversations.spawn(answer(stream, requests.clone(), closing.clone()));
                }
                Err(error) => {
                    // Out of descriptors, most likely: others will be closed.
                    tracing::warn!(%error, "a request could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = conversations.join_next() => {}
            () = closing.cancelled() => break,
        }
    }
    while conversations.join_next().await.is_some() {}
}

async fn answer(mut stream: UnixStream, requests: mpsc::Sender<Asked>, closing: CancellationToken) {
    let exchange = async {
        let asked = closing.run_until_cancelled(read_line(&mut stream)).await;
        let line = asked.context("nothing was asked before the end")??;
        let reply = match serde_json::from_str::<Request>(&line) {
            Err(error) => Reply::Refused(format!("not a request that is known here: {error}")),
            Ok(request) => {
                let (reply, answered) = oneshot::channel();
                match requests.send((request, reply)).await {
                    Ok(()) => answered
                        .await
                        .unwrap_or_else(|_| Reply::Refused("the deployment has ended".into())),
                    Err(_) => Reply::Refused("the deployment has ended".into()),
                }
            }
        };
        write_line(&mut stream, &reply).await
    };
    match tokio::time::timeout(PATIENCE, exchange).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a conversation on the control socket broke off"),
        Err(_) => tracing::debug!("a conversation on the control socket took too long"),
    }
}

async fn write_line(stream: &mut UnixStream, message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    stream.write_all(line.as_bytes()).await?;
    Ok(())
}

async fn read_line(stream: &mut UnixStream) -> Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST))
        .read_line(&mut line)
        .await?;
    if line.is_empty() {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    if !line.ends_with('\n') {
        bail!("the other side broke off, or said more than {LONGEST} bytes");
    }
    Ok(line)
}

fn split(path: &Path) -> Result<(&Path, &Path)> {
    let folder = path.parent().context("a socket has a folder")?;
    let name = path.file_name().context("a socket has a name")?;
    Ok((folder, Path::new(name)))
}

/// Addresses of unix sockets have at most 107 bytes (unix(7)), state folders may be deeper.
fn short(folder: &File, name: &Path) -> PathBuf {
    Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancel() -> Request {
        Request::Cancel {
            deployment: DeploymentId::new("shop", 3),
            force: true,
        }
    }

    #[tokio::test]
    async fn a_request_reaches_the_driver_and_its_reply_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d".repeat(150)).join("shop.sock");
        let (sender, mut requests) = mpsc::channel(1);
        let control = Control::listen(&path, sender).unwrap();
        let driver = async {
            let (request, reply) = requests.recv().await.unwrap();
            assert_eq!(request, cancel());
            reply.send(Reply::Refused("no".into())).unwrap();
        };
        let request = cancel();
        let (answer, ()) = tokio::join!(ask(&path, &request), driver);
        assert_eq!(answer.unwrap(), Some(Reply::Refused("no".into())));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(control);
        assert_eq!(ask(&path, &cancel()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_driver_that_goes_gives_the_reply_first_and_waits_for_nobody_who_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sock");
        let (sender, mut requests) = mpsc::channel(1);
        let control = Control::listen(&path, sender).unwrap();
        let _silent = UnixStream::connect(&path).await.unwrap();
        let driver = async {
            let (_, reply) = requests.recv().await.unwrap();
            reply.send(Reply::Accepted).unwrap();
            drop(requests);
            control.close().await;
        };
        let request = cancel();
        let (answer, ()) = tokio::join!(ask(&path, &request), driver);
        assert_eq!(answer.unwrap(), Some(Reply::Accepted));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_driver_that_goes_without_an_answer_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sock");
        let listener = UnixListener::bind(&path).unwrap();
        for hears in [true, false] {
            let driver = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                if hears {
                    read_line(&mut stream).await.unwrap();
                }
            };
            let request = cancel();
            let (answer, ()) = tokio::join!(ask(&path, &request), driver);
            assert_eq!(answer.unwrap(), None, "it hears: {hears}");
        }
        let driver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_line(&mut stream).await.unwrap();
            stream.write_all(b"\"acce").await.unwrap();
        };
        let request = cancel();
        let (answer, ()) = tokio::join!(ask(&path, &request), driver);
        assert!(answer.unwrap_err().to_string().contains("broke off"));
    }

    #[tokio::test]
    async fn nobody_listens_at_a_socket_that_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sock");
        assert_eq!(ask(&path, &cancel()).await.unwrap(), None);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert_eq!(ask(&path, &cancel()).await.unwrap(), None);
        let (sender, _requests) = mpsc::channel(1);
        Control::listen(&path, sender).unwrap();
    }

    #[tokio::test]
    async fn a_driver_that_was_replaced_leaves_the_socket_of_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sock");
        let (sender, _requests) = mpsc::channel(1);
        let replaced = Control::listen(&path, sender.clone()).unwrap();
        let next = Control::listen(&path, sender).unwrap();
        drop(replaced);
        assert!(path.exists(), "the next driver cannot be reached");
        drop(next);
        assert!(!path.exists());
    }
}
