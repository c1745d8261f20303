//! A tool that writes, and no person, policy or guard before it.

use super::{Findings, Place, Scene};
use crate::{
    capability::tool::EffectClass,
    diagnostic::{Code, Diagnostic},
    graph::{Edge, NodeDef, Reaction, Via},
};

/// What is known about a node: whether something that can say no stands before it, and a person whose answer nobody on
/// the way here has looked at.
#[derive(Clone, Copy, Default)]
struct Known {
    behind: bool,
    /// What comes after it is behind something that says no.
    stops: bool,
    may_be_inactive: bool,
    ignored: Option<Place>,
}

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    let mut known = vec![Known::default(); scene.places.len()];
    for place in &scene.order {
        known[*place] = at(scene, *place, &known);
        let node = scene.node(*place);
        if !known[*place].behind && writes(node) {
            out.node(*place, unguarded(scene, node, known[*place].ignored));
        }
    }
}

/// Whether a node changes something outside without asking anybody.
fn writes(node: &NodeDef) -> bool {
    node.noted.effect.is_some_and(EffectClass::is_write)
}

/// Whether a node can keep what comes after it from happening by itself.
fn is_gate(node: &NodeDef) -> bool {
    let goes_on = |reaction: &Reaction| matches!(reaction, Reaction::Skip | Reaction::Use(_));
    node.noted.gate && node.facts.answer.is_none() && !goes_on(&node.on_block)
}

fn at(scene: &Scene<'_>, place: Place, known: &[Known]) -> Known {
    let stand = &scene.places[place];
    let node = stand.node;
    let outside = stand.up.map(|up| known[up]).unwrap_or_default();
    // What runs because a gate blocked or nobody answered is not behind that gate.
    let after = |from: Place, via: &Via| match via {
        Via::Flow | Via::Ports(_) => known[from].stops,
        Via::Error | Via::Block => known[from].behind,
    };
    let (control, flow): (Vec<_>, Vec<_>) = stand.parents.iter().partition(|(_, edge)| edge.via.is_control());
    // One gate among all that must come before is enough; of several ways here, each needs its own.
    let all = |edges: &[(Place, &Edge)]| !edges.is_empty() && edges.iter().all(|(from, edge)| after(*from, &edge.via));
    let surely = flow.iter().any(|(from, edge)| after(*from, &edge.via) && !known[*from].may_be_inactive);
    let asked = asked(scene, place);
    let consulted = asked.iter().any(|(_, consults)| *consults == Consults::When);
    let behind = outside.behind || surely || all(&flow) || all(&control) || consulted;
    let parents = || stand.parents.iter().map(|(from, _)| *from);
    let ignored = parents().find_map(|from| {
        let person = scene.node(from).facts.answer.is_some();
        if person { Some(from) } else { known[from].ignored }
    });
    Known {
        behind,
        stops: behind || is_gate(node) || asked.iter().any(|(_, consults)| *consults == Consults::Input),
        may_be_inactive: !control.is_empty() || all_inactive(&flow, known),
        ignored: ignored.or(outside.ignored),
    }
}

fn all_inactive(flow: &[(Place, &Edge)], known: &[Known]) -> bool {
    !flow.is_empty() && flow.iter().all(|(from, _)| known[*from].may_be_inactive)
}

/// How a node looks at an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consults {
    /// It runs only if the answer is right.
    When,
    /// It computes something of it.
    Input,
}

/// People whose answer a node looks at, not only what they filled in.
fn asked(scene: &Scene<'_>, place: Place) -> Vec<(Place, Consults)> {
    let node = scene.node(place);
    let when = node.when.iter().flat_map(|when| when.references()).map(|reference| (reference, Consults::When));
    let inputs = node.inputs.iter().flat_map(|input| input.program.references());
    let inputs = inputs.map(|reference| (reference, Consults::Input));
    when.chain(inputs)
        .filter_map(|(reference, how)| {
            let from = scene.find(place, &reference.root)?;
            let answer = scene.node(from).facts.answer?;
            reference.path.first().is_none_or(|field| field == answer).then_some((from, how))
        })
        .collect()
}

fn unguarded(scene: &Scene<'_>, node: &NodeDef, ignored: Option<Place>) -> Diagnostic {
    let id = &node.id;
    let Some(person) = ignored.map(|place| scene.node(place)) else {
        let message = format!("`{id}` writes, and no guard and no person stands before it");
        let help = "put a `guard` or a `human` node before it, and refer to that one or name it in `needs`";
        return Diagnostic::new(Code::UNGUARDED_WRITE, node.at, message).help(help);
    };
    let answer = format!("{}.{}", person.id, person.facts.answer.unwrap_or_default());
    let message = format!("`{id}` writes whatever `{}` answers: nothing on the way looks at `{answer}`", person.id);
    let help = format!("add `when: {answer} == \"…\"` with the answer that allows it");
    Diagnostic::new(Code::UNGUARDED_WRITE, node.at, message).help(help).label(person.at, "this person is asked")
}
