//! An app that can run, and everything a program does with its runs. Made by `Setup::build`.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use uzel_core::{
    build::{self, Surroundings},
    builder::Builder,
    check::Choices,
    event::{ReleaseId, RunId},
    graph::Graph,
    kind::Catalog,
    node::Function,
    store::{self, Filter, Head, Release, Status, Store, Task},
};
use uzel_runtime::{
    driver::{Ask, Nobody, Watcher},
    engine::{self, Engine, Given, Start},
    layers::Shared,
    release,
    world::{RealWorld, World},
};

use super::{
    error::{Error, Problem, Problems},
    handle::{Driven, Queue, RunHandle},
    result::RunResult,
    setup::{File, Secrets, Setup},
};

mod callbacks;

/// An app that can run, with the store of its runs. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    app: Arc<build::App>,
    release: Release,
    /// Whether the release is in the store.
    released: OnceCell<()>,
    warnings: Vec<Problem>,
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    driven: Driven,
    around: Around,
    /// Apps of other releases, for runs that began with them.
    others: Mutex<BTreeMap<ReleaseId, Arc<build::App>>>,
}

/// What stands around an app.
struct Around {
    catalog: Catalog,
    functions: BTreeMap<String, Arc<Function>>,
    folder: PathBuf,
    cache: PathBuf,
    secrets: Arc<Secrets>,
}

impl Around {
    fn build(&self, graph: &Arc<Graph>) -> Result<build::App, Error> {
        let surroundings = Surroundings {
            folder: &self.folder,
            cache: &self.cache,
            secret: &*self.secrets,
            functions: &self.functions,
        };
        build::build(graph, &surroundings)
            .map_err(|problems| Error::App(Problems::of(&graph.name, &problems, &graph.sources, &self.folder)))
    }
}

/// What an app is made of.
pub(crate) struct Parts {
    pub(crate) graph: Arc<Graph>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) catalog: Catalog,
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
    pub(crate) choices: Choices,
    pub(crate) folder: PathBuf,
    pub(crate) cache: PathBuf,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) store: Arc<dyn Store>,
}

/// Making one.
impl App {
    /// An app file; files that it names are relative to its folder. Go on with [`Setup::build`].
    pub fn load(path: impl AsRef<Path>) -> Setup<File> {
        Setup::of_file(path.as_ref().to_owned())
    }

    /// An app in code; go on with nodes and [`Setup::build`].
    #[track_caller]
    pub fn builder(name: &str) -> Setup<Builder> {
        Setup::of_code(name)
    }

    pub(crate) fn new(parts: Parts) -> Result<Self, Error> {
        let Parts { graph, warnings, catalog, functions, choices, folder, cache, secrets, store } = parts;
        let around = Around { catalog, functions, folder, cache, secrets };
        let world: Arc<dyn World> = Arc::new(RealWorld::default());
        let app = Arc::new(around.build(&graph)?);
        let path = around.folder.canonicalize().unwrap_or_else(|_| around.folder.clone()).join(&graph.main);
        let release = release::of_graph(&graph, &path.display().to_string(), &choices, world.now());
        let inner = Inner {
            app,
            release,
            released: OnceCell::new(),
            warnings,
            store,
            shared: Arc::new(Shared::new(world)),
            driven: Driven::default(),
            around,
            others: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The checked program.
    pub fn graph(&self) -> &Graph {
        &self.inner.app.graph
    }

    /// The app as a file, in one form whether it was loaded or built. Functions of the program are `rust:NAME` in it.
    pub fn to_yaml(&self) -> String {
        self.graph().to_yaml()
    }

    /// What the check says beside errors.
    pub fn warnings(&self) -> &[Problem] {
        &self.inner.warnings
    }

    /// What is worth knowing about the app's models, such as that one is not an LLM.
    pub fn notices(&self) -> &[String] {
        &self.inner.app.notices
    }
}

/// Runs.
impl App {
    /// Runs the app until it ends or waits for somebody.
    ///
    /// # Errors
    /// The input does not fit, or the store failed. A run that failed is a result.
    pub async fn run(&self, input: impl Serialize) -> Result<RunResult, Error> {
        self.start(input).await?.finish().await
    }

    /// Accepts a run: it is in the store once this is done. It goes on while its handle is asked.
    ///
    /// # Errors
    /// As [`App::run`].
    pub async fn start(&self, input: impl Serialize) -> Result<RunHandle, Error> {
        self.start_with(Start { input: serde_json::to_value(input)?, ..Start::default() }).await
    }

    /// As [`App::start`], with an id, who starts it, flags, or without writes.
    ///
    /// # Errors
    /// As [`App::run`]; an id that exists is a conflict.
    pub async fn start_with(&self, mut start: Start) -> Result<RunHandle, Error> {
        let inner = &self.inner;
        inner.released.get_or_try_init(|| inner.store.put_release(inner.release.clone())).await?;
        let id = start.id.get_or_insert_with(|| RunId::from(inner.shared.world.id())).clone();
        let entered = inner.driven.enter(&id)?;
        let queue = Arc::new(Queue::default());
        let engine = self.engine(Arc::clone(&queue) as _);
        let driver = engine.start(&inner.app, &inner.release.id, start).await?;
        Ok(RunHandle::new(id, driver, entered, queue, Arc::clone(&inner.store)))
    }

    /// Takes a run up where its log ends: after an answer, when its time has come, or after a crash. It goes on with
    /// the release that it began with.
    ///
    /// # Errors
    /// There is no such run, it has ended, or it is being driven; what its release needs is missing.
    pub async fn resume(&self, id: &str) -> Result<RunHandle, Error> {
        let engine = self.engine(Arc::new(Nobody));
        let head = engine.find_run(id).await?;
        let app = self.app_of(&engine, &head).await?;
        let entered = self.inner.driven.enter(&head.run)?;
        let queue = Arc::new(Queue::default());
        let engine = self.engine(Arc::clone(&queue) as _);
        let driver = engine.resume(&app, &head.run).await?;
        Ok(RunHandle::new(head.run, driver, entered, queue, engine.store))
    }

    /// Runs that somebody should [`App::resume`]: those that a process left behind, those that were answered, those
    /// whose time has come. Newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn unfinished(&self) -> Result<Vec<String>, Error> {
        let filter = Filter { statuses: vec![Status::Running, Status::Waiting], ..Filter::default() };
        let now = self.inner.shared.world.now();
        let heads = self.runs(filter).await?.into_iter();
        let ready = heads.filter(|head| head.status == Status::Running || head.wake.is_some_and(|wake| wake <= now));
        let idle = ready.filter(|head| self.inner.driven.asker(&head.run).is_none());
        Ok(idle.map(|head| head.run.as_str().to_owned()).collect())
    }

    /// Runs of this app, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn runs(&self, filter: Filter) -> Result<Vec<Head>, Error> {
        let app = Some(self.graph().name.clone());
        Ok(self.inner.store.heads(Filter { app, ..filter }).await?)
    }

