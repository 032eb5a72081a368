//! Images that somebody else has built, taken into the host's store: their configuration as it
//! is, byte for byte, and their layers packed as the store packs its own.
//!
//! So the digest of the configuration stays the one that the builder knows, and the same layers
//! give the same blobs, whoever has built them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use flate2::bufread::MultiGzDecoder;
use oci_spec::image::{ImageConfiguration, MediaType};
use serde_json::json;
use tempfile::NamedTempFile;

use super::digest::Hashing;
use super::draft::describe;
use super::layout::LARGEST_DOCUMENT;
use super::pack::gzip::Gzip;
use super::pack::memory::Memory;
use super::{Digest, Image, ImageError, Layer, Store};
use crate::folder::Interrupt;

/// Bytes that are moved at once.
const STRIDE: usize = 256 * 1024;
/// Begins every gzip stream (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The archive of a layer, put aside until it is known whether the store has it.
#[derive(Debug)]
pub(crate) struct Spool {
    file: NamedTempFile,
    diff_id: Digest,
}

impl Spool {
    /// The digest of the archive.
    pub(crate) fn diff_id(&self) -> Digest {
        self.diff_id
    }
}

impl Store {
    /// Puts the archive of a layer aside; it may be compressed with gzip. Blocking.
    pub(crate) fn spool(
        &self,
        archive: &mut dyn Read,
        interrupt: &Interrupt,
    ) -> Result<Spool, ImageError> {
        let mut archive = BufReader::with_capacity(STRIDE, archive);
        let start = archive
            .fill_buf()
            .map_err(ImageError::io("read", "a layer"))?;
        let is_packed = start.starts_with(&GZIP);
        let mut file = Hashing::new(self.blobs().incoming()?);
        match is_packed {
            true => transfer(&mut MultiGzDecoder::new(archive), &mut file, interrupt)?,
            false => transfer(&mut archive, &mut file, interrupt)?,
        }
        let (file, diff_id, _) = file.finish();
        Ok(Spool { file, diff_id })
    }

    /// The layer of an archive that was packed before and is still there.
    pub(crate) fn layer(&self, diff_id: Digest) -> Option<Layer> {
        Memory::of(self).recall_archive(diff_id)
    }

    /// Packs an archive that was put aside, unless its layer is there. Blocking.
    pub(crate) fn pack(&self, spool: Spool, interrupt: &Interrupt) -> Result<Layer, ImageError> {
        if let Some(layer) = self.layer(spool.diff_id) {
            return Ok(layer);
        }
        let mut archive: &File = spool.file.as_file();
        archive
            .seek(SeekFrom::Start(0))
            .map_err(ImageError::io("read", "a layer"))?;
        let mut target = Gzip::new(Hashing::new(self.blobs().incoming()?));
        transfer(&mut archive, &mut target, interrupt)?;
        let packed = target
            .finish()
            .map_err(ImageError::io("write", "a layer"))?;
        let (file, digest, size) = packed.finish();
        self.blobs().adopt(file, digest, size)?;
        let layer = Layer {
            descriptor: describe(MediaType::ImageLayerGzip, digest, size)?,
            diff_id: spool.diff_id,
        };
        let memory = Memory::of(self);
        memory.remember_archive(&layer)?;
        memory.tidy()?;
        Ok(layer)
    }

    /// The configuration of that digest, where an earlier image brought it here.
    pub(crate) fn configuration(&self, digest: Digest) -> Option<Vec<u8>> {
        self.layout().document_of(digest).ok()
    }

