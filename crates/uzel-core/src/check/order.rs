//! Order of nodes: parents first, cycles found, and each node's nearest dependencies.

use std::collections::BTreeMap;

use crate::{
    graph::{Edge, Join, NodeIdx, Via},
    source::Span,
};

/// An order in which every node comes after all that its edges come from, otherwise in document order.
/// A cycle is given to `report` as nodes with the place that makes each wait for the one before it.
pub(super) fn topological(edges: &[Vec<Edge>], report: impl FnOnce(&[(NodeIdx, Span)])) -> Option<Vec<NodeIdx>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    for root in 0..edges.len() {
        // An explicit stack: chains of 100,000 nodes must not overflow ours.
        let mut stack: Vec<(NodeIdx, usize)> = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if marks[node] == Mark::Done {
                    continue;
                }
                marks[node] = Mark::Open;
            }
            let Some(edge) = edges[node].get(next) else {
                marks[node] = Mark::Done;
                order.push(node);
                continue;
            };
            stack.push((node, next + 1));
            match marks[edge.from] {
                Mark::Done => {}
                Mark::New => stack.push((edge.from, 0)),
                Mark::Open => {
                    report(&cycle(edges, &stack, edge.from));
                    return None;
                }
            }
        }
    }
    Some(order)
}

/// The part of the stack from `start` on: each node with the edge that leads on.
fn cycle(edges: &[Vec<Edge>], stack: &[(NodeIdx, usize)], start: NodeIdx) -> Vec<(NodeIdx, Span)> {
    let from = stack.iter().position(|(node, _)| *node == start).unwrap_or(0);
    let part = stack.iter().skip(from);
    part.filter_map(|(node, next)| edges[*node].get(next.checked_sub(1)?).map(|edge| (*node, edge.at))).collect()
}

/// Each node's edges without those flow edges that another edge implies: if `d` is sure to have settled whenever `e` has,
/// and a node depends on both, only `e` is a parent. A node that runs instead of `d` (on its error or block) does not
/// stand for `d`: who depends on both goes on with either.
///
/// A node that may start before all its parents have settled is sure to settle after `d` only if each of them is, and one
/// with a deadline never: the time may pass before any of them has.
pub(super) fn nearest(edges: &[Vec<Edge>], joins: &[Join], order: &[NodeIdx]) -> Vec<Vec<Edge>> {
    let mut rank = vec![0; edges.len()];
    for (position, node) in order.iter().enumerate() {
        rank[*node] = position;
    }
    edges
        .iter()
        .map(|own| {
            let implied = |d: NodeIdx| {
                let mut sure = Sure { edges, joins, rank: &rank, goal: d, known: BTreeMap::new() };
                let by_flow = own.iter().any(|e| !e.via.is_control() && e.from != d && sure.follows(e.from));
                let mut control = own.iter().filter(|e| e.via.is_control()).peekable();
                by_flow || control.peek().is_some() && control.all(|e| sure.follows(e.from))
            };
            // A node with one edge, or with many from the start, has nothing to leave out.
            let keep = |edge: &&Edge| own.len() == 1 || edge.via.is_control() || !implied(edge.from);
            own.iter().filter(keep).cloned().collect()
        })
        .collect()
}

/// Whether a node is sure to settle after `goal`.
struct Sure<'a> {
    edges: &'a [Vec<Edge>],
    joins: &'a [Join],
    rank: &'a [usize],
    goal: NodeIdx,
    known: BTreeMap<NodeIdx, bool>,
}

