//! The client: one call, one connection, one deadline.

use std::fmt;
use std::io::{self, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};

use super::deadline::Deadline;
use super::message::MessageError;
use super::{EXCHANGE, Response};
use crate::json::{self, Value};

/// Why another service gave no usable answer.
#[derive(Debug)]
pub enum CallError {
    /// It could not be reached, or the connection broke before the request was sent.
    Unreachable {
        /// Its address.
        address: String,
        /// Why.
        cause: io::Error,
    },
    /// Its answer could not be read.
    Unreadable {
        /// Its address.
        address: String,
        /// Why.
        cause: MessageError,
    },
    /// It answered, but not what was asked for.
    Refused {
        /// Its address.
        address: String,
        /// What was asked for.
        request: String,
        /// The status code.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, cause } => {
                write!(f, "{address} cannot be reached: {cause}")
            }
            Self::Unreadable { address, cause } => {
                write!(f, "the answer of {address} cannot be read: {cause}")
            }
            Self::Refused {
                address,
                request,
                status,
                message,
            } => write!(f, "{address} answered {request} with {status}: {message}"),
        }
    }
}

impl std::error::Error for CallError {}

/// Calls one other service.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
}

impl Client {
    /// For the service at `host:port`.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }

    /// The answer to a request, whatever its status.
    ///
    /// # Errors
    /// When there is no answer in time, or it cannot be read.
    pub fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response, CallError> {
        let stream = self.connect().map_err(|cause| self.unreachable(cause))?;
        let mut connection = Deadline::after(&stream, EXCHANGE);
        connection
            .write_all(&self.message(method, target, headers, body))
            .map_err(|cause| self.unreachable(cause))?;
        Response::read(&mut BufReader::new(connection)).map_err(|cause| CallError::Unreadable {
            address: self.address.clone(),
            cause,
        })
    }

    /// The JSON of an answer that went well.
    ///
    /// # Errors
    /// As [`send`](Self::send), and when the status says no or the body is not JSON.
    pub fn json(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let response = self.send(method, target, &[], body)?;
        self.accept(method, target, &response)
    }

    /// The JSON of an answer, if it went well.
    ///
    /// # Errors
    /// When the status says no or the body is not JSON.
    pub fn accept(
        &self,
        method: &str,
        target: &str,
        response: &Response,
    ) -> Result<Value, CallError> {
        let text = String::from_utf8_lossy(&response.body);
        let message = match json::parse(&text) {
            Ok(value) if response.is_success() => return Ok(value),
            Ok(value) => value.text("error").unwrap_or("no reason given").to_owned(),
            Err(error) => error.to_string(),
        };
        Err(CallError::Refused {
            address: self.address.clone(),
            request: format!("{method} {target}"),
            status: response.status,
            message,
        })
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, EXCHANGE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn message(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Vec<u8> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut message = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            message.push_str("Content-Type: application/json\r\n");
        }
        message.push_str(&format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
        message.into_bytes()
    }

    fn unreachable(&self, cause: io::Error) -> CallError {
        CallError::Unreachable {
            address: self.address.clone(),
            cause,
        }
    }
}
