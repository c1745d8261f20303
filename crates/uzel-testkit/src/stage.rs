//! A run on a stage: the pure `Run` with a simulated clock and without tasks. The book of semantics and the random graphs
//! direct it by hand, thousands of times a second.

mod actor;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use uzel_core::{
    check::{Choices, read},
    event::{End, Event, InstancePath, Question, ReleaseId, Resolution, RunId, Stored, Time, Wait},
    failure::Failure,
    graph::{Graph, NodeDef},
    node::Outcome,
    run::{Command, NodeView, Run, State},
    yaml::Tree,
};

use actor::{Actors, Progress};

use crate::lab;

/// A call that has not ended.
#[derive(Clone, Debug)]
pub struct Flight {
    /// Which instance.
    pub instance: InstancePath,
    /// What it is.
    pub kind: &'static str,
    /// The cases of a route.
    pub cases: Vec<String>,
    /// With what it was called.
    pub input: Arc<Value>,
    /// How its wait ended, if it waited.
    pub resolution: Option<Resolution>,
    /// Since when.
    pub since: Time,
}

impl Flight {
    /// Whether its node plays itself: only what it asks of the world is directed.
    pub fn plays_itself(&self) -> bool {
        actor::KINDS.contains(&self.kind)
    }

    /// What the node answers when nobody says anything: a route chooses by its value, a person's answer is handed on, and
    /// everything else says what it was given, or its own name.
    pub fn echo(&self) -> Outcome {
        if self.kind == "route" {
            let by = self.input.get("by").unwrap_or(&Value::Null);
            let wanted = by.as_str().map_or_else(|| by.to_string(), str::to_owned);
            let case = if self.cases.contains(&wanted) { wanted } else { "default".to_owned() };
            return Outcome::Return { value: Stored::Here(Arc::new(Value::from(case.as_str()))), port: Some(case) };
        }
        if let Some(Resolution::Answered(answer)) = &self.resolution {
            return Outcome::value(serde_json::json!({ "action": answer.action, "by": answer.by }));
        }
        Outcome::value(match self.input.get("with") {
            Some(with) => with.clone(),
            None => Value::from(self.instance.as_str()),
        })
    }
}

