//! The threads that read: each has its own connection, so that reading never waits for the writer nor holds it up.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use rusqlite::{Connection, Transaction};
use tokio::sync::{mpsc, oneshot};
use uzel_core::store::Error;

use super::schema;

/// Readers at work at the same time.
const THREADS: usize = 3;
/// Reads that wait for a reader; callers beyond wait to be let in.
const QUEUE: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A few threads that take reads from one queue.
pub(super) struct Readers {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections; the file is there and has our format, or this is an error.
    pub(super) fn start(file: &Path) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel::<Job>(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut readers = Self { jobs: Some(sender), threads: vec![] };
        for number in 0..THREADS {
            let mut conn = schema::open_reader(file)?;
            let receiver = Arc::clone(&receiver);
            let work = move || {
                loop {
                    // One thread waits in `blocking_recv`, the others for the lock: the same as a shared queue.
                    let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                    match next {
                        Some(job) => job(&mut conn),
                        None => return,
                    }
                }
            };
            let thread = std::thread::Builder::new().name(format!("uzel-read-{number}")).spawn(work);
            readers.threads.push(thread.map_err(|e| Error::Io(format!("no thread for reading: {e}")))?);
        }
        Ok(readers)
    }

    /// Reads in one transaction: everything `read` sees is of one moment.
    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
        let stopped = || Error::Io("the thread that reads has stopped".to_owned());
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            let outcome = match conn.transaction() {
                Ok(transaction) => read(&transaction),
                Err(error) => Err(Error::Io(error.to_string())),
            };
            // Nobody may wait for it any more.
            let _ = answer.send(outcome);
        });
        self.jobs.as_ref().ok_or_else(stopped)?.send(job).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A reader that panicked has nothing to lose.
            let _ = thread.join();
        }
    }
}
