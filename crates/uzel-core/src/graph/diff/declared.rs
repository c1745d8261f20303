//! Models, tools, connections and knowledge bases before and after.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::{
    Change, Files, Part, Way, keys,
    values::{Names, Programs, Values},
    written,
};
use crate::{
    graph::{Declaration, Graph},
    kind::{ConnectionDef, ModelDef, RetrieverDef, ToolDef},
    yaml::Tree,
};

/// What changed in what is declared. Names that are only new names are noted.
pub(super) fn compare(old: &Graph, new: &Graph, names: &mut Names) -> Vec<Part> {
    let (a, b) = (&old.declared, &new.declared);
    let files = (Files::of(old, old), Files::of(new, new));
    let mut parts = vec![];
    // What others are declared with comes first, so that its new names are known.
    let connections = both(&a.connections, &b.connections, |def: &ConnectionDef| def.schema);
    section("connections", connections, files, names, &mut parts);
    section("models", both(&a.models, &b.models, |def: &ModelDef| def.schema), files, names, &mut parts);
    section("knowledge", both(&a.knowledge, &b.knowledge, |def: &RetrieverDef| def.schema), files, names, &mut parts);
    section("tools", both(&a.tools, &b.tools, |def: &ToolDef| def.schema), files, names, &mut parts);
    parts
}

/// As they are written, and what they can be.
type Settings<'g> = (&'g Tree, fn() -> schemars::Schema);
type Named<'g> = IndexMap<&'g str, Settings<'g>>;

type Declarations<D, P> = IndexMap<String, Declaration<D, P>>;

fn both<'g, D, P>(
    old: &'g Declarations<D, P>,
    new: &'g Declarations<D, P>,
    schema: fn(&D) -> fn() -> schemars::Schema,
) -> (Named<'g>, Named<'g>) {
    let named = |all: &'g Declarations<D, P>| {
        all.iter().map(|(name, declared)| (name.as_str(), (&declared.tree, schema(&declared.def)))).collect()
    };
    (named(old), named(new))
}

fn section(
    section: &'static str,
    (old, new): (Named<'_>, Named<'_>),
    (before, after): (Files<'_>, Files<'_>),
    names: &mut Names,
    parts: &mut Vec<Part>,
) {
    let part = |name: &str, change, from: Option<&str>, tree: &Tree, changes| Part {
        section: section.to_owned(),
        name: name.to_owned(),
        change,
        from: from.map(str::to_owned),
        kind: tree.get("use").and_then(Tree::as_str).unwrap_or_default().to_owned(),
        changes,
    };
    let changes = |old: Settings<'_>, new: Settings<'_>, names: &Names| -> Vec<Change> {
        let values = Values { old: before, new: after, names: names.clone() };
        let mut changes = vec![];
        for key in keys(old.0, new.0) {
            let before = written(key, old.0, new.0, new.1);
            let after = written(key, new.0, old.0, new.1);
            match key {
                "params" | "output" if section == "tools" => {
                    values.schema(key, before, after, (Programs::default(), Programs::default()), &mut changes);
                }
                key => values.trees(key, before, after, &mut changes),
            }
        }
        changes
    };
    let mut taken = BTreeSet::new();
    for (name, tree) in &old {
        if let Some(now) = new.get(name) {
            let changes = changes(*tree, *now, names);
            if !changes.is_empty() {
                parts.push(part(name, Way::Changed, None, now.0, changes));
            }
            continue;
        }
        let same = |(other, now): &(&&str, &Settings<'_>)| {
            !old.contains_key(**other) && !taken.contains(**other) && changes(*tree, **now, names).is_empty()
        };
        match new.iter().find(same) {
            Some((renamed, now)) => {
                let renamed = *renamed;
                taken.insert(renamed);
                names.declared.insert((section, (*name).to_owned()), renamed.to_owned());
                parts.push(part(renamed, Way::Renamed, Some(name), now.0, vec![]));
            }
            None => parts.push(part(name, Way::Removed, None, tree.0, vec![])),
        }
    }
    for (name, tree) in new.iter().filter(|(name, _)| !old.contains_key(**name) && !taken.contains(**name)) {
        parts.push(part(name, Way::Added, None, tree.0, vec![]));
    }
}
