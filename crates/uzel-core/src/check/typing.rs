//! Types of everything, in the order of the graph: each node's inputs are checked once the types before it are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use indexmap::IndexMap;

use super::{
    bodies,
    edges::{Linked, LinkedNode},
    presence::Presence,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::{Binding, Expression, TypeScope},
    graph::{Flag, Input, Join, NodeDef, NodeIdx, Reaction},
    schema::{Field, Schema, Type},
    source::Span,
};

/// Infers and checks; gives the finished nodes and the type of the app's output.
pub(super) fn infer(
    mut types: TypeScope,
    linked: Option<Linked>,
    inputs: &Schema,
    flags: &BTreeMap<String, Flag>,
    output: Option<&Binding>,
    slots: &mut usize,
    out: &mut Diagnostics,
) -> Option<(IndexMap<String, Arc<NodeDef>>, Type)> {
    let linked = linked?;
    roots(&mut types, inputs, flags, &linked.nodes);
    // What does not exist has been reported where the edges were found.
    let everything = linked.nodes.iter().flat_map(|node| node.draft.references());
    for reference in everything.chain(output.map(Binding::references).unwrap_or_default()) {
        if types.get(&reference.root).is_none() {
            types.insert(reference.root.clone(), Type::Any, None);
        }
    }
    Some(body(linked, output, false, None, &mut types, slots, out))
}

/// Types nodes that see what is in `types`, and what they give together.
pub(super) fn body(
    linked: Linked,
    output: Option<&Binding>,
    single: bool,
    until: Option<&Expression>,
    types: &mut TypeScope,
    slots: &mut usize,
    out: &mut Diagnostics,
) -> (IndexMap<String, Arc<NodeDef>>, Type) {
    let Linked { mut nodes, order } = linked;
    let presence = Presence::of(&nodes, &order);
    let may_be_null: Vec<bool> = (0..nodes.len()).map(|idx| presence.may_be_null(idx)).collect();
    let present: Vec<Vec<Vec<String>>> = (0..nodes.len()).map(|idx| present(&nodes, &presence, idx)).collect();
    let after = output.map(Binding::references).into_iter().chain(until.map(Expression::references)).flatten();
    let asked = nodes.iter().flat_map(|node| node.draft.references()).chain(after).any(|r| r.root == "nodes");
    let outside = enter(&nodes, asked, types);
    let around = types.present.clone();
    for (idx, present) in order.iter().map(|idx| (*idx, &present[*idx])) {
        let node = &mut nodes[idx];
        types.present.clone_from(&around);
        types.present.extend(present.iter().cloned());
        let early = uncertain(node, types);
        let ty = check_node(node, types, slots, out);
        for (name, known) in early {
            types.restore(&name, known);
        }
        node.draft.output = Some(ty.clone());
        let seen = if may_be_null[idx] { ty.or_null() } else { ty };
        types.insert(node.draft.id.clone(), seen, Some(node.draft.at));
    }
    types.present = around;
    let gives = match output {
        Some(output) => output.infer(types, out),
        None => together(&nodes, single, types),
    };
    if let Some(until) = until {
        until.infer_condition(types, out);
    }
    for (name, known) in outside {
        types.restore(&name, known);
    }
    (finish(nodes, slots), gives)
}

/// Names with what was known of them.
type Before = Vec<(String, Option<(Type, Option<Span>)>)>;

/// Makes nodes known, and what can be said about them if that is asked for; gives what their names were before.
fn enter(nodes: &[LinkedNode], asked: bool, types: &mut TypeScope) -> Before {
    let mut outside = vec![];
    // Every name is known from the start, so that a reference out of order is not also reported as unknown.
    for node in nodes {
        let id = &node.draft.id;
        outside.push((id.clone(), types.get(id).cloned()));
        types.insert(id.clone(), Type::Any, Some(node.draft.at));
    }
    let known = types.get("nodes").cloned();
    if let Some((Type::Object(all), at)) = known.clone().filter(|_| asked) {
        let mut all = Arc::unwrap_or_clone(all);
        for node in nodes {
            all.fields.insert(node.draft.id.clone(), Field::required(metadata()));
        }
        types.insert("nodes", Type::Object(Arc::new(all)), at);
        outside.push(("nodes".to_owned(), known));
    }
    outside
}

