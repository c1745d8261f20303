//! Nodes that play themselves on a stage: the real `wait` and `agent`, of which only what they ask of the world is
//! directed. Polled by hand, without tasks and without a clock of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use serde_json::Value;
use uzel_core::{
    build::{App, Surroundings, build},
    capability::{Attempt, BoxFuture},
    event::{EffectMeta, EffectName, Event, InstancePath, Resolution, Stored, Time},
    failure::{Failure, FailureClass},
    graph::{Graph, NodeDef},
    hash,
    node::{self, Call, Effect, Outcome, Recorded, Work},
};

use crate::probe::LEDGER;

/// Kinds that play themselves.
pub(super) const KINDS: [&str; 2] = ["agent", "wait"];

/// The actors of a run, and what they ask.
#[derive(Default)]
pub(super) struct Actors {
    /// The app's nodes; none if no node plays itself.
    app: Option<App>,
    desk: Arc<Desk>,
    playing: BTreeMap<InstancePath, BoxFuture<'static, Result<Outcome, Failure>>>,
}

/// What lies between the actors and the stage.
#[derive(Default)]
struct Desk(Mutex<Papers>);

#[derive(Default)]
struct Papers {
    now: Time,
    /// What is asked of the world, by `instance/effect`; the answer once somebody has given it.
    asked: BTreeMap<String, Option<Result<Value, Failure>>>,
    /// Facts that are not in the log yet.
    facts: VecDeque<Event>,
}

impl Desk {
    fn open(&self) -> MutexGuard<'_, Papers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an actor has come to.
pub(super) enum Progress {
    /// Something is on record.
    Fact(Event),
    /// Its call ends.
    Ends(InstancePath, Result<Outcome, Failure>),
}

impl Actors {
    /// The actors of an app. What it needs from around it is not there.
    pub(super) fn of(graph: &Arc<Graph>) -> Self {
        let mut actors = Self::default();
        if graph.all_nodes().iter().any(|node| KINDS.contains(&node.kind.name)) {
            let functions = BTreeMap::from([(LEDGER.to_owned(), actors.function())]);
            let nowhere = Path::new("/nowhere");
            let surroundings =
                Surroundings { folder: nowhere, cache: nowhere, secret: &|_| None, functions: &functions };
            let app = build(graph, &surroundings);
            actors.app = Some(app.unwrap_or_else(|problems| panic!("the app cannot be built: {problems:#?}")));
        }
        actors
    }

    /// The function that models, tools and probes of the test kit call: it asks whoever directs.
    fn function(&self) -> Arc<node::Function> {
        let desk = Arc::clone(&self.desk);
        Arc::new(move |argument: Value| {
            let text = |name: &str| argument.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (tag, effect) = (text("tag"), text("effect"));
            let instance = tag.split_once('/').map_or("", |(_, instance)| instance);
            let (name, desk) = (format!("{instance}/{effect}"), Arc::clone(&desk));
            Box::pin(Asking { name, desk })
        })
    }

    /// Whether this node plays itself.
    pub(super) fn plays(&self, node: &NodeDef) -> bool {
        self.app.is_some() && KINDS.contains(&node.kind.name)
    }

    /// A node is called.
    pub(super) fn call(
        &mut self,
        node: &NodeDef,
        instance: InstancePath,
        input: Arc<Value>,
        resolution: Option<Resolution>,
        recorded: BTreeMap<EffectName, Result<Arc<Value>, Failure>>,
    ) {
        let actor = self.app.as_ref().and_then(|app| app.nodes.get(node.slot)).cloned();
        let actor = actor.expect("an app has a node for every slot");
        let host = Host { instance: instance.clone(), desk: Arc::clone(&self.desk), recorded };
        let now = self.desk.open().now;
        let call = Call { instance: instance.clone(), resolution, now, dry_run: false, host: Arc::new(host) };
        self.playing.insert(instance, Box::pin(async move { actor.call(input, &call).await }));
    }

    /// The clock goes on.
    pub(super) fn go_to(&self, now: Time) {
        self.desk.open().now = now;
    }

    /// What is asked of the world and not answered yet.
    pub(super) fn asked(&self) -> Vec<String> {
        let papers = self.desk.open();
        papers.asked.iter().filter(|(_, answer)| answer.is_none()).map(|(name, _)| name.clone()).collect()
    }

