//! A run as a fold: `apply` takes events, `next` says what to do. Pure and deterministic; the driver is their only caller.
//!
//! Only what happened is an event. That a node is stepped over or inactive follows from the graph and from what
//! happened, so it is computed again whenever a log is read.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    event::{
        Answer, EffectMeta, EffectName, End, Event, InstancePath, ReleaseId, Resolution, RunId, Stored, Time, Wait,
    },
    expr::Scope,
    failure::{Failure, FailureClass},
    graph::{Graph, NodeIdx},
    hash,
    store::{Head, Status, Task},
};

mod start;
mod view;

pub use view::{EffectView, NodeView};

/// What a run asks the driver to do; never stored.
#[derive(Clone, Debug)]
pub enum Command {
    /// Call a node.
    Call {
        /// Which node.
        node: NodeIdx,
        /// At which place.
        instance: InstancePath,
        /// With what.
        input: Arc<Value>,
        /// How its wait ended, if it waited.
        resolution: Option<Resolution>,
    },
    /// Record that a node failed before it could be called (its input cannot be computed).
    Fail {
        /// Which.
        instance: InstancePath,
        /// Why.
        failure: Failure,
    },
    /// Record the end, and stop whatever is still going on.
    End(End),
}

/// Where a node instance stands.
#[derive(Clone, Debug)]
pub enum State {
    /// Its parents have not settled.
    Pending,
    /// It has been called, or must be.
    Running,
    /// It is parked.
    Waiting(Box<Wait>),
    /// It has a value.
    Ok {
        /// The value.
        value: Arc<Value>,
        /// The way it chose.
        port: Option<String>,
    },
    /// Its condition was false.
    SteppedOver,
    /// It was left out for a reason outside the graph.
    LeftOut(String),
    /// Nothing chose it, or all before it were inactive.
    Inactive,
    /// It failed.
    Failed(Failure),
    /// It blocked, and why.
    Blocked(String),
}

impl State {
    /// The word in lists and in `nodes.<id>.status`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::Ok { .. } => "ok",
            Self::SteppedOver | Self::LeftOut(_) => "stepped_over",
            Self::Inactive => "inactive",
            Self::Failed(_) => "failed",
            Self::Blocked(_) => "blocked",
        }
    }

    /// Whether nothing will change it any more.
    pub const fn is_settled(&self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting(_))
    }
}

/// One node's place in a run.
#[derive(Clone, Debug)]
struct Instance {
    state: State,
    /// Value that stands for that of a node that failed or blocked.
    substitute: Option<Arc<Value>>,
    resolution: Option<Resolution>,
    started: Option<Time>,
    ended: Option<Time>,
    asked: Option<Time>,
    answer: Option<Answer>,
    /// Flow edges whose node has not settled.
    open_flow: usize,
    /// Choosing edges whose node has not settled.
    open_control: usize,
    /// Whether an edge said go.
    alive: bool,
    /// Whether an edge chose it.
    chosen: bool,
    /// Whether a node runs instead of one that it depends on.
    barred: bool,
}

/// Money and tokens so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// USD.
    pub cost_usd: f64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// A run's state: equal logs, equal states.
pub struct Run {
    graph: Arc<Graph>,
    id: RunId,
    begin: Option<Begin>,
    instances: Vec<Instance>,
    effects: BTreeMap<EffectName, Effect>,
    intents: Vec<EffectName>,
    totals: Totals,
    /// Nodes that settled and whose children have not been looked at.
    fresh: VecDeque<NodeIdx>,
    /// Nodes whose wait ended.
    again: Vec<NodeIdx>,
    looked: bool,
    settled: usize,
    broken: Option<End>,
    end: Option<End>,
    ended: Option<Time>,
}

/// What a run was started with.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The release it is pinned to.
    pub release: ReleaseId,
    /// Its input.
    pub input: Arc<Value>,
    /// When.
    pub at: Time,
    /// By whom.
    pub by: Option<String>,
    /// Flags.
    pub flags: BTreeMap<String, Value>,
    /// Whether write tools are left out.
    pub dry_run: bool,
}

#[derive(Clone, Debug)]
struct Effect {
    result: Result<Arc<Value>, Failure>,
    meta: EffectMeta,
}

