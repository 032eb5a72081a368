//! What the tests of processes need beside them: programs that listen, and a host that is
//! going to be killed. `peer WAY ARGUMENT…`

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{BufMut, Bytes, BytesMut};
use stagewright_runtime::capability::process::{Launch, Settings, Supervisor};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["http", port] => answer(&listen(port)?),
        ["activated", _] => answer(&activated()?),
        ["mute", port] => be_mute(&listen(port)?),
        ["grpc", port] => health(listen(port)?),
        ["host", folder, program] => host(Path::new(folder), program),
        other => bail!("{other:?} is not a way to be"),
    }
}

fn listen(port: &str) -> Result<TcpListener> {
    Ok(TcpListener::bind(("127.0.0.1", port.parse()?))?)
}

/// The socket that was passed, checked as sd_listen_fds(3) says.
fn activated() -> Result<TcpListener> {
    let variable = |name| std::env::var(name).with_context(|| format!("{name} is not set"));
    if variable("LISTEN_PID")? != std::process::id().to_string() || variable("LISTEN_FDS")? != "1" {
        bail!("no socket was passed to this process");
    }
    if variable("LISTEN_FDNAMES")? != "main" {
        bail!("the socket has another name");
    }
    let me = rustix::process::pidfd_open(
        rustix::process::getpid(),
        rustix::process::PidfdFlags::empty(),
    )?;
    let third = rustix::process::pidfd_getfd(me, 3, rustix::process::PidfdGetfdFlags::empty())?;
    Ok(third.into())
}

/// One request a connection; whoever sends none is passed over.
fn answer(listener: &TcpListener) -> Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || drop(answer_one(stream)));
    }
    Ok(())
}

fn answer_one(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => request.extend(buffer.iter().take(count)),
        }
    }
    let status = if request.starts_with(b"GET /healthz ") {
        "200 OK"
    } else {
        "404 Not Found"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

fn be_mute(listener: &TcpListener) -> Result<()> {
    let streams: Vec<_> = listener.incoming().collect();
    bail!("the listener ended after {} connections", streams.len())
}

/// `grpc.health.v1.Health/Check` by hand: `SERVING` for the server, `NOT_SERVING` for `sick`.
#[tokio::main(flavor = "current_thread")]
async fn health(listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move { drop(converse(stream).await) });
    }
}

async fn converse(stream: tokio::net::TcpStream) -> Result<()> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        tokio::spawn(async move {
            let mut body = request.into_body();
            let mut message = BytesMut::new();
            while let Some(chunk) = body.data().await {
                message.put(chunk?);
            }
            let head = http::Response::builder().header("content-type", "application/grpc");
            let mut send = respond.send_response(head.body(())?, false)?;
            let mut trailers = http::HeaderMap::new();
            // Five bytes of frame, then the fields of HealthCheckRequest.
            let (code, status) = match message.get(5..).unwrap_or_default() {
                b"" => ("0", Some(1)),
                b"\x0a\x04sick" => ("0", Some(2)),
                _ => ("5", None),
            };
            if let Some(status) = status {
                send.send_data(Bytes::from(vec![0, 0, 0, 0, 2, 8, status]), false)?;
            }
            trailers.insert("grpc-status", code.parse()?);
            send.send_trailers(trailers)?;
            anyhow::Ok(())
        });
    }
    Ok(())
}

/// Starts the newest release of `api` and waits to be killed.
#[tokio::main(flavor = "current_thread")]
async fn host(folder: &Path, program: &str) -> Result<()> {
    let supervisor = Supervisor::new(Settings {
        releases: folder.join("releases"),
        data: folder.join("data"),
        shim: vec![program.into(), "shim".into()],
        passed: vec![("PATH".to_owned(), std::env::var("PATH")?)],
    });
    let releases = supervisor.service("shop", "api")?.releases()?;
    let release = releases.first().context("nothing is installed")?;
    let launch = Launch {
        argv: Vec::new(),
        working_directory: String::new(),
        variables: Vec::new(),
        ports: Vec::new(),
        socket_activation: false,
        keep_running: true,
        stop_grace: Duration::from_secs(5),
        reason: "deploy".to_owned(),
    };
    release.start(&launch).await?;
    writeln!(std::io::stdout(), "started")?;
    std::future::pending().await
}
