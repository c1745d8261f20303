//! What one run costs, of small apps whose numbers are worked out by hand.
//!
//! The shared model costs 1 USD for a million tokens read and 10 for a million written; 4 bytes are a token.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::{Expect, expect};
use uzel_core::{
    check::{Choices, read},
    graph::cost::{Cost, cost},
};

const HEAD: &str = "version: 1
models:
  paid: { use: openai/gpt-5-nano, timeout: 9s, price: { input_usd: 1, output_usd: 10 } }
  chained: { use: openai/gpt-5-nano, timeout: 9s, price: { input_usd: 1, output_usd: 10 }, fallback: [free] }
  free: { use: offline, timeout: 9s }
  unlisted: { use: openai/model-of-my-own, timeout: 9s }
defaults: { retry: { max: 1 } }
";

fn of(app: &str) -> Cost {
    with(&[], app)
}

fn with(more: &[(&str, &str)], app: &str) -> Cost {
    let mut files = BTreeMap::from([("app.yaml".to_owned(), format!("{HEAD}{app}").into_bytes())]);
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    let reading = read("app.yaml", &files, &uzel_std::catalog(), &Choices::default());
    let found: Vec<_> = reading.diagnostics.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
    cost(&reading.graph.unwrap_or_else(|| panic!("{found:?}\n{app}")))
}

/// Each node with calls, tokens and USD in millionths, worst and expected; then what is not bounded.
fn shows(app: &str, expected: Expect) {
    let cost = of(app);
    let mut text = String::new();
    for row in &cost.rows {
        let (calls, tokens) = (row.calls, row.tokens);
        write!(text, "{}: {:?} {}, {:?} {}", row.path, calls.worst, calls.expected, tokens.worst, tokens.expected)
            .unwrap();
        match row.usd {
            Some(usd) => writeln!(text, ", {:?} {:.0}", usd.worst.map(|usd| (usd * 1e6).round()), usd.expected * 1e6),
            None => writeln!(text, ", price unknown"),
        }
        .unwrap();
    }
    for note in &cost.unbounded {
        writeln!(text, "{} {}", note.at, note.message).unwrap();
    }
    expected.assert_eq(&text.replace("Some(", "").replace(')', "").replace(".0", ""));
}