/// A node with a join other than `all` may run before what it refers to has settled, or after that failed: none of it is
/// sure to have a value. Gives what was known before.
fn uncertain(node: &LinkedNode, types: &mut TypeScope) -> Before {
    if node.draft.join == Join::All {
        return vec![];
    }
    let mut before = vec![];
    for name in node.known.keys() {
        let known = types.get(name).cloned();
        if let Some((ty, at)) = known.clone() {
            types.insert(name.clone(), ty.or_null(), at);
            types.present.retain(|path| path.first() != Some(name));
            before.push((name.clone(), known));
        }
    }
    before
}

/// What nodes give when no `output` says it: the only one's value, or those of the nodes nothing depends on, by name.
fn together(nodes: &[LinkedNode], single: bool, types: &TypeScope) -> Type {
    let seen = |node: &LinkedNode| types.get(&node.draft.id).map_or(Type::Any, |(ty, _)| ty.clone());
    match nodes {
        [only] if single => seen(only),
        _ => {
            let inner: BTreeSet<NodeIdx> =
                nodes.iter().flat_map(|node| node.parents.iter().map(|edge| edge.from)).collect();
            let leaves = nodes.iter().enumerate().filter(|(idx, _)| !inner.contains(idx));
            Type::object(leaves.map(|(_, node)| (node.draft.id.as_str(), seen(node))))
        }
    }
}

fn roots(types: &mut TypeScope, inputs: &Schema, flags: &BTreeMap<String, Flag>, nodes: &[LinkedNode]) {
    types.insert("input", inputs.ty.clone(), None);
    types.insert("flags", Type::object(flags.iter().map(|(name, flag)| (name.as_str(), flag.schema.ty.clone()))), None);
    let run = [
        ("id", Type::String),
        ("app", Type::String),
        ("started_by", Type::String.or_null()),
        ("started_at", Type::Integer),
        ("dry_run", Type::Boolean),
    ];
    types.insert("run", Type::object(run), None);
    types.insert("node", Type::object([("id", Type::String), ("path", Type::String)]), None);
    let meta = metadata();
    types.insert("nodes", Type::object(nodes.iter().map(|node| (node.draft.id.as_str(), meta.clone()))), None);
}

/// The type of `nodes.<id>`.
fn metadata() -> Type {
    let status = ["pending", "running", "waiting", "ok", "stepped_over", "inactive", "failed", "blocked", "cancelled"];
    Type::object([("status", Type::texts(status)), ("attempts", Type::Integer), ("cost_usd", Type::Number)])
}

/// Roots whose value is not null where a node runs.
fn present(nodes: &[LinkedNode], presence: &Presence<'_>, idx: NodeIdx) -> Vec<Vec<String>> {
    let draft = &nodes[idx].draft;
    let node_of = |root: &str| nodes[idx].known.get(root).copied();
    let wanted: BTreeSet<NodeIdx> = draft
        .references()
        .filter_map(|reference| node_of(&reference.root))
        .filter(|node| presence.may_be_null(*node))
        .collect();
    if wanted.is_empty() {
        return vec![];
    }
    let told = draft.when.iter().flat_map(Expression::present);
    let told: Vec<NodeIdx> = told.filter_map(|path| node_of(path.first()?)).collect();
    let there = presence.present(idx, &told, &wanted);
    there.into_iter().map(|node| vec![nodes[node].draft.id.clone()]).collect()
}

/// Checks a node's programs against the types before it; gives the type of its output.
fn check_node(node: &mut LinkedNode, types: &mut TypeScope, slots: &mut usize, out: &mut Diagnostics) -> Type {
    let draft = &mut node.draft;
    if let Some(when) = &draft.when {
        when.infer_condition(types, out);
        // The node runs only if its condition holds, so what the condition asks for is there.
        types.present.extend(when.present());
    }
    let mut found = BTreeMap::new();
    for input in &mut draft.inputs {
        let ty = input.program.infer(types, out);
        types.hear(|heard| heard.wanted.extend(input.expect.iter().map(|(ty, _)| (input.at, ty.clone()))));
        fits(input, &ty, types, out);
        input.found.clone_from(&ty);
        found.insert(input.name.clone(), ty);
    }
    for reaction in [&node.on_error, &node.on_block] {
        if let Reaction::Use(binding) | Reaction::Stop(binding) = reaction {
            binding.infer(types, out);
        }
    }
    if let Some(plan) = draft.plan.take() {
        let (plan, ty) = bodies::infer(plan, &draft.inputs, &found, types, slots, out);
        node.plan = Some(plan);
        return ty;
    }
    let later = draft.later.take().and_then(|later| later(&found, out));
    later.or_else(|| draft.output.take()).unwrap_or(Type::Any)
}

