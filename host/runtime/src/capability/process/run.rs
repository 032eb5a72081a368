//! Commands that run to their end: build steps, and questions like `cargo --version`.
//!
//! Each runs below a shim of its own, which adopts all its descendants. Whatever ends the
//! wait (the end of the command, the deadline, a cancel, this future being dropped, the host
//! being killed), nothing of the command is left behind.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::assemble;
use super::control::{self, Line};
use super::error::Error;
use super::launch::Exit;
use super::lines::Lines;
use super::program;
use super::protocol::{Failure, Once, Order, Program, Reply, Request};

/// How long `program --version` may take.
const VERSION: Duration = Duration::from_secs(5);
/// Between being asked to end and being killed, when the caller says nothing else.
const GRACE: Duration = Duration::from_secs(5);
/// Beyond the grace, how long a shim may take to say that all is over.
const ENDS: Duration = Duration::from_secs(15);
/// How long what was printed may take to arrive after the end.
const DRAINS: Duration = Duration::from_secs(10);

/// A command to run to its end.
#[derive(Clone)]
pub struct Command {
    /// The program and its arguments; never handed to a shell.
    pub argv: Vec<String>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Beside what the machine passes on, and stronger; with the values of secrets in it.
    pub variables: Vec<(String, String)>,
    /// Between being asked to end and being killed. `None`: 5 s.
    pub stop_grace: Option<Duration>,
    /// When it is stopped at the latest.
    pub deadline: Option<Instant>,
    /// Ends the grace of a command that is being stopped.
    pub force: CancellationToken,
}

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Runs commands.
#[derive(Clone, Debug)]
pub struct Runner {
    shim: Vec<OsString>,
    passed: Vec<(String, String)>,
}

/// Why a command is being stopped.
#[derive(Clone, Copy)]
enum Why {
    Cancelled,
    TimedOut,
}

impl Runner {
    /// With the command that is a shim when a folder is added to it, and the variables that
    /// [`pass_through`](super::pass_through) picked.
    #[must_use]
    pub fn new(shim: Vec<OsString>, passed: Vec<(String, String)>) -> Self {
        Self { shim, passed }
    }

    /// Runs a command to its end. Every line that it prints goes to `lines`, at most 8 KiB
    /// long (a longer one goes on in the next) and as valid text.
    ///
    /// # Errors
    /// When it could not be started, and [`Error::Cancelled`] or [`Error::TimedOut`] when it
    /// was stopped. An exit code other than 0 is no error.
    pub async fn run(
        &self,
        command: &Command,
        cancel: &CancellationToken,
        lines: &mut (dyn FnMut(Source, &str) + Send),
    ) -> Result<Exit, Error> {
        let program = self.program(command)?;
        let name = command.argv.first().cloned().unwrap_or_default();
        let grace = command.stop_grace.unwrap_or(GRACE);
        let failed = |cause: String| Error::Shim {
            what: format!("`{name}`"),
            cause,
        };
        let (mut child, mut line) = control::spawn(&self.shim, &command.directory, Stdio::piped)
            .map_err(|error| failed(error.to_string()))?;
        let order = Order::Once(Once {
            program,
            stop_grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        });
        let mut out = Stream::new(Source::Output, child.stdout.take());
        let mut err = Stream::new(Source::Error, child.stderr.take());
        let talk = converse(&mut line, &order, command, cancel, grace);
        tokio::pin!(talk);
        // Printing and talking go on together: a full pipe would hold the command up.
        let result = loop {
            tokio::select! {
                result = &mut talk => break result,
                () = out.read(), if out.is_open() => out.hand_on(lines),
                () = err.read(), if err.is_open() => err.hand_on(lines),
            }
        };
        // Nobody who could print is left, so that the streams end; unless somebody could not
        // be killed, and then they are not waited for.
        let drained = async {
            for stream in [&mut out, &mut err] {
                while stream.is_open() {
                    stream.read().await;
                    stream.hand_on(lines);
                }
            }
        };
        let _late = timeout(DRAINS, drained).await;
        let (reply, why) = result.map_err(|error| failed(error.to_string()))?;
        match (reply, why) {
            (Some(Reply::Failed(Failure::Refused(cause))), _) => Err(Error::ProgramRefused {
                program: name,
                cause,
            }),
            (Some(Reply::Failed(Failure::Unkillable(pids))), _) => Err(Error::Unkillable { pids }),
            (Some(Reply::Failed(failure)), _) => Err(failed(failure.sentence())),
            (Some(Reply::Ended(_)), Some(Why::Cancelled)) => {
                Err(Error::Cancelled { program: name })
            }
            (Some(Reply::Ended(_)), Some(Why::TimedOut)) => Err(Error::TimedOut { program: name }),
            (Some(Reply::Ended(Some(exit))), None) => Ok(exit),
            _ => Err(failed("it ended without an answer".to_owned())),
        }
    }

