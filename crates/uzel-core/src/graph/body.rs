//! What a node runs below itself: the body of a `map`, `reduce` or `loop`, or another app. And which parents a node waits for.

use std::{fmt, sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{Graph, NodeDef};
use crate::{
    expr::{Binding, Expression},
    schema::Type,
    yaml::{Text, Tree},
};

/// Which parents a node waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// All; one of them must say go.
    #[default]
    All,
    /// The first that says go.
    Any,
    /// All, however they ended.
    Settle,
    /// So many that say go.
    Quorum(usize),
    /// All, but no longer than this from the first call of one of them.
    Deadline(Duration),
}

impl Join {
    /// Whether a node may start while parents are still at work.
    pub const fn is_early(self) -> bool {
        matches!(self, Self::Any | Self::Quorum(_) | Self::Deadline(_))
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Any => f.write_str("any"),
            Self::Settle => f.write_str("settle"),
            Self::Quorum(n) => write!(f, "quorum of {n}"),
            Self::Deadline(time) => write!(f, "deadline of {time:?}"),
        }
    }
}

/// What a node runs below itself, checked.
#[derive(Debug)]
pub struct Plan {
    /// How often, and on what.
    pub shape: Shape,
    /// What.
    pub inner: Inner,
}

/// How a body is run. What it goes over is an input of the node: `for_each`, `over`, `with`.
#[derive(Debug)]
pub enum Shape {
    /// Once for each item of the input `for_each`.
    Map {
        /// What the body calls the item.
        item: String,
        /// How many items at a time.
        max_parallel: usize,
        /// What the failure of an item does.
        on_item_error: ItemError,
    },
    /// On batches of the input `over`, then on batches of what that gave, until one value is left.
    Reduce {
        /// What the body calls the batch.
        item: String,
        /// How many values make a batch, at least 2.
        batch: usize,
        /// How many batches at a time.
        max_parallel: usize,
    },
    /// Again and again until a condition holds.
    Loop {
        /// Looked at after each round.
        until: Expression,
        /// How many rounds at most.
        max_rounds: usize,
        /// Whether the node fails when the rounds are used up.
        strict: bool,
    },
    /// Once, with the input `with`.
    Graph,
}

/// What the failure of an item does to its `map`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ItemError {
    /// The map fails.
    Fail,
    /// The item's value is null.
    Skip,
    /// As `Skip`, up to this part of all items (0 to 1).
    SkipUpTo(f64),
}

impl ItemError {
    /// How many of so many items may fail.
    pub fn allows(self, items: usize) -> usize {
        match self {
            Self::Fail => 0,
            Self::Skip => items,
            Self::SkipUpTo(part) => (items as f64 * part + 1e-9).floor() as usize,
        }
    }
}

/// What is run.
#[derive(Clone, Debug)]
pub enum Inner {
    /// Nodes that see what is around them.
    Nodes(Arc<Body>),
    /// Another app, which sees only its input.
    App(Arc<Graph>),
}

/// Nodes below a node.
#[derive(Debug)]
pub struct Body {
    /// In the order of the file.
    pub nodes: IndexMap<String, Arc<NodeDef>>,
    /// The value of the body, if the file says.
    pub output: Option<Binding>,
    /// Whether `do` is one node, called `do` here; its instances have the path of the body.
    pub single: bool,
}

impl Inner {
    /// The nodes.
    pub fn nodes(&self) -> &IndexMap<String, Arc<NodeDef>> {
        match self {
            Self::Nodes(body) => &body.nodes,
            Self::App(graph) => &graph.nodes,
        }
    }

    /// What its value is, if the file says.
    pub fn output(&self) -> Option<&Binding> {
        match self {
            Self::Nodes(body) => body.output.as_ref(),
            Self::App(graph) => graph.output.as_ref(),
        }
    }

    /// Whether it is one node without a name of its own.
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Nodes(body) if body.single)
    }
}

