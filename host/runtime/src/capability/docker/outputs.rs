//! What a job writes for the steps behind it, and the place that it has for that.

use std::io::Read;

use bollard::query_parameters::{DownloadFromContainerOptions, UploadToContainerOptions};
use futures::{StreamExt, pin_mut};
use tar::{Archive, Builder, EntryType, Header};

use super::{Container, Error};
use crate::capability::process::{MAX_FILE, Output, OutputsError, parse_outputs};

/// Where the file is in the container.
pub(super) const FILE: &str = "/stagewright/output";
/// Its folder, which every user of the container may write into.
const FOLDER: &str = "stagewright/";
/// What an archive adds to a small file.
const AROUND: u64 = 16 * 1024;

impl Container {
    /// Makes the folder that the file goes into.
    pub(super) async fn make_place(&self) -> Result<(), Error> {
        let what = format!("the place for the outputs of {}", self.what());
        let archive = folder().map_err(|error| Error::Broken {
            what: what.clone(),
            cause: error.to_string(),
        })?;
        let options = UploadToContainerOptions {
            path: "/".to_owned(),
            ..UploadToContainerOptions::default()
        };
        let client = self.engine.client().await?;
        let body = bollard::body_full(archive.into());
        let sent = client
            .upload_to_container(&self.id, Some(options), body)
            .await;
        sent.map_err(self.engine.failed(&what))
    }

    /// What the job wrote; nothing when it wrote no file.
    pub(crate) async fn outputs(&self) -> Result<Vec<Output>, Error> {
        let what = format!("the outputs of {}", self.what());
        let client = self.engine.client().await?;
        let options = DownloadFromContainerOptions {
            path: FILE.to_owned(),
        };
        let pieces = client.download_from_container(&self.id, Some(options));
        pin_mut!(pieces);
        let mut archive = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece.map_err(self.engine.failed(&what)) {
                Ok(piece) => archive.extend_from_slice(&piece),
                Err(Error::Gone { .. }) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
            if archive.len() as u64 > MAX_FILE + AROUND {
                return Err(OutputsError::TooLarge.into());
            }
        }
        let text = file(&archive)?;
        Ok(parse_outputs(&text)?)
    }
}

/// The file in the archive that the engine sends.
fn file(archive: &[u8]) -> Result<Vec<u8>, Error> {
    let broken = |error: std::io::Error| Error::Broken {
        what: "the outputs of a job".to_owned(),
        cause: error.to_string(),
    };
    let mut archive = Archive::new(archive);
    let Some(entry) = archive.entries().map_err(broken)?.next() else {
        return Ok(Vec::new());
    };
    let entry = entry.map_err(broken)?;
    if entry.header().entry_type() != EntryType::Regular {
        return Err(OutputsError::NotAFile.into());
    }
    let mut text = Vec::new();
    entry
        .take(MAX_FILE + 1)
        .read_to_end(&mut text)
        .map_err(broken)?;
    match text.len() as u64 > MAX_FILE {
        true => Err(OutputsError::TooLarge.into()),
        false => Ok(text),
    }
}

fn folder() -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_mode(0o777);
    header.set_size(0);
    archive.append_data(&mut header, FOLDER, std::io::empty())?;
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(kind: EntryType, content: &[u8]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, "output", content).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn only_a_small_file_is_taken() {
        let good = archive(EntryType::Regular, br#"{"url":"x"}"#);
        assert_eq!(file(&good).unwrap(), br#"{"url":"x"}"#);
        for (kind, content) in [
            (EntryType::Directory, &b""[..]),
            (EntryType::Symlink, b""),
            (EntryType::Regular, &[b' '; 65 * 1024][..]),
        ] {
            let error = file(&archive(kind, content)).unwrap_err();
            assert_eq!(error.code(), "job.outputs-invalid");
        }
        assert!(file(&good[..600]).is_ok() || file(b"xyz").is_err());
    }
}