    /// Where a run stands.
    ///
    /// # Errors
    /// There is no such run, or the store failed.
    pub async fn result(&self, id: &str) -> Result<RunResult, Error> {
        let head = self.engine(Arc::new(Nobody)).find_run(id).await?;
        let tasks = self.inner.store.tasks(true, Some(head.run.clone())).await?;
        Ok(RunResult::of(head, tasks))
    }

    /// Ends a run. One that a handle drives ends when that handle is asked next.
    ///
    /// # Errors
    /// There is no such run, or it has ended.
    pub async fn cancel(&self, id: &str, why: &str) -> Result<(), Error> {
        let engine = self.engine(Arc::new(Nobody));
        let head = engine.find_run(id).await?;
        if let Some(asker) = self.inner.driven.asker(&head.run) {
            // Full only of requests for the same.
            let _ = asker.try_send(Ask::Cancel { why: why.to_owned() });
            return Ok(());
        }
        let app = self.app_of(&engine, &head).await?;
        engine.cancel(&app.graph, &head.run, why).await?;
        Ok(())
    }

    fn engine(&self, watcher: Arc<dyn Watcher>) -> Engine {
        Engine { store: Arc::clone(&self.inner.store), shared: Arc::clone(&self.inner.shared), watcher }
    }

    /// The app that a run is pinned to: this one, or an earlier release of it.
    async fn app_of(&self, engine: &Engine, head: &Head) -> Result<Arc<build::App>, Error> {
        let inner = &self.inner;
        if head.release == inner.release.id {
            return Ok(Arc::clone(&inner.app));
        }
        let known = inner.others.lock().unwrap_or_else(PoisonError::into_inner).get(&head.release).cloned();
        if let Some(app) = known {
            return Ok(app);
        }
        let release = engine.release_of(head).await?;
        let graph = release::graph_of(&release, &inner.around.catalog).map_err(engine::Error::Release)?;
        let app = Arc::new(inner.around.build(&graph)?);
        let mut others = inner.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.insert(head.release.clone(), Arc::clone(&app));
        Ok(app)
    }
}

/// Questions to people.
impl App {
    /// Open questions of all runs in the store, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn tasks(&self) -> Result<Vec<Task>, Error> {
        Ok(self.inner.store.tasks(true, None).await?)
    }

    /// The question with this id (`run/node`), or the only open one of this run.
    ///
    /// # Errors
    /// There is no such question, or the store failed.
    pub async fn task(&self, id: &str) -> Result<Task, Error> {
        Ok(self.engine(Arc::new(Nobody)).find_task(id).await?)
    }

    /// Records a person's answer to a question as it was shown; the first answer stands. Then [`App::resume`] the
    /// question's run.
    ///
    /// # Errors
    /// The answer does not fit, the question was answered or has changed, or the run is being driven.
    pub async fn answer(&self, task: &Task, action: &str, form: impl Serialize, by: &str) -> Result<(), Error> {
        if self.inner.driven.asker(&task.run).is_some() {
            return Err(Error::Driven(task.run.clone()));
        }
        let engine = self.engine(Arc::new(Nobody));
        let form: Value = serde_json::to_value(form)?;
        let digest = Some(task.digest.clone());
        let given = Given { action: action.to_owned(), form, by: by.to_owned(), digest };
        let stored = self.inner.store.tasks(false, Some(task.run.clone())).await?;
        if let Some(closed) = stored.into_iter().find(|known| known.id == task.id).and_then(|known| known.closed) {
            return Err(engine::Error::TaskClosed { task: task.id.clone(), closed }.into());
        }
        let head = self.inner.store.head(task.run.clone()).await?;
        let head = head.ok_or_else(|| store::Error::UnknownRun(task.run.clone()))?;
        let app = self.app_of(&engine, &head).await?;
        Ok(engine.answer(&app.graph, task, given).await?)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.graph().name).finish_non_exhaustive()
    }
}
