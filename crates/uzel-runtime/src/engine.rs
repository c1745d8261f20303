//! What a program does with runs: start, resume, answer, call back, cancel. Each gives a driver or a row; nothing is spawned here.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use uzel_core::{
    build::App,
    diagnostic::{did_you_mean, near},
    event::{End, Event, ReleaseId, RunId, Seq},
    graph::{Flag, Graph, Inner},
    hash,
    run::Run,
    store::{self, Append, Filter, Head, Records, Release, Status, Store, Task},
};

use crate::{
    driver::{Driver, Watcher, record},
    layers::Shared,
};

mod callback;
mod fork;
mod resolve;
mod take_up;
pub mod verify;

pub use callback::Callback;
pub use fork::Looked;
pub(crate) use resolve::{answered, called};
pub use take_up::{MOST_CRASHES, TakenUp};

/// Why something could not be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store's.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The input does not fit; each line names a field.
    #[error("the input does not fit: {}", .0.join("; "))]
    BadInput(Vec<String>),
    /// A flag that the app does not have, or of another type; each line names one.
    #[error("the flags do not fit: {}", .0.join("; "))]
    BadFlags(Vec<String>),
    /// No run or more than one begins like this.
    #[error("there is no run `{name}`")]
    UnknownRun {
        /// As it was asked for.
        name: String,
        /// Runs with similar ids, or that begin like it.
        near: Vec<String>,
    },
    /// No question has this id.
    #[error("there is no question `{name}`")]
    UnknownTask {
        /// As it was asked for.
        name: String,
        /// Open questions.
        near: Vec<String>,
    },
    /// The question has been answered; the first answer stands.
    #[error("`{task}` is closed: {closed}")]
    TaskClosed {
        /// Which question.
        task: String,
        /// How it was closed.
        closed: String,
    },
    /// The answer does not fit.
    #[error("the answer does not fit: {}", .0.join("; "))]
    BadAnswer(Vec<String>),
    /// The question changed since it was shown.
    #[error("`{task}` is not what was shown any more (digest {found}, not {expected}): look at it again")]
    TaskChanged {
        /// Which question.
        task: String,
        /// What the answer was given for.
        expected: String,
        /// What there is.
        found: String,
    },
    /// No run has ever waited for this call.
    #[error("nobody waits for a call with `{name}`")]
    UnknownCallback {
        /// Token, or run and node.
        name: String,
    },
    /// The call is not waited for any more; the first one counts.
    #[error("`{name}` is not waited for any more: {closed}")]
    CallbackClosed {
        /// Token, or run and node.
        name: String,
        /// Why.
        closed: String,
    },
    /// What was sent does not fit.
    #[error("the payload does not fit: {}", .0.join("; "))]
    BadPayload(Vec<String>),
    /// The release is not in the store or cannot be read.
    #[error("{0}")]
    Release(String),
    /// The run has ended.
    #[error("run `{run}` has ended: {}", .status.as_str())]
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        status: Status,
    },
}

/// What a run is started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Its id; a new one if `None`. Starting an id that exists is a conflict.
    pub id: Option<RunId>,
    /// Its input, not checked yet.
    pub input: Value,
    /// Who starts it.
    pub by: Option<String>,
    /// Flags that are not at their default.
    pub flags: BTreeMap<String, Value>,
    /// Whether write tools are left out.
    pub dry_run: bool,
    /// Batch and line.
    pub batch: Option<(String, u64)>,
}

/// A store, what runs share, and who watches.
#[derive(Clone)]
pub struct Engine {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// Breakers, budgets, clock.
    pub shared: Arc<Shared>,
    /// Told of everything that happens.
    pub watcher: Arc<dyn Watcher>,
}

/// The input with its defaults, or every field that does not fit.
pub fn check_input(graph: &Graph, mut input: Value) -> Result<Value, Error> {
    if input.is_null() {
        input = Value::Object(serde_json::Map::new());
    }
    graph.inputs.fill_defaults(&mut input);
    match graph.inputs.check(&input) {
        Ok(()) => Ok(input),
        Err(violations) => Err(Error::BadInput(violations.into_iter().map(|v| v.message).collect())),
    }
}

