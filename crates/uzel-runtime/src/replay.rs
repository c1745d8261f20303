//! Plays a run's log against an app: nodes are called, effects are looked up by their names, and none is done. What would
//! be done for the first time ends there. Used by `uzel replay`.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt;
use serde_json::Value;
use uzel_core::{
    build::App,
    capability::{BoxFuture, tool::EffectClass},
    event::{Answer, DONE, EffectMeta, EffectName, End, Event, InstancePath, Resolution, RunId, Stored, Time, Wait},
    failure::{Failure, FailureClass},
    graph::NodeDef,
    node::{Call, Effect, Host, Outcome, Recorded, Work},
    run::{Command, Run, State},
};

/// What came of playing a log.
pub struct Replayed {
    /// The run, as far as it came.
    pub run: Run,
    /// Effects that the log has no result of: they would be done.
    pub new: Vec<(EffectName, EffectClass)>,
    /// Results that nobody asked for.
    pub unused: Vec<EffectName>,
    /// Questions to people that are not the ones that were answered.
    pub other_questions: Vec<InstancePath>,
    /// Nodes that could not be computed here, and why.
    pub unknown: Vec<(InstancePath, String)>,
}

/// More calls are a circle.
const MOST_CALLS: usize = 1_000_000;

/// Plays a log. `unmade` has the slots of nodes that could not be made here: what is on record stands for them.
pub async fn replay(app: &App, unmade: &BTreeMap<usize, String>, id: &RunId, log: &[Event]) -> Replayed {
    let script = Script::of(log);
    let mut player = Player {
        app,
        unmade,
        run: Run::new(id.clone(), Arc::clone(&app.graph)),
        ready: BTreeMap::new(),
        timers: vec![],
        waits: BTreeMap::new(),
        came: script.last,
        new: vec![],
        used: BTreeSet::new(),
        other_questions: vec![],
        unknown: vec![],
        script,
    };
    if let Some(started @ Event::Started { .. }) = log.first() {
        player.run.apply(started);
    }
    for _ in 0..MOST_CALLS {
        if !player.step().await {
            break;
        }
    }
    player.finish()
}

/// What the log says, by name.
struct Script {
    effects: BTreeMap<EffectName, Event>,
    /// How an instance settled, and at which place of the log.
    settled: BTreeMap<InstancePath, (usize, Event)>,
    waits: BTreeMap<InstancePath, Vec<Wait>>,
    /// How its waits ended, in order, with their places.
    resolved: BTreeMap<InstancePath, Vec<(usize, Event)>>,
    /// An end that no node brought about.
    ended: Option<Event>,
    begun: Time,
    /// How long the log is.
    last: usize,
}

impl Script {
    fn of(log: &[Event]) -> Self {
        let mut script = Self {
            effects: BTreeMap::new(),
            settled: BTreeMap::new(),
            waits: BTreeMap::new(),
            resolved: BTreeMap::new(),
            ended: None,
            begun: log.first().map(Event::at).unwrap_or_default(),
            last: log.len(),
        };
        // Questions of the engine, not of nodes: whether an effect was done that must not be done twice.
        let mut doubts: BTreeMap<InstancePath, EffectName> = BTreeMap::new();
        for (at, event) in log.iter().enumerate() {
            match event {
                Event::Waited { instance, wait: Wait::Answer(question), .. } if question.about.is_some() => {
                    doubts.extend(question.about.clone().map(|effect| (instance.clone(), effect)));
                }
                Event::Resolved { instance, resolution } if doubts.contains_key(instance) => {
                    if let (Some(effect), Resolution::Answered(answer)) = (doubts.remove(instance), resolution)
                        && answer.action == DONE
                    {
                        script.effects.insert(effect.clone(), said_done(effect, answer));
                    }
                }
                Event::EffectReturned { effect, .. } => drop(script.effects.insert(effect.clone(), event.clone())),
                Event::Returned { instance, .. }
                | Event::Failed { instance, .. }
                | Event::Blocked { instance, .. }
                | Event::LeftOut { instance, .. } => {
                    script.settled.entry(instance.clone()).or_insert_with(|| (at, event.clone()));
                }
                Event::Waited { instance, wait, .. } => {
                    script.waits.entry(instance.clone()).or_default().push(wait.clone());
                }
                Event::Resolved { instance, .. } => {
                    script.resolved.entry(instance.clone()).or_default().push((at, event.clone()));
                }
                Event::Ended { end: End::Cancelled { .. } | End::Failed { instance: None, .. }, .. } => {
                    script.ended = Some(event.clone());
                }
                _ => {}
            }
        }
        script
    }
}

struct Player<'a> {
    app: &'a App,
    unmade: &'a BTreeMap<usize, String>,
    script: Script,
    run: Run,
    /// What happens next, in the order of the log; what it does not have comes after.
    ready: BTreeMap<usize, Event>,
    /// Joins whose time is over in the log, or may be if nothing else happens.
    timers: Vec<InstancePath>,
    /// How often an instance has waited.
    waits: BTreeMap<InstancePath, usize>,
    came: usize,
    new: Vec<(EffectName, EffectClass)>,
    used: BTreeSet<EffectName>,
    other_questions: Vec<InstancePath>,
    unknown: Vec<(InstancePath, String)>,
}