    /// Puts an image together from its configuration and all its layers, from the lowest. It is
    /// complete then, and kept under no name yet. Blocking.
    ///
    /// # Errors
    /// When the configuration names other layers than these.
    pub(crate) fn assemble(&self, config: &[u8], layers: &[Layer]) -> Result<Image, ImageError> {
        let what = || "the image that was built".to_owned();
        let invalid = |reason: String| ImageError::Invalid {
            what: what(),
            reason,
        };
        if config.len() as u64 > LARGEST_DOCUMENT {
            return Err(ImageError::TooLarge {
                what: what(),
                limit: LARGEST_DOCUMENT,
                unit: "bytes of configuration",
            });
        }
        let named = diff_ids(config)?;
        if !named.iter().eq(layers.iter().map(|layer| &layer.diff_id)) {
            return Err(invalid("it names other layers than it has".to_owned()));
        }
        let digest = self.blobs().add(config)?;
        let descriptor = describe(MediaType::ImageConfig, digest, config.len() as u64)?;
        let descriptors: Vec<_> = layers.iter().map(|layer| &layer.descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            "config": descriptor,
            "layers": descriptors,
        });
        let manifest = serde_json::to_vec(&manifest).map_err(|error| invalid(error.to_string()))?;
        let digest = self.blobs().add(&manifest)?;
        self.image(&digest.to_string())
    }
}

/// The digests of the archives that a configuration names, from the lowest layer.
pub(crate) fn diff_ids(config: &[u8]) -> Result<Vec<Digest>, ImageError> {
    let config: ImageConfiguration =
        serde_json::from_slice(config).map_err(|error| ImageError::Invalid {
            what: "the configuration of the image that was built".to_owned(),
            reason: error.to_string(),
        })?;
    let named = config.rootfs().diff_ids().iter();
    named.map(|digest| digest.parse()).collect()
}

fn transfer(
    from: &mut impl Read,
    to: &mut impl Write,
    interrupt: &Interrupt,
) -> Result<(), ImageError> {
    let mut buffer = vec![0; STRIDE];
    loop {
        if interrupt.is_raised() {
            return Err(ImageError::Interrupted);
        }
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ImageError::io("read", "a layer")(error)),
        };
        to.write_all(buffer.get(..count).unwrap_or_default())
            .map_err(ImageError::io("write", "a layer"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(layers: &[Digest]) -> Vec<u8> {
        let layers: Vec<_> = layers.iter().map(Digest::to_string).collect();
        let document = json!({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
            "rootfs": {"type": "layers", "diff_ids": layers}, "strange": 1,
        });
        serde_json::to_vec_pretty(&document).unwrap()
    }

    #[test]
    fn an_image_keeps_its_configuration_and_its_layers_are_packed_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let interrupt = Interrupt::new();
        let plain = vec![0_u8; 10_240];
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&plain).unwrap();
        let packed = packed.finish().unwrap();
        let first = store.spool(&mut plain.as_slice(), &interrupt).unwrap();
        let same = store.spool(&mut packed.as_slice(), &interrupt).unwrap();
        assert_eq!(first.diff_id(), Digest::of(&plain));
        assert_eq!(same.diff_id(), first.diff_id());
        assert!(store.layer(first.diff_id()).is_none());
        let layer = store.pack(first, &interrupt).unwrap();
        assert_eq!(store.layer(same.diff_id()), Some(layer.clone()));
        assert_eq!(store.pack(same, &interrupt).unwrap(), layer);
        let config = config(&[layer.diff_id]);
        let image = store
            .assemble(&config, std::slice::from_ref(&layer))
            .unwrap();
        assert_eq!(
            store.configuration(Digest::of(&config)),
            Some(config.clone())
        );
        assert_eq!(image.config().command, ["/x"]);
        let again = store
            .assemble(&config, std::slice::from_ref(&layer))
            .unwrap();
        assert_eq!(again.digest(), image.digest());
    }

    #[test]
    fn a_configuration_that_names_other_layers_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let missing = config(&[Digest::of(b"elsewhere")]);
        let error = store.assemble(&missing, &[]).unwrap_err();
        assert_eq!(error.code(), "image.invalid");
        assert!(store.assemble(b"{", &[]).is_err());
    }
}
