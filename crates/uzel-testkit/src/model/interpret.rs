//! The rules, read from the decisions: an app is run with a clock that goes from one thing that happens to the next.
//!
//! Nothing here is fast or clever: whether a node starts is found by looking at all its parents again.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use serde_json::{Map, Value, json};

use super::{
    App, Join, List, Node, Reaction, What, answer,
    fate::{Fate, Luck, fate},
    nearest::{Edge, Via, depends, parents},
    print::key,
};

/// How a run ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// With this output.
    Succeeded(Value),
    /// Because of this node of the app itself.
    Failed(String),
    /// Where, and with which text.
    Stopped(String, String),
}

/// Where an instance stands in the end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stand {
    pub(super) state: &'static str,
    pub(super) value: Value,
    /// When it settled.
    pub(super) ended: Option<u64>,
}

/// All that can be seen of a run.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) instances: BTreeMap<String, Stand>,
    /// Which instance was called, and when, in order.
    pub(super) calls: Vec<(u64, String)>,
    pub(super) ending: Ending,
}

/// Runs an app by the rules.
pub(super) fn interpret(app: &App, seed: u64, luck: Luck) -> Outcome {
    let mut world = World {
        seed,
        luck,
        now: 0,
        frames: vec![],
        known: BTreeMap::new(),
        agenda: BTreeMap::new(),
        settled: VecDeque::new(),
        started: vec![],
        calls: vec![],
        ending: None,
    };
    let top = world.frame(&app.nodes, app.output.as_ref(), String::new(), None);
    world.frames.push(top);
    world.frames[0].app = true;
    world.begin(0);
    world.follow();
    while world.ending.is_none() {
        world.happen();
        world.follow();
    }
    world.outcome()
}

/// A node's place: which opening of which body, which node.
type Place = (usize, usize);

/// What will happen to an instance by itself.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// Its call ends: the first, or that after its wait.
    Lands(bool),
    /// Its own wait is over.
    Wakes,
    /// Its join waits no longer.
    Clock,
}

struct World<'a> {
    seed: u64,
    luck: Luck,
    now: u64,
    frames: Vec<Frame<'a>>,
    /// The parents of the nodes of each body, by where these lie.
    known: BTreeMap<*const Node, Rc<Vec<Vec<Edge>>>>,
    /// By the path of the instance, of which only one thing can be due.
    agenda: BTreeMap<String, (u64, Due, Place)>,
    /// What has settled and has not been told to those behind.
    settled: VecDeque<Place>,
    /// What has started and has not been called.
    started: Vec<Place>,
    calls: Vec<(u64, String)>,
    ending: Option<Ending>,
}

/// An opening of a body.
struct Frame<'a> {
    nodes: &'a [Node],
    output: Option<&'a Vec<String>>,
    parents: Rc<Vec<Vec<Edge>>>,
    path: String,
    single: bool,
    /// Whether it is an app, which sees nothing around it.
    app: bool,
    names: BTreeMap<String, Value>,
    /// Whose body it is, and which of its openings.
    outer: Option<(Place, usize)>,
    slots: Vec<Slot>,
    closed: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    state: &'static str,
    value: Value,
    case: Option<String>,
    /// Whether those behind have been told that it settled.
    told: bool,
    ended: Option<u64>,
    /// What had not settled when it started early.
    unseen: Vec<usize>,
    clock: Clock,
    work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Clock {
    Off,
    On,
    Over,
}

/// How far a node with bodies is.
#[derive(Clone, Debug, Default)]
struct Work {
    items: Vec<Value>,
    results: Vec<Value>,
    opened: usize,
    ended: usize,
    failed: usize,
    round: usize,
    frames: Vec<usize>,
}

/// What comes of a body.
type Closed = Result<Value, ()>;

impl<'a> Frame<'a> {
    fn path(&self, node: usize) -> String {
        match (self.path.as_str(), self.single) {
            ("", _) => self.nodes[node].id.clone(),
            (path, true) => path.to_owned(),
            (path, false) => format!("{path}.{}", self.nodes[node].id),
        }
    }

