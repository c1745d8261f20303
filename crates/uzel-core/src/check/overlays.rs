//! Overlays: files that change an app's surroundings for one place it runs in (models, limits, flags), never its graph.
//!
//! Maps are merged key by key, anything else is replaced, `null` removes a key. Every value keeps the place where it is
//! written, so what is wrong with one is told in the file that has it.

use super::files::Reader;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    source::Span,
    yaml::{Data, Entry, Text, Tree},
};

/// Sections that an overlay may change.
const OPEN: [&str; 5] = ["models", "connections", "limits", "flags", "defaults"];

/// Sections of named things.
const NAMED: [&str; 3] = ["models", "connections", "flags"];

/// The app file's tree with the overlays over it, in their order. What an overlay may not change is reported.
pub(super) fn apply(mut tree: Tree, overlays: &[String], reader: &mut Reader<'_>, out: &mut Diagnostics) -> Tree {
    let mut added: Vec<(&str, Text)> = vec![];
    for path in overlays {
        let Some(overlay) = reader.tree(path, out) else { continue };
        let Data::Map(entries) = overlay.data else {
            let help = "write the sections that are different, such as `models:` or `limits:`";
            out.push(Diagnostic::new(Code::WRONG_SHAPE, overlay.span, "an overlay must be a map").help(help));
            continue;
        };
        for entry in entries {
            section(&mut tree, entry, &mut added, out);
        }
    }
    for (section, name) in added {
        unknown(&tree, section, &name, out);
    }
    tree
}

/// Puts one section over that of the app.
fn section(tree: &mut Tree, entry: Entry, added: &mut Vec<(&'static str, Text)>, out: &mut Diagnostics) {
    let key = entry.key.as_str();
    let Some(open) = OPEN.into_iter().find(|open| *open == key) else {
        // Each file may say which version of the language it is written in.
        match key {
            _ if key.starts_with("x-") => {}
            "version" if entry.value.to_json() == 1 => {}
            "version" => {
                let message = format!("this program knows version 1 of the app file, not {}", entry.value.to_json());
                out.push(Diagnostic::new(Code::BAD_VERSION, entry.value.span, message).help("write `version: 1`"));
            }
            _ => refuse(tree, &entry.key, out),
        }
        return;
    };
    let named = NAMED.contains(&open);
    let shaped = |value: &Tree| !named || matches!(value.data, Data::Map(_) | Data::Null);
    let Data::Map(sections) = &mut tree.data else { return };
    let Some(known) = sections.iter_mut().find(|known| known.key.as_str() == open) else {
        if let (true, Data::Map(names)) = (named, &entry.value.data) {
            added.extend(names.iter().map(|name| (open, name.key.clone())));
        }
        sections.push(entry);
        return;
    };
    // A section that is no map is reported as if the app file had it.
    if named && shaped(&entry.value) && !known.value.is_null() {
        let names = entry.value.as_map().unwrap_or_default();
        let new = names.iter().filter(|name| !name.value.is_null() && known.value.get(name.key.as_str()).is_none());
        added.extend(new.map(|name| (open, name.key.clone())));
    }
    put(known, entry);
}

/// A section that only the app file may write.
fn refuse(tree: &Tree, key: &Text, out: &mut Diagnostics) {
    let message = format!("an overlay cannot change `{}`", key.as_str());
    let list: Vec<String> = OPEN.iter().map(|open| format!("`{open}`")).collect();
    let near = did_you_mean(key.as_str(), OPEN.into_iter().filter(|_| tree.get(key.as_str()).is_none()));
    let help = near.unwrap_or_else(|| {
        format!("an overlay changes {}; what differs in the graph can depend on a flag", list.join(", "))
    });
    let at: Vec<Span> = tree.entry(key.as_str()).map(|entry| entry.key.span).into_iter().collect();
    let problem = Diagnostic::new(Code::OVERLAY_CLOSED, key.span, message).help(help);
    out.push(at.into_iter().fold(problem, |problem, at| problem.label(at, "the app file says it")));
}

/// Puts an entry over another.
fn put(known: &mut Entry, over: Entry) {
    match (&mut known.value.data, over.value.data) {
        (Data::Map(entries), Data::Map(more)) => {
            for entry in more {
                let place = entries.iter().position(|known| known.key == entry.key);
                match place {
                    Some(at) if entry.value.is_null() => drop(entries.remove(at)),
                    Some(at) => put(&mut entries[at], entry),
                    None if entry.value.is_null() => {}
                    None => entries.push(entry),
                }
            }
        }
        (_, data) => *known = Entry { key: over.key, value: Tree { span: over.value.span, data } },
    }
}

/// A name that the app file does not have. Only a model that another falls back to is new for a reason.
fn unknown(tree: &Tree, section: &str, name: &Text, out: &mut Diagnostics) {
    let entries = tree.get(section).and_then(Tree::as_map).unwrap_or_default();
    let falls_back = |entry: &Entry| {
        let list = entry.value.get("fallback").and_then(Tree::as_list).unwrap_or_default();
        list.iter().any(|model| model.as_str() == Some(name.as_str()))
    };
    let removed = !entries.iter().any(|entry| entry.key == *name);
    if removed || name.starts_with("x-") || section == "models" && entries.iter().any(falls_back) {
        return;
    }
    let others: Vec<&str> =
        entries.iter().map(|entry| entry.key.as_str()).filter(|other| *other != name.as_str()).collect();
    let message = format!("the app file has no `{}` under `{section}`", name.as_str());
    let help = did_you_mean(name.as_str(), others.iter().copied()).unwrap_or_else(|| {
        if others.is_empty() {
            "an overlay changes what the app file declares: declare it there".to_owned()
        } else {
            format!("`{section}` has {}", others.join(", "))
        }
    });
    out.push(Diagnostic::new(Code::OVERLAY_UNKNOWN, name.span, message).help(help));
}
