//! A run as a fold: `apply` takes events, `next` says what to do. Pure and deterministic; the driver is their only caller.
//!
//! Only what happened is an event. That a node is stepped over or inactive follows from the graph and from what
//! happened, so it is computed again whenever a log is read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    event::{
        Answer, DONE, EffectMeta, EffectName, End, Event, ForkedFrom, InstancePath, ReleaseId, Resolution, RunId,
        Stored, Time, Wait,
    },
    failure::{Failure, FailureClass},
    graph::{Graph, Join, NodeDef},
    hash,
    node::HERE,
    store::{Head, Status, Task},
};

mod body;
mod bounds;
pub mod differences;
pub mod fork;
mod lean;
mod level;
pub mod migrate;
mod scope;
mod start;
pub mod timeline;
mod view;
pub mod why;

use bounds::Worked;
use lean::Forgetting;
use level::{Level, Place, Program};

pub use bounds::{Bound, Cutoff};
pub use view::{EffectView, NodeView};

/// What a run asks the driver to do; never stored.
#[derive(Clone, Debug)]
pub enum Command {
    /// Call a node.
    Call {
        /// Which node.
        node: Arc<NodeDef>,
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
    /// Stop what is in flight for an instance: nobody waits for it any more. Nothing is recorded about it.
    Cancel {
        /// Which.
        instance: InstancePath,
        /// The question that it asked, to be taken out of the inbox.
        task: Option<Box<Task>>,
    },
    /// Record (as a wait) when the join of an instance stops waiting: so long from now.
    Park {
        /// Which.
        instance: InstancePath,
        /// How long.
        after: Duration,
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
    /// It was ended because nobody waits for it any more.
    Cancelled,
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
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will change it any more.
    pub const fn is_settled(&self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting(_))
    }
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
    /// Tries of calls that leave the process.
    pub calls: u64,
}

impl Totals {
    fn plus(&mut self, more: Self) {
        self.cost_usd += more.cost_usd;
        self.input_tokens += more.input_tokens;
        self.output_tokens += more.output_tokens;
        self.calls += more.calls;
    }

