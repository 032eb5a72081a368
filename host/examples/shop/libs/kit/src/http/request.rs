//! A request, as the server reads it.

use std::io::BufRead;

use super::message::{Head, Headers, MessageError, header, read_body};
use super::{REQUEST_LIMIT, target};
use crate::json::{self, Value};

/// A request whose target has been taken apart and decoded.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`, …; what came as `HEAD` is a `GET` here.
    pub method: String,
    /// The target as it was sent.
    pub target: String,
    /// The decoded segments of the path.
    pub segments: Vec<String>,
    /// The decoded fields of the query.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: Headers,
    /// The body; empty when there is none.
    pub body: Vec<u8>,
    /// The answer is wanted without its body.
    pub head_only: bool,
}

impl Request {
    pub(super) fn read(reader: &mut impl BufRead) -> Result<Self, MessageError> {
        let head = Head::read(reader)?;
        let mut words = head.line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(MessageError::Malformed(
                "the request line has not three words",
            ));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(MessageError::Unsupported("this version of HTTP"));
        }
        if !target.starts_with('/') {
            return Err(MessageError::Unsupported("a target without a path"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let undecodable = MessageError::Malformed("the target has a broken escape");
        let (Some(segments), Some(query)) = (target::segments(path), target::form(query)) else {
            return Err(undecodable);
        };
        let body = match head.content_length()? {
            Some(length) => read_body(reader, length, REQUEST_LIMIT)?,
            None => Vec::new(),
        };
        let head_only = method == "HEAD";
        Ok(Self {
            method: if head_only { "GET" } else { method }.to_owned(),
            target: target.to_owned(),
            segments,
            query,
            headers: head.headers,
            body,
            head_only,
        })
    }

    /// The method and the path, to be matched against the routes of a program.
    pub fn route(&self) -> (&str, Vec<&str>) {
        let path = self.segments.iter().map(String::as_str).collect();
        (&self.method, path)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The first field of that name in the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// One sentence, when it is not JSON.
    pub fn json(&self) -> Result<Value, String> {
        let text = str::from_utf8(&self.body).map_err(|error| error.to_string())?;
        json::parse(text).map_err(|error| error.to_string())
    }

    /// The fields of the form in the body; nothing when it is not one.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        str::from_utf8(&self.body).ok().and_then(target::form)
    }
}
