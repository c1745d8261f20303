//! Which values cannot be null where a node runs: what surely ran before it, and which ways routes must have taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::edges::LinkedNode;
use crate::graph::{Edge, Join, NodeIdx, Reaction, Via};

/// What may happen to a node instead of running.
#[derive(Clone, Copy, Default)]
pub(super) struct Fate {
    /// It may be inactive.
    pub(super) may_be_inactive: bool,
    /// Its output may be null.
    pub(super) may_be_null: bool,
}

/// Ways that routes may have taken where a node runs; a route that is not named may have taken any.
type Ways = BTreeMap<NodeIdx, BTreeSet<String>>;

/// What is known about the nodes that have been looked at, parents first.
pub(super) struct Presence<'n> {
    nodes: &'n [LinkedNode],
    fates: Vec<Fate>,
    /// Nodes that may be inactive and have surely run where a node runs. Shared along chains.
    sure: Vec<Rc<BTreeSet<NodeIdx>>>,
    ways: Vec<Rc<Ways>>,
    /// Nodes that may be cancelled because another was first.
    may_lose: Vec<bool>,
}

impl<'n> Presence<'n> {
    /// Knows what there is to know about all nodes.
    pub(super) fn of(nodes: &'n [LinkedNode], order: &[NodeIdx]) -> Self {
        let mut known = Self {
            nodes,
            fates: vec![Fate::default(); nodes.len()],
            sure: vec![Rc::default(); nodes.len()],
            ways: vec![Rc::default(); nodes.len()],
            may_lose: vec![false; nodes.len()],
        };
        for edge in nodes.iter().filter(|node| node.draft.join.is_early()).flat_map(|node| &node.parents) {
            known.may_lose[edge.from] |= !edge.via.is_control();
        }
        for idx in order {
            known.fates[*idx] = known.fate(*idx);
            known.sure[*idx] = known.surely_before(*idx);
            known.ways[*idx] = known.ways_to(*idx);
        }
        known
    }

    /// Whether a node's output may be null.
    pub(super) fn may_be_null(&self, idx: NodeIdx) -> bool {
        self.fates[idx].may_be_null
    }

    /// Of `wanted`, the nodes whose output is not null where `idx` runs. `told` are nodes that its condition says have
    /// run.
    pub(super) fn present(&self, idx: NodeIdx, told: &[NodeIdx], wanted: &BTreeSet<NodeIdx>) -> Vec<NodeIdx> {
        let mut ways = Ways::clone(&self.ways[idx]);
        for node in told {
            narrow(&mut ways, &self.ways[*node]);
        }
        let sure = |q: &NodeIdx| {
            std::iter::once(&idx).chain(told).any(|node| self.sure[*node].contains(q)) || self.surely(*q, &ways)
        };
        wanted.iter().copied().filter(sure).collect()
    }

    fn fate(&self, idx: NodeIdx) -> Fate {
        let node = &self.nodes[idx];
        let (control, flow) = split(node);
        let dead = |edge: &&Edge| {
            let from = &self.nodes[edge.from];
            let diverts = matches!(from.on_error, Reaction::Run(_)) || matches!(from.on_block, Reaction::Run(_));
            self.fates[edge.from].may_be_inactive || diverts
        };
        let gate = !control.is_empty() && !control.iter().any(|edge| self.always_taken(edge));
        // A quorum can fall short as soon as one parent is inactive.
        let leads_nowhere = control.is_empty()
            && match node.draft.join {
                Join::Quorum(_) => flow.iter().any(dead),
                _ => !flow.is_empty() && flow.iter().all(dead),
            };
        let may_be_inactive = gate || leads_nowhere || self.may_be_barred(idx);
        let may_be_null = may_be_inactive || can_be_null_otherwise(node) || self.may_lose[idx];
        Fate { may_be_inactive, may_be_null }
    }

    /// Whether another node may run instead of one that this one depends on.
    fn may_be_barred(&self, idx: NodeIdx) -> bool {
        let (_, flow) = split(&self.nodes[idx]);
        flow.iter().any(|edge| {
            let from = &self.nodes[edge.from];
            let mut reactions = [&from.on_error, &from.on_block].into_iter();
            reactions.any(|reaction| matches!(reaction, Reaction::Run(instead) if !self.depends(idx, *instead)))
        })
    }

    /// Whether `node` is `on`, or comes after it.
    fn depends(&self, node: NodeIdx, on: NodeIdx) -> bool {
        let (mut seen, mut next) = (BTreeSet::from([node]), vec![node]);
        while let Some(idx) = next.pop() {
            if idx == on {
                return true;
            }
            next.extend(self.nodes[idx].parents.iter().map(|edge| edge.from).filter(|from| seen.insert(*from)));
        }
        false
    }

    /// Whether a route takes this edge whatever it chooses.
    fn always_taken(&self, edge: &Edge) -> bool {
        let Via::Ports(ports) = &edge.via else { return false };
        let ways = &self.nodes[edge.from].draft.ways;
        ways.iter().all(|(way, _)| ports.contains(way)) && !self.fates[edge.from].may_be_null
    }

