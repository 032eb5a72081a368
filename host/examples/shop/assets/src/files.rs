//! Files in memory, by their path below a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// How many files there may be.
const FILES: usize = 500;
/// How many bytes one file may have.
const FILE_BYTES: u64 = 1024 * 1024;
/// How deep folders may be nested.
const DEPTH: usize = 8;

/// A file that is served.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// All files of a folder.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Asset>);

impl Files {
    /// Reads a folder with everything below it. Links, hidden files, and files of a kind that
    /// the shop does not serve are left out.
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        files.add(folder, "", 0)?;
        Ok(files)
    }

    /// The file at a path with `/` between its parts.
    pub(crate) fn get(&self, path: &str) -> Option<&Asset> {
        self.0.get(path)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn add(&mut self, folder: &Path, prefix: &str, depth: usize) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::other(format!("{prefix} is nested too deeply")));
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.add(&entry.path(), &format!("{prefix}{name}/"), depth + 1)?;
            } else if kind.is_file()
                && let Some(media_type) = media_type(&name)
            {
                let path = format!("{prefix}{name}");
                let bytes = read(&entry.path(), &path)?;
                self.0.insert(path, Asset { media_type, bytes });
            }
            if self.0.len() > FILES {
                return Err(io::Error::other(format!("more than {FILES} files")));
            }
        }
        Ok(())
    }
}

fn read(path: &Path, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bounded = File::open(path)?.take(FILE_BYTES + 1);
    bounded.read_to_end(&mut bytes)?;
    if bounded.limit() == 0 {
        return Err(io::Error::other(format!("{name} is larger than 1 MiB")));
    }
    Ok(bytes)
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_shop_is_read() {
        let public = Path::new(env!("CARGO_MANIFEST_DIR")).join("public");
        let files = Files::load(&public).unwrap();
        let css = files.get("shop.css").unwrap();
        assert_eq!(css.media_type, "text/css; charset=utf-8");
        assert!(css.bytes.starts_with(b"/*"));
        let picture = files.get("pictures/mug-slate.svg").unwrap();
        assert_eq!(picture.media_type, "image/svg+xml");
        for path in ["", "pictures", "../Cargo.toml", "/shop.css"] {
            assert!(files.get(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_not_to_be_served_is_left_out() {
        let folder = std::env::temp_dir().join(format!("shop-assets-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for name in ["a.css", ".hidden.css", "program", "b.exe"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/etc/hostname", folder.join("link.txt")).unwrap();
        let files = Files::load(&folder).unwrap();
        assert_eq!(files.count(), 1);
        fs::write(folder.join("large.css"), vec![b'x'; 1024 * 1024 + 1]).unwrap();
        let error = Files::load(&folder).unwrap_err().to_string();
        assert_eq!(error, "large.css is larger than 1 MiB");
        fs::remove_dir_all(&folder).unwrap();
    }
}
