//! Files that are put over an app: what they change, what they may not, and where their mistakes are told.

use std::{collections::BTreeMap, fmt::Write as _};

use expect_test::{Expect, expect};
use uzel_core::check::{Choices, Reading, read};

const APP: &str = r#"
version: 1
inputs: { message: string }
secrets: [KEY]
models:
  fast: { use: openai/gpt-5-mini, api_key: "${{ secrets.KEY }}", timeout: 30s, temperature: 0 }
  strong: { use: anthropic/claude-sonnet-4-5, api_key: "${{ secrets.KEY }}" }
connections: { shop: { use: sqlite, path: shop.db } }
flags: { polite: { type: boolean, default: false } }
limits: { cost_usd: 0.5, tokens: 1000 }
nodes:
  reply: { kind: llm, model: fast, prompt: "{{ 'Politely: ' if flags.polite }}{{ input.message }}" }
"#;

fn checked(overlays: &[&str]) -> Reading {
    let mut files = BTreeMap::from([("app.yaml".to_owned(), APP.as_bytes().to_vec())]);
    let mut choices = Choices::default();
    for (index, overlay) in overlays.iter().enumerate() {
        choices.overlays.push(format!("over{index}.yaml"));
        files.insert(format!("over{index}.yaml"), overlay.as_bytes().to_vec());
    }
    read("app.yaml", &files, &uzel_std::catalog(), &choices)
}

fn said(reading: &Reading) -> String {
    reading.diagnostics.iter().fold(String::new(), |mut text, d| {
        let at = d.at.map(|at| reading.sources.position(at).to_string()).unwrap_or_default();
        writeln!(text, "{} {at} {} | {}", d.code, d.message, d.help.as_deref().unwrap_or_default()).unwrap();
        for label in &d.labels {
            writeln!(text, "    {} {}", reading.sources.position(label.at), label.text).unwrap();
        }
        text
    })
}

/// The settings of the model `fast` and what else an overlay can reach.
fn settings(overlays: &[&str], expected: Expect) {
    let reading = checked(overlays);
    let graph = reading.graph.as_ref().unwrap_or_else(|| panic!("{}", said(&reading)));
    let models: Vec<String> =
        graph.declared.models.iter().map(|(name, model)| format!("{name}: {}", model.tree.to_json())).collect();
    let flag = &graph.flags["polite"].default;
    let text = format!("{}\n{:?}\npolite {flag}\n{}", models.join("\n"), graph.limits, said(&reading));
    expected.assert_eq(&text);
}