/// Every flag that the app does not have, or whose value does not fit.
pub fn check_flags(graph: &Graph, flags: &BTreeMap<String, Value>) -> Result<(), Error> {
    let wrong = flags.iter().filter_map(|(name, value)| {
        let Some(flag) = graph.flags.get(name) else {
            let near = did_you_mean(name, graph.flags.keys().map(String::as_str));
            let near = near.map(|near| format!(" ({near})")).unwrap_or_default();
            return Some(format!("there is no flag `{name}`{near}"));
        };
        let violations = flag.schema.check(value).err()?;
        let why = violations.first().map(|violation| violation.message.clone()).unwrap_or_default();
        Some(format!("`{name}`: {why}"))
    });
    // A flag is set by its name in the apps below, too, and there it may be of another type.
    let below = graph.all_nodes().into_iter().filter_map(|node| match &node.plan.as_ref()?.inner {
        Inner::App(app) => Some((node, app)),
        Inner::Nodes(_) => None,
    });
    let below = below.flat_map(|(node, app)| {
        let misfit = |(name, flag): (&String, &Flag)| {
            let violations = flag.schema.check(flags.get(name)?).err()?;
            let why = violations.first().map(|violation| violation.message.clone()).unwrap_or_default();
            Some(format!("`{name}` of the app that `{}` runs: {why}", node.id))
        };
        app.flags.iter().filter_map(misfit).collect::<Vec<_>>()
    });
    let mut wrong: Vec<String> = wrong.chain(below).collect();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(Error::BadFlags(wrong)) }
}

