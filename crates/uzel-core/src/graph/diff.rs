//! What changed between two graphs in what they do. Called by `uzel diff`.
//!
//! Compared are checked graphs, not texts: comments, order, quotes, files that moved with their content, blanks in
//! expressions and descriptions for people are no difference.

mod declared;
mod nodes;
mod text;
mod values;
mod widths;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use self::{
    values::{Names, Values},
    widths::Side,
};
use super::Graph;
use crate::{
    document::Limits,
    duration,
    schema::{Schema, same},
    yaml::{self, Tree},
};

/// What changed between two graphs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Difference {
    /// In the order of an app file: inputs and output first, then what is declared, then nodes.
    pub parts: Vec<Part>,
}

/// A part of an app that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// The section of the file: `nodes`, `models`, `inputs`.
    pub section: String,
    /// Its name there; with those around it for nodes in bodies: `notes.summarise`. Empty for a section as a whole.
    pub name: String,
    /// What happened to it.
    pub change: Way,
    /// Its name before, if it has probably been renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The kind of a node, the sort of a tool.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// What is different in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// One thing that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The keys that lead to it: `with.amount`, `retry.max`.
    pub key: String,
    /// What happened to it.
    pub change: Way,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// The files that hold it, if it is in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Of a type: how it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// Of the app's inputs and outputs: whether who calls the app may stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Callers>,
}

/// What happened to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// Its name is probably another one, and nothing else.
    Renamed,
    /// It is different.
    Changed,
}

/// How a type moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Moved {
    /// It takes all that it took, and more.
    Wider,
    /// It takes only a part of what it took.
    Narrower,
    /// It takes something else.
    Other,
}

/// What a change means to those who call the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Callers {
    /// What they send is taken, what they read is there.
    Fit,
    /// Not all of it.
    Break,
    /// It depends on the values.
    Unclear,
}

impl Difference {
    /// Whether both do the same.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What the changes mean to those who call the app; the worst of them.
    pub fn callers(&self) -> Callers {
        let all = || self.parts.iter().flat_map(|part| &part.changes).filter_map(|change| change.callers);
        let worst = [Callers::Break, Callers::Unclear].into_iter().find(|worst| all().any(|callers| callers == *worst));
        worst.unwrap_or(Callers::Fit)
    }

    /// As JSON: `{ same, callers, parts }`.
    pub fn json(&self) -> Value {
        json!({ "same": self.is_empty(), "callers": self.callers(), "parts": self.parts })
    }

    /// For people, part by part.
    pub fn text(&self) -> String {
        text::text(self)
    }

    fn part(&mut self, section: &str, changes: Vec<Change>) {
        if !changes.is_empty() {
            let section = section.to_owned();
            let (name, kind) = (String::new(), String::new());
            self.parts.push(Part { section, name, change: Way::Changed, from: None, kind, changes });
        }
    }
}

impl Change {
    /// A change from something to something; one of them may be nothing.
    fn new(key: impl Into<String>, old: Option<Value>, new: Option<Value>) -> Self {
        let change = match (&old, &new) {
            (None, _) => Way::Added,
            (_, None) => Way::Removed,
            _ => Way::Changed,
        };
        Self { key: key.into(), change, old, new, file: None, moved: None, callers: None }
    }
}

/// What changed from one graph to another.
pub fn compare(old: &Graph, new: &Graph) -> Difference {
    let mut names = Names::default();
    let declared = declared::compare(old, new, &mut names);
    let values = Values { old: Files::of(old, old), new: Files::of(new, new), names };
    app(old, new, declared, values)
}

/// A setting, unless it is only written on one side and is the default of the part's schema.
fn written<'t>(key: &str, tree: &'t Tree, other: &Tree, schema: fn() -> schemars::Schema) -> Option<&'t Tree> {
    let value = tree.get(key)?;
    if other.get(key).is_some() {
        return Some(value);
    }
    let schema = schema().to_value();
    let default = schema.get("properties").and_then(|properties| properties.get(key)?.get("default"));
    let is_default = default.is_some_and(|default| same(&value.to_json(), default));
    (!is_default).then_some(value)
}

/// The keys of two maps, those of the first before those that only the second has.
fn keys<'t>(old: &'t Tree, new: &'t Tree) -> impl Iterator<Item = &'t str> {
    let of = |tree: &'t Tree| tree.as_map().unwrap_or_default().iter().map(|entry| entry.key.as_str());
    of(old).chain(of(new).filter(|key| old.entry(key).is_none()))
}

/// The files of an app and where its folder is among them.
#[derive(Clone, Copy)]
struct Files<'g> {
    files: &'g BTreeMap<String, Vec<u8>>,
    folder: &'g str,
}

impl<'g> Files<'g> {
    /// The files of `app`, which `outermost` runs or is.
    fn of(outermost: &'g Graph, app: &'g Graph) -> Self {
        Self { files: &outermost.files, folder: &app.folder }
    }

    fn text(self, path: &str) -> Option<&'g str> {
        let bytes = self.files.get(path).or_else(|| self.files.get(&format!("{}{path}", self.folder)))?;
        std::str::from_utf8(bytes).ok()
    }

    /// The app file as a tree, for what a graph does not keep as it is written.
    fn tree(self, main: &str) -> Option<Tree> {
        let (mut out, id) = (crate::diagnostic::Diagnostics::default(), crate::source::SourceId(0));
        yaml::parse(id, self.text(main)?, &mut out)
    }
}