    /// Nodes behind a node, with what leads there, in the order of the file.
    fn behind(&self, node: usize) -> Vec<(usize, Via)> {
        let to = |child: usize| {
            self.parents[child].iter().filter(move |(from, _)| *from == node).map(move |e| (child, e.1.clone()))
        };
        (0..self.nodes.len()).flat_map(to).collect()
    }

    /// What a failure or block of a node does: `Err` if those behind take it.
    fn reaction(&self, node: usize) -> Result<&Reaction, ()> {
        let written = match self.slots[node].state {
            "failed" => self.nodes[node].on_error.as_ref(),
            _ => self.nodes[node].on_block.as_ref(),
        };
        let behind = self.behind(node);
        let taken = behind.iter().all(|(child, via)| *via == Via::Flow && self.nodes[*child].join != Join::All);
        match written {
            Some(reaction) => Ok(reaction),
            None if taken && !behind.is_empty() => Err(()),
            None => Ok(&Reaction::Fail),
        }
    }

    fn is_settled(&self, node: usize) -> bool {
        !matches!(self.slots[node].state, "pending" | "running" | "waiting")
    }

    /// Whether a parent says go.
    fn says_go(&self, node: usize) -> bool {
        match self.slots[node].state {
            "ok" | "stepped_over" => true,
            "failed" | "blocked" => matches!(self.reaction(node), Ok(Reaction::Skip | Reaction::Use(_))),
            _ => false,
        }
    }

    /// Whether another node runs instead of a parent, and `child` does not depend on that.
    fn is_replaced(&self, node: usize, child: usize) -> bool {
        let failed = matches!(self.slots[node].state, "failed" | "blocked");
        let Ok(Reaction::Run(other)) = self.reaction(node) else { return false };
        let other = self.nodes.iter().position(|node| node.id == *other);
        failed && other.is_some_and(|other| !depends(&self.parents, child, other))
    }

    fn chooses(&self, (from, via): &Edge) -> bool {
        let slot = &self.slots[*from];
        match via {
            Via::Flow => false,
            Via::Cases(cases) => slot.state == "ok" && slot.case.as_ref().is_some_and(|case| cases.contains(case)),
            Via::Error => slot.state == "failed",
            Via::Block => slot.state == "blocked",
        }
    }
}

