//! Types as they are written in app files: the shorthand, and full JSON Schema.
//!
//! A map is JSON Schema when it has `type` with the name of a JSON type, `$ref`, `enum`, `const`, `anyOf`, `oneOf`,
//! `allOf` or `properties`, *and* every other key is a word of JSON Schema too. Any other map is a map of fields. So
//! `{ type: string, id: string }` has two fields, and `{ type: string, description: the id }` is a text.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{Field, ObjectType, Schema, Type, shorthand};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    yaml::{Data, Entry, Tree},
};

/// The words of JSON Schema 2020-12 that may stand in a schema here.
const KEYWORDS: &[&str] = &[
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "default",
    "definitions",
    "dependentRequired",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// What the labels of an enum mean: `{ enum: { refund: wants the money back, question: asks something } }`.
const LABELS: &str = "x-labels";

/// JSON's own names of types.
const JSON_TYPES: &[&str] = &["string", "integer", "number", "boolean", "object", "array", "null"];

/// Whether JSON Schema has this word, as far as it may stand in a schema here.
pub(crate) fn is_word(key: &str) -> bool {
    KEYWORDS.contains(&key)
}

/// Whether a tree is JSON Schema; see the head of this file.
pub(super) fn is_json_schema(tree: &Tree) -> bool {
    tree.as_map().is_some_and(is_schema)
}

/// Reads a type.
pub(super) fn schema(tree: &Tree, out: &mut Diagnostics) -> Option<Schema> {
    let (ty, json) = node(tree, out)?;
    finish(tree, ty, json, out)
}

/// Reads a map of fields.
pub(super) fn fields_schema(tree: &Tree, out: &mut Diagnostics) -> Option<Schema> {
    let (ty, json) = match &tree.data {
        Data::Map(entries) => fields(entries, out)?,
        _ => {
            let diagnostic = Diagnostic::new(Code::BAD_TYPE, tree.span, "a map of fields is wanted here")
                .help("write `name: type` for each field, such as `message: string`");
            out.push(diagnostic);
            return None;
        }
    };
    finish(tree, ty, json, out)
}

/// Compiles the schema now unless it is sure to be usable, so that one that cannot be used is an error of the document.
fn finish(tree: &Tree, ty: Type, json: Value, out: &mut Diagnostics) -> Option<Schema> {
    match Schema::compiled(ty, json) {
        Ok(schema) => Some(schema),
        Err(why) => {
            out.push(Diagnostic::new(Code::BAD_TYPE, tree.span, format!("this JSON Schema cannot be used: {why}")));
            None
        }
    }
}

fn node(tree: &Tree, out: &mut Diagnostics) -> Option<(Type, Value)> {
    match &tree.data {
        Data::Text(text) => {
            let ty = shorthand::parse(text, out)?;
            let json = ty.to_json_schema();
            Some((ty, json))
        }
        Data::List(items) => match items.as_slice() {
            [item] => {
                let (ty, mut json) = node(item, out)?;
                rebase(&mut json, "/items");
                Some((Type::list(ty), json!({ "type": "array", "items": json })))
            }
            _ => {
                let message = "the type of a list names the type of its items once";
                let diagnostic = Diagnostic::new(Code::BAD_TYPE, tree.span, message)
                    .help("write `[string]` for a list of texts, `{ enum: [a, b] }` for one of several values");
                out.push(diagnostic);
                None
            }
        },
        Data::Map(entries) if is_schema(entries) => Some(full(tree, entries, out)),
        Data::Map(entries) => fields(entries, out),
        _ => {
            let message = "a type is wanted here";
            let help = "write `string`, `integer`, `number`, `boolean`, `[string]`, `string | null`, `{ enum: [a, b] }` \
                        or a map of fields";
            out.push(Diagnostic::new(Code::BAD_TYPE, tree.span, message).help(help));
            None
        }
    }
}

/// Whether a map is JSON Schema; see the head of this file.
fn is_schema(entries: &[Entry]) -> bool {
    let marks = entries.iter().any(|entry| match (entry.key.as_str(), &entry.value.data) {
        ("type", Data::Text(text)) => text.as_str().split('|').all(|name| JSON_TYPES.contains(&name.trim())),
        ("type", Data::List(names)) => {
            names.iter().all(|n| matches!(&n.data, Data::Text(t) if JSON_TYPES.contains(&t.as_str())))
        }
        ("$ref", Data::Text(_)) | ("enum" | "anyOf" | "oneOf" | "allOf", Data::List(_)) => true,
        ("properties" | "enum", Data::Map(_)) => true,
        ("const", data) => !matches!(data, Data::Map(_)),
        _ => false,
    });
    marks && entries.iter().all(|entry| KEYWORDS.contains(&entry.key.as_str()))
}

/// Full JSON Schema, in which nested types may be shorthand.
fn full(tree: &Tree, entries: &[Entry], out: &mut Diagnostics) -> (Type, Value) {
    let json = normal(entries, out);
    let mut ty = Type::from_json_schema(&json);
    place(&mut ty, tree);
    (ty, json)
}

/// The schema as JSON, with shorthand inside it written out.
fn normal(entries: &[Entry], out: &mut Diagnostics) -> Value {
    let mut map = Map::new();
    for entry in entries {
        let value = match (entry.key.as_str(), &entry.value.data) {
            ("type", Data::Text(text)) if text.as_str().contains('|') => {
                text.as_str().split('|').map(|name| Value::from(name.trim())).collect()
            }
            ("properties" | "$defs" | "definitions" | "patternProperties", Data::Map(inner)) => {
                inner.iter().map(|e| (e.key.as_str().to_owned(), nested(&e.value, out))).collect::<Map<_, _>>().into()
            }
            ("items" | "additionalProperties" | "not" | "contains" | "if" | "then" | "else" | "propertyNames", _) => {
                nested(&entry.value, out)
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Data::List(items)) => {
                items.iter().map(|item| nested(item, out)).collect()
            }
            ("enum", Data::Map(labels)) => {
                map.insert(LABELS.into(), entry.value.to_json());
                labels.iter().map(|label| Value::from(label.key.as_str())).collect()
            }
            _ => entry.value.to_json(),
        };
        map.insert(entry.key.as_str().to_owned(), value);
    }
    map.into()
}

/// A schema in a schema. There a map of nothing but words of JSON Schema is one even if it names no type; any other map has
/// fields, which a validator would take for words that it does not know, and let everything pass.
fn nested(tree: &Tree, out: &mut Diagnostics) -> Value {
    match &tree.data {
        Data::Map(entries) if entries.iter().all(|entry| is_word(entry.key.as_str())) => normal(entries, out),
        Data::Bool(_) => tree.to_json(),
        _ => node(tree, out).map_or(json!({}), |(_, json)| json),
    }
}

/// Lets references of a schema that becomes a part of another lead where they led: `#` is the whole, which it now is not.
fn rebase(json: &mut Value, to: &str) {
    match json {
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, to)),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), value) {
                    ("$ref", Value::String(target)) if target == "#" || target.starts_with("#/") => {
                        target.insert_str(1, to);
                    }
                    // These hold values, not schemas.
                    ("enum" | "const" | "default" | "examples", _) => {}
                    (_, value) => rebase(value, to),
                }
            }
        }
        _ => {}
    }
}