impl Player<'_> {
    /// Does all there is to do now, then what happens next; says whether there was anything.
    async fn step(&mut self) -> bool {
        let commands = self.run.next();
        let quiet = commands.is_empty();
        for command in commands {
            match command {
                Command::Call { node, instance, input, resolution } => {
                    self.call(&node, instance, input, resolution).await;
                }
                Command::Fail { instance, failure } => {
                    let at = self.time_of(&instance);
                    self.put(Event::Failed { instance, failure, started: at, at });
                }
                Command::Cancel { instance, .. } => {
                    self.ready.retain(|_, event| event.instance().as_ref() != Some(&instance));
                }
                Command::Park { instance, after } => {
                    let at = self.script.begun;
                    self.run.apply(&Event::Waited {
                        instance: instance.clone(),
                        wait: Wait::Until(at.plus(after)),
                        at,
                    });
                    match self.script.resolved.get(&instance).and_then(|all| all.first()).cloned() {
                        Some((at, event)) => drop(self.ready.insert(at, event)),
                        None => self.timers.push(instance),
                    }
                }
                Command::End(end) => {
                    self.run.apply(&Event::Ended { end, at: self.script.begun });
                }
            }
        }
        if self.run.end().is_some() {
            return false;
        }
        if let Some((_, event)) = self.ready.pop_first() {
            self.run.apply(&event);
            return true;
        }
        if !quiet {
            return true;
        }
        // Nothing else happens: what is left are times, those of nodes that a limit ended first.
        let cut_off = self.script.settled.iter().find(|(instance, (_, event))| {
            matches!(self.run.state(instance), Some(State::Running | State::Waiting(_))) && is_limited(&self.run, event)
        });
        if let Some((_, (_, event))) = cut_off {
            self.run.apply(event);
            return true;
        }
        match self.timers.pop() {
            Some(instance) => {
                let resolution = Resolution::Due(self.script.begun);
                self.run.apply(&Event::Resolved { instance, resolution });
                true
            }
            None => false,
        }
    }

    fn finish(mut self) -> Replayed {
        if self.run.end().is_none()
            && let Some(ended) = self.script.ended.take()
        {
            self.run.apply(&ended);
        }
        // A node that was not reached may ask for its results all the same.
        let reached = |name: &EffectName| self.run.state(&name.instance()).is_none_or(State::is_settled);
        let unused = self.script.effects.keys().filter(|name| !self.used.contains(*name) && reached(name));
        let unused = unused.cloned().collect();
        let Self { run, new, other_questions, unknown, .. } = self;
        Replayed { run, new, unused, other_questions, unknown }
    }

    fn time_of(&self, instance: &InstancePath) -> Time {
        self.script.settled.get(instance).map_or(self.script.begun, |(_, event)| event.at())
    }

    /// Has an instance settle where it did in the log.
    fn put(&mut self, event: Event) {
        let instance = event.instance();
        let known = instance.and_then(|instance| self.script.settled.get(&instance).map(|(at, _)| *at));
        let at = known.filter(|at| !self.ready.contains_key(at)).unwrap_or_else(|| {
            self.came += 1;
            self.came
        });
        self.ready.insert(at, event);
    }

    async fn call(&mut self, def: &NodeDef, instance: InstancePath, input: Arc<Value>, resolution: Option<Resolution>) {
        if let Some(why) = self.unmade.get(&def.slot) {
            return self.on_record(&instance, why);
        }
        let Some(node) = self.app.nodes.get(def.slot) else { return };
        let original = self.script.settled.get(&instance).map(|(_, event)| event.clone());
        let started = match &original {
            Some(Event::Returned { started, .. } | Event::Failed { started, .. } | Event::Blocked { started, .. }) => {
                *started
            }
            _ => self.script.begun,
        };
        let at = self.time_of(&instance);
        let host = Arc::new(Prompter {
            instance: instance.clone(),
            effects: self
                .script
                .effects
                .iter()
                .filter(|(name, _)| name.instance() == instance)
                .filter_map(|(name, event)| Some((name.clone(), result_of(event)?)))
                .collect(),
            asked: Mutex::default(),
        });
        let dry_run = self.run.begin().is_some_and(|begin| begin.dry_run);
        let call = Call {
            instance: instance.clone(),
            resolution,
            now: started,
            dry_run,
            host: Arc::clone(&host) as Arc<dyn Host>,
        };
        let called = AssertUnwindSafe(async { node.call(input, &call).await }).catch_unwind().await;
        let outcome = called.unwrap_or_else(|_| Err(Failure::new(FailureClass::Bug, "the node panicked")));
        let asked = host.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in asked.used {
            if let Some(event) = self.script.effects.get(&name).filter(|_| self.used.insert(name.clone())) {
                self.run.apply(event);
            }
        }
        if !asked.new.is_empty() {
            // A call that a limit refused before it was begun left no result; the node's failure says so.
            if let Some(event) = original.filter(|event| is_limited(&self.run, event)) {
                return self.put(event);
            }
            // What it would give is not known, so that it does not settle.
            self.new.extend(asked.new);
            return;
        }
        match outcome {
            Ok(Outcome::Return { value, port }) => self.put(Event::Returned { instance, port, value, started, at }),
            Ok(Outcome::Block { reason, value }) => {
                self.put(Event::Blocked { instance, reason, value: Stored::Here(Arc::new(value)), started, at });
            }
            Ok(Outcome::LeaveOut(why)) => self.put(Event::LeftOut { instance, why, at }),
            Err(failure) => self.put(Event::Failed { instance, failure, started, at }),
            Ok(Outcome::Wait(wait)) => self.wait(instance, wait, started),
        }
    }

    /// What is on record stands for a node that cannot be made here.
    fn on_record(&mut self, instance: &InstancePath, why: &str) {
        let names: Vec<EffectName> =
            self.script.effects.keys().filter(|name| name.instance() == *instance).cloned().collect();
        for name in names {
            if let Some(event) = self.script.effects.get(&name).filter(|_| self.used.insert(name.clone())) {
                self.run.apply(event);
            }
        }
        match self.script.settled.get(instance) {
            Some((_, event)) => self.put(event.clone()),
            None => self.unknown.push((instance.clone(), why.to_owned())),
        }
    }

    /// A node waits: how that ended before is how it ends now.
    fn wait(&mut self, instance: InstancePath, wait: Wait, at: Time) {
        let turn = self.waits.entry(instance.clone()).or_default();
        let number = *turn;
        *turn += 1;
        let before = self.script.waits.get(&instance).and_then(|all| all.get(number));
        if let (Some(Wait::Answer(before)), Wait::Answer(now)) = (before, &wait) {
            // When it is due depends on when it is asked.
            let same = |question: &uzel_core::event::Question| {
                let mut question = question.clone();
                question.due = None;
                question
            };
            if same(before) != same(now) {
                self.other_questions.push(instance.clone());
            }
        }
        self.run.apply(&Event::Waited { instance: instance.clone(), wait, at });
        if let Some((at, event)) = self.script.resolved.get(&instance).and_then(|all| all.get(number)).cloned() {
            self.ready.insert(at, event);
        }
    }
}

