//! The stream of a layer: out of its blob, decompressed, counted, and checked in the end.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use oci_spec::image::MediaType;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::super::digest::Hashing;
use super::super::{ImageError, Layer};
use super::UnpackLimits;
use crate::folder::Interrupt;

/// What all layers together have used of their limits.
pub(super) struct Meter<'a> {
    limits: UnpackLimits,
    bytes: Cell<u64>,
    entries: u64,
    interrupt: &'a Interrupt,
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: UnpackLimits, interrupt: &'a Interrupt) -> Self {
        Self {
            limits,
            bytes: Cell::new(0),
            entries: 0,
            interrupt,
        }
    }

    /// Counts so many more entries.
    pub(super) fn enter(&mut self, count: u64) -> Result<(), ImageError> {
        self.entries += count;
        if self.entries > self.limits.entries {
            return Err(ImageError::Unpacked {
                limit: self.limits.entries,
                unit: "files",
                setting: "unpacked_entries",
            });
        }
        Ok(())
    }

    /// Refuses an entry that says itself that it is too large, before any of it is written.
    pub(super) fn announce(&self, size: u64) -> Result<(), ImageError> {
        if self.bytes.get().saturating_add(size) > self.limits.bytes {
            return Err(self.too_many_bytes());
        }
        Ok(())
    }

    fn too_many_bytes(&self) -> ImageError {
        ImageError::Unpacked {
            limit: self.limits.bytes,
            unit: "bytes",
            setting: "unpacked",
        }
    }

    /// What a failed read of a layer really was.
    pub(super) fn explain(&self, error: &io::Error) -> ImageError {
        if self.interrupt.is_raised() {
            return ImageError::Interrupted;
        }
        if self.bytes.get() > self.limits.bytes {
            return self.too_many_bytes();
        }
        ImageError::Corrupt {
            what: "a layer".to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Counts what comes out of a decompressor, and stops it at the limit.
struct Metered<'a, R> {
    inner: R,
    bytes: &'a Cell<u64>,
    limit: u64,
    interrupt: &'a Interrupt,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.is_raised() {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.inner.read(bytes)?;
        self.bytes
            .set(self.bytes.get().saturating_add(count as u64));
        if self.bytes.get() > self.limit {
            return Err(io::Error::other("too large"));
        }
        Ok(count)
    }
}

/// Hands the archive of a layer to `extract`, reads what that leaves, and verifies the blob's
/// size, its digest, and the digest of the archive.
pub(super) fn read(
    blob: File,
    layer: &Layer,
    meter: &mut Meter<'_>,
    extract: impl FnOnce(&mut dyn Read, &mut Meter<'_>) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let digest = layer.digest()?;
    let mut blob = Hashing::new(blob.take(layer.descriptor.size().saturating_add(1)));
    let spent = Cell::new(meter.bytes.get());
    let archive = Metered {
        inner: decompress(
            layer.descriptor.media_type(),
            BufReader::with_capacity(128 * 1024, &mut blob),
        )?,
        bytes: &spent,
        limit: meter.limits.bytes,
        interrupt: meter.interrupt,
    };
    let mut archive = Hashing::new(archive);
    let extracted = extract(&mut archive, meter);
    let rest = io::copy(&mut archive, &mut io::sink());
    let (_, diff_id, _) = archive.finish();
    meter.bytes.set(spent.get());
    // What went wrong in the stream explains what the archive looked like.
    rest.map_err(|error| meter.explain(&error))?;
    extracted?;
    io::copy(&mut blob, &mut io::sink()).map_err(|error| meter.explain(&error))?;
    let (_, found, size) = blob.finish();
    let corrupt = |reason| {
        Err(ImageError::Corrupt {
            what: format!("the layer {digest}"),
            reason,
        })
    };
    if size != layer.descriptor.size() {
        return corrupt(format!(
            "it does not have the {} bytes that its manifest promises",
            layer.descriptor.size()
        ));
    }
    if found != digest {
        return corrupt(format!("its content has the digest {found}"));
    }
    if diff_id != layer.diff_id {
        return corrupt(format!(
            "unpacked it has the digest {diff_id} instead of {}",
            layer.diff_id
        ));
    }
    Ok(())
}

fn decompress<'a>(
    media_type: &MediaType,
    blob: impl BufRead + 'a,
) -> Result<Box<dyn Read + 'a>, ImageError> {
    let name = media_type.as_ref();
    match name.rsplit_once(['+', '.']) {
        _ if !name.contains("image.layer") && !name.contains("image.rootfs") => {}
        Some((_, "tar")) => return Ok(Box::new(blob)),
        Some((_, "gzip")) => return Ok(Box::new(MultiGzDecoder::new(blob))),
        Some((_, "zstd")) => return Ok(Box::new(Zstandard::new(blob))),
        _ => {}
    }
    Err(ImageError::Unsupported {
        what: format!("a layer of the kind `{name}`"),
        reason: "tar archives are, plain or compressed with gzip or zstd".to_owned(),
    })
}

/// All frames of a Zstandard stream (RFC 8878), one after the other.
struct Zstandard<R> {
    source: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Zstandard<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            is_in_frame: false,
        }
    }

    /// Begins the next frame; false at the end of the stream.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(
                        &mut Read::by_ref(&mut self.source).take(length.into()),
                        &mut io::sink(),
                    )?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: BufRead> Read for Zstandard<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while !bytes.is_empty() {
            if self.is_in_frame {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    self.decoder
                        .decode_blocks(&mut self.source, one)
                        .map_err(io::Error::other)?;
                }
                let count = self.decoder.read(bytes)?;
                if count > 0 {
                    return Ok(count);
                }
            }
            self.is_in_frame = self.advance()?;
            if !self.is_in_frame {
                break;
            }
        }
        Ok(0)
    }
}