    /// The first line that `program --version` prints; it has 5 s.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`Error::Invalid`] when it ends with another code than 0 or
    /// prints nothing.
    pub async fn version(
        &self,
        program: &str,
        cancel: &CancellationToken,
    ) -> Result<String, Error> {
        let command = Command {
            argv: vec![program.to_owned(), "--version".to_owned()],
            directory: PathBuf::from("/"),
            variables: Vec::new(),
            stop_grace: Some(Duration::ZERO),
            deadline: Some(Instant::now() + VERSION),
            force: CancellationToken::new(),
        };
        let mut first: [Option<String>; 2] = [None, None];
        let exit = self
            .run(&command, cancel, &mut |source, line| {
                let [output, error] = &mut first;
                let slot = match source {
                    Source::Output => output,
                    Source::Error => error,
                };
                if slot.is_none() && !line.trim().is_empty() {
                    *slot = Some(line.trim().to_owned());
                }
            })
            .await?;
        let [output, error] = first;
        match output.or(error) {
            Some(line) if exit.code == Some(0) => Ok(line),
            _ => Err(Error::Invalid(format!(
                "`{program} --version` ended with {exit} and told no version"
            ))),
        }
    }

    fn program(&self, command: &Command) -> Result<Program, Error> {
        let Some(word) = command.argv.first() else {
            return Err(Error::Invalid("the command names no program".to_owned()));
        };
        if command.argv.iter().any(|word| word.contains('\0')) {
            return Err(Error::Invalid(
                "a word of the command contains NUL".to_owned(),
            ));
        }
        let mut environment: std::collections::BTreeMap<_, _> =
            self.passed.iter().cloned().collect();
        environment.extend(command.variables.iter().cloned());
        assemble::check(&environment)?;
        let loader = |name: &str| name.starts_with("LD_") || name == "GLIBC_TUNABLES";
        if let Some((name, _)) = command.variables.iter().find(|(name, _)| loader(name)) {
            return Err(Error::Invalid(format!(
                "the variable `{name}` decides which code a program loads, so it is not passed on"
            )));
        }
        // The program is looked for where the host looks, whatever it is told itself.
        let path = self.passed.iter().find(|(name, _)| name == "PATH");
        let path = path.map_or("", |(_, path)| path.as_str());
        Ok(Program {
            path: program::resolve_program(word, path, &command.directory)?,
            argv: command.argv.clone(),
            environment: environment.into_iter().collect(),
            directory: command.directory.clone(),
            listeners: Vec::new(),
        })
    }
}

/// Hands over the order and waits for the end, asking for it when it is time. Answers with
/// the last reply, and why the command was stopped if it was.
async fn converse(
    line: &mut Line,
    order: &Order,
    command: &Command,
    cancel: &CancellationToken,
    grace: Duration,
) -> std::io::Result<(Option<Reply>, Option<Why>)> {
    line.send(order, &[]).await?;
    let late = async {
        match command.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        reply = last_reply(line) => return Ok((reply?, None)),
        () = cancel.cancelled() => Why::Cancelled,
        () = late => Why::TimedOut,
    };
    // It may have ended in this moment: then the stop comes too late, and the reply is there.
    let _too_late = line.send(&Request::Stop, &[]).await;
    let end = async {
        tokio::select! {
            reply = last_reply(line) => return reply,
            () = command.force.cancelled() => {}
        }
        let _too_late = line.send(&Request::Stop, &[]).await;
        last_reply(line).await
    };
    match timeout(grace + ENDS, end).await {
        Ok(reply) => Ok((reply?, Some(why))),
        Err(_) => Err(std::io::Error::other("it does not end")),
    }
}

/// The reply that is not `Started`.
async fn last_reply(line: &mut Line) -> std::io::Result<Option<Reply>> {
    loop {
        match line.receive::<Reply>().await? {
            Some((Reply::Started { .. }, _)) => {}
            other => return Ok(other.map(|(reply, _)| reply)),
        }
    }
}

/// What a command prints on one stream.
struct Stream {
    source: Source,
    reader: Option<Box<dyn AsyncRead + Send + Unpin>>,
    chunk: Vec<u8>,
    lines: Lines,
}

impl Stream {
    fn new(source: Source, reader: Option<impl AsyncRead + Send + Unpin + 'static>) -> Self {
        Self {
            source,
            reader: reader.map(|reader| Box::new(reader) as _),
            chunk: Vec::with_capacity(8 * 1024),
            lines: Lines::default(),
        }
    }

    fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Takes what comes next; can be dropped and called again without losing anything.
    async fn read(&mut self) {
        let Some(reader) = &mut self.reader else {
            return;
        };
        if !matches!(reader.read_buf(&mut self.chunk).await, Ok(1..)) {
            self.reader = None;
        }
    }

    /// Hands on the lines that have ended; at the end of the stream, the last one too.
    fn hand_on(&mut self, out: &mut (dyn FnMut(Source, &str) + Send)) {
        let source = self.source;
        let mut hand_on = |line: &str| out(source, line);
        self.lines.take(&self.chunk, &mut hand_on);
        self.chunk.clear();
        if !self.is_open() {
            std::mem::take(&mut self.lines).finish(&mut hand_on);
        }
    }
}