impl Run {
    /// A run without events.
    pub fn new(id: RunId, graph: Arc<Graph>) -> Self {
        let instance = |node: &crate::graph::NodeDef| Instance {
            state: State::Pending,
            substitute: None,
            resolution: None,
            started: None,
            ended: None,
            asked: None,
            answer: None,
            open_flow: node.parents.iter().filter(|edge| !edge.via.is_control()).count(),
            open_control: node.parents.iter().filter(|edge| edge.via.is_control()).count(),
            alive: false,
            chosen: false,
            barred: false,
        };
        Self {
            instances: graph.nodes.values().map(instance).collect(),
            graph,
            id,
            begin: None,
            effects: BTreeMap::new(),
            intents: vec![],
            totals: Totals::default(),
            fresh: VecDeque::new(),
            again: vec![],
            looked: false,
            settled: 0,
            broken: None,
            end: None,
            ended: None,
        }
    }

    /// A run with all its events.
    pub fn fold<'e>(id: RunId, graph: Arc<Graph>, events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut run = Self::new(id, graph);
        for event in events {
            run.apply(event);
        }
        run
    }

    /// Takes a fact. Total: an event that does not fit the graph changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { release, input, at, by, flags, dry_run, .. } => {
                self.begin = Some(Begin {
                    release: release.clone(),
                    input: Arc::clone(input),
                    at: *at,
                    by: by.clone(),
                    flags: flags.clone(),
                    dry_run: *dry_run,
                });
            }
            Event::Resumed { .. } => {}
            Event::EffectIntended { effect, .. } => self.intents.push(effect.clone()),
            Event::EffectReturned { effect, result, meta, .. } => self.effect_returned(effect, result, meta),
            Event::Returned { instance, port, value, started, at } => {
                let value = self.value(value);
                self.settle(instance, State::Ok { value, port: port.clone() }, Some(*started), *at);
            }
            Event::Failed { instance, failure, started, at } => {
                self.settle(instance, State::Failed(failure.clone()), Some(*started), *at);
            }
            Event::Blocked { instance, reason, value, started, at } => {
                let value = self.value(value);
                if let Some(idx) = self.settle(instance, State::Blocked(reason.clone()), Some(*started), *at) {
                    self.instances[idx].substitute = Some(value);
                }
            }
            Event::LeftOut { instance, why, at } => {
                self.settle(instance, State::LeftOut(why.clone()), None, *at);
            }
            Event::Waited { instance, wait, at } => {
                if let Some(place) = self.place(instance).filter(|place| !place.state.is_settled()) {
                    place.state = State::Waiting(Box::new(wait.clone()));
                    place.started = place.started.or(Some(*at));
                    place.asked = Some(*at);
                }
            }
            Event::Resolved { instance, resolution } => self.resolved(instance, resolution),
            Event::Ended { end, at } => {
                self.end = Some(end.clone());
                self.ended = Some(*at);
            }
        }
    }

    fn effect_returned(&mut self, name: &EffectName, result: &Result<Stored, Failure>, meta: &EffectMeta) {
        self.totals.cost_usd += meta.cost_usd;
        self.totals.input_tokens += meta.input_tokens;
        self.totals.output_tokens += meta.output_tokens;
        let result = result.as_ref().map(|stored| self.value(stored)).map_err(Clone::clone);
        self.effects.insert(name.clone(), Effect { result, meta: meta.clone() });
    }

    fn resolved(&mut self, instance: &InstancePath, resolution: &Resolution) {
        let Some((idx, _)) = self.graph.node(instance.as_str()) else { return };
        let place = &mut self.instances[idx];
        if matches!(place.state, State::Waiting(_)) {
            place.state = State::Running;
            place.resolution = Some(resolution.clone());
            if let Resolution::Answered(answer) = resolution {
                place.answer = Some(answer.clone());
            }
            // It may have waited before, and been called since.
            if !self.again.contains(&idx) {
                self.again.push(idx);
            }
        }
    }

    fn place(&mut self, instance: &InstancePath) -> Option<&mut Instance> {
        let (idx, _) = self.graph.node(instance.as_str())?;
        self.instances.get_mut(idx)
    }

    fn settle(&mut self, instance: &InstancePath, state: State, started: Option<Time>, at: Time) -> Option<NodeIdx> {
        let (idx, _) = self.graph.node(instance.as_str())?;
        let place = &mut self.instances[idx];
        if place.state.is_settled() {
            return None;
        }
        place.state = state;
        place.started = place.started.or(started);
        place.ended = Some(at);
        self.settled += 1;
        self.fresh.push_back(idx);
        Some(idx)
    }

    /// The value that a record refers to. Blobs are fetched before events are applied.
    fn value(&self, stored: &Stored) -> Arc<Value> {
        match stored {
            Stored::Here(value) => Arc::clone(value),
            Stored::Effect(name) => match self.effects.get(name).map(|effect| &effect.result) {
                Some(Ok(value)) => Arc::clone(value),
                _ => Arc::new(Value::Null),
            },
            Stored::Blob(_) => Arc::new(Value::Null),
        }
    }

    /// The id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The program.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// What it was started with; `None` before its first event.
    pub fn begin(&self) -> Option<&Begin> {
        self.begin.as_ref()
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Money and tokens so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// An effect's result, if it has one.
    pub fn effect(&self, name: &EffectName) -> Option<Result<Arc<Value>, Failure>> {
        self.effects.get(name).map(|effect| effect.result.clone())
    }

    /// The effects of an instance that have a result.
    pub fn effects_of(&self, instance: &InstancePath) -> BTreeMap<EffectName, Result<Arc<Value>, Failure>> {
        self.own_effects(instance.as_str()).map(|(name, effect)| (name.clone(), effect.result.clone())).collect()
    }

    /// The effects whose names begin with `instance/`; names are ordered, so that they lie together.
    fn own_effects<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = (&'a EffectName, &'a Effect)> {
        let first = EffectName::from(format!("{instance}/"));
        self.effects.range(first..).take_while(move |(name, _)| is_of(name, instance))
    }

    /// The `once` effects of an instance that were about to be tried when the log ends, and have no result.
    pub fn doubts_of(&self, instance: &InstancePath) -> Vec<EffectName> {
        let doubt = |name: &&EffectName| is_of(name, instance.as_str()) && !self.effects.contains_key(*name);
        self.intents.iter().filter(doubt).cloned().collect()
    }

    /// The waits that are open: instance, wait, since when.
    pub fn waits(&self) -> impl Iterator<Item = (InstancePath, &Wait, Time)> {
        self.graph.nodes.keys().zip(&self.instances).filter_map(|(id, place)| match &place.state {
            State::Waiting(wait) => Some((InstancePath::from(id.as_str()), &**wait, place.asked.unwrap_or_default())),
            _ => None,
        })
    }

    /// Where a node stands.
    pub fn state(&self, instance: &InstancePath) -> Option<&State> {
        let (idx, _) = self.graph.node(instance.as_str())?;
        self.instances.get(idx).map(|place| &place.state)
    }

    /// When the engine must look at the run by itself: the earliest wait, or the run's own deadline.
    pub fn wake(&self) -> Option<Time> {
        self.waits().filter_map(|(_, wait, _)| wait.due()).chain(self.deadline()).min()
    }

    /// When the run must have ended.
    pub fn deadline(&self) -> Option<Time> {
        let duration = self.graph.limits.duration.as_ref()?;
        Some(self.begin.as_ref()?.at.plus(duration.0))
    }

    /// Where the run stands, given whether something of it is being worked on.
    pub fn status(&self, working: bool) -> Status {
        match &self.end {
            Some(End::Succeeded(_)) => Status::Succeeded,
            Some(End::Failed { .. }) => Status::Failed,
            Some(End::Stopped { .. }) => Status::Stopped,
            Some(End::Cancelled { .. }) => Status::Cancelled,
            None if !working && self.waits().next().is_some() => Status::Waiting,
            None => Status::Running,
        }
    }

    /// The run's row.
    pub fn head(&self, status: Status, updated: Time, batch: Option<(String, u64)>) -> Head {
        let outcome = match &self.end {
            Some(End::Succeeded(output)) => json!({ "output": *self.value(output) }),
            Some(End::Failed { instance, failure }) => json!({ "node": instance, "failure": failure }),
            Some(End::Stopped { instance, text, output }) => {
                json!({ "node": instance, "text": text, "output": *self.value(output) })
            }
            Some(End::Cancelled { why }) => json!({ "why": why }),
            None if status == Status::Waiting => json!({ "output": self.output().unwrap_or(Value::Null) }),
            None => Value::Null,
        };
        Head {
            run: self.id.clone(),
            app: self.graph.name.clone(),
            release: self.begin.as_ref().map_or_else(|| ReleaseId::from(""), |begin| begin.release.clone()),
            status,
            created: self.begin.as_ref().map_or(updated, |begin| begin.at),
            updated,
            wake: (!status.is_final()).then(|| self.wake()).flatten(),
            batch,
            cost_usd: self.totals.cost_usd,
            input_tokens: self.totals.input_tokens,
            output_tokens: self.totals.output_tokens,
            outcome,
        }
    }

    /// The question that an instance waits with, as the inbox shows it. A run that has ended asks nothing.
    pub fn task(&self, instance: &InstancePath) -> Option<Task> {
        if self.end.is_some() {
            return None;
        }
        let (idx, _) = self.graph.node(instance.as_str())?;
        let place = &self.instances[idx];
        let State::Waiting(wait) = &place.state else { return None };
        let Wait::Answer(question) = &**wait else { return None };
        Some(Task {
            id: format!("{}/{instance}", self.id),
            run: self.id.clone(),
            instance: instance.clone(),
            digest: hash::of_json(question),
            question: (**question).clone(),
            created: place.asked.unwrap_or_default(),
            closed: None,
        })
    }

    /// What the app gives, as far as it can be computed.
    pub fn output(&self) -> Result<Value, Failure> {
        match &self.graph.output {
            Some(binding) => binding.evaluate(&self.scope(binding.references(), None)),
            None => {
                let leaves =
                    self.graph.nodes.iter().zip(&self.instances).filter(|((_, node), _)| node.children.is_empty());
                let values = leaves.map(|((id, _), place)| (id.clone(), Value::clone(&place.value())));
                Ok(Value::Object(values.collect()))
            }
        }
    }

    /// Values for these references.
    fn scope(&self, references: &[crate::expr::Reference], node: Option<NodeIdx>) -> Scope {
        let mut scope = Scope::new();
        for reference in references {
            let root = reference.root.as_str();
            if scope.get(root).is_none()
                && let Some(value) = self.root(root, node)
            {
                scope = scope.with(root, value);
            }
        }
        scope
    }

    fn root(&self, root: &str, node: Option<NodeIdx>) -> Option<Arc<Value>> {
        if let Some((idx, _)) = self.graph.node(root) {
            return Some(self.instances[idx].value());
        }
        let begin = self.begin.as_ref()?;
        match root {
            "input" => Some(Arc::clone(&begin.input)),
            "run" => Some(Arc::new(json!({
                "id": self.id, "app": self.graph.name, "started_by": begin.by, "started_at": begin.at,
                "dry_run": begin.dry_run,
            }))),
            "flags" => {
                let value = |(name, flag): (&String, &crate::graph::Flag)| {
                    (name.clone(), begin.flags.get(name).cloned().unwrap_or_else(|| flag.default.clone()))
                };
                Some(Arc::new(Value::Object(self.graph.flags.iter().map(value).collect())))
            }
            "node" => {
                let id = node.and_then(|idx| self.graph.nodes.get_index(idx)).map(|(id, _)| id.as_str());
                Some(Arc::new(json!({ "id": id, "path": id })))
            }
            "nodes" => Some(Arc::new(Value::Object(self.metadata().collect()))),
            _ => None,
        }
    }

    /// `nodes.<id>`: what can be said about each node beside its value.
    fn metadata(&self) -> impl Iterator<Item = (String, Value)> {
        self.graph.nodes.keys().zip(&self.instances).map(|(id, place)| {
            let (attempts, cost) = self.own_effects(id).fold((0, 0.0), |(attempts, cost), (_, effect)| {
                (attempts + effect.meta.attempts, cost + effect.meta.cost_usd)
            });
            (id.clone(), json!({ "status": place.state.as_str(), "attempts": attempts, "cost_usd": cost }))
        })
    }
}

impl Instance {
    /// What expressions see: null unless the node has a value or something stands for it.
    fn value(&self) -> Arc<Value> {
        match (&self.state, &self.substitute) {
            (State::Ok { value, .. }, _) => Arc::clone(value),
            (_, Some(value)) => Arc::clone(value),
            _ => Arc::new(Value::Null),
        }
    }
}

/// Whether an effect is one of this instance (and not of one below it).
fn is_of(name: &EffectName, instance: &str) -> bool {
    name.as_str().strip_prefix(instance).is_some_and(|rest| rest.starts_with('/'))
}

/// A failure that is ours.
fn bug(message: &str) -> Failure {
    Failure::new(FailureClass::Bug, message)
}