#[test]
fn maps_are_merged_and_null_removes() {
    settings(
        &[
            "version: 1\nmodels: { fast: { timeout: 5s, temperature: null }, strong: { use: offline } }",
            "# only for one customer\nflags: { polite: { default: true } }\nlimits: { cost_usd: 2, tokens: null }\n\
             x-note: { anything: goes }\nmodels: { fast: { timeout: 7s, fallback: [spare] }, spare: { use: offline } }",
        ],
        expect![[r#"
            fast: {"use":"openai/gpt-5-mini","api_key":"${{ secrets.KEY }}","timeout":"7s","fallback":["spare"]}
            strong: {"use":"offline","api_key":"${{ secrets.KEY }}"}
            spare: {"use":"offline"}
            Limits { cost_usd: Some(2.0), tokens: None, calls: None, duration: None, active: None }
            polite true
        "#]],
    );
}

#[test]
fn sections_that_the_app_lacks_and_null_sections() {
    settings(
        &["defaults: { timeout: 9s }\nlimits: null"],
        expect![[r#"
            fast: {"use":"openai/gpt-5-mini","api_key":"${{ secrets.KEY }}","timeout":"30s","temperature":0}
            strong: {"use":"anthropic/claude-sonnet-4-5","api_key":"${{ secrets.KEY }}"}
            Limits { cost_usd: None, tokens: None, calls: None, duration: None, active: None }
            polite false
        "#]],
    );
}

#[test]
fn what_an_overlay_may_not_do() {
    let overlay = "\
nodes: { reply: { prompt: x } }
modles: { fast: { use: offline } }
inputs: { more: string }
models: { fats: { use: offline }, fast: { timeout: soon, use: opnai/gpt, api_key: \"${{ secrets.OTHER }}\" } }
connections: { shp: { use: sqlite, path: x.db } }
flags: { polit: { type: boolean, default: true }, polite: { default: often } }
limits: { cost: 3 }
defaults: { retry: { max: 99 } }
version: 2
";
    expect![[r#"
        UZ1020 over0.yaml:1:1 an overlay cannot change `nodes` | an overlay changes `models`, `connections`, `limits`, `flags`, `defaults`; what differs in the graph can depend on a flag
            app.yaml:11:1 the app file says it
        UZ1020 over0.yaml:2:1 an overlay cannot change `modles` | did you mean `models`?
        UZ1020 over0.yaml:3:1 an overlay cannot change `inputs` | an overlay changes `models`, `connections`, `limits`, `flags`, `defaults`; what differs in the graph can depend on a flag
            app.yaml:3:1 the app file says it
        UZ1021 over0.yaml:4:11 the app file has no `fats` under `models` | did you mean `fast`?
        UZ5002 over0.yaml:4:63 there is no model provider `opnai` | did you mean `openai`?
        UZ2010 over0.yaml:4:84 the secret `OTHER` is not declared | add `OTHER` to `secrets:` at the top of the file
        UZ1021 over0.yaml:5:16 the app file has no `shp` under `connections` | did you mean `shop`?
        UZ1021 over0.yaml:6:10 the app file has no `polit` under `flags` | did you mean `polite`?
        UZ2005 over0.yaml:6:70 the flag's default does not fit: the value must be true or false, found the text "often" | a flag needs a `type` and a `default` of that type
        UZ1001 over0.yaml:7:11 there is no key `cost` in `limits` | known: `cost_usd`, `tokens`, `calls`, `duration`, `active`
        UZ3002 over0.yaml:8:27 `max: 99` is more than 20 tries | write `max: 3`, or another number from 1 to 20
        UZ1013 over0.yaml:9:10 this program knows version 1 of the app file, not 2 | write `version: 1`
    "#]].assert_eq(&said(&checked(&[overlay])));
    expect![[r#"
        UZ1010 app.yaml:12:30 `fast` is not declared under `models` | `models` has `strong`
    "#]]
    .assert_eq(&said(&checked(&["models: { fast: null }"])));
    expect![[r#"
        UZ1003 over0.yaml:1:1 an overlay must be a map | write the sections that are different, such as `models:` or `limits:`
    "#]].assert_eq(&said(&checked(&["- models"])));
    expect![[r#"
        UZ1010 app.yaml:12:30 `fast` is not declared under `models` | declare it under `models:` at the top level
        UZ1003 over0.yaml:1:9 `models` must be a map of names | 
    "#]]
    .assert_eq(&said(&checked(&["models: [fast]"])));
    let files =
        BTreeMap::from([("app.yaml".to_owned(), APP.as_bytes().to_vec()), ("app.prod.yaml".to_owned(), vec![])]);
    let choices = Choices { overlays: vec!["app.prd.yaml".to_owned()], ..Choices::default() };
    expect![[r#"
        UZ0013 app.prd.yaml:1:1 `app.prd.yaml` cannot be read: there is no such file | did you mean `app.prod.yaml` or `app.yaml`?
    "#]]
    .assert_eq(&said(&read("app.yaml", &files, &uzel_std::catalog(), &choices)));
}

/// What runs is what was checked: the overlay is a file of the app, and the command line is above it.
#[test]
fn an_overlay_is_read_with_the_app() {
    let reading = checked(&["models: { fast: { use: offline } }"]);
    let graph = reading.graph.unwrap();
    assert_eq!(graph.files.keys().collect::<Vec<_>>(), ["app.yaml", "over0.yaml"]);
    let files = graph.files.clone();
    let models = BTreeMap::from([("fast".to_owned(), "scripted".to_owned())]);
    let choices = Choices { models, overlays: vec!["over0.yaml".to_owned()], ..Choices::default() };
    let again = read("app.yaml", &files, &uzel_std::catalog(), &choices).graph.unwrap();
    assert_eq!(again.declared.models["fast"].tree.get("use").and_then(|uses| uses.as_str()), Some("scripted"));
}
