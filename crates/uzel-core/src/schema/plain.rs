//! Which JSON Schemas are usable for certain, so that no validator has to be made to find out. Asked when documents are
//! read: making one takes longer than reading the node that it stands in.

use serde_json::{Map, Value};

/// Whether a schema has only words whose values have been looked at here. Of others nothing is said.
pub(super) fn is_plain(schema: &Value) -> bool {
    let Value::Object(words) = schema else { return schema.is_boolean() };
    words.iter().all(|(word, value)| match word.as_str() {
        "type" => is_type(value),
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
        "properties" => value.as_object().is_some_and(|properties| properties.values().all(is_plain)),
        "required" => value.as_array().is_some_and(|names| are_names(names, words)),
        "additionalProperties" | "items" => is_plain(value),
        "anyOf" => value.as_array().is_some_and(|some| !some.is_empty() && some.iter().all(is_plain)),
        "description" | "title" => value.is_string(),
        "default" => true,
        _ => false,
    })
}

fn is_type(value: &Value) -> bool {
    let known = |value: &Value| {
        let names = ["string", "integer", "number", "boolean", "object", "array", "null"];
        value.as_str().is_some_and(|name| names.contains(&name))
    };
    match value {
        Value::Array(names) => matches!(names.as_slice(), [a, b] if a != b && known(a) && known(b)),
        name => known(name),
    }
}

/// Names of properties, each once: as many as there are properties at most, so that comparing all stays cheap.
fn are_names(names: &[Value], words: &Map<String, Value>) -> bool {
    let Some(properties) = words.get("properties").and_then(Value::as_object) else { return names.is_empty() };
    names.len() <= properties.len().min(64)
        && names.iter().enumerate().all(|(at, name)| {
            name.as_str().is_some_and(|name| properties.contains_key(name)) && !names[..at].contains(name)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    #[test]
    fn what_is_called_plain_can_be_used() {
        let name = json!({ "type": "string", "description": "who" });
        let plain = [
            json!({}),
            json!(true),
            json!({ "type": ["string", "null"], "default": 3 }),
            json!({ "enum": ["a", 1, null, "a"] }),
            json!({ "type": "object", "properties": { "name": name }, "required": ["name"], "additionalProperties": false }),
            json!({ "anyOf": [{ "type": "array", "items": { "type": "integer" } }, { "type": "null" }] }),
        ];
        for schema in plain {
            assert!(is_plain(&schema), "{schema}");
            let made = Schema::from_json_schema(schema.clone()).expect("nothing is wrong with it");
            // The validator is made here.
            let why = made.check(&json!("x")).err().unwrap_or_default();
            assert!(why.iter().all(|violation| !violation.message.contains("cannot be used")), "{schema}: {why:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_not_plain() {
        let wrong = [
            json!({ "type": "strin" }),
            json!({ "type": ["string", "string"] }),
            json!({ "type": 3 }),
            json!({ "pattern": "(" }),
            json!({ "$ref": "#/nowhere" }),
            json!({ "required": "name" }),
            json!({ "properties": { "a": {} }, "required": ["a", "a"] }),
            json!({ "properties": { "a": { "minimum": "low" } } }),
            json!({ "items": { "anyOf": [] } }),
            json!({ "description": 1 }),
            json!({ "items": 3 }),
        ];
        for schema in wrong {
            assert!(!is_plain(&schema), "{schema}");
            assert!(Schema::from_json_schema(schema.clone()).is_err(), "{schema}");
        }
    }
}
