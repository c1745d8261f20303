//! The start rules: which nodes start, are stepped over, cancelled or become inactive once others have settled.
//!
//! Each fact that is applied is followed at once by all that it leads to, so that a state depends on the log alone.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use super::{
    Command, Run, State, bug,
    level::{Instance, Level, Place},
};
use crate::{
    event::{End, Stored},
    expr::{Binding, Expression},
    failure::{Failure, FailureClass},
    graph::{Edge, Join, NodeDef, NodeIdx, Plan, Reaction, Shape, Via},
};

/// What an edge tells the node behind it.
#[derive(Clone, Copy, PartialEq)]
enum Signal {
    /// Go.
    Go,
    /// Not this way.
    Dead,
    /// Not at all: another node runs instead.
    Bar,
}

impl Run {
    /// What to do now. Deterministic; each command is given once in the life of this value.
    #[expect(clippy::should_implement_trait, reason = "it does not iterate: it gives all commands there are now")]
    pub fn next(&mut self) -> Vec<Command> {
        let (told, called) = (std::mem::take(&mut self.told), std::mem::take(&mut self.called));
        if self.begin.is_none() || self.end.is_some() {
            // What follows from the log has been derived, for those who look; nothing is done any more.
            return vec![];
        }
        if let Some(end) = &self.broken {
            let first = !std::mem::replace(&mut self.end_told, true);
            return first.then(|| Command::End(end.clone())).into_iter().collect();
        }
        let mut commands: Vec<Command> = told.into_iter().filter(|command| self.is_open(command)).collect();
        let mut called: Vec<(Place, u64)> = called.into_iter().collect();
        called.sort_by_key(|(_, number)| *number);
        commands.extend(called.into_iter().map(|(place, _)| self.call(place)));
        if self.levels[0].done == self.levels[0].instances.len() {
            commands.push(Command::End(match self.output() {
                Ok(output) => End::Succeeded(Stored::Here(Arc::new(output))),
                Err(failure) => {
                    End::Failed { instance: None, failure: failure.because("the app's output was computed") }
                }
            }));
        }
        commands
    }

    /// Whether a command that was found while facts were applied is still to be done.
    fn is_open(&self, command: &Command) -> bool {
        let instance = |path| self.find(path).map(|place| self.instance(place));
        match command {
            Command::Fail { instance: path, .. } => instance(path).is_some_and(|i| matches!(i.state, State::Running)),
            Command::Park { instance: path, .. } => {
                instance(path).is_some_and(|i| matches!(i.state, State::Pending) && i.timer.is_none() && !i.late)
            }
            _ => true,
        }
    }

    /// All that follows from what has been applied. Nothing follows any more once the run is to end.
    pub(super) fn derive_all(&mut self) {
        while self.broken.is_none()
            && let Some(place) = self.fresh.pop_front()
        {
            if self.levels[place.level].closed {
                continue;
            }
            self.spread(place);
            if self.broken.is_some() {
                return;
            }
            let level = &mut self.levels[place.level];
            level.done += 1;
            if level.done == level.instances.len() && !level.closed {
                self.close(place.level);
            }
        }
    }

    /// Starts what waits for nothing.
    pub(super) fn begin_level(&mut self, level: usize) {
        let roots: Vec<NodeIdx> = {
            let nodes = self.levels[level].program.nodes().values().enumerate();
            nodes.filter(|(_, node)| node.parents.is_empty()).map(|(idx, _)| idx).collect()
        };
        for node in roots {
            self.start(Place { level, node });
        }
    }

    /// Tells the children of a node that it has settled.
    fn spread(&mut self, place: Place) {
        let Some(node) = self.node(place) else { return };
        if let Err(end) = self.react(place, &node) {
            match end {
                End::Failed { failure, .. } if place.level > 0 => self.fail_level(place.level, failure),
                // The first one wins, in the order in which nodes settled.
                end => drop(self.broken.get_or_insert(end)),
            }
            return;
        }
        for (child, edge) in &node.children {
            let to = Place { level: place.level, node: *child };
            let Some(def) = self.node(to) else { continue };
            let Some(edge) = def.parents.get(*edge) else { continue };
            let signal = self.signal(&node, place, edge, *child);
            let instance = &mut self.levels[to.level].instances[to.node];
            if edge.via.is_control() {
                instance.open_control = instance.open_control.saturating_sub(1);
                instance.chosen |= signal == Signal::Go;
            } else {
                instance.open_flow = instance.open_flow.saturating_sub(1);
                instance.go += usize::from(signal == Signal::Go);
                instance.barred |= signal == Signal::Bar;
            }
        }
        // A child that two edges lead to is looked at when both have been told.
        let mut children: Vec<NodeIdx> = node.children.iter().map(|(child, _)| *child).collect();
        children.dedup();
        for child in children {
            let to = Place { level: place.level, node: child };
            if let Some(def) = self.node(to) {
                self.look(to, &def);
            }
        }
    }

