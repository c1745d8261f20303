//! Where a node refers to another: every reference of its expressions and of what is inside it. Used by `explain`.

use crate::{
    expr::{Binding, Reference},
    graph::{Inner, Input, NodeDef, Program, Reaction},
    source::Span,
};

/// Why one node comes after another.
pub(super) struct Cause {
    pub(super) why: Why,
    pub(super) at: Span,
}

pub(super) enum Why {
    /// It reads this, here.
    Reads(String, String),
    /// As it says.
    Says(String),
}

/// Every place where a node refers to one beside it.
pub(super) fn causes(node: &NodeDef, from: &str) -> Vec<Cause> {
    let mut found: Vec<Cause> = vec![];
    let mut add = |place: &str, reference: &Reference| {
        if names(reference, from) && !found.iter().any(|cause| cause.at == reference.span) {
            found.push(reads(reference, place));
        }
    };
    walk(node, "", &mut add);
    let needs = node.needs.iter().filter(|name| name.as_str() == from);
    found.extend(needs.map(|name| {
        let words = format!("`{}` comes after `{from}` because of `needs: [{from}]`", node.id);
        Cause { why: Why::Says(words), at: name.span }
    }));
    found
}

/// Everything that a node and what is inside it refer to, with where.
fn walk(node: &NodeDef, prefix: &str, add: &mut dyn FnMut(&str, &Reference)) {
    if let Some(when) = &node.when {
        when.references().iter().for_each(|reference| add(&format!("{prefix}when"), reference));
    }
    for input in &node.inputs {
        for reference in Program::references(&input.program) {
            add(&format!("{prefix}{}", key(input, reference.span)), reference);
        }
    }
    for (name, reaction) in [("on_error", &node.on_error), ("on_block", &node.on_block)] {
        if let Reaction::Use(binding) | Reaction::Stop(binding) = reaction {
            binding.references().iter().for_each(|reference| add(&format!("{prefix}{name}"), reference));
        }
    }
    // Another app sees nothing of what is around it.
    let Some(Inner::Nodes(body)) = node.plan.as_ref().map(|plan| &plan.inner) else { return };
    for inner in body.nodes.values() {
        walk(inner, &format!("{prefix}{}.", inner.id), add);
    }
    let output = body.output.as_ref().map(Binding::references).unwrap_or_default();
    for reference in output {
        add(&format!("{prefix}output"), reference);
    }
}

/// The key of an input that a place is in.
fn key(input: &Input, at: Span) -> String {
    let before = input.fields.iter().filter(|(_, field)| field.source == at.source && field.start <= at.start);
    match before.max_by_key(|(_, field)| field.start) {
        Some((field, _)) => format!("{}.{field}", input.name),
        None => input.name.clone(),
    }
}

pub(super) fn names(reference: &Reference, id: &str) -> bool {
    reference.root == id || reference.root == "nodes" && reference.path.first().is_some_and(|name| name == id)
}

pub(super) fn reads(reference: &Reference, place: &str) -> Cause {
    let path: Vec<&str> = std::iter::once(&reference.root).chain(&reference.path).map(String::as_str).collect();
    Cause { why: Why::Reads(path.join("."), place.to_owned()), at: reference.span }
}
