//! What a release prints, kept in a few files of bounded size: `log/current`, then `log/1`
//! (younger) to `log/3` (older).
//!
//! The shim takes the output off the pipe whatever happens to the disk, because a program
//! that prints must never wait for its log. Secrets that the program was given never reach a
//! file: whoever can read the log may not be meant to know them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::redactor::Sieve;

/// Of each file, in bytes.
const FILE: u64 = 1024 * 1024;
/// Files beside `current`.
const OLD: usize = 3;
/// The most that is taken off the pipe in one go, so that requests are answered in between.
const GO: usize = 1024 * 1024;

/// The output of a release, on its way into files.
pub(super) struct Log {
    folder: PathBuf,
    reader: io::PipeReader,
    writer: io::PipeWriter,
    sieve: Sieve,
    file: File,
    size: u64,
    lost: u64,
}

impl Log {
    /// Goes on with the files of that folder, into which none of the secrets is written.
    pub(super) fn open(folder: PathBuf, secrets: &[String]) -> io::Result<Self> {
        let secrets = secrets.iter().map(String::as_str);
        let sieve = Sieve::new(secrets).map_err(io::Error::other)?;
        let (reader, writer) = io::pipe()?;
        let flags = rustix::fs::fcntl_getfl(&reader)?;
        rustix::fs::fcntl_setfl(&reader, flags | rustix::fs::OFlags::NONBLOCK)?;
        let file = open(&folder)?;
        let size = file.metadata()?.len();
        Ok(Self {
            folder,
            reader,
            writer,
            sieve,
            file,
            size,
            lost: 0,
        })
    }

    /// What processes print into.
    pub(super) fn writer(&self) -> BorrowedFd<'_> {
        self.writer.as_fd()
    }

    /// Writes away what has been printed. True when there may be more.
    pub(super) fn drain(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let mut taken = 0;
        while taken < GO {
            match self.reader.read(&mut buffer) {
                Ok(count @ 1..) => {
                    taken += count;
                    let clean = self.sieve.pass(buffer.get(..count).unwrap_or_default());
                    self.keep(&clean);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return false,
            }
        }
        true
    }

    /// Writes away what there is, once nobody is left who could print more.
    pub(super) fn finish(&mut self) {
        while self.drain() {}
        let rest = self.sieve.finish();
        self.keep(&rest);
    }

    /// A line of the shim's own.
    pub(super) fn say(&mut self, line: &str) {
        self.keep(format!("[stagewright] {line}\n").as_bytes());
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_keep(bytes) {
            tracing::debug!(%error, "output of a release was lost");
            self.lost = self.lost.saturating_add(bytes.len() as u64);
        }
    }

    /// Turns to a new file at the end of a line, or in mid-line when the line has none.
    fn try_keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        if self.size >= FILE {
            let line = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|end| end + 1);
            let end = line.unwrap_or(if self.size >= 2 * FILE { 0 } else { rest.len() });
            let (last, next) = rest.split_at(end);
            self.append(last)?;
            rest = next;
            if line.is_some() || self.size >= 2 * FILE {
                self.turn()?;
            }
        }
        if self.lost > 0 && !rest.is_empty() {
            let note = format!(
                "[stagewright] {} bytes of output could not be written\n",
                self.lost
            );
            self.append(note.as_bytes())?;
            self.lost = 0;
        }
        self.append(rest)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        for number in (1..OLD).rev() {
            rename(&self.folder, &number.to_string(), &(number + 1).to_string())?;
        }
        rename(&self.folder, "current", "1")?;
        self.file = open(&self.folder)?;
        self.size = 0;
        Ok(())
    }
}

impl AsFd for Log {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

fn open(folder: &std::path::Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.join("current"))
}

fn rename(folder: &std::path::Path, from: &str, to: &str) -> io::Result<()> {
    match fs::rename(folder.join(from), folder.join(to)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_turn_at_line_ends_and_only_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path().to_owned(), &[]).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..(6 * 1024 + 7) {
            log.keep(line.as_bytes());
        }
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["1", "2", "3", "current"]);
        for name in names {
            let bytes = fs::read(folder.path().join(&name)).unwrap();
            assert!(bytes.len() as u64 <= FILE + 1024, "{name}: {}", bytes.len());
            assert_eq!(bytes.len() % 1024, 0, "{name} was cut in mid-line");
        }
    }

    #[test]
    fn output_without_line_ends_is_bounded_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path().to_owned(), &[]).unwrap();
        for _ in 0..(12 * 1024) {
            log.keep(&[b'x'; 1024]);
        }
        let total: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 9 * FILE, "{total}");
    }

    #[test]
    fn a_new_shim_goes_on_where_the_last_one_ended() {
        let folder = tempfile::tempdir().unwrap();
        Log::open(folder.path().to_owned(), &[]).unwrap().say("one");
        Log::open(folder.path().to_owned(), &[]).unwrap().say("two");
        let text = fs::read_to_string(folder.path().join("current")).unwrap();
        assert_eq!(text, "[stagewright] one\n[stagewright] two\n");
    }
}
