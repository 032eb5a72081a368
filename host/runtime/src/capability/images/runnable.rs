//! Can the program of a release run on this machine as it is?
//!
//! Without a container a program gets the loader, the libraries and the interpreters of this
//! machine, not those of its image. A program that would need the image's own is told so
//! before it is started, instead of dying with "no such file".

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::read::{ReadCache, ReadRef};

use super::ImageError;
use crate::folder::{Access, Folder};

/// The kernel reads no more of a `#!` line.
const LONGEST_FIRST_LINE: u64 = 256;
const MOST_LIBRARIES: usize = 256;
const LONGEST_PATH: u64 = 4096;
const MOST_SECTIONS: usize = 100_000;
const LARGEST_DYNAMIC: u64 = 1024 * 1024;
const LOADER_FOLDERS: [&str; 9] = [
    "lib",
    "lib64",
    "usr/lib",
    "usr/lib64",
    "usr/local/lib",
    "lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
];

/// Fails when `program`, an absolute path in the release at `root`, cannot run here. A
/// program that is looked up in `PATH` belongs to this machine and is not looked at.
/// `search` is the `PATH` that it will have, for `#!/usr/bin/env NAME`.
pub fn check_runnable(root: &Path, program: &str, search: &OsStr) -> Result<(), ImageError> {
    if !program.starts_with('/') {
        return Ok(());
    }
    let release = Release {
        root,
        program,
        search,
    };
    let folder = Folder::open(root, Access::Read)?;
    let file = folder
        .open_file(program.trim_start_matches('/'))
        .map_err(|error| release.refuse(error.to_string()))?;
    let metadata = file
        .metadata()
        .map_err(ImageError::io("look at", program))?;
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(release.refuse("it is not marked as executable".to_owned()));
    }
    let mut start = [0; 4];
    let mut reader = BufReader::new(file);
    let is_long_enough = reader.read_exact(&mut start).is_ok();
    reader.rewind().map_err(ImageError::io("read", program))?;
    match start {
        elf::ELFMAG if is_long_enough => release.check_elf(reader.into_inner()),
        [b'#', b'!', ..] if is_long_enough => release.check_script(reader),
        _ => {
            Err(release
                .refuse("it is neither an ELF program nor a script with a `#!` line".to_owned()))
        }
    }
}

struct Release<'a> {
    root: &'a Path,
    program: &'a str,
    search: &'a OsStr,
}

/// What a program asks of its loader.
#[derive(Default)]
struct Wishes {
    machine: u16,
    interpreter: Option<PathBuf>,
    libraries: Vec<String>,
    /// It says itself where its libraries are.
    has_own_path: bool,
}

impl Release<'_> {
    fn refuse(&self, reason: String) -> ImageError {
        ImageError::NotRunnable {
            program: self.program.to_owned(),
            reason,
        }
    }

    fn check_elf(&self, file: File) -> Result<(), ImageError> {
        let data = ReadCache::new(file);
        let class = data
            .read_bytes_at(elf::ELFMAG.len() as u64, 1)
            .ok()
            .and_then(|bytes| bytes.first().copied());
        let wishes = match class {
            Some(elf::ELFCLASS64) => wishes::<FileHeader64<Endianness>>(&data),
            Some(elf::ELFCLASS32) => wishes::<FileHeader32<Endianness>>(&data),
            _ => return Err(self.refuse("it is neither a 32 nor a 64 bit program".to_owned())),
        };
        let wishes = wishes
            .map_err(|reason| self.refuse(format!("its ELF header cannot be used: {reason}")))?;
        if machine().is_some_and(|own| own != wishes.machine) {
            return Err(self.refuse(format!(
                "it is made for another kind of processor than {}",
                std::env::consts::ARCH
            )));
        }
        let Some(interpreter) = wishes.interpreter else {
            return Ok(());
        };
        let shown = interpreter.display();
        if self.holds(&interpreter) {
            return Err(self.refuse(format!(
                "it needs the loader `{shown}` and the libraries of its own image"
            )));
        }
        if !interpreter.is_file() {
            return Err(self.refuse(format!(
                "it needs the loader `{shown}`, which this machine does not have"
            )));
        }
        for library in wishes.libraries.iter().filter(|_| !wishes.has_own_path) {
            let holders = LOADER_FOLDERS.map(|folder| Path::new("/").join(folder).join(library));
            let is_in_image = holders.iter().any(|path| self.holds(path));
            if is_in_image && !holders.iter().any(|path| path.is_file()) {
                return Err(
                    self.refuse(format!("it needs the library `{library}` of its own image"))
                );
            }
        }
        Ok(())
    }

    fn check_script(&self, reader: BufReader<File>) -> Result<(), ImageError> {
        let mut line = Vec::new();
        let mut reader = reader.take(LONGEST_FIRST_LINE);
        reader
            .read_until(b'\n', &mut line)
            .map_err(ImageError::io("read", self.program))?;
        let line = String::from_utf8_lossy(&line);
        let mut words = line.trim_start_matches("#!").split_whitespace();
        let Some(interpreter) = words.next() else {
            return Err(self.refuse("its first line names no interpreter".to_owned()));
        };
        if !interpreter.starts_with('/') || !is_program(Path::new(interpreter)) {
            return Err(self.refuse(format!(
                "its interpreter `{interpreter}` is not on this machine"
            )));
        }
        let is_env = Path::new(interpreter).file_name() == Some(OsStr::new("env"));
        let named = words.find(|word| !word.starts_with('-') && !word.contains('='));
        if let Some(name) = named.filter(|_| is_env)
            && !std::env::split_paths(self.search).any(|folder| is_program(&folder.join(name)))
        {
            return Err(self.refuse(format!(
                "its interpreter `{name}` is not on this machine's PATH"
            )));
        }
        Ok(())
    }

    /// Whether the image has something at this path of its own.
    fn holds(&self, path: &Path) -> bool {
        let folder = Folder::open(self.root, Access::Read);
        let Some(path) = path.to_str().map(|path| path.trim_start_matches('/')) else {
            return false;
        };
        folder.is_ok_and(|folder| {
            folder
                .find_itself(path)
                .is_ok_and(|place| place.stat().is_ok())
        })
    }
}

