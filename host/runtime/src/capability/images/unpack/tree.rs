//! The release that is growing: entries of layers become files, and hide those below them.
//!
//! Everything is made relative to an open directory and no link is ever followed, so that
//! no order of entries can make a write land elsewhere. Absolute links mean the root of the
//! image; there is no such root without a container, so they are made relative to it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::ops::Bound;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::super::ImageError;
use super::archive::refused;
use crate::folder::{
    Directory, FolderError, Interrupt, Kind, Last, Missing, Next, View, Walk, locate, remove_named,
    set_modified, stays_inside,
};

/// Bytes of all names that one layer may make; they are held in memory until its end.
const LARGEST_NAMES: u64 = 256 * 1024 * 1024;

pub(super) struct Tree {
    root: Directory,
    /// Where the last entry went; the next one mostly goes there, too.
    last: Option<(PathBuf, Directory)>,
    /// What the present layer has made: whiteouts hide only what is below it.
    made: BTreeSet<PathBuf>,
    /// Bytes of the names in `made`.
    names: u64,
    /// Directories that no entry names, since they were last asked for.
    implied: u64,
    buffer: Vec<u8>,
}

impl Tree {
    pub(super) fn new(root: Directory) -> Self {
        Self {
            root,
            last: None,
            made: BTreeSet::new(),
            names: 0,
            implied: 0,
            buffer: vec![0; 128 * 1024],
        }
    }

    pub(super) fn end_layer(&mut self) {
        self.made.clear();
        self.names = 0;
    }

    /// How many directories were made on the way to entries, since this was last asked.
    pub(super) fn implied(&mut self) -> u64 {
        std::mem::take(&mut self.implied)
    }

    pub(super) fn directory(&mut self, path: &Path, mode: u32) -> Result<(), ImageError> {
        let (parent, name) = self.way_to(path)?;
        if !parent
            .stat(name)
            .is_ok_and(|stat| stat.kind == Kind::Directory)
        {
            self.clear(&parent, name, path)?;
            parent.make(name).map_err(failed("make", path))?;
        }
        // Its owner must be able to fill it, and to remove it one day.
        let made = parent
            .child(name)
            .and_then(|directory| directory.set_mode(mode | 0o700));
        made.map_err(failed("set the mode of", path))?;
        self.remember(path)
    }

    pub(super) fn file(
        &mut self,
        path: &Path,
        mode: u32,
        modified: i64,
        content: &mut impl Read,
        explain: impl Fn(io::Error) -> ImageError,
    ) -> Result<(), ImageError> {
        let (parent, name) = self.way_to(path)?;
        self.clear(&parent, name, path)?;
        let mut file = parent.new_file(name).map_err(failed("make", path))?;
        loop {
            let count = content.read(&mut self.buffer).map_err(&explain)?;
            if count == 0 {
                break;
            }
            let read = self.buffer.get(..count).unwrap_or_default();
            file.write_all(read).map_err(failed("write", path))?;
        }
        let finish = || {
            file.set_permissions(Permissions::from_mode(mode | 0o600))?;
            set_modified(&file, (modified, 0))
        };
        finish().map_err(failed("set the mode of", path))?;
        self.remember(path)
    }

    pub(super) fn link(&mut self, path: &Path, target: &Path) -> Result<(), ImageError> {
        let target = relative(path, target);
        if !stays_inside(path, &target) {
            return Err(refused(path, "is a link that leads out of the image"));
        }
        let (parent, name) = self.way_to(path)?;
        self.clear(&parent, name, path)?;
        parent
            .make_link(name, &target)
            .map_err(failed("make the link", path))?;
        self.remember(path)
    }

    pub(super) fn hard_link(&mut self, path: &Path, target: &Path) -> Result<(), ImageError> {
        let (source, source_name) = self.way_to(target)?;
        if !source
            .stat(source_name)
            .is_ok_and(|stat| stat.kind == Kind::File)
        {
            return Err(refused(
                path,
                "is a hard link to what is not a file of the image",
            ));
        }
        let (parent, name) = self.way_to(path)?;
        if path != target {
            self.clear(&parent, name, path)?;
            source
                .hard_link(source_name, &parent, name)
                .map_err(failed("make the hard link", path))?;
        }
        self.remember(path)
    }

    /// Removes what lower layers have put at a path.
    pub(super) fn hide(&mut self, path: &Path) -> Result<(), ImageError> {
        if self.is_made(path) {
            return self.hide_all_below(path);
        }
        let Some((parent, name)) = self.existing(path)? else {
            return Ok(());
        };
        self.last = None;
        Ok(remove_named(&parent, name, path, &Interrupt::new())?)
    }

