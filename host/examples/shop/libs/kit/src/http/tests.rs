use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use super::message::MessageError;
use super::*;
use crate::json::object;

fn read(text: &str) -> Result<Request, MessageError> {
    Request::read(&mut text.as_bytes())
}

fn problem(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// A server on a free port that echoes what it understood.
fn echo() -> SocketAddr {
    let server = Server::bind("echo", 0).unwrap();
    let address = server.address();
    thread::spawn(move || {
        server.run(|request| match request.route() {
            ("GET", path) if path.is_empty() => Response::html(200, "<p>hello"),
            ("PUT", path) if path == ["json"] => match request.json() {
                Ok(value) => Response::json(201, &value),
                Err(error) => Response::error(422, error),
            },
            _ => Response::error(404, "no such thing"),
        })
    });
    address
}

fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_is_taken_apart() {
    let request = read(
        "POST /a%20b//c?q=tea+pot&q=2&%C3%BC= HTTP/1.1\r\nHost: x\r\nX-Two:  words \r\n\
         content-length: 8\r\n\r\nname=%2B and more",
    )
    .unwrap();
    assert_eq!(request.route(), ("POST", vec!["a b", "c"]));
    assert_eq!(request.query("q"), Some("tea pot"));
    assert_eq!(request.query("\u{fc}"), Some(""));
    assert_eq!(request.header("x-two"), Some("words"));
    assert_eq!(request.form().unwrap(), [("name".into(), "+".into())]);
    assert!(!request.head_only);
}

#[test]
fn head_is_a_get_without_a_body() {
    let request = read("HEAD / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(request.route(), ("GET", vec![]));
    assert!(request.head_only);
}

#[test]
fn what_is_not_http_is_refused() {
    for (text, expected) in [
        ("", "closed without a message"),
        ("GET / HTTP/1.1\r\nHost", "the head ends early"),
        ("GET /\r\n\r\n", "not three words"),
        (
            "GET / HTTP/2\r\n\r\n",
            "this version of HTTP is not supported",
        ),
        ("GET http://x/ HTTP/1.1\r\n\r\n", "without a path"),
        ("GET /%zz HTTP/1.1\r\n\r\n", "broken escape"),
        ("GET /%ff HTTP/1.1\r\n\r\n", "broken escape"),
        ("GET /?a=%4 HTTP/1.1\r\n\r\n", "broken escape"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "not `name: value`"),
        ("GET / HTTP/1.1\r\nname : x\r\n\r\n", "not `name: value`"),
        ("GET / HTTP/1.1\r\na: \u{7}\r\n\r\n", "control characters"),
        (
            "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
            "the body ends early",
        ),
        (
            "PUT / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
            "content length is unclear",
        ),
        (
            "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "unclear",
        ),
        (
            "PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "not a number",
        ),
        (
            "PUT / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n",
            "the body is too large",
        ),
        (
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "a transfer encoding",
        ),
    ] {
        let problem = problem(text);
        assert!(problem.contains(expected), "{text:?}: {problem}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(10_000));
    assert_eq!(problem(&long), "the head is too large");
}

#[test]
fn client_and_server_understand_each_other() {
    let client = Client::new(echo().to_string());
    let value = object([("a", "\u{fc}\n".into())]);
    assert_eq!(client.json("PUT", "/json", Some(&value)).unwrap(), value);
    let page = client.send("GET", "/", &[], None).unwrap();
    assert_eq!((page.status, page.body.as_slice()), (200, &b"<p>hello"[..]));
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let refused = client.json("GET", "/other", None).unwrap_err().to_string();
    assert!(
        refused.ends_with("answered GET /other with 404: no such thing"),
        "{refused}"
    );
    let unreadable = client.json("GET", "/", None).unwrap_err().to_string();
    assert!(unreadable.contains("not JSON"), "{unreadable}");
}

#[test]
fn refusals_reach_the_visitor_even_when_the_body_was_not_read() {
    let address = echo();
    let mut large = b"PUT /json HTTP/1.1\r\nContent-Length: 65537\r\n\r\n".to_vec();
    large.resize(large.len() + 60_000, b'x');
    assert!(raw(address, &large).starts_with("HTTP/1.1 413 "));
    assert!(raw(address, b"nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(raw(address, b"HEAD / HTTP/1.1\r\n\r\n").ends_with("\r\nConnection: close\r\n\r\n"));
}

#[test]
fn nobody_there_is_said_with_the_address() {
    let address = Server::bind("gone", 0).unwrap().address().to_string();
    let error = Client::new(&address).json("GET", "/", None).unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }));
    assert!(error.to_string().starts_with(&address));
}

#[test]
fn a_taken_port_is_named() {
    let first = Server::bind("first", 0).unwrap();
    let port = first.address().port();
    let error = Server::bind("second", port).unwrap_err().to_string();
    assert!(error.contains(&format!("port {port}")), "{error}");
}

#[test]
fn no_header_can_be_smuggled_into_an_answer() {
    let mut bytes = Vec::new();
    Response::see_other("/a\r\nSet-Cookie: x=y")
        .write(&mut bytes, false)
        .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("\r\nLocation: /aSet-Cookie: x=y\r\n"),
        "{text}"
    );
}

#[test]
fn targets_are_encoded_and_decoded() {
    assert_eq!(target(&[], &[]), "/");
    let odd = "a/b?c&d=e%f \u{1f375}";
    let request = read(&format!(
        "GET {} HTTP/1.1\r\n\r\n",
        target(&[odd], &[(odd, odd)])
    ))
    .unwrap();
    assert_eq!(request.segments, [odd]);
    assert_eq!(request.query(odd), Some(odd));
}
