//! Types before and after: which way they moved, and what that means to callers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Callers, Change, Moved};
use crate::schema::{Field, ObjectType, Schema, Type};

/// Who is on the other side of a type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Callers, who send such values.
    Input,
    /// Callers, who read them.
    Output,
    /// Only the app itself.
    Inside,
}

/// Words of a schema that only people and models read.
const ABOUT: [&str; 5] = ["description", "title", "examples", "$comment", "x-labels"];
/// Words that the type says.
const TYPED: [&str; 8] =
    ["type", "properties", "required", "items", "enum", "const", "additionalProperties", "default"];

/// What changed from a schema to another, field by field.
pub(super) fn schemas(key: &str, old: &Schema, new: &Schema, side: Side, changes: &mut Vec<Change>) {
    if old.json() == new.json() && old.ty == new.ty {
        return;
    }
    types(key, &old.ty, &new.ty, side, changes);
    words(key, old.json(), new.json(), side, changes);
}

/// What changed from a type to another, field by field.
pub(super) fn types(key: &str, old: &Type, new: &Type, side: Side, changes: &mut Vec<Change>) {
    if old == new {
        return;
    }
    if let (Type::Object(a), Type::Object(b)) = (old, new) {
        return objects(key, a, b, side, changes);
    }
    if let (Type::List(a), Type::List(b)) = (old, new)
        && matches!((&**a, &**b), (Type::Object(_), Type::Object(_)))
    {
        return types(&join(key, "[]"), a, b, side, changes);
    }
    let moved = moved(old, new);
    let change = Change::new(if key.is_empty() { "type" } else { key }, Some(shown(old)), Some(shown(new)));
    changes.push(Change { moved: Some(moved), callers: callers(side, old, new), ..change });
}

fn shown(ty: &Type) -> Value {
    format!("{ty:#}").into()
}

fn moved(old: &Type, new: &Type) -> Moved {
    match (new.accepts(old), old.accepts(new)) {
        (true, false) => Moved::Wider,
        (false, true) => Moved::Narrower,
        // What is not known takes everything.
        (true, true) if new.is_any() => Moved::Wider,
        (true, true) if old.is_any() => Moved::Narrower,
        _ => Moved::Other,
    }
}

/// Whether all values that fit the one fit the other, in the direction in which they go.
fn callers(side: Side, old: &Type, new: &Type) -> Option<Callers> {
    let (to, from) = match side {
        Side::Input => (new, old),
        Side::Output => (old, new),
        Side::Inside => return None,
    };
    Some(match to.accepts(from) {
        false => Callers::Break,
        true if from.is_any() && !to.is_any() => Callers::Unclear,
        true => Callers::Fit,
    })
}

fn objects(key: &str, old: &ObjectType, new: &ObjectType, side: Side, changes: &mut Vec<Change>) {
    for (name, field) in &old.fields {
        let key = join(key, name);
        match new.fields.get(name) {
            Some(now) => self::field(&key, field, now, side, changes),
            None => {
                let broken = match side {
                    Side::Input => !new.open,
                    Side::Output => true,
                    Side::Inside => false,
                };
                let callers = (side != Side::Inside).then_some(if broken { Callers::Break } else { Callers::Fit });
                let change = Change::new(key, Some(described(field)), None);
                changes.push(Change { callers, ..change });
            }
        }
    }
    for (name, field) in new.fields.iter().filter(|(name, _)| !old.fields.contains_key(*name)) {
        let needed = field.required && !field.ty.may_be_null();
        let callers = match side {
            Side::Input => Some(if needed { Callers::Break } else { Callers::Fit }),
            Side::Output => Some(Callers::Fit),
            Side::Inside => None,
        };
        changes.push(Change { callers, ..Change::new(join(key, name), None, Some(described(field))) });
    }
    if old.open != new.open {
        let broken = (side == Side::Input && !new.open) || (side == Side::Output && new.open);
        let callers = (side != Side::Inside).then_some(if broken { Callers::Unclear } else { Callers::Fit });
        let moved = Some(if new.open { Moved::Wider } else { Moved::Narrower });
        let change = Change::new(join(key, "other fields"), Some(old.open.into()), Some(new.open.into()));
        changes.push(Change { moved, callers, ..change });
    }
}

