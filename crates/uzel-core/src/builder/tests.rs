//! Types of Rust as app files write them.

use std::fmt::Write as _;

use expect_test::expect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rust_type::{Contract, fields, short, type_of};

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
    line(short::<Option<Vec<String>>>(Contract::Given));
    line(short::<Option<Vec<u8>>>(Contract::Given));
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
        "[string] | null"
          = [string] | null
        {"type":["array","null"],"items":{"type":"integer","minimum":0,"maximum":255}}
          = [integer] | null
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
