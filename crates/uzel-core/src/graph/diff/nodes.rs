//! Lists of nodes before and after: which are the same, which have another name, and what changed in each.

use std::{collections::BTreeSet, sync::Arc};

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Change, Files, Part, Way, keys, limits,
    values::{Programs, Values},
    widths::{self, Side, join},
    written,
};
use crate::{
    duration::DurationText,
    expr::{Expression, Form, alike},
    graph::{Graph, Inner, NodeDef, Reaction, Shape, Via},
};

type Nodes = IndexMap<String, Arc<NodeDef>>;

/// Keys of nodes with bodies that their shape holds with its defaults.
const SHAPED: [&str; 6] = ["as", "max_parallel", "on_item_error", "batch", "max_rounds", "on_max_rounds"];

/// More pairs are not looked at for new names.
const MOST_PAIRS: usize = 40_000;

/// What changed in a list of nodes that is found at `prefix`, and the values with the names of its nodes.
pub(super) fn compare<'g>(old: &Nodes, new: &Nodes, prefix: &str, values: Values<'g>) -> (Vec<Part>, Values<'g>) {
    let values = renamed(old, new, values);
    let lists = Lists { old, new, values: &values };
    let part = |node: &NodeDef, change, from: Option<&str>, changes| Part {
        section: "nodes".to_owned(),
        name: format!("{prefix}{}", node.id),
        change,
        from: from.map(|from| format!("{prefix}{from}")),
        kind: node.kind.name.to_owned(),
        changes,
    };
    let mut parts = vec![];
    for (id, node) in old {
        let renamed = values.names.nodes.get(id);
        let Some(now) = new.get(renamed.unwrap_or(id)) else {
            parts.push(part(node, Way::Removed, None, vec![]));
            continue;
        };
        let mut changes = lists.node(node, now);
        let (inner, more) = below(node, now, prefix, &values);
        changes.extend(more);
        match renamed {
            Some(_) => parts.push(part(now, Way::Renamed, Some(id), changes)),
            None if !changes.is_empty() => parts.push(part(now, Way::Changed, None, changes)),
            None => {}
        }
        parts.extend(inner);
    }
    let is_new = |id: &String| !old.contains_key(id) && !values.names.nodes.values().any(|renamed| renamed == id);
    for (_, node) in new.iter().filter(|(id, _)| is_new(id)) {
        parts.push(part(node, Way::Added, None, vec![]));
    }
    (parts, values)
}

/// What changed below a node: nodes of bodies are parts of their own, another app's keys are the node's.
fn below(old: &NodeDef, new: &NodeDef, prefix: &str, values: &Values<'_>) -> (Vec<Part>, Vec<Change>) {
    let (Some(old), Some(now)) = (&old.plan, &new.plan) else { return (vec![], vec![]) };
    let prefix = format!("{prefix}{}.", new.id);
    match (&old.inner, &now.inner) {
        (Inner::Nodes(old), Inner::Nodes(new)) => (compare(&old.nodes, &new.nodes, &prefix, values.clone()).0, vec![]),
        (Inner::App(old), Inner::App(new)) => other_app(old, new, &prefix, values),
        (_, inner) => {
            // Only the kind can do that, which is said already.
            let part = |node: &Arc<NodeDef>| Part {
                section: "nodes".to_owned(),
                name: format!("{prefix}{}", node.id),
                change: Way::Added,
                from: None,
                kind: node.kind.name.to_owned(),
                changes: vec![],
            };
            (inner.nodes().values().map(part).collect(), vec![])
        }
    }
}

fn other_app(old: &Graph, new: &Graph, prefix: &str, values: &Values<'_>) -> (Vec<Part>, Vec<Change>) {
    let mut names = super::Names::default();
    let declared = super::declared::compare(old, new, &mut names);
    let old_files = Files { files: values.old.files, folder: &old.folder };
    let new_files = Files { files: values.new.files, folder: &new.folder };
    let found = super::app(old, new, declared, Values { old: old_files, new: new_files, names });
    let (mut parts, mut changes) = (vec![], vec![]);
    for part in found.parts {
        if part.section == "nodes" {
            let from = part.from.map(|from| format!("{prefix}{from}"));
            parts.push(Part { name: format!("{prefix}{}", part.name), from, ..part });
            continue;
        }
        let key = join(&join("use", &part.section), &part.name);
        let key = key.trim_end_matches('.');
        if part.changes.is_empty() {
            let was = |way| (part.change == way).then(|| Value::from(part.name.as_str()));
            let old = part.from.as_deref().map(Value::from).or_else(|| was(Way::Removed));
            let new = was(Way::Added).or_else(|| was(Way::Renamed));
            changes.push(Change::new(key, old, new));
        }
        // The app is called by this one, which was checked with it.
        let own = |change: Change| Change { key: join(key, &change.key), callers: None, ..change };
        changes.extend(part.changes.into_iter().map(own));
    }
    (parts, changes)
}