    /// What the node's failure or block does to what is around it, if it did either.
    fn react(&mut self, place: Place, node: &NodeDef) -> Result<(), End> {
        let (reaction, failure) = match &self.instance(place).state {
            State::Failed(failure) => (&node.on_error, failure.clone()),
            State::Blocked(reason) => (&node.on_block, Failure::new(FailureClass::Refused, reason.clone())),
            _ => return Ok(()),
        };
        let path = self.path(place);
        let failed = |failure: Failure| {
            let failure = if place.level > 0 { failure.because(format!("`{path}` was run")) } else { failure };
            End::Failed { instance: Some(path.clone()), failure }
        };
        let evaluate =
            |binding: &Binding| binding.evaluate(&self.scope(binding.references(), place.level, Some(place.node)));
        match reaction {
            Reaction::Fail => Err(failed(failure)),
            Reaction::Skip | Reaction::Run(_) | Reaction::HandOn => Ok(()),
            Reaction::Use(binding) => {
                let value = evaluate(binding).map_err(|cause| failed(failure.because(cause)))?;
                self.levels[place.level].instances[place.node].substitute = Some(Arc::new(value));
                Ok(())
            }
            Reaction::Stop(binding) => {
                let text = evaluate(binding).map_err(|cause| failed(failure.because(cause)))?;
                let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                let output = Stored::Here(Arc::new(self.output().unwrap_or(Value::Null)));
                Err(End::Stopped { instance: path.clone(), text, output })
            }
        }
    }

    fn signal(&self, from: &NodeDef, place: Place, edge: &Edge, child: NodeIdx) -> Signal {
        let go = |yes: bool| if yes { Signal::Go } else { Signal::Dead };
        let passes = |reaction: &Reaction| match reaction {
            Reaction::Skip | Reaction::Use(_) => Signal::Go,
            // What depends on the node that runs instead may go on with its value.
            Reaction::Run(instead) if !self.depends(place.level, child, *instead) => Signal::Bar,
            Reaction::Run(_) | Reaction::Fail | Reaction::HandOn | Reaction::Stop(_) => Signal::Dead,
        };
        match (&self.instance(place).state, &edge.via) {
            (State::Ok { port, .. }, Via::Ports(ports)) => go(port.as_ref().is_some_and(|port| ports.contains(port))),
            (State::Failed(_), Via::Error) | (State::Blocked(_), Via::Block) => Signal::Go,
            (_, Via::Ports(_) | Via::Error | Via::Block) => Signal::Dead,
            (State::Ok { .. } | State::SteppedOver | State::LeftOut(_), Via::Flow) => Signal::Go,
            (State::Failed(_), Via::Flow) => passes(&from.on_error),
            (State::Blocked(_), Via::Flow) => passes(&from.on_block),
            (_, Via::Flow) => Signal::Dead,
        }
    }

    /// Starts a node, or settles it, if what it waits for says so.
    pub(super) fn look(&mut self, place: Place, node: &NodeDef) {
        let Instance { state, open_flow, open_control, go, chosen, barred, late, .. } = self.instance(place);
        let (open, go, late) = (*open_flow, *go, *late);
        if !matches!(state, State::Pending) {
            return;
        }
        if node.gated && !chosen {
            // Who depends on it and on one of its parents has only it as a parent: it must not settle before they have.
            if *open_control == 0 && open == 0 {
                self.derive(place, State::Inactive);
            }
            return;
        }
        let (ready, hopeless) = match node.join {
            Join::All => (open == 0 && !barred && (node.gated || go > 0), open == 0),
            Join::Settle => {
                let flow = node.parents.iter().filter(|edge| !edge.via.is_control());
                let mut states = flow.map(|edge| &self.levels[place.level].instances[edge.from].state);
                let ended = states.any(|state| !matches!(state, State::Inactive | State::Cancelled));
                (open == 0 && (node.gated || ended), open == 0)
            }
            Join::Any => (go >= 1, open == 0),
            Join::Quorum(n) => (go >= n, go + open < n),
            Join::Deadline(_) => ((open == 0 || late) && go >= 1, open == 0 || late),
        };
        if ready {
            if node.join.is_early() {
                self.leave_losers(place, node);
            }
            self.start(place);
        } else if hopeless {
            let state = self.hopeless(place, node);
            self.derive(place, state);
        }
    }

