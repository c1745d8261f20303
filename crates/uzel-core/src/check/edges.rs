//! Names to edges: what each node refers to, what chooses it, and which of those are its nearest dependencies.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::{
    ROOTS,
    bodies::Outward,
    joins,
    nodes::{Draft, DraftReaction},
    order,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::Reference,
    graph::{Edge, Join, NodeIdx, Plan, Reaction, Via},
    source::Span,
    yaml::Text,
};

/// Drafts with their edges, in an order in which parents come first.
pub(super) struct Linked {
    pub(super) nodes: Vec<LinkedNode>,
    pub(super) order: Vec<NodeIdx>,
}

/// A draft with what starts it.
pub(super) struct LinkedNode {
    pub(super) draft: Draft,
    /// Nodes that its expressions name.
    pub(super) known: BTreeMap<String, NodeIdx>,
    pub(super) parents: Vec<Edge>,
    pub(super) gated: bool,
    pub(super) on_error: Reaction,
    pub(super) on_block: Reaction,
    /// What it runs below itself, once that has been typed.
    pub(super) plan: Option<Plan>,
}

/// Finds the edges; `None` when nodes wait for each other.
///
/// Names in `unclear` are of nodes that could not be read: that they are not there is no second mistake. `after` are
/// references that are looked at when all nodes have settled. In a body, what is not found here is left to `outward`.
pub(super) fn link(
    drafts: IndexMap<String, Draft>,
    unclear: BTreeSet<String>,
    after: &[Reference],
    outward: Option<&mut Outward>,
    out: &mut Diagnostics,
) -> Option<Linked> {
    let mut linker = Linker {
        outward,
        names: &drafts,
        unclear,
        out,
        edges: vec![Vec::new(); drafts.len()],
        known: vec![BTreeMap::new(); drafts.len()],
    };
    let mut reactions = Vec::new();
    for (idx, draft) in drafts.values().enumerate() {
        linker.flow(idx, draft);
        linker.ways(idx, draft);
        let on_error = linker.reaction(idx, &draft.on_error, Via::Error);
        let on_block = linker.reaction(idx, &draft.on_block, Via::Block);
        reactions.push((on_error, on_block));
    }
    for reference in after {
        linker.target(reference);
    }
    linker.shadows();
    let (all, mut known) = (linker.edges, linker.known);
    let joins: Vec<Join> = drafts.values().map(|draft| draft.join).collect();
    let order = order::topological(&all, |cycle| {
        out.push(cycle_found(cycle, &drafts));
    })?;
    let near = order::nearest(&all, &joins, &order);
    let nodes = drafts
        .into_values()
        .zip(near)
        .zip(reactions)
        .enumerate()
        .map(|(idx, ((draft, parents), (on_error, on_block)))| {
            let gated = parents.iter().any(|edge| edge.via.is_control());
            let known = std::mem::take(&mut known[idx]);
            LinkedNode { known, draft, parents, gated, on_error, on_block, plan: None }
        })
        .collect();
    let mut nodes: Vec<LinkedNode> = nodes;
    joins::settle(&mut nodes, out);
    Some(Linked { nodes, order })
}

/// Nodes with the place that makes each wait for the next, and the last for the first.
fn cycle_found(cycle: &[(NodeIdx, Span)], drafts: &IndexMap<String, Draft>) -> Diagnostic {
    let name = |idx: NodeIdx| drafts.get_index(idx).map_or("", |(id, _)| id.as_str());
    let names: Vec<&str> = cycle.iter().map(|(idx, _)| name(*idx)).collect();
    let at = cycle.first().map(|(_, at)| *at);
    let [first, rest @ ..] = names.as_slice() else {
        return Diagnostic::new(Code::CYCLE, at, "nodes wait for each other");
    };
    if rest.is_empty() {
        let message = format!("`{first}` waits for itself");
        return Diagnostic::new(Code::CYCLE, at, message).help("remove this reference");
    }
    let message = format!("nodes wait for each other: {} → {first}", names.join(" → "));
    let mut problem = Diagnostic::new(Code::CYCLE, at, message).help("remove one of these references");
    let nexts = rest.iter().skip(1).chain([first]);
    for (((_, at), id), next) in cycle.iter().skip(1).zip(rest).zip(nexts) {
        problem = problem.label(*at, format!("`{id}` waits for `{next}` because of this"));
    }
    problem
}

struct Linker<'a> {
    names: &'a IndexMap<String, Draft>,
    unclear: BTreeSet<String>,
    out: &'a mut Diagnostics,
    /// In a body: its locals, and what it refers to outside.
    outward: Option<&'a mut Outward>,
    edges: Vec<Vec<Edge>>,
    known: Vec<BTreeMap<String, NodeIdx>>,
}