/// The values with the names of nodes that went and came again under another name: same kind, settings and parents.
fn renamed<'g>(old: &Nodes, new: &Nodes, mut values: Values<'g>) -> Values<'g> {
    let gone: Vec<&String> = old.keys().filter(|id| !new.contains_key(*id)).collect();
    let came: Vec<&String> = new.keys().filter(|id| !old.contains_key(*id)).collect();
    if gone.is_empty() || came.is_empty() || gone.len().saturating_mul(came.len()) > MOST_PAIRS {
        return values;
    }
    let set = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<BTreeSet<String>>();
    let open = std::mem::replace(&mut values.names.open, (set(&gone), set(&came)));
    for id in gone {
        let lists = Lists { old, new, values: &values };
        let same = |other: &&&String| {
            let (Some(node), Some(now)) = (old.get(id), new.get(**other)) else { return false };
            let inside = || below(node, now, "", &values);
            values.names.open.1.contains(**other)
                && node.kind.name == now.kind.name
                && lists.node(node, now).iter().all(|change| is_policy(&change.key))
                && matches!(inside(), (parts, changes) if parts.is_empty() && changes.is_empty())
        };
        if let Some(other) = came.iter().find(same).map(|other| (*other).clone()) {
            values.names.open.0.remove(id);
            values.names.open.1.remove(&other);
            values.names.nodes.insert(id.clone(), other);
        }
    }
    values.names.open = open;
    values
}

/// Two lists of nodes, for the names of parents.
struct Lists<'a, 'g> {
    old: &'a Nodes,
    new: &'a Nodes,
    values: &'a Values<'g>,
}

impl Lists<'_, '_> {
    /// What changed in a node itself.
    fn node(&self, old: &NodeDef, new: &NodeDef) -> Vec<Change> {
        let mut changes = vec![];
        let mut pair = |key: &str, old: Option<Value>, new: Option<Value>| {
            if old != new {
                changes.push(Change::new(key, old, new));
            }
        };
        pair("kind", Some(old.kind.name.into()), Some(new.kind.name.into()));
        let source = |when: &Option<Expression>| when.as_ref().map(|when| Value::from(when.source()));
        if !self.same_condition(old, new) {
            pair("when", source(&old.when), source(&new.when));
        }
        let join = |node: &NodeDef| Some(Value::from(node.join.to_string()));
        pair("join", join(old), join(new));
        self.parents(old, new, &mut changes);
        if old.kind.name == new.kind.name {
            self.config(old, new, &mut changes);
        }
        if !changes.iter().any(|change| change.key == "output" || change.key.starts_with("output.")) {
            widths::types("output", &old.output, &new.output, Side::Inside, &mut changes);
        }
        self.reactions(old, new, &mut changes);
        policy(old, new, &mut changes);
        changes.extend(limits(&old.limits, &new.limits, "limits."));
        changes
    }

    fn same_condition(&self, old: &NodeDef, new: &NodeDef) -> bool {
        let same_name = |a: &str, b: &str| self.values.names.same_node(a, b);
        match (&old.when, &new.when) {
            (None, None) => true,
            (Some(old), Some(new)) => alike(old.source(), new.source(), Form::Expression, &same_name),
            _ => false,
        }
    }

    /// What starts a node, in words that do not depend on order.
    fn parents(&self, old: &NodeDef, new: &NodeDef, changes: &mut Vec<Change>) {
        let words = |nodes: &Nodes, node: &NodeDef| -> Vec<(String, Via)> {
            let name = |idx: usize| nodes.get_index(idx).map_or(String::new(), |(id, _)| id.clone());
            node.parents.iter().map(|edge| (name(edge.from), edge.via.clone())).collect()
        };
        let (before, after) = (words(self.old, old), words(self.new, new));
        let same = |(a, via): &(String, Via), (b, now): &(String, Via)| self.values.names.same_node(a, b) && via == now;
        let gone = before.iter().filter(|edge| !after.iter().any(|other| same(edge, other)));
        let came = after.iter().filter(|edge| !before.iter().any(|other| same(other, edge)));
        changes.extend(gone.map(|edge| Change::new("after", Some(edge_words(edge)), None)));
        changes.extend(came.map(|edge| Change::new("after", None, Some(edge_words(edge)))));
    }

