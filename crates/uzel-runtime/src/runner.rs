//! Many runs at once over one engine, for a process that lives long: a server makes one and asks it for everything.
//!
//! A run that is driven has a task and a place in `driven`; one that waits has neither, only its row in the store.
//! Everything that is asked of a run goes to its driver, and if it has none it gets one: whoever asks never has to know,
//! and nothing is asked of a driver that has just left, because places are given back under the same lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use serde_json::Value;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
};
use uzel_core::{
    build::App,
    capability::BoxFuture,
    event::{InstancePath, ReleaseId, RunId, Time},
    store::{self, Head, Status, Store},
};

use crate::{
    driver::{Ask, Driver},
    engine::{self, Engine, Given, MOST_CRASHES, Start, TakenUp},
    layers::Shared,
};

mod hub;
mod sweep;

pub use hub::{Message, Next, Watching};
use {hub::Hub, sweep::Again};

/// Finds the apps of runs.
pub trait Apps: Send + Sync {
    /// The app that a run is pinned to, ready to run.
    fn app_of<'a>(&'a self, head: &'a Head) -> BoxFuture<'a, Result<Arc<App>, engine::Error>>;
}

/// How much is done at a time.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Runs that are driven at a time.
    pub in_flight: usize,
    /// Runs that are accepted and wait for their turn; beyond that nothing new is accepted.
    pub queue: usize,
    /// Runs that are driven besides, because somebody answered, called back or cancelled.
    pub reserve: usize,
    /// Runs that are woken at once.
    pub batch: usize,
    /// How often the store is asked for runs that are due, at least.
    pub poll: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { in_flight: 256, queue: 1_024, reserve: 64, batch: 256, poll: Duration::from_secs(1) }
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too much is going on.
    #[error("too many runs wait for their turn")]
    Busy {
        /// When it may be better.
        retry_after: Duration,
    },
    /// The process is about to end.
    #[error("this process is about to end")]
    Draining,
    /// The engine's.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Runs that are driven, or wait for their turn.
    pub driven: usize,
    /// Runs that wait for their turn.
    pub queued: usize,
    /// Runs that could not go on and are tried again later.
    pub stuck: usize,
    /// Runs that were accepted.
    pub accepted: u64,
    /// Starts that were refused because too much was going on.
    pub refused: u64,
    /// Times that a run ended or parked, by status in the order of [`Status::ALL`].
    pub left: [u64; Status::ALL.len()],
    /// Whether the process is about to end.
    pub is_draining: bool,
}

/// Drives runs. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Runner(Arc<Inner>);

struct Inner {
    engine: Engine,
    apps: Arc<dyn Apps>,
    options: Options,
    hub: Arc<Hub>,
    /// One for each run that is driven.
    turns: Arc<Semaphore>,
    /// One for each run that is driven besides.
    reserve: Arc<Semaphore>,
    /// One for each run that nobody asked for: those must leave room for the others.
    background: Arc<Semaphore>,
    queued: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    left: [AtomicU64; Status::ALL.len()],
    roused: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Runs that have a task, and the way to ask it for something. Senders are used under the lock only.
    driven: BTreeMap<RunId, Slot>,
    tasks: JoinSet<()>,
    is_draining: bool,
    /// The earliest times at which parked runs are due, as far as they are known.
    wakes: BTreeSet<Time>,
    /// Runs that could not go on.
    again: BTreeMap<RunId, Again>,
}

/// A run's place.
#[derive(Clone)]
struct Slot {
    asks: mpsc::Sender<Ask>,
    /// Told when something is asked: a run that waits for its turn does not have to, then.
    hurry: Arc<Notify>,
}

/// What may be asked of one run before its driver looks.
const ASKS: usize = 64;
/// How often a run is asked again whose driver left just then.
const TRIES: usize = 5;

/// Room for a run that is about to be accepted.
struct Seat {
    inner: Arc<Inner>,
    turn: Option<OwnedSemaphorePermit>,
    is_queued: bool,
}

impl Seat {
    /// Waits for the run's turn; `None` if there will be none in this process.
    async fn turn(mut self) -> Option<OwnedSemaphorePermit> {
        match self.turn.take() {
            Some(turn) => Some(turn),
            // The seat in the queue is given back when this is dropped.
            None => Arc::clone(&self.inner.turns).acquire_owned().await.ok(),
        }
    }