    /// What a node is that can no longer start.
    fn hopeless(&self, place: Place, node: &NodeDef) -> State {
        if let (Join::Deadline(time), true) = (node.join, self.instance(place).late) {
            let message = format!("none of the nodes before it was ready after {time:?}");
            return State::Failed(Failure::new(FailureClass::Timeout, message));
        }
        if !node.join.is_early() {
            return State::Inactive;
        }
        let mut why: Option<Failure> = None;
        for edge in node.parents.iter().filter(|edge| !edge.via.is_control()) {
            let parent = Place { level: place.level, node: edge.from };
            let Some(def) = self.node(parent) else { continue };
            // A failure that was skipped or that another node runs for has been handled.
            let (class, reason) = match (&self.instance(parent).state, &def.on_error, &def.on_block) {
                (State::Failed(failure), Reaction::HandOn, _) => (failure.class, failure.message.clone()),
                (State::Blocked(reason), _, Reaction::HandOn) => (FailureClass::Refused, reason.clone()),
                _ => continue,
            };
            let failure =
                why.take().unwrap_or_else(|| Failure::new(class, "too few of the nodes before it gave a value"));
            why = Some(failure.because(format!("`{}`: {reason}", self.path(parent))));
        }
        why.map_or(State::Inactive, State::Failed)
    }

    /// Before a node starts while others before it are at work: it will not see them, and what only it waits for ends.
    fn leave_losers(&mut self, place: Place, node: &NodeDef) {
        let level = &mut self.levels[place.level];
        let open = level.instances.iter().enumerate().filter(|(idx, i)| *idx != place.node && !i.state.is_settled());
        let blind: Vec<NodeIdx> = open.map(|(idx, _)| idx).collect();
        let instance = &mut level.instances[place.node];
        instance.blind = blind;
        // It waits no longer, whatever comes of it now.
        instance.state = State::Running;
        let kept = self.kept(place.level);
        let mut losers: Vec<NodeIdx> =
            node.parents.iter().filter(|edge| !edge.via.is_control()).map(|edge| edge.from).collect();
        while let Some(loser) = losers.pop() {
            let at = Place { level: place.level, node: loser };
            let Some(def) = self.node(at) else { continue };
            let waits = |child: &NodeIdx| matches!(self.levels[place.level].instances[*child].state, State::Pending);
            let wanted = kept.contains(&loser) || def.children.iter().any(|(child, _)| waits(child));
            if self.instance(at).state.is_settled() || wanted {
                continue;
            }
            self.cancel(at);
            losers.extend(def.parents.iter().map(|edge| edge.from));
        }
        self.levels[place.level].instances[place.node].state = State::Pending;
    }

    /// Nodes that the value of a level refers to.
    fn kept(&self, level: usize) -> BTreeSet<NodeIdx> {
        let program = &self.levels[level].program;
        let mut references = program.output().map(Binding::references).unwrap_or_default().to_vec();
        if let Some((place, _)) = self.levels[level].within
            && let Some(node) = self.node(place)
            && let Some(Plan { shape: Shape::Loop { until, .. }, .. }) = &node.plan
        {
            references.extend(until.references().iter().cloned());
        }
        let named = references.iter().map(|reference| match reference.root.as_str() {
            "nodes" => reference.path.first().map_or("", String::as_str),
            root => root,
        });
        named.filter_map(|name| program.nodes().get_index_of(name)).collect()
    }

    /// Ends a node that nobody waits for.
    pub(super) fn cancel(&mut self, place: Place) {
        if self.instance(place).state.is_settled() {
            return;
        }
        let composite = self.node(place).is_some_and(|node| node.plan.is_some());
        if !composite && matches!(self.instance(place).state, State::Running | State::Waiting(_)) {
            let instance = self.path(place);
            let task = self.task(&instance).map(Box::new);
            self.told.push(Command::Cancel { instance, task });
        }
        self.cancel_below(place);
        self.derive(place, State::Cancelled);
    }

