//! The start rules: which nodes start, are stepped over or become inactive once others have settled.
//!
//! A node starts when all its parents have settled, none failed, and at least one is ok or stepped over. A node that a
//! route, an error or a block chooses waits for one of them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Command, Run, State, bug};
use crate::{
    event::{End, InstancePath, Stored},
    expr::Expression,
    failure::{Failure, FailureClass},
    graph::{Edge, Graph, NodeIdx, Reaction, Via},
};

/// What an edge tells the node behind it.
#[derive(Clone, Copy, PartialEq)]
enum Signal {
    /// Go.
    Go,
    /// Not this way.
    Dead,
}

impl Run {
    /// What to do now. Deterministic; each command is given once in the life of this value.
    #[expect(clippy::should_implement_trait, reason = "it does not iterate: it gives all commands there are now")]
    pub fn next(&mut self) -> Vec<Command> {
        if self.begin.is_none() {
            return vec![];
        }
        let graph = Arc::clone(&self.graph);
        let mut commands = vec![];
        if !self.looked {
            self.looked = true;
            for (idx, node) in graph.nodes.values().enumerate() {
                if node.parents.is_empty() {
                    self.start(&graph, idx, &mut commands);
                }
            }
        }
        for idx in std::mem::take(&mut self.again) {
            if matches!(self.instances[idx].state, State::Running) {
                self.call(&graph, idx, &mut commands);
            }
        }
        while let Some(idx) = self.fresh.pop_front() {
            self.spread(&graph, idx, &mut commands);
        }
        if self.end.is_some() {
            // What follows from the log has been derived, for those who look; nothing is done any more.
            return vec![];
        }
        if let Some(end) = self.broken.take() {
            return vec![Command::End(end)];
        }
        if self.settled == self.instances.len() {
            commands.push(Command::End(match self.output() {
                Ok(output) => End::Succeeded(Stored::Here(Arc::new(output))),
                Err(failure) => {
                    End::Failed { instance: None, failure: failure.because("the app's output was computed") }
                }
            }));
        }
        commands
    }

    /// Tells the children of a node that it has settled.
    fn spread(&mut self, graph: &Graph, idx: NodeIdx, commands: &mut Vec<Command>) {
        if let Err(end) = self.react(graph, idx) {
            // The first one wins, in the order in which nodes settled.
            self.broken.get_or_insert(end);
            return;
        }
        let Some((_, node)) = graph.nodes.get_index(idx) else { return };
        for (child, edge) in &node.children {
            let Some(edge) = graph.nodes.get_index(*child).and_then(|(_, def)| def.parents.get(*edge)) else {
                continue;
            };
            let signal = self.signal(graph, edge);
            let place = &mut self.instances[*child];
            if edge.via.is_control() {
                place.open_control = place.open_control.saturating_sub(1);
                place.chosen |= signal == Signal::Go;
            } else {
                place.open_flow = place.open_flow.saturating_sub(1);
                place.alive |= signal == Signal::Go;
            }
            self.look(graph, *child, commands);
        }
    }

    /// What the node's failure or block does to the run, if it did either.
    fn react(&mut self, graph: &Graph, idx: NodeIdx) -> Result<(), End> {
        let Some((id, node)) = graph.nodes.get_index(idx) else { return Ok(()) };
        let instance = || InstancePath::from(id.as_str());
        let (reaction, failure) = match &self.instances[idx].state {
            State::Failed(failure) => (&node.on_error, failure.clone()),
            State::Blocked(reason) => (&node.on_block, Failure::new(FailureClass::Refused, reason.clone())),
            _ => return Ok(()),
        };
        match reaction {
            Reaction::Fail => Err(End::Failed { instance: Some(instance()), failure }),
            Reaction::Skip | Reaction::Run(_) => Ok(()),
            Reaction::Use(binding) => match binding.evaluate(&self.scope(binding.references(), Some(idx))) {
                Ok(value) => {
                    self.instances[idx].substitute = Some(Arc::new(value));
                    Ok(())
                }
                Err(cause) => Err(End::Failed { instance: Some(instance()), failure: failure.because(cause) }),
            },
            Reaction::Stop(binding) => match binding.evaluate(&self.scope(binding.references(), Some(idx))) {
                Ok(text) => {
                    let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                    let output = Stored::Here(Arc::new(self.output().unwrap_or(Value::Null)));
                    Err(End::Stopped { instance: instance(), text, output })
                }
                Err(cause) => Err(End::Failed { instance: Some(instance()), failure: failure.because(cause) }),
            },
        }
    }