    fn in_queue(inner: &Arc<Inner>) -> Self {
        inner.queued.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::clone(inner), turn: None, is_queued: true }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.is_queued {
            self.inner.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Runner {
    /// A runner over a store that nobody else has. [`Runner::tend`] must run for timers to go off.
    pub fn new(store: Arc<dyn Store>, shared: Arc<Shared>, apps: Arc<dyn Apps>, options: Options) -> Self {
        let hub = Arc::new(Hub::default());
        let watcher = Arc::clone(&hub) as _;
        Self(Arc::new(Inner {
            engine: Engine { store, shared, watcher },
            apps,
            options,
            hub,
            turns: Arc::new(Semaphore::new(options.in_flight)),
            reserve: Arc::new(Semaphore::new(options.reserve)),
            background: Arc::new(Semaphore::new(options.in_flight.div_ceil(2))),
            queued: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            left: Default::default(),
            roused: Notify::new(),
            state: Mutex::default(),
        }))
    }

    /// The engine: for reading.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The app that a run is pinned to.
    ///
    /// # Errors
    /// It cannot be read or made any more.
    pub async fn app_of(&self, head: &Head) -> Result<Arc<App>, engine::Error> {
        self.0.apps.app_of(head).await
    }

    /// What is going on.
    pub fn gauges(&self) -> Gauges {
        let state = self.0.lock();
        Gauges {
            driven: state.driven.len(),
            queued: self.0.queued.load(Ordering::Relaxed),
            stuck: state.again.len(),
            accepted: self.0.accepted.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
            left: std::array::from_fn(|at| self.0.left[at].load(Ordering::Relaxed)),
            is_draining: state.is_draining,
        }
    }

    /// Accepts a run: once this is done its id is durable, and the run goes on whether anybody asks or not.
    ///
    /// # Errors
    /// Too much is going on, or the process is about to end; the engine's, such as an input that does not fit.
    pub async fn start(&self, app: Arc<App>, release: ReleaseId, mut start: Start) -> Result<RunId, Error> {
        let inner = &self.0;
        let id = start.id.get_or_insert_with(|| RunId::from(inner.engine.shared.world.id())).clone();
        let seat = inner.admit()?;
        let (accepted, said) = oneshot::channel();
        let task = Arc::clone(inner).accept(id.clone(), app, release, start, seat, accepted);
        inner.spawn(&id, task)?;
        // The task goes on if this is dropped, so that what was accepted has an owner.
        said.await.unwrap_or(Err(Error::Draining))?;
        inner.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(id)
    }

    /// How many more runs would be accepted now.
    pub fn room(&self) -> usize {
        let queued = self.0.queued.load(Ordering::Relaxed);
        self.0.turns.available_permits() + self.0.options.queue.saturating_sub(queued)
    }

    /// Records a person's answer; the first one stands. The run goes on.
    ///
    /// # Errors
    /// The engine's: the answer does not fit, the question is closed or has changed.
    pub async fn answer(&self, run: &RunId, instance: &InstancePath, given: Given) -> Result<(), Error> {
        let asked = |done| Ask::Answer { instance: instance.clone(), given: given.clone(), done };
        match self.ask(run, asked).await {
            // Who closed it stands in the inbox.
            Err(Error::Engine(engine::Error::TaskClosed { task, closed })) => {
                let rows = self.engine().store.tasks(false, Some(run.clone())).await?;
                let row = rows.into_iter().find(|row| row.instance == *instance).and_then(|row| row.closed);
                Err(engine::Error::TaskClosed { task, closed: row.unwrap_or(closed) }.into())
            }
            said => said,
        }
    }

    /// Records a call from outside; the first one counts. The run goes on. Gives what was recorded.
    ///
    /// # Errors
    /// The engine's: what was sent does not fit, nobody waits for it, or not any more.
    pub async fn call_back(&self, run: &RunId, token: &str, value: Value) -> Result<Value, Error> {
        let asked = |done| Ask::Call { token: token.to_owned(), value: value.clone(), done };
        match self.ask(run, asked).await {
            Err(Error::Engine(engine::Error::UnknownCallback { .. })) => {
                Err(self.engine().not_open(run, token).await?.into())
            }
            said => said,
        }
    }

    /// Ends a run, and stops what it does.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub async fn cancel(&self, run: &RunId, why: &str) -> Result<Head, Error> {
        let mut watching = self.watch(run);
        let head = self.engine().store.head(run.clone()).await?;
        let head = head.ok_or_else(|| store::Error::UnknownRun(run.clone()))?;
        if head.status.is_final() {
            return Err(engine::Error::Ended { run: run.clone(), status: head.status }.into());
        }
        self.0.send(run, Ask::Cancel { why: why.to_owned() })?;
        loop {
            match watching.next().await {
                Next::Message(Message::Left(head)) if head.status.is_final() => return Ok(Head::clone(&head)),
                // It was left just before it was asked.
                Next::Message(Message::Left(_)) | Next::Missed => {
                    self.0.send(run, Ask::Cancel { why: why.to_owned() })?;
                }
                Next::Message(Message::Lost(why)) => {
                    let head = self.engine().store.head(run.clone()).await?;
                    let head = head.filter(|head| head.status.is_final());
                    return head.ok_or_else(|| engine::Error::Release(why.to_string()).into());
                }
                Next::Message(_) => {}
            }
        }
    }

    /// Whether the run is driven, or waits for its turn.
    pub fn is_driven(&self, run: &RunId) -> bool {
        self.0.lock().driven.contains_key(run)
    }

    /// Follows a run from now on.
    pub fn watch(&self, run: &RunId) -> Watching {
        self.0.hub.watch(run)
    }

    /// The run's row once it has ended or parked, or was left because the process is about to end.
    ///
    /// # Errors
    /// The store's, and that there is no such run.
    pub async fn settled(&self, run: &RunId) -> Result<Head, Error> {
        let mut watching = self.watch(run);
        loop {
            let is_driven = self.is_driven(run);
            let head = self.engine().store.head(run.clone()).await?;
            let head = head.ok_or_else(|| store::Error::UnknownRun(run.clone()))?;
            // Read after the look: a run that nobody drove then has the row that it was left with.
            if head.status.is_final() || (head.status == Status::Waiting && !is_driven) {
                return Ok(head);
            }
            // One that is left and still running is taken up by the next process.
            if let Next::Message(Message::Left(head)) = watching.next().await {
                return Ok(Head::clone(&head));
            }
        }
    }

    /// Takes nothing new, lets what is being done end, for at most so long, and leaves the rest to the next process.
    /// Gives how many runs were cut off in the middle of something.
    pub async fn drain(&self, patience: Duration) -> usize {
        let inner = &self.0;
        let mut tasks = {
            let mut state = inner.lock();
            state.is_draining = true;
            for slot in state.driven.values() {
                // One that has too much to look at is cut off.
                let _ = slot.asks.try_send(Ask::Suspend);
            }
            std::mem::take(&mut state.tasks)
        };
        for turns in [&inner.turns, &inner.reserve, &inner.background] {
            turns.close();
        }
        inner.roused.notify_one();
        {
            let end = std::pin::pin!(async { while tasks.join_next().await.is_some() {} });
            let (Either::Left(_) | Either::Right(_)) = select(inner.engine.shared.world.sleep(patience), end).await;
        }
        let cut: Vec<RunId> = inner.lock().driven.keys().cloned().collect();
        tasks.shutdown().await;
        for run in &cut {
            // That they were left is no crash; if it cannot be noted they are taken up all the same.
            if let Err(error) = inner.engine.let_go(run).await {
                tracing::warn!(%run, %error, "it is not on record that a run was let go");
            }
        }
        cut.len()
    }

    async fn ask<T>(
        &self,
        run: &RunId,
        asked: impl Fn(oneshot::Sender<Result<T, engine::Error>>) -> Ask,
    ) -> Result<T, Error> {
        for _ in 0..TRIES {
            let (done, said) = oneshot::channel();
            self.0.send(run, asked(done))?;
            if let Ok(said) = said.await {
                return Ok(said?);
            }
        }
        let error = store::Error::Io(format!("run `{run}` cannot be written to"));
        Err(error.into())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more run, or not.
    fn admit(self: &Arc<Self>) -> Result<Seat, Error> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(Seat { inner: Arc::clone(self), turn: Some(turn), is_queued: false });
        }
        let take = |queued: usize| (queued < self.options.queue).then_some(queued + 1);
        if self.lock().is_draining {
            return Err(Error::Draining);
        }
        if self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Ok(Seat { inner: Arc::clone(self), turn: None, is_queued: true });
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        let retry_after = Duration::from_secs(1).mul_f64(0.5 + self.engine.shared.world.random());
        Err(Error::Busy { retry_after })
    }

