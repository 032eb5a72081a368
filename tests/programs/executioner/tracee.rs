//! A stopped thread: the system call that it is entering, and what its memory says.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::Result;
use nix::errno::Errno;
use nix::libc::{PTRACE_SYSCALL_INFO_ENTRY, c_long};
use nix::sys::ptrace;
use nix::unistd::Pid;

/// The longest path there is (path_resolution(7)).
const LONGEST_PATH: usize = 4096;

/// A system call that has not happened yet.
pub(crate) struct Call {
    pub(crate) thread: Pid,
    pub(crate) number: c_long,
    pub(crate) arguments: [u64; 4],
}

/// The call that the thread is entering; `None` when it is on its way out, or gone.
pub(crate) fn entered(thread: Pid) -> Result<Option<Call>> {
    match ptrace::syscall_info(thread) {
        Ok(info) if info.op == PTRACE_SYSCALL_INFO_ENTRY => {}
        Ok(_) | Err(Errno::ESRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    match registers(thread) {
        Ok(call) => Ok(Some(call)),
        Err(Errno::ESRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(thread: Pid) -> nix::Result<Call> {
    let registers = ptrace::getregs(thread)?;
    Ok(Call {
        thread,
        number: registers.orig_rax.cast_signed(),
        arguments: [registers.rdi, registers.rsi, registers.rdx, registers.r10],
    })
}

#[cfg(target_arch = "aarch64")]
fn registers(thread: Pid) -> nix::Result<Call> {
    let registers = ptrace::getregs(thread)?;
    let [first, second, third, fourth, _, _, _, _, number, ..] = registers.regs;
    Ok(Call {
        thread,
        number: number.cast_signed(),
        arguments: [first, second, third, fourth],
    })
}

impl Call {
    /// One of its arguments.
    pub(crate) fn argument(&self, place: usize) -> u64 {
        self.arguments.get(place).copied().unwrap_or_default()
    }

    /// The text that an argument points to.
    pub(crate) fn text(&self, place: usize) -> String {
        let mut bytes = self.memory(self.argument(place), LONGEST_PATH);
        bytes.truncate(
            bytes
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(bytes.len()),
        );
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The number that an argument points to.
    pub(crate) fn pointed_number(&self, place: usize) -> u64 {
        let bytes = self.memory(self.argument(place), 8);
        bytes.try_into().map_or(0, u64::from_ne_bytes)
    }

    /// What the file number in an argument stands for.
    pub(crate) fn file(&self, process: Pid, place: usize) -> PathBuf {
        let link = format!("/proc/{process}/fd/{}", self.argument(place));
        // One that is closed meanwhile stands for nothing.
        std::fs::read_link(link).unwrap_or_default()
    }

    /// As much of the memory as can be read.
    fn memory(&self, address: u64, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let read = File::open(format!("/proc/{}/mem", self.thread))
            .and_then(|memory| memory.read_at(&mut bytes, address));
        bytes.truncate(read.unwrap_or(0));
        bytes
    }
}