impl Sure<'_> {
    fn follows(&mut self, start: NodeIdx) -> bool {
        // Post-order with an explicit stack; a node is looked at twice: before and after what it depends on.
        let mut stack = vec![(start, false)];
        while let Some((node, seen)) = stack.pop() {
            if self.known.contains_key(&node) {
                continue;
            }
            if node == self.goal || self.rank[node] <= self.rank[self.goal] {
                self.known.insert(node, node == self.goal);
            } else if !seen {
                stack.push((node, true));
                stack.extend(self.edges[node].iter().map(|edge| (edge.from, false)));
            } else {
                let known = |edge: &Edge| self.known.get(&edge.from).copied().unwrap_or(false);
                let mut flow = self.edges[node].iter().filter(|edge| !edge.via.is_control()).peekable();
                let by_flow = match self.joins[node] {
                    Join::All | Join::Settle => flow.any(known),
                    Join::Any | Join::Quorum(_) => flow.peek().is_some() && flow.all(known),
                    Join::Deadline(_) => false,
                };
                let mut control = self.edges[node].iter().filter(|edge| edge.via.is_control()).peekable();
                let instead = |edge: &Edge| edge.from == self.goal && matches!(edge.via, Via::Error | Via::Block);
                let sure = !self.edges[node].iter().any(instead)
                    && (by_flow || control.peek().is_some() && control.all(known));
                self.known.insert(node, sure);
            }
        }
        self.known.get(&start).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    /// `edges("b:a c:a,b")`: b after a, c after both; `d:a!x` is chosen by way x of a, `d:a!error` by its failure.
    fn edges(text: &str) -> Vec<Vec<Edge>> {
        let span = Span::new(SourceId(0), 0..0);
        let id = |name: &str| (name.as_bytes()[0] - b'a') as usize;
        let count = text.chars().filter(char::is_ascii_lowercase).map(|c| c as usize - 'a' as usize + 1).max();
        let mut all = vec![Vec::new(); count.unwrap_or(0)];
        for part in text.split_whitespace() {
            let (to, from) = part.split_once(':').expect("to:from");
            for from in from.split(',') {
                let (from, way) = from.split_once('!').map_or((from, None), |(f, w)| (f, Some(w)));
                let via = match way {
                    None => Via::Flow,
                    Some("error") => Via::Error,
                    Some(way) => Via::Ports(vec![way.to_owned()]),
                };
                all[id(to)].push(Edge { from: id(from), via, at: span });
            }
        }
        all
    }

    fn near(text: &str) -> String {
        let all = edges(text);
        let order = topological(&all, |_| panic!("a cycle")).expect("an order");
        let name = |idx: usize| (b'a' + idx as u8) as char;
        let show = |(idx, edges): (usize, &Vec<Edge>)| {
            let from: Vec<String> = edges.iter().map(|edge| name(edge.from).to_string()).collect();
            (!from.is_empty()).then(|| format!("{}:{}", name(idx), from.join(",")))
        };
        nearest(&all, &vec![Join::All; all.len()], &order)
            .iter()
            .enumerate()
            .filter_map(show)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn only_nearest_dependencies_are_parents() {
        assert_eq!(near("b:a c:a,b"), "b:a c:b");
        assert_eq!(near("b:a c:a d:b,c"), "b:a c:a d:b,c");
        assert_eq!(near("b:a c:b d:a,b,c"), "b:a c:b d:c");
        // c is chosen by b, which follows a: a is implied.
        assert_eq!(near("b:a c:b!x,a"), "b:a c:b");
        // d is chosen by b or by c; only c follows a, so a is not implied.
        assert_eq!(near("c:a d:b!x,c!y,a"), "c:a d:b,c,a");
        // c runs instead of b; d takes what either gives.
        assert_eq!(near("b:a c:b!error d:b,c,a"), "b:a c:b d:b,c");
    }

    #[test]
    fn a_cycle_is_reported_in_order() {
        let mut seen = vec![];
        assert!(topological(&edges("a:c b:a c:b"), |cycle| seen = cycle.iter().map(|(n, _)| *n).collect()).is_none());
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn long_chains_do_not_overflow() {
        let span = Span::new(SourceId(0), 0..0);
        let edge = |from| Edge { from, via: Via::Flow, at: span };
        let chain: Vec<Vec<Edge>> =
            (0..100_000usize).map(|i| if i == 0 { vec![] } else { vec![edge(i - 1)] }).collect();
        let order = topological(&chain, |_| panic!("a cycle")).expect("an order");
        assert_eq!(nearest(&chain, &vec![Join::All; chain.len()], &order)[99_999].len(), 1);
    }
}
