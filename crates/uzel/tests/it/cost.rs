//! `check --cost`: what one run costs, as a table and as JSON.

use expect_test::expect;
use serde_json::{Value, json};

use crate::scratch::Scratch;

#[test]
fn a_table_says_what_is_not_bounded_and_where() {
    let scratch = Scratch::new(&[]);
    let app = Scratch::example("document-summary");
    let mut command = scratch.command(&["check", "app.yaml", "--cost", "--model", "fast=openai/gpt-5-mini"]);
    let output = command.current_dir(app).env("OPENAI_API_KEY", "none").output().unwrap();
    expect![[""]].assert_eq(&scratch.shown(&output));
}

#[test]
fn json_holds_the_findings_and_the_cost() {
    let app = r#"version: 1
models: { paid: { use: openai/gpt-5-nano, timeout: 9s, max_tokens: 50, price: { input_usd: 1, output_usd: 10 } } }
limits: { tokens: 9000 }
nodes: { say: { kind: llm, model: paid, prompt: "Say it again now", retry: { max: 2 } } }
"#;
    let scratch = Scratch::new(&[("app.yaml", app)]);
    let said: Value = serde_json::from_str(&scratch.fine(&["check", "--cost", "--format", "json"])).unwrap();
    assert!(said["findings"].is_array(), "{said}");
    // A try reads 4 tokens and writes 50: 504 millionths of a dollar.
    let total = json!({
        "calls": { "worst": 2, "expected": 1.0 },
        "tokens": { "worst": 108, "expected": 54.0 },
        "usd": { "worst": 0.001_008, "expected": 0.000_504 },
    });
    assert_eq!(said["cost"]["total"], total);
    assert_eq!(said["cost"]["unbounded"], json!([]));
    assert_eq!(said["cost"]["limits"]["tokens"], 9000);
}
