//! Who listens where on this machine: `/proc/net/tcp` tells sockets, `/proc/PID/fd` tells
//! whose they are (proc_net(5), proc_pid_fd(5)).
//!
//! A port that somebody else holds must never look like ours: neither when a release is
//! started nor when a probe is answered.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::Error;
use super::table;

/// State `TCP_LISTEN` in `/proc/net/tcp`.
const LISTENING: &str = "0A";

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

/// Everybody who listens on that TCP port, on whatever address.
pub(crate) fn listeners(port: u16) -> Result<Vec<Listener>, Error> {
    listeners_of(&[port])
}

/// Everybody who listens on one of those TCP ports: one look at the machine, however many.
pub(crate) fn listeners_of(ports: &[u16]) -> Result<Vec<Listener>, Error> {
    read(ports).map_err(Error::io("read", "/proc/net/tcp"))
}

fn read(ports: &[u16]) -> io::Result<Vec<Listener>> {
    let mut sockets = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(text) => sockets.extend(text.lines().filter_map(parse)),
            // A machine without IPv6 has no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    sockets.retain(|(address, _)| ports.contains(&address.port()));
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let mut owners = owners(&sockets.iter().map(|(_, inode)| *inode).collect())?;
    Ok(sockets
        .into_iter()
        .map(|(address, inode)| Listener {
            address,
            owners: owners.remove(&inode).unwrap_or_default(),
        })
        .collect())
}

/// Which processes have these sockets open.
fn owners(inodes: &HashSet<u64>) -> io::Result<HashMap<u64, Vec<u32>>> {
    let mut owners: HashMap<u64, Vec<u32>> = HashMap::new();
    for process in table::all()? {
        let pid = process.identity.pid;
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
    Ok(owners)
}

/// `socket:[1234]`
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// One line of the table, if that socket listens: its address and its inode.
fn parse(line: &str) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = fields.next()?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTENING).then_some((SocketAddr::new(parse_address(address)?, port), inode))
}

/// Words of 32 bits in the byte order of the machine, in hexadecimal.
fn parse_address(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for word in text.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes.as_slice())
        .ok()
        .map(|sixteen| Ipv6Addr::from(sixteen).to_canonical())
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
            let found = listeners(address.port()).unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].address, address);
            assert!(found[0].owners.contains(&std::process::id()));
            assert!(found[0].loopback().unwrap().ip().is_loopback());
            drop(socket);
            assert!(listeners(address.port()).unwrap().is_empty());
        }
    }

    #[test]
    fn lines_of_both_families_are_read_and_others_passed_over() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0";
        let (address, inode) = parse(line).unwrap();
        assert_eq!(
            (address.to_string().as_str(), inode),
            ("127.0.0.1:8080", 12345)
        );
        let line = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1 0";
        assert_eq!(parse(line).unwrap().0.to_string(), "[::1]:80");
        assert!(
            parse(&line.replace(" 0A ", " 01 ")).is_none(),
            "a connection is not a listener"
        );
        assert!(parse("  sl  local_address rem_address   st").is_none());
    }
}
