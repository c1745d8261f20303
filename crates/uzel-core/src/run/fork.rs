//! A new run that begins with records of another: which are taken over, which effects are done again. Pure, over the graph
//! and the log. Used by `uzel retry` and `uzel fork`.

mod after;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use serde_json::Value;

pub use after::{After, is_after};

use super::{Run, State};
use crate::{
    capability::tool::EffectClass,
    event::{DONE, EffectName, Event, InstancePath, Stored, Time, Wait},
    graph::Graph,
    schema::Schema,
};

/// What is to be otherwise than it was.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The node that is done again, with everything after it.
    pub at: Option<InstancePath>,
    /// Outputs that stand instead of what nodes gave; everything after them is done again.
    pub set: BTreeMap<InstancePath, Value>,
}

/// A fork, before it is made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Fork {
    /// The node that is done again.
    pub at: Option<InstancePath>,
    /// Nodes whose outputs are set.
    pub set: Vec<InstancePath>,
    /// The records that are taken over, in order, and what is set.
    #[serde(skip)]
    pub events: Vec<Event>,
    /// Effects whose results are taken over.
    pub reused: Vec<Known>,
    /// Effects that had a result and are done again.
    pub repeated: Vec<Known>,
    /// Nodes that are done again, of those that had settled.
    pub again: Vec<InstancePath>,
    /// Answers of people that are taken over: node and answer.
    pub answers: Vec<Answered>,
    /// Answers of people that are asked for again.
    pub asked_again: Vec<Answered>,
    /// Nodes whose records are taken over although the new app has them otherwise.
    pub changed: Vec<InstancePath>,
    /// Nodes that failed and are not done again.
    pub still_failed: Vec<InstancePath>,
}

/// An effect that has a result, or was about to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// Its name.
    pub effect: EffectName,
    /// What repeating it does.
    pub class: EffectClass,
    /// Whether it has a result, and which sort.
    pub result: Outcome,
    /// What it cost.
    pub cost_usd: f64,
}

impl Known {
    /// Whether doing it again may change something outside a second time.
    pub fn is_write(&self) -> bool {
        self.class.is_write()
    }
}

/// What came of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A value.
    Acknowledged,
    /// A failure.
    Failed,
    /// Nobody knows: a process died while doing it.
    InDoubt,
}

/// An answer of a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answered {
    /// The node that asked.
    pub instance: InstancePath,
    /// What was answered.
    pub action: String,
    /// By whom.
    pub by: String,
}

/// Why a fork cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The app of the run has no such node.
    #[error("the run's app has no node `{0}`")]
    Unknown(InstancePath),
    /// The other app has no such node.
    #[error("the new app has no node `{0}`")]
    Gone(InstancePath),
    /// There is such a node, but no such item, batch or round.
    #[error("`{name}` has not come to be in this run; name `{instead}` to do all of it again")]
    NotOpened {
        /// As it was asked for.
        name: InstancePath,
        /// The node around it.
        instead: InstancePath,
    },
    /// What the node gives cannot be set.
    #[error("what `{name}` gives cannot be set: {why}")]
    NotSet {
        /// Which node.
        name: InstancePath,
        /// Why.
        why: String,
    },
    /// It is not known whether an effect was done that must not be done twice, and it would be taken over.
    #[error("it is not known whether `{0}` was done, which must not be done twice")]
    InDoubt(EffectName),
    /// Nothing is asked for.
    #[error("neither a node to do again nor an output to set is named")]
    Nothing,
}

/// What a fork of a run takes over, and what is done again, with the app `new` (which may be the run's own).
pub fn fork(run: &Run, log: &[Event], new: &Arc<Graph>, wish: &Wish, now: Time) -> Result<Fork, Refused> {
    let old = run.graph();
    if wish.at.is_none() && wish.set.is_empty() {
        return Err(Refused::Nothing);
    }
    if let Some(at) = &wish.at {
        exists(run, at)?;
        if new.at(at.as_str()).is_none() {
            return Err(Refused::Gone(at.clone()));
        }
    }
    for (name, value) in &wish.set {
        may_be_set(run, new, name, value)?;
    }
    let again = |instance: &InstancePath| {
        let after = |point: &InstancePath, with: After| {
            is_after(old, point.as_str(), instance.as_str(), with)
                || is_after(new, point.as_str(), instance.as_str(), with)
        };
        let from_node = wish.at.as_ref().is_some_and(|at| after(at, After::With));
        from_node || wish.set.keys().any(|set| after(set, After::Without))
    };
    // A token of a call from outside names the run that waits for it: another run needs another one.
    let called: Vec<InstancePath> = run
        .waits()
        .filter(|(_, wait, _)| matches!(wait, Wait::Callback { .. }))
        .map(|(instance, ..)| instance)
        .collect();
    let keeps = |instance: &InstancePath| {
        let same_kind = || {
            let kinds = old.at(instance.as_str()).zip(new.at(instance.as_str()));
            kinds.is_some_and(|(old, new)| old.kind.name == new.kind.name)
        };
        !again(instance) && !called.contains(instance) && !wish.set.contains_key(instance) && same_kind()
    };
    let mut fork = Fork { at: wish.at.clone(), set: wish.set.keys().cloned().collect(), ..Fork::default() };
    let mut doubts = Doubts::default();
    for event in log {
        let Some(instance) = event.instance() else { continue };
        let kept = keeps(&instance);
        if wish.set.contains_key(&instance) {
            continue;
        }
        fork.note(event, &instance, kept, &mut doubts);
        if kept {
            if !fork.changed.contains(&instance) && is_changed(old, new, &instance) {
                fork.changed.push(instance.clone());
            }
            fork.events.push(event.clone());
        }
    }
    for doubt in doubts.open {
        // Whether it was done is asked with the key of the run that did it, which another run does not have.
        if keeps(&doubt.instance()) {
            return Err(Refused::InDoubt(doubt));
        }
        let class = EffectClass::Once;
        fork.repeated.push(Known { effect: doubt, class, result: Outcome::InDoubt, cost_usd: 0.0 });
    }
    for (instance, value) in &wish.set {
        let value = Stored::Here(Arc::new(value.clone()));
        fork.events.push(Event::Returned { instance: instance.clone(), port: None, value, started: now, at: now });
    }
    Ok(fork)
}

