//! Order of nodes: parents first, cycles found, and each node's nearest dependencies.

use std::collections::BTreeSet;

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
    let implied = Asked::of(edges, order).implied(edges, joins, order);
    let keep = |to: NodeIdx, edge: &&Edge| edge.via.is_control() || !implied.contains(&(to, edge.from));
    edges.iter().enumerate().map(|(to, own)| own.iter().filter(|edge| keep(to, edge)).cloned().collect()).collect()
}

/// Nodes that others depend on besides something else: whether they are implied has to be found out.
struct Asked {
    rank: Vec<usize>,
    /// The place in the order of a node that is depended on, and who depends on it; sorted.
    pairs: Vec<(usize, NodeIdx)>,
}

impl Asked {
    fn of(edges: &[Vec<Edge>], order: &[NodeIdx]) -> Self {
        let mut rank = vec![0; edges.len()];
        for (position, node) in order.iter().enumerate() {
            rank[*node] = position;
        }
        // A node with one edge has nothing to leave out.
        let several = edges.iter().enumerate().filter(|(_, own)| own.len() > 1);
        let flow = several.flat_map(|(to, own)| own.iter().filter(|e| !e.via.is_control()).map(move |e| (to, e.from)));
        let mut pairs: Vec<(usize, NodeIdx)> = flow.map(|(to, from)| (rank[from], to)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        Self { rank, pairs }
    }

    /// Who depends on what without need. Up to 64 goals are followed at once, each with a bit of its own: in large apps
    /// following them one by one would take the square of the number of nodes.
    fn implied(&self, edges: &[Vec<Edge>], joins: &[Join], order: &[NodeIdx]) -> BTreeSet<(NodeIdx, NodeIdx)> {
        let mut implied = BTreeSet::new();
        // For each place in the order: after which goals its node is sure to have settled.
        let mut sure = vec![0u64; order.len()];
        let mut left = self.pairs.as_slice();
        while let [(first, _), ..] = left {
            let mut goals: Vec<usize> = vec![];
            let taken = left.iter().take_while(|(goal, _)| {
                if goals.last() != Some(goal) {
                    goals.push(*goal);
                }
                goals.len() <= 64
            });
            let (now, later) = left.split_at(taken.count());
            left = later;
            goals.truncate(64);
            let last = now.iter().map(|(_, to)| self.rank[*to]).max().unwrap_or(*first);
            let before = *first;
            sure[before..=last].fill(0);
            let seen = |sure: &[u64], from: NodeIdx| if self.rank[from] < before { 0 } else { sure[self.rank[from]] };
            let mut next = 0;
            for at in before..=last {
                let node = order[at];
                let settled = self.settled(&edges[node], joins[node], &goals, |from| seen(&sure, from));
                let own = goals.get(next).is_some_and(|goal| *goal == at);
                sure[at] = settled | if own { 1 << next } else { 0 };
                next += usize::from(own);
            }
            for (goal, to) in now {
                let (from, bit) = (order[*goal], goals.partition_point(|known| known < goal));
                let follows = |edge: &Edge| seen(&sure, edge.from) >> bit & 1 == 1;
                let own = &edges[*to];
                let by_flow = own.iter().any(|edge| !edge.via.is_control() && edge.from != from && follows(edge));
                let mut control = own.iter().filter(|edge| edge.via.is_control()).peekable();
                if by_flow || control.peek().is_some() && control.all(follows) {
                    implied.insert((*to, from));
                }
            }
        }
        implied
    }

    /// The goals after which a node with these edges is sure to settle.
    fn settled(&self, edges: &[Edge], join: Join, goals: &[usize], sure: impl Fn(NodeIdx) -> u64) -> u64 {
        let (mut any, mut all, mut chosen, mut instead) = (0, None::<u64>, None::<u64>, 0);
        for edge in edges {
            let from = sure(edge.from);
            let which = if edge.via.is_control() { &mut chosen } else { &mut all };
            *which = Some(which.map_or(from, |known| known & from));
            if !edge.via.is_control() {
                any |= from;
            }
            if matches!(edge.via, Via::Error | Via::Block)
                && let Ok(goal) = goals.binary_search(&self.rank[edge.from])
            {
                instead |= 1 << goal;
            }
        }
        let by_flow = match join {
            Join::All | Join::Settle => any,
            Join::Any | Join::Quorum(_) => all.unwrap_or(0),
            Join::Deadline(_) => 0,
        };
        (by_flow | chosen.unwrap_or(0)) & !instead
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
    fn more_goals_than_fit_one_group() {
        let span = Span::new(SourceId(0), 0..0);
        let edge = |from| Edge { from, via: Via::Flow, at: span };
        // Two chains side by side, the even nodes and the odd ones. Some nodes also name one in the middle of their chain,
        // which is implied; the last of all names the ends of both, and neither implies the other.
        let own = |i: usize| match i {
            0 | 1 => vec![],
            _ if i + 1 == 600 => vec![edge(i - 2), edge(i - 1), edge(i / 2)],
            _ if i % 50 < 2 => vec![edge(i - 2), edge(i / 4 * 2 + i % 2)],
            _ => vec![edge(i - 2)],
        };
        let all: Vec<Vec<Edge>> = (0..600).map(own).collect();
        let order = topological(&all, |_| panic!("a cycle")).expect("an order");
        let near = nearest(&all, &vec![Join::All; all.len()], &order);
        for (i, edges) in near.iter().enumerate() {
            let from: Vec<usize> = edges.iter().map(|edge| edge.from).collect();
            let wanted = match i {
                0 | 1 => vec![],
                599 => vec![597, 598],
                _ => vec![i - 2],
            };
            assert_eq!(from, wanted, "{i}");
        }
        // Every node after all before it: as many goals as nodes, and each but the nearest is implied.
        let all: Vec<Vec<Edge>> = (0..300usize).map(|i| (0..i).map(edge).collect()).collect();
        let order = topological(&all, |_| panic!("a cycle")).expect("an order");
        let near = nearest(&all, &vec![Join::All; all.len()], &order);
        assert!(
            near.iter().enumerate().skip(1).all(|(i, edges)| matches!(edges.as_slice(), [one] if one.from == i - 1))
        );
        // Where nodes start with any of their parents, nothing is sure but what all of them follow.
        let near = nearest(&all, &vec![Join::Any; all.len()], &order);
        assert!(near[299].len() > 1);
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