    /// Gives a run a task and a place, unless it has one: then nothing is done.
    fn spawn<F>(self: &Arc<Self>, run: &RunId, work: impl FnOnce(Visit) -> F) -> Result<(), Error>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut state = self.lock();
        if state.driven.contains_key(run) {
            return Err(store::Error::Conflict { run: run.clone(), expected: 0, found: 1 }.into());
        }
        self.spawn_in(&mut state, run, work).map(drop)
    }

    fn spawn_in<F>(
        self: &Arc<Self>,
        state: &mut State,
        run: &RunId,
        work: impl FnOnce(Visit) -> F,
    ) -> Result<Slot, Error>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if state.is_draining {
            return Err(Error::Draining);
        }
        // What has ended is let go.
        while state.tasks.try_join_next().is_some() {}
        let (sender, asks) = mpsc::channel(ASKS);
        let slot = Slot { asks: sender, hurry: Arc::default() };
        state.driven.insert(run.clone(), slot.clone());
        let hurry = Arc::clone(&slot.hurry);
        let visit = Visit { inner: Arc::clone(self), run: run.clone(), asks, hurry, has_left: false };
        state.tasks.spawn(work(visit));
        Ok(slot)
    }

    /// The task of a run that begins.
    fn accept(
        self: Arc<Self>,
        id: RunId,
        app: Arc<App>,
        release: ReleaseId,
        start: Start,
        seat: Seat,
        accepted: oneshot::Sender<Result<(), Error>>,
    ) -> impl FnOnce(Visit) -> BoxFuture<'static, ()> {
        move |visit| {
            Box::pin(async move {
                self.hub.enter(&id);
                match self.engine.start(&app, &release, start).await {
                    Ok(driver) => {
                        let _ = accepted.send(Ok(()));
                        let hurry = Arc::clone(&visit.hurry);
                        let turn = match select(std::pin::pin!(seat.turn()), std::pin::pin!(hurry.notified())).await {
                            Either::Left((turn, _)) => turn,
                            Either::Right(_) => self.soon().await,
                        };
                        visit.drive(Some(driver), turn).await;
                    }
                    Err(error) => {
                        // The store does not know either whether it was written.
                        let is_unclear = matches!(&error, engine::Error::Store(store::Error::Io(_)));
                        let _ = accepted.send(Err(error.into()));
                        if is_unclear {
                            self.left(&id, None);
                        }
                        visit.refuse(&store::Error::UnknownRun(id.clone()).into());
                    }
                }
            })
        }
    }

    /// Asks a run's driver for something; one that has none gets one.
    fn send(self: &Arc<Self>, run: &RunId, ask: Ask) -> Result<(), Error> {
        let mut state = self.lock();
        let slot = match state.driven.get(run) {
            Some(slot) => slot.clone(),
            None => {
                let inner = Arc::clone(self);
                self.spawn_in(&mut state, run, |visit| async move {
                    let turn = inner.soon().await;
                    visit.drive(None, turn).await;
                })?
            }
        };
        slot.asks.try_send(ask).map_err(|_| Error::Busy { retry_after: Duration::from_secs(1) })?;
        slot.hurry.notify_one();
        Ok(())
    }

    /// A turn, or one of those that are kept for what somebody asked.
    async fn soon(self: &Arc<Self>) -> Option<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Some(turn);
        }
        let turn = std::pin::pin!(Arc::clone(&self.turns).acquire_owned());
        let reserve = std::pin::pin!(Arc::clone(&self.reserve).acquire_owned());
        select(reserve, turn).await.factor_first().0.ok()
    }

    /// Takes a run up of which nobody asked anything, when there is room; false when the process is about to end.
    async fn background(self: &Arc<Self>, run: &RunId) -> bool {
        let Ok(room) = Arc::clone(&self.background).acquire_owned().await else { return false };
        let seat = Seat::in_queue(self);
        let Some(turn) = seat.turn().await else { return false };
        let work = |visit: Visit| async move {
            visit.drive(None, Some(turn)).await;
            drop(room);
        };
        // One that somebody drives by now needs nobody.
        !matches!(self.spawn(run, work), Err(Error::Draining))
    }
}

