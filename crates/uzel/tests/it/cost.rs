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
    expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 7 nodes

        cost of one run, at worst and expected:
        node  model  calls  expected  tokens  expected  USD  expected
        notes[*]  fast  unbounded  10  unbounded  9,850  unbounded  0.0077
        summary[*]  fast  unbounded  3  unbounded  12,243  unbounded  0.0046
        in all  unbounded  13  unbounded  22,093  unbounded  0.0123
        bounded only by the app's `limits`: `cost_usd: 0.5`
        unbounded because `notes[*]` sets no `max_tokens`, and neither does the model `fast`
          at app.yaml:62:9
        unbounded because `notes[*]` reads `part`, whose length nothing bounds
          at prompts/note.md:5:4
        unbounded because `for_each` of `notes` goes over `split.parts`, whose length nothing bounds; only the engine's own 100,000 items bound it
          at app.yaml:58:15
        unbounded because `summary[*]` sets no `max_tokens`, and neither does the model `fast`
          at app.yaml:71:9
        unbounded because `summary[*]` reads `batch`, whose length nothing bounds
          at prompts/merge.md:4:16
        unbounded because `over` of `summary` goes over `notes.items`, whose length nothing bounds; only the engine's own 100,000 items bound it
          at app.yaml:67:11
        worst: every node runs, every try at every model of its chain is paid, a value is as long in a prompt as where it comes from, 4 bytes are a token
        expected: each way of a route as likely as the others, each `when` as likely as not, one try, half the rounds of a loop, half the steps of an agent
        expected, where the app does not say: lists of 10 items, texts of 500 tokens, answers of 300
    "#]].assert_eq(&scratch.shown(&output));
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