/// What a kind's check says about a body: as [`Plan`], before its nodes have been looked at.
#[derive(Debug)]
pub struct Sketch {
    /// How it is run.
    pub shape: Shape,
    /// What is run.
    pub source: Source,
    /// Names that the body sees beside what is outside, but `loop`.
    pub locals: Vec<Text>,
}

/// Where a body is written.
#[derive(Debug)]
pub enum Source {
    /// Under `do`: a node or a map of nodes; and the body's `output`, if there is one.
    Do(Tree, Option<Tree>),
    /// In another app file.
    App(Text),
}

impl Shape {
    /// Names that the body sees beside what is outside.
    pub fn locals(&self) -> Vec<&str> {
        match self {
            Self::Map { item, .. } | Self::Reduce { item, .. } => vec![item, "loop"],
            Self::Loop { .. } => vec!["loop"],
            Self::Graph => vec![],
        }
    }

    /// The type of the node's output, given that of the body's value.
    pub(crate) fn output(&self, value: Type, empty: Option<Type>) -> Type {
        match self {
            Self::Map { on_item_error, .. } => {
                let item = if *on_item_error == ItemError::Fail { value } else { value.or_null() };
                Type::object([("items", Type::list(item))])
            }
            Self::Reduce { .. } => Type::union(value, empty.unwrap_or(Type::Null)),
            Self::Loop { .. } | Self::Graph => value,
        }
    }

    /// The input that the body goes over, with its place in a message.
    pub(crate) const fn list_key(&self) -> Option<&'static str> {
        match self {
            Self::Map { .. } => Some("for_each"),
            Self::Reduce { .. } => Some("over"),
            Self::Loop { .. } | Self::Graph => None,
        }
    }
}

pub(super) fn collect<'g>(nodes: &'g IndexMap<String, Arc<NodeDef>>, all: &mut Vec<&'g Arc<NodeDef>>) {
    for node in nodes.values() {
        all.push(node);
        if let Some(plan) = &node.plan {
            collect(plan.inner.nodes(), all);
        }
    }
}

pub(super) fn at<'g>(nodes: &'g IndexMap<String, Arc<NodeDef>>, instance: &str) -> Option<&'g Arc<NodeDef>> {
    let end = instance.find(['.', '[']).unwrap_or(instance.len());
    let node = nodes.get(&instance[..end])?;
    below(node, &instance[end..])
}

/// The node that the rest of a path leads to: `[17].summarise`, `[17]`, `.classify`, or nothing.
fn below<'g>(node: &'g Arc<NodeDef>, rest: &str) -> Option<&'g Arc<NodeDef>> {
    if rest.is_empty() {
        return Some(node);
    }
    let inner = &node.plan.as_ref()?.inner;
    let rest = match rest.strip_prefix('[') {
        Some(numbered) => numbered.split_once(']')?.1,
        None => rest,
    };
    if inner.is_single() {
        return below(inner.nodes().first()?.1, rest);
    }
    at(inner.nodes(), rest.strip_prefix('.')?)
}

/// The names of the nodes that a path leads through.
pub(super) fn definition(nodes: &IndexMap<String, Arc<NodeDef>>, instance: &str) -> Option<String> {
    let end = instance.find(['.', '[']).unwrap_or(instance.len());
    let mut node = nodes.get(&instance[..end])?;
    let (mut name, mut rest) = (node.id.clone(), &instance[end..]);
    while !rest.is_empty() {
        let inner = &node.plan.as_ref()?.inner;
        rest = match rest.strip_prefix('[') {
            Some(numbered) => numbered.split_once(']')?.1,
            None => rest,
        };
        if inner.is_single() {
            node = inner.nodes().first()?.1;
        } else {
            let inside = rest.strip_prefix('.')?;
            let end = inside.find(['.', '[']).unwrap_or(inside.len());
            node = inner.nodes().get(&inside[..end])?;
            rest = &inside[end..];
        }
        name = format!("{name}.{}", node.id);
    }
    Some(name)
}
