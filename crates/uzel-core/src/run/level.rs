//! Where nodes stand: the app's own nodes, and those of each body that has been opened.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{State, Totals};
use crate::{
    event::{Answer, InstancePath, Resolution, Time, Wait},
    expr::Binding,
    graph::{Graph, Inner, NodeDef, NodeIdx},
};

/// A node of an opened body: which body, which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) level: usize,
    pub(super) node: NodeIdx,
}

/// What is run at a level.
#[derive(Clone)]
pub(super) enum Program {
    /// An app: the run's own, or another that a node runs.
    App(Arc<Graph>),
    /// Nodes that see what is around them.
    Body(Inner),
}

impl Program {
    pub(super) fn of(inner: &Inner) -> Self {
        match inner {
            Inner::App(graph) => Self::App(Arc::clone(graph)),
            Inner::Nodes(_) => Self::Body(inner.clone()),
        }
    }

    pub(super) fn nodes(&self) -> &IndexMap<String, Arc<NodeDef>> {
        match self {
            Self::App(graph) => &graph.nodes,
            Self::Body(inner) => inner.nodes(),
        }
    }

    pub(super) fn output(&self) -> Option<&Binding> {
        match self {
            Self::App(graph) => graph.output.as_ref(),
            Self::Body(inner) => inner.output(),
        }
    }

    pub(super) fn is_single(&self) -> bool {
        matches!(self, Self::Body(inner) if inner.is_single())
    }

    /// The node, its definition kept alive beside the run.
    pub(super) fn node(&self, idx: NodeIdx) -> Option<Arc<NodeDef>> {
        self.nodes().get_index(idx).map(|(_, node)| Arc::clone(node))
    }
}

/// One opening of a body. The run's own nodes are level 0.
pub(super) struct Level {
    pub(super) program: Program,
    /// Its path: empty for the app itself, else that of the node that opened it with the item's or round's number.
    pub(super) path: String,
    /// Who opened it, for which item.
    pub(super) within: Option<(Place, usize)>,
    pub(super) instances: Vec<Instance>,
    /// Names that only this opening knows.
    pub(super) locals: Vec<(String, Arc<Value>)>,
    /// What another app was given.
    pub(super) input: Option<Arc<Value>>,
    /// How many of its nodes have settled and been looked at.
    pub(super) done: usize,
    /// Whether its value has been taken, or nobody wants it any more.
    pub(super) closed: bool,
}

impl Level {
    pub(super) fn new(program: Program, path: String, within: Option<(Place, usize)>) -> Self {
        let instances = program.nodes().values().map(|node| Instance::new(node)).collect();
        Self { program, path, within, instances, locals: vec![], input: None, done: 0, closed: false }
    }

    /// The path of a node here.
    pub(super) fn path_of(&self, node: NodeIdx) -> InstancePath {
        let id = self.program.nodes().get_index(node).map_or("", |(id, _)| id.as_str());
        if self.path.is_empty() {
            InstancePath::from(id)
        } else if self.program.is_single() {
            InstancePath::from(self.path.as_str())
        } else {
            InstancePath::from(format!("{}.{id}", self.path))
        }
    }
}

/// One node's place in a run.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) state: State,
    /// Value that stands for that of a node that failed or blocked.
    pub(super) substitute: Option<Arc<Value>>,
    pub(super) resolution: Option<Resolution>,
    /// When its call was made, as its call says.
    pub(super) started: Option<Time>,
    /// When it came to be its turn.
    pub(super) began: Option<Time>,
    pub(super) ended: Option<Time>,
    pub(super) asked: Option<Time>,
    pub(super) answer: Option<Answer>,
    /// Flow edges whose node has not settled.
    pub(super) open_flow: usize,
    /// Choosing edges whose node has not settled.
    pub(super) open_control: usize,
    /// How many flow edges said go.
    pub(super) go: usize,
    /// Whether an edge chose it.
    pub(super) chosen: bool,
    /// Whether a node runs instead of one that it depends on.
    pub(super) barred: bool,
    /// When its join stops waiting.
    pub(super) timer: Option<Box<Wait>>,
    /// Whether that time has passed.
    pub(super) late: bool,
    /// Nodes of its level that had not settled when it started early: it never sees their values.
    pub(super) blind: Vec<NodeIdx>,
    /// What it runs below itself, once that has begun.
    pub(super) work: Option<Box<Work>>,
    /// What was used up below it by what has been forgotten.
    pub(super) below: Totals,
}

impl Instance {
    fn new(node: &NodeDef) -> Self {
        Self {
            state: State::Pending,
            substitute: None,
            resolution: None,
            started: None,
            began: None,
            ended: None,
            asked: None,
            answer: None,
            open_flow: node.parents.iter().filter(|edge| !edge.via.is_control()).count(),
            open_control: node.parents.iter().filter(|edge| edge.via.is_control()).count(),
            go: 0,
            chosen: false,
            barred: false,
            timer: None,
            late: false,
            blind: vec![],
            work: None,
            below: Totals::default(),
        }
    }

    /// What expressions see: null unless the node has a value or something stands for it.
    pub(super) fn value(&self) -> Arc<Value> {
        match (&self.state, &self.substitute) {
            (State::Ok { value, .. }, _) => Arc::clone(value),
            (_, Some(value)) => Arc::clone(value),
            _ => Arc::new(Value::Null),
        }
    }
}

/// How far a `map`, `reduce`, `loop` or `graph` is.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// What it goes over: items of a map, values of a level of a reduce.
    pub(super) items: Vec<Arc<Value>>,
    /// What has come of each opening of the body.
    pub(super) values: Vec<Option<Arc<Value>>>,
    /// How many openings have begun, and ended.
    pub(super) opened: usize,
    pub(super) ended: usize,
    /// How many items failed and were skipped.
    pub(super) failures: usize,
    /// Level of a reduce, round of a loop.
    pub(super) round: usize,
    /// All openings so far.
    pub(super) levels: Vec<usize>,
}
