//! Types of Rust as app files write them, and that what is printed is read as the same.

use std::fmt::Write as _;

use expect_test::expect;
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    print,
    rust_type::{Contract, fields, short, type_of},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    source::Sources,
    yaml,
};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Topic {
    /// an invoice or a payment
    Billing,
    /// an error
    /// or a crash
    Technical,
    Other,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Plain {
    A,
    B,
}

fn three() -> i64 {
    3
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Line {
    sku: String,
    count: u32,
}

/// A ticket.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Ticket {
    message: String,
    /// the order, if any
    order: Option<String>,
    topic: Topic,
    plain: Option<Plain>,
    lines: Vec<Line>,
    tags: Vec<String>,
    maybe: Vec<Option<i64>>,
    pair: Option<Line>,
    #[serde(default = "three")]
    tries: i64,
    score: f64,
    any: Value,
    scores: std::collections::BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    skipped: Option<bool>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Recursive {
    name: String,
    children: Vec<Recursive>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Marked {
    r#type: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Circle { radius: f64 },
    Nothing,
}

#[test]
fn types_of_rust_are_written_as_people_would() {
    let mut report = String::new();
    let mut line = |value: Value| {
        let _ = writeln!(report, "{value}\n  = {}", type_of(&value));
    };
    line(fields::<Ticket>(Contract::Given));
    line(short::<Ticket>(Contract::Made)["tries"].clone());
    line(fields::<Recursive>(Contract::Given));
    line(fields::<Marked>(Contract::Given));
    line(short::<Marked>(Contract::Given));
    line(short::<Shape>(Contract::Given));
    line(short::<Topic>(Contract::Given));
    line(short::<Vec<Plain>>(Contract::Given));
    line(short::<Option<u8>>(Contract::Given));
    line(short::<String>(Contract::Given));
    line(short::<()>(Contract::Given));
    line(short::<Value>(Contract::Given));
    line(short::<(i64, String)>(Contract::Given));
    expect![[r#"
        {"message":"string","order":{"type":["string","null"],"description":"the order, if any"},"topic":{"enum":{"other":"other","billing":"an invoice or a payment","technical":"an error or a crash"}},"plain":{"type":["string","null"],"enum":["A","B",null]},"lines":[{"sku":"string","count":{"type":"integer","minimum":0}}],"tags":"[string]","maybe":["integer | null"],"pair":{"type":["object","null"],"properties":{"sku":{"type":"string"},"count":{"type":"integer","minimum":0}},"required":["sku","count"],"additionalProperties":false},"tries":{"type":"integer","default":3},"score":"number","any":"any","scores":{"type":"object","additionalProperties":{"type":"number"}},"skipped":"boolean | null"}
          = { message: string, order: string | null, topic: "other" | "billing" | "technical", plain: "A" | "B"…
        {"type":"integer","default":3}
          = integer
        {"name":"string","children":"[any]"}
          = { name: string, children: [any] }
        {"type":"string"}
          = string
        {"type":"object","properties":{"type":{"type":"string"}},"required":["type"],"additionalProperties":false}
          = { type: string }
        {"oneOf":[{"enum":["nothing"]},{"type":"object","properties":{"circle":{"type":"object","properties":{"radius":{"type":"number"}},"required":["radius"],"additionalProperties":false}},"required":["circle"],"additionalProperties":false}]}
          = "nothing" | { circle: { radius: number } }
        {"enum":{"other":"other","billing":"an invoice or a payment","technical":"an error or a crash"}}
          = "other" | "billing" | "technical"
        [{"enum":["A","B"]}]
          = ["A" | "B"]
        {"type":["integer","null"],"minimum":0,"maximum":255}
          = integer | null
        "string"
          = string
        {"type":"null"}
          = null
        "any"
          = any
        {"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":2,"maxItems":2}
          = [any]
    "#]].assert_eq(&report);
}

fn read(text: &str) -> Result<Value, String> {
    let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
    let source = sources.add_text("app.yaml", text);
    let tree = yaml::parse(source, text, &mut out);
    match tree {
        Some(tree) if out.is_empty() => Ok(tree.to_json()),
        _ => {
            let line = |d: &Diagnostic| format!("{} {} {}", sources.position(d.at.unwrap()), d.code, d.message);
            Err(out.iter().map(line).collect::<Vec<_>>().join("\n") + "\n")
        }
    }
}

#[test]
fn a_file_reads_well() {
    let app = json!({
        "version": 1,
        "inputs": { "message": "string", "order": "string | null" },
        "models": { "fast": { "use": "offline" } },
        "nodes": {
            "sort": {
                "kind": "llm", "model": "fast",
                "prompt": "What is this?\n\n  {{ input.message }}\n",
                "output": { "topic": { "enum": { "billing": "an invoice", "other": "yes, \"all\" else: the rest of it" } } },
            },
            "route": { "kind": "route", "by": "sort.topic", "cases": { "billing": ["a"], "other": [] } },
            "guard": { "kind": "guard", "checks": [{ "pii": { "redact": ["card"] }, "on_failure": "closed" }], "n": 1.5, "on": null, "timeout": "24h" },
        },
        "output": { "topic": "${{ sort.topic }}" }
    });
    let text = print::yaml(&app);
    expect![[r#"
        version: 1
        inputs: { message: string, order: "string | null" }
        models:
          fast: { use: offline }
        nodes:
          sort:
            kind: llm
            model: fast
            prompt: |
              What is this?

                {{ input.message }}
            output: { topic: { enum: { billing: an invoice, other: "yes, \"all\" else: the rest of it" } } }
          route: { kind: route, by: sort.topic, cases: { billing: [a], other: [] } }
          guard:
            kind: guard
            checks: [{ pii: { redact: [card] }, on_failure: closed }]
            "n": 1.5
            "on": null
            timeout: 24h
        output: { topic: "${{ sort.topic }}" }
    "#]]
    .assert_eq(&text);
    assert_eq!(read(&text), Ok(app));
}

fn values() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        "[a-zA-Z0-9 :#\\-?,\\[\\]{}&*!|>'\"%@`\n\t\\\\.~<=]{0,12}",
        any::<String>(),
        Just("null".to_owned()),
        Just("True".to_owned()),
        Just("0x1f".to_owned()),
        Just("1_000".to_owned()),
        Just("2020-01-01".to_owned()),
        Just("a: b".to_owned()),
        Just("---\nx".to_owned()),
        Just("a\n\n b\n".to_owned()),
        Just("\u{feff}\u{7f}\u{85}\u{2028}\u{1f600}".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z~0-9\\-: ]{0,6}|yes|on|null", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().filter(|(key, _)| key != "on" && key != "<<").collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(value in values()) {
        let text = print::yaml(&value);
        match read(&text) {
            Ok(again) => prop_assert_eq!(again, value, "{}", text),
            Err(why) => prop_assert!(false, "{}\n{}", why, text),
        }
    }
}
