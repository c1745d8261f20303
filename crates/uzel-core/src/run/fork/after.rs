//! Which node instances come after another, through bodies and other apps: what must be done again when that one is.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;

use crate::graph::{Graph, NodeDef, Shape};

/// Whether the node itself counts as after itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It does, with all that is below it.
    With,
    /// It does not.
    Without,
}

/// Whether `instance` is after `point`: it depends on it, or is part of a later round or batch of the same node.
pub fn is_after(graph: &Graph, point: &str, instance: &str, after: After) -> bool {
    compare(&graph.nodes, point, instance, after)
}

/// The openings that a path begins with after its first name: `[17]` of `notes[17].summarise`, and what follows it.
fn opening(rest: &str) -> (Option<&str>, &str) {
    match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((number, rest)) => (Some(number), rest),
        None => (None, rest),
    }
}

fn head(path: &str) -> (&str, &str) {
    path.split_at(path.find(['.', '[']).unwrap_or(path.len()))
}

fn compare(nodes: &IndexMap<String, Arc<NodeDef>>, point: &str, instance: &str, after: After) -> bool {
    let ((p, p_rest), (i, i_rest)) = (head(point), head(instance));
    if p != i {
        return depends(nodes, i, p);
    }
    let Some(node) = nodes.get(p) else { return after == After::With };
    below(node, p_rest, i_rest, after)
}

/// The same node: what of it, or below it, comes after.
fn below(node: &NodeDef, point: &str, instance: &str, after: After) -> bool {
    if point.is_empty() {
        return after == After::With;
    }
    // What a node gives follows from what is below it.
    let (Some(plan), false) = (&node.plan, instance.is_empty()) else { return true };
    let ((p, p_rest), (i, i_rest)) = (opening(point), opening(instance));
    match (p, i) {
        (Some(p), Some(i)) if p != i => match plan.shape {
            Shape::Map { .. } | Shape::Graph => false,
            Shape::Loop { .. } | Shape::Reduce { .. } => round(i) > round(p),
        },
        _ if p_rest.is_empty() && !plan.inner.is_single() => after == After::With,
        _ if plan.inner.is_single() => match plan.inner.nodes().first() {
            Some((_, only)) => below(only, p_rest, i_rest, after),
            None => after == After::With,
        },
        _ => compare(
            plan.inner.nodes(),
            p_rest.strip_prefix('.').unwrap_or(p_rest),
            i_rest.strip_prefix('.').unwrap_or(i_rest),
            after,
        ),
    }
}

/// The round of a loop, or the level of a reduce: `2`, or 2 of `2:7`.
fn round(opening: &str) -> Option<u64> {
    opening.split(':').next()?.parse().ok()
}

/// Whether a node comes after another of the same level.
fn depends(nodes: &IndexMap<String, Arc<NodeDef>>, node: &str, on: &str) -> bool {
    let (Some(node), Some(on)) = (nodes.get_index_of(node), nodes.get_index_of(on)) else { return false };
    let (mut seen, mut next) = (BTreeSet::from([on]), vec![on]);
    while let Some(idx) = next.pop() {
        let children = nodes.get_index(idx).map_or(&[][..], |(_, def)| def.children.as_slice());
        for (child, _) in children {
            if *child == node {
                return true;
            }
            if seen.insert(*child) {
                next.push(*child);
            }
        }
    }
    false
}
