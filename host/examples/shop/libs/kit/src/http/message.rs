//! What requests and answers have in common: the head, its headers, and the body.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::HEAD_LIMIT;

/// Why a message could not be read.
#[derive(Debug)]
pub enum MessageError {
    /// The other side closed the connection without a word.
    Closed,
    /// The connection broke, or the time was up.
    Io(io::Error),
    /// The message is longer than its bound.
    TooLarge(&'static str),
    /// It is not HTTP/1.1 as the shop speaks it.
    Malformed(&'static str),
    /// It is HTTP/1.1, but a part of it that the shop does not speak.
    Unsupported(&'static str),
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed without a message"),
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::TooLarge(what) => write!(f, "the {what} is too large"),
            Self::Malformed(what) => write!(f, "malformed message: {what}"),
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
        }
    }
}

impl std::error::Error for MessageError {}

impl From<io::Error> for MessageError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Header fields in their order, names as they were sent.
pub(super) type Headers = Vec<(String, String)>;

/// The value of the first header of that name, in whatever case it was sent.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// The first line of a message and its headers.
pub(super) struct Head {
    pub(super) line: String,
    pub(super) headers: Headers,
}

impl Head {
    pub(super) fn read(reader: &mut impl BufRead) -> Result<Self, MessageError> {
        let mut bounded = reader.take(HEAD_LIMIT);
        let line = match head_line(&mut bounded) {
            Err(MessageError::Malformed(_)) if bounded.limit() == HEAD_LIMIT => {
                return Err(MessageError::Closed);
            }
            line => line?,
        };
        let mut headers = Headers::new();
        loop {
            let field = head_line(&mut bounded)?;
            if field.is_empty() {
                return Ok(Self { line, headers });
            }
            let (name, value) = field
                .split_once(':')
                .filter(|(name, _)| !name.is_empty() && !name.contains([' ', '\t']))
                .ok_or(MessageError::Malformed("a header is not `name: value`"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// How long the body is, when that is said.
    pub(super) fn content_length(&self) -> Result<Option<u64>, MessageError> {
        if header(&self.headers, "transfer-encoding").is_some() {
            return Err(MessageError::Unsupported("a transfer encoding"));
        }
        let mut lengths = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let (first, second) = (lengths.next(), lengths.next());
        let Some((_, length)) = first else {
            return Ok(None);
        };
        // Two lengths, or `+5`, are how requests are smuggled past one reader to another.
        if second.is_some() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MessageError::Malformed("the content length is unclear"));
        }
        length
            .parse()
            .map(Some)
            .map_err(|_| MessageError::Malformed("the content length is not a number"))
    }
}

fn head_line(reader: &mut io::Take<&mut impl BufRead>) -> Result<String, MessageError> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(if reader.limit() == 0 {
            MessageError::TooLarge("head")
        } else {
            MessageError::Malformed("the head ends early")
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text =
        String::from_utf8(line).map_err(|_| MessageError::Malformed("the head is not UTF-8"))?;
    if text
        .chars()
        .any(|character| character.is_control() && character != '\t')
    {
        return Err(MessageError::Malformed("the head has control characters"));
    }
    Ok(text)
}

/// Reads a body of exactly this length.
pub(super) fn read_body(
    reader: &mut impl BufRead,
    length: u64,
    limit: u64,
) -> Result<Vec<u8>, MessageError> {
    if length > limit {
        return Err(MessageError::TooLarge("body"));
    }
    let mut body = Vec::new();
    let read = reader.take(length).read_to_end(&mut body)?;
    if u64::try_from(read).is_ok_and(|read| read == length) {
        Ok(body)
    } else {
        Err(MessageError::Malformed("the body ends early"))
    }
}
