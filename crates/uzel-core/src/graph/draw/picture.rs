//! What is drawn, apart from how: nodes, links between them, and pictures inside nodes. Made of a graph; read by every
//! drawing.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;

use super::text::plain;
use crate::graph::{Graph, Inner, Join, NodeDef, Plan, Reaction, Shape, Via};

/// Nodes and links; a link leads from an earlier node of [`Picture::order`] to a later one.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    pub(super) vertices: Vec<Vertex>,
    pub(super) links: Vec<Link>,
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) sort: Sort,
    /// What it is for; one line, perhaps empty.
    pub(super) about: String,
    /// It is stepped over unless this holds.
    pub(super) when: Option<String>,
    /// How it repeats what is inside it, and which parents it waits for if that is not usual.
    pub(super) ways: Vec<String>,
    /// What its failure and its block do, unless that is a link.
    pub(super) reactions: Vec<(Class, String)>,
    /// Its block ends the run with a text.
    pub(super) stops: bool,
    /// Nodes that it repeats.
    pub(super) inside: Option<Picture>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) class: Class,
    /// Cases of a route, `error` or `block`; empty for flow.
    pub(super) label: String,
}

/// Why a link is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The node before has settled.
    Flow,
    /// A route chose it.
    Way,
    /// The node before failed.
    Error,
    /// The node before blocked.
    Block,
}

impl Class {
    /// Whether it is drawn with a broken line: it is followed only when something went wrong.
    pub(super) fn broken(self) -> bool {
        matches!(self, Self::Error | Self::Block)
    }
}

/// What a kind is, as far as drawings tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A model answers.
    Model,
    /// A person answers.
    Person,
    /// It lets through or blocks.
    Guard,
    /// It chooses.
    Route,
    /// It reaches outside.
    Tool,
    /// It looks up.
    Knowledge,
    /// It repeats other nodes.
    Body,
    /// It computes, or nothing is known.
    Plain,
}

impl Sort {
    fn of(kind: &str) -> Self {
        match kind {
            "llm" | "agent" | "model" => Self::Model,
            "human" => Self::Person,
            "guard" => Self::Guard,
            "route" => Self::Route,
            "tool" => Self::Tool,
            "retrieve" => Self::Knowledge,
            "map" | "reduce" | "loop" | "graph" => Self::Body,
            _ => Self::Plain,
        }
    }
}

impl Picture {
    /// The picture of a graph.
    pub(super) fn of(graph: &Graph) -> Self {
        Self::of_nodes(&graph.nodes)
    }

    /// The picture of nodes that stand side by side.
    fn of_nodes(nodes: &IndexMap<String, Arc<NodeDef>>) -> Self {
        let vertices = nodes.values().map(|node| vertex(node)).collect();
        let mut links = vec![];
        for (from, node) in nodes.values().enumerate() {
            let mut children = node.children.clone();
            children.sort_unstable();
            for (to, edge) in children {
                let Some(edge) = nodes.get_index(to).and_then(|(_, child)| child.parents.get(edge)) else { continue };
                let (class, label) = match &edge.via {
                    Via::Flow => (Class::Flow, String::new()),
                    Via::Error => (Class::Error, "error".to_owned()),
                    Via::Block => (Class::Block, "block".to_owned()),
                    Via::Ports(ports) => {
                        (Class::Way, ports.iter().map(|port| plain(port)).collect::<Vec<_>>().join(" | "))
                    }
                };
                links.push(Link { from, to, class, label });
            }
        }
        Self { vertices, links }
    }

    /// Nodes in an order in which links lead forward, otherwise as they stand in the file.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut open = vec![0_usize; self.vertices.len()];
        let mut next = vec![vec![]; self.vertices.len()];
        for link in &self.links {
            open[link.to] += 1;
            next[link.from].push(link.to);
        }
        let mut ready: BTreeSet<usize> = (0..open.len()).filter(|vertex| open[*vertex] == 0).collect();
        let mut order = Vec::with_capacity(open.len());
        while let Some(vertex) = ready.pop_first() {
            order.push(vertex);
            for to in &next[vertex] {
                open[*to] -= 1;
                if open[*to] == 0 {
                    ready.insert(*to);
                }
            }
        }
        order
    }

    /// Nodes, those inside others too.
    pub(super) fn count(&self) -> usize {
        let inside = self.vertices.iter().filter_map(|vertex| vertex.inside.as_ref());
        self.vertices.len() + inside.map(Self::count).sum::<usize>()
    }
}

fn vertex(node: &NodeDef) -> Vertex {
    let note = |class, word: &str, reaction: &Reaction| {
        let then = match reaction {
            Reaction::Skip => "goes on without it",
            Reaction::Use(_) => "goes on with a value",
            Reaction::Stop(_) => "the run stops with a text",
            Reaction::Run(_) | Reaction::Fail | Reaction::HandOn => return None,
        };
        Some((class, format!("{word}: {then}")))
    };
    let reactions = [note(Class::Error, "error", &node.on_error), note(Class::Block, "block", &node.on_block)];
    Vertex {
        id: plain(&node.id),
        kind: node.kind.name.to_owned(),
        sort: Sort::of(node.kind.name),
        about: plain(&node.description),
        when: node.when.as_ref().map(|when| plain(when.source())),
        ways: node.plan.iter().map(repeats).chain(waits(node.join)).collect(),
        reactions: reactions.into_iter().flatten().collect(),
        stops: matches!(node.on_block, Reaction::Stop(_)),
        inside: node.plan.as_ref().map(|plan| Picture::of_nodes(plan.inner.nodes())),
    }
}

/// How a node runs what is inside it.
pub(super) fn repeats(plan: &Plan) -> String {
    match &plan.shape {
        Shape::Map { item, max_parallel, .. } => format!("once for each `{item}`, {max_parallel} at a time"),
        Shape::Reduce { item, batch, .. } => format!("for each `{item}` of {batch}, until one value is left"),
        Shape::Loop { until, max_rounds, .. } => {
            format!("until {}, at most {max_rounds} rounds", plain(until.source()))
        }
        Shape::Graph => match &plan.inner {
            Inner::App(graph) => format!("runs the app `{}`", plain(&graph.name)),
            Inner::Nodes(_) => "runs these nodes".to_owned(),
        },
    }
}

/// A join other than `all`.
fn waits(join: Join) -> Option<String> {
    (join != Join::All).then(|| format!("join: {join}"))
}
