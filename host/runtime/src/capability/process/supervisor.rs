//! The releases of this machine, service by service, and how a new one comes to be.
//!
//! Everything is found in folders, nothing is kept in memory: a host that was started a
//! moment ago knows as much as the one that installed the release. Data folders lie apart, so
//! that removing releases can never remove data.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::launch::ImageDefaults;
use super::place::{NEW, create_private, remove_folder, sweep};
use super::ports::{self, Holder, Listener};
use super::record::{self, Layout, Meta};
use super::release::Release;
use super::table;

/// Where things are, and what this machine passes on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of all releases.
    pub releases: PathBuf,
    /// Folder of the data of all services.
    pub data: PathBuf,
    /// The command that is a shim when a folder is added to it: the program and its hidden
    /// verb.
    pub shim: Vec<OsString>,
    /// Variables of the host's environment, as [`pass_through`](super::pass_through) picks
    /// them.
    pub passed: Vec<(String, String)>,
}

/// The releases of this machine.
#[derive(Clone, Debug)]
pub struct Supervisor {
    settings: Arc<Settings>,
}

/// One service of one environment on this machine.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) settings: Arc<Settings>,
    pub(super) environment: String,
    pub(super) name: String,
}

/// Why a release was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError<E> {
    /// The closure that unpacks said so.
    #[error("the image could not be unpacked")]
    Unpack(#[source] E),
    /// Something around it.
    #[error(transparent)]
    Release(#[from] Error),
}

impl Supervisor {
    /// Over the folders of those settings, which are made when they are needed.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// One service.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a name cannot be that of a folder: other than lower-case
    /// letters, digits and `-`.
    pub fn service(&self, environment: &str, name: &str) -> Result<Service, Error> {
        for word in [environment, name] {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if word.is_empty() || word.len() > 63 || !word.bytes().all(fits) {
                return Err(Error::Invalid(format!(
                    "`{}` is not the name of an environment or a service",
                    word.escape_default()
                )));
            }
        }
        Ok(Service {
            settings: Arc::clone(&self.settings),
            environment: environment.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl Supervisor {
    /// Who listens on those tcp ports of this machine, unless that is a release of the
    /// environment. Ports that are free are not in the answer.
    ///
    /// # Errors
    /// When the tables of the kernel or the folders of the environment cannot be read.
    pub fn foreign_holders(
        &self,
        environment: &str,
        ports: &[u16],
    ) -> Result<Vec<(u16, Holder)>, Error> {
        let releases = self.releases(environment)?;
        let leaders = releases.iter().map(Release::leaders);
        let leaders = leaders.collect::<Result<Vec<_>, _>>()?.concat();
        let mut listeners = ports::listeners(ports, &leaders)?;
        let is_foreign = |listener: &Listener, ours: &[u32]| {
            listener.loopback().is_some() && !listener.owners.iter().any(|o| ours.contains(o))
        };
        listeners.retain(|listener| is_foreign(listener, &leaders));
        if !listeners.is_empty() {
            // A program may leave the listening to a child of its own.
            let table = table::everybody()?;
            for release in &releases {
                let ours: Vec<u32> = release.processes(&table)?.into_iter().collect();
                listeners.retain(|listener| is_foreign(listener, &ours));
            }
        }
        let foreign = listeners.iter();
        Ok(foreign
            .map(|listener| (listener.address.port(), listener.holder()))
            .collect())
    }

    /// All releases of an environment.
    fn releases(&self, environment: &str) -> Result<Vec<Release>, Error> {
        let folder = self.settings.releases.join(environment);
        let services = match fs::read_dir(&folder) {
            Ok(services) => services,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", folder)(error)),
        };
        let mut releases = Vec::new();
        for service in services {
            let name = service.map_err(Error::io("read", &folder))?.file_name();
            let service = self.service(environment, &name.to_string_lossy())?;
            releases.extend(service.releases()?);
        }
        Ok(releases)
    }
}

impl Service {
    /// Its releases on this machine, newest first.
    ///
    /// # Errors
    /// When a folder cannot be read or a file in it is damaged.
    pub fn releases(&self) -> Result<Vec<Release>, Error> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", folder)(error)),
        };
        let mut releases = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &folder))?;
            // What is being made or removed begins with a dot.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let layout = Layout::new(entry.path());
            if let Some(meta) = record::load::<Meta>(&layout.meta())? {
                releases.push(Release::new(self.clone(), layout, meta));
            }
        }
        releases.sort_by_key(|release| std::cmp::Reverse(release.sequence()));
        Ok(releases)
    }

    /// The release of that step, if it was installed.
    ///
    /// # Errors
    /// As [`releases`](Self::releases).
    pub fn release(&self, step_id: &str) -> Result<Option<Release>, Error> {
        let layout = Layout::new(self.folder().join(folder_name(step_id)));
        let meta = record::load::<Meta>(&layout.meta())?;
        Ok(meta.map(|meta| Release::new(self.clone(), layout, meta)))
    }

    /// Installs an image for a step, unless that has been done: `unpack` fills the folder
    /// that it is given, which does not exist yet. Blocks; half a release is never seen.
    ///
    /// # Errors
    /// What `unpack` says, [`Error::InstalledOtherwise`] when the step has installed another
    /// image, and what the system says.
    pub fn install<E>(
        &self,
        step_id: &str,
        reference: &str,
        image: ImageDefaults,
        unpack: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Release, InstallError<E>> {
        if let Some(there) = self.release(step_id)? {
            if there.reference() == reference {
                return Ok(there);
            }
            return Err(InstallError::Release(Error::InstalledOtherwise {
                step_id: step_id.to_owned(),
                installed: there.reference().to_owned(),
                wanted: reference.to_owned(),
            }));
        }
        let newest = self.releases()?.first().map_or(0, Release::sequence);
        let meta = Meta {
            version: record::VERSION,
            step_id: step_id.to_owned(),
            reference: reference.to_owned(),
            sequence: newest + 1,
            image,
        };
        let folder = self.folder();
        let name = folder_name(step_id);
        let new = Layout::new(folder.join(format!("{NEW}{name}")));
        create_private(&folder)?;
        sweep(&folder)?;
        let finished = Layout::new(folder.join(name));
        let fill = || {
            for part in [new.folder().to_owned(), new.log(), new.run()] {
                create_private(&part)?;
            }
            unpack(&new.root()).map_err(InstallError::Unpack)?;
            record::store(&new.meta(), &meta)
                .and_then(|()| fs::rename(new.folder(), finished.folder()))
                .and_then(|()| record::sync_folder(&folder))
                .map_err(Error::io("put in place", finished.folder()))?;
            Ok(())
        };
        if let Err(error) = fill() {
            // What cannot be removed now is swept by the next one.
            let _ = remove_folder(new.folder());
            return Err(error);
        }
        Ok(Release::new(self.clone(), finished, meta))
    }

    /// Removes what a host that died has left half installed or half removed. To be called
    /// before a step of the service begins, by whoever may change it, and by nobody else.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn sweep(&self) -> Result<(), Error> {
        let folder = self.folder();
        match folder.exists() {
            true => sweep(&folder),
            false => Ok(()),
        }
    }

    /// Removes the data folder of the service.
    ///
    /// # Errors
    /// [`Error::DataInUse`] while a release of it runs.
    pub fn remove_data(&self) -> Result<(), Error> {
        for release in self.releases()? {
            if release.state()?.condition.is_live() {
                return Err(Error::DataInUse {
                    service: self.name.clone(),
                    step_id: release.step_id().to_owned(),
                });
            }
        }
        remove_folder(&self.data())
    }

    /// The data folder of the service, which is there or not.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.settings.data.join(&self.environment).join(&self.name)
    }

    /// Where its releases are.
    pub(super) fn folder(&self) -> PathBuf {
        let releases = self.settings.releases.join(&self.environment);
        releases.join(&self.name)
    }
}

/// A step id as a file name: what people recognise of it, and a hash that tells it from all
/// others.
fn folder_name(step_id: &str) -> String {
    let readable: String = step_id
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => character,
            _ => '_',
        })
        .take(80)
        .collect();
    let hash = Sha256::digest(step_id.as_bytes());
    let hash: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{readable}-{hash}")
        .trim_start_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests;
