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
