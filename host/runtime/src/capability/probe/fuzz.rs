//! Servers that answer probes with anything: the answer is a status or a failure, soon, and
//! nobody makes the host take more bytes than a probe needs.

use std::net::SocketAddr;

use stagewright_fuzz::{Finding, Shape, Target, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::reach::within;
use super::{Error, grpc, http};

/// Milliseconds. Some answers that are none leave the client waiting for more until its time
/// is over, so this is what such an input takes.
const PATIENCE: u32 = 5_000;
/// What a server can get rid of before its peer has had enough: buffers of the system on both
/// sides, and some of ours.
const MOST_TAKEN: usize = 48 * 1024 * 1024;

/// Whether a request of HTTP/1.1 is there.
fn by_http(heard: &[u8]) -> bool {
    heard.windows(4).any(|end| end == b"\r\n\r\n")
}

/// Whether the headers of a request are there, behind the preface of HTTP/2 (RFC 9113, sections
/// 3.4 and 4.1).
fn by_grpc(heard: &[u8]) -> bool {
    let mut rest = heard.get(24..).unwrap_or_default();
    while let Some(([a, b, c, kind], _)) = rest.split_first_chunk::<4>() {
        if *kind == HEADERS {
            return true;
        }
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    false
}

/// A server for one connection, which, once it was asked, says this as often as is wanted, listens until the
/// other side has finished, and tells how much of it was taken.
async fn serve(
    is_asked: fn(&[u8]) -> bool,
    answer: Vec<u8>,
    times: usize,
) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that comes again finds nobody, instead of waiting to be let in.
        drop(listener);
        let (mut hear, mut say) = stream.into_split();
        // It must have listened before it speaks: an answer to nothing is another thing.
        let mut asked = Vec::new();
        while !is_asked(&asked) {
            if hear.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                return 0;
            }
        }
        let mut taken = 0;
        for _ in 0..times {
            if say.write_all(&answer).await.is_err() {
                return taken;
            }
            taken += answer.len();
        }
        // Both may have gone already.
        let _ = say.shutdown().await;
        let _ = tokio::io::copy(&mut hear, &mut tokio::io::sink()).await;
        taken
    });
    (address, serving)
}

async fn ask_http(address: SocketAddr) -> Result<u16, Error> {
    let port = address.port();
    within(PATIENCE, port, async {
        let stream = TcpStream::connect(address).await.unwrap();
        http::ask(stream, port, "/healthz".parse().unwrap()).await
    })
    .await
}

async fn ask_grpc(address: SocketAddr) -> Result<String, Error> {
    within(PATIENCE, address.port(), grpc::check(address, "shop")).await
}

fn assert_told(error: &Error) {
    assert!(
        ["probe.answer", "probe.unreachable"].contains(&error.code()),
        "{error}"
    );
    assert!(
        error.to_string().len() < 64 * 1024,
        "{} bytes",
        error.to_string().len()
    );
}

#[test]
fn http_answers() -> Result<(), Finding> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let target = Target::new("http-answer", Shape::Bytes)
        .seeds([
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.0 301 Moved\r\nlocation: http://example.com/\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        ])
        .words(&[
            "HTTP/1.1 ",
            "HTTP/2 ",
            "content-length: ",
            "transfer-encoding: ",
            "\r\n",
            "chunked",
        ]);
    target.run(|input| {
        runtime.block_on(async {
            let (address, serving) = serve(by_http, input.to_vec(), 1).await;
            let answer = ask_http(address).await;
            serving.abort();
            match answer {
                Ok(status) => {
                    assert!((100..1_000).contains(&status));
                    Verdict::Accepted
                }
                Err(error) => {
                    assert_told(&error);
                    Verdict::Refused
                }
            }
        })
    })?;
    Ok(())
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [head.as_slice(), payload].concat()
}

/// Literal fields without indexing (RFC 7541, section 6.2.2), behind `:status: 200`.
fn fields(status: &[u8], pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut block = status.to_vec();
    for (name, value) in pairs {
        for text in [name, value] {
            if text == name {
                block.push(0);
            }
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const DATA: u8 = 0;

/// What a gRPC server says that serves.
fn serving(status: u8) -> Vec<u8> {
    let headers = fields(&[0x88], &[("content-type", "application/grpc")]);
    let message = [0, 0, 0, 0, 2, 8, status];
    let trailers = fields(&[], &[("grpc-status", "0")]);
    [
        frame(SETTINGS, 0, 0, &[]),
        frame(SETTINGS, 1, 0, &[]),
        frame(HEADERS, 4, 1, &headers),
        frame(DATA, 0, 1, &message),
        frame(HEADERS, 5, 1, &trailers),
    ]
    .concat()
}

fn refusing() -> Vec<u8> {
    let pairs = [
        ("content-type", "application/grpc"),
        ("grpc-status", "5"),
        ("grpc-message", "no %1B[2J such"),
    ];
    [
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, 5, 1, &fields(&[0x88], &pairs)),
    ]
    .concat()
}

#[test]
fn grpc_answers() -> Result<(), Finding> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let target = Target::new("grpc-answer", Shape::Bytes)
        .seed(serving(1))
        .seed(serving(2))
        .seed(refusing())
        .seed("HTTP/1.1 400 Bad Request\r\n\r\n")
        .words(&[
            "grpc-status",
            "grpc-message",
            "application/grpc",
            "14",
            "\u{8}\u{1}",
        ]);
    target.run(|input| {
        runtime.block_on(async {
            let (address, serving) = serve(by_grpc, input.to_vec(), 1).await;
            let answer = ask_grpc(address).await;
            serving.abort();
            match answer {
                Ok(status) => {
                    assert!(
                        status.bytes().all(|byte| byte.is_ascii_graphic()),
                        "{status:?}"
                    );
                    Verdict::Accepted
                }
                Err(error) => {
                    assert_told(&error);
                    Verdict::Refused
                }
            }
        })
    })?;
    Ok(())
}

#[tokio::test]
async fn an_endless_answer_is_not_taken_to_its_end() {
    let megabyte = 1024 * 1024;
    for endless in [
        b"HTTP/1.1 200 OK\r\nx: "
            .iter()
            .copied()
            .chain(vec![b'x'; megabyte])
            .collect(),
        vec![b'x'; megabyte],
    ] {
        let (address, serving) = serve(by_http, endless, 256).await;
        assert_told(&ask_http(address).await.unwrap_err());
        let taken = serving.await.unwrap();
        assert!(taken < MOST_TAKEN, "{taken} bytes were taken");
    }
}
