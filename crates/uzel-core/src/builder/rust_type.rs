//! Types of Rust as an app file would write them: through JSON Schema, in shorthand where that says the same.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    diagnostic::Diagnostics,
    schema::{Schema, Type},
    source::{SourceId, Span},
    yaml::Tree,
};

/// Which way values go: what is read may lack fields with defaults, what is written has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    /// Values that Rust reads: inputs, arguments, forms, answers of models.
    Given,
    /// Values that Rust writes: results of functions.
    Made,
}

/// Names of formats that say how Rust keeps a number, which JSON does not know.
const RUST_FORMATS: [&str; 14] = [
    "int8", "int16", "int32", "int64", "int128", "int", "uint8", "uint16", "uint32", "uint64", "uint128", "uint",
    "float", "double",
];

/// Names of fields that would make JSON Schema of a map of fields.
const MARKS: [&str; 8] = ["type", "$ref", "enum", "const", "anyOf", "oneOf", "allOf", "properties"];

/// A type, in shorthand as far as possible.
pub(super) fn short<T: JsonSchema>(contract: Contract) -> Value {
    shorten(schema::<T>(contract), false)
}

/// The fields of a struct, for places that take nothing else. Whatever else a type is comes out as it is, and the check
/// says that fields are wanted.
pub(super) fn fields<T: JsonSchema>(contract: Contract) -> Value {
    shorten(schema::<T>(contract), true)
}

/// The type that a written one means.
pub(super) fn type_of(written: &Value) -> Type {
    let tree = Tree::from_json(written, Span::new(SourceId(0), 0..0));
    Schema::read(&tree, &mut Diagnostics::default()).map_or(Type::Any, |schema| schema.ty)
}

fn schema<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let settings = match contract {
        Contract::Given => settings.for_deserialize(),
        Contract::Made => settings.for_serialize(),
    };
    let mut schema = clean(settings.into_generator().into_root_schema_for::<T>().to_value());
    if let Value::Object(map) = &mut schema {
        // The doc comment of the type itself is for readers of the Rust program.
        map.remove("description");
    }
    schema
}

/// JSON Schema without what only Rust means by it. Structs know all of their fields, so objects are closed. What refers
/// to itself is inlined no further: there any value fits, and the function's own type decides.
fn clean(schema: Value) -> Value {
    let Value::Object(map) = schema else {
        return if schema == Value::Bool(false) { json!({ "not": {} }) } else { json!({}) };
    };
    if map.contains_key("$ref") {
        return json!({});
    }
    if let Some(labels) = labels(&map) {
        return labels;
    }
    let mut cleaned = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("$schema" | "$defs" | "title", _) => continue,
            ("format", Value::String(name)) if RUST_FORMATS.contains(&name.as_str()) => continue,
            ("properties" | "patternProperties", Value::Object(map)) => {
                map.into_iter().map(|(name, schema)| (name, clean(schema))).collect::<Map<_, _>>().into()
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(items)) => {
                items.into_iter().map(clean).collect()
            }
            ("items" | "additionalProperties", value @ Value::Object(_)) => clean(value),
            (_, value) => value,
        };
        cleaned.insert(key, value);
    }
    let closes = cleaned.contains_key("properties")
        && !["additionalProperties", "patternProperties", "unevaluatedProperties", "anyOf", "oneOf", "allOf"]
            .iter()
            .any(|key| cleaned.contains_key(*key));
    if closes {
        cleaned.insert("additionalProperties".to_owned(), false.into());
    }
    cleaned.into()
}

