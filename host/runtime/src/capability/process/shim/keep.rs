//! The beginning of a watch over a release: that there is only one, where it listens, and
//! what the host is told of it. The watch itself is in [`keeper`](super::keeper).

use std::fs::OpenOptions;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{FlockOperation, Mode, fcntl_lock};
use rustix::process::umask;

use super::super::launch::Condition;
use super::super::protocol::{Failure, Keep, Reply};
use super::super::record::{self, Layout, Record};
use super::super::table::{self, Identity};
use super::keeper::Keeper;
use super::{answer, failed};

/// Connections that wait to be taken; the system caps it (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Starts the release of the current folder, says so to `host`, and looks after it until it
/// is over.
pub(super) fn keep(order: Keep, sockets: Vec<OwnedFd>, host: &OwnedFd) -> io::Result<()> {
    umask(Mode::RWXG | Mode::RWXO);
    // The folder of the process is that of the release.
    let layout = Layout::new("");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(layout.lock())?;
    if fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        answer(host, &Reply::AlreadyKept);
        return Ok(());
    }
    match begin(order, sockets, &layout) {
        Ok((keeper, pid)) => {
            answer(host, &Reply::Started { pid });
            keeper.run()
        }
        Err(failure) => {
            answer(host, &Reply::Failed(failure));
            Ok(())
        }
    }
}

/// Everything up to the first running process, whose id is the answer.
fn begin(order: Keep, given: Vec<OwnedFd>, layout: &Layout) -> Result<(Keeper, u32), Failure> {
    let record = new_record(&order).map_err(|error| failed("read the boot id", &error))?;
    let listeners = listen(&order, given)?;
    let mut keeper = Keeper::new(order, listeners, layout.clone(), record)
        .map_err(|error| failed("set up the shim", &error))?;
    let pid = keeper.start_first()?;
    Ok((keeper, pid))
}

fn new_record(order: &Keep) -> io::Result<Record> {
    Ok(Record {
        version: record::VERSION,
        step_id: order.step_id.clone(),
        boot_id: table::boot_id()?,
        shim: Identity::of(std::process::id())?,
        process: None,
        condition: Condition::Starting,
        exit: None,
        restarts: 0,
        detail: String::new(),
        stop_grace_ms: order.stop_grace_ms,
        keep_running: order.keep_running,
    })
}

/// The sockets that were handed over by an older release, and new ones for the other ports.
fn listen(order: &Keep, given: Vec<OwnedFd>) -> Result<Vec<OwnedFd>, Failure> {
    let mut listeners = given;
    for socket in order.sockets.iter().skip(listeners.len()) {
        let failed = |error: io::Error| Failure::Port {
            port: socket.port,
            cause: error.to_string(),
        };
        let listener = TcpListener::bind(("127.0.0.1", socket.port)).map_err(failed)?;
        // Those who come while the program is being replaced wait here.
        rustix::net::listen(&listener, BACKLOG).map_err(|error| failed(error.into()))?;
        listeners.push(listener.into());
    }
    Ok(listeners)
}