    /// The keys of the kind.
    fn config(&self, old: &NodeDef, new: &NodeDef, changes: &mut Vec<Change>) {
        let programs = (Programs::of(old), Programs::of(new));
        let planned = old.plan.is_some() && new.plan.is_some();
        for key in keys(&old.config, &new.config) {
            let before = written(key, &old.config, &new.config, new.kind.schema);
            let after = written(key, &new.config, &old.config, new.kind.schema);
            match key {
                // What is not written has a default, which the shape knows.
                key if planned && SHAPED.contains(&key) && settings(old) == settings(new) => {}
                // Compared as nodes.
                "do" if planned => {}
                "use" if planned && matches!(new.plan.as_ref().map(|plan| &plan.inner), Some(Inner::App(_))) => {}
                "output" | "form" if !planned => self.values.schema(key, before, after, programs, changes),
                key => self.values.compare(key, before, after, programs, changes),
            }
        }
    }

    fn reactions(&self, old: &NodeDef, new: &NodeDef, changes: &mut Vec<Change>) {
        // Without a word for either, failures and blocks are handed on together.
        let handed = |node: &NodeDef| matches!(node.on_block, Reaction::HandOn | Reaction::Fail);
        for (key, before, after) in
            [("on_error", &old.on_error, &new.on_error), ("on_block", &old.on_block, &new.on_block)]
        {
            if key == "on_block" && handed(old) && handed(new) {
                continue;
            }
            let (a, b) = (reaction(before, self.old), reaction(after, self.new));
            let same = match (before, after) {
                (Reaction::Run(_), Reaction::Run(_)) => {
                    let name = |value: &Value| value.get("run").and_then(Value::as_str).unwrap_or("").to_owned();
                    self.values.names.same_node(&name(&a), &name(&b))
                }
                _ => self.same_value(&a, &b),
            };
            if !same {
                changes.push(Change::new(key, Some(a), Some(b)));
            }
        }
    }

    /// Whether two values say the same, whatever blanks their expressions have.
    fn same_value(&self, old: &Value, new: &Value) -> bool {
        let same_name = |a: &str, b: &str| self.values.names.same_node(a, b);
        match (old, new) {
            (Value::String(a), Value::String(b)) => alike(a, b, Form::Value, &same_name),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same_value(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| self.same_value(a, b)))
            }
            _ => old == new,
        }
    }
}

/// How often a body runs and on what names, defaults included.
fn settings(node: &NodeDef) -> Option<String> {
    Some(match &node.plan.as_ref()?.shape {
        // A condition knows its place.
        Shape::Loop { max_rounds, strict, .. } => format!("{max_rounds} {strict}"),
        shape => format!("{shape:?}"),
    })
}

fn edge_words((name, via): &(String, Via)) -> Value {
    match via {
        Via::Flow => format!("`{name}`"),
        Via::Ports(ports) => format!("`{name}`, when it chooses {}", ports.join(" or ")),
        Via::Error => format!("`{name}`, when it fails"),
        Via::Block => format!("`{name}`, when it blocks"),
    }
    .into()
}

fn reaction(reaction: &Reaction, nodes: &Nodes) -> Value {
    match reaction {
        Reaction::Fail => "fail".into(),
        Reaction::HandOn => "taken by those behind it".into(),
        Reaction::Skip => "skip".into(),
        Reaction::Use(binding) => serde_json::json!({ "use": binding.written() }),
        Reaction::Run(node) => serde_json::json!({ "run": nodes.get_index(*node).map(|(id, _)| id) }),
        Reaction::Stop(binding) => serde_json::json!({ "stop": binding.written() }),
    }
}

/// Whether a change is one of how effects are done.
pub(super) fn is_policy(key: &str) -> bool {
    key == "timeout" || key.starts_with("retry.")
}

/// How effects are done, defaults included.
fn policy(old: &NodeDef, new: &NodeDef, changes: &mut Vec<Change>) {
    let time = |node: &NodeDef| node.policy.timeout.map(|time| Value::from(DurationText(time).to_string()));
    if old.policy.timeout != new.policy.timeout {
        changes.push(Change::new("timeout", time(old), time(new)));
    }
    let fields = |node: &NodeDef| match serde_json::to_value(&node.policy.retry) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(old), fields(new));
    for (key, value) in &before {
        if after.get(key) != Some(value) {
            changes.push(Change::new(format!("retry.{key}"), Some(value.clone()), after.get(key).cloned()));
        }
    }
}