impl Linker<'_> {
    fn add(&mut self, to: NodeIdx, from: NodeIdx, via: Via, at: Span) {
        let Some(edges) = self.edges.get_mut(to) else { return };
        let known = edges.iter_mut().find(|edge| {
            edge.from == from && (edge.via == via || matches!((&edge.via, &via), (Via::Ports(_), Via::Ports(_))))
        });
        match (known, via) {
            (Some(Edge { via: Via::Ports(ports), .. }), Via::Ports(more)) => ports.extend(more),
            (Some(_), _) => {}
            (None, via) => edges.push(Edge { from, via, at }),
        }
    }

    /// Data and `needs`.
    fn flow(&mut self, idx: NodeIdx, draft: &Draft) {
        for reference in draft.references() {
            if let Some(from) = self.target(reference) {
                self.add(idx, from, Via::Flow, reference.span);
                self.known[idx].insert(reference.root.clone(), from);
            }
        }
        for name in &draft.needs {
            if let Some(from) = self.node(name) {
                self.add(idx, from, Via::Flow, name.span);
            }
        }
    }

    /// Ways of a route.
    fn ways(&mut self, idx: NodeIdx, draft: &Draft) {
        let mut targets: BTreeMap<NodeIdx, (Vec<String>, Span)> = BTreeMap::new();
        for (port, names) in &draft.ways {
            for name in names {
                if let Some(to) = self.node(name) {
                    targets.entry(to).or_insert_with(|| (vec![], name.span)).0.push(port.clone());
                }
            }
        }
        for (to, (ports, at)) in targets {
            self.add(to, idx, Via::Ports(ports), at);
        }
    }

    fn reaction(&mut self, idx: NodeIdx, draft: &DraftReaction, via: Via) -> Reaction {
        match draft {
            DraftReaction::Unset | DraftReaction::Fail => Reaction::Fail,
            DraftReaction::Skip => Reaction::Skip,
            DraftReaction::Use(binding) => Reaction::Use(binding.clone()),
            DraftReaction::Stop(binding) => Reaction::Stop(binding.clone()),
            DraftReaction::Run(name) => match self.node(name) {
                Some(to) => {
                    self.add(to, idx, via, name.span);
                    Reaction::Run(to)
                }
                None => Reaction::Fail,
            },
        }
    }

    /// The node that a reference needs, if it is one. Metadata (`nodes.x.status`) needs the node too.
    fn target(&mut self, reference: &Reference) -> Option<NodeIdx> {
        let root = reference.root.as_str();
        if root == "nodes" {
            let name = reference.path.first()?;
            if let Some(outward) = self.outward.as_mut().filter(|_| !self.names.contains_key(name)) {
                outward.references.push(reference.clone());
                return None;
            }
            return self.node(&Text::synthetic(name.clone(), reference.span));
        }
        if self.outward.as_ref().is_some_and(|outward| outward.locals.iter().any(|local| local == root)) {
            return None;
        }
        if root == "loop" && self.outward.is_none() {
            let message = "`loop` exists only inside `map`, `reduce` and `loop`";
            self.out.push(Diagnostic::new(Code::UNKNOWN_REFERENCE, reference.span, message));
            return None;
        }
        if root == "secrets" || root == "env" {
            self.out.push(
                Diagnostic::new(
                    Code::SECRET_LEAK,
                    reference.span,
                    format!("`{root}` cannot be used in a node or an output"),
                )
                .help("secrets belong under `models`, `connections` and `tools`; there they are not shown or stored"),
            );
            return None;
        }
        if ROOTS.contains(&root) && root != "loop" {
            return None;
        }
        if let Some(outward) =
            self.outward.as_mut().filter(|_| !self.names.contains_key(root) && !self.unclear.contains(root))
        {
            outward.references.push(reference.clone());
            return None;
        }
        if self.unclear.contains(root) {
            return self.names.get_index_of(root);
        }
        self.names.get_index_of(root).or_else(|| {
            let names = self.names.keys().map(String::as_str).chain(["input", "run", "node", "flags", "nodes"]);
            let message = format!("there is no node `{root}`");
            let help = match root {
                "null" => "no value is written `none` in expressions".to_owned(),
                _ => did_you_mean(root, names).unwrap_or_else(|| format!("the nodes are {}", self.some_names())),
            };
            self.out.push(Diagnostic::new(Code::UNKNOWN_REFERENCE, reference.span, message).help(help));
            None
        })
    }

    /// Names in bodies that are also names here.
    fn shadows(&mut self) {
        for (name, at) in self.names.values().filter_map(|draft| draft.plan.as_ref()).flat_map(|plan| &plan.names) {
            let local = self.outward.as_ref().is_some_and(|outward| outward.locals.contains(name));
            if local || self.names.contains_key(name) {
                let message = format!("`{name}` is also the name of something outside this body");
                let help = "expressions in the body see both: give one of them another name";
                self.out.push(Diagnostic::new(Code::SHADOWS_OUTER, *at, message).help(help));
            }
        }
    }

    fn node(&mut self, name: &Text) -> Option<NodeIdx> {
        if self.unclear.contains(name.as_str()) {
            return self.names.get_index_of(name.as_str());
        }
        self.names.get_index_of(name.as_str()).or_else(|| {
            let message = format!("there is no node `{}`", name.as_str());
            let help = did_you_mean(name.as_str(), self.names.keys().map(String::as_str))
                .unwrap_or_else(|| format!("the nodes are {}", self.some_names()));
            self.out.push(Diagnostic::new(Code::UNKNOWN_NODE, name.span, message).help(help));
            None
        })
    }

    fn some_names(&self) -> String {
        let mut names: Vec<&str> = self.names.keys().map(String::as_str).take(8).collect();
        if self.names.len() > names.len() {
            names.push("…");
        }
        names.join(", ")
    }
}