/// Notes at the fields of a type where they are declared.
fn place(ty: &mut Type, tree: &Tree) {
    match ty {
        Type::Object(object) => {
            let properties = if is_json_schema(tree) { tree.get("properties") } else { Some(tree) };
            let Some(Tree { data: Data::Map(properties), .. }) = properties else { return };
            for entry in properties {
                if let Some(field) = Arc::make_mut(object).fields.get_mut(entry.key.as_str()) {
                    field.at = Some(entry.key.span);
                    place(&mut field.ty, &entry.value);
                }
            }
        }
        Type::List(item) => {
            if let Some(items) = tree.get("items") {
                place(item, items);
            }
        }
        _ => {}
    }
}

/// A map of fields: all are required unless they may be null or have a default.
fn fields(entries: &[Entry], out: &mut Diagnostics) -> Option<(Type, Value)> {
    let mut object = ObjectType { fields: IndexMap::new(), open: false };
    let mut properties = Map::new();
    let mut whole = true;
    for entry in entries {
        let Some((ty, mut json)) = node(&entry.value, out) else {
            whole = false;
            hint_keyword(entries, entry, out);
            continue;
        };
        let default = json.get("default").cloned();
        let description = json.get("description").and_then(Value::as_str).map(str::to_owned);
        check_default(entry, &ty, default.as_ref(), out);
        let required = default.is_none() && !ty.may_be_null();
        rebase(&mut json, &format!("/properties/{}", entry.key.as_str().replace('~', "~0").replace('/', "~1")));
        properties.insert(entry.key.as_str().to_owned(), json);
        let field = Field { ty, required, default, description, at: Some(entry.key.span) };
        object.fields.insert(entry.key.as_str().to_owned(), field);
    }
    let required: Vec<&String> = object.fields.iter().filter(|(_, f)| f.required).map(|(name, _)| name).collect();
    let mut json = json!({ "type": "object", "properties": properties });
    if let (Value::Object(map), false) = (&mut json, required.is_empty()) {
        map.insert("required".into(), json!(required));
    }
    if let Value::Object(map) = &mut json {
        map.insert("additionalProperties".into(), false.into());
    }
    whole.then_some((Type::Object(Arc::new(object)), json))
}

/// `{ type: integer, defualt: 5 }` is read as fields because of the unknown word; say so.
fn hint_keyword(entries: &[Entry], entry: &Entry, out: &mut Diagnostics) {
    let beside_type = entries.iter().any(|e| e.key.as_str() == "type");
    if !beside_type || KEYWORDS.contains(&entry.key.as_str()) {
        return;
    }
    if let Some(help) = did_you_mean(entry.key.as_str(), KEYWORDS.iter().copied()) {
        let message = format!("`{}` is not a word of JSON Schema, so this map is read as fields", entry.key.as_str());
        out.push(Diagnostic::new(Code::BAD_TYPE, entry.key.span, message).help(help));
    }
}

/// A default must fit, unless an expression computes it.
fn check_default(entry: &Entry, ty: &Type, default: Option<&Value>, out: &mut Diagnostics) {
    let Some(default) = default else { return };
    let computed = default.as_str().is_some_and(|text| text.contains("${{"));
    if !computed && !ty.accepts_value(default) {
        let at = entry.value.get("default").map_or(entry.value.span, |tree| tree.span);
        out.push(Diagnostic::new(Code::BAD_TYPE, at, format!("the default {default} is not of type {ty}")));
    }
}
