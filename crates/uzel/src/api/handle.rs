//! A run that is being driven, as a stream of its events. The caller's task drives it: nothing is spawned here.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::mpsc;
use uzel_core::{
    event::{Event, InstancePath, RunId},
    store::{self, Head, Store},
};
use uzel_runtime::driver::{Ask, Driver, Watcher};

use super::{error::Error, result::RunResult};

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// A fact, as it stands in the run's log.
    Log(Event),
    /// A piece of text as it came from a model; not stored. Pieces that were not fetched yet are joined.
    Text {
        /// The node that asked.
        node: String,
        /// The piece.
        text: String,
    },
    /// The try that the node's text came from failed: what was shown of it does not count.
    Void {
        /// The node that asked.
        node: String,
    },
}

/// Runs that handles of this process drive, with the way to ask their loops for something.
#[derive(Clone, Default)]
pub(crate) struct Driven(Arc<Mutex<BTreeMap<RunId, mpsc::Sender<Ask>>>>);

impl Driven {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, mpsc::Sender<Ask>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a run until the result is dropped; an error if it is driven already.
    pub(crate) fn enter(&self, run: &RunId) -> Result<Entered, Error> {
        let (sender, asks) = mpsc::channel(8);
        let mut driven = self.lock();
        if driven.contains_key(run) {
            return Err(Error::Driven(run.clone()));
        }
        driven.insert(run.clone(), sender);
        Ok(Entered { driven: self.clone(), run: run.clone(), asks: Some(asks) })
    }

    pub(crate) fn asker(&self, run: &RunId) -> Option<mpsc::Sender<Ask>> {
        self.lock().get(run).cloned()
    }
}

/// A run that is noted as driven.
pub(crate) struct Entered {
    driven: Driven,
    run: RunId,
    asks: Option<mpsc::Receiver<Ask>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.driven.lock().remove(&self.run);
    }
}

/// Events that were not fetched yet, and who waits for the next one.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    events: VecDeque<RunEvent>,
    waker: Option<Waker>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: RunEvent) {
        let mut waiting = self.lock();
        // Bounded by the log, which is, and by the models' limits on text: pieces of one node are joined.
        match (waiting.events.back_mut(), event) {
            (Some(RunEvent::Text { node, text }), RunEvent::Text { node: same, text: more }) if *node == same => {
                text.push_str(&more);
            }
            (_, event) => waiting.events.push_back(event),
        }
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

impl Watcher for Queue {
    fn event(&self, _run: &RunId, event: &Event) {
        self.push(RunEvent::Log(event.clone()));
    }

    fn text(&self, _run: &RunId, instance: &InstancePath, text: &str) {
        self.push(RunEvent::Text { node: instance.as_str().to_owned(), text: text.to_owned() });
    }

    fn void(&self, _run: &RunId, instance: &InstancePath) {
        self.push(RunEvent::Void { node: instance.as_str().to_owned() });
    }
}

type Driving = Pin<Box<dyn Future<Output = Result<Head, store::Error>> + Send>>;

/// A run, from its start or from where its log ended, until it ends or waits for somebody.
///
/// It goes on while [`RunHandle::next`] or [`RunHandle::finish`] is awaited. Dropping it leaves the run where its log
/// is; [`crate::App::resume`] goes on from there.
#[must_use = "a run goes on only while its handle is asked for events or its result"]
pub struct RunHandle {
    id: RunId,
    queue: Arc<Queue>,
    store: Arc<dyn Store>,
    driving: Option<(Driving, Entered)>,
    ended: Option<Result<Head, Error>>,
}

impl RunHandle {
    pub(crate) fn new(
        id: RunId,
        driver: Driver,
        mut entered: Entered,
        queue: Arc<Queue>,
        store: Arc<dyn Store>,
    ) -> Self {
        let asks = entered.asks.take().unwrap_or_else(|| mpsc::channel(1).1);
        let driving: Driving = Box::pin(driver.drive(asks));
        Self { id, queue, store, driving: Some((driving, entered)), ended: None }
    }

    /// The run's name.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// The next thing that happens; `None` once the run has ended or waits. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<RunEvent> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        if let Some(event) = self.queue.lock().events.pop_front() {
            return Poll::Ready(Some(event));
        }
        let Some((driving, _)) = &mut self.driving else { return Poll::Ready(None) };
        if let Poll::Ready(result) = driving.as_mut().poll(context) {
            self.driving = None;
            self.ended = Some(result.map_err(Error::from));
        }
        let mut waiting = self.queue.lock();
        match waiting.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if self.driving.is_none() => Poll::Ready(None),
            None => {
                // Under the same lock as the look before it, so that no event can slip between.
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Asks the run to end. It goes on to be driven, and ends as cancelled.
    pub fn cancel(&self, why: &str) {
        if let Some((_, entered)) = &self.driving
            && let Some(asker) = entered.driven.asker(&self.id)
        {
            // Full only of requests for the same.
            let _ = asker.try_send(Ask::Cancel { why: why.to_owned() });
        }
    }

    /// Drives the run on until it ends or waits, and gives its result. Events that were not fetched are dropped.
    ///
    /// # Errors
    /// The store's. A run that failed is a result.
    pub async fn finish(mut self) -> Result<RunResult, Error> {
        while self.next().await.is_some() {}
        let head = self.ended.take().unwrap_or_else(|| Err(store::Error::UnknownRun(self.id.clone()).into()))?;
        // A run that ended closed its questions with its end: asking the store would cost as much as another record.
        let is_open = !head.status.is_final();
        let tasks = if is_open { self.store.tasks(true, Some(self.id.clone())).await? } else { vec![] };
        Ok(RunResult::of(head, tasks))
    }
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
