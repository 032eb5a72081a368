//! The context of a build: the folder as an archive, without what `.dockerignore` leaves out.
//!
//! Nothing outside the folder is ever read: links are sent as links, and the engine resolves
//! them within what it was sent.

use std::path::Path;

use super::Error;
use super::ignore::Ignore;
use super::pipe::Sending;
use crate::capability::images::{ImageError, Packed};
use crate::folder::{Folder, FolderError, Interrupt, Kind, Next};

/// The list of what is left out.
const LIST: &str = ".dockerignore";
/// The longest such list, in bytes.
const LONGEST_LIST: usize = 1024 * 1024;
/// Files, directories and links of a context.
const MOST_ENTRIES: usize = 1_000_000;

/// Sends the context to the engine. Blocking.
///
/// # Errors
/// When something cannot be read, or the engine does not take any more.
pub(super) fn send(
    folder: &Folder,
    dockerfile: &str,
    mut target: Sending,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let ignore = Ignore::parse(&list(folder)?)?;
    let place = folder.find(dockerfile)?;
    match place.stat() {
        Ok(stat) if stat.kind == Kind::File => {}
        Ok(_) => {
            let expected = "a file: the Dockerfile";
            let path = place.path;
            return Err(FolderError::WrongKind { path, expected }.into());
        }
        Err(error) => return Err(FolderError::io("look at", &place.path)(error).into()),
    }
    // The engine needs these two, and leaves them out itself where they are to be left out.
    let needed = [Path::new(LIST), place.path.as_path()];
    let mut packed = Packed::of(folder, ".")?;
    let start = folder.find(".")?;
    let directory = start
        .open()
        .map_err(FolderError::io("open the directory", &start.path))?;
    folder
        .walk(&start, interrupt)
        .visit::<ImageError>(&directory, |found| {
            let is_needed = needed.iter().any(|path| path.starts_with(found.path));
            if !is_needed && ignore.leaves_out(found.path) {
                return Ok(match ignore.leaves_all_out(found.path) {
                    true => Next::Past,
                    false => Next::On,
                });
            }
            if packed.len() == MOST_ENTRIES {
                return Err(ImageError::TooLarge {
                    what: "the context of the build".to_owned(),
                    limit: MOST_ENTRIES as u64,
                    unit: "files",
                });
            }
            packed.add(found.path, found.stat);
            Ok(Next::On)
        })?;
    packed.write(&mut target, interrupt)?;
    let sent = target.finish();
    sent.map_err(|error| ImageError::io("send", "the context of the build")(error).into())
}

/// The list as it is; empty where there is none.
fn list(folder: &Folder) -> Result<String, Error> {
    let mut text = Vec::new();
    loop {
        let piece = folder.read(LIST, text.len() as u64, crate::folder::CHUNK);
        let piece = match piece {
            Err(FolderError::NotFound { .. }) => return Ok(String::new()),
            other => other?,
        };
        if piece.is_empty() {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        text.extend(piece);
        if text.len() > LONGEST_LIST {
            let message = format!("`{LIST}` has more than {LONGEST_LIST} bytes");
            return Err(Error::Invalid(message));
        }
    }
}
