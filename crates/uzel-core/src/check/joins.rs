//! `join`: read, held against the node's parents, and what it means for the failures of those.

use super::{edges::LinkedNode, nodes::DraftReaction};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    duration::DurationText,
    graph::{Join, Reaction},
    yaml::{self, Data, Tree},
};

/// What is written; `all` when that cannot be read, which is reported.
pub(super) fn read(tree: Option<&Tree>, out: &mut Diagnostics) -> Join {
    const HELP: &str = "write `all`, `any`, `settle`, `{ quorum: 2 }` or `{ deadline: 5s }`";
    let Some(tree) = tree.filter(|tree| !tree.is_null()) else { return Join::All };
    let found = match &tree.data {
        Data::Text(text) => match text.as_str() {
            "all" => Some(Join::All),
            "any" => Some(Join::Any),
            "settle" => Some(Join::Settle),
            _ => None,
        },
        Data::Map(entries) => match entries.as_slice() {
            [entry] if entry.key.as_str() == "quorum" => match entry.value.to_json().as_u64() {
                Some(n) if n > 0 => Some(Join::Quorum(usize::try_from(n).unwrap_or(usize::MAX))),
                _ => {
                    let message = "a quorum is the number of parents that must say go, at least 1";
                    out.push(Diagnostic::new(Code::BAD_LIMIT, entry.value.span, message).help(HELP));
                    return Join::All;
                }
            },
            [entry] if entry.key.as_str() == "deadline" => {
                let Some(time) = yaml::from_tree::<DurationText>(&entry.value, out) else { return Join::All };
                if time.0.is_zero() {
                    let message = "a deadline of no time would never let the node start";
                    out.push(Diagnostic::new(Code::BAD_LIMIT, entry.value.span, message).help(HELP));
                }
                Some(Join::Deadline(time.0))
            }
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or_else(|| {
        let message = match tree.as_str() {
            Some(word) => format!("`join` cannot be `{word}`"),
            None => "`join` cannot be read".to_owned(),
        };
        let near = tree.as_str().and_then(|word| did_you_mean(word, ["all", "any", "settle"]));
        let help = near.unwrap_or_else(|| HELP.to_owned());
        out.push(Diagnostic::new(Code::UNKNOWN_VALUE, tree.span, message).help(help));
        Join::All
    })
}

/// Reports joins that have nothing to join or can never be satisfied, and finds the failures that are handed on.
pub(super) fn settle(nodes: &mut [LinkedNode], out: &mut Diagnostics) {
    let mut behind: Vec<Option<bool>> = vec![None; nodes.len()];
    for node in nodes.iter() {
        let flow = node.parents.iter().filter(|edge| !edge.via.is_control());
        let count = flow.count();
        if let Some(at) = node.draft.join_at.filter(|_| node.draft.join != Join::All) {
            if count == 0 {
                let message = format!("`{}` has a `join`, and no parent that it could wait for", node.draft.id);
                let help = "refer to the nodes that it joins, or name them in `needs`";
                out.push(Diagnostic::new(Code::JOIN_UNSATISFIABLE, at, message).help(help));
            } else if let Join::Quorum(n) = node.draft.join
                && n > count
            {
                let names: Vec<String> =
                    node.parents.iter().map(|edge| format!("`{}`", nodes[edge.from].draft.id)).collect();
                let message = format!("a quorum of {n} can never be reached: the parents are {}", names.join(", "));
                let help = "only nearest dependencies count: one that another depends on is no parent";
                out.push(Diagnostic::new(Code::JOIN_UNSATISFIABLE, at, message).help(help));
            }
        }
        for edge in &node.parents {
            let takes = !edge.via.is_control() && node.draft.join != Join::All;
            let all = behind[edge.from].get_or_insert(true);
            *all &= takes;
        }
    }
    for (node, taken) in nodes.iter_mut().zip(behind) {
        if taken == Some(true) {
            let unset = |draft: &DraftReaction| matches!(draft, DraftReaction::Unset);
            if unset(&node.draft.on_error) {
                node.on_error = Reaction::HandOn;
            }
            if unset(&node.draft.on_block) {
                node.on_block = Reaction::HandOn;
            }
        }
    }
}
