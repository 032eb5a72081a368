//! Layers: archives, plain and compressed, whose bytes were changed.

use std::io::Read;

use super::*;

/// Archives with every kind of entry, as other tools write them.
fn archives() -> Vec<Vec<u8>> {
    let file = |path: &str, content: &[u8]| entry(b'0', path, "", 0o644, content);
    vec![
        archive(&[
            entry(b'5', "a", "", 0o755, b""),
            file("a/file", &[7; 700]),
            entry(b'2', "a/link", "file", 0o777, b""),
            entry(b'2', "absolute", "/a/file", 0o777, b""),
            entry(b'1', "hard", "a/file", 0o644, b""),
        ]),
        archive(&[
            entry(b'x', "pax", "", 0, b"17 path=pax/name\n"),
            file("short", b"x"),
            entry(b'g', "global", "", 0, b"13 comment=a\n"),
            entry(b'L', "././@LongLink", "", 0, b"long/name/of/a/file\0"),
            file("cut", b"y"),
            entry(b'K', "././@LongLink", "", 0, b"long/name/of/a/file\0"),
            entry(b'2', "to-long", "cut", 0o777, b""),
        ]),
        archive(&[
            file("b/kept", b"1"),
            file("b/gone", b"2"),
            file("b/.wh.gone", b""),
            file("c/.wh..wh..opq", b""),
        ]),
    ]
}

/// How the bytes behind the first one are to be taken, which that says.
fn layer(input: &[u8]) -> (Vec<u8>, &'static str, Digest) {
    let (&how, bytes) = input.split_first().unwrap_or((&0, &[]));
    let mut bytes = bytes.to_vec();
    if how & 4 != 0 {
        mend_checksums(&mut bytes);
    }
    match how & 3 {
        1 => {
            let mut archive = Vec::new();
            let decoder = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            // What cannot be read has no digest, and is refused before that matters.
            let _ = decoder.take(2 * LIMITS.bytes).read_to_end(&mut archive);
            let digest = Digest::of(&archive);
            (bytes, GZIP, digest)
        }
        2 => {
            let digest = Digest::of(&archives()[0]);
            (bytes, "application/vnd.oci.image.layer.v1.tar+zstd", digest)
        }
        _ => {
            let digest = Digest::of(&bytes);
            (bytes, "application/vnd.oci.image.layer.v1.tar", digest)
        }
    }
}

/// Headers that were changed would be refused for their checksums alone.
fn mend_checksums(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes().copy_from_slice(block);
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for archive in archives() {
        let zstd = ruzstd::encoding::compress_to_vec(
            archive.as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        seeds.push([&[0], archive.as_slice()].concat());
        seeds.push([&[4], archive.as_slice()].concat());
        seeds.push([&[1], gzip(&archive).as_slice()].concat());
        seeds.push([&[2], zstd.as_slice()].concat());
    }
    seeds
}

#[test]
fn are_unpacked_or_refused() -> Result<(), Finding> {
    let field = Field::new();
    let target = Target::new("oci-layer", Shape::Bytes)
        .seeds(seeds())
        .words(&[
            "../",
            "/etc/passwd",
            ".wh.",
            ".wh..wh..opq",
            "a/link",
            "ustar\0",
            "00",
            "7777",
        ])
        .least(60);
    target.run(|input| {
        let (blob, media_type, diff_id) = layer(input);
        let foreign = Foreign::new(field.place.path("layout"));
        foreign.index(&[foreign.manifest_of(&diff_id.to_string(), &blob, media_type)]);
        let image = Layout::open(&foreign.path)
            .unwrap()
            .image(&Selector::Only)
            .unwrap();
        let verdict = field.unpack(&image);
        fs::remove_dir_all(foreign.path).unwrap();
        verdict
    })?;
    Ok(())
}