    fn add(&mut self, meta: &EffectMeta) {
        self.cost_usd += meta.cost_usd;
        self.input_tokens += meta.input_tokens;
        self.output_tokens += meta.output_tokens;
        if meta.endpoint.as_deref() != Some(HERE) {
            self.calls += u64::from(meta.attempts);
        }
    }
}

/// A run's state: equal logs, equal states.
pub struct Run {
    graph: Arc<Graph>,
    id: RunId,
    begin: Option<Begin>,
    /// The app's own nodes, and those of every body that was opened.
    levels: Vec<Level>,
    /// Instances in bodies.
    paths: BTreeMap<InstancePath, Place>,
    effects: BTreeMap<EffectName, Effect>,
    /// `once` effects that were about to be tried and have no result, and when that was.
    intents: BTreeMap<EffectName, Time>,
    /// How many effects have a result.
    returned: u64,
    totals: Totals,
    /// Nodes that settled and whose children have not been looked at.
    fresh: VecDeque<Place>,
    /// What was found to be done while facts were applied: calls, and other commands.
    called: BTreeMap<Place, u64>,
    /// How many calls there were to be made so far: they are made in that order.
    calls: u64,
    told: Vec<Command>,
    /// Nodes that wait for something from outside.
    waiting: BTreeSet<Place>,
    /// Joins whose clock has begun.
    clocks: BTreeSet<Place>,
    /// Nodes whose call is at work.
    working: BTreeSet<Place>,
    /// Open nodes with a limit of time.
    timed: BTreeSet<Place>,
    /// Milliseconds for which something was at work: in the run, and in nodes that limit it.
    active: u64,
    worked: Worked,
    /// What is over is forgotten, if this is there.
    lean: Option<Forgetting>,
    /// The time of the last fact.
    now: Time,
    /// How the run is to end although nodes have not settled, and whether that has been said.
    broken: Option<End>,
    end_told: bool,
    end: Option<End>,
    ended: Option<Time>,
    /// Whether nobody takes it up by himself any more.
    set_aside: bool,
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
    /// Where its first records come from.
    pub forked_from: Option<Box<ForkedFrom>>,
}

#[derive(Clone, Debug)]
struct Effect {
    result: Result<Arc<Value>, Failure>,
    meta: EffectMeta,
    /// Whether another run did it, and paid for it.
    reused: bool,
}

impl Run {
    /// A run without events.
    pub fn new(id: RunId, graph: Arc<Graph>) -> Self {
        Self {
            levels: vec![Level::new(Program::App(Arc::clone(&graph)), String::new(), None)],
            paths: BTreeMap::new(),
            graph,
            id,
            begin: None,
            effects: BTreeMap::new(),
            intents: BTreeMap::new(),
            returned: 0,
            totals: Totals::default(),
            fresh: VecDeque::new(),
            called: BTreeMap::new(),
            calls: 0,
            told: vec![],
            waiting: BTreeSet::new(),
            clocks: BTreeSet::new(),
            working: BTreeSet::new(),
            timed: BTreeSet::new(),
            active: 0,
            worked: Worked::new(),
            lean: None,
            now: Time::default(),
            broken: None,
            end_told: false,
            end: None,
            ended: None,
            set_aside: false,
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

    /// Takes a fact, and derives what follows from it. Total: an event that does not fit the graph changes nothing.
    pub fn apply(&mut self, event: &Event) {
        // Between the last record of a process that died and its successor's first nobody worked.
        if !matches!(event, Event::Resumed { .. }) {
            self.count_time(event.at());
        }
        self.now = event.at();
        self.take(event);
        self.derive_all();
        if self.fresh.is_empty() {
            self.forget();
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Started { release, input, at, by, flags, dry_run, forked_from, .. } => {
                self.begin = Some(Begin {
                    release: release.clone(),
                    input: Arc::clone(input),
                    at: *at,
                    by: by.clone(),
                    flags: flags.clone(),
                    dry_run: *dry_run,
                    forked_from: forked_from.clone(),
                });
                self.begin_level(0);
            }
            Event::Resumed { .. } => self.set_aside = false,
            Event::LetGo { .. } => {}
            Event::SetAside { .. } => self.set_aside = true,
            Event::Migrated { release, .. } => {
                if let Some(begin) = &mut self.begin {
                    begin.release = release.clone();
                }
            }
            Event::EffectIntended { effect, at } => {
                if !self.effects.contains_key(effect) {
                    self.intents.insert(effect.clone(), *at);
                }
            }
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
                if let Some(place) = self.settle(instance, State::Blocked(reason.clone()), Some(*started), *at) {
                    self.levels[place.level].instances[place.node].substitute = Some(value);
                }
            }
            Event::LeftOut { instance, why, at } => {
                self.settle(instance, State::LeftOut(why.clone()), None, *at);
            }
            Event::Waited { instance, wait, at } => self.waited(instance, wait, *at),
            Event::Resolved { instance, resolution } => self.resolved(instance, resolution),
            Event::Ended { end, at } => {
                self.end = Some(end.clone());
                self.ended = Some(*at);
            }
        }
    }

    fn effect_returned(&mut self, name: &EffectName, result: &Result<Stored, Failure>, meta: &EffectMeta) {
        let begin = self.begin.as_ref().and_then(|begin| begin.forked_from.as_ref());
        let reused = begin.is_some_and(|from| self.returned < from.reused);
        self.returned += 1;
        if !reused {
            self.totals.add(meta);
        }
        let result = result.as_ref().map(|stored| self.value(stored)).map_err(Clone::clone);
        self.intents.remove(name);
        self.effects.insert(name.clone(), Effect { result, meta: meta.clone(), reused });
    }

    fn waited(&mut self, instance: &InstancePath, wait: &Wait, at: Time) {
        let Some(place) = self.find(instance) else { return };
        let joins = self.node(place).is_some_and(|node| matches!(node.join, Join::Deadline(_)));
        let Some(found) = self.instance_mut(place).filter(|found| !found.state.is_settled()) else { return };
        if joins && matches!(found.state, State::Pending) {
            found.timer = Some(Box::new(wait.clone()));
        } else {
            found.state = State::Waiting(Box::new(wait.clone()));
            found.started = found.started.or(Some(at));
        }
        found.asked = Some(at);
        self.waiting.insert(place);
        self.working.remove(&place);
        self.called.remove(&place);
    }

    fn resolved(&mut self, instance: &InstancePath, resolution: &Resolution) {
        let Some(place) = self.find(instance) else { return };
        let Some(found) = self.instance_mut(place) else { return };
        if let State::Waiting(wait) = &found.state {
            let about = match &**wait {
                Wait::Answer(question) => question.about.clone(),
                Wait::Until(_) | Wait::Callback { .. } => None,
            };
            found.state = State::Running;
            match (about, resolution) {
                // The node did not ask, so it is not told: it finds the effect's result, or does it.
                (Some(effect), Resolution::Answered(answer)) => self.settle_doubt(&effect, answer),
                (Some(_), _) => {}
                (None, _) => {
                    found.resolution = Some(resolution.clone());
                    if let Resolution::Answered(answer) = resolution {
                        found.answer = Some(answer.clone());
                    }
                }
            }
            self.will_call(place);
        } else if matches!(found.state, State::Pending) && found.timer.take().is_some() {
            found.late = true;
            if let Some(node) = self.node(place) {
                self.look(place, &node);
            }
        }
        self.waiting.remove(&place);
    }

    /// A node's call is to be made, and counts as work from now on.
    fn will_call(&mut self, place: Place) {
        self.calls += 1;
        self.called.insert(place, self.calls);
        self.working.insert(place);
    }

    /// A person said whether an effect was done.
    fn settle_doubt(&mut self, effect: &EffectName, answer: &Answer) {
        self.intents.remove(effect);
        if answer.action == DONE {
            let value = answer.form.get("result").cloned().unwrap_or_default();
            let meta = EffectMeta { started: answer.at, ended: answer.at, ..EffectMeta::default() };
            self.effects.insert(effect.clone(), Effect { result: Ok(Arc::new(value)), meta, reused: false });
        }
    }

    fn find(&self, instance: &InstancePath) -> Option<Place> {
        let own = self.graph.node(instance.as_str()).map(|(node, _)| Place { level: 0, node });
        own.or_else(|| self.paths.get(instance).copied())
    }

    fn settle(&mut self, instance: &InstancePath, state: State, started: Option<Time>, at: Time) -> Option<Place> {
        let place = self.find(instance)?;
        let called = self.node(place).is_some_and(|node| node.plan.is_none());
        if !called && matches!((&state, &self.instance(place).state), (State::Failed(_), State::Running)) {
            // A limit of time ended it; what it runs below itself ends with it.
            self.cancel_below(place);
            self.derive(place, state);
            return Some(place);
        }
        let found = self.instance_mut(place).filter(|found| called && !found.state.is_settled())?;
        found.state = state;
        found.started = found.started.or(started);
        found.ended = Some(at);
        self.waiting.remove(&place);
        self.end_time(place);
        self.fresh.push_back(place);
        Some(place)
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

    /// The `once` effects of an instance that were about to be tried when the log ends, and have no result; and when they
    /// were.
    pub fn doubts_of(&self, instance: &InstancePath) -> BTreeMap<EffectName, Time> {
        let first = EffectName::from(format!("{instance}/"));
        let own = self.intents.range(first..).take_while(|(name, _)| is_of(name, instance.as_str()));
        own.map(|(name, at)| (name.clone(), *at)).collect()
    }

    /// The waits that are open: instance, wait, since when.
    pub fn waits(&self) -> impl Iterator<Item = (InstancePath, &Wait, Time)> {
        self.waiting.iter().filter_map(|place| {
            let found = self.instance(*place);
            let wait = match &found.state {
                State::Waiting(wait) => wait,
                State::Pending => found.timer.as_ref()?,
                _ => return None,
            };
            Some((self.path(*place), &**wait, found.asked.unwrap_or_default()))
        })
    }

    /// Where a node stands; `None` for a place that has not come to be.
    pub fn state(&self, instance: &InstancePath) -> Option<&State> {
        self.find(instance).map(|place| &self.instance(place).state)
    }

    /// When the engine must look at the run by itself: the earliest wait, or a limit of time.
    pub fn wake(&self) -> Option<Time> {
        let cutoffs = self.cutoffs().into_iter().map(|cutoff| cutoff.at);
        self.waits().filter_map(|(_, wait, _)| wait.due()).chain(cutoffs).min()
    }

    /// Where the run stands, given whether something of it is being worked on.
    pub fn status(&self, working: bool) -> Status {
        match &self.end {
            Some(End::Succeeded(_)) => Status::Succeeded,
            Some(End::Failed { .. }) => Status::Failed,
            Some(End::Stopped { .. }) => Status::Stopped,
            Some(End::Cancelled { .. }) => Status::Cancelled,
            None if !working && self.set_aside => Status::Quarantined,
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
        let place = self.instance(self.find(instance)?);
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
        self.value_of(0)
    }

    /// What a level gives, as far as it can be computed.
    fn value_of(&self, level: usize) -> Result<Value, Failure> {
        let here = &self.levels[level];
        if let Some(binding) = here.program.output() {
            return binding.evaluate(&self.scope(binding.references(), level, None));
        }
        if let (true, [only]) = (here.program.is_single(), here.instances.as_slice()) {
            return Ok(Value::clone(&only.value()));
        }
        let nodes = here.program.nodes().iter().zip(&here.instances);
        let leaves = nodes.filter(|((_, node), _)| node.children.is_empty());
        Ok(Value::Object(leaves.map(|((id, _), place)| (id.clone(), Value::clone(&place.value()))).collect()))
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
