//! An app, its ledger and an engine over any store: what tests of the engine stand on.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::Value;
use tokio::sync::mpsc;
use uzel_core::{
    build::{App, Surroundings, build},
    check::{Choices, read},
    event::{Event, ReleaseId, RunId},
    kind::Catalog,
    store::{Head, Status, Store},
};
use uzel_runtime::{
    driver::{Nobody, Watcher},
    engine::{Engine, Error, Given, Start},
    layers::Shared,
    world::World,
};

use crate::{
    played,
    probe::{LEDGER, Ledger, Probe, Timer},
};

/// Everything that ships, and what this crate adds.
pub fn catalog() -> Catalog {
    let mut catalog = uzel_std::catalog().with::<Probe>().with::<Timer>();
    catalog.models.push(played::MODEL);
    catalog.tools.push(played::TOOL);
    catalog
}

/// The app of this text; what is wrong with it is a panic.
pub fn app(text: &str, ledger: &Arc<Ledger>) -> Arc<App> {
    let files = BTreeMap::from([("app.yaml".to_owned(), text.as_bytes().to_vec())]);
    let reading = read("app.yaml", &files, &catalog(), &Choices::default());
    let problems: Vec<String> = reading.diagnostics.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
    let graph = reading.graph.unwrap_or_else(|| panic!("the app cannot be read: {problems:#?}"));
    let functions = BTreeMap::from([(LEDGER.to_owned(), ledger.function())]);
    let surroundings = Surroundings {
        folder: Path::new("/nowhere"),
        cache: Path::new("/nowhere"),
        secret: &|_| None,
        functions: &functions,
    };
    let built = build(&graph, &surroundings);
    Arc::new(built.unwrap_or_else(|problems| panic!("the app cannot be built: {problems:#?}")))
}

/// An app on an engine.
#[derive(Clone)]
pub struct Lab {
    /// The app.
    pub app: Arc<App>,
    /// The engine.
    pub engine: Engine,
}

impl Lab {
    /// A fresh engine, as after the start of a process.
    pub fn new(app: Arc<App>, store: Arc<dyn Store>, world: Arc<dyn World>) -> Self {
        Self { app, engine: Engine { store, shared: Arc::new(Shared::new(world)), watcher: Arc::new(Nobody) } }
    }

    /// The same with somebody who watches.
    pub fn watched(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.engine.watcher = watcher;
        self
    }

    /// Starts a run and drives it until it ends or parks.
    pub async fn start(&self, id: &str, input: Value) -> Result<Head, Error> {
        let start = Start { id: Some(RunId::from(id)), input, ..Start::default() };
        let driver = self.engine.start(&self.app, &ReleaseId::from("lab"), start).await?;
        Ok(driver.drive(nobody_asks()).await?)
    }

    /// Takes a run up and drives it until it ends or parks.
    pub async fn resume(&self, id: &str) -> Result<Head, Error> {
        let driver = self.engine.resume(&self.app, &RunId::from(id)).await?;
        Ok(driver.drive(nobody_asks()).await?)
    }

    /// Answers the open question of a node.
    pub async fn answer(&self, id: &str, node: &str, action: &str, form: Value) -> Result<(), Error> {
        let task = self.engine.find_task(&format!("{id}/{node}")).await?;
        let given = Given { action: action.to_owned(), form, by: "ann".to_owned(), digest: Some(task.digest.clone()) };
        self.engine.answer(&self.app.graph, &task, given).await
    }

    /// Takes a run up again and again until it ends: questions are answered by `answer` (node to action and form), and
    /// for times and questions that nobody answers the clock is set forward by `skip`.
    pub async fn finish(&self, id: &str, answers: &Answers, skip: &dyn Fn(&Head)) -> Head {
        let head = self.resume(id).await.expect("a run that has not ended can be resumed");
        self.go_on(id, head, answers, skip).await.expect("the store works")
    }

    /// Goes on with a run that has been driven until it ended or parked.
    ///
    /// # Errors
    /// The store's.
    pub async fn go_on(
        &self,
        id: &str,
        mut head: Head,
        answers: &Answers,
        skip: &dyn Fn(&Head),
    ) -> Result<Head, Error> {
        for _ in 0..100 {
            if head.status.is_final() {
                return Ok(head);
            }
            self.unpark(id, &head, answers, skip).await?;
            head = self.resume(id).await?;
        }
        panic!("run {id} does not end");
    }

    /// Does what a parked run waits for.
    ///
    /// # Errors
    /// The store's.
    pub async fn unpark(&self, id: &str, head: &Head, answers: &Answers, skip: &dyn Fn(&Head)) -> Result<(), Error> {
        assert_eq!(head.status, Status::Waiting);
        let open = self.engine.store.tasks(true, Some(RunId::from(id))).await?;
        let known = open.iter().find_map(|task| answers.get(task.instance.as_str()).map(|given| (task, given)));
        match known {
            Some((task, (action, form))) => self.answer(id, task.instance.as_str(), action, form.clone()).await,
            None => {
                assert!(head.wake.is_some(), "the run waits for what never comes: {open:?}");
                skip(head);
                Ok(())
            }
        }
    }

    /// The run's log.
    pub async fn log(&self, id: &str) -> Vec<Event> {
        self.engine.store.load(RunId::from(id)).await.expect("the run is there").0
    }

    /// Each node's state and output.
    pub async fn states(&self, id: &str) -> BTreeMap<String, (&'static str, Option<Value>)> {
        let (run, ..) = self.engine.load(&self.app.graph, &RunId::from(id)).await.expect("the run is there");
        let views = run.view().into_iter();
        views.map(|v| (v.instance.to_string(), (v.state, v.output.map(|value| Value::clone(&value))))).collect()
    }
}

/// Answers by node: action and form.
pub type Answers = BTreeMap<String, (String, Value)>;

/// A channel that nobody sends to.
pub fn nobody_asks() -> mpsc::Receiver<uzel_runtime::driver::Ask> {
    mpsc::channel(1).1
}
