//! Runs a program and ends it, as a power cut would, right before one of the things it does to
//! the world: `executioner REPORT POINT PROGRAM ARGUMENT…`.
//!
//! A point is `KIND:NUMBER`, the number counted from 1 within the kind (see [`effect`]), or
//! `none`: then the program runs to its end. The report has a line for each effect until then.
//! All threads of the program are watched (ptrace(2)); the processes that it starts are not,
//! and live on. The exit code is that of the program, 137 when it was killed, and 125 with a
//! sentence when it could not be watched.
//!
//! The program is stopped on its way into the kernel, so the effect at the point does not
//! happen and everything before it has: killing at each point in turn covers every interval
//! between two effects, without a hook in the program.

mod effect;
mod tracee;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use effect::{Effect, Kind};

/// What shells say of a process that SIGKILL ended.
const KILLED: u8 = 128 + 9;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["become", program, arguments @ ..] => be_watched(program, arguments),
        [report, point, program, arguments @ ..] => watch(report, point, program, arguments),
        other => Err(anyhow::anyhow!("{other:?} is not how this is used")),
    };
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "executioner: {error:#}");
        ExitCode::from(125)
    })
}

/// Lets the parent watch, and is the program from then on.
fn be_watched(program: &str, arguments: &[&str]) -> Result<ExitCode> {
    ptrace::traceme().context(
        "this system does not allow ptrace(2); allow it (a container needs CAP_SYS_PTRACE or a \
         seccomp profile that lets it pass)",
    )?;
    Err(Command::new(program).args(arguments).exec()).with_context(|| format!("run {program}"))
}

fn watch(report: &str, point: &str, program: &str, arguments: &[&str]) -> Result<ExitCode> {
    let point = match point {
        "none" => None,
        point => Some(parse(point).with_context(|| format!("`{point}` is not a point"))?),
    };
    let report = File::create(report).with_context(|| format!("create {report}"))?;
    let me = std::env::current_exe()?;
    let child = Command::new(me)
        .arg("become")
        .arg(program)
        .args(arguments)
        .spawn()?;
    let leader = Pid::from_raw(i32::try_from(child.id())?);
    let mut watch = Watch {
        leader,
        point,
        report: BufWriter::new(report),
        known: HashSet::new(),
        counts: HashMap::new(),
        last: HashMap::new(),
    };
    watch.begin()?;
    watch.run()
}

fn parse(point: &str) -> Option<(Kind, u32)> {
    let (kind, number) = point.split_once(':')?;
    Some((Kind::parse(kind)?, number.parse().ok()?))
}

struct Watch {
    /// The process; its first thread has the same number.
    leader: Pid,
    point: Option<(Kind, u32)>,
    report: BufWriter<File>,
    /// Threads that have been seen.
    known: HashSet<Pid>,
    counts: HashMap<Kind, u32>,
    /// What each thread has done last: writes to a file that follow each other are one effect.
    last: HashMap<Pid, Effect>,
}

impl Watch {
    /// Waits until the child is the program.
    fn begin(&mut self) -> Result<()> {
        match waitpid(self.leader, None)? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            other => bail!("the program did not begin: {other:?}"),
        }
        self.known.insert(self.leader);
        // Threads come by clone(2), processes by other ways: those are not followed.
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(self.leader, options)?;
        ptrace::syscall(self.leader, None)?;
        Ok(())
    }

    fn run(mut self) -> Result<ExitCode> {
        let any = Pid::from_raw(-1);
        loop {
            match waitpid(any, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(process, code) if process == self.leader => {
                    self.report.flush()?;
                    return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)));
                }
                WaitStatus::Signaled(process, signal, _) if process == self.leader => {
                    writeln!(self.report, "ended by {signal}")?;
                    self.report.flush()?;
                    return Ok(ExitCode::from(match signal {
                        Signal::SIGKILL => KILLED,
                        other => 128 + u8::try_from(other as i32)?,
                    }));
                }
                WaitStatus::PtraceSyscall(thread) => {
                    if self.is_due(thread)? {
                        kill(self.leader, Signal::SIGKILL)?;
                    } else {
                        self.go_on(thread, None)?;
                    }
                }
                WaitStatus::Stopped(thread, signal) => {
                    // A new thread begins with a stop that is meant for us.
                    let is_new = self.known.insert(thread);
                    let signal = (!is_new || signal != Signal::SIGSTOP).then_some(signal);
                    self.go_on(thread, signal)?;
                }
                WaitStatus::PtraceEvent(thread, _, _) => self.go_on(thread, None)?,
                // Its number may be another thread's later.
                WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, _, _) => {
                    self.known.remove(&thread);
                    self.last.remove(&thread);
                }
                _ => {}
            }
        }
    }

    /// Has the point come?
    fn is_due(&mut self, thread: Pid) -> Result<bool> {
        let Some(call) = tracee::entered(thread)? else {
            return Ok(false);
        };
        let Some(effect) = effect::of(self.leader, &call) else {
            return Ok(false);
        };
        let last = self.last.insert(thread, effect.clone());
        if matches!(effect.kind, Kind::Append | Kind::Write) && last.as_ref() == Some(&effect) {
            return Ok(false);
        }
        let Effect { kind, object } = effect;
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        writeln!(self.report, "{}:{count} {object}", kind.as_str())?;
        Ok(self.point == Some((kind, *count)))
    }

    fn go_on(&self, thread: Pid, signal: Option<Signal>) -> Result<()> {
        match ptrace::syscall(thread, signal) {
            // It was killed meanwhile, by us or with all others.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).context("let a thread go on"),
        }
    }
}
