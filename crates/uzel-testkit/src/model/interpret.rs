//! The rules, read from the decisions: an app is run with a clock that goes from one thing that happens to the next.
//!
//! Nothing here is fast or clever: whether a node starts is found by looking at all its parents again.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use serde_json::Value;

use super::{
    App, Join, Node, Reaction, What, answer,
    fate::{Fate, Luck, fate},
    nearest::{Edge, Via},
};

mod bodies;
mod frame;
mod names;

use frame::{Clock, Frame, Slot};

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

impl<'a> World<'a> {
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
