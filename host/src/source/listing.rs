//! What a source is made of, without its contents: the names of all of its entries, and what
//! stands for the content of each. It decides whether a build has to be made again, and says
//! what is different when it has to.
//!
//! Listings of a folder and of a commit are made by different means and never equal: in a folder
//! the content of a file is known by its SHA-256, in a commit by what git calls it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{io, iter};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{SourceError, kept, tree::MAX_ENTRIES};

/// First in the file; another one when what follows is written otherwise.
const VERSION: &[u8; 20] = b"stagewright lists 1\n";

/// Everything that belongs to a source, by the bytes of its path from the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    /// Where the build works.
    path: String,
    items: BTreeMap<Vec<u8>, Item>,
}

/// One entry of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Item {
    /// A folder; what is in it is listed as well.
    Folder,
    /// A file, by what stands for its content.
    File { runs: bool, content: Vec<u8> },
    /// A link and where it leads.
    Link(Vec<u8>),
    /// A file that the build does not see and that decides how git writes those it sees.
    Attributes(Vec<u8>),
    /// A socket, pipe or device.
    Other,
}

/// What differs between two listings, as people say it.
pub(crate) struct Difference<'a> {
    paths: Vec<(&'a [u8], &'static str)>,
}

impl Listing {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            items: BTreeMap::new(),
        }
    }

    /// # Errors
    /// When there are too many; `place` is then named as what has them.
    pub(super) fn insert(
        &mut self,
        path: &Path,
        item: Item,
        place: impl fmt::Display,
    ) -> Result<(), SourceError> {
        match self.items.entry(path.as_os_str().as_bytes().to_owned()) {
            // What is seen counts before what only decides how it is written.
            Entry::Occupied(_) if matches!(item, Item::Attributes(_)) => {}
            Entry::Occupied(mut known) => {
                known.insert(item);
            }
            Entry::Vacant(free) => {
                free.insert(item);
            }
        }
        if self.items.len() > MAX_ENTRIES {
            return Err(SourceError::TooLarge {
                place: place.to_string(),
                limit: MAX_ENTRIES,
            });
        }
        Ok(())
    }

    /// `sha256:` over where the build works and over the names, kinds, exec bits, contents and
    /// link targets of all entries. The same on every machine.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        record(&mut hash, b"source 2", self.path.as_bytes());
        for (name, item) in &self.items {
            let (kind, content): (&[u8], &[u8]) = match item {
                Item::Folder => (b"folder", b""),
                Item::File {
                    runs: true,
                    content,
                } => (b"program", content),
                Item::File { content, .. } => (b"file", content),
                Item::Link(target) => (b"link", target),
                Item::Attributes(content) => (b"attributes", content),
                Item::Other => (b"other", b""),
            };
            record(&mut hash, kind, name);
            record(&mut hash, b"holds", content);
        }
        format!("sha256:{}", hex(&hash.finalize()))
    }

    /// What is different since an earlier listing; nothing when all is the same, or nothing but
    /// the place where the build works.
    pub(crate) fn since<'a>(&'a self, before: &'a Self) -> Option<Difference<'a>> {
        let now = self.items.iter().filter_map(|(path, item)| {
            let how = match before.items.get(path) {
                None => " added",
                Some(known) if known == item => return None,
                Some(_) => "",
            };
            Some((path.as_slice(), item, how))
        });
        let gone = before.items.iter();
        let gone = gone.filter(|(path, _)| !self.items.contains_key(*path));
        let gone = gone.map(|(path, item)| (path.as_slice(), item, " removed"));
        let all: Vec<_> = now.chain(gone).collect();
        // A folder that came or went is worth a word only when nothing in it did.
        let files = all.iter().any(|(_, item, _)| **item != Item::Folder);
        let told = all.into_iter();
        let told = told.filter(|(_, item, _)| !files || **item != Item::Folder);
        let paths: Vec<_> = told.map(|(path, _, how)| (path, how)).collect();
        (!paths.is_empty()).then_some(Difference { paths })
    }

    /// The names and kinds without the contents, by which listings of all sources are alike.
    #[cfg(test)]
    pub(super) fn outline(&self) -> Vec<String> {
        let items = self.items.iter().map(|(path, item)| {
            let kind = match item {
                Item::Folder => "folder".to_owned(),
                Item::File { runs, .. } => format!("file {runs}"),
                Item::Link(target) => format!("link {}", shown(target)),
                Item::Attributes(_) => "attributes".to_owned(),
                Item::Other => "other".to_owned(),
            };
            format!("{} {kind}", shown(path))
        });
        items.collect()
    }

    /// Keeps it, for a later one to be compared with.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn keep(&self, file: &Path) -> io::Result<()> {
        kept::write(file, VERSION, self)
    }

    /// One that was kept; nothing when there is none, or none that is whole.
    pub(crate) fn kept(file: &Path) -> Option<Self> {
        kept::read(file, VERSION)
    }
}

/// `cart/main.rs`, `cart/main.rs added`, `3 files under cart/`, `3 files`.
impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(path, how)] = self.paths.as_slice() {
            return write!(f, "{}{how}", shown(path));
        }
        write!(f, "{} files", self.paths.len())?;
        let mut folders = self.paths.iter().map(|(path, _)| folder(path));
        let first = folders.next().unwrap_or_default();
        let common = folders.fold(first, |common, folder| common_start(&common, &folder));
        match common.as_os_str().as_bytes() {
            [] => Ok(()),
            common => write!(f, " under {}/", shown(common)),
        }
    }
}

fn folder(path: &[u8]) -> PathBuf {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    path.parent().map(Path::to_owned).unwrap_or_default()
}

fn common_start(one: &Path, two: &Path) -> PathBuf {
    let both = iter::zip(one.components(), two.components());
    both.take_while(|(one, two)| one == two)
        .map(|(name, _)| name)
        .collect()
}

/// A path as text that does nothing to a terminal.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let harmless = text.chars().map(|letter| match letter.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => letter,
    });
    harmless.collect()
}

/// Puts a length before each field, so that no two sources can look the same.
fn record(hash: &mut Sha256, kind: &[u8], value: &[u8]) {
    for field in [kind, value] {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