    fn signal(&self, graph: &Graph, edge: &Edge) -> Signal {
        let Some((_, from)) = graph.nodes.get_index(edge.from) else { return Signal::Dead };
        let go = |yes: bool| if yes { Signal::Go } else { Signal::Dead };
        let passes = |reaction: &Reaction| go(matches!(reaction, Reaction::Skip | Reaction::Use(_)));
        match (&self.instances[edge.from].state, &edge.via) {
            (State::Ok { port, .. }, Via::Ports(ports)) => go(port.as_ref().is_some_and(|port| ports.contains(port))),
            (State::Failed(_), Via::Error) | (State::Blocked(_), Via::Block) => Signal::Go,
            (_, Via::Ports(_) | Via::Error | Via::Block) => Signal::Dead,
            (State::Ok { .. } | State::SteppedOver | State::LeftOut(_), Via::Flow) => Signal::Go,
            (State::Failed(_), Via::Flow) => passes(&from.on_error),
            (State::Blocked(_), Via::Flow) => passes(&from.on_block),
            (_, Via::Flow) => Signal::Dead,
        }
    }

    /// Starts a node, or makes it inactive, if what it waits for says so.
    fn look(&mut self, graph: &Graph, idx: NodeIdx, commands: &mut Vec<Command>) {
        let Some((_, node)) = graph.nodes.get_index(idx) else { return };
        let place = &self.instances[idx];
        if !matches!(place.state, State::Pending) || place.open_flow > 0 {
            return;
        }
        if node.gated {
            if place.chosen {
                self.start(graph, idx, commands);
            } else if place.open_control == 0 {
                self.derive(idx, State::Inactive);
            }
        } else if place.alive {
            self.start(graph, idx, commands);
        } else {
            self.derive(idx, State::Inactive);
        }
    }

    /// A state that follows from others and is no event.
    fn derive(&mut self, idx: NodeIdx, state: State) {
        self.instances[idx].state = state;
        self.settled += 1;
        self.fresh.push_back(idx);
    }

    fn start(&mut self, graph: &Graph, idx: NodeIdx, commands: &mut Vec<Command>) {
        let Some((id, node)) = graph.nodes.get_index(idx) else { return };
        if !matches!(self.instances[idx].state, State::Pending) {
            return;
        }
        let ended = self.end.is_some();
        match node.when.as_ref().map(|when| self.holds(when, idx)).transpose() {
            Ok(Some(false)) => self.derive(idx, State::SteppedOver),
            _ if ended => {}
            Ok(_) => self.call(graph, idx, commands),
            Err(failure) => {
                self.instances[idx].state = State::Running;
                commands.push(Command::Fail { instance: InstancePath::from(id.as_str()), failure });
            }
        }
    }

    fn holds(&self, when: &Expression, idx: NodeIdx) -> Result<bool, Failure> {
        when.holds(&self.scope(when.references(), Some(idx)))
    }

    fn call(&mut self, graph: &Graph, idx: NodeIdx, commands: &mut Vec<Command>) {
        let Some((id, _)) = graph.nodes.get_index(idx) else { return };
        let instance = InstancePath::from(id.as_str());
        let input = self.input(idx);
        let place = &mut self.instances[idx];
        place.state = State::Running;
        commands.push(match input {
            Ok(input) => {
                Command::Call { node: idx, instance, input: Arc::new(input), resolution: place.resolution.clone() }
            }
            Err(failure) => Command::Fail { instance, failure },
        });
    }

    /// What a node is called with: its inputs by name.
    pub(super) fn input(&self, idx: NodeIdx) -> Result<Value, Failure> {
        let (_, node) = self.graph.nodes.get_index(idx).ok_or_else(|| bug("a node that is not in the graph"))?;
        let mut input = Map::new();
        for part in &node.inputs {
            let scope = self.scope(part.program.references(), Some(idx));
            let value = part.program.evaluate(&scope).map_err(|mut failure| {
                let place = self.graph.sources.position(part.at);
                failure.causes.push(format!("`{}` of node `{}` is computed at {place}", part.name, node.id));
                failure
            })?;
            input.insert(part.name.clone(), value);
        }
        Ok(Value::Object(input))
    }
}
