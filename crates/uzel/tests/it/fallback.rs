//! `fallback` on a node: who is asked when its model cannot answer.

use crate::scratch::Scratch;

/// Nobody listens where `far` is; `near` answers.
fn app(node: &str) -> String {
    format!(
        "
version: 1
inputs: {{ message: string }}
models:
  far: {{ use: openai-compatible/x, base_url: 'http://127.0.0.1:1/v1', timeout: 1s }}
  near: {{ use: offline }}
defaults: {{ retry: {{ max: 1 }} }}
nodes:
  sort: {{ kind: llm, model: far, {node} prompt: 'Sort {{{{ input.message }}}}', output: {{ topic: {{ enum: [a, b] }} }} }}
output: ${{{{ sort.topic }}}}
"
    )
}

#[test]
fn another_model_answers_for_the_node() {
    let scratch = Scratch::new(&[("app.yaml", &app("fallback: [near],"))]);
    let shown = scratch.fine(&["run", "--id", "r-1", "-i", "message=a", "-q"]);
    assert!(shown.contains('a') || shown.contains('b'), "{shown}");
    assert!(scratch.fine(&["show", "r-1"]).contains("offline"), "the offline model answered");

    let scratch = Scratch::new(&[("app.yaml", &app(""))]);
    assert_eq!(scratch.output(&["run", "-i", "message=a", "-q"]).status.code(), Some(1));
}

#[test]
fn a_fallback_that_does_not_exist_is_named() {
    let scratch = Scratch::new(&[("app.yaml", &app("fallback: [neer],"))]);
    let output = scratch.output(&["check"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("`neer` is not declared under `models`") && said.contains("did you mean `near`?"), "{said}");
}

/// What is said of an app before it runs counts on those that the node names, and not on those that its model names.
#[test]
fn a_node_s_own_fallbacks_are_what_checks_look_at() {
    let app = app("fallback: [near],").replace("timeout: 1s }", "timeout: 1s, fallback: [other] }").replace(
        "  near: { use: offline }",
        "  near: { use: openai-compatible/z, base_url: 'http://127.0.0.1:1/v1' }\n  other: { use: offline }",
    );
    let scratch = Scratch::new(&[("app.yaml", &app)]);
    let said = scratch.fine(&["check", "--cost", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["cost"]["nodes"][0]["fallback"], serde_json::json!(["near"]), "{said}");
    let codes: Vec<&str> =
        said["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["UZ3006"], "`near` has no timeout: {said}");
}
