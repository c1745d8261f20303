//! Types of everything, in the order of the graph: each node's inputs are checked once the types before it are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use indexmap::IndexMap;
use serde_json::json;

use super::edges::{Linked, LinkedNode};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    expr::{Binding, TypeScope},
    graph::{Edge, Flag, Input, NodeDef, NodeIdx, Reaction, Via},
    schema::{Schema, Type},
};

/// What may happen to a node instead of running.
#[derive(Clone, Copy, Default)]
struct Fate {
    /// It may be inactive.
    may_be_inactive: bool,
    /// Its output may be null.
    may_be_null: bool,
}

/// Infers and checks; gives the finished nodes.
pub(super) fn infer(
    linked: Option<Linked>,
    inputs: &Schema,
    flags: &BTreeMap<String, Flag>,
    output: Option<&Binding>,
    out: &mut Diagnostics,
) -> Option<IndexMap<String, NodeDef>> {
    let Linked { mut nodes, order } = linked?;
    let mut types = TypeScope::new();
    let mut fates = vec![Fate::default(); nodes.len()];
    let mut sure = vec![Sure::default(); nodes.len()];
    roots(&mut types, inputs, flags, &nodes);
    // Every name is known from the start, so that a reference out of order is not also reported as unknown.
    for node in &nodes {
        types.insert(node.draft.id.clone(), Type::Any, Some(node.draft.at));
    }
    for idx in &order {
        let fate = fate(&nodes, &fates, *idx);
        sure[*idx] = surely_there(&nodes, &fates, &sure, *idx);
        let there = sure[*idx].iter().map(|idx| vec![nodes[*idx].draft.id.clone()]).collect();
        let node = &mut nodes[*idx];
        types.present = there;
        let ty = check_node(node, &mut types, out);
        fates[*idx] = fate;
        node.draft.output = Some(ty.clone());
        let seen = if fate.may_be_null { ty.or_null() } else { ty };
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

/// Checks a node's programs against the types before it; gives the type of its output.
fn check_node(node: &mut LinkedNode, types: &mut TypeScope, out: &mut Diagnostics) -> Type {
    let draft = &mut node.draft;
    if let Some(when) = &draft.when {
        when.infer_condition(types, out);
        // The node runs only if its condition holds, so what the condition asks for is there.
        types.present.extend(when.present());
    }
    let mut found = BTreeMap::new();
    for input in &draft.inputs {
        let ty = input.program.infer(types, out);
        fits(input, &ty, out);
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

/// Nodes that may be inactive, and are known to have run where a node runs. Shared along chains.
type Sure = Rc<BTreeSet<NodeIdx>>;

/// A node behind one other runs only if that one did; behind several, those that cannot be inactive have run.
fn surely_there(nodes: &[LinkedNode], fates: &[Fate], sure: &[Sure], idx: NodeIdx) -> Sure {
    let node = &nodes[idx];
    let control: Vec<&Edge> = node.parents.iter().filter(|edge| edge.via.is_control()).collect();
    let flow: Vec<&Edge> = node.parents.iter().filter(|edge| !edge.via.is_control()).collect();
    let behind: Vec<NodeIdx> = match (control.as_slice(), flow.as_slice()) {
        ([one], _) if matches!(one.via, Via::Ports(_)) => vec![one.from],
        ([], [one]) => vec![one.from],
        ([], several) => several.iter().map(|e| e.from).filter(|from| !fates[*from].may_be_inactive).collect(),
        _ => vec![],
    };
    if let [one] = behind.as_slice()
        && (!fates[*one].may_be_null || can_be_null_otherwise(&nodes[*one]))
    {
        return Rc::clone(&sure[*one]);
    }
    let mut all = BTreeSet::new();
    for from in behind {
        all.extend(sure[from].iter().copied());
        if fates[from].may_be_null && !can_be_null_otherwise(&nodes[from]) {
            all.insert(from);
        }
    }
    Rc::new(all)
}

/// Whether a node's output may be null although the node was not inactive.
fn can_be_null_otherwise(node: &LinkedNode) -> bool {
    node.draft.when.is_some() || [&node.on_error, &node.on_block].iter().any(|r| matches!(r, Reaction::Skip))
}

/// Whether an input is what the kind expects; field by field where both are maps.
fn fits(input: &Input, found: &Type, out: &mut Diagnostics) {
    let Some((expected, words)) = &input.expect else { return };
    let (Type::Object(wanted), Type::Object(given)) = (expected, found) else {
        if !expected.accepts(found) && !(input.nullable && expected.accepts(&found.without_null())) {
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
                out.push(Diagnostic::new(Code::TYPE_MISMATCH, place(name), message));
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

/// What may keep a node from running, from the fates of those before it.
fn fate(nodes: &[LinkedNode], fates: &[Fate], idx: NodeIdx) -> Fate {
    let node = &nodes[idx];
    let control: Vec<&Edge> = node.parents.iter().filter(|edge| edge.via.is_control()).collect();
    let flow: Vec<&Edge> = node.parents.iter().filter(|edge| !edge.via.is_control()).collect();
    let dead = |edge: &&Edge| {
        let from = &nodes[edge.from];
        let diverts = matches!(from.on_error, Reaction::Run(_)) || matches!(from.on_block, Reaction::Run(_));
        fates[edge.from].may_be_inactive || diverts
    };
    let gate = !control.is_empty() && !control.iter().any(|edge| always_taken(nodes, fates, edge));
    let may_be_inactive = gate || control.is_empty() && !flow.is_empty() && flow.iter().all(dead);
    let skips = [&node.on_error, &node.on_block].iter().any(|r| matches!(r, Reaction::Skip | Reaction::Run(_)));
    Fate { may_be_inactive, may_be_null: may_be_inactive || node.draft.when.is_some() || skips }
}

/// Whether a route takes this edge whatever it chooses.
fn always_taken(nodes: &[LinkedNode], fates: &[Fate], edge: &Edge) -> bool {
    let from = &nodes[edge.from];
    let Via::Ports(ports) = &edge.via else { return false };
    let taken: BTreeSet<&str> = ports.iter().map(String::as_str).collect();
    from.draft.ways.iter().all(|(way, _)| taken.contains(way.as_str())) && !fates[edge.from].may_be_null
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
        };
        (draft.id, def)
    });
    finished.collect()
}
