//! Values before and after. A text that names a file is what the file says; an expression is its words.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Files,
    widths::{self, Side, join},
};
use crate::{
    diagnostic::Diagnostics,
    duration,
    expr::{Form, alike},
    graph::{Input, NodeDef, Program, Shape},
    schema::{Schema, same},
    yaml::{Data, Tree},
};

/// Names that mean the same before and after.
#[derive(Clone, Default)]
pub(super) struct Names {
    /// Of nodes: before, after.
    pub(super) nodes: BTreeMap<String, String>,
    /// Of what is declared, by section.
    pub(super) declared: BTreeMap<(&'static str, String), String>,
    /// While names are still looked for: nodes that went and nodes that came may be the same ones.
    pub(super) open: (BTreeSet<String>, BTreeSet<String>),
}

impl Names {
    pub(super) fn same_node(&self, old: &str, new: &str) -> bool {
        match self.nodes.get(old) {
            Some(renamed) => renamed == new,
            None => old == new || self.open.0.contains(old) && self.open.1.contains(new),
        }
    }

    /// Whether two texts under a key name the same declared thing.
    fn same_declared(&self, key: &str, old: &str, new: &str) -> bool {
        let last = key.rsplit('.').next().unwrap_or(key);
        let sections: &[&str] = match last.split('[').next().unwrap_or(last) {
            "model" | "fallback" => &["models"],
            "tool" | "tools" | "approve" => &["tools", "connections"],
            "from" => &["knowledge"],
            "connection" => &["connections"],
            _ => return false,
        };
        let renamed = |name: &str| {
            sections.iter().find_map(|section| {
                let whole = self.declared.iter().find(|((s, old), _)| s == section && old == name);
                // An operation of a connection: `shop.query`.
                let (connection, operation) = name.split_once('.').unwrap_or((name, ""));
                let part = self.declared.iter().find(|((s, old), _)| s == section && old == connection);
                whole.map(|(_, new)| new.clone()).or_else(|| part.map(|(_, new)| format!("{new}.{operation}")))
            })
        };
        renamed(old).is_some_and(|renamed| renamed == new)
    }
}

/// Both sides of a comparison.
#[derive(Clone)]
pub(super) struct Values<'g> {
    pub(super) old: Files<'g>,
    pub(super) new: Files<'g>,
    pub(super) names: Names,
}

/// What a text stands for.
enum Meaning<'a> {
    /// A bare expression.
    Expression(&'a str),
    /// A text, with the file that holds it, and whether it is a template.
    Text(&'a str, Option<&'a str>, bool),
}

/// A node's programs, by where they are written.
#[derive(Clone, Copy, Default)]
pub(super) struct Programs<'a> {
    inputs: &'a [Input],
    shape: Option<&'a Shape>,
}

impl<'a> Programs<'a> {
    pub(super) fn of(node: &'a NodeDef) -> Self {
        Self { inputs: &node.inputs, shape: node.plan.as_ref().map(|plan| &plan.shape) }
    }

    fn find(self, leaf: &Tree) -> Option<&'a Program> {
        self.inputs.iter().find(|input| input.at == leaf.span).map(|input| &input.program)
    }

    /// Whether a text is the condition of a loop.
    fn is_until(self, text: &str) -> bool {
        matches!(self.shape, Some(Shape::Loop { until, .. }) if text.contains(until.source()))
    }
}

