//! Types of everything, in the order of the graph: each node's inputs are checked once the types before it are known.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::json;

use super::{
    edges::{Linked, LinkedNode},
    presence::Presence,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::{Binding, Expression, TypeScope},
    graph::{Flag, Input, NodeDef, NodeIdx, Reaction},
    schema::{Schema, Type},
};

/// Infers and checks; gives the finished nodes.
pub(super) fn infer(
    linked: Option<Linked>,
    inputs: &Schema,
    flags: &BTreeMap<String, Flag>,
    output: Option<&Binding>,
    out: &mut Diagnostics,
) -> Option<IndexMap<String, NodeDef>> {
    let Linked { mut nodes, order } = linked?;
    let presence = Presence::of(&nodes, &order);
    let may_be_null: Vec<bool> = (0..nodes.len()).map(|idx| presence.may_be_null(idx)).collect();
    let present: Vec<Vec<Vec<String>>> = (0..nodes.len()).map(|idx| present(&nodes, &presence, idx)).collect();
    let mut types = TypeScope::new();
    roots(&mut types, inputs, flags, &nodes);
    // What does not exist has been reported where the edges were found.
    let everything = nodes.iter().flat_map(|node| node.draft.references());
    for reference in everything.chain(output.map(Binding::references).unwrap_or_default()) {
        if types.get(&reference.root).is_none() {
            types.insert(reference.root.clone(), Type::Any, None);
        }
    }
    // Every name is known from the start, so that a reference out of order is not also reported as unknown.
    for node in &nodes {
        types.insert(node.draft.id.clone(), Type::Any, Some(node.draft.at));
    }
    for (idx, present) in order.iter().map(|idx| (*idx, &present[*idx])) {
        let node = &mut nodes[idx];
        types.present.clone_from(present);
        let ty = check_node(node, &mut types, out);
        node.draft.output = Some(ty.clone());
        let seen = if may_be_null[idx] { ty.or_null() } else { ty };
        types.insert(node.draft.id.clone(), seen, Some(node.draft.at));
    }
    types.present.clear();
    if let Some(output) = output {
        output.infer(&types, out);
    }
    Some(finish(nodes))
}

fn roots(types: &mut TypeScope, inputs: &Schema, flags: &BTreeMap<String, Flag>, nodes: &[LinkedNode]) {
    let of = |value| Schema::from_json_schema(value).map_or(Type::Any, |schema| schema.ty);
    types.insert("input", inputs.ty.clone(), None);
    types.insert("flags", Type::object(flags.iter().map(|(name, flag)| (name.as_str(), flag.schema.ty.clone()))), None);
    let run = json!({ "type": "object", "required": ["id", "app", "started_by", "started_at", "dry_run"],
        "additionalProperties": false, "properties": {
            "id": { "type": "string" }, "app": { "type": "string" }, "started_by": { "type": ["string", "null"] },
            "started_at": { "type": "integer" }, "dry_run": { "type": "boolean" } } });
    types.insert("run", of(run), None);
    let node = json!({ "type": "object", "required": ["id", "path"], "additionalProperties": false, "properties": {
        "id": { "type": "string" }, "path": { "type": "string" } } });
    types.insert("node", of(node), None);
    let meta = json!({ "type": "object", "required": ["status", "attempts", "cost_usd"],
        "additionalProperties": false, "properties": {
            "status": { "enum": ["pending", "running", "waiting", "ok", "stepped_over", "inactive", "failed", "blocked",
                "cancelled"] },
            "attempts": { "type": "integer" }, "cost_usd": { "type": "number" } } });
    let meta = of(meta);
    types.insert("nodes", Type::object(nodes.iter().map(|node| (node.draft.id.as_str(), meta.clone()))), None);
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
fn check_node(node: &mut LinkedNode, types: &mut TypeScope, out: &mut Diagnostics) -> Type {
    let draft = &mut node.draft;
    if let Some(when) = &draft.when {
        when.infer_condition(types, out);
        // The node runs only if its condition holds, so what the condition asks for is there.
        types.present.extend(when.present());
    }
    let mut found = BTreeMap::new();
    for input in &mut draft.inputs {
        let ty = input.program.infer(types, out);
        fits(input, &ty, out);
        input.found.clone_from(&ty);
        found.insert(input.name.clone(), ty);
    }
    for reaction in [&node.on_error, &node.on_block] {
        if let Reaction::Use(binding) | Reaction::Stop(binding) = reaction {
            binding.infer(types, out);
        }
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
fn fits(input: &Input, found: &Type, out: &mut Diagnostics) {
    let Some((expected, words)) = &input.expect else { return };
    let (Type::Object(wanted), Type::Object(given)) = (expected, found) else {
        let fits = expected.accepts(found) || input.nullable && expected.accepts(&found.without_null());
        if !fits {
            let message = format!("this must be {words}, and is {found}");
            out.push(Diagnostic::new(Code::TYPE_MISMATCH, input.at, message).help(format!("expected is {expected}")));
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
                out.push(Diagnostic::new(Code::TYPE_MISMATCH, place(name), message).maybe_help(help));
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

fn finish(nodes: Vec<LinkedNode>) -> IndexMap<String, NodeDef> {
    let mut children: Vec<Vec<(NodeIdx, usize)>> = vec![vec![]; nodes.len()];
    for (idx, node) in nodes.iter().enumerate() {
        for (position, edge) in node.parents.iter().enumerate() {
            children[edge.from].push((idx, position));
        }
    }
    let finished = nodes.into_iter().zip(children).map(|(node, children)| {
        let draft = node.draft;
        let def = NodeDef {
            id: draft.id.clone(),
            kind: draft.kind,
            description: draft.description,
            config: draft.config,
            at: draft.at,
            when: draft.when,
            inputs: draft.inputs,
            output: draft.output.unwrap_or(Type::Any),
            parents: node.parents,
            children,
            gated: node.gated,
            on_error: node.on_error,
            on_block: node.on_block,
            policy: draft.policy,
            facts: draft.facts,
            noted: draft.noted,
        };
        (draft.id, def)
    });
    finished.collect()
}
