//! The engine that the operator chose: one for the whole host, asked for when it is first
//! needed.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bollard::errors::Error as Answer;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::{Mutex, OnceCell};

use super::labels::Owner;
use super::{Error, Settings};

/// How long the engine has for an answer that takes no work.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it has to begin with the answer to a build, a load or a stop.
const ENDLESS: Duration = Duration::from_secs(24 * 60 * 60);
/// Of the engines that have BuildKit built in, the oldest API.
const WITH_BUILDKIT: (u32, u32) = (1, 39);

/// The engine. Clones share the connection.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    /// Where the name of this installation is.
    installation: PathBuf,
    client: OnceCell<Docker>,
    /// What the engine calls images that were loaded into it, by their own digests; engines
    /// differ in which digest they go by.
    images: RwLock<HashMap<String, String>>,
    /// Held while the number of an environment's containers changes, as its network comes with
    /// the first and goes with the last.
    census: Mutex<()>,
}

/// What an engine says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Of the engine.
    pub version: String,
    /// Of the API that is spoken with it.
    pub api: String,
    /// Operating system and architecture: `linux/amd64`.
    pub platform: String,
    /// Whether BuildKit can be asked to build.
    pub buildkit: bool,
}

impl Engine {
    /// The engine of these settings; `state` is the state folder. Nobody is asked anything yet.
    #[must_use]
    pub fn new(settings: Settings, state: &Path) -> Self {
        let shared = Shared {
            settings,
            installation: state.join("installation"),
            client: OnceCell::new(),
            images: RwLock::default(),
            census: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Where it is, as the operator says it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.shared.settings.host()
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// When it is not reached.
    pub async fn info(&self) -> Result<Info, Error> {
        let what = "a question about itself";
        let version = self.client().await?.version().await;
        let version = version.map_err(self.failed(what))?;
        let (os, arch) = (version.os, version.arch);
        let api = version.api_version.unwrap_or_default();
        let platform = format!("{}/{}", os.unwrap_or_default(), arch.unwrap_or_default());
        Ok(Info {
            version: version.version.unwrap_or_default(),
            buildkit: number(&api).is_some_and(|api| api >= WITH_BUILDKIT),
            api,
            platform,
        })
    }

    /// The name that everything of this installation in the engine carries: environments of
    /// other installations may have the same names.
    pub(crate) fn owner(&self, environment: &str, service: &str) -> io::Result<Owner> {
        Ok(Owner {
            installation: installation(&self.shared.installation)?,
            environment: environment.to_owned(),
            service: service.to_owned(),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn census(&self) -> &Mutex<()> {
        &self.shared.census
    }

    /// What the engine calls the image of this digest.
    pub(super) fn image_id(&self, digest: &str) -> String {
        let known = self.shared.images.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.get(digest).cloned().unwrap_or(digest.to_owned())
    }

    pub(super) fn remember_image(&self, digest: &str, id: String) {
        let known = self.shared.images.write();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        known.insert(digest.to_owned(), id);
    }

    /// The connection.
    pub(super) async fn client(&self) -> Result<&Docker, Error> {
        let connect = || async {
            let client = connect(&self.shared.settings)?;
            let agreed = client.negotiate_version().await;
            agreed.map_err(self.failed("a first question"))
        };
        self.shared.client.get_or_try_init(connect).await
    }

    /// The connection for what takes as long as it takes.
    pub(super) async fn patient(&self) -> Result<Docker, Error> {
        Ok(self.client().await?.clone().with_timeout(ENDLESS))
    }

    /// What an answer of this engine means.
    pub(super) fn failed<'a>(&'a self, what: &'a str) -> impl FnOnce(Answer) -> Error + 'a {
        move |answer| Error::of(self.host(), what, answer)
    }
}

fn connect(settings: &Settings) -> Result<Docker, Error> {
    let host = settings.host();
    let seconds = PATIENCE.as_secs();
    let version = API_DEFAULT_VERSION;
    let connected = match (host.split_once("://"), &settings.tls) {
        (Some(("unix", path)), _) => Docker::connect_with_unix(path, seconds, version),
        (Some(("tcp" | "http", place)), None) => Docker::connect_with_http(place, seconds, version),
        (Some(("tcp" | "https", place)), Some(tls)) => {
            Docker::connect_with_ssl(place, &tls.key, &tls.cert, &tls.ca, seconds, version)
        }
        _ => {
            let message = format!("`{host}` is neither `unix:///…` nor `tcp://HOST:PORT`");
            return Err(Error::Settings(message));
        }
    };
    connected.map_err(|answer| match answer {
        Answer::SocketNotFoundError(_) => Error::of(host, "a first question", answer),
        other => Error::Settings(other.to_string()),
    })
}

/// `1.41` as numbers.
fn number(api: &str) -> Option<(u32, u32)> {
    let (major, minor) = api.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Reads the name of the installation; makes it up where there is none yet.
fn installation(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    // The name that the system gives a new file is one that no other has.
    let made_up = crate::capability::images::Digest::of(
        format!(
            "{}\0{:?}",
            file.path().display(),
            std::time::SystemTime::now()
        )
        .as_bytes(),
    );
    let name: String = made_up.hex().chars().take(12).collect();
    file.write_all(name.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(name),
        // Another process was faster.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(path)
        }
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_name_and_no_two_have_the_same() {
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let name = installation(&one.path().join("installation")).unwrap();
        assert_eq!(name.len(), 12);
        assert_eq!(
            installation(&one.path().join("installation")).unwrap(),
            name
        );
        assert_ne!(
            installation(&other.path().join("installation")).unwrap(),
            name
        );
    }

    #[tokio::test]
    async fn nobody_at_the_socket_and_a_wrong_address_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let ask = async |host: &str| {
            let settings = Settings {
                host: Some(host.to_owned()),
                ..Settings::default()
            };
            let engine = Engine::new(settings, folder.path());
            engine.info().await.unwrap_err().code()
        };
        let absent = format!("unix://{}/absent.sock", folder.path().display());
        assert_eq!(ask(&absent).await, "docker.unreachable");
        let dead = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let dead = format!("unix://{}", dead.display());
        assert_eq!(ask(&dead).await, "docker.unreachable");
        assert_eq!(ask("tcp://127.0.0.1:1").await, "docker.unreachable");
        assert_eq!(ask("ssh://somewhere").await, "docker.settings");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(number("1.41").unwrap() > WITH_BUILDKIT);
        assert!(number("1.9").unwrap() < WITH_BUILDKIT);
        assert_eq!(number("new"), None);
    }
}
