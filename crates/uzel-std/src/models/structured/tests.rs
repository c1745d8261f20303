//! Schemas as strict modes take them, and answers as apps want them.

use std::sync::Arc;

use super::*;

fn shape(schema: Value) -> Shape {
    let request =
        ChatRequest { schema: Some(Arc::new(schema)), schema_name: "my answer!".into(), ..ChatRequest::default() };
    Shape::of(&request).expect("a schema was asked for")
}

#[test]
fn models_are_told_what_labels_mean() {
    let shape = shape(json!({
        "type": "object", "required": ["topic"], "properties": { "topic": {
            "description": "what it is about", "enum": ["bill", "other"],
            "x-labels": { "bill": "an invoice", "other": null },
        } },
    }));
    let topic = json!({ "description": "what it is about; bill: an invoice; other", "enum": ["bill", "other"] });
    assert_eq!(shape.strict().expect("a strict schema")["properties"]["topic"], topic);
}

#[test]
fn strict_schemas_require_everything_and_allow_nothing_else() {
    let shape = shape(json!({
        "type": "object", "title": "T",
        "properties": {
            "label": { "enum": ["a", "b"] },
            "note": { "type": "string", "maxLength": 5, "format": "uri" },
            "id": { "type": ["string", "null"] },
            "list": { "type": "array", "items": { "type": "object", "properties": { "n": { "type": "number" } } } },
        },
        "required": ["label", "list"],
    }));
    assert_eq!(shape.name, "my_answer_");
    assert_eq!(
        shape.strict(),
        Some(json!({
            "type": "object",
            "properties": {
                "label": { "enum": ["a", "b"] },
                "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "id": { "type": ["string", "null"] },
                "list": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "n": { "anyOf": [{ "type": "number" }, { "type": "null" }] } },
                    "required": ["n"], "additionalProperties": false,
                } },
            },
            "required": ["label", "note", "id", "list"],
            "additionalProperties": false,
        }))
    );
    let answer = r#"{"label":"a","note":null,"id":null,"list":[{"n":null},{"n":1}]}"#;
    assert_eq!(shape.unwrap(answer), r#"{"label":"a","id":null,"list":[{},{"n":1}]}"#);
}

#[test]
fn schemas_without_a_strict_form_are_known() {
    for schema in [
        json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": { "a": {} } }),
        json!({ "type": "object", "properties": { "a": true } }),
        json!({ "type": "object", "properties": { "a": { "oneOf": [] } } }),
        json!({ "type": "object", "properties": { "a": { "type": "array" } } }),
    ] {
        assert_eq!(shape(schema.clone()).strict(), None, "{schema}");
    }
}

#[test]
fn what_is_not_an_object_is_wrapped() {
    let shape = shape(json!({ "enum": ["yes", "no"], "$defs": { "x": { "type": "null" } } }));
    let strict = shape.strict().expect("strict");
    assert_eq!(strict["properties"], json!({ "value": { "enum": ["yes", "no"] } }));
    assert_eq!(strict["$defs"], json!({ "x": { "type": "null" } }));
    assert_eq!(shape.wrap(&json!("yes")), r#"{"value":"yes"}"#);
    assert_eq!(shape.unwrap(r#"{"value":"yes"}"#), r#""yes""#);
}

#[test]
fn fences_and_reasoning_are_taken_off() {
    let shape = shape(json!({ "type": "object", "properties": { "value": { "type": "number" } } }));
    for text in [
        r#"{"value":1}"#,
        "```json\n{\"value\": 1}\n```",
        "```\n{\"value\":1}```",
        "<think>\nhm, {\n</think>\n\n{\"value\":1}",
    ] {
        assert_eq!(shape.unwrap(text), r#"{"value":1}"#);
    }
    assert_eq!(shape.unwrap("I do not know."), "I do not know.");
}
