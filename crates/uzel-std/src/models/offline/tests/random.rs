//! Random texts and schemas: no panic, and every value is one that its schema accepts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::filling::valid;
use crate::models::offline::{Ask, Document, Example, answer};

/// Unicode of every sort, mixed with what the readers look for.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        1 => "[ -~\n]{0,30}",
        4 => prop::sample::select(vec![
            "$12.50", "12,50 €", "EUR", "order ", "#1042", "A-1", "ord_1", "2026-03-12", "12 March 2026", "03/12/2026", "a@b.example", "https://a.example/ü",
            "not ", "\n- ", "\n# ", "```\n", "|a|1|\n", "e\u{301}", "退款。", "👩‍👩‍👧", "+49 30 1234567", "9999999999999999999", "-", ". ", "12:30", "name: ", "\u{0}", "İ", "n't", "n’T", "½٣", "<a>", "</a>", "---\n", "руб", "12月",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "amount_cents",
        "price_usd",
        "order_id",
        "ids",
        "email",
        "phone",
        "url",
        "due_date",
        "damaged",
        "wants_refund",
        "category",
        "confidence",
        "summary",
        "reason",
        "title",
        "answer",
        "language",
        "currency",
        "customer_name",
        "items",
        "keywords",
        "questions",
        "points",
        "quantity",
        "x",
        "ключ",
        "id",
    ])
    .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Value> {
    let limits = (-5i64..5, 0i64..5);
    prop_oneof![
        Just(json!({ "type": "string" })),
        (0u8..4, 4u8..30).prop_map(|(low, high)| json!({ "type": "string", "minLength": low, "maxLength": high })),
        prop::sample::select(vec!["date", "date-time", "email", "uri", "uuid", "ipv4", "time"]).prop_map(|format| json!({ "type": "string", "format": format })),
        Just(json!({ "type": ["string", "null"], "pattern": "^[A-Z]+-[0-9]+$" })),
        limits.clone().prop_map(|(low, span)| json!({ "type": "integer", "minimum": low, "maximum": low + span })),
        limits.prop_map(|(low, span)| json!({ "type": "number", "exclusiveMinimum": low, "maximum": low + span + 1 })),
        Just(json!({ "type": "integer", "multipleOf": 5, "minimum": 3 })),
        Just(json!({ "type": ["number", "null"] })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "enum": ["refund", "question", "other", null] })),
        Just(json!({ "enum": ["a", 1, true] })),
        Just(json!({ "type": "string", "default": "d" })),
        Just(json!({ "const": "c" })),
        Just(json!({})),
        Just(json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] })),
        Just(json!({ "oneOf": [{ "const": "u" }, { "const": "v", "description": "money" }] })),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            3 => prop::collection::vec((name(), inner.clone(), any::<bool>()), 0..4).prop_map(|fields| {
                let mut schema = json!({ "type": "object", "properties": {}, "required": [] });
                for (name, field, needed) in fields {
                    schema["properties"][&name] = field;
                    if needed && !schema["required"].as_array().is_some_and(|all| all.contains(&json!(name))) {
                        schema["required"].as_array_mut().expect("a list").push(json!(name));
                    }
                }
                schema
            }),
            1 => (inner.clone(), 0u8..3).prop_map(|(item, least)| json!({ "type": "array", "items": item, "minItems": least, "maxItems": least + 2 })),
            1 => inner.prop_map(|inner| json!({ "anyOf": [inner, { "type": "null" }] })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_validate(text in text(), schema in schema(), with_documents: bool) {
        let documents = [Document { id: "d", title: "Refunds", text: &text }];
        let output = json!({ "category": "refund", "damaged": true });
        let examples = [Example { input: &text, output: &output }];
        let documents = if with_documents { &documents[..] } else { &[] };
        valid(&Ask { prompt: "Fill this", input: &text, schema: Some(&schema), examples: &examples, documents, ..Ask::default() });
    }

    #[test]
    fn texts_never_fail(text in text(), question in text(), system in text()) {
        let documents = [Document { id: "d", title: &question, text: &text }];
        for documents in [&documents[..], &[]] {
            let ask = Ask { prompt: &question, system: Some(&system), input: &question, documents, ..Ask::default() };
            let reply = answer(&ask).expect("text needs no schema");
            prop_assert!(reply.value.is_string() && (0.0..=1.0).contains(&reply.confidence));
        }
    }

    #[test]
    fn any_json_as_schema_is_an_answer_or_an_error(schema in "[\\[\\]{}\",:a-z$0-9]{0,20}", text in text()) {
        let schema = serde_json::from_str(&schema).unwrap_or(Value::Bool(true));
        let _ = answer(&Ask { prompt: &text, input: &text, schema: Some(&schema), ..Ask::default() });
    }
}
