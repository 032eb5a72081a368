//! All processes that come from one order: the shim's children, their children, and those
//! that tried to get away by forking twice or leading a session of their own.
//!
//! The shim is their subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)): whoever loses its parent
//! becomes its child, so the family is exactly what is below the shim in the table of
//! processes, and it is gone exactly when the system says that the shim has no children.

use std::collections::HashSet;
use std::env;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, WaitOptions, getpid, set_child_subreaper, wait};

use super::super::launch::Exit;
use super::super::protocol::{Failure, Order, Program};
use super::super::table::{self, Identity};
use super::super::wire;
use super::failed;

/// How long a new child may take to become its program.
const TAKES_OFF: Duration = Duration::from_secs(30);
/// Looks at the table in a row, when new members keep appearing while the others are told.
const LOOKS: usize = 64;

/// Where the output of a new member goes.
pub(super) enum Output<'a> {
    /// Where that of the shim goes.
    Same,
    /// Both streams into this pipe.
    Pipe(BorrowedFd<'a>),
    /// Nowhere.
    Nowhere,
}

/// A member that has ended and was reaped.
pub(super) struct Ended {
    /// Its process id.
    pub(super) pid: u32,
    /// How.
    pub(super) exit: Exit,
}

/// What [`Family::reap`] found.
pub(super) struct Reaped {
    /// Who has ended.
    pub(super) ended: Vec<Ended>,
    /// Is nobody left, not even somebody to be reaped?
    pub(super) gone: bool,
}

/// The descendants of this process.
pub(super) struct Family;

impl Family {
    /// From now on every orphan below this process is its child.
    pub(super) fn begin() -> io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        Ok(Self)
    }

    /// Starts a member. `identified` is called once the process exists and before it becomes
    /// the program; when it fails, the program never runs.
    pub(super) fn start(
        &self,
        program: &Program,
        listeners: &[OwnedFd],
        output: &Output<'_>,
        identified: &mut dyn FnMut(Identity) -> io::Result<()>,
    ) -> Result<Identity, Failure> {
        let (near, far) = UnixStream::pair().map_err(|error| failed("make a socket", &error))?;
        near.set_read_timeout(Some(TAKES_OFF))
            .and_then(|()| near.set_write_timeout(Some(TAKES_OFF)))
            .map_err(|error| failed("limit a wait", &error))?;
        let pid =
            spawn_trampoline(far, output).map_err(|error| failed("start a process", &error))?;
        // Until it has its whole order, closing our end makes it go away by itself.
        let identity = Identity::of(pid)
            .and_then(|identity| identified(identity).map(|()| identity))
            .map_err(|error| failed("write down a process", &error))?;
        let files: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
        // Executing a program closes the other end; so an end without words is good news.
        match wire::send(&near, &Order::Become(program.clone()), &files)
            .and_then(|()| wire::receive::<Failure>(&near))
        {
            Ok(None) => Ok(identity),
            Ok(Some((failure, _))) => Err(failure),
            Err(error) => {
                self.kill_branch(identity)
                    .map_err(|error| failed("kill a process", &error))?;
                Err(failed("hand a process its program", &error))
            }
        }
    }

    /// Takes note of those that have ended since the last call.
    pub(super) fn reap(&self) -> io::Result<Reaped> {
        let mut ended = Vec::new();
        let gone = loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => ended.push(Ended {
                    pid: pid.as_raw_pid().unsigned_abs(),
                    exit: Exit {
                        code: status.exit_status(),
                        signal: status.terminating_signal(),
                    },
                }),
                Ok(None) => break false,
                // Who has no children has no descendants either: it would have adopted them.
                Err(rustix::io::Errno::CHILD) => break true,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Reaped { ended, gone })
    }

    /// Everybody who is left.
    pub(super) fn members(&self) -> io::Result<Vec<table::Process>> {
        table::descendants(std::process::id())
    }

    /// Asks everybody to end, once: many programs take a second request for impatience and
    /// drop what they were finishing.
    pub(super) fn terminate(&self) -> io::Result<()> {
        // One that is suspended hears of it only when it goes on.
        self.tell_all(&[Signal::TERM, Signal::CONT])
    }

    /// Kills everybody who is there now. Who forks meanwhile is seen by the next look; who
    /// forks after the last look is seen when its parent is reaped, so call this at each
    /// death until all are gone.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.tell_all(&[Signal::KILL])
    }

    /// Signals everybody once, looking again until there is nobody new.
    fn tell_all(&self, signals: &[Signal]) -> io::Result<()> {
        let mut told = HashSet::new();
        for _ in 0..LOOKS {
            let mut news = false;
            for member in self.members()?.into_iter().filter(|member| !member.ended) {
                if told.insert(member.identity) {
                    news = true;
                    for signal in signals {
                        tell(member.identity, *signal)?;
                    }
                }
            }
            if !news {
                break;
            }
        }
        Ok(())
    }

    /// Kills one member and everybody below it.
    pub(super) fn kill_branch(&self, root: Identity) -> io::Result<()> {
        let table = table::all()?;
        tell(root, Signal::KILL)?;
        for member in table::below(root.pid, &table) {
            tell(member.identity, Signal::KILL)?;
        }
        Ok(())
    }
}

/// Signals a member; one that is gone, or that has become another user's, is passed over, so
/// that the others hear of it.
fn tell(member: Identity, signal: Signal) -> io::Result<()> {
    match member.signal(signal) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

/// A child of the same program under the same verb, which waits for its order.
fn spawn_trampoline(order: UnixStream, output: &Output<'_>) -> io::Result<u32> {
    let mut own = env::args_os();
    // Not by its path: the file may have been replaced by an upgrade since.
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = own.next() {
        command.arg0(name);
    }
    command
        .args(own)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(order)));
    match output {
        Output::Same => {}
        Output::Pipe(pipe) => {
            command
                .stdout(pipe.try_clone_to_owned()?)
                .stderr(pipe.try_clone_to_owned()?);
        }
        Output::Nowhere => {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
    }
    // The child is reaped with all others, by `Family::reap`.
    Ok(command.spawn()?.id())
}