/// How a scalar is made one of another type.
fn made(wanted: &Type, found: &Type) -> Option<String> {
    let scalar = |ty: &Type| matches!(ty.without_null(), Type::String | Type::Integer | Type::Number | Type::Boolean);
    let (filter, made) = match wanted.without_null() {
        Type::String => ("string", "a text"),
        Type::Integer => ("int", "an integer"),
        Type::Number => ("float", "a number"),
        _ => return None,
    };
    scalar(found).then(|| format!("`${{{{ … | {filter} }}}}` makes {made} of it"))
}

/// Whether an input is what the kind expects; field by field where both are maps.
pub(super) fn fits(input: &Input, found: &Type, types: &TypeScope, out: &mut Diagnostics) {
    let from = |problem: Diagnostic, field: Option<&str>| match input.program.origin(field, types) {
        Some((at, text)) => problem.label(at, text),
        None => problem,
    };
    let Some((expected, words)) = &input.expect else { return };
    let (Type::Object(wanted), Type::Object(given)) = (expected, found) else {
        let fits = expected.accepts(found) || input.nullable && expected.accepts(&found.without_null());
        if !fits {
            let message = format!("this must be {words}, and is {found}");
            let problem = Diagnostic::new(Code::TYPE_MISMATCH, input.at, message);
            out.push(from(problem, None).help(format!("expected is {expected}")));
        }
        return;
    };
    let place = |name: &str| input.fields.iter().find(|(field, _)| field == name).map_or(input.at, |(_, at)| *at);
    for (name, field) in &given.fields {
        match wanted.fields.get(name) {
            // A value that may be null fits where null is turned away at run time with the field's name.
            Some(want) if !want.ty.accepts(&field.ty) && !want.ty.accepts(&field.ty.without_null()) => {
                let message = format!("`{name}` must be {}, and is {}", want.ty, field.ty);
                let help = made(&want.ty, &field.ty);
                let problem = Diagnostic::new(Code::TYPE_MISMATCH, place(name), message).maybe_help(help);
                out.push(from(problem, Some(name)));
            }
            None if !wanted.open => {
                let names = wanted.fields.keys().map(String::as_str);
                let help = did_you_mean(name, names.clone())
                    .unwrap_or_else(|| format!("it has {}", names.collect::<Vec<_>>().join(", ")));
                let message = format!("{words} has no `{name}`");
                out.push(Diagnostic::new(Code::UNKNOWN_KEY, place(name), message).help(help));
            }
            _ => {}
        }
    }
    for (name, want) in &wanted.fields {
        if want.required && !want.ty.may_be_null() && !given.fields.contains_key(name) && !given.open {
            let message = format!("`{name}` is missing: {words} needs it");
            let help = format!("add `{name}:` ({})", want.ty);
            out.push(Diagnostic::new(Code::MISSING_KEY, input.at.head(), message).help(help));
        }
    }
}

fn finish(nodes: Vec<LinkedNode>, slots: &mut usize) -> IndexMap<String, Arc<NodeDef>> {
    let mut children: Vec<Vec<(NodeIdx, usize)>> = vec![vec![]; nodes.len()];
    for (idx, node) in nodes.iter().enumerate() {
        for (position, edge) in node.parents.iter().enumerate() {
            children[edge.from].push((idx, position));
        }
    }
    let finished = nodes.into_iter().zip(children).map(|(node, children)| {
        let draft = node.draft;
        let slot = *slots;
        *slots += 1;
        let def = NodeDef {
            id: draft.id.clone(),
            kind: draft.kind,
            description: draft.description,
            labels: draft.labels,
            config: draft.config,
            at: draft.at,
            needs: draft.needs,
            when: draft.when,
            inputs: draft.inputs,
            output: draft.output.unwrap_or(Type::Any),
            parents: node.parents,
            join: draft.join,
            children,
            gated: node.gated,
            on_error: node.on_error,
            on_block: node.on_block,
            policy: draft.policy,
            limits: draft.limits,
            facts: draft.facts,
            noted: draft.noted,
            plan: node.plan,
            slot,
        };
        (draft.id, Arc::new(def))
    });
    finished.collect()
}
