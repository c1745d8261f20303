//! The app file's tree without what is not looked at: notes that begin with `x-`, and parts of the language that this
//! version does not have, which are reported by name. Called before the tree is typed.

use schemars::schema_for;

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    document::Document,
    kind::KindDef,
    yaml::{Data, Entry, Text, Tree},
};

/// Sections whose entries are named by the author. A name that begins with `x-` is a note, mostly for an anchor.
const NAMED: [&str; 6] = ["models", "connections", "knowledge", "tools", "flags", "nodes"];

/// Keys at the top level that belong to the language and may be lacking here, and what to do without them.
const SECTIONS: [(&str, &str); 3] = [
    ("policies", "put a `guard` or a `human` node before what needs one"),
    ("triggers", "start runs with `uzel run` or from a program, when something happens"),
    ("expose", "a Rust program that loads the app can serve it"),
];

/// The same for kinds of nodes.
const KINDS: [(&str, &str); 1] = [("model", "call the model as a tool, with `use: http`")];

/// The same for the keys of kinds.
const KEYS: [(&str, &str, &str); 8] = [
    ("llm", "votes", "ask in several nodes, and let a `code` node count"),
    ("llm", "repair", "`retry` asks again when an answer does not fit, and says what was wrong"),
    ("llm", "cache", "nothing is asked twice in one run; keep answers of other runs by a `tool`"),
    ("tool", "cache", "nothing is asked twice in one run; keep results of other runs by a `tool`"),
    ("retrieve", "cache", "remove it: searching again is cheap"),
    ("retrieve", "filter", "leave documents out in a template: `{% for d in … if … %}`"),
    ("human", "quorum", "ask each person in a node of their own"),
    ("human", "remind", "write a `timeout` and `on_timeout`"),
];

/// The tree without notes and without sections that are not in this version.
pub(super) fn known(tree: &Tree, out: &mut Diagnostics) -> Tree {
    let Data::Map(entries) = &tree.data else { return tree.clone() };
    let kept = entries.iter().filter(|entry| {
        let lacking = SECTIONS.iter().find(|(key, _)| *key == entry.key.as_str());
        let Some((_, instead)) = lacking.filter(|(key, _)| !has(&schema_for!(Document), key)) else { return true };
        out.push(not_yet(&entry.key, "", instead));
        false
    });
    let kept = kept.map(|entry| if NAMED.contains(&entry.key.as_str()) { without_notes(entry) } else { entry.clone() });
    Tree { span: tree.span, data: Data::Map(kept.collect()) }
}

fn without_notes(section: &Entry) -> Entry {
    let Data::Map(entries) = &section.value.data else { return section.clone() };
    let kept = entries.iter().filter(|entry| !entry.key.starts_with("x-")).cloned().collect();
    Entry { key: section.key.clone(), value: Tree { span: section.value.span, data: Data::Map(kept) } }
}

/// A node's own keys without those that are not in this version.
pub(super) fn known_keys(kind: KindDef, config: Tree, out: &mut Diagnostics) -> Tree {
    let Data::Map(entries) = config.data else { return config };
    let (mut kept, mut schema) = (vec![], None);
    for entry in entries {
        let lacking = KEYS.iter().find(|(of, key, _)| *of == kind.name && *key == entry.key.as_str());
        match lacking {
            Some((_, key, instead)) if !has(schema.get_or_insert_with(kind.schema), key) => {
                out.push(not_yet(&entry.key, &format!(" of `{}`", kind.name), instead));
            }
            _ => kept.push(entry),
        }
    }
    Tree { span: config.span, data: Data::Map(kept) }
}

/// What to say of a kind that does not exist, if it belongs to the language.
pub(super) fn kind_of_later(kind: &Text) -> Option<Diagnostic> {
    let (_, instead) = KINDS.iter().find(|(name, _)| *name == kind.as_str())?;
    let message = format!("the kind `{}` is not in this version of uzel", kind.as_str());
    Some(Diagnostic::new(Code::NOT_YET, kind.span, message).help(*instead))
}

fn not_yet(key: &Text, of: &str, instead: &str) -> Diagnostic {
    let message = format!("`{}`{of} is not in this version of uzel", key.as_str());
    Diagnostic::new(Code::NOT_YET, key.span, message).help(format!("remove it; {instead}"))
}

/// Whether a schema has this key, so that what is in this version is never said not to be.
fn has(schema: &schemars::Schema, key: &str) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(key).is_some())
}
