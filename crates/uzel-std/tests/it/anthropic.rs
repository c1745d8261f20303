//! The Messages API: what is sent, and what is made of the answers.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::{
    capability::model::{ChatRequest, Example, Finish, Message, Model, Role, ToolCall, ToolSpec, Usage},
    failure::FailureClass,
};
use uzel_testkit::http::{FaultServer, Reply};

use crate::ask::{Heard, KEY, ask, attempt, model, question, structured};

fn claude(url: &str) -> Arc<dyn Model> {
    model(json!({ "use": "anthropic/claude-sonnet-4-5", "base_url": format!("{url}/v1") }))
}

#[tokio::test]
async fn structured_answers_come_through_a_forced_tool() {
    let server = FaultServer::start().await;
    server.push(Reply::json(&json!({
        "content": [
            { "type": "text", "text": "Let me see." },
            { "type": "tool_use", "id": "t1", "name": "verdict", "input": { "label": "b" } },
        ],
        "stop_reason": "tool_use",
        "usage": { "input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5 },
    })));
    let mut request = structured("Which?");
    request.examples = vec![Example { input: "An a.".into(), output: json!({ "label": "a" }) }];
    let reply = ask(&claude(&server.url()), &request).await.expect("an answer");
    assert_eq!((reply.text.as_str(), reply.finish), (r#"{"label":"b"}"#, Finish::Stop));
    assert!(reply.tool_calls.is_empty());
    assert_eq!(reply.usage, Usage { input_tokens: 100, output_tokens: 5 });

    let sent = server.last();
    assert_eq!(sent.path, "/v1/messages");
    assert_eq!((sent.header("x-api-key"), sent.header("anthropic-version")), (Some(KEY), Some("2023-06-01")));
    let body = sent.json();
    assert_eq!((&body["system"], &body["max_tokens"]), (&json!("Be brief."), &json!(4096)));
    assert_eq!((&body["tool_choice"]["type"], &body["tool_choice"]["name"]), (&json!("tool"), &json!("verdict")));
    assert_eq!(body["tools"][0]["input_schema"]["required"], json!(["label"]));
    assert_eq!(body["metadata"]["user_id"], "run-1/classify");
    let said: Vec<(&str, &str)> = body["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|m| (m["role"].as_str().expect("a role"), m["content"][0]["text"].as_str().expect("a text")))
        .collect();
    assert_eq!(said, [("user", "An a."), ("assistant", r#"{"label":"a"}"#), ("user", "Which?")]);
}

#[tokio::test]
async fn results_of_one_turn_are_one_message() {
    let server = FaultServer::start().await;
    server.push(Reply::json(&json!({
        "content": [{ "type": "tool_use", "id": "t3", "name": "find", "input": {} }], "stop_reason": "tool_use",
    })));
    let call = |id: &str| ToolCall { id: id.into(), name: "find".into(), arguments: json!({}) };
    let result = |id: &str| Message { tool_call_id: Some(id.into()), ..Message::new(Role::Tool, "found") };
    let mut request = structured("Find both.");
    request.messages.push(Message { tool_calls: vec![call("t1"), call("t2")], ..Message::new(Role::Assistant, "") });
    request.messages.extend([result("t1"), result("t2")]);
    request.tools = vec![ToolSpec { name: "find".into(), description: String::new(), parameters: json!({}) }];
    let reply = ask(&claude(&server.url()), &request).await.expect("an answer");
    assert_eq!((reply.finish, reply.tool_calls), (Finish::ToolCalls, vec![call("t3")]));
    let body = server.last().json();
    assert_eq!(body["tool_choice"], json!({ "type": "any" }));
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(3));
    assert_eq!(body["messages"][2]["content"][1]["tool_use_id"], "t2");
}

fn events(list: &[Value]) -> Reply {
    list.iter().fold(Reply::stream(), |reply, event| {
        reply.chunk(format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type")))
    })
}

fn start_and_text() -> Vec<Value> {
    vec![
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 8, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hel" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "lo" } }),
    ]
}

#[tokio::test]
async fn streams_are_put_together() {
    let server = FaultServer::start().await;
    let mut list = start_and_text();
    list.extend([
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "tool_use", "id": "t", "name": "find", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"a\":" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "1}" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 6 } }),
        json!({ "type": "message_stop" }),
    ]);
    server.push(events(&list));
    let (request, heard) = (ChatRequest { stream: true, ..question("Hi") }, Heard::default());
    let model = claude(&server.url());
    let reply = model.chat(&request, &attempt(Duration::from_secs(5)), &heard).await.expect("an answer");
    assert_eq!((reply.text.as_str(), heard.pieces().concat()), ("Hello", "Hello".to_owned()));
    assert_eq!(reply.tool_calls, [ToolCall { id: "t".into(), name: "find".into(), arguments: json!({ "a": 1 }) }]);
    assert_eq!(reply.usage, Usage { input_tokens: 8, output_tokens: 6 });
}

#[tokio::test]
async fn broken_streams_and_overload_are_told_apart() {
    let server = FaultServer::start().await;
    let model = claude(&server.url());
    let request = ChatRequest { stream: true, ..question("Hi") };

    server.push(events(&start_and_text()));
    let failure = ask(&model, &request).await.expect_err("cut");
    assert_eq!(failure.to_string(), "server_error: the stream was cut off by `anthropic/claude-sonnet-4-5`");

    let mut list = start_and_text();
    list.push(json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }));
    server.push(events(&list));
    assert_eq!(ask(&model, &request).await.expect_err("overloaded").class, FailureClass::RateLimit);

    server.push(Reply::status(529).header("retry-after", "3").body("{}"));
    let failure = ask(&model, &request).await.expect_err("overloaded");
    assert_eq!((failure.class, failure.retry_after), (FailureClass::RateLimit, Some(Duration::from_secs(3))));

    server.push(Reply::json(&json!({ "content": [], "stop_reason": "refusal" })));
    assert_eq!(ask(&model, &question("Hi")).await.expect_err("refused").class, FailureClass::Refused);

    server.push(Reply::json(&json!({ "content": [{ "type": "text", "text": "long" }], "stop_reason": "max_tokens" })));
    assert_eq!(ask(&model, &question("Hi")).await.expect("an answer").finish, Finish::Length);
}
