//! An opening of a body: its nodes, where each stands, and what can be said of that without looking further.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::Value;

use super::{
    super::{
        Join, Node, Reaction,
        nearest::{Edge, Via, depends},
    },
    Place,
};

/// An opening of a body.
pub(super) struct Frame<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) output: Option<&'a Vec<String>>,
    pub(super) parents: Rc<Vec<Vec<Edge>>>,
    pub(super) path: String,
    pub(super) single: bool,
    /// Whether it is an app, which sees nothing around it.
    pub(super) app: bool,
    pub(super) names: BTreeMap<String, Value>,
    /// Whose body it is, and which of its openings.
    pub(super) outer: Option<(Place, usize)>,
    pub(super) slots: Vec<Slot>,
    pub(super) closed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) state: &'static str,
    pub(super) value: Value,
    pub(super) case: Option<String>,
    /// Whether those behind have been told that it settled.
    pub(super) told: bool,
    pub(super) ended: Option<u64>,
    /// What had not settled when it started early.
    pub(super) unseen: Vec<usize>,
    pub(super) clock: Clock,
    pub(super) work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Clock {
    Off,
    On,
    Over,
}

/// How far a node with bodies is.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) items: Vec<Value>,
    pub(super) results: Vec<Value>,
    pub(super) opened: usize,
    pub(super) ended: usize,
    pub(super) failed: usize,
    pub(super) round: usize,
    pub(super) frames: Vec<usize>,
}

/// What comes of a body.
pub(super) type Closed = Result<Value, ()>;

impl Frame<'_> {
    pub(super) fn path(&self, node: usize) -> String {
        match (self.path.as_str(), self.single) {
            ("", _) => self.nodes[node].id.clone(),
            (path, true) => path.to_owned(),
            (path, false) => format!("{path}.{}", self.nodes[node].id),
        }
    }

    /// Nodes behind a node, with what leads there, in the order of the file.
    pub(super) fn behind(&self, node: usize) -> Vec<(usize, Via)> {
        let to = |child: usize| {
            self.parents[child].iter().filter(move |(from, _)| *from == node).map(move |e| (child, e.1.clone()))
        };
        (0..self.nodes.len()).flat_map(to).collect()
    }

    /// What a failure or block of a node does: `Err` if those behind take it.
    pub(super) fn reaction(&self, node: usize) -> Result<&Reaction, ()> {
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

    pub(super) fn is_settled(&self, node: usize) -> bool {
        !matches!(self.slots[node].state, "pending" | "running" | "waiting")
    }

    /// Whether a parent says go.
    pub(super) fn says_go(&self, node: usize) -> bool {
        match self.slots[node].state {
            "ok" | "stepped_over" => true,
            "failed" | "blocked" => matches!(self.reaction(node), Ok(Reaction::Skip | Reaction::Use(_))),
            _ => false,
        }
    }

    /// Whether another node runs instead of a parent, and `child` does not depend on that.
    pub(super) fn is_replaced(&self, node: usize, child: usize) -> bool {
        let failed = matches!(self.slots[node].state, "failed" | "blocked");
        let Ok(Reaction::Run(other)) = self.reaction(node) else { return false };
        let other = self.nodes.iter().position(|node| node.id == *other);
        failed && other.is_some_and(|other| !depends(&self.parents, child, other))
    }

    pub(super) fn chooses(&self, (from, via): &Edge) -> bool {
        let slot = &self.slots[*from];
        match via {
            Via::Flow => false,
            Via::Cases(cases) => slot.state == "ok" && slot.case.as_ref().is_some_and(|case| cases.contains(case)),
            Via::Error => slot.state == "failed",
            Via::Block => slot.state == "blocked",
        }
    }
}