/// A field's type, and that it may be left out.
fn described(field: &Field) -> Value {
    let optional = !field.required && field.default.is_none() && !field.ty.may_be_null();
    format!("{:#}{}", field.ty, if optional { ", optional" } else { "" }).into()
}

fn field(key: &str, old: &Field, new: &Field, side: Side, changes: &mut Vec<Change>) {
    types(key, &old.ty, &new.ty, side, changes);
    let needed = |field: &Field| field.required && !field.ty.may_be_null();
    if needed(old) != needed(new) && old.ty.may_be_null() == new.ty.may_be_null() {
        let callers = match side {
            Side::Input => Some(if needed(new) { Callers::Break } else { Callers::Fit }),
            Side::Output => Some(if needed(new) { Callers::Fit } else { Callers::Break }),
            Side::Inside => None,
        };
        let change = Change::new(join(key, "required"), Some(needed(old).into()), Some(needed(new).into()));
        changes.push(Change { callers, ..change });
    }
    if old.default != new.default {
        let change = Change::new(join(key, "default"), old.default.clone(), new.default.clone());
        let callers = (side != Side::Inside).then_some(Callers::Fit);
        changes.push(Change { callers, ..change });
    }
}

/// What changed in the words of a schema that its type does not know: bounds, patterns, descriptions.
fn words(key: &str, old: &Value, new: &Value, side: Side, changes: &mut Vec<Change>) {
    let (Value::Object(a), Value::Object(b)) = (old, new) else { return };
    for (word, nested) in [("properties", true), ("items", false)] {
        match (a.get(word), b.get(word)) {
            (Some(Value::Object(a)), Some(Value::Object(b))) if nested => {
                for (name, old) in a {
                    if let Some(new) = b.get(name) {
                        words(&join(key, name), old, new, side, changes);
                    }
                }
            }
            (Some(a), Some(b)) if !nested => words(&join(key, "[]"), a, b, side, changes),
            _ => {}
        }
    }
    let all: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for word in all.into_iter().filter(|word| !TYPED.contains(&word.as_str()) && a.get(*word) != b.get(*word)) {
        let about = ABOUT.contains(&word.as_str());
        if about && side != Side::Inside {
            continue;
        }
        let (old, new) = (a.get(word), b.get(word));
        if let ("x-labels", Some(Value::Object(old)), Some(Value::Object(new))) = (word.as_str(), old, new) {
            labels(key, old, new, changes);
            continue;
        }
        let callers = (side != Side::Inside).then(|| bound(word, old, new, side));
        let word = if word == "x-labels" { "labels" } else { word };
        changes.push(Change { callers, ..Change::new(join(key, word), old.cloned(), new.cloned()) });
    }
}

/// What the labels of an enum are said to mean. Labels that came or went are in the type.
fn labels(key: &str, old: &Map<String, Value>, new: &Map<String, Value>, changes: &mut Vec<Change>) {
    for (label, before) in old {
        if let Some(after) = new.get(label).filter(|after| *after != before) {
            let key = join(&join(key, "labels"), label);
            changes.push(Change::new(key, Some(before.clone()), Some(after.clone())));
        }
    }
}

/// Whether a bound that moved leaves callers alone.
fn bound(word: &str, old: Option<&Value>, new: Option<&Value>, side: Side) -> Callers {
    let number = |value: Option<&Value>, none: f64| value.map_or(Some(none), Value::as_f64);
    let looser = if word.starts_with("max") || word.starts_with("exclusiveMax") {
        number(old, f64::INFINITY).zip(number(new, f64::INFINITY)).map(|(old, new)| new >= old)
    } else if word.starts_with("min") || word.starts_with("exclusiveMin") {
        number(old, f64::NEG_INFINITY).zip(number(new, f64::NEG_INFINITY)).map(|(old, new)| new <= old)
    } else if new.is_none() {
        Some(true)
    } else if old.is_none() {
        Some(false)
    } else {
        None
    };
    match (looser, side) {
        (Some(true), Side::Input) | (Some(false), Side::Output) => Callers::Fit,
        (Some(_), _) => Callers::Break,
        (None, _) => Callers::Unclear,
    }
}

pub(super) fn join(key: &str, name: &str) -> String {
    match (key, name) {
        ("", name) => name.to_owned(),
        (key, "[]") => format!("{key}[]"),
        (key, name) => format!("{key}.{name}"),
    }
}