impl Engine {
    /// Accepts a run: once this is done its id is durable. The driver then drives it.
    pub async fn start(&self, app: &Arc<App>, release: &ReleaseId, start: Start) -> Result<Driver, Error> {
        let input = check_input(&app.graph, start.input)?;
        check_flags(&app.graph, &start.flags)?;
        let now = self.shared.world.now();
        let id = start.id.unwrap_or_else(|| RunId::from(self.shared.world.id()));
        let event = Event::Started {
            app: app.graph.name.clone(),
            release: release.clone(),
            input: Arc::new(input),
            at: now,
            by: start.by,
            flags: start.flags,
            dry_run: start.dry_run,
            forked_from: None,
        };
        let mut run = Run::new(id.clone(), Arc::clone(&app.graph)).lean();
        run.apply(&event);
        let head = run.head(Status::Running, now, start.batch.clone());
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head: Some(head), tasks: vec![], blobs };
        let seq = self.store.append(id.clone(), 0, append).await?;
        self.watcher.event(&id, &event);
        Ok(self.driver(run, seq, start.batch, app))
    }

    /// A run's state, the end of its log, and its row.
    pub async fn load(&self, graph: &Arc<Graph>, id: &RunId) -> Result<(Run, Seq, Head), Error> {
        let (events, seq, head) = self.log(id).await?;
        Ok((Run::fold(id.clone(), Arc::clone(graph), &events), seq, head))
    }

    /// A run's events with the values they refer to, the end of its log, and its row.
    pub(crate) async fn log(&self, id: &RunId) -> Result<(Vec<Event>, Seq, Head), Error> {
        let Some(head) = self.store.head(id.clone()).await? else { return Err(self.unknown_run(id.as_str()).await?) };
        let (mut events, seq) = self.store.load(id.clone()).await?;
        record::fetch(&*self.store, &mut events).await?;
        Ok((events, seq, head))
    }

    /// The records of a run after `after`, with their numbers and with large values filled in.
    pub async fn records(&self, id: &RunId, after: Seq) -> Result<Records, Error> {
        let mut records = self.store.records(id.clone(), after).await?;
        for (_, events) in &mut records {
            record::fetch(&*self.store, events).await?;
        }
        Ok(records)
    }

    fn driver(&self, run: Run, seq: Seq, batch: Option<(String, u64)>, app: &Arc<App>) -> Driver {
        let (store, shared, watcher) = (Arc::clone(&self.store), Arc::clone(&self.shared), Arc::clone(&self.watcher));
        Driver::new(run, seq, batch, Arc::clone(app), store, shared, watcher)
    }

    /// The release that a run is pinned to.
    pub async fn release_of(&self, head: &Head) -> Result<Release, Error> {
        let release = self.store.release(head.release.clone()).await?;
        release.ok_or_else(|| {
            Error::Release(format!("release {} of run `{}` is not in the store", head.release, head.run))
        })
    }

    /// The run with this id, or the only one that begins with it.
    pub async fn find_run(&self, name: &str) -> Result<Head, Error> {
        if let Some(head) = self.store.head(RunId::from(name)).await? {
            return Ok(head);
        }
        let heads = self.store.heads(Filter::default()).await?;
        let mut matching = heads.iter().filter(|head| head.run.as_str().starts_with(name));
        match (matching.next(), matching.next()) {
            (Some(head), None) if name.len() >= 3 => Ok(head.clone()),
            _ => Err(self.unknown_run(name).await?),
        }
    }

    async fn unknown_run(&self, name: &str) -> Result<Error, store::Error> {
        let heads = self.store.heads(Filter { limit: 10_000, ..Filter::default() }).await?;
        let ids = || heads.iter().map(|head| head.run.as_str());
        let mut close: Vec<String> = ids().filter(|id| id.starts_with(name)).take(3).map(str::to_owned).collect();
        if close.is_empty() {
            close = near(name, ids()).into_iter().map(str::to_owned).collect();
        }
        Ok(Error::UnknownRun { name: name.to_owned(), near: close })
    }

    /// The question with this id (`run/node`), or the only open one of this run.
    pub async fn find_task(&self, name: &str) -> Result<Task, Error> {
        // Who knows the run is not kept waiting by the questions of all others.
        let run = RunId::from(name.split_once('/').map_or(name, |(run, _)| run));
        let own = self.store.tasks(false, Some(run)).await?;
        if let Some(task) = own.iter().find(|task| task.id == name) {
            return Ok(task.clone());
        }
        let mut open = own.iter().filter(|task| task.closed.is_none() && task.run.as_str() == name);
        if let (Some(task), None) = (open.next(), open.next()) {
            return Ok(task.clone());
        }
        let tasks = self.store.tasks(false, None).await?;
        let mut open = tasks.iter().filter(|task| task.closed.is_none() && task.id.starts_with(name));
        match (open.next(), open.next()) {
            (Some(task), None) if name.len() >= 3 => Ok(task.clone()),
            _ => {
                let ids = || tasks.iter().filter(|task| task.closed.is_none()).map(|task| task.id.as_str());
                let mut close: Vec<String> = ids().filter(|id| id.starts_with(name)).map(str::to_owned).collect();
                if close.is_empty() {
                    close = near(name, ids()).into_iter().map(str::to_owned).collect();
                }
                close.truncate(3);
                Err(Error::UnknownTask { name: name.to_owned(), near: close })
            }
        }
    }

    /// Records a person's answer. The first one stands; it is bound to the question as it was shown.
    pub async fn answer(&self, graph: &Arc<Graph>, task: &Task, given: Given) -> Result<(), Error> {
        let (run, seq, head) = self.load(graph, &task.run).await?;
        let at = self.shared.world.now();
        let (event, row) = answered(&run, &task.instance, given, at).map_err(|error| match (error, &task.closed) {
            (Error::TaskClosed { task, .. }, Some(closed)) => Error::TaskClosed { task, closed: closed.clone() },
            (error, _) => error,
        })?;
        let mut after = run;
        after.apply(&event);
        let head = Some(after.head(Status::Running, at, head.batch));
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head, tasks: vec![row], blobs };
        match self.store.append(task.run.clone(), seq, append).await {
            Ok(_) => {
                self.watcher.event(&task.run, &event);
                Ok(())
            }
            Err(store::Error::Conflict { .. }) => {
                Err(Error::TaskClosed { task: task.id.clone(), closed: "somebody was faster".to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a run that nobody drives. One that is driven is cancelled through its driver.
    pub async fn cancel(&self, graph: &Arc<Graph>, id: &RunId, why: &str) -> Result<Head, Error> {
        let (run, seq, head) = self.load(graph, id).await?;
        if head.status.is_final() {
            return Err(Error::Ended { run: id.clone(), status: head.status });
        }
        let at = self.shared.world.now();
        let mut tasks: Vec<Task> = run.waits().filter_map(|(instance, ..)| run.task(&instance)).collect();
        for task in &mut tasks {
            task.closed = Some("the run was cancelled".to_owned());
        }
        let event = Event::Ended { end: End::Cancelled { why: why.to_owned() }, at };
        let mut after = run;
        after.apply(&event);
        let head = after.head(Status::Cancelled, at, head.batch);
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head: Some(head.clone()), tasks, blobs };
        self.store.append(id.clone(), seq, append).await?;
        self.watcher.event(id, &event);
        Ok(head)
    }
}

/// What a person gives.
#[derive(Clone, Debug)]
pub struct Given {
    /// The action.
    pub action: String,
    /// The form, as far as it was filled.
    pub form: Value,
    /// Who.
    pub by: String,
    /// Digest of the question that the person saw; not compared if `None`.
    pub digest: Option<String>,
}

/// The id of a run that somebody names by a key: the same for the same key of the same caller, so that a request that is
/// sent again is the same run.
pub fn keyed_run(caller: &str, key: &str) -> RunId {
    let digest = hash::of_parts([b"uzel key".as_slice(), caller.as_bytes(), key.as_bytes()]);
    let half = |from: usize| {
        let bits = digest.get(from..from + 16).and_then(|text| u64::from_str_radix(text, 16).ok());
        crate::world::encode(bits.unwrap_or(0))
    };
    RunId::from(half(0) + &half(16))
}

/// The id of a batch's line: the same for the same release, inputs and line, so that a command typed again goes on.
pub fn batch_run(batch: &str, line: u64) -> RunId {
    let digest = hash::of_parts([b"uzel batch".as_slice(), batch.as_bytes(), &line.to_le_bytes()]);
    let bits = u64::from_str_radix(digest.get(..16).unwrap_or("0"), 16).unwrap_or(0);
    RunId::from(crate::world::encode(bits))
}
