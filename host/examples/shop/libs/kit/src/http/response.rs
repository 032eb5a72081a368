//! An answer, as the server writes it and the client reads it.

use std::io::{BufRead, Read, Write};

use super::RESPONSE_LIMIT;
use super::message::{Head, Headers, MessageError, header, read_body};
use crate::json::{self, Value};

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a body of that media type.
    pub fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
        .with_header("Content-Type", media_type)
    }

    /// A JSON value.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// `{"error": …}`, for the programs of the shop.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::json(status, &json::object([("error", message.into())]))
    }

    /// Plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// A page.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::new(status, "text/html; charset=utf-8", page.into())
    }

    /// Sends a browser that posted a form on to a page.
    pub fn see_other(location: &str) -> Self {
        Self::text(303, "").with_header("Location", location)
    }

    /// The same answer with one more header. Control characters are left out of the value, so
    /// that no value can begin a header of its own.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let value = value.chars().filter(|c| !c.is_control()).collect();
        self.headers.push((name.to_owned(), value));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Did it go well?
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn write(&self, writer: &mut impl Write, head_only: bool) -> std::io::Result<()> {
        let mut message = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        message.push_str("Connection: close\r\n\r\n");
        let mut bytes = message.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        writer.write_all(&bytes)?;
        writer.flush()
    }

    pub(super) fn read(reader: &mut impl BufRead) -> Result<Self, MessageError> {
        let head = Head::read(reader)?;
        let mut words = head.line.splitn(3, ' ');
        let (Some(version), Some(status)) = (words.next(), words.next()) else {
            return Err(MessageError::Malformed("the status line is too short"));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(MessageError::Unsupported("this version of HTTP"));
        }
        let status = status
            .parse()
            .ok()
            .filter(|status| (200..600).contains(status))
            .ok_or(MessageError::Malformed(
                "the status is not one from 200 to 599",
            ))?;
        let body = match head.content_length()? {
            _ if status == 204 || status == 304 => Vec::new(),
            Some(length) => read_body(reader, length, RESPONSE_LIMIT)?,
            None => read_to_close(reader)?,
        };
        Ok(Self {
            status,
            headers: head.headers,
            body,
        })
    }
}

fn read_to_close(reader: &mut impl BufRead) -> Result<Vec<u8>, MessageError> {
    let mut body = Vec::new();
    let mut bounded = reader.take(RESPONSE_LIMIT + 1);
    bounded.read_to_end(&mut body)?;
    if bounded.limit() == 0 {
        return Err(MessageError::TooLarge("body"));
    }
    Ok(body)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        303 => "See Other",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        _ => "Unnamed",
    }
}
