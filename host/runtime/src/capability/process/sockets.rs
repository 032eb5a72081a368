//! The TCP sockets of this machine that listen, as the kernel tells them: sock_diag(7), asked
//! for those alone; where that is not offered, `/proc/net/tcp`, proc_net(5).
//!
//! The files in `/proc` tell every connection, and the kernel walks all of its tables for them,
//! which takes milliseconds; a probe asks each time.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// A socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Socket {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Names it among the open files of processes.
    pub(super) inode: u64,
}

/// The families that are asked about, each with its file.
const TABLES: [(AddressFamily, &str); 2] = [
    (AddressFamily::INET, "/proc/net/tcp"),
    (AddressFamily::INET6, "/proc/net/tcp6"),
];

/// State `TCP_LISTEN`.
const LISTENING: u8 = 10;
/// `SOCK_DIAG_BY_FAMILY`, the kind of the question and of its answers.
const BY_FAMILY: u16 = 20;
/// `NLMSG_DONE`: there are no more answers.
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const ALL: u16 = 0x301;
/// Of a message.
const HEADER: usize = 16;
/// A question: the header and `struct inet_diag_req_v2`.
const QUESTION: usize = HEADER + 56;
/// Room for what the kernel answers with at once.
const ROOM: usize = 32 * 1024;

/// All sockets that listen.
pub(super) fn listening() -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for (family, file) in TABLES {
        match ask(family) {
            Ok(answers) => sockets.extend(answers),
            Err(error) => {
                tracing::debug!(%error, "the kernel answers no questions about sockets");
                sockets.extend(read(file)?);
            }
        }
    }
    Ok(sockets)
}

/// Asks the kernel.
fn ask(family: AddressFamily) -> io::Result<Vec<Socket>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &question(family), SendFlags::empty(), &kernel)?;
    let mut sockets = Vec::new();
    let mut room = vec![0; ROOM];
    loop {
        let (read, _) = recv(&socket, &mut room, RecvFlags::empty())?;
        let answer = room.get(..read).unwrap_or_default();
        if take(answer, &mut sockets)? {
            return Ok(sockets);
        }
    }
}

/// The question for all sockets of a family that listen.
fn question(family: AddressFamily) -> Vec<u8> {
    let mut question = Vec::with_capacity(QUESTION);
    question.extend((QUESTION as u32).to_ne_bytes());
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend(ALL.to_ne_bytes());
    question.extend([0; 8]);
    let [family, _] = family.as_raw().to_le_bytes();
    let tcp = 6;
    question.extend([family, tcp, 0, 0]);
    question.extend((1_u32 << LISTENING).to_ne_bytes());
    // Of any address, port and interface.
    question.resize(QUESTION, 0);
    question
}

/// Takes the sockets out of some messages; true when they were the last.
fn take(mut messages: &[u8], sockets: &mut Vec<Socket>) -> io::Result<bool> {
    let torn = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "a message of the kernel is torn",
        )
    };
    while !messages.is_empty() {
        let length = u32::from_ne_bytes(field(messages, 0).ok_or_else(torn)?) as usize;
        let kind = u16::from_ne_bytes(field(messages, 4).ok_or_else(torn)?);
        let message = messages.get(..length).ok_or_else(torn)?;
        match kind {
            DONE => return Ok(true),
            BY_FAMILY => sockets.push(answer(message).ok_or_else(torn)?),
            _ => return Err(io::Error::other("the kernel refuses to tell")),
        }
        let next = length.next_multiple_of(4).max(HEADER);
        messages = messages.get(next..).unwrap_or_default();
    }
    Ok(false)
}

/// One `struct inet_diag_msg`.
fn answer(message: &[u8]) -> Option<Socket> {
    let body = message.get(HEADER..)?;
    let port = u16::from_be_bytes(field(body, 4)?);
    let address = match AddressFamily::from_raw((*body.first()?).into()) {
        AddressFamily::INET => IpAddr::from(field::<4>(body, 8)?),
        _ => IpAddr::from(field::<16>(body, 8)?).to_canonical(),
    };
    let inode = u32::from_ne_bytes(field(body, 68)?);
    Some(Socket {
        address: SocketAddr::new(address, port),
        inode: inode.into(),
    })
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Those in a file of `/proc`; a machine without IPv6 has no file for it.
fn read(file: &str) -> io::Result<Vec<Socket>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().filter_map(parse).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// One line of such a file, if that socket listens.
fn parse(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = fields.next()?;
    let state = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
    let inode = fields.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = SocketAddr::new(parse_address(address)?, port);
    (state == LISTENING).then_some(Socket { address, inode })
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
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Sockets of other programs come and go, so only those of this test are looked for.
    fn of(ours: &[SocketAddr], sockets: &[Socket]) -> Vec<Socket> {
        let ours = sockets.iter().filter(|one| ours.contains(&one.address));
        ours.copied().collect()
    }

    #[test]
    fn the_kernel_and_its_files_tell_the_same() {
        let hosts = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"];
        let sockets = hosts.iter().flat_map(TcpListener::bind);
        let sockets: Vec<TcpListener> = sockets.collect();
        let ours: Vec<_> = sockets
            .iter()
            .map(|one| one.local_addr().unwrap())
            .collect();
        let _not_listening = TcpStream::connect(ours[0]).unwrap();
        let mut asked = Vec::new();
        let mut written = Vec::new();
        for (family, file) in TABLES {
            asked.extend(of(&ours, &ask(family).unwrap()));
            written.extend(of(&ours, &read(file).unwrap()));
        }
        asked.sort_by_key(|one| one.inode);
        written.sort_by_key(|one| one.inode);
        assert_eq!(asked.len(), sockets.len());
        assert_eq!(asked, written);
        assert_eq!(of(&ours, &listening().unwrap()).len(), sockets.len());
    }

    #[test]
    fn what_the_kernel_did_not_say_to_its_end_is_an_error() {
        let answer = |length: u32, kind: u16| {
            let mut answer = length.to_ne_bytes().to_vec();
            answer.extend(kind.to_ne_bytes());
            answer.resize(20, 0);
            answer
        };
        let take = |message: &[u8]| take(message, &mut Vec::new());
        assert!(take(&answer(20, DONE)).unwrap());
        for wrong in [
            answer(21, DONE),
            answer(20, BY_FAMILY),
            answer(20, 2),
            vec![1],
        ] {
            assert!(take(&wrong).is_err(), "{wrong:?}");
        }
        assert!(!take(&[]).unwrap());
    }

    #[test]
    fn lines_of_both_families_are_read_and_others_passed_over() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0";
        let socket = parse(line).unwrap();
        assert_eq!(
            (socket.address.to_string().as_str(), socket.inode),
            ("127.0.0.1:8080", 12345)
        );
        let line = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1 0";
        assert_eq!(parse(line).unwrap().address.to_string(), "[::1]:80");
        assert!(
            parse(&line.replace(" 0A ", " 01 ")).is_none(),
            "a connection is not a listener"
        );
        assert!(parse("  sl  local_address rem_address   st").is_none());
    }
}