/// Effects that must not be repeated, while it is not known whether they were done.
#[derive(Default)]
struct Doubts {
    open: BTreeSet<EffectName>,
    /// What a person is asked about.
    asked: BTreeMap<InstancePath, EffectName>,
}

impl Fork {
    fn note(&mut self, event: &Event, instance: &InstancePath, kept: bool, doubts: &mut Doubts) {
        match event {
            Event::EffectIntended { effect, .. } => drop(doubts.open.insert(effect.clone())),
            Event::Waited { wait: Wait::Answer(question), .. } => match &question.about {
                Some(effect) => drop(doubts.asked.insert(instance.clone(), effect.clone())),
                None => drop(doubts.asked.remove(instance)),
            },
            Event::EffectReturned { effect, class, result, meta } => {
                doubts.open.remove(effect);
                let result = if result.is_ok() { Outcome::Acknowledged } else { Outcome::Failed };
                let known = Known { effect: effect.clone(), class: *class, result, cost_usd: meta.cost_usd };
                if kept { self.reused.push(known) } else { self.repeated.push(known) }
            }
            Event::Resolved { resolution: crate::event::Resolution::Answered(answer), .. } => {
                let (action, by) = (answer.action.clone(), answer.by.clone());
                if let Some(effect) = doubts.asked.remove(instance) {
                    doubts.open.remove(&effect);
                    if action == DONE {
                        let (class, result) = (EffectClass::Once, Outcome::Acknowledged);
                        let known = Known { effect, class, result, cost_usd: 0.0 };
                        if kept { self.reused.push(known) } else { self.repeated.push(known) }
                    }
                }
                let answered = Answered { instance: instance.clone(), action, by };
                if kept { self.answers.push(answered) } else { self.asked_again.push(answered) }
            }
            Event::Failed { .. } if kept => self.still_failed.push(instance.clone()),
            _ => {}
        }
        let settles = matches!(
            event,
            Event::Returned { .. } | Event::Failed { .. } | Event::Blocked { .. } | Event::LeftOut { .. }
        );
        if settles && !kept {
            self.again.push(instance.clone());
        }
    }

    /// The effects that change something outside, and are done again.
    pub fn repeated_writes(&self) -> impl Iterator<Item = &Known> {
        self.repeated.iter().filter(|known| known.is_write())
    }

    /// How many results of effects are taken over.
    pub fn results(&self) -> u64 {
        self.events.iter().filter(|event| matches!(event, Event::EffectReturned { .. })).count() as u64
    }
}

/// Whether a node is otherwise in the new app than it was.
fn is_changed(old: &Arc<Graph>, new: &Arc<Graph>, instance: &InstancePath) -> bool {
    if Arc::ptr_eq(old, new) {
        return false;
    }
    match (old.at(instance.as_str()), new.at(instance.as_str())) {
        (Some(old), Some(new)) => old.config.to_json() != new.config.to_json(),
        _ => true,
    }
}

/// Whether a node is in the app, and its item, batch or round in the run.
fn exists(run: &Run, name: &InstancePath) -> Result<(), Refused> {
    if run.graph().at(name.as_str()).is_none() {
        return Err(Refused::Unknown(name.clone()));
    }
    let opened = run.state(name).is_some() || run.levels.iter().any(|level| level.path == name.as_str());
    if opened {
        return Ok(());
    }
    let around = name.as_str().rfind(['.', '[']).map_or(name.as_str(), |end| &name.as_str()[..end]);
    let mut around = around;
    while run.state(&InstancePath::from(around)).is_none()
        && let Some(end) = around.rfind(['.', '['])
    {
        around = &around[..end];
    }
    Err(Refused::NotOpened { name: name.clone(), instead: InstancePath::from(around) })
}

fn may_be_set(run: &Run, new: &Arc<Graph>, name: &InstancePath, value: &Value) -> Result<(), Refused> {
    exists(run, name)?;
    let refused = |why: &str| Refused::NotSet { name: name.clone(), why: why.to_owned() };
    let Some(node) = new.at(name.as_str()) else { return Err(Refused::Gone(name.clone())) };
    if node.plan.is_some() || run.state(name).is_none() {
        return Err(refused("it follows from the nodes in its body; set what one of those gives"));
    }
    if node.facts.chooses.is_some() {
        return Err(refused("it only chooses the way; set the value that it chooses by"));
    }
    if let Err(violations) = Schema::of(node.output.clone()).check(value) {
        let why = violations.first().map_or_else(String::new, |violation| violation.message.clone());
        return Err(refused(&why));
    }
    Ok(())
}

impl Run {
    /// What a node gave, as a start for what is to be set instead; `None` if it gave nothing.
    pub fn output_of(&self, instance: &InstancePath) -> Option<Arc<Value>> {
        let place = self.find(instance)?;
        matches!(self.instance(place).state, State::Ok { .. }).then(|| self.instance(place).value())
    }
}
