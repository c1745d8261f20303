//! The thread that writes: it owns the one connection that may, and commits whatever has queued up together.
//!
//! While one group is synced to disk the next one gathers, so the sync itself is the only delay: alone, an append costs
//! one sync; under load, hundreds share one.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    thread::JoinHandle,
};

use rusqlite::{Connection, config::DbConfig};
use tokio::sync::{mpsc, oneshot};
use uzel_core::{
    event::{ReleaseId, Seq},
    store::{Error, Release},
};

use super::{super::admit::Admitted, insert, prune, schema};

/// Writes that wait for the writer; callers beyond wait to be let in.
const QUEUE: usize = 1024;
/// Writes in one transaction.
const GROUP: usize = 512;
/// Bytes in one transaction; one write may be larger and is then alone with those before it.
const GROUP_BYTES: usize = 8 << 20;

/// Something to write.
pub(super) enum Work {
    /// Records of a run and what goes with them.
    Append(Box<Admitted>),
    /// A release.
    Release(Box<Release>),
    /// A step of taking ended runs out.
    Prune(Box<prune::Step>),
}

impl Work {
    fn size(&self) -> usize {
        match self {
            Self::Append(append) => append.size,
            Self::Release(release) => release.files.values().map(Vec::len).sum(),
            // Nothing is gathered behind it: it may take a while.
            Self::Prune(_) => GROUP_BYTES,
        }
    }
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Result<Seq, Error>>,
}

/// Why the store no longer works, once it does not. After a failed sync nobody knows what is on the disk: trying again
/// would report success for pages that the system has dropped. Only opening the store anew tells.
#[derive(Default)]
pub(super) struct Health(OnceLock<String>);

impl Health {
    /// An error if the store has failed.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.0.get() {
            None => Ok(()),
            Some(cause) => Err(Error::Io(format!(
                "it stopped because a commit failed ({cause}); what was acknowledged before is safe; check the disk and \
                 start again"
            ))),
        }
    }
}

/// The queue of the writing thread.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(conn: Connection, health: Arc<Health>) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("uzel-write".to_owned());
        let thread = thread.spawn(move || write(conn, receiver, &health));
        let thread = thread.map_err(|e| Error::Io(format!("no thread for writing: {e}")))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Writes; what is written is durable when this returns.
    pub(super) async fn write(&self, work: Work) -> Result<Seq, Error> {
        let stopped = || Error::Io("the thread that writes has stopped".to_owned());
        let (answer, result) = oneshot::channel();
        self.jobs.as_ref().ok_or_else(stopped)?.send(Job { work, answer }).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has rolled back; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

/// Releases that this process put. Their runs may be about to start, so they stay when what nobody uses is taken out.
pub(super) type Fresh = BTreeSet<ReleaseId>;

fn write(conn: Connection, mut jobs: mpsc::Receiver<Job>, health: &Health) {
    let mut fresh = Fresh::new();
    while let Some(first) = jobs.blocking_recv() {
        let mut bytes = first.work.size();
        let mut group = vec![first];
        while group.len() < GROUP && bytes < GROUP_BYTES {
            let Ok(job) = jobs.try_recv() else { break };
            bytes = bytes.saturating_add(job.work.size());
            group.push(job);
        }
        let results = match health.check() {
            Ok(()) => commit(&conn, &group, health, &mut fresh),
            Err(error) => Err(error.to_string()),
        };
        match results {
            Ok(results) => {
                for (job, result) in group.into_iter().zip(results) {
                    // Nobody may wait for it any more; it is written all the same.
                    let _ = job.answer.send(result);
                }
            }
            Err(cause) => {
                for job in group {
                    let _ = job.answer.send(Err(Error::Io(cause.clone())));
                }
            }
        }
    }
    if health.check().is_ok() {
        schema::checkpoint(&conn);
    }
}

/// One transaction for the group: a result for each, or the reason why none of it happened.
fn commit(
    conn: &Connection,
    group: &[Job],
    health: &Health,
    fresh: &mut Fresh,
) -> Result<Vec<Result<Seq, Error>>, String> {
    run(conn, "BEGIN IMMEDIATE").map_err(|e| e.to_string())?;
    let mut results = Vec::with_capacity(group.len());
    for job in group {
        match apply(conn, &job.work, fresh) {
            Ok(result) => results.push(result),
            Err(error) => {
                // The transaction is gone or in doubt; nothing of it was acknowledged.
                let _ = run(conn, "ROLLBACK");
                return Err(error);
            }
        }
    }
    run(conn, "COMMIT").map_err(|error| {
        let cause = error.to_string();
        let _ = health.0.set(cause.clone());
        let _ = run(conn, "ROLLBACK");
        // Nothing more is written, not even on closing.
        let _ = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        format!("the commit failed: {cause}")
    })?;
    Ok(results)
}

/// One write under a savepoint, so that its failure leaves the others of the group alone. The outer error means that
/// the whole transaction is lost: SQLite itself ends it when the disk is full or broken.
fn apply(conn: &Connection, work: &Work, fresh: &mut Fresh) -> Result<Result<Seq, Error>, String> {
    let text = |error: rusqlite::Error| error.to_string();
    run(conn, "SAVEPOINT one").map_err(text)?;
    let result = match work {
        Work::Append(append) => insert::append(conn, append),
        Work::Release(release) => {
            fresh.insert(release.id.clone());
            insert::release(conn, release).map(|()| 0)
        }
        Work::Prune(step) => prune::apply(conn, step, fresh),
    };
    match &result {
        Ok(_) => {}
        Err(Error::Io(cause)) if conn.is_autocommit() => return Err(cause.clone()),
        Err(_) => run(conn, "ROLLBACK TO one").map_err(text)?,
    }
    run(conn, "RELEASE one").map_err(text)?;
    Ok(result)
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}
