//! The official Python client against the server: apps and models, streamed or not, and every sort of error.

use std::process::Command;

use expect_test::expect;
use serde_json::json;

use super::{
    client::{Serving, events},
    python,
};
use crate::scratch::DESK;

const PAIR: &str = "version: 1
name: pair
inputs: { left: string, right: string }
nodes:
  both: { kind: code, run: 'builtin:concat', with: { values: ['${{ input.left }}', '${{ input.right }}'] } }
";

const ASKS: &str = "version: 1
name: asks
inputs: { text: string }
nodes:
  ask: { kind: human, title: 'Is this fine?', show: { text: '${{ input.text }}' }, actions: [yes, no] }
";

/// A model whose server is not there.
const BROKEN: &str = "version: 1
name: broken
inputs: { text: string }
models: { broken: { use: openai-compatible/none, base_url: 'http://127.0.0.1:1/v1' } }
nodes:
  ask: { kind: llm, model: broken, prompt: 'Hello' }
";

fn apps() -> Serving {
    let apps = [
        ("apps/desk/app.yaml", DESK),
        ("apps/pair/app.yaml", PAIR),
        ("apps/asks/app.yaml", ASKS),
        ("apps/broken/app.yaml", BROKEN),
    ];
    Serving::of(&apps, &["apps"])
}

#[test]
fn the_official_client_is_served() {
    let server = apps();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/serve/official.py");
    let address = format!("http://127.0.0.1:{}", server.port());
    let output = Command::new(python()).arg(script).arg(address).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    expect![[r#"
        models ["broken", "broken/broken", "desk/fast", "fast", "uzel/asks", "uzel/broken", "uzel/desk", "uzel/pair"]
        app ["chat.completion", "{\"topic\":\"billing\",\"note\":null}", "stop", "uzel/desk"]
        usage true
        run id true
        stopped "Please write something, but not a novel."
        app streamed ["{\"topic\":\"billing\",\"note\":null}", "stop", true]
        model "assistant"
        model streamed [true, "stop"]
        format ["topic"]
        unknown ["NotFoundError", 404, "model_not_found", "model", "Error code: 404 - there is no model `uzel/dusk`"]
        format of no kind ["BadRequestError", 400, "invalid_value", "response_format", "Error code: 400 - `response_format` is `text` or `json_schema` here"]
        inputs ["BadRequestError", 400, "invalid_value", "messages", "Error code: 400 - a conversation does not fit the inputs of this app: `left` (string), `ri"]
        person ["ConflictError", 409, "human_input_required", null, "Error code: 409 - a person is asked: Is this fine?"]
        person streamed ["APIError", null, "human_input_required", null, "a person is asked: Is this fine?"]
        broken ["InternalServerError", 502]
    "#]].assert_eq(&String::from_utf8_lossy(&output.stdout));
}

#[test]
fn errors_say_whether_to_come_again() {
    let server = apps();
    let ask = |model: &str| {
        server
            .post("/v1/chat/completions", &json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] }))
    };
    let person = ask("uzel/asks");
    assert_eq!((person.status, person.header("x-should-retry")), (409, Some("false")), "{person:?}");
    let run = person.json()["error"]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(person.header("x-run-id"), Some(run.as_str()));
    assert_eq!(server.get(&format!("/v1/runs/{run}")).json()["status"], json!("waiting"));
    let broken = ask("broken");
    assert_eq!((broken.status, broken.header("x-should-retry")), (502, Some("true")), "{broken:?}");
    for (body, param) in [
        (json!({ "model": "fast", "messages": [] }), json!("messages")),
        (json!({ "model": "fast", "messages": [{ "role": "user", "content": "Hi" }], "n": 2 }), json!("n")),
        (json!({ "messages": [] }), json!(null)),
        (json!({ "model": "fast", "messages": [{ "role": "cat", "content": "Hi" }] }), json!("messages")),
    ] {
        let said = server.post("/v1/chat/completions", &body);
        assert_eq!((said.status, &said.json()["error"]["param"]), (400, &param), "{said:?}");
        assert_eq!(said.json()["error"]["type"], json!("invalid_request_error"));
    }
    let said = server.send("POST", "/v1/chat/completions", &[], b"{");
    assert_eq!((said.status, &said.json()["error"]["code"]), (400, &json!("UZ6090")));
}

#[test]
fn a_stream_ends_with_done() {
    let server = apps();
    let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "My invoice is wrong" }] }]);
    let body = json!({ "model": "uzel/desk", "messages": messages, "stream": true });
    let said = server.post("/v1/chat/completions", &body);
    let text = String::from_utf8(said.body.clone()).unwrap();
    assert_eq!(events(&text).last().unwrap().data, "[DONE]");
    assert!(text.contains("billing"), "{text}");
}