/// An enum without data: its values, with their doc comments as meanings where there are any.
fn labels(map: &Map<String, Value>) -> Option<Value> {
    let text_enum = |map: &Map<String, Value>| -> Option<Vec<String>> {
        let values = map.get("enum")?.as_array()?;
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    };
    if map.get("type").is_some_and(|name| name == "string")
        && let Some(values) = text_enum(map)
    {
        return Some(json!({ "enum": values }));
    }
    let mut found: Vec<(String, Option<String>)> = vec![];
    for option in map.get("oneOf")?.as_array()? {
        let option = option.as_object()?;
        if let Some(Value::String(value)) = option.get("const") {
            let meaning = option.get("description").and_then(Value::as_str).map(|text| text.replace('\n', " "));
            found.push((value.clone(), meaning));
        } else {
            found.extend(text_enum(option)?.into_iter().map(|value| (value, None)));
        }
    }
    if found.iter().all(|(_, meaning)| meaning.is_none()) {
        return Some(json!({ "enum": found.into_iter().map(|(value, _)| value).collect::<Vec<_>>() }));
    }
    let labels: Map<String, Value> = found
        .into_iter()
        .map(|(value, meaning)| {
            let meaning = meaning.unwrap_or_else(|| value.replace('_', " "));
            (value, meaning.into())
        })
        .collect();
    Some(json!({ "enum": labels }))
}

/// Shorthand where it says the same, else the schema. `as_fields`: the place takes a map of fields only.
fn shorten(schema: Value, as_fields: bool) -> Value {
    let Value::Object(map) = &schema else { return schema };
    if map.is_empty() {
        return "any".into();
    }
    let only = |keys: &[&str]| map.keys().all(|key| keys.contains(&key.as_str()));
    match map.get("type") {
        Some(Value::String(name)) if only(&["type"]) && is_simple(name) => name.as_str().into(),
        Some(Value::Array(names)) if only(&["type"]) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            let simple = names.iter().all(|name| is_simple(name) || *name == "null");
            if simple { names.join(" | ").into() } else { schema }
        }
        Some(Value::String(name)) if name == "array" && only(&["type", "items"]) => match map.get("items") {
            Some(items) => match shorten(items.clone(), false) {
                Value::String(text) if !text.contains(['|', '[']) => format!("[{text}]").into(),
                items => json!([items]),
            },
            None => schema,
        },
        Some(Value::Array(names)) if *names == ["array", "null"] && only(&["type", "items"]) => {
            match map.get("items").map(|items| shorten(items.clone(), false)) {
                Some(Value::String(text)) if !text.contains(['|', '[']) => format!("[{text}] | null").into(),
                _ => schema,
            }
        }
        Some(Value::String(name)) if name == "object" => field_map(map, as_fields).unwrap_or(schema),
        None if only(&["anyOf"]) => or_null(map).unwrap_or(schema),
        _ => schema,
    }
}

fn is_simple(name: &str) -> bool {
    matches!(name, "string" | "integer" | "number" | "boolean")
}

/// `anyOf: [{ enum: [a, b] }, { type: null }]`, which is what an optional enum is.
fn or_null(map: &Map<String, Value>) -> Option<Value> {
    let [one, null] = map.get("anyOf")?.as_array()?.as_slice() else { return None };
    if *null != json!({ "type": "null" }) {
        return None;
    }
    let mut values = one.get("enum")?.as_array()?.clone();
    values.push(Value::Null);
    Some(json!({ "enum": values }))
}

/// A map of fields, if that says what the object says: all fields are needed but those with a default or null.
fn field_map(map: &Map<String, Value>, as_fields: bool) -> Option<Value> {
    let known = ["type", "properties", "required", "additionalProperties"];
    if map.get("additionalProperties") != Some(&Value::Bool(false))
        || !map.keys().all(|key| known.contains(&key.as_str()))
    {
        return None;
    }
    let properties = map.get("properties")?.as_object()?;
    if !as_fields && properties.keys().any(|name| MARKS.contains(&name.as_str())) {
        return None;
    }
    let required: Vec<&str> =
        map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = Map::new();
    for (name, schema) in properties {
        let written = shorten(schema.clone(), false);
        let needed = schema.get("default").is_none() && !type_of(&written).may_be_null();
        if needed && !required.contains(&name.as_str()) && !as_fields {
            return None;
        }
        fields.insert(name.clone(), written);
    }
    Some(fields.into())
}
