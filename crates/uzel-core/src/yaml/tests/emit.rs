//! Trees as text: what people like to read, and what is read as the same tree.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    source::{SourceId, Sources, Span},
    yaml::{self, Tree},
};

fn emit(value: &Value) -> String {
    yaml::emit(&Tree::from_json(value, Span::new(SourceId(0), 0..0)))
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
                "when": "input.order == \"none\" or it's",
                "prompt": "What is this?\n\n  {{ input.message }}\n",
                "system": "\n  Be brief.\nAnd kind.\n\n",
                "output": { "topic": { "enum": { "billing": "an invoice", "other": "yes, \"all\" else: the rest of it" } } },
            },
            "route": {
                "kind": "route", "by": "sort.topic if sort.topic != \"x\" else 'y'",
                "cases": { "billing": ["a"], "other": [] },
            },
            "guard": {
                "kind": "guard",
                "checks": [
                    { "pii": { "redact": ["card"] }, "on_failure": "closed" },
                    { "regex": { "deny": ["a\\d+"], "require": [] }, "on_failure": "open" },
                ],
                "n": 1.5, "big": 1e300, "small": -2.5e-9, "on": null, "timeout": "24h", "lists": [[[1, 2], [3]], [[], {}]],
            },
            "short": { "kind": "tool", "tool": "find" },
            "notes": ["one\ntwo", "", { "a": "b\nc\n" }],
        },
        "output": { "topic": "${{ sort.topic }}" }
    });
    let text = emit(&app);
    expect![[r#"
        version: 1
        inputs: { message: string, order: string | null }
        models:
          fast: { use: offline }
        nodes:
          sort:
            kind: llm
            model: fast
            when: input.order == "none" or it's
            prompt: |
              What is this?

                {{ input.message }}
            system: |2+

                Be brief.
              And kind.

            output:
              topic: { enum: { billing: an invoice, other: 'yes, "all" else: the rest of it' } }
          route:
            kind: route
            by: sort.topic if sort.topic != "x" else 'y'
            cases: { billing: [a], other: [] }
          guard:
            kind: guard
            checks:
              - pii: { redact: [card] }
                on_failure: closed
              - regex: { deny: [a\d+], require: [] }
                on_failure: open
            "n": 1.5
            big: 1.0e+300
            small: -2.5e-9
            "on": null
            timeout: 24h
            lists:
              - [[1, 2], [3]]
              - [[], {}]
          short: { kind: tool, tool: find }
          notes:
            - |-
              one
              two
            - ""
            - a: |
                b
                c
        output: { topic: "${{ sort.topic }}" }
    "#]]
    .assert_eq(&text);
    assert_eq!(read(&text), Ok(app));
}

#[test]
fn a_long_key_is_read_again() {
    let app = json!({ "nodes": { "k".repeat(3_000): { "kind": "human", "title": "x".repeat(200) }, "b": [1] } });
    let text = emit(&app);
    assert!(text.contains("\n  ? kkk"), "{text}");
    assert_eq!(read(&text), Ok(app));
}

/// What YAML 1.1 takes for something else than YAML 1.2 does, and what both take for no text.
#[test]
fn texts_that_look_like_something_else_are_quoted() {
    for word in [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "N",
        "true",
        "FALSE",
        "null",
        "~",
        "",
        " ",
        "a ",
        " a",
        "1",
        "-1",
        "+1",
        "1.5",
        ".5",
        "1e3",
        "1_000",
        "0x1f",
        "0o17",
        "017",
        "0b11",
        "190:20:30",
        "1:30",
        "2020-01-01",
        ".inf",
        "-.INF",
        ".nan",
        "NaN",
        "=",
        "<<",
        "-",
        "- a",
        "?",
        ":",
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "a, b",
        "---",
        "...",
    ] {
        let text = emit(&json!({ word: [word] }));
        assert!(text.starts_with(['"', '\'']), "{text}");
        assert_eq!(read(&text), Ok(json!({ word: [word] })), "{text}");
    }
    for word in ["a", "a b", "js-file.js/x", "_a", "15m", "no thanks", "year"] {
        assert_eq!(emit(&json!(word)), format!("{word}\n"));
    }
}

fn values() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        "[a-zA-Z0-9 :#\\-?,\\[\\]{}&*!|>'\"%@`\n\t\\\\.~<=]{0,12}",
        "[ab \n\t#:-]{0,12}",
        "(\n| ){0,3}(a|- b|c: d|#|\t)(\n| |e){0,6}",
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
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z~0-9\\-: \n]{0,6}|yes|on|null|<<|a{600}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_emitted_is_read_as_the_same(value in values()) {
        let text = emit(&value);
        match read(&text) {
            Ok(again) => prop_assert_eq!(again, value, "{}", text),
            Err(why) => prop_assert!(false, "{}\n{}", why, text),
        }
    }
}
