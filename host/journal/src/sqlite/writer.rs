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
    failure::{Failure, Outcome},
};
use crate::JournalError;

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
    requests: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<thread::JoinHandle<()>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    commits: AtomicU64,
}

/// Something to be carried out inside a transaction, and answered after its commit.
trait Request: Send {
    /// Does it. Whether something is to be kept of it; an error undoes the transaction.
    fn carry_out(&mut self, connection: &Connection) -> Outcome<bool>;

    /// Tells who asked what came of it; `failed` when the transaction as a whole did.
    fn answer(self: Box<Self>, failed: Option<&JournalError>);
}

/// A change of the tables, and who waits for what comes of it.
struct Asked<T, F> {
    change: F,
    outcome: Option<Result<T, JournalError>>,
    reply: oneshot::Sender<Result<T, JournalError>>,
}

impl<T, F> Request for Asked<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Outcome<T> + Send,
{
    fn carry_out(&mut self, connection: &Connection) -> Outcome<bool> {
        let outcome = match (self.change)(connection) {
            Ok(done) => Ok(done),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(failure) => return Err(failure),
        };
        Ok(self.outcome.insert(outcome).is_ok())
    }

    fn answer(self: Box<Self>, failed: Option<&JournalError>) {
        let answer = match (failed, self.outcome) {
            (Some(error), _) => Err(error.clone()),
            (None, outcome) => outcome.unwrap_or(Err(JournalError::Closed)),
        };
        // A sender that has gone away is not told, as it no longer asks.
        self.reply.send(answer).ok();
    }
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

    /// Carries out a change and answers when it is durable. A change that is refused leaves
    /// nothing.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        change: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let requests = self.requests.as_ref().ok_or(JournalError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            change,
            outcome: None,
            reply,
        };
        requests
            .send(Box::new(asked))
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
    fn run(mut self, mut requests: mpsc::Receiver<Box<dyn Request>>) {
        let mut group = Vec::new();
        while requests.blocking_recv_many(&mut group, GROUP) > 0 {
            let failed = self.commit(&mut group).err();
            for request in group.drain(..) {
                request.answer(failed.as_ref());
            }
        }
    }

    /// Carries out a group in one transaction; when the database fails none of it is kept.
    fn commit(&mut self, group: &mut [Box<dyn Request>]) -> Result<(), JournalError> {
        let error = |error| self.database.error("be written", error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(error)?;
        let mut kept = 0;
        for request in group {
            let carried_out = request.carry_out(&transaction);
            kept += u64::from(
                carried_out.map_err(|failure| self.database.failure("be written", failure))?,
            );
        }
        if kept == 0 {
            return Ok(());
        }
        transaction.commit().map_err(error)?;
        self.counters.requests.fetch_add(kept, Ordering::Relaxed);
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.bell.ring();
        Ok(())
    }
}
