//! A tool that writes, and no person, policy or guard before it.

use super::{About, Findings, Place, Scene};
use crate::{
    capability::tool::EffectClass,
    check::taint::Labels,
    diagnostic::{Code, Diagnostic},
    expr::Expression,
    graph::{Edge, Inner, Join, NodeDef, Reaction, Shape, Via},
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
    let known = all_known(scene);
    for (place, stand) in scene.places.iter().enumerate() {
        if !known[place].behind && writes(stand.node) {
            out.node(place, unguarded(scene, stand.node, known[place].ignored));
        }
    }
}

fn all_known(scene: &Scene<'_>) -> Vec<Known> {
    let mut known = vec![Known::default(); scene.places.len()];
    for place in &scene.order {
        known[*place] = at(scene, *place, &known);
    }
    known
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
    // What runs because a gate blocked or nobody answered, or whatever it said, is not behind that gate.
    let after = |from: Place, via: &Via| match (via, node.join) {
        (Via::Error | Via::Block, _) | (_, Join::Settle) => known[from].behind,
        (Via::Flow | Via::Ports(_), _) => known[from].stops || ends_in_gates(scene, from, known),
    };
    let (control, flow): (Vec<_>, Vec<_>) = stand.parents.iter().partition(|(_, edge)| edge.via.is_control());
    // One gate among all that must come before is enough; of several ways here, each needs its own.
    let all = |edges: &[(Place, &Edge)]| !edges.is_empty() && edges.iter().all(|(from, edge)| after(*from, &edge.via));
    // Who starts with the first parent that says go may start without the gate.
    let waits = matches!(node.join, Join::All | Join::Settle);
    let surely = |(from, edge): &(Place, &Edge)| after(*from, &edge.via) && !known[*from].may_be_inactive;
    let surely = waits && flow.iter().any(surely);
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

/// Whether everything that a node's body gives has come through a gate: if that says no, the node fails.
fn ends_in_gates(scene: &Scene<'_>, place: Place, known: &[Known]) -> bool {
    match scene.node(place).plan.as_ref().map(|plan| (&plan.shape, &plan.inner)) {
        // A list without items looks at nothing.
        Some((Shape::Map { .. } | Shape::Reduce { .. }, _)) | None => false,
        Some((_, Inner::Nodes(_))) => {
            let leaves = scene.places[place].body.iter().flat_map(|inside| &inside.leaves);
            leaves.into_iter().all(|leaf| known[*leaf].stops)
        }
        Some((_, Inner::App(graph))) => {
            let inner = Scene::new(&graph.nodes, About::inner(graph, Labels::default()));
            let known = all_known(&inner);
            let mut leaves = inner.outer.iter().filter(|place| inner.node(**place).children.is_empty());
            leaves.all(|leaf| known[*leaf].stops)
        }
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
    let when = node.when.iter().flat_map(Expression::references).map(|reference| (reference, Consults::When));
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
