//! The last lines that a release printed, from the files that its shim keeps.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::error::Error;
use super::lines::Lines;

/// The most lines that are answered.
const MAX_LINES: usize = 200;
/// The most bytes that are looked at for them.
const MAX_BYTES: u64 = 512 * 1024;
/// Youngest first, as the shim names them.
const FILES: [&str; 4] = ["current", "1", "2", "3"];

/// The last lines, oldest first.
pub(super) fn tail(folder: &Path, lines: usize) -> Result<Vec<String>, Error> {
    let wanted = lines.min(MAX_LINES);
    let mut pieces = Vec::new();
    let mut left = MAX_BYTES;
    let mut ends = 0;
    for name in FILES {
        let path = folder.join(name);
        let piece = match last_bytes(&path, left) {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        left = left.saturating_sub(piece.len() as u64);
        ends += piece.iter().filter(|byte| **byte == b'\n').count();
        pieces.push(piece);
        if left == 0 || ends > wanted {
            break;
        }
    }
    let mut split = Lines::default();
    let mut found = Vec::new();
    for piece in pieces.iter().rev() {
        split.take(piece, &mut |line| found.push(line.to_owned()));
    }
    split.finish(&mut |line| found.push(line.to_owned()));
    let first = found.len().saturating_sub(wanted);
    Ok(found.split_off(first))
}

fn last_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_from_all_files_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        assert!(tail(folder.path(), 5).unwrap().is_empty());
        std::fs::write(folder.path().join("1"), "a\nb\n").unwrap();
        std::fs::write(folder.path().join("current"), "c\nd").unwrap();
        assert_eq!(tail(folder.path(), 3).unwrap(), ["b", "c", "d"]);
        assert_eq!(tail(folder.path(), 9).unwrap(), ["a", "b", "c", "d"]);
        assert!(tail(folder.path(), 0).unwrap().is_empty());
    }

    #[test]
    fn no_more_than_two_hundred() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("current"), "x\n".repeat(1000)).unwrap();
        assert_eq!(tail(folder.path(), 1000).unwrap().len(), 200);
    }
}
