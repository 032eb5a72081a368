//! The one thread that writes, and group commit.
//!
//! A commit costs one flush of the disk however much is in it. So the thread takes everything
//! that is waiting into one transaction, commits, and only then answers; while the disk is busy
//! the next group gathers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{
    bell::Bell,
    connection::{Database, io_error},
    update::{self, Failure},
};
use crate::{Append, DeploymentId, Document, JournalError, NewDeployment};

/// How many requests may wait before their senders do.
const QUEUE: usize = 1024;
/// How many requests share one transaction at most.
const GROUP: usize = 1024;

/// What a journal has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Requests that were carried out, durably.
    pub requests: u64,
    /// Transactions that they were in.
    pub commits: u64,
}

/// The sending side of the thread; dropping it ends the thread after what was handed over.
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<thread::JoinHandle<()>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    commits: AtomicU64,
}

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

enum Request {
    Create(NewDeployment, Reply<DeploymentId>),
    Append(Append, Reply<()>),
    Document(String, Document, Reply<()>),
}

impl Writer {
    pub(super) fn start(
        database: Arc<Database>,
        connection: Connection,
        bell: Bell,
    ) -> Result<Self, JournalError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let counters = Arc::<Counters>::default();
        let path = database.path().to_owned();
        let thread = Thread {
            database,
            connection,
            bell,
            counters: Arc::clone(&counters),
        };
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || thread.run(receiver))
            .map_err(|source| io_error("start a thread for", &path, source))?;
        Ok(Self {
            requests: Some(sender),
            thread: Some(thread),
            counters,
        })
    }

    pub(super) fn counts(&self) -> WriteCounts {
        WriteCounts {
            requests: self.counters.requests.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn create(&self, new: NewDeployment) -> Result<DeploymentId, JournalError> {
        self.ask(|reply| Request::Create(new, reply)).await
    }

    pub(super) async fn append(&self, append: Append) -> Result<(), JournalError> {
        self.ask(|reply| Request::Append(append, reply)).await
    }

    pub(super) async fn put_document(
        &self,
        environment: String,
        document: Document,
    ) -> Result<(), JournalError> {
        self.ask(|reply| Request::Document(environment, document, reply))
            .await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, JournalError> {
        let requests = self.requests.as_ref().ok_or(JournalError::Closed)?;
        let (reply, answer) = oneshot::channel();
        requests
            .send(request(reply))
            .await
            .map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the journal panicked");
        }
    }
}

struct Thread {
    database: Arc<Database>,
    connection: Connection,
    bell: Bell,
    counters: Arc<Counters>,
}

impl Thread {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        while requests.blocking_recv_many(&mut group, GROUP) > 0 {
            let answers = match self.commit(&group) {
                Ok(answers) => answers,
                Err(error) => group.iter().map(|_| Err(error.clone())).collect(),
            };
            for (request, answer) in group.drain(..).zip(answers) {
                request.reply(answer);
            }
        }
    }

    /// Carries out a group in one transaction. An answer is an error when that request alone was
    /// refused; when the database fails none of the group is kept.
    fn commit(
        &mut self,
        group: &[Request],
    ) -> Result<Vec<Result<Done, JournalError>>, JournalError> {
        let error = |error| self.database.error("be written", error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(error)?;
        let mut answers = Vec::with_capacity(group.len());
        for request in group {
            answers.push(match request.carry_out(&transaction) {
                Ok(done) => Ok(done),
                Err(Failure::Refused(refusal)) => Err(refusal),
                Err(Failure::Database(failure)) => return Err(error(failure)),
            });
        }
        let kept = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        if kept == 0 {
            return Ok(answers);
        }
        transaction.commit().map_err(error)?;
        self.counters.requests.fetch_add(kept, Ordering::Relaxed);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.bell.ring();
        Ok(answers)
    }
}

/// What a request came to.
enum Done {
    Created(DeploymentId),
    Written,
}

impl Request {
    fn carry_out(&self, connection: &Connection) -> Result<Done, Failure> {
        match self {
            Self::Create(new, _) => update::create(connection, new).map(Done::Created),
            Self::Append(append, _) => update::append(connection, append).map(|()| Done::Written),
            Self::Document(environment, document, _) => {
                update::put_document(connection, environment, document).map(|()| Done::Written)
            }
        }
    }

    /// Answers; a sender that has gone away is not told, as it no longer asks.
    fn reply(self, answer: Result<Done, JournalError>) {
        match self {
            Self::Create(_, reply) => {
                let created = answer.and_then(|done| match done {
                    Done::Created(id) => Ok(id),
                    Done::Written => Err(JournalError::Closed),
                });
                reply.send(created).ok();
            }
            Self::Append(_, reply) | Self::Document(_, _, reply) => {
                reply.send(answer.map(|_| ())).ok();
            }
        }
    }
}