/// Whether a limit ended a node that it still has.
fn is_limited(run: &Run, event: &Event) -> bool {
    let Event::Failed { instance, failure, .. } = event else { return false };
    run.bounds_of(instance).iter().any(|bound| bound.is_named_by(failure))
}

/// A person said that an effect was done: that is its result.
fn said_done(effect: EffectName, answer: &Answer) -> Event {
    let value = answer.form.get("result").cloned().unwrap_or_default();
    Event::EffectReturned {
        effect,
        class: EffectClass::Once,
        result: Ok(Stored::Here(Arc::new(value))),
        meta: EffectMeta { started: answer.at, ended: answer.at, ..EffectMeta::default() },
    }
}

fn result_of(event: &Event) -> Option<Result<Arc<Value>, Failure>> {
    match event {
        Event::EffectReturned { result: Ok(Stored::Here(value)), .. } => Some(Ok(Arc::clone(value))),
        Event::EffectReturned { result: Err(failure), .. } => Some(Err(failure.clone())),
        _ => None,
    }
}

/// What a call has asked for.
#[derive(Clone, Default)]
struct Asked {
    used: Vec<EffectName>,
    new: Vec<(EffectName, EffectClass)>,
}

/// The engine's side of a call that may do nothing.
struct Prompter {
    instance: InstancePath,
    effects: BTreeMap<EffectName, Result<Arc<Value>, Failure>>,
    asked: Mutex<Asked>,
}

impl Host for Prompter {
    fn effect<'a>(&'a self, effect: Effect<'a>, _work: &'a dyn Work) -> BoxFuture<'a, Result<Recorded, Failure>> {
        let name = EffectName::of(&self.instance, effect.name);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match self.effects.get(&name) {
            Some(result) => {
                asked.used.push(name.clone());
                result.clone().map(|value| Recorded { effect: name, value })
            }
            None => {
                asked.new.push((name, effect.class));
                Err(Failure {
                    should_retry: Some(false),
                    ..Failure::new(FailureClass::Cancelled, "nothing is done while a run is replayed")
                })
            }
        };
        Box::pin(std::future::ready(result))
    }

    fn emit(&self, _instance: &InstancePath, _text: &str) {}

    fn void(&self, _instance: &InstancePath) {}

    fn recorded(&self, name: &str) -> Option<Result<Arc<Value>, Failure>> {
        let name = EffectName::of(&self.instance, name);
        let found = self.effects.get(&name).cloned()?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).used.push(name);
        Some(found)
    }

    fn secret(&self) -> String {
        String::new()
    }
}
