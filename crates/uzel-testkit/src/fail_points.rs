//! Named places at which a process dies: before and after each sort of fact becomes durable. A store in front of another,
//! so that nothing of it is in what ships. Used by simulations and by tests that kill processes.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use uzel_core::{
    capability::{BoxFuture, tool::EffectClass},
    event::{Event, ReleaseId, Resolution, RunId, Seq, Time, Wait},
    store::{Append, Error, Filter, Head, Release, Store, Task},
};

/// When the process dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// Before the record with this number is written, or after it.
    At(Seq, Side),
    /// At the first place of this name, such as `once intended: after`.
    Named(String),
}

/// On which side of a durable write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Nothing is written.
    Before,
    /// It is durable, and nobody has been told.
    After,
}

impl Side {
    /// The word in names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A store that kills its process at a place. What asks it then never gets an answer.
pub struct Mortal {
    inner: Arc<dyn Store>,
    death: Option<Death>,
    kill: Box<dyn Fn() + Send + Sync>,
    dead: AtomicBool,
    passed: Mutex<BTreeSet<String>>,
}

impl Mortal {
    /// A store in front of another; `kill` ends the process, or tells the simulation to drop it.
    pub fn new(inner: Arc<dyn Store>, death: Option<Death>, kill: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let (dead, passed) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { inner, death, kill: Box::new(kill), dead, passed })
    }

    /// The names of all places that were passed.
    pub fn passed(&self) -> BTreeSet<String> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn dies(&self, after: Seq, frames: Seq, names: &BTreeSet<&'static str>, side: Side) -> bool {
        let named = |name: &str| format!("{name}: {}", side.as_str());
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).extend(names.iter().map(|name| named(name)));
        match &self.death {
            Some(Death::At(seq, at)) => *at == side && after < *seq && *seq <= after + frames,
            Some(Death::Named(name)) => names.iter().any(|it| named(it) == *name),
            None => false,
        }
    }

    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::Relaxed);
        (self.kill)();
        std::future::pending().await
    }

    /// A process that has died does nothing more, also in the moment before it notices.
    async fn alive(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// What becomes durable with an append, by name.
fn names(append: &Append) -> BTreeSet<&'static str> {
    let events = append.frames.iter().flat_map(|frame| &frame.events);
    let mut names: BTreeSet<&str> = events.map(name).collect();
    if append.frames.is_empty() {
        names.insert("row alone");
    }
    names
}

/// The name of a fact.
fn name(event: &Event) -> &'static str {
    match event {
        Event::Started { .. } => "run started",
        Event::Resumed { .. } => "run resumed",
        Event::LetGo { .. } => "run let go",
        Event::SetAside { .. } => "run set aside",
        Event::Migrated { .. } => "run migrated",
        Event::EffectIntended { .. } => "once intended",
        Event::EffectReturned { class, result, .. } => match (class, result) {
            (EffectClass::Once, Ok(_)) => "once done",
            (EffectClass::Keyed, Ok(_)) => "keyed done",
            (EffectClass::Read | EffectClass::Idempotent, Ok(_)) => "effect done",
            (_, Err(_)) => "effect failed",
        },
        Event::Returned { .. } | Event::Blocked { .. } | Event::LeftOut { .. } => "node settled",
        Event::Failed { .. } => "node failed",
        Event::Waited { wait, .. } => match wait {
            Wait::Until(_) => "timer set",
            Wait::Answer(question) if question.about.is_some() => "doubt asked",
            Wait::Answer(_) => "person asked",
            Wait::Callback { .. } => "callback awaited",
        },
        Event::Resolved { resolution, .. } => match resolution {
            Resolution::Answered(_) => "person answered",
            Resolution::Due(_) => "timer rang",
            Resolution::Called { .. } => "called back",
        },
        Event::Ended { .. } => "run ended",
    }
}

impl Store for Mortal {
    fn append(&self, run: RunId, after: Seq, append: Append) -> BoxFuture<'_, Result<Seq, Error>> {
        Box::pin(async move {
            self.alive().await;
            let (names, frames) = (names(&append), append.frames.len() as Seq);
            if self.dies(after, frames, &names, Side::Before) {
                return self.die().await;
            }
            let seq = self.inner.append(run, after, append).await?;
            if self.dies(after, frames, &names, Side::After) {
                return self.die().await;
            }
            Ok(seq)
        })
    }

    fn load(&self, run: RunId) -> BoxFuture<'_, Result<(Vec<Event>, Seq), Error>> {
        self.inner.load(run)
    }

    fn head(&self, run: RunId) -> BoxFuture<'_, Result<Option<Head>, Error>> {
        self.inner.head(run)
    }

    fn heads(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Head>, Error>> {
        self.inner.heads(filter)
    }

    fn due(&self, now: Time, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, Error>> {
        self.inner.due(now, limit)
    }

    fn tasks(&self, open: bool, run: Option<RunId>) -> BoxFuture<'_, Result<Vec<Task>, Error>> {
        self.inner.tasks(open, run)
    }

    fn put_release(&self, release: Release) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.put_release(release)
    }

    fn release(&self, id: ReleaseId) -> BoxFuture<'_, Result<Option<Release>, Error>> {
        self.inner.release(id)
    }

    fn blob(&self, hash: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        self.inner.blob(hash)
    }
}
