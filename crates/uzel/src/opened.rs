//! An open store and what is needed to go on with its runs: the engine, and apps by release. Used by commands.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use uzel_core::{
    build::{App, ModelChain, Surroundings, build, build_model},
    check::Choices,
    diagnostic::Code,
    event::{ReleaseId, Time},
    graph::Graph,
    store::{Head, Release, Store},
};
use uzel_runtime::{
    driver::{Nobody, Watcher},
    engine::Engine,
    layers::Shared,
    release,
    store::sqlite::Sqlite,
    world::{RealWorld, World},
};

use crate::{
    environment,
    exit::{Error, Exit},
    project::Project,
    render::{DIM, Terminal, diagnostics::Report},
};

/// An open store.
pub(crate) struct Opened {
    /// What is done with its runs.
    pub(crate) engine: Engine,
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// A run on its own stays for timers that go off within this time.
    pub(crate) patience: Duration,
    terminal: Terminal,
    apps: Mutex<HashMap<ReleaseId, Arc<App>>>,
}

/// Runs asynchronous work to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::environment(format!("no threads can be started: {error}")))?;
    let result = runtime.block_on(Box::pin(work));
    // Work on other threads that nobody waits for any more (a name lookup) must not hold up the end.
    runtime.shutdown_background();
    result
}

impl Opened {
    /// Opens the store as its owner, and makes it if it is not there.
    pub(crate) fn own(dir: &Path, terminal: &Terminal, watcher: Arc<dyn Watcher>) -> Result<Self, Error> {
        Ok(Self::with(Arc::new(Sqlite::open(dir)?), dir, terminal, watcher))
    }

    /// Opens the store as its owner if it is there: for commands about runs, which would find nothing in a new one.
    pub(crate) fn own_existing(dir: &Path, terminal: &Terminal, watcher: Arc<dyn Watcher>) -> Result<Self, Error> {
        drop(Self::read_only(dir, terminal)?);
        Self::own(dir, terminal, watcher)
    }

    /// Opens the store for reading; another process may own it.
    pub(crate) fn read_only(dir: &Path, terminal: &Terminal) -> Result<Self, Error> {
        if !dir.is_dir() {
            let heading = format!("there is no store in `{}`", dir.display());
            return Err(Error::usage(heading).hint("`uzel run` makes one beside the app file; `--store DIR` names one"));
        }
        Ok(Self::with(Arc::new(Sqlite::open_read_only(dir)?), dir, terminal, Arc::new(Nobody)))
    }

    fn with(store: Arc<dyn Store>, dir: &Path, terminal: &Terminal, watcher: Arc<dyn Watcher>) -> Self {
        let world: Arc<dyn World> = Arc::new(RealWorld::default());
        let engine = Engine { store, shared: Arc::new(Shared::new(world)), watcher };
        Self {
            engine,
            dir: dir.to_owned(),
            patience: Duration::from_mins(1),
            terminal: terminal.clone(),
            apps: Mutex::default(),
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Time {
        self.engine.shared.world.now()
    }

    /// The release of a checked app and the app itself; says what is worth knowing about its models.
    pub(crate) fn prepare(
        &self,
        project: &Project,
        graph: &Arc<Graph>,
        choices: &Choices,
    ) -> Result<(Release, Arc<App>), Error> {
        let path = project.full_path();
        let release = release::of_graph(graph, &path.display().to_string(), choices, self.now());
        let app = self.build(&release, graph, path.parent().unwrap_or(Path::new(".")), &project.folder)?;
        Ok((release, app))
    }

    /// The models of an app that can be made, for those who ask them directly.
    pub(crate) fn models(&self, project: &Project, graph: &Graph) -> BTreeMap<String, Arc<ModelChain>> {
        let (functions, cache, path) = (BTreeMap::new(), self.dir.join("cache"), project.full_path());
        let folder = path.parent().unwrap_or(Path::new("."));
        let surroundings = Surroundings { folder, cache: &cache, secret: &environment::secret, functions: &functions };
        let made = |name: &String| Some((name.clone(), build_model(graph, &surroundings, name).ok()?));
        graph.declared.models.keys().filter_map(made).collect()
    }

    fn build(&self, release: &Release, graph: &Arc<Graph>, folder: &Path, shown: &Path) -> Result<Arc<App>, Error> {
        let functions = BTreeMap::new();
        let cache = self.dir.join("cache");
        let surroundings = Surroundings { folder, cache: &cache, secret: &environment::secret, functions: &functions };
        let app = build(graph, &surroundings).map_err(|problems| {
            let report = Report {
                diagnostics: problems.iter().collect(),
                left_out: 0,
                sources: &graph.sources,
                folder: shown,
                colour: self.terminal.colour_err,
            };
            self.terminal.insist(&report.text());
            // A model that does not exist is a mistake in the app; a missing key or a broken disk is not.
            let mistake = problems.iter().all(|problem| problem.code == Code::MODEL_UNKNOWN);
            let exit = if mistake { Exit::Failed } else { Exit::Environment };
            let mut error =
                Error::new(exit, format!("the app `{}` could not be prepared: {}", graph.name, report.summary()));
            if problems.iter().any(|problem| problem.code == Code::SECRET_MISSING) {
                error = error.hint("set the variable in the environment, or NAME_FILE to a file that holds the value");
            }
            error
        })?;
        for notice in &app.notices {
            self.terminal.notice(DIM, "note", notice);
        }
        let app = Arc::new(app);
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        apps.insert(release.id.clone(), Arc::clone(&app));
        Ok(app)
    }

    /// The app that a run is pinned to, made from the release's own files.
    pub(crate) async fn app_of(&self, head: &Head) -> Result<Arc<App>, Error> {
        let known = self.apps.lock().unwrap_or_else(PoisonError::into_inner).get(&head.release).cloned();
        if let Some(app) = known {
            return Ok(app);
        }
        let release = self.engine.release_of(head).await?;
        let graph = graph_of_release(&release)?;
        let folder = self.folder_of(&release);
        self.build(&release, &graph, &folder, &folder)
    }

    /// The program that a run is pinned to.
    pub(crate) async fn graph_of(&self, head: &Head) -> Result<Arc<Graph>, Error> {
        let known = self.apps.lock().unwrap_or_else(PoisonError::into_inner).get(&head.release).cloned();
        if let Some(app) = known {
            return Ok(Arc::clone(&app.graph));
        }
        graph_of_release(&self.engine.release_of(head).await?)
    }

    /// Where the data of a release's app is: where it was, or beside the store if it has moved with it.
    pub(crate) fn folder_of(&self, release: &Release) -> PathBuf {
        let was = Path::new(&release.path).parent().unwrap_or(Path::new(".")).to_owned();
        let beside = self.dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_owned));
        match beside {
            Some(beside) if !was.join(&release.main).exists() && beside.join(&release.main).exists() => beside,
            _ => was,
        }
    }
}

fn graph_of_release(release: &Release) -> Result<Arc<Graph>, Error> {
    release::graph_of(release, &uzel_std::catalog())
        .map_err(|cause| Error::environment("the app of this run cannot be read by this program").cause(cause))
}