    /// A node behind one other runs only if that one did; behind several, those that cannot be inactive have run.
    fn surely_before(&self, idx: NodeIdx) -> Rc<BTreeSet<NodeIdx>> {
        if self.nodes[idx].draft.join != Join::All {
            return Rc::default();
        }
        let (control, flow) = split(&self.nodes[idx]);
        let behind: Vec<NodeIdx> = match (control.as_slice(), flow.as_slice()) {
            ([one], _) if matches!(one.via, Via::Ports(_)) => vec![one.from],
            ([], [one]) => vec![one.from],
            ([], several) => several.iter().map(|e| e.from).filter(|p| !self.fates[*p].may_be_inactive).collect(),
            _ => vec![],
        };
        let adds = |from: NodeIdx| {
            self.fates[from].may_be_null && !self.may_lose[from] && !can_be_null_otherwise(&self.nodes[from])
        };
        if let [one] = behind.as_slice()
            && !adds(*one)
        {
            return Rc::clone(&self.sure[*one]);
        }
        let mut all = BTreeSet::new();
        for from in behind {
            all.extend(self.sure[from].iter().copied());
            if adds(from) {
                all.insert(from);
            }
        }
        Rc::new(all)
    }

    fn ways_to(&self, idx: NodeIdx) -> Rc<Ways> {
        if self.nodes[idx].draft.join != Join::All {
            return Rc::default();
        }
        let (control, flow) = split(&self.nodes[idx]);
        let (certain, uncertain): (Vec<&Edge>, Vec<&Edge>) =
            flow.into_iter().partition(|edge| !self.fates[edge.from].may_be_inactive);
        if let ([], [one]) = (control.as_slice(), certain.as_slice()) {
            return Rc::clone(&self.ways[one.from]);
        }
        if let ([], [], [one]) = (control.as_slice(), certain.as_slice(), uncertain.as_slice()) {
            return Rc::clone(&self.ways[one.from]);
        }
        let mut all = Ways::new();
        for edge in &certain {
            narrow(&mut all, &self.ways[edge.from]);
        }
        let choices: Vec<Ways> = if control.is_empty() {
            let behind = if certain.is_empty() { uncertain } else { vec![] };
            behind.iter().map(|edge| Ways::clone(&self.ways[edge.from])).collect()
        } else {
            control.iter().map(|edge| self.ways_by(edge)).collect()
        };
        if let Some(either) = choices.into_iter().reduce(either) {
            narrow(&mut all, &either);
        }
        Rc::new(all)
    }

    /// What is known when this edge was taken.
    fn ways_by(&self, edge: &Edge) -> Ways {
        let mut ways = Ways::clone(&self.ways[edge.from]);
        if let Via::Ports(ports) = &edge.via {
            narrow(&mut ways, &Ways::from([(edge.from, ports.iter().cloned().collect())]));
        }
        ways
    }

    /// Whether a node has run and given a value if routes took these ways.
    fn surely(&self, idx: NodeIdx, ways: &Ways) -> bool {
        !self.fates[idx].may_be_null
            || !self.may_lose[idx] && !can_be_null_otherwise(&self.nodes[idx]) && self.goes(idx, ways, 8)
    }

    /// Whether a node is not inactive if routes took these ways; looks at most `depth` nodes back.
    fn goes(&self, idx: NodeIdx, ways: &Ways, depth: usize) -> bool {
        if !self.fates[idx].may_be_inactive {
            return true;
        }
        let chosen = |edge: &&Edge| match &edge.via {
            Via::Ports(ports) => ways.get(&edge.from).is_some_and(|taken| taken.iter().all(|way| ports.contains(way))),
            _ => false,
        };
        let (control, flow) = split(&self.nodes[idx]);
        if self.may_be_barred(idx) {
            return false;
        }
        if !control.is_empty() {
            return control.iter().any(chosen);
        }
        if self.nodes[idx].draft.join != Join::All {
            return false;
        }
        let on = |edge: &&Edge| {
            let from = &self.nodes[edge.from];
            let diverts = matches!(from.on_error, Reaction::Run(_)) || matches!(from.on_block, Reaction::Run(_));
            !diverts && self.goes(edge.from, ways, depth - 1)
        };
        depth > 0 && flow.iter().any(on)
    }
}

fn split(node: &LinkedNode) -> (Vec<&Edge>, Vec<&Edge>) {
    node.parents.iter().partition(|edge| edge.via.is_control())
}

/// Whether a node's output may be null although the node was not inactive.
fn can_be_null_otherwise(node: &LinkedNode) -> bool {
    let reacts = |reaction: &Reaction| matches!(reaction, Reaction::Skip | Reaction::Run(_) | Reaction::HandOn);
    node.draft.when.is_some() || reacts(&node.on_error) || reacts(&node.on_block)
}

/// Both are known.
fn narrow(ways: &mut Ways, more: &Ways) {
    for (route, taken) in more {
        match ways.get_mut(route) {
            Some(known) => known.retain(|way| taken.contains(way)),
            None => {
                ways.insert(*route, taken.clone());
            }
        }
    }
}

/// One of the two is known.
fn either(mut a: Ways, b: Ways) -> Ways {
    a.retain(|route, taken| match b.get(route) {
        Some(other) => {
            taken.extend(other.iter().cloned());
            true
        }
        None => false,
    });
    a
}
