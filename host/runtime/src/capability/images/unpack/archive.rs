//! The entries of a layer's archive: what each is, before anything is done about it.
//!
//! Extension headers are read here, not by the tar library, because it would take any amount
//! of memory for them. Where two readers of an archive could disagree on where the next entry
//! begins, the archive is refused.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType, Header, PaxExtensions};

use super::super::ImageError;
use super::blob::Meter;
use super::tree::Tree;

/// Long names and PAX records, in bytes.
const LARGEST_EXTENSION: u64 = 1024 * 1024;
const LONGEST_PATH: usize = 4096;
const DEEPEST: usize = 100;
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
/// Beginning of other names that union file systems keep for themselves.
const RESERVED: &str = ".wh..wh.";

/// What extension headers say about the entry that follows them.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Extracts all entries.
pub(super) fn extract(
    archive: &mut dyn Read,
    tree: &mut Tree,
    meter: &mut Meter<'_>,
) -> Result<(), ImageError> {
    let mut archive = Archive::new(archive);
    let entries = archive
        .entries()
        .map_err(|error| meter.explain(&error))?
        .raw(true);
    let mut extensions = Extensions::default();
    for entry in entries {
        let mut entry = entry.map_err(|error| meter.explain(&error))?;
        meter.enter(1)?;
        match entry.header().entry_type() {
            EntryType::GNULongName => extensions.path = Some(text(&mut entry, meter)?),
            EntryType::GNULongLink => extensions.link = Some(text(&mut entry, meter)?),
            EntryType::XHeader => extensions.read(&extension(&mut entry, meter)?)?,
            EntryType::XGlobalHeader => drop(extension(&mut entry, meter)?),
            kind => one(
                &mut entry,
                kind,
                std::mem::take(&mut extensions),
                tree,
                meter,
            )?,
        }
        meter.enter(tree.implied())?;
    }
    Ok(())
}

fn one<R: Read>(
    entry: &mut Entry<'_, R>,
    kind: EntryType,
    extensions: Extensions,
    tree: &mut Tree,
    meter: &mut Meter<'_>,
) -> Result<(), ImageError> {
    let header = entry.header().clone();
    let written = extensions
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let path = inside(&written)?;
    let size = header.entry_size().map_err(|error| meter.explain(&error))?;
    if extensions.size.is_some_and(|said| said != size) {
        return Err(refused(&path, "has two different sizes"));
    }
    meter.announce(size)?;
    let Some(name) = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
    else {
        // The root itself, as `./`.
        return Ok(());
    };
    let parent = path.parent().unwrap_or(Path::new(""));
    if name == OPAQUE {
        return tree.hide_all_below(parent);
    }
    if name.starts_with(RESERVED) {
        return Ok(());
    }
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        return match hidden {
            "" | "." | ".." => Err(refused(&path, "hides nothing that could be there")),
            _ => tree.hide(&parent.join(hidden)),
        };
    }
    let link = || {
        let link = extensions
            .link
            .clone()
            .or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
        match link {
            Some(link) if !link.is_empty() && link.len() <= LONGEST_PATH && !link.contains(&0) => {
                Ok(link)
            }
            _ => Err(refused(&path, "is a link to nothing that can be named")),
        }
    };
    let mode = mode(&header, &path)?;
    match kind {
        EntryType::Regular | EntryType::Continuous => {
            let modified = header
                .mtime()
                .ok()
                .and_then(|time| i64::try_from(time).ok())
                .unwrap_or(0);
            tree.file(&path, mode, modified, entry, |error| meter.explain(&error))
        }
        EntryType::Directory => tree.directory(&path, mode),
        EntryType::Symlink => tree.link(&path, Path::new(&OsString::from_vec(link()?))),
        EntryType::Link => tree.hard_link(&path, &inside(&link()?)?),
        EntryType::Char | EntryType::Block => Err(refused(&path, "is a device")),
        EntryType::Fifo => Err(refused(&path, "is a pipe")),
        _ => Err(refused(&path, "is of a kind that releases cannot hold")),
    }
}

impl Extensions {
    fn read(&mut self, records: &[u8]) -> Result<(), ImageError> {
        for record in PaxExtensions::new(records) {
            let malformed = || {
                refused(
                    Path::new("PAX"),
                    "is an extension header that cannot be read",
                )
            };
            let record = record.map_err(|_| malformed())?;
            match record.key_bytes() {
                b"path" => self.path = Some(record.value_bytes().to_owned()),
                b"linkpath" => self.link = Some(record.value_bytes().to_owned()),
                b"size" => {
                    let size = record.value().ok().and_then(|value| value.parse().ok());
                    self.size = Some(size.ok_or_else(malformed)?);
                }
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(refused(
                        Path::new("PAX"),
                        "describes a sparse file, which releases cannot hold",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn extension<R: Read>(entry: &mut Entry<'_, R>, meter: &Meter<'_>) -> Result<Vec<u8>, ImageError> {
    let mut content = Vec::new();
    let read = entry.take(LARGEST_EXTENSION + 1).read_to_end(&mut content);
    read.map_err(|error| meter.explain(&error))?;
    if content.len() as u64 > LARGEST_EXTENSION {
        let what = "an extension header of a layer".to_owned();
        return Err(ImageError::TooLarge {
            what,
            limit: LARGEST_EXTENSION,
            unit: "bytes",
        });
    }
    Ok(content)
}

fn text<R: Read>(entry: &mut Entry<'_, R>, meter: &Meter<'_>) -> Result<Vec<u8>, ImageError> {
    let mut text = extension(entry, meter)?;
    let end = text
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(text.len());
    text.truncate(end);
    Ok(text)
}

/// Reads a path of an archive into its plain parts. The root is the empty path.
fn inside(written: &[u8]) -> Result<PathBuf, ImageError> {
    let path = PathBuf::from(OsString::from_vec(written.to_owned()));
    if written.len() > LONGEST_PATH || written.contains(&0) || path.components().count() > DEEPEST {
        return Err(refused(&path, "is not a path that can be used"));
    }
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(refused(&path, "climbs with `..`")),
            Component::RootDir | Component::Prefix(_) => {
                return Err(refused(&path, "is an absolute path"));
            }
        }
    }
    Ok(plain)
}

fn mode(header: &Header, path: &Path) -> Result<u32, ImageError> {
    let mode = header
        .mode()
        .map_err(|_| refused(path, "has a mode that cannot be read"))?;
    // Programs of a release get no rights that whoever starts them does not have.
    Ok(mode & 0o777)
}

/// An error about an entry.
pub(super) fn refused(entry: &Path, reason: &'static str) -> ImageError {
    ImageError::Unsafe {
        entry: entry.display().to_string().chars().take(200).collect(),
        reason,
    }
}