/// Reads what a loader would read, and no table that is larger than that of any real program.
fn wishes<H: FileHeader<Endian = Endianness>>(data: &ReadCache<File>) -> Result<Wishes, String> {
    let broken = |error: object::read::Error| error.to_string();
    let header = H::parse(data).map_err(broken)?;
    let endian = header.endian().map_err(broken)?;
    let mut wishes = Wishes {
        machine: header.e_machine(endian),
        ..Wishes::default()
    };
    for segment in header.program_headers(endian, data).map_err(broken)? {
        if segment.p_type(endian) == elf::PT_INTERP
            && segment.p_filesz(endian).into() > LONGEST_PATH
        {
            return Err("it names a loader of more than 4096 bytes".to_owned());
        }
        if let Some(interpreter) = segment.interpreter(endian, data).map_err(broken)? {
            wishes.interpreter = Some(PathBuf::from(OsStr::from_bytes(interpreter)));
        }
    }
    if header.shnum(endian, data).map_err(broken)? > MOST_SECTIONS {
        return Err("it has more than 100,000 sections".to_owned());
    }
    let sections = header.sections(endian, data).map_err(broken)?;
    let is_huge = |section: &H::SectionHeader| section.sh_size(endian).into() > LARGEST_DYNAMIC;
    if sections
        .iter()
        .any(|section| section.sh_type(endian) == elf::SHT_DYNAMIC && is_huge(section))
    {
        return Err("its dynamic section is larger than 1 MiB".to_owned());
    }
    if let Some((entries, strings)) = sections.dynamic(endian, data).map_err(broken)? {
        let strings = sections.strings(endian, data, strings).map_err(broken)?;
        for entry in entries {
            match entry.tag(endian) {
                elf::DT_NEEDED if wishes.libraries.len() < MOST_LIBRARIES => {
                    let name = entry.string(endian, strings).map_err(broken)?;
                    wishes
                        .libraries
                        .push(String::from_utf8_lossy(name).into_owned());
                }
                elf::DT_RPATH | elf::DT_RUNPATH => wishes.has_own_path = true,
                _ => {}
            }
        }
    }
    Ok(wishes)
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// How ELF calls the processor of this machine, where it is one that we know.
fn machine() -> Option<u16> {
    match std::env::consts::ARCH {
        "x86_64" => Some(elf::EM_X86_64),
        "x86" => Some(elf::EM_386),
        "aarch64" => Some(elf::EM_AARCH64),
        "arm" => Some(elf::EM_ARM),
        "riscv64" => Some(elf::EM_RISCV),
        "s390x" => Some(elf::EM_S390),
        "powerpc64" => Some(elf::EM_PPC64),
        _ => None,
    }
}