/// The state and the value of an instance.
pub type Place = (&'static str, Option<Value>);

/// A run that is directed by hand.
pub struct Stage {
    graph: Arc<Graph>,
    run: Run,
    /// The same run as a driver has it, which forgets what is over.
    lean: Run,
    log: Vec<Event>,
    now: Time,
    flights: Vec<Flight>,
    called: Vec<(Time, InstancePath)>,
    /// What each instance was first called with, and after how many facts.
    inputs: BTreeMap<InstancePath, (usize, Arc<Value>)>,
    /// Instances whose node waits or has waited for something.
    waited: BTreeSet<InstancePath>,
    /// What must not be, whatever the app.
    problems: Vec<String>,
    /// Nodes that play themselves.
    actors: Actors,
}

/// The graph of an app in these files, or the codes and sentences of what is wrong with it.
pub fn graph(files: &BTreeMap<String, Vec<u8>>) -> Result<Arc<Graph>, Vec<String>> {
    let reading = read("app.yaml", files, &lab::catalog(), &Choices::default());
    let problem = |d: &uzel_core::diagnostic::Diagnostic| format!("{}: {}", d.code, d.message);
    let problems = reading.diagnostics.iter().map(problem).collect();
    reading.graph.ok_or(problems)
}

impl Stage {
    /// A run that was accepted; everything that can start has been called.
    pub fn open(graph: &Arc<Graph>, input: Value) -> Self {
        let id = RunId::from("r");
        let mut stage = Self {
            graph: Arc::clone(graph),
            run: Run::new(id.clone(), Arc::clone(graph)),
            lean: Run::new(id, Arc::clone(graph)).lean(),
            log: vec![],
            now: Time(0),
            flights: vec![],
            called: vec![],
            inputs: BTreeMap::new(),
            waited: BTreeSet::new(),
            problems: vec![],
            actors: Actors::of(graph),
        };
        stage.report(Event::Started {
            app: graph.name.clone(),
            release: ReleaseId::from("stage"),
            input: Arc::new(input),
            at: Time(0),
            by: None,
            flags: BTreeMap::new(),
            dry_run: false,
            forked_from: None,
        });
        stage
    }

    /// The clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Calls that have not ended, in the order in which they were made.
    pub fn flights(&self) -> &[Flight] {
        &self.flights
    }

    /// The call of this instance.
    pub fn flight(&self, instance: &str) -> Option<&Flight> {
        self.flights.iter().find(|flight| flight.instance.as_str() == instance)
    }

    /// What nodes that play themselves ask of the world: `instance/effect`.
    pub fn asked(&self) -> Vec<String> {
        self.actors.asked()
    }

    /// The world answers; without an answer it says what was asked.
    pub fn answer(&mut self, effect: &str, answer: Option<Result<Value, Failure>>) {
        self.actors.answer(effect, answer.unwrap_or_else(|| actor::echo(effect)));
        self.act();
    }

    /// What a person is asked by this instance.
    pub fn question(&self, instance: &str) -> Option<&Question> {
        let asks = self.run.waits().find(|(path, ..)| path.as_str() == instance)?;
        if let Wait::Answer(question) = asks.1 { Some(question) } else { None }
    }

    /// Instances in the order in which they were first called, with the time.
    pub fn called(&self) -> &[(Time, InstancePath)] {
        &self.called
    }

    /// All facts so far.
    pub fn log(&self) -> &[Event] {
        &self.log
    }

    /// How the run ended.
    pub fn end(&self) -> Option<&End> {
        self.run.end()
    }

    /// Whether the run waits for something.
    pub fn waits(&self) -> bool {
        self.run.waits().next().is_some()
    }

    /// All instances.
    pub fn view(&self) -> Vec<NodeView> {
        self.run.view()
    }

    /// Each instance's state and value.
    pub fn places(&self) -> BTreeMap<String, Place> {
        let place = |v: NodeView| (v.instance.to_string(), (v.state, v.output.map(|value| Value::clone(&value))));
        self.run.view().into_iter().map(place).collect()
    }

    /// A call ends.
    pub fn land(&mut self, instance: &InstancePath, outcome: Result<Outcome, Failure>) {
        let Some(position) = self.flights.iter().position(|flight| flight.instance == *instance) else { return };
        let started = self.flights.remove(position).since;
        let (instance, at) = (instance.clone(), self.now);
        let event = match outcome {
            Ok(Outcome::Return { value, port }) => Event::Returned { instance, port, value, started, at },
            Ok(Outcome::Block { reason, value }) => {
                Event::Blocked { instance, reason, value: Stored::Here(Arc::new(value)), started, at }
            }
            Ok(Outcome::Wait(wait)) => {
                self.waited.insert(instance.clone());
                Event::Waited { instance, wait, at }
            }
            Ok(Outcome::LeaveOut(why)) => Event::LeftOut { instance, why, at },
            Err(failure) => Event::Failed { instance, failure, started, at },
        };
        self.report(event);
    }

    /// A wait ends.
    pub fn resolve(&mut self, instance: &InstancePath, resolution: Resolution) {
        self.report(Event::Resolved { instance: instance.clone(), resolution });
    }

    /// Somebody ends the run.
    pub fn cancel(&mut self) {
        self.flights.clear();
        self.report(Event::Ended { end: End::Cancelled { why: "somebody said so".to_owned() }, at: self.now });
    }

    /// The clock goes on; waits that are over by then end on the way.
    pub fn pass(&mut self, duration: Duration) {
        let time = self.now.plus(duration);
        while self.run.end().is_none()
            && let Some((due, instance)) = self.due().filter(|(due, _)| *due <= time)
        {
            self.go_to(due);
            self.ring(&instance);
        }
        self.go_to(time);
    }

    /// The first wait that ends by itself, and when.
    pub fn due(&self) -> Option<(Time, InstancePath)> {
        self.run.waits().filter_map(|(instance, wait, _)| wait.due().map(|due| (due, instance))).min()
    }

    /// Sets the clock. It never goes back.
    pub fn go_to(&mut self, time: Time) {
        self.now = self.now.max(time);
        self.actors.go_to(self.now);
        self.act();
    }

    /// A wait is over because its time has come.
    pub fn ring(&mut self, instance: &InstancePath) {
        self.resolve(instance, Resolution::Due(self.now));
    }

    /// The process dies after `kept` facts, and another takes the run up. What was in flight is called again.
    pub fn crash(&mut self, kept: usize) {
        if kept < self.log.len() {
            self.log.truncate(kept);
            // It dies just then, and the run is taken up at once.
            self.now = self.log.iter().map(Event::at).max().unwrap_or_default();
        }
        self.inputs.retain(|_, (facts, _)| *facts <= kept);
        self.waited.retain(|instance| {
            self.log.iter().any(|event| matches!(event, Event::Waited { instance: waited, .. } if waited == instance))
        });
        self.run = Run::fold(RunId::from("r"), Arc::clone(&self.graph), &self.log);
        self.lean = Run::new(RunId::from("r"), Arc::clone(&self.graph)).lean();
        for event in &self.log {
            self.lean.apply(event);
        }
        self.flights.clear();
        self.actors.leave();
        self.actors.go_to(self.now);
        self.pump();
        self.act();
    }

    /// What must not be, whatever the app: another process that reads the log sees something else, a node is called
    /// again with something else, a call goes on that nobody waits for.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Holds what this process sees against what another would that reads the log.
    pub fn compare(&mut self) {
        let folded = Run::fold(RunId::from("r"), Arc::clone(&self.graph), &self.log).view();
        let live = self.run.view();
        if self.run.end().is_none() {
            let composite = |view: &NodeView| matches!(view.kind, "map" | "reduce" | "loop" | "graph");
            for view in live.iter().filter(|view| view.state == "running" && !composite(view)) {
                if self.flight(view.instance.as_str()).is_none() {
                    self.problems.push(format!("`{}` is running and nobody called it", view.instance));
                }
            }
        }
        for view in live.iter().filter(|view| !view.instance.as_str().contains(['[', '.'])) {
            let states = [&self.run, &self.lean].map(|run| run.state(&view.instance).map(State::as_str));
            let spent = [&self.run, &self.lean].map(|run| run.totals_of(&view.instance).calls);
            if states[0] != states[1] || spent[0] != spent[1] {
                let problem =
                    format!("`{}` is {states:?}, {spent:?} calls, when what is over is forgotten", view.instance);
                self.problems.push(problem);
            }
        }
        let other = live.iter().zip(&folded).find(|(live, folded)| !same(live, folded));
        let facts = self.log.len();
        if live.len() != folded.len() {
            let problem = format!("after {facts} facts: {} instances, and {} by the log", live.len(), folded.len());
            self.problems.push(problem);
        } else if let Some((live, folded)) = other {
            self.problems.push(format!("after {facts} facts: {live:?}, and by the log {folded:?}"));
        }
    }

    /// Calls that nobody should still be making.
    fn look_for_strays(&mut self) {
        if self.run.end().is_some() {
            return;
        }
        for flight in &self.flights {
            let state = self.run.state(&flight.instance).map_or("not there", State::as_str);
            if state != "running" {
                self.problems.push(format!("`{}` is {state} and its call goes on", flight.instance));
            }
        }
    }

    fn report(&mut self, event: Event) {
        self.take(event);
        self.pump();
        self.act();
    }

    /// Lets nodes that play themselves go on until each waits for the world.
    fn act(&mut self) {
        loop {
            let flights = &self.flights;
            self.actors.keep(|instance| flights.iter().any(|flight| flight.instance == *instance));
            match self.actors.next() {
                None => return,
                Some(Progress::Fact(event)) => {
                    self.take(event);
                    self.pump();
                }
                Some(Progress::Ends(instance, outcome)) => self.land(&instance, outcome),
            }
        }
    }

    fn take(&mut self, event: Event) {
        self.run.apply(&event);
        self.lean.apply(&event);
        self.log.push(event);
    }

    /// Does what the run says until it says nothing.
    fn pump(&mut self) {
        loop {
            let mut events = vec![];
            let commands = self.run.next();
            // What is forgotten must not matter to what comes.
            let (told, lean) = (format!("{commands:?}"), format!("{:?}", self.lean.next()));
            if told != lean {
                self.problems.push(format!("a run that forgets says {lean}, and should say {told}"));
            }
            for command in commands {
                match command {
                    Command::Call { node, instance, input, resolution } => {
                        self.call(&node, instance, input, resolution);
                    }
                    Command::Fail { instance, failure } => {
                        events.push(Event::Failed { instance, failure, started: self.now, at: self.now });
                    }
                    Command::Cancel { instance, .. } => self.flights.retain(|flight| flight.instance != instance),
                    Command::Park { instance, after } => {
                        events.push(Event::Waited { instance, wait: Wait::Until(self.now.plus(after)), at: self.now });
                    }
                    Command::End(end) => {
                        self.flights.clear();
                        events.push(Event::Ended { end, at: self.now });
                    }
                }
            }
            if events.is_empty() {
                break;
            }
            for event in events {
                self.take(event);
            }
        }
        self.look_for_strays();
    }

    fn call(&mut self, node: &NodeDef, instance: InstancePath, input: Arc<Value>, resolution: Option<Resolution>) {
        if !self.called.iter().any(|(_, known)| *known == instance) {
            self.called.push((self.now, instance.clone()));
        }
        let facts = self.log.len();
        let first = self.inputs.entry(instance.clone()).or_insert_with(|| (facts, Arc::clone(&input)));
        if first.1 != input {
            self.problems.push(format!("`{instance}` was called with {}, and is called again with {input}", first.1));
        }
        if resolution.is_some() && !self.waited.contains(&instance) {
            self.problems.push(format!("`{instance}` is told of a wait that is not its own: {resolution:?}"));
        }
        if self.actors.plays(node) {
            let recorded = self.run.effects_of(&instance);
            self.actors.call(node, instance.clone(), Arc::clone(&input), resolution.clone(), recorded);
        }
        let cases = node.config.get("cases").and_then(Tree::as_map).unwrap_or_default();
        let cases = cases.iter().map(|entry| entry.key.as_str().to_owned()).collect();
        let flight = Flight { instance, kind: node.kind.name, cases, input, resolution, since: self.now };
        self.flights.push(flight);
    }
}

/// Whether two processes see the same of an instance.
fn same(one: &NodeView, other: &NodeView) -> bool {
    let facts = |v: &NodeView| (v.kind, v.state, v.started, v.ended);
    facts(one) == facts(other)
        && (&one.instance, &one.port, &one.why, &one.failure)
            == (&other.instance, &other.port, &other.why, &other.failure)
        && (&one.input, &one.output, &one.answer) == (&other.input, &other.output, &other.answer)
}
