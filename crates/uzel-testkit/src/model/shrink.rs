//! A smaller app in which the same goes wrong: nodes and keys are left out one by one as long as something still does.

use super::{App, Body, Join, List, Node, Reaction, What};

/// Tries before what is left is small enough.
const TRIES: usize = 2_000;

/// The smallest app that was found for which `fails` holds.
pub(super) fn smallest(app: &App, fails: impl Fn(&App) -> bool) -> App {
    let (mut best, mut tries) = (app.clone(), 0);
    'smaller: loop {
        for change in 0.. {
            let mut candidate = best.clone();
            let mut left = change;
            if candidate.output.is_some() && left == 0 {
                candidate.output = None;
            } else {
                left -= usize::from(candidate.output.is_some());
                if !lessen(&mut candidate.nodes, &mut left) {
                    return best;
                }
            }
            tries += 1;
            if tries > TRIES {
                return best;
            }
            if fails(&candidate) {
                best = candidate;
                continue 'smaller;
            }
        }
    }
}

/// Makes the change of this number; `false` when there are no more.
fn lessen(nodes: &mut Vec<Node>, change: &mut usize) -> bool {
    if nodes.len() > 1 {
        if *change < nodes.len() {
            let gone = nodes.remove(*change).id;
            for node in nodes {
                forget(node, &gone);
            }
            return true;
        }
        *change -= nodes.len();
    }
    nodes.iter_mut().any(|node| lessen_node(node, change))
}

/// Whether a key is there, and how it is left out.
type Change = (bool, fn(&mut Node));

fn lessen_node(node: &mut Node, change: &mut usize) -> bool {
    let changes: [Change; 8] = [
        (!matches!(node.what, What::Probe), |node| node.what = What::Probe),
        (node.when.is_some(), |node| node.when = None),
        (node.join != Join::All, |node| node.join = Join::All),
        (node.on_error.is_some(), |node| node.on_error = None),
        (node.on_block.is_some(), |node| node.on_block = None),
        (!node.reads.is_empty(), |node| drop(node.reads.pop())),
        (!node.asks.is_empty(), |node| drop(node.asks.pop())),
        (!node.needs.is_empty(), |node| drop(node.needs.pop())),
    ];
    for (applies, make) in changes {
        if applies {
            if *change == 0 {
                make(node);
                return true;
            }
            *change -= 1;
        }
    }
    match &mut node.what {
        What::Graph(_, app) => lessen(&mut app.nodes, change),
        What::Map { body, .. } | What::Reduce { body, .. } | What::Loop { body, .. } => {
            if body.output.is_some() {
                if *change == 0 {
                    body.output = None;
                    return true;
                }
                *change -= 1;
            }
            lessen(&mut body.nodes, change)
        }
        What::Probe | What::Route(..) => false,
    }
}

/// Leaves out what refers to a node that is gone. What cannot do without it is refused by `check`, and not taken.
fn forget(node: &mut Node, gone: &str) {
    for names in [&mut node.reads, &mut node.asks, &mut node.needs] {
        names.retain(|name| name != gone);
    }
    node.when.take_if(|when| when.name == gone);
    for reaction in [&mut node.on_error, &mut node.on_block] {
        if matches!(reaction, Some(Reaction::Run(name)) if name == gone) {
            *reaction = None;
        }
    }
    match &mut node.what {
        What::Route(_, cases) => cases.iter_mut().for_each(|(_, names)| names.retain(|name| name != gone)),
        What::Map { list, .. } | What::Reduce { list, .. } => {
            if matches!(list, List::Of(name) | List::Bad(name) if name == gone) {
                *list = List::Count(2);
            }
        }
        What::Probe | What::Loop { .. } | What::Graph(..) => {}
    }
    if let What::Map { body, .. } | What::Reduce { body, .. } | What::Loop { body, .. } = &mut node.what {
        let Body { nodes, output, .. } = body;
        for node in nodes {
            forget(node, gone);
        }
        if let Some(names) = output {
            names.retain(|name| name != gone);
        }
    }
}