impl<'a> World<'a> {
    fn frame(
        &mut self,
        nodes: &'a [Node],
        output: Option<&'a Vec<String>>,
        path: String,
        outer: Option<(Place, usize)>,
    ) -> Frame<'a> {
        let slot = Slot {
            state: "pending",
            value: Value::Null,
            case: None,
            told: false,
            ended: None,
            unseen: vec![],
            clock: Clock::Off,
            work: Work::default(),
        };
        let parents = self.known.entry(nodes.as_ptr()).or_insert_with(|| Rc::new(parents(nodes)));
        Frame {
            parents: Rc::clone(parents),
            slots: vec![slot; nodes.len()],
            nodes,
            output,
            path,
            single: false,
            app: false,
            names: BTreeMap::new(),
            outer,
            closed: false,
        }
    }

    /// The next thing happens.
    fn happen(&mut self) {
        let next = self.agenda.iter().map(|(path, (time, ..))| (*time, path.clone())).min();
        let (time, path) = next.expect("a run that has not ended has something to wait for");
        let Some((_, due, place)) = self.agenda.remove(&path) else { return };
        self.now = time;
        match due {
            Due::Clock => {
                self.slot(place).clock = Clock::Over;
                self.look(place);
            }
            Due::Wakes => {
                self.slot(place).state = "running";
                self.fly(place, true);
            }
            Due::Lands(again) => self.land(place, &path, again),
        }
    }

    fn land(&mut self, place: Place, path: &str, again: bool) {
        let value = answer(path, &self.given(place));
        match fate(self.seed, self.luck, path, again).1 {
            Fate::Fails => self.settle(place, "failed", Value::Null),
            Fate::Blocks => self.settle(place, "blocked", value),
            Fate::LeftOut => self.settle(place, "stepped_over", Value::Null),
            Fate::Sleeps(time) => {
                self.slot(place).state = "waiting";
                self.agenda.insert(path.to_owned(), (self.now + time, Due::Wakes, place));
            }
            Fate::Answers => match &self.node(place).what {
                What::Route(by, cases) => {
                    let way = self.see(place.0, Some(place.1), by)["way"].as_str().unwrap_or("none").to_owned();
                    let known = cases.iter().any(|(case, _)| *case == way);
                    let case = if known { way } else { "default".to_owned() };
                    self.slot(place).case = Some(case.clone());
                    self.settle(place, "ok", Value::from(case));
                }
                _ => self.settle(place, "ok", value),
            },
        }
    }

    /// Everything that follows: first settled, first told; those behind in the order of the file.
    fn follow(&mut self) {
        while self.ending.is_none()
            && let Some(place) = self.settled.pop_front()
        {
            if !self.frames[place.0].closed {
                self.tell(place);
            }
        }
        if self.ending.is_some() {
            return;
        }
        for place in std::mem::take(&mut self.started) {
            if self.slot(place).state == "running" {
                self.calls.push((self.now, self.frames[place.0].path(place.1)));
                self.fly(place, false);
            }
        }
        if self.frames[0].slots.iter().all(|slot| slot.told) {
            self.ending = Some(Ending::Succeeded(self.value(0)));
        }
    }

    fn tell(&mut self, place: Place) {
        let (number, node) = place;
        let frame = &self.frames[number];
        if matches!(frame.slots[node].state, "failed" | "blocked") {
            let path = frame.path(node);
            match frame.reaction(node).cloned() {
                Ok(Reaction::Fail) if number == 0 => self.ending = Some(Ending::Failed(path)),
                Ok(Reaction::Fail) => return self.break_off(number),
                Ok(Reaction::Stop(text)) => self.ending = Some(Ending::Stopped(path, text)),
                Ok(Reaction::Use(value)) => self.slot(place).value = value,
                Ok(Reaction::Skip | Reaction::Run(_)) | Err(()) => {}
            }
            if self.ending.is_some() {
                return;
            }
        }
        self.slot(place).told = true;
        let mut behind = self.frames[number].behind(node);
        behind.dedup_by_key(|(child, _)| *child);
        for (child, _) in behind {
            self.look((number, child));
        }
        if !self.frames[number].closed && self.frames[number].slots.iter().all(|slot| slot.told) && number > 0 {
            self.frames[number].closed = true;
            let value = self.value(number);
            self.close(number, Ok(value));
        }
    }

    /// Whether a node starts now, or can no longer.
    fn look(&mut self, place: Place) {
        let (number, node) = place;
        let frame = &self.frames[number];
        if frame.slots[node].state != "pending" {
            return;
        }
        let told = |(from, _): &&Edge| frame.slots[*from].told;
        let (flow, control): (Vec<&Edge>, Vec<&Edge>) =
            frame.parents[node].iter().partition(|(_, via)| *via == Via::Flow);
        let open = flow.iter().filter(|edge| !told(edge)).count();
        let gated = !control.is_empty();
        if gated && !control.iter().any(|edge| told(edge) && frame.chooses(edge)) {
            if open == 0 && control.iter().all(told) {
                self.settle(place, "inactive", Value::Null);
            }
            return;
        }
        let go = flow.iter().filter(|edge| told(edge) && frame.says_go(edge.0)).count();
        let late = frame.slots[node].clock == Clock::Over;
        let replaced = flow.iter().any(|edge| told(edge) && frame.is_replaced(edge.0, node));
        let active = flow.iter().any(|edge| !matches!(frame.slots[edge.0].state, "inactive" | "cancelled"));
        let (start, never) = match self.node(place).join {
            Join::All => (open == 0 && !replaced && (gated || go > 0), open == 0),
            Join::Settle => (open == 0 && (gated || active), open == 0),
            Join::Any => (go > 0, open == 0),
            Join::Quorum(n) => (go >= n, go + open < n),
            Join::Deadline(_) => (go > 0 && (late || open == 0), late || open == 0),
        };
        if start {
            self.start(place);
        } else if never {
            let lost = |edge: &&&Edge| matches!(frame.slots[edge.0].state, "failed" | "blocked");
            let handed_on = flow.iter().filter(lost).any(|edge| frame.reaction(edge.0).is_err());
            let fails = self.node(place).join.is_early() && (late || handed_on);
            self.settle(place, if fails { "failed" } else { "inactive" }, Value::Null);
        }
    }

    fn start(&mut self, place: Place) {
        let (number, index) = place;
        let node = self.node(place);
        self.agenda.remove(&self.frames[number].path(index));
        if node.join.is_early() {
            self.slot(place).state = "running";
            let frame = &self.frames[number];
            let unseen = (0..frame.nodes.len()).filter(|other| *other != index && !frame.is_settled(*other)).collect();
            self.slot(place).unseen = unseen;
            self.lose(place);
        }
        if let Some(when) = &node.when
            && !when.holds(&self.see(number, Some(index), &when.name))
        {
            return self.settle(place, "stepped_over", Value::Null);
        }
        self.slot(place).state = "running";
        for (child, via) in self.frames[number].behind(index) {
            let frame = &self.frames[number];
            if let (Join::Deadline(time), Via::Flow, "pending", Clock::Off) =
                (frame.nodes[child].join, via, frame.slots[child].state, frame.slots[child].clock)
            {
                self.slot((number, child)).clock = Clock::On;
                let path = self.frames[number].path(child);
                self.agenda.insert(path, (self.now + time, Due::Clock, (number, child)));
            }
        }
        if node.what.is_called() { self.started.push(place) } else { self.enter(place) }
    }

    /// What only a node waited for that starts now is cancelled.
    fn lose(&mut self, (number, node): Place) {
        let flow = self.frames[number].parents[node].iter().filter(|(_, via)| *via == Via::Flow);
        let mut losers: Vec<usize> = flow.map(|(from, _)| *from).collect();
        let kept = self.kept(number);
        while let Some(loser) = losers.pop() {
            let frame = &self.frames[number];
            let waits = |(child, _): &(usize, Via)| frame.slots[*child].state == "pending";
            if frame.is_settled(loser) || kept.contains(&frame.nodes[loser].id) || frame.behind(loser).iter().any(waits)
            {
                continue;
            }
            losers.extend(frame.parents[loser].iter().map(|(from, _)| *from));
            self.cancel((number, loser));
        }
    }

    /// Names that are looked at when a body has ended.
    fn kept(&self, number: usize) -> Vec<String> {
        let mut names: Vec<String> = self.frames[number].output.into_iter().flatten().cloned().collect();
        if let Some((outer, _)) = self.frames[number].outer
            && let What::Loop { until, .. } = &self.node(outer).what
        {
            names.push(until.name.clone());
        }
        names
    }

    fn cancel(&mut self, place: Place) {
        let (number, node) = place;
        if self.frames[number].is_settled(node) {
            return;
        }
        for below in self.slot(place).work.frames.clone() {
            self.cancel_all(below);
        }
        self.settle(place, "cancelled", Value::Null);
    }

    fn cancel_all(&mut self, number: usize) {
        if std::mem::replace(&mut self.frames[number].closed, true) {
            return;
        }
        for node in 0..self.frames[number].nodes.len() {
            self.cancel((number, node));
        }
    }

    /// A body fails: the rest of it is cancelled.
    fn break_off(&mut self, number: usize) {
        self.cancel_all(number);
        self.close(number, Err(()));
    }

    /// A node with bodies starts.
    fn enter(&mut self, place: Place) {
        let list = match &self.node(place).what {
            What::Map { list, .. } | What::Reduce { list, .. } => match list {
                List::Count(count) => Some(json!((0..*count).collect::<Vec<_>>())),
                List::Of(name) => {
                    let list = self.see(place.0, Some(place.1), name)["list"].clone();
                    Some(if list.is_null() { json!([]) } else { list })
                }
                List::Bad(name) => Some(self.see(place.0, Some(place.1), name)),
            },
            _ => None,
        };
        match list {
            Some(Value::Array(items)) if items.is_empty() => {
                let map = matches!(self.node(place).what, What::Map { .. });
                self.settle(place, "ok", if map { json!({ "items": [] }) } else { Value::Null });
            }
            Some(Value::Array(items)) => {
                self.slot(place).work.items = items;
                self.open(place);
            }
            Some(_) => self.settle(place, "failed", Value::Null),
            None => self.open(place),
        }
    }

    /// Opens bodies as far as they may be open at once.
    fn open(&mut self, place: Place) {
        loop {
            let path = self.frames[place.0].path(place.1);
            let node = self.node(place);
            let work = &self.slot(place).work;
            let (index, busy) = (work.opened, work.opened - work.ended);
            let mut names = BTreeMap::new();
            let mut counted = json!({ "index": index + 1, "level": work.round });
            let path = match &node.what {
                What::Map { item, parallel, .. } => {
                    if index == work.items.len() || busy == *parallel {
                        return;
                    }
                    names.insert(item.clone(), work.items[index].clone());
                    format!("{path}[{index}]")
                }
                What::Reduce { item, batch, parallel, .. } => {
                    let Some(some) = work.items.chunks(*batch).nth(index).filter(|_| busy < *parallel) else { return };
                    names.insert(item.clone(), Value::from(some.to_vec()));
                    format!("{path}[{}:{index}]", work.round)
                }
                What::Loop { .. } => {
                    if busy > 0 || index > work.round {
                        return;
                    }
                    counted["previous"] = work.results.last().cloned().unwrap_or(Value::Null);
                    format!("{path}[{index}]")
                }
                _ if index > 0 => return,
                _ => {
                    names.insert("input".to_owned(), json!({ "given": self.given(place) }));
                    path
                }
            };
            names.insert("loop".to_owned(), counted);
            let outer = Some((place, index));
            let mut frame = match (&node.what, node.what.body()) {
                (What::Graph(_, app), _) => self.frame(&app.nodes, app.output.as_ref(), path, outer),
                (_, Some(body)) => self.frame(&body.nodes, body.output.as_ref(), path, outer),
                _ => return,
            };
            frame.app = matches!(node.what, What::Graph(..));
            frame.single = node.what.body().is_some_and(|body| body.single);
            frame.names = names;
            let number = self.frames.len();
            self.frames.push(frame);
            let work = &mut self.slot(place).work;
            work.opened += 1;
            work.results.push(Value::Null);
            work.frames.push(number);
            self.begin(number);
        }
    }

    fn begin(&mut self, number: usize) {
        for node in 0..self.frames[number].nodes.len() {
            if self.frames[number].parents[node].is_empty() {
                self.start((number, node));
            }
        }
    }

    /// Something has come of a body.
    fn close(&mut self, number: usize, closed: Closed) {
        let Some((place, index)) = self.frames[number].outer else { return };
        if self.frames[place.0].is_settled(place.1) {
            return;
        }
        let holds = match &self.node(place).what {
            What::Loop { until, .. } => until.holds(&self.see(number, None, &until.name)),
            _ => true,
        };
        let node = self.node(place);
        let work = &mut self.slot(place).work;
        work.ended += 1;
        let all = work.items.len();
        let done = match (&node.what, closed) {
            (What::Map { skip_percent, .. }, closed) => {
                work.failed += usize::from(closed.is_err());
                let most = skip_percent.map_or(0, |percent| all * percent as usize / 100);
                work.results[index] = closed.unwrap_or(Value::Null);
                let items = (work.ended == all).then(|| json!({ "items": work.results }));
                if work.failed > most { Some(Err(())) } else { items.map(Ok) }
            }
            (_, Err(())) => Some(Err(())),
            (What::Reduce { batch, .. }, Ok(value)) => {
                work.results[index] = value.clone();
                let batches = all.div_ceil(*batch);
                if batches > 1 && work.ended == batches {
                    work.items = std::mem::take(&mut work.results);
                    (work.opened, work.ended, work.round) = (0, 0, work.round + 1);
                }
                (batches == 1).then_some(Ok(value))
            }
            (What::Loop { rounds, strict, .. }, Ok(value)) => {
                let last = index + 1 == *rounds;
                work.results[index] = value.clone();
                work.round += 1;
                match (holds, last) {
                    (true, _) => Some(Ok(value)),
                    (false, true) => Some(if *strict { Err(()) } else { Ok(value) }),
                    (false, false) => None,
                }
            }
            (_, Ok(value)) => Some(Ok(value)),
        };
        match done {
            None => self.open(place),
            Some(Ok(value)) => self.settle(place, "ok", value),
            Some(Err(())) => {
                for below in self.slot(place).work.frames.clone() {
                    self.cancel_all(below);
                }
                self.settle(place, "failed", Value::Null);
            }
        }
    }

    /// What a body gives.
    fn value(&self, number: usize) -> Value {
        let frame = &self.frames[number];
        if let Some(names) = frame.output {
            return Value::Object(names.iter().map(|name| (key(name), self.see(number, None, name))).collect());
        }
        if frame.single {
            return frame.slots[0].value.clone();
        }
        let last = (0..frame.nodes.len()).filter(|node| frame.behind(*node).is_empty());
        Value::Object(last.map(|node| (frame.nodes[node].id.clone(), frame.slots[node].value.clone())).collect())
    }

    /// What a name means, for a node or for the body itself.
    fn see(&self, number: usize, node: Option<usize>, name: &str) -> Value {
        let frame = &self.frames[number];
        let (root, field) = name.split_once('.').unwrap_or((name, ""));
        if let Some(value) = frame.names.get(root) {
            return if field.is_empty() { value.clone() } else { value[field].clone() };
        }
        if let Some(found) = frame.nodes.iter().position(|node| node.id == root) {
            let hidden = node.is_some_and(|node| frame.slots[node].unseen.contains(&found));
            return if hidden { Value::Null } else { frame.slots[found].value.clone() };
        }
        match frame.outer {
            Some(((number, node), _)) if !frame.app => self.see(number, Some(node), name),
            _ => Value::Null,
        }
    }

    /// What a node is given.
    fn given(&self, place: Place) -> Value {
        let (number, node) = place;
        let mut with = Map::new();
        for name in &self.node(place).reads {
            with.insert(key(name), self.see(number, Some(node), name));
        }
        for name in &self.node(place).asks {
            let frame = &self.frames[number];
            let of = frame.nodes.iter().position(|node| node.id == *name);
            let hidden = of.is_some_and(|of| frame.slots[node].unseen.contains(&of));
            let state = of.map_or("", |of| frame.slots[of].state);
            with.insert(format!("{name}_is"), Value::from(if hidden { "running" } else { state }));
        }
        Value::Object(with)
    }

    fn fly(&mut self, place: Place, again: bool) {
        let path = self.frames[place.0].path(place.1);
        let (after, _) = fate(self.seed, self.luck, &path, again);
        self.agenda.insert(path, (self.now + after, Due::Lands(again), place));
    }

    fn settle(&mut self, place: Place, state: &'static str, value: Value) {
        let now = self.now;
        self.agenda.remove(&self.frames[place.0].path(place.1));
        let slot = self.slot(place);
        (slot.state, slot.value, slot.ended) = (state, value, Some(now));
        self.settled.push_back(place);
    }

    fn node(&self, (number, node): Place) -> &'a Node {
        &self.frames[number].nodes[node]
    }

    fn slot(&mut self, (number, node): Place) -> &mut Slot {
        &mut self.frames[number].slots[node]
    }

    fn outcome(self) -> Outcome {
        let mut instances = BTreeMap::new();
        for frame in &self.frames {
            for (node, slot) in frame.slots.iter().enumerate() {
                let stand = Stand { state: slot.state, value: slot.value.clone(), ended: slot.ended };
                instances.insert(frame.path(node), stand);
            }
        }
        Outcome { instances, calls: self.calls, ending: self.ending.expect("the run has ended") }
    }
}
