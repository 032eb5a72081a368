//! Ports: whose they are, and how they pass from one release to the next.

use std::time::Duration;

use stagewright_runtime::capability::process::Launch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{Machine, free_port, serving};

#[tokio::test]
async fn a_port_held_by_a_stranger_names_it() {
    let machine = Machine::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let release = machine.install("one", "");
    let error = release.start(&serving("http", port)).await.unwrap_err();
    assert_eq!(error.code(), "port.taken");
    let message = error.to_string();
    let me = std::process::id().to_string();
    for part in [port.to_string(), "main".to_owned(), me, "suite".to_owned()] {
        assert!(message.contains(&part), "{message} lacks {part}");
    }
}

#[tokio::test]
async fn a_port_held_by_an_older_release_names_that() {
    let machine = Machine::new();
    let port = free_port();
    let older = machine.install("older", "");
    older.start(&serving("http", port)).await.unwrap();
    super::probes::ready(&older, port).await;
    let newer = machine.install("newer", "");
    let error = newer.start(&serving("http", port)).await.unwrap_err();
    assert_eq!(error.code(), "port.held-by-other-release");
    assert!(error.to_string().contains("`older`"), "{error}");
    older.stop().await.unwrap();
    newer.start(&serving("http", port)).await.unwrap();
}

#[tokio::test]
async fn sockets_pass_to_the_next_release_without_a_refused_connection() {
    let machine = Machine::new();
    let port = free_port();
    let launch = Launch {
        socket_activation: true,
        ..serving("activated", port)
    };
    let first = machine.install("first", "");
    first.start(&launch).await.unwrap();
    // The socket listens from the start on, before the program has looked at it.
    let over = CancellationToken::new();
    let caller = tokio::spawn(call(port, over.clone()));
    super::probes::ready(&first, port).await;
    let mut old = first;
    for step in ["second", "third"] {
        let new = machine.install(step, "");
        new.start(&launch).await.unwrap();
        super::probes::ready(&new, port).await;
        old.stop().await.unwrap();
        super::probes::ready(&new, port).await;
        old = new;
    }
    over.cancel();
    assert!(caller.await.unwrap() > 0, "nobody called");
    old.stop().await.unwrap();
    let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    assert_eq!(
        refused.kind(),
        std::io::ErrorKind::ConnectionRefused,
        "a socket was left open"
    );
}

/// Calls again and again until it is over; answers how often. A call may be cut off with the
/// release that took it, but somebody always takes it.
async fn call(port: u16, over: CancellationToken) -> u32 {
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    let mut calls = 0;
    while !over.is_cancelled() {
        pace.tick().await;
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let mut stream = stream.expect("a connection was refused");
        calls += 1;
        let request = b"GET /healthz HTTP/1.1\r\n\r\n";
        if stream.write_all(request).await.is_ok() {
            let mut answer = Vec::new();
            let cut_off = stream.read_to_end(&mut answer).await.is_err();
            assert!(cut_off || answer.is_empty() || answer.starts_with(b"HTTP/1.1 200"));
        }
    }
    calls
}