    /// The world answers.
    pub(super) fn answer(&self, name: &str, answer: Result<Value, Failure>) {
        if let Some(open) = self.desk.open().asked.get_mut(name) {
            *open = Some(answer);
        }
    }

    /// Leaves out every actor that is not called any more.
    pub(super) fn keep(&mut self, is_called: impl Fn(&InstancePath) -> bool) {
        self.playing.retain(|instance, _| is_called(instance));
    }

    /// Everybody leaves, and takes along what was not on record.
    pub(super) fn leave(&mut self) {
        self.playing.clear();
        self.desk.open().facts.clear();
    }

    /// The next thing that an actor comes to, if any can go on.
    pub(super) fn next(&mut self) -> Option<Progress> {
        let mut context = Context::from_waker(Waker::noop());
        let mut ended = None;
        for (instance, actor) in &mut self.playing {
            if let Some(fact) = self.desk.open().facts.pop_front() {
                return Some(Progress::Fact(fact));
            }
            if let Poll::Ready(outcome) = actor.as_mut().poll(&mut context) {
                ended = Some((instance.clone(), outcome));
                break;
            }
        }
        // What it recorded on its way comes first; its end is found again when it is polled no more.
        if let Some((instance, outcome)) = ended {
            let facts = !self.desk.open().facts.is_empty();
            if facts {
                self.playing.insert(instance, Box::pin(std::future::ready(outcome)));
            } else {
                self.playing.remove(&instance);
                return Some(Progress::Ends(instance, outcome));
            }
        }
        self.desk.open().facts.pop_front().map(Progress::Fact)
    }
}

/// A question to the world, as long as somebody waits for the answer.
struct Asking {
    name: String,
    desk: Arc<Desk>,
}

impl Future for Asking {
    type Output = Result<Value, Failure>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let mut papers = self.desk.open();
        papers.asked.entry(self.name.clone()).or_default().take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.desk.open().asked.remove(&self.name);
    }
}

/// The stage's side of a call: effects are looked up or done, once and without layers.
struct Host {
    instance: InstancePath,
    desk: Arc<Desk>,
    recorded: BTreeMap<EffectName, Result<Arc<Value>, Failure>>,
}

impl node::Host for Host {
    fn effect<'a>(&'a self, effect: Effect<'a>, work: &'a dyn Work) -> BoxFuture<'a, Result<Recorded, Failure>> {
        Box::pin(async move {
            let name = EffectName::of(&self.instance, effect.name);
            if let Some(result) = self.recorded.get(&name) {
                return result.clone().map(|value| Recorded { effect: name, value });
            }
            let started = self.desk.open().now;
            let (key, tag) = (hash::effect_key("r", name.as_str()), format!("r/{}", self.instance));
            let attempt = Attempt { number: 1, key, timeout: Duration::from_mins(1), tag };
            let mut trying = work.attempt(0, &attempt);
            let tried = std::future::poll_fn(|context| {
                let now = self.desk.open().now;
                match effect.until.filter(|until| until.at <= now) {
                    Some(until) => Poll::Ready(Err(until.failure()).into()),
                    None => trying.as_mut().poll(context),
                }
            });
            let result = tried.await.result.map(Arc::new);
            let mut papers = self.desk.open();
            let meta = EffectMeta { started, ended: papers.now, attempts: 1, ..EffectMeta::default() };
            papers.facts.push_back(Event::EffectReturned {
                effect: name.clone(),
                class: effect.class,
                result: result.as_ref().map(|value| Stored::Here(Arc::clone(value))).map_err(Clone::clone),
                meta,
            });
            drop(papers);
            result.map(|value| Recorded { effect: name, value })
        })
    }

    fn emit(&self, _: &InstancePath, _: &str) {}

    fn void(&self, _: &InstancePath) {}

    fn recorded(&self, name: &str) -> Option<Result<Arc<Value>, Failure>> {
        self.recorded.get(&EffectName::of(&self.instance, name)).cloned()
    }

    fn secret(&self) -> String {
        "secret".to_owned()
    }
}

/// What the world says when nobody directs it: what it is.
pub(super) fn echo(name: &str) -> Result<Value, Failure> {
    match name.rsplit_once('/') {
        Some((_, effect)) => Ok(Value::from(effect)),
        None => Err(Failure::new(FailureClass::Bug, format!("`{name}` is no effect"))),
    }
}
