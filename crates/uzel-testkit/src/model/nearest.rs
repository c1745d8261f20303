//! What a node depends on, and which of that are its parents: the nearest.

use std::collections::BTreeMap;

use super::{Body, Join, List, Node, Reaction, What};

/// What leads from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// It is named.
    Flow,
    /// A route names it in these cases.
    Cases(Vec<String>),
    /// It runs when the other failed.
    Error,
    /// It runs when the other blocked.
    Block,
}

/// The node before, and what leads from it.
pub(super) type Edge = (usize, Via);

/// The parents of each node.
pub(super) fn parents(nodes: &[Node]) -> Vec<Vec<Edge>> {
    let all = edges(nodes);
    let joins: Vec<Join> = nodes.iter().map(|node| node.join).collect();
    (0..nodes.len()).map(|node| nearest(&all, &joins, node)).collect()
}

/// Everything that leads to each node.
pub(super) fn edges(nodes: &[Node]) -> Vec<Vec<Edge>> {
    let index = |name: &str| nodes.iter().position(|node| node.id == name);
    let mut all: Vec<Vec<Edge>> = nodes
        .iter()
        .map(|node| {
            let mut from: Vec<usize> = names(node).iter().filter_map(|name| index(name)).collect();
            from.sort_unstable();
            from.dedup();
            from.into_iter().map(|from| (from, Via::Flow)).collect()
        })
        .collect();
    for (from, node) in nodes.iter().enumerate() {
        let mut chosen: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        if let What::Route(_, cases) = &node.what {
            for (case, to) in cases {
                for to in to.iter().filter_map(|name| index(name)) {
                    chosen.entry(to).or_default().push(case.clone());
                }
            }
        }
        for (to, cases) in chosen {
            all[to].push((from, Via::Cases(cases)));
        }
        for (reaction, via) in [(&node.on_error, Via::Error), (&node.on_block, Via::Block)] {
            if let Some(Reaction::Run(to)) = reaction
                && let Some(to) = index(to)
            {
                all[to].push((from, via));
            }
        }
    }
    all
}

/// Every name that a node refers to, with those that its body refers to.
fn names(node: &Node) -> Vec<String> {
    let root = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = node.reads.iter().chain(&node.asks).chain(&node.needs).map(root).collect();
    names.extend(node.when.iter().map(|when| when.name.clone()));
    match &node.what {
        What::Route(by, _) => names.push(by.clone()),
        What::Map { list, .. } | What::Reduce { list, .. } => match list {
            List::Of(name) | List::Bad(name) => names.push(name.clone()),
            List::Count(_) => {}
        },
        What::Loop { until, .. } => names.push(until.name.clone()),
        What::Probe | What::Graph(..) => {}
    }
    if let Some(Body { nodes, output, .. }) = node.what.body() {
        names.extend(nodes.iter().flat_map(self::names));
        names.extend(output.iter().flatten().map(root));
    }
    names
}

/// The parents of one node: a dependency that another one implies is none.
pub(super) fn nearest(all: &[Vec<Edge>], joins: &[Join], node: usize) -> Vec<Edge> {
    let own = &all[node];
    let implied = |goal: usize| {
        let mut known = BTreeMap::new();
        let mut follows = |from: usize| follows(all, joins, from, goal, &mut known);
        let mut control = own.iter().filter(|(_, via)| *via != Via::Flow).peekable();
        let by_flow = own.iter().any(|(from, via)| *via == Via::Flow && *from != goal && follows(*from));
        by_flow || control.peek().is_some() && control.all(|(from, _)| follows(*from))
    };
    let keep = |(from, via): &&Edge| own.len() == 1 || *via != Via::Flow || !implied(*from);
    own.iter().filter(keep).cloned().collect()
}

/// Whether a node is sure to settle after `goal` has.
fn follows(all: &[Vec<Edge>], joins: &[Join], node: usize, goal: usize, known: &mut BTreeMap<usize, bool>) -> bool {
    if node == goal {
        return true;
    }
    if let Some(found) = known.get(&node) {
        return *found;
    }
    // A node that runs instead of another does not stand for it.
    if all[node].iter().any(|(from, via)| *from == goal && matches!(via, Via::Error | Via::Block)) {
        return false;
    }
    let mut after = |(from, _): &&Edge| follows(all, joins, *from, goal, known);
    let flow: Vec<&Edge> = all[node].iter().filter(|(_, via)| *via == Via::Flow).collect();
    let control: Vec<&Edge> = all[node].iter().filter(|(_, via)| *via != Via::Flow).collect();
    let by_flow = match joins[node] {
        Join::All | Join::Settle => flow.iter().any(&mut after),
        Join::Any | Join::Quorum(_) => !flow.is_empty() && flow.iter().all(&mut after),
        // The time may pass before any of them has settled.
        Join::Deadline(_) => false,
    };
    let found = by_flow || !control.is_empty() && control.iter().all(after);
    known.insert(node, found);
    found
}

/// Whether a node comes after another.
pub(super) fn depends(parents: &[Vec<Edge>], node: usize, on: usize) -> bool {
    node == on || parents[node].iter().any(|(from, _)| depends(parents, *from, on))
}