impl Values<'_> {
    /// What changed from a tree to another that no node owns.
    pub(super) fn trees(&self, key: &str, old: Option<&Tree>, new: Option<&Tree>, changes: &mut Vec<Change>) {
        self.compare(key, old, new, (Programs::default(), Programs::default()), changes);
    }

    /// What changed from a tree to another.
    pub(super) fn compare(
        &self,
        key: &str,
        old: Option<&Tree>,
        new: Option<&Tree>,
        programs: (Programs<'_>, Programs<'_>),
        changes: &mut Vec<Change>,
    ) {
        let written = |tree: Option<&Tree>| tree.filter(|tree| !tree.is_null()).map(Tree::to_json);
        let (Some(a), Some(b)) = (old, new) else {
            if written(old) != written(new) {
                changes.push(Change::new(key, written(old), written(new)));
            }
            return;
        };
        match (&a.data, &b.data) {
            (Data::Map(old), Data::Map(new)) => {
                for entry in old {
                    let now = b.get(entry.key.as_str());
                    self.compare(&join(key, &entry.key), Some(&entry.value), now, programs, changes);
                }
                for entry in new.iter().filter(|entry| a.entry(entry.key.as_str()).is_none()) {
                    self.compare(&join(key, &entry.key), None, Some(&entry.value), programs, changes);
                }
            }
            (Data::List(old), Data::List(new)) if old.len() == new.len() => {
                for (at, (old, new)) in old.iter().zip(new).enumerate() {
                    self.compare(&format!("{key}[{at}]"), Some(old), Some(new), programs, changes);
                }
            }
            (Data::Text(_), Data::Text(_)) => changes.extend(self.texts(key, a, b, programs)),
            _ => {
                let (old, new) = (written(old), written(new));
                if old.is_some() != new.is_some() || old.zip(new).is_some_and(|(old, new)| !same(&old, &new)) {
                    changes.push(Change::new(key, written(Some(a)), written(Some(b))));
                }
            }
        }
    }

    /// What changed from a type to another, however they are written.
    pub(super) fn schema(
        &self,
        key: &str,
        old: Option<&Tree>,
        new: Option<&Tree>,
        programs: (Programs<'_>, Programs<'_>),
        changes: &mut Vec<Change>,
    ) {
        let mut written = vec![];
        self.compare(key, old, new, programs, &mut written);
        if written.is_empty() {
            return;
        }
        // The same type can be written in several ways.
        let read = |tree: Option<&Tree>| Schema::read(tree?, &mut Diagnostics::default());
        match (read(old), read(new)) {
            (Some(old), Some(new)) => widths::schemas(key, &old, &new, Side::Inside, changes),
            _ => changes.extend(written),
        }
    }

    fn texts(&self, key: &str, old: &Tree, new: &Tree, programs: (Programs<'_>, Programs<'_>)) -> Option<Change> {
        let (a, b) = (old.as_str()?, new.as_str()?);
        let same_name = |old: &str, new: &str| self.names.same_node(old, new);
        let change = |old: &str, new: &str| Some(Change::new(key, Some(old.into()), Some(new.into())));
        match (meaning(old, self.old, programs.0), meaning(new, self.new, programs.1)) {
            (Meaning::Expression(a), Meaning::Expression(b)) => {
                if alike(a, b, Form::Expression, &same_name) {
                    None
                } else {
                    change(a, b)
                }
            }
            (Meaning::Text(old, before, prompt), Meaning::Text(new, after, now)) => {
                let form = if prompt && now { Form::Template } else { Form::Value };
                let as_long = |text: &str| duration::parse(text).ok();
                let same = alike(old, new, form, &same_name)
                    || before.is_none() && after.is_none() && as_long(a).is_some() && as_long(a) == as_long(b)
                    || before.is_none() && self.names.same_node(a, b) && a != b
                    || self.names.same_declared(key, a, b);
                if same && function(a) == function(b) {
                    return None;
                }
                let file = match (before, after) {
                    (Some(old), Some(new)) if old != new => Some(format!("{old} → {new}")),
                    (old, new) => new.or(old).map(str::to_owned),
                };
                // What a script does is not to be seen in the name of its function.
                let (old, new) = if function(a) == function(b) { (old, new) } else { (a, b) };
                change(old, new).map(|change| Change { file, ..change })
            }
            _ => change(a, b),
        }
    }
}

/// The function in `js:file.js#function`.
fn function(run: &str) -> Option<&str> {
    run.strip_prefix("js:").and_then(|run| run.split_once('#')).map(|(_, function)| function)
}

fn meaning<'a>(leaf: &'a Tree, files: Files<'a>, programs: Programs<'a>) -> Meaning<'a> {
    let text = leaf.as_str().unwrap_or("");
    let path = text.strip_prefix("js:").map_or(text, |run| run.split('#').next().unwrap_or(run));
    let file = Some(path).filter(|path| files.text(path).is_some());
    match programs.find(leaf) {
        Some(Program::Expression(expression)) => Meaning::Expression(expression.source()),
        // With what it includes.
        Some(Program::Template(template)) => Meaning::Text(template.source(), file, true),
        _ if programs.is_until(text) => Meaning::Expression(text),
        _ => match file.and_then(|path| files.text(path)) {
            Some(content) => Meaning::Text(content, file, false),
            None => Meaning::Text(text, None, false),
        },
    }
}
