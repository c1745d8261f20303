//! How likely each of some nodes that stand beside each other is to run: each way of a route as likely as the others,
//! each condition as likely as not, and nothing fails.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;

use crate::graph::{NodeDef, NodeIdx, Via};

/// The chance of each node, by index.
pub(super) fn of(nodes: &IndexMap<String, Arc<NodeDef>>) -> Vec<f64> {
    let mut ways: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); nodes.len()];
    for edge in nodes.values().flat_map(|node| &node.parents) {
        if let (Via::Ports(ports), Some(known)) = (&edge.via, ways.get_mut(edge.from)) {
            known.extend(ports.iter().map(String::as_str));
        }
    }
    let mut known = vec![None; nodes.len()];
    (0..nodes.len()).map(|node| chance(node, nodes, &ways, &mut known)).collect()
}

fn chance(
    node: NodeIdx,
    nodes: &IndexMap<String, Arc<NodeDef>>,
    ways: &[BTreeSet<&str>],
    known: &mut Vec<Option<f64>>,
) -> f64 {
    if let Some(chance) = known.get(node).copied().flatten() {
        return chance;
    }
    let Some((_, def)) = nodes.get_index(node) else { return 0.0 };
    // A node that leads to itself would have been refused; this ends anyway.
    if let Some(place) = known.get_mut(node) {
        *place = Some(0.0);
    }
    let (mut chosen, mut follows) = (0.0, None::<f64>);
    for edge in &def.parents {
        let from = chance(edge.from, nodes, ways, known);
        match &edge.via {
            Via::Flow => follows = Some(follows.map_or(from, |other| other.max(from))),
            Via::Ports(ports) => {
                let all = ways.get(edge.from).map_or(1, BTreeSet::len).max(1);
                chosen += from * ports.len() as f64 / all as f64;
            }
            Via::Error | Via::Block => {}
        }
    }
    let runs = if def.gated { chosen.min(1.0) } else { follows.unwrap_or(1.0) };
    let runs = if def.when.is_some() { runs / 2.0 } else { runs };
    if let Some(place) = known.get_mut(node) {
        *place = Some(runs);
    }
    runs
}
