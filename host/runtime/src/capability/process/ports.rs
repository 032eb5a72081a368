//! Who listens where on this machine: the kernel tells sockets, `/proc/PID/fd` tells whose they
//! are (proc_pid_fd(5)).
//!
//! A port that somebody else holds must never look like ours: neither when a release is
//! started nor when a probe is answered.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::Error;
use super::sockets;
use super::table;

/// A socket that listens, and who has it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Process ids; empty when they are another user's.
    pub owners: Vec<u32>,
}

/// Somebody who holds a port, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// `None`: a process of another user.
    pub pid: Option<u32>,
    /// Its program, without arguments.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(formatter, "`{}` (process {pid})", self.command),
            None => formatter.write_str("a process of another user"),
        }
    }
}

impl Listener {
    /// Who is to be named when somebody has to be.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let pid = self.owners.first().copied();
        Holder {
            pid,
            command: pid.map(table::command).unwrap_or_default(),
        }
    }

    /// Where to reach it from this machine, if that is possible by way of the loopback.
    #[must_use]
    pub fn loopback(&self) -> Option<SocketAddr> {
        let address = match self.address.ip() {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address if address.is_loopback() => address,
            _ => return None,
        };
        Some(SocketAddr::new(address, self.address.port()))
    }
}

/// Everybody who listens on one of those TCP ports, on whatever address: one look at the
/// machine, however many ports.
///
/// Whose a socket is is asked of the `likely` processes first. One that they hold is theirs, and
/// nobody else is named for it; all others are looked through only for a socket that none of
/// them has.
pub(crate) fn listeners(ports: &[u16], likely: &[u32]) -> Result<Vec<Listener>, Error> {
    read(ports, likely).map_err(Error::io("ask for the sockets of", "this machine"))
}

fn read(ports: &[u16], likely: &[u32]) -> io::Result<Vec<Listener>> {
    let mut sockets = sockets::listening()?;
    sockets.retain(|socket| ports.contains(&socket.address.port()));
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut sought: HashSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
    let mut owners = HashMap::new();
    for pid in likely {
        if sought.is_empty() {
            break;
        }
        owners.extend(self::owners(&sought, [*pid].into_iter()));
        sought.retain(|inode| !owners.contains_key(inode));
    }
    if !sought.is_empty() {
        let everybody = table::all()?;
        let everybody = everybody.iter().map(|process| process.identity.pid);
        owners.extend(self::owners(&sought, everybody));
    }
    Ok(sockets
        .into_iter()
        .map(|socket| Listener {
            address: socket.address,
            owners: owners.remove(&socket.inode).unwrap_or_default(),
        })
        .collect())
}

/// Which of the processes have these sockets open.
fn owners(inodes: &HashSet<u64>, processes: impl Iterator<Item = u32>) -> HashMap<u64, Vec<u32>> {
    let mut owners: HashMap<u64, Vec<u32>> = HashMap::new();
    for pid in processes {
        // Those of other users cannot be looked into, and some end meanwhile.
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        let mut found: Vec<u64> = files
            .filter_map(|file| inode(fs::read_link(file.ok()?.path()).ok()?.to_str()?))
            .filter(|inode| inodes.contains(inode))
            .collect();
        found.sort_unstable();
        found.dedup();
        for inode in found {
            owners.entry(inode).or_default().push(pid);
        }
    }
    owners
}

/// `socket:[1234]`
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn our_own_listener_is_found_with_its_owner() {
        for host in ["127.0.0.1:0", "0.0.0.0:0"] {
            let socket = TcpListener::bind(host).unwrap();
            let address = socket.local_addr().unwrap();
            let us = std::process::id();
            // Whether we are asked first or found among all.
            for likely in [[us], [1]] {
                let found = listeners(&[address.port()], &likely).unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].address, address);
                assert!(found[0].owners.contains(&us));
                assert!(found[0].loopback().unwrap().ip().is_loopback());
            }
            drop(socket);
            assert!(listeners(&[address.port()], &[us]).unwrap().is_empty());
        }
    }
}