/// A run's task, from when it gets its place until it gives it back.
struct Visit {
    inner: Arc<Inner>,
    run: RunId,
    asks: mpsc::Receiver<Ask>,
    hurry: Arc<Notify>,
    has_left: bool,
}

impl Visit {
    /// Drives the run, and again if something was asked just when it was left.
    async fn drive(mut self, first: Option<Driver>, turn: Option<OwnedSemaphorePermit>) {
        // Without a turn the process is about to end: the log says how to go on.
        let Some(_turn) = turn else { return };
        let mut first = first;
        loop {
            self.inner.hub.enter(&self.run);
            let left = match first.take() {
                Some(driver) => driver.attend(&mut self.asks).await.map_err(engine::Error::from),
                None => self.take_up().await,
            };
            match &left {
                Ok(head) => {
                    self.inner.left(&self.run, Some(head));
                    self.inner.hub.leave(&self.run, head);
                    let at = Status::ALL.iter().position(|status| *status == head.status);
                    if let Some(count) = at.and_then(|at| self.inner.left.get(at)) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(error) => self.failed(error),
            }
            let mut state = self.inner.lock();
            if self.asks.is_empty() || state.is_draining {
                state.driven.remove(&self.run);
                self.has_left = true;
                return;
            }
        }
    }

    async fn take_up(&mut self) -> Result<Head, engine::Error> {
        let engine = &self.inner.engine;
        let head = engine.store.head(self.run.clone()).await?;
        let head = head.ok_or_else(|| store::Error::UnknownRun(self.run.clone()))?;
        if head.status.is_final() {
            return Err(engine::Error::Ended { run: head.run, status: head.status });
        }
        let app = self.inner.apps.app_of(&head).await?;
        if !self.asks.is_empty() {
            return Ok(engine.resume(&app, &self.run).await?.attend(&mut self.asks).await?);
        }
        match engine.take_up(&app, &self.run, MOST_CRASHES).await? {
            TakenUp::Goes(driver) => Ok(driver.attend(&mut self.asks).await?),
            TakenUp::SetAside(head) => {
                tracing::error!(run = %self.run, "processes died with this run: it is not taken up any more by itself");
                Ok(head)
            }
        }
    }

    /// The run was not driven, or not to an end.
    fn failed(&mut self, error: &engine::Error) {
        match error {
            engine::Error::Ended { .. } | engine::Error::Store(store::Error::UnknownRun(_)) => {
                self.inner.lock().again.remove(&self.run);
            }
            error => {
                tracing::error!(run = %self.run, %error, "a run cannot go on; it is tried again later");
                self.inner.left(&self.run, None);
            }
        }
        self.inner.hub.lose(&self.run, &error.to_string());
        self.say_no(error);
    }

    /// Ends a visit of a run that there is not.
    fn refuse(mut self, error: &engine::Error) {
        self.inner.hub.lose(&self.run, &error.to_string());
        self.say_no(error);
    }

    /// Tells those who asked why nothing came of it.
    fn say_no(&mut self, error: &engine::Error) {
        let task = |instance: &InstancePath| format!("{}/{instance}", self.run);
        let why = || match error {
            engine::Error::Ended { run, status } => engine::Error::Ended { run: run.clone(), status: *status },
            engine::Error::Store(store::Error::UnknownRun(run)) => store::Error::UnknownRun(run.clone()).into(),
            error => engine::Error::Release(error.to_string()),
        };
        while let Ok(ask) = self.asks.try_recv() {
            match (ask, error) {
                (Ask::Answer { instance, done, .. }, engine::Error::Ended { status, .. }) => {
                    let closed = format!("the run is {}", status.as_str());
                    let _ = done.send(Err(engine::Error::TaskClosed { task: task(&instance), closed }));
                }
                (Ask::Call { token, done, .. }, engine::Error::Ended { .. }) => {
                    let _ = done.send(Err(engine::Error::UnknownCallback { name: token }));
                }
                (Ask::Answer { done, .. }, _) => drop(done.send(Err(why()))),
                (Ask::Call { done, .. }, _) => drop(done.send(Err(why()))),
                (Ask::Cancel { .. } | Ask::Suspend, _) => {}
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        // Cut off, or a panic of ours: the place must not stay taken.
        if !self.has_left {
            self.inner.lock().driven.remove(&self.run);
            self.inner.hub.lose(&self.run, "the run was cut off");
        }
    }
}
