//! A run as people look at it: each node with its state, times, cost, what it got and gave, and why it did not run.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::{Run, State, level::Place};
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
    /// Its labels, as the app has them.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
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
    /// All nodes in the order of the file, each followed by what it ran below itself.
    pub fn view(&self) -> Vec<NodeView> {
        let mut views = vec![];
        self.view_level(0, &mut views);
        views
    }

    fn view_level(&self, level: usize, views: &mut Vec<NodeView>) {
        for node in 0..self.levels[level].instances.len() {
            let place = Place { level, node };
            views.extend(self.node_view(place));
            for below in self.instance(place).work.iter().flat_map(|work| &work.levels) {
                self.view_level(*below, views);
            }
        }
    }

    fn node_view(&self, at: Place) -> Option<NodeView> {
        let node = self.node(at)?;
        let path = self.path(at);
        let place = self.instance(at);
        let called = !matches!(
            place.state,
            State::Pending | State::SteppedOver | State::Inactive | State::LeftOut(_) | State::Cancelled
        );
        let (port, failure) = match &place.state {
            State::Ok { port, .. } => (port.clone(), None),
            State::Failed(failure) => (None, Some(failure.clone())),
            _ => (None, None),
        };
        let has_value = matches!(place.state, State::Ok { .. }) || place.substitute.is_some();
        let mut effects: Vec<EffectView> = self
            .own_effects(path.as_str())
            .map(|(name, effect)| EffectView {
                name: name.clone(),
                failure: effect.result.as_ref().err().cloned(),
                meta: effect.meta.clone(),
            })
            .collect();
        effects.sort_by(|a, b| (a.meta.started, &a.name).cmp(&(b.meta.started, &b.name)));
        Some(NodeView {
            instance: path.clone(),
            kind: node.kind.name,
            labels: node.labels.clone(),
            state: place.state.as_str(),
            started: place.started,
            ended: place.ended,
            port,
            why: self.in_short(at),
            wait: match &place.state {
                State::Waiting(wait) => Some(Wait::clone(wait)),
                _ => None,
            },
            failure,
            input: called.then(|| self.input(at).ok()).flatten(),
            output: has_value.then(|| place.value()),
            answer: place.answer.clone(),
            effects,
        })
    }

    /// Why a node did not run, or what it waits for.
    fn in_short(&self, at: Place) -> Option<String> {
        let node = self.node(at)?;
        match &self.instance(at).state {
            State::SteppedOver => node.when.as_ref().map(|when| format!("its condition is false: {}", when.source())),
            State::LeftOut(why) => Some(why.clone()),
            State::Blocked(reason) => Some(reason.clone()),
            State::Inactive => Some(self.why_inactive(at)),
            State::Cancelled => Some("nobody waits for it any more".to_owned()),
            State::Pending => {
                let open = |from: &NodeIdx| !self.levels[at.level].instances[*from].state.is_settled();
                let names: Vec<&str> = node
                    .parents
                    .iter()
                    .map(|edge| edge.from)
                    .filter(open)
                    .filter_map(|i| self.name(at.level, i))
                    .collect();
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

    fn why_inactive(&self, at: Place) -> String {
        let Some(node) = self.node(at) else { return String::new() };
        let mut reasons: Vec<String> = Vec::new();
        for edge in &node.parents {
            let Some(from) = self.name(at.level, edge.from) else { continue };
            let state = &self.levels[at.level].instances[edge.from].state;
            reasons.push(match (&edge.via, state) {
                (Via::Ports(_), State::Ok { port: Some(port), .. }) => format!("`{from}` chose `{port}`"),
                (Via::Error, State::Ok { .. }) => format!("`{from}` did not fail"),
                (Via::Block, State::Ok { .. }) => format!("`{from}` did not block"),
                (_, state) => format!("`{from}` is {}", state.as_str().replace('_', " ")),
            });
        }
        reasons.join(", ")
    }

    pub(super) fn name(&self, level: usize, idx: NodeIdx) -> Option<&str> {
        self.levels[level].program.nodes().get_index(idx).map(|(id, _)| id.as_str())
    }
}
