//! A store between the engine and another one: it counts what passes, and fails when a test says so. Used by tests of
//! the engine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use uzel_core::{
    capability::BoxFuture,
    event::{Event, ReleaseId, RunId, Seq, Time},
    store::{Append, Error, Filter, Head, Release, Store, Task},
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Once, and nothing was done.
    Before,
    /// Once, and it was done all the same: only the answer was lost.
    After,
    /// From then on, and nothing is done.
    ForEver,
}

/// The store.
pub struct Between {
    inner: Arc<dyn Store>,
    /// Which call fails, from 1, and how.
    fault: Option<(usize, Fails)>,
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

impl Between {
    /// A store that only counts.
    pub fn counting(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, fault: None, calls: AtomicUsize::new(0), bytes: AtomicUsize::new(0) })
    }

    /// A store whose `nth` call fails.
    pub fn failing(inner: Arc<dyn Store>, nth: usize, fails: Fails) -> Arc<Self> {
        Arc::new(Self { inner, fault: Some((nth, fails)), calls: AtomicUsize::new(0), bytes: AtomicUsize::new(0) })
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Bytes of all that was appended, as JSON: records, rows, questions, large values.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    async fn pass<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let failed = || Err(Error::Io(format!("the test says so, at call {number}")));
        match self.fault {
            Some((nth, Fails::Before)) if number == nth => failed(),
            Some((nth, Fails::ForEver)) if number >= nth => failed(),
            Some((nth, Fails::After)) if number == nth => {
                call.await?;
                failed()
            }
            _ => call.await,
        }
    }

    fn count(&self, append: &Append) {
        let json = |value: Result<Vec<u8>, serde_json::Error>| value.map_or(0, |bytes| bytes.len());
        let frames: usize = append.frames.iter().map(|frame| json(serde_json::to_vec(&frame.events))).sum();
        let tasks: usize = append.tasks.iter().map(|task| json(serde_json::to_vec(task))).sum();
        let blobs: usize = append.blobs.iter().map(|(_, bytes)| bytes.len()).sum();
        let head = append.head.as_ref().map_or(0, |head| json(serde_json::to_vec(head)));
        self.bytes.fetch_add(frames + tasks + blobs + head, Ordering::Relaxed);
    }
}

impl Store for Between {
    fn append(&self, run: RunId, after: Seq, append: Append) -> BoxFuture<'_, Result<Seq, Error>> {
        self.count(&append);
        Box::pin(self.pass(self.inner.append(run, after, append)))
    }

    fn load(&self, run: RunId) -> BoxFuture<'_, Result<(Vec<Event>, Seq), Error>> {
        Box::pin(self.pass(self.inner.load(run)))
    }

    fn head(&self, run: RunId) -> BoxFuture<'_, Result<Option<Head>, Error>> {
        Box::pin(self.pass(self.inner.head(run)))
    }

    fn heads(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Head>, Error>> {
        Box::pin(self.pass(self.inner.heads(filter)))
    }

    fn due(&self, now: Time, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, Error>> {
        Box::pin(self.pass(self.inner.due(now, limit)))
    }

    fn tasks(&self, open: bool, run: Option<RunId>) -> BoxFuture<'_, Result<Vec<Task>, Error>> {
        Box::pin(self.pass(self.inner.tasks(open, run)))
    }

    fn put_release(&self, release: Release) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.pass(self.inner.put_release(release)))
    }

    fn release(&self, id: ReleaseId) -> BoxFuture<'_, Result<Option<Release>, Error>> {
        Box::pin(self.pass(self.inner.release(id)))
    }

    fn blob(&self, hash: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        Box::pin(self.pass(self.inner.blob(hash)))
    }
}
