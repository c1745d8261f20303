//! A run as people look at it: each node with its state, times, cost, what it got and gave, and why it did not run.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{Run, State};
use crate::{
    event::{Answer, EffectMeta, EffectName, InstancePath, Time, Wait},
    failure::Failure,
    graph::{NodeIdx, Via},
};

/// One node of a run.
#[derive(Clone, Debug, Serialize)]
pub struct NodeView {
    /// Its place.
    pub instance: InstancePath,
    /// What it is.
    pub kind: &'static str,
    /// The state's word.
    pub state: &'static str,
    /// When it began.
    pub started: Option<Time>,
    /// When it settled.
    pub ended: Option<Time>,
    /// The way it chose.
    pub port: Option<String>,
    /// Why it did not run, or what it waits for.
    pub why: Option<String>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it was given, if it was called.
    pub input: Option<Value>,
    /// What it gave.
    pub output: Option<Arc<Value>>,
    /// The person's answer.
    pub answer: Option<Answer>,
    /// Its effects.
    pub effects: Vec<EffectView>,
}

/// One effect of a node.
#[derive(Clone, Debug, Serialize)]
pub struct EffectView {
    /// Its name.
    pub name: EffectName,
    /// Why it has no value.
    pub failure: Option<Failure>,
    /// Cost and tries.
    pub meta: EffectMeta,
}

impl Run {
    /// All nodes in the order of the file. Derives states first, so that what follows from the log is shown.
    pub fn view(&mut self) -> Vec<NodeView> {
        self.next();
        (0..self.instances.len()).filter_map(|idx| self.node_view(idx)).collect()
    }

    fn node_view(&self, idx: NodeIdx) -> Option<NodeView> {
        let (id, node) = self.graph.nodes.get_index(idx)?;
        let place = &self.instances[idx];
        let called = !matches!(place.state, State::Pending | State::SteppedOver | State::Inactive | State::LeftOut(_));
        let (port, failure) = match &place.state {
            State::Ok { port, .. } => (port.clone(), None),
            State::Failed(failure) => (None, Some(failure.clone())),
            _ => (None, None),
        };
        let has_value = matches!(place.state, State::Ok { .. }) || place.substitute.is_some();
        let mut effects: Vec<EffectView> = self
            .own_effects(id)
            .map(|(name, effect)| EffectView {
                name: name.clone(),
                failure: effect.result.as_ref().err().cloned(),
                meta: effect.meta.clone(),
            })
            .collect();
        effects.sort_by(|a, b| (a.meta.started, &a.name).cmp(&(b.meta.started, &b.name)));
        Some(NodeView {
            instance: InstancePath::from(id.as_str()),
            kind: node.kind.name,
            state: place.state.as_str(),
            started: place.started,
            ended: place.ended,
            port,
            why: self.why(idx),
            wait: match &place.state {
                State::Waiting(wait) => Some(Wait::clone(wait)),
                _ => None,
            },
            failure,
            input: called.then(|| self.input(idx).ok()).flatten(),
            output: has_value.then(|| place.value()),
            answer: place.answer.clone(),
            effects,
        })
    }

    /// Why a node did not run, or what it waits for.
    fn why(&self, idx: NodeIdx) -> Option<String> {
        let (_, node) = self.graph.nodes.get_index(idx)?;
        match &self.instances[idx].state {
            State::SteppedOver => node.when.as_ref().map(|when| format!("its condition is false: {}", when.source())),
            State::LeftOut(why) => Some(why.clone()),
            State::Blocked(reason) => Some(reason.clone()),
            State::Inactive => Some(self.why_inactive(idx)),
            State::Pending => {
                let open = |from: &NodeIdx| !self.instances[*from].state.is_settled();
                let names: Vec<&str> =
                    node.parents.iter().map(|edge| edge.from).filter(open).filter_map(|i| self.name(i)).collect();
                (!names.is_empty()).then(|| format!("waits for {}", names.join(", ")))
            }
            State::Waiting(wait) => Some(match &**wait {
                Wait::Answer(question) => format!("asks: {}", question.title),
                Wait::Until(time) => format!("until {}", time.0),
                Wait::Callback { .. } => "for a call from outside".to_owned(),
            }),
            _ => None,
        }
    }

    fn why_inactive(&self, idx: NodeIdx) -> String {
        let Some((_, node)) = self.graph.nodes.get_index(idx) else { return String::new() };
        let mut reasons: Vec<String> = Vec::new();
        for edge in &node.parents {
            let Some(from) = self.name(edge.from) else { continue };
            let state = &self.instances[edge.from].state;
            reasons.push(match (&edge.via, state) {
                (Via::Ports(_), State::Ok { port: Some(port), .. }) => format!("`{from}` chose `{port}`"),
                (Via::Error, State::Ok { .. }) => format!("`{from}` did not fail"),
                (Via::Block, State::Ok { .. }) => format!("`{from}` did not block"),
                (_, state) => format!("`{from}` is {}", state.as_str().replace('_', " ")),
            });
        }
        reasons.join(", ")
    }

    fn name(&self, idx: NodeIdx) -> Option<&str> {
        self.graph.nodes.get_index(idx).map(|(id, _)| id.as_str())
    }
}
