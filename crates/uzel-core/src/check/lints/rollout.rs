//! What a new version of an app does for runs that the old one would have done otherwise: new nodes without a flag.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;

use super::{Findings, Place, Scene};
use crate::{
    diagnostic::{Code, Diagnostic},
    expr::Reference,
    graph::{Graph, Inner, NodeDef},
    schema::{FieldLookup, Type},
};

/// What becomes of a node in a run that the old app could have had, while every flag is off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Runs,
    /// Its `when` is false: what follows it runs nevertheless.
    SteppedOver,
    /// It is not chosen, and what follows only it is not either.
    Inactive,
}

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    let Some(old) = scene.about.against else { return };
    let known = known(old);
    let count = scene.places.len();
    let (mut fates, mut new) = (vec![Fate::Runs; count], vec![false; count]);
    for place in &scene.order {
        new[*place] = !known.contains(&(path(scene, *place), scene.node(*place).kind.name));
        fates[*place] = fate(scene, old, *place, &fates);
    }
    let reached = |place: Place| new[place] && fates[place] == Fate::Runs;
    for place in scene.order.iter().copied().filter(|place| reached(*place)) {
        let stand = &scene.places[place];
        // What begins a branch stands for what follows it, and a node for its body.
        if stand.parents.iter().map(|(from, _)| *from).chain(stand.up).any(reached) {
            continue;
        }
        let id = &stand.node.id;
        let message = format!("`{id}` is new, and every run that the old app could have had reaches it at once");
        let help = if scene.about.flags.is_empty() {
            format!(
                "add `flags: {{ {id}: {{ type: boolean, default: false }} }}` and `when: flags.{id}`, and switch it on for \
                 some runs first"
            )
        } else {
            format!("add `when: flags.NAME` to it, or choose `{id}` by a flag, and switch it on for some runs first")
        };
        out.node(place, Diagnostic::new(Code::NO_FLAG, stand.node.at, message).help(help));
    }
}

/// Names of the old app's nodes, with their kinds: another kind of the same name is another node.
fn known(old: &Graph) -> BTreeSet<(String, &'static str)> {
    fn add(nodes: &IndexMap<String, Arc<NodeDef>>, before: &str, all: &mut BTreeSet<(String, &'static str)>) {
        for node in nodes.values() {
            let path = format!("{before}{}", node.id);
            if let Some(Inner::Nodes(body)) = node.plan.as_ref().map(|plan| &plan.inner) {
                add(&body.nodes, &format!("{path}."), all);
            }
            all.insert((path, node.kind.name));
        }
    }
    let mut all = BTreeSet::new();
    add(&old.nodes, "", &mut all);
    all
}

/// The node's name with those around it.
fn path(scene: &Scene<'_>, place: Place) -> String {
    let mut names: Vec<&str> = scene.outwards(place).map(|place| scene.node(place).id.as_str()).collect();
    names.reverse();
    names.join(".")
}

fn fate(scene: &Scene<'_>, old: &Graph, place: Place, fates: &[Fate]) -> Fate {
    let stand = &scene.places[place];
    if stand.up.is_some_and(|up| fates[up] != Fate::Runs) {
        return Fate::Inactive;
    }
    // A route that looks at a flag to choose.
    let by_flag = |from: Place| {
        let node = scene.node(from);
        let by = node.inputs.iter().filter(|input| node.facts.chooses == Some(input.name.as_str()));
        by.flat_map(|input| input.program.references()).any(|reference| is_switch(old, reference))
    };
    let (control, flow): (Vec<_>, Vec<_>) = stand.parents.iter().partition(|(_, edge)| edge.via.is_control());
    let unchosen = !control.is_empty() && control.iter().all(|(from, _)| fates[*from] != Fate::Runs || by_flag(*from));
    let behind_nothing =
        control.is_empty() && !flow.is_empty() && flow.iter().all(|(from, _)| fates[*from] == Fate::Inactive);
    if unchosen || behind_nothing {
        return Fate::Inactive;
    }
    let is_off = |reference: &Reference| {
        let from = scene.find(place, &reference.root);
        is_switch(old, reference) || from.is_some_and(|from| fates[from] != Fate::Runs)
    };
    let asks = stand.node.when.as_ref().is_some_and(|when| when.references().iter().any(is_off));
    if asks { Fate::SteppedOver } else { Fate::Runs }
}

/// Whether a reference is a flag, or an input that the old app did not have.
fn is_switch(old: &Graph, reference: &Reference) -> bool {
    match (reference.root.as_str(), reference.path.first()) {
        ("flags", _) => true,
        ("input", Some(field)) => {
            !matches!(old.inputs.ty, Type::Any) && matches!(old.inputs.ty.field(field), FieldLookup::Missing { .. })
        }
        _ => false,
    }
}
