//! Folders that the host hands in: the source, which is read-only, and the output.
//!
//! Bulk bytes stay in the host ([`Directory::copy_from`]); what is here is for the small files
//! that a plugin has to look into.

use crate::{Directory, Failure};

pub use crate::bindings::workspace::Entry;

/// The most bytes that the host hands over in one call.
const PIECE: u32 = 64 * 1024;

impl Directory {
    /// A whole file of text, no longer than `limit` bytes.
    ///
    /// # Errors
    /// `workspace.too-large` when it is longer, `workspace.not-text` when it is not UTF-8, and
    /// whatever [`Directory::read`] says.
    pub fn read_text(&self, path: &str, limit: usize) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.read(path, bytes.len() as u64, PIECE)?;
            bytes.extend_from_slice(&piece);
            if bytes.len() > limit {
                let message = format!("`{path}` is longer than {limit} bytes.");
                return Err(Failure::new("workspace.too-large", message));
            }
            if piece.len() < PIECE as usize {
                break;
            }
        }
        String::from_utf8(bytes)
            .map_err(|_| Failure::new("workspace.not-text", format!("`{path}` is not UTF-8 text.")))
    }
}