/// Two apps, given what changed in what they declare.
fn app(old: &Graph, new: &Graph, declared: Vec<Part>, values: Values<'_>) -> Difference {
    let mut found = Difference::default();
    let mut changes = vec![];
    if old.name != new.name {
        changes.push(Change::new("name", Some(old.name.as_str().into()), Some(new.name.as_str().into())));
    }
    found.part("app", changes);
    let mut changes = vec![];
    widths::schemas("", &old.inputs, &new.inputs, Side::Input, &mut changes);
    found.part("inputs", changes);
    let (mut nodes, values) = nodes::compare(&old.nodes, &new.nodes, "", values);
    let mut changes = vec![];
    widths::schemas("", &Schema::of(old.gives.clone()), &Schema::of(new.gives.clone()), Side::Output, &mut changes);
    let (before, after) = (values.old.tree(&old.main), values.new.tree(&new.main));
    let output = |tree: &Option<Tree>| tree.as_ref().and_then(|tree| tree.get("output")).cloned();
    values.trees("value", output(&before).as_ref(), output(&after).as_ref(), &mut changes);
    found.part("output", changes);
    found.part("secrets", secrets(old, new));
    found.parts.extend(declared);
    found.part("flags", flags(old, new));
    found.part("limits", limits(&old.limits, &new.limits, ""));
    found.part("defaults", defaults((before.as_ref(), after.as_ref()), &values, &mut nodes));
    found.parts.extend(nodes);
    found.part("files", files(old, new, &found));
    found
}

/// What changed in many nodes because it changed in the defaults. It is taken out of the nodes.
fn defaults((old, new): (Option<&Tree>, Option<&Tree>), values: &Values<'_>, nodes: &mut Vec<Part>) -> Vec<Change> {
    let section = |tree: Option<&'_ Tree>| tree.and_then(|tree| tree.get("defaults")).cloned();
    let mut written = vec![];
    values.trees("", section(old).as_ref(), section(new).as_ref(), &mut written);
    if written.is_empty() {
        return vec![];
    }
    let same = |a: &Change, b: &Change| a.key == b.key && a.old == b.old && a.new == b.new;
    let mut found: Vec<(Change, usize)> = vec![];
    for change in nodes.iter().flat_map(|part| &part.changes).filter(|change| nodes::is_policy(&change.key)) {
        match found.iter_mut().find(|(known, _)| same(known, change)) {
            Some((_, count)) => *count += 1,
            None => found.push((change.clone(), 1)),
        }
    }
    let lifted: Vec<Change> = found.into_iter().filter(|(_, count)| *count > 1).map(|(change, _)| change).collect();
    for part in nodes.iter_mut() {
        part.changes.retain(|change| !lifted.iter().any(|lifted| same(lifted, change)));
    }
    nodes.retain(|part| part.change != Way::Changed || !part.changes.is_empty());
    lifted
}

fn secrets(old: &Graph, new: &Graph) -> Vec<Change> {
    let gone = old.secrets.iter().filter(|name| !new.secrets.contains(name));
    let gone = gone.map(|name| Change::new(name.as_str(), Some(Value::Null), None));
    let more = new.secrets.iter().filter(|name| !old.secrets.contains(name));
    gone.chain(more.map(|name| Change::new(name.as_str(), None, Some(Value::Null)))).collect()
}

fn flags(old: &Graph, new: &Graph) -> Vec<Change> {
    let mut changes = vec![];
    for (name, flag) in &old.flags {
        match new.flags.get(name) {
            None => changes.push(Change::new(name.as_str(), Some(flag.default.clone()), None)),
            Some(now) => {
                widths::schemas(name, &flag.schema, &now.schema, Side::Inside, &mut changes);
                if flag.default != now.default {
                    let (old, new) = (flag.default.clone(), now.default.clone());
                    changes.push(Change::new(format!("{name}.default"), Some(old), Some(new)));
                }
            }
        }
    }
    let added = new.flags.iter().filter(|(name, _)| !old.flags.contains_key(*name));
    changes.extend(added.map(|(name, flag)| Change::new(name.as_str(), None, Some(flag.default.clone()))));
    changes
}

/// Limits of an app, or of a node, whose keys have that in front of them.
fn limits(old: &Limits, new: &Limits, prefix: &str) -> Vec<Change> {
    let time = |text: Option<duration::DurationText>| text.map(|text| Value::from(text.to_string()));
    let pairs = [
        ("cost_usd", old.cost_usd.map(Value::from), new.cost_usd.map(Value::from)),
        ("tokens", old.tokens.map(Value::from), new.tokens.map(Value::from)),
        ("calls", old.calls.map(Value::from), new.calls.map(Value::from)),
        ("duration", time(old.duration), time(new.duration)),
        ("active", time(old.active), time(new.active)),
    ];
    let changed = pairs.into_iter().filter(|(_, old, new)| old != new);
    changed.map(|(key, old, new)| Change::new(format!("{prefix}{key}"), old, new)).collect()
}

/// Files that changed and that no part has spoken of: what prompts and scripts take in.
fn files(old: &Graph, new: &Graph, found: &Difference) -> Vec<Change> {
    let named = |path: &str| {
        let of = |change: &Change| change.file.as_ref().is_some_and(|file| file.split(" → ").any(|file| file == path));
        found.parts.iter().flat_map(|part| &part.changes).any(of)
    };
    let is_app = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
    let text = |bytes: &Vec<u8>| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let mut changes = vec![];
    for (path, bytes) in &old.files {
        // A file that only one of them has is used by something that is different, too.
        let Some(now) = new.files.get(path).filter(|now| *now != bytes) else { continue };
        if !is_app(path) && !named(path) {
            let change = Change::new(path.as_str(), Some(text(bytes)), Some(text(now)));
            changes.push(Change { file: Some(path.clone()), ..change });
        }
    }
    changes
}