    /// A state that follows from others and is no event.
    pub(super) fn derive(&mut self, place: Place, state: State) {
        let now = self.now;
        self.waiting.remove(&place);
        self.end_time(place);
        let Some(instance) = self.instance_mut(place).filter(|instance| !instance.state.is_settled()) else { return };
        instance.ended = instance.started.map(|_| now);
        instance.state = state;
        self.fresh.push_back(place);
    }

    fn start(&mut self, place: Place) {
        let Some(node) = self.node(place) else { return };
        if !matches!(self.instance(place).state, State::Pending) {
            return;
        }
        let scope = |when: &Expression| self.scope(when.references(), place.level, Some(place.node));
        match node.when.as_ref().map(|when| when.holds(&scope(when))).transpose() {
            Ok(Some(false)) => self.derive(place, State::SteppedOver),
            Ok(_) => {
                let now = self.now;
                let instance = &mut self.levels[place.level].instances[place.node];
                instance.state = State::Running;
                instance.began = Some(now);
                self.waiting.remove(&place);
                self.begin_clocks(place, &node);
                self.begin_time(place);
                match &node.plan {
                    Some(plan) => {
                        self.levels[place.level].instances[place.node].started = Some(now);
                        self.enter(place, plan);
                    }
                    None => self.will_call(place),
                }
            }
            Err(failure) => {
                self.levels[place.level].instances[place.node].state = State::Running;
                match &node.plan {
                    Some(_) => self.derive(place, State::Failed(failure)),
                    None => self.told.push(Command::Fail { instance: self.path(place), failure }),
                }
            }
        }
    }

    /// The first call of a node begins the time that a join behind it gives its parents.
    fn begin_clocks(&mut self, place: Place, node: &NodeDef) {
        for (child, edge) in &node.children {
            let to = Place { level: place.level, node: *child };
            let Some(def) = self.node(to) else { continue };
            let flow = def.parents.get(*edge).is_some_and(|edge| !edge.via.is_control());
            if let (Join::Deadline(after), true) = (def.join, flow)
                && self.clocks.insert(to)
            {
                self.told.push(Command::Park { instance: self.path(to), after });
            }
        }
    }

    fn call(&self, place: Place) -> Command {
        let instance = self.path(place);
        match (self.input(place), self.node(place)) {
            (Ok(input), Some(node)) => {
                let resolution = self.instance(place).resolution.clone();
                Command::Call { node, instance, input: Arc::new(input), resolution }
            }
            (Err(failure), _) => Command::Fail { instance, failure },
            (Ok(_), None) => Command::Fail { instance, failure: bug("a node that is not in the graph") },
        }
    }

    /// What a node is called with: its inputs by name.
    pub(super) fn input(&self, place: Place) -> Result<Value, Failure> {
        let node = self.node(place).ok_or_else(|| bug("a node that is not in the graph"))?;
        let mut input = Map::new();
        for part in &node.inputs {
            let scope = self.scope(part.program.references(), place.level, Some(place.node));
            let value = part.program.evaluate(&scope).map_err(|mut failure| {
                let at = self.graph.sources.position(part.at);
                failure.causes.push(format!("`{}` of node `{}` is computed at {at}", part.name, node.id));
                failure
            })?;
            input.insert(part.name.clone(), value);
        }
        Ok(Value::Object(input))
    }

    /// Whether `node` is `on`, or comes after it.
    fn depends(&self, level: usize, node: NodeIdx, on: NodeIdx) -> bool {
        let nodes = self.levels[level].program.nodes();
        let (mut seen, mut next) = (BTreeSet::from([on]), vec![on]);
        while let Some(idx) = next.pop() {
            if idx == node {
                return true;
            }
            let children = nodes.get_index(idx).map_or(&[][..], |(_, def)| def.children.as_slice());
            next.extend(children.iter().map(|(child, _)| *child).filter(|child| seen.insert(*child)));
        }
        false
    }

    pub(super) fn instance(&self, place: Place) -> &Instance {
        &self.levels[place.level].instances[place.node]
    }

    pub(super) fn instance_mut(&mut self, place: Place) -> Option<&mut Instance> {
        self.levels.get_mut(place.level).and_then(|level: &mut Level| level.instances.get_mut(place.node))
    }

    pub(super) fn node(&self, place: Place) -> Option<Arc<NodeDef>> {
        self.levels[place.level].program.node(place.node)
    }
}
