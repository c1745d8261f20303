//! A journal on disk, and the world in which its run is taken up again. Used by the tests of journals.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use uzel_core::{
    build::{App, Surroundings, build},
    capability::BoxFuture,
    check::{Choices, read},
    event::{Event, RunId, Time},
    graph::Graph,
    kind::Catalog,
    store::{Frame, Head, Store},
};
use uzel_runtime::{
    driver::Nobody,
    engine::Engine,
    layers::Shared,
    store::memory::Memory,
    world::{RealWorld, World},
};

use super::park::Park;

/// When runs are recorded: 2026-01-01.
pub(super) const BEGIN: Time = Time(1_767_225_600_000);

/// One folder of `tests/journals`.
pub(super) struct Journal {
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

impl Journal {
    /// All of them, by name.
    pub(super) fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals/v1");
        let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let journal = |folder: PathBuf| Self { name: folder.file_name().unwrap().to_str().unwrap().to_owned(), folder };
        let mut all: Vec<Self> = folders.map(journal).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    pub(super) fn run(&self) -> RunId {
        RunId::from(format!("journal-{}", self.name))
    }

    pub(super) fn json(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_else(|e| panic!("{}/{file}: {e}", self.name));
        serde_json::from_str(&text).unwrap()
    }

    /// The lines of the log and what they are, large values still by hash.
    pub(super) fn events(&self) -> Vec<(Value, Event)> {
        let text = fs::read_to_string(self.folder.join("events.jsonl")).unwrap();
        let event = |(at, line): (usize, &str)| {
            let event = serde_json::from_str(line).unwrap_or_else(|e| panic!("{}, event {}: {e}", self.name, at + 1));
            (serde_json::from_str(line).unwrap(), event)
        };
        text.lines().enumerate().map(event).collect()
    }

    pub(super) fn blobs(&self) -> Vec<(String, Vec<u8>)> {
        let Ok(folder) = fs::read_dir(self.folder.join("blobs")) else { return vec![] };
        let paths = folder.map(|entry| entry.unwrap().path());
        paths.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
    }

    /// The program of the release.
    pub(super) fn graph(&self) -> Arc<Graph> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(self.folder.join("app")).unwrap() {
            let path = entry.unwrap().path();
            files.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        }
        let reading = read("app.yaml", &files, &catalog(), &Choices::default());
        reading.graph.unwrap_or_else(|| panic!("{}: {:?}", self.name, reading.diagnostics))
    }
}

fn catalog() -> Catalog {
    uzel_std::catalog().with::<Park>()
}

/// A world whose clock is turned by hand; each look at it takes a millisecond.
pub(super) struct Turned {
    real: RealWorld,
    now: AtomicI64,
}

impl Turned {
    /// Turns the clock on; never back.
    pub(super) fn turn_to(&self, time: Time) {
        self.now.fetch_max(time.0, Ordering::SeqCst);
    }
}

impl World for Turned {
    fn now(&self) -> Time {
        Time(self.now.fetch_add(1, Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.real.sleep(duration)
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn id(&self) -> String {
        "journal".to_owned()
    }
}

/// A journal's app in a folder of its own, with an empty store.
pub(super) struct Stage {
    pub(super) app: Arc<App>,
    pub(super) engine: Engine,
    pub(super) world: Arc<Turned>,
    pub(super) id: RunId,
    pub(super) folder: TempDir,
}

impl Stage {
    pub(super) fn of(journal: &Journal, graph: &Arc<Graph>, now: Time) -> Self {
        let folder = TempDir::new().unwrap();
        for (path, bytes) in &graph.files {
            fs::write(folder.path().join(path), bytes).unwrap();
        }
        let app = build(
            graph,
            &Surroundings {
                folder: folder.path(),
                cache: &folder.path().join("cache"),
                secret: &|_| None,
                functions: &BTreeMap::new(),
            },
        );
        let app = Arc::new(app.map_err(|problems| format!("{}: {problems:?}", journal.name)).unwrap());
        let world = Arc::new(Turned { real: RealWorld::default(), now: AtomicI64::new(now.0) });
        let shared: Arc<dyn World> = Arc::clone(&world) as Arc<dyn World>;
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let engine = Engine { store, shared: Arc::new(Shared::new(shared)), watcher: Arc::new(Nobody) };
        Self { app, engine, world, id: journal.run(), folder }
    }

    /// Takes the run up where its log ends.
    pub(super) async fn resume(&self) -> Head {
        let driver = self.engine.resume(&self.app, &self.id).await.unwrap();
        let (_, asks) = mpsc::channel(1);
        driver.drive(asks).await.unwrap()
    }
}

/// Events as records: each effect's result ends one.
pub(super) fn frames(events: Vec<Event>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = vec![];
    let mut open = vec![];
    for event in events {
        let effect = if let Event::EffectReturned { effect, .. } = &event { Some(effect.clone()) } else { None };
        open.push(event);
        if effect.is_some() {
            frames.push(Frame { effect, events: std::mem::take(&mut open) });
        }
    }
    if !open.is_empty() {
        frames.push(Frame { effect: None, events: open });
    }
    frames
}