#[test]
fn a_question_is_its_words_what_is_filled_in_and_the_answer() {
    // Read: 14 bytes, 4 tokens, and 400 characters, 100. Written: 50. 104 × 1 + 50 × 10 = 604.
    shows(
        r#"
inputs: { message: { type: string, maxLength: 400 } }
nodes: { say: { kind: llm, model: paid, max_tokens: 50, prompt: "Say it again: {{ input.message }}" } }
"#,
        expect![[r#"
            say: 1 1, 154 154, 604 604
        "#]],
    );
}

#[test]
fn every_try_at_every_model_of_the_chain_may_be_paid() {
    // 3 tries at 2 models: 6 × 154; only the first model costs money: 3 × 604.
    shows(
        r#"
inputs: { message: { type: string, maxLength: 400 } }
nodes:
  say:
    { kind: llm, model: chained, max_tokens: 50, retry: { max: 3 }, prompt: "Say it again: {{ input.message }}" }
"#,
        expect![[r#"
            say: 6 1, 924 154, 1812 604
        "#]],
    );
}

#[test]
fn what_is_not_bounded_is_named_with_its_place() {
    // Expected: 4 + 500 read, 300 written. Nothing is bounded, and free is free all the same.
    shows(
        r#"
inputs: { message: string }
nodes:
  say: { kind: llm, model: paid, prompt: "Say it again: {{ input.message }}" }
  repeat: { kind: llm, model: free, max_tokens: 50, prompt: "Say it again: {{ input.message }}" }
  own: { kind: llm, model: unlisted, max_tokens: 50, prompt: "Say it again now" }
"#,
        expect![[r#"
            say: 1 1, None 804, None 3504
            repeat: 1 1, None 554, 0 0
            own: 1 1, 54 54, price unknown
            app.yaml:11:3 `say` sets no `max_tokens`, and neither does the model `paid`
            app.yaml:11:60 `say` reads `input.message`, a text without `maxLength` or a list without `maxItems`
            app.yaml:12:79 `repeat` reads `input.message`, a text without `maxLength` or a list without `maxItems`
        "#]],
    );
}

#[test]
fn a_map_asks_once_for_each_item() {
    // An item: 2 + 10 read, 50 written, 12 + 500 USD. 20 items at most, 10 expected; then what `first` gave, item by item.
    shows(
        r#"
inputs: { parts: { type: array, items: { type: string, maxLength: 40 }, maxItems: 20 }, more: [string] }
nodes:
  first:
    kind: map
    for_each: input.parts
    do: { kind: llm, model: paid, max_tokens: 50, prompt: "Note: {{ item }}" }
  second:
    kind: map
    for_each: first.items | select | list
    do: { kind: llm, model: paid, max_tokens: 50, prompt: "Note: {{ item.text }}" }
  third:
    kind: map
    for_each: input.more
    do: { kind: llm, model: paid, max_tokens: 50, prompt: "Number {{ loop.index }}" }
"#,
        expect![[r#"
            first[*]: 20 10, 1240 620, 10240 5120
            second[*]: 20 10, 2040 1020, 11040 5520
            third[*]: None 10, None 580, None 5080
            app.yaml:21:15 `for_each` of `third` goes over `input.more`, which has no `maxItems`; only the engine's own 100,000 items bound it
        "#]],
    );
}

#[test]
fn a_reduce_asks_for_each_batch_of_each_level() {
    // 20 values: 5 + 2 + 1 batches; 10 values: 3 + 1. A batch: 2 and 4 × (50 + 4) read, 50 written. With `for`: 4 × 1 of
    // words and 4 × (50 + 4) read.
    shows(
        r#"
inputs: { parts: { type: array, items: { type: string, maxLength: 40 }, maxItems: 20 } }
nodes:
  all:
    kind: reduce
    over: input.parts
    batch: 4
    empty: ""
    do: { kind: llm, model: paid, max_tokens: 50, prompt: "Merge: {{ batch | join(' ') }}" }
    output: "${{ do.text }}"
  same:
    kind: reduce
    over: input.parts
    batch: 4
    empty: ""
    do: { kind: llm, model: paid, max_tokens: 50, prompt: "{% for note in batch %}- {{ note }}{% endfor %}" }
    output: "${{ do.text }}"
"#,
        expect![[r#"
            all[*]: 8 4, 2144 1072, 5744 2872
            same[*]: 8 4, 2160 1080, 5760 2880
        "#]],
    );
}

#[test]
fn rounds_of_loops_and_items_of_maps_multiply() {
    // 3 items × 5 rounds at worst, × 3 expected. A round: 4 read, 50 written, 504 USD.
    shows(
        r#"
nodes:
  each:
    kind: map
    for_each: "[1, 2, 3]"
    do:
      better:
        kind: loop
        until: do.text == "good"
        max_rounds: 5
        do: { kind: llm, model: paid, max_tokens: 50, prompt: "Say it again now" }
"#,
        expect![[r#"
            each[*].better[*]: 15 9, 810 486, 7560 4536
        "#]],
    );
}

#[test]
fn another_app_is_counted_where_it_is_run() {
    // 2 runs of the other app, whose own input bounds what is read: 4 + 25 read, 50 written.
    let other = "version: 1
inputs: { message: { type: string, maxLength: 100 } }
models: { paid: { use: openai/gpt-5-nano, timeout: 9s, price: { input_usd: 1, output_usd: 10 }, max_tokens: 50 } }
defaults: { retry: { max: 1 } }
nodes: { say: { kind: llm, model: paid, prompt: \"Say it again: {{ input.message }}\" } }
";
    let app = r#"
nodes:
  each:
    kind: map
    for_each: '["a", "b"]'
    do: { kind: graph, use: other/app.yaml, with: { message: "${{ item }}" } }
"#;
    let cost = with(&[("other/app.yaml", other)], app);
    let row = cost.rows.first().map(|row| (row.path.as_str(), row.calls.worst, row.tokens.worst));
    assert_eq!(row, Some(("each[*].say", Some(2), Some(158))));
    let open = with(&[("other/app.yaml", &other.replace(", maxLength: 100", ""))], app);
    assert_eq!(open.unbounded.first().map(|note| note.at.as_str()), Some("other/app.yaml:5:67"));
}

#[test]
fn ways_of_a_route_and_conditions_are_as_likely_as_not() {
    // 54 tokens each: of two ways one, and a condition behind it halves it again.
    shows(
        r#"
inputs: { topic: { type: string, maxLength: 40 } }
nodes:
  way: { kind: route, by: input.topic, cases: { a: left, default: right } }
  left: { kind: llm, model: paid, max_tokens: 50, prompt: "Say it again now" }
  right: { kind: llm, model: paid, max_tokens: 50, prompt: "Say it again now" }
  after: { kind: llm, model: paid, max_tokens: 50, when: "input.topic != 'b'", needs: [right], prompt: "Say it again now" }
"#,
        expect![[r#"
            left: 1 0.5, 54 27, 504 252
            right: 1 0.5, 54 27, 504 252
            after: 1 0.25, 54 13.5, 504 126
        "#]],
    );
}

#[test]
fn an_agent_is_bounded_by_its_own_limits() {
    // Money at worst: 5,000 tokens written, or the agent's own limit of 0.02 USD if that is less.
    let agent = |limits: &str| {
        format!(
            r#"
tools:
  look: {{ use: http, request: GET https://shop.example.com/orders, timeout: 2s, output: integer }}
nodes:
  desk: {{ kind: agent, model: paid, max_tokens: 50, tools: [look], prompt: "Say it again now"{limits} }}
"#
        )
    };
    let bounded = of(&agent(", limits: { steps: 6, tokens: 5000 }"));
    assert_eq!((bounded.calls.worst, bounded.calls.expected), (Some(6), 3.0));
    assert_eq!(bounded.tokens.worst, Some(5000));
    assert_eq!(bounded.usd.and_then(|usd| usd.worst), Some(0.05));
    assert!(bounded.unbounded.is_empty() && !bounded.is_unbounded());
    let money = of(&agent(", limits: { steps: 6, tokens: 5000, cost_usd: 0.02 }"));
    assert_eq!(money.usd.and_then(|usd| usd.worst), Some(0.02));
    let open = of(&agent(", limits: { steps: 6 }, on_limit: answer, retry: { max: 2 }"));
    assert_eq!((open.calls.worst, open.tokens.worst), (Some(14), None));
    let why = "`desk` sets no `limits.tokens`, and reads what its tools give again at each step";
    assert_eq!(open.unbounded.iter().map(|note| note.message.as_str()).collect::<Vec<_>>(), [why]);
}

#[test]
fn what_is_below_a_node_keeps_to_its_limits() {
    let map = |limits: &str| {
        format!(
            r#"
inputs: {{ parts: [string] }}
nodes:
  all:
    kind: map
    for_each: input.parts{limits}
    do: {{ kind: llm, model: paid, max_tokens: 50, prompt: "Say {{{{ item }}}}" }}
"#
        )
    };
    assert!(of(&map("")).is_unbounded());
    let bounded = of(&map("\n    limits: { tokens: 5000, calls: 70, cost_usd: 0.02 }"));
    assert_eq!((bounded.calls.worst, bounded.tokens.worst), (Some(70), Some(5000)));
    assert_eq!(bounded.usd.and_then(|usd| usd.worst), Some(0.02));
    assert!(bounded.unbounded.is_empty(), "{:?}", bounded.unbounded);
}
