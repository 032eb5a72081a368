//! The server: a fixed number of threads that accept, answer and close.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use super::deadline::Deadline;
use super::message::MessageError;
use super::{EXCHANGE, REQUEST_LIMIT, Request, Response};
use crate::log;

/// How many requests are answered at once; further connections wait in the kernel's queue.
const THREADS: usize = 16;

/// Why a server does not serve.
#[derive(Debug)]
pub enum ServerError {
    /// The port could not be taken.
    Bind {
        /// The port.
        port: u16,
        /// Why.
        cause: io::Error,
    },
    /// No further connection could be accepted.
    Accept(io::Error),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { port, cause } => {
                write!(f, "cannot listen on port {port} of 127.0.0.1: {cause}")
            }
            Self::Accept(cause) => write!(f, "cannot accept a connection: {cause}"),
        }
    }
}

impl std::error::Error for ServerError {}

/// A server that listens on this machine alone, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    program: &'static str,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes a port of 127.0.0.1; 0 means any free one.
    ///
    /// # Errors
    /// When the port is taken or not allowed.
    pub fn bind(program: &'static str, port: u16) -> Result<Self, ServerError> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        match bound {
            Ok((listener, address)) => Ok(Self {
                program,
                listener,
                address,
            }),
            Err(cause) => Err(ServerError::Bind { port, cause }),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers every request with what `handler` says, and prints a line for each. Returns
    /// only when a connection cannot be accepted; the program should end then.
    pub fn run(
        self,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> ServerError {
        log::line(self.program, format_args!("listening on {}", self.address));
        let shared = Arc::new((self, handler));
        let (failed, failure) = mpsc::sync_channel(THREADS);
        for _ in 0..THREADS {
            let (shared, failed) = (Arc::clone(&shared), failed.clone());
            thread::spawn(move || {
                let (server, handler) = &*shared;
                // Nobody listens any more once the first failure has ended the program.
                let _ = failed.send(server.accept_until_error(handler));
            });
        }
        drop(failed);
        let gone = |_| io::Error::other("all threads of the server are gone");
        ServerError::Accept(failure.recv().unwrap_or_else(gone))
    }

    fn accept_until_error(&self, handler: &impl Fn(&Request) -> Response) -> io::Error {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.exchange(&stream, handler),
                // The visitor left while waiting in the queue.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error,
            }
        }
    }

    fn exchange(&self, stream: &TcpStream, handler: &impl Fn(&Request) -> Response) {
        let start = Instant::now();
        let mut connection = Deadline::after(stream, EXCHANGE);
        let request = Request::read(&mut BufReader::new(&mut connection));
        let (what, response, head_only) = match &request {
            Ok(request) => (
                format!("{} {}", request.method, request.target),
                handler(request),
                request.head_only,
            ),
            // A probe that only connects, or a browser that connects ahead.
            Err(MessageError::Closed) => return,
            Err(error) => (error.to_string(), refusal(error), false),
        };
        let written = response.write(&mut connection, head_only);
        if request.is_err() {
            drain(stream, &mut connection);
        }
        let status = response.status;
        let elapsed = start.elapsed().as_millis();
        match written {
            Ok(()) => log::line(self.program, format_args!("{what} {status} {elapsed} ms")),
            Err(error) => log::line(
                self.program,
                format_args!("{what} {status} was not taken: {error}"),
            ),
        }
    }
}

/// What a request that could not be read is answered with.
fn refusal(error: &MessageError) -> Response {
    let status = match error {
        MessageError::TooLarge(_) => 413,
        MessageError::Unsupported(_) => 501,
        MessageError::Io(cause) if is_timeout(cause) => 408,
        _ => 400,
    };
    Response::error(status, error.to_string())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// Reads on for a while: closing a connection with unread bytes would reset it, and the visitor
/// would never see why the request was refused.
fn drain(stream: &TcpStream, connection: &mut Deadline<'_>) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        // Whether the visitor reads the answer or is gone makes no difference from here on.
        let _ = io::copy(&mut connection.take(REQUEST_LIMIT), &mut io::sink());
    }
}