    /// Removes what lower layers have put into a directory.
    pub(super) fn hide_all_below(&mut self, path: &Path) -> Result<(), ImageError> {
        self.last = None;
        let directory = match self.existing(path)? {
            _ if path == Path::new("") => self.root.clone(),
            Some((parent, name))
                if parent
                    .stat(name)
                    .is_ok_and(|stat| stat.kind == Kind::Directory) =>
            {
                parent.child(name).map_err(failed("open", path))?
            }
            _ => return Ok(()),
        };
        for name in directory.names().map_err(failed("list", path))? {
            self.hide(&path.join(name))?;
        }
        Ok(())
    }

    /// Follows every link to its end: one that leads inside by its text may still lead out
    /// through others.
    pub(super) fn check_links(&self, interrupt: &Interrupt) -> Result<(), ImageError> {
        let walk = Walk {
            view: &View::default(),
            place: Path::new(""),
            interrupt,
        };
        walk.visit(&self.root, |found| {
            if found.stat.kind == Kind::Link
                && let Err(FolderError::Outside { .. }) =
                    locate(&self.root, found.path, Last::Follow, Missing::Refuse)
            {
                return Err(refused(
                    found.path,
                    "is a link that leads out of the image through other links",
                ));
            }
            Ok(Next::On)
        })
    }

    fn remember(&mut self, path: &Path) -> Result<(), ImageError> {
        self.names += path.as_os_str().len() as u64;
        if self.names > LARGEST_NAMES {
            return Err(ImageError::TooLarge {
                what: "a list of the names in a layer".to_owned(),
                limit: LARGEST_NAMES,
                unit: "bytes",
            });
        }
        self.made.insert(path.to_owned());
        Ok(())
    }

    /// Whether the present layer has made something at a path, or below it.
    fn is_made(&self, path: &Path) -> bool {
        self.made
            .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
            .next()
            .is_some_and(|made| made.starts_with(path))
    }

    /// Removes what stands where something new goes.
    fn clear(&mut self, parent: &Directory, name: &OsStr, path: &Path) -> Result<(), ImageError> {
        match parent.stat(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(stat) => {
                if stat.kind == Kind::Directory {
                    self.last = None;
                }
                Ok(remove_named(parent, name, path, &Interrupt::new())?)
            }
            Err(error) => Err(failed("look at", path)(error)),
        }
    }

    /// The directory that a path is in, with all directories on the way made.
    fn way_to<'p>(&mut self, path: &'p Path) -> Result<(Directory, &'p OsStr), ImageError> {
        let (parent, name) = split(path)?;
        if let Some((last, directory)) = &self.last
            && last == parent
        {
            return Ok((directory.clone(), name));
        }
        let mut here = self.root.clone();
        for part in parent {
            here = match here.stat(part) {
                Ok(stat) if stat.kind == Kind::Directory => here.child(part),
                Ok(stat) if stat.kind == Kind::Link => {
                    return Err(refused(path, "would be written through a link"));
                }
                Ok(_) => {
                    return Err(refused(
                        path,
                        "lies below something that is not a directory",
                    ));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.implied += 1;
                    here.make(part).and_then(|()| here.child(part))
                }
                Err(error) => Err(error),
            }
            .map_err(failed("make the way to", path))?;
        }
        self.last = Some((parent.to_owned(), here.clone()));
        Ok((here, name))
    }

    /// The directory that a path is in, when it is there.
    fn existing<'p>(&self, path: &'p Path) -> Result<Option<(Directory, &'p OsStr)>, ImageError> {
        let Ok((parent, name)) = split(path) else {
            return Ok(None);
        };
        let mut here = self.root.clone();
        for part in parent {
            here = match here.stat(part) {
                Ok(stat) if stat.kind == Kind::Directory => {
                    here.child(part).map_err(failed("open", path))?
                }
                _ => return Ok(None),
            };
        }
        Ok(here.stat(name).is_ok().then_some((here, name)))
    }
}

fn split(path: &Path) -> Result<(&Path, &OsStr), ImageError> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(refused(path, "is not a path that can be used")),
    }
}

/// The target of a link as its own folder sees it.
fn relative(link: &Path, target: &Path) -> PathBuf {
    if !target.is_absolute() {
        return target.to_owned();
    }
    let above = link.components().skip(1).map(|_| Component::ParentDir);
    // `..` in the root is the root.
    let below = target
        .components()
        .skip(1)
        .skip_while(|component| *component == Component::ParentDir);
    let path: PathBuf = above.chain(below).collect();
    if path == Path::new("") {
        PathBuf::from(".")
    } else {
        path
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    ImageError::io(doing, format!("`{}` of the new release", path.display()))
}
