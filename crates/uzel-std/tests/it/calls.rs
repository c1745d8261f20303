//! Tool calls on the wire: what each protocol is sent, and what is made of calls that are right, odd or broken.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::capability::model::{ChatReply, ChatRequest, Finish, Message, Model, Role, ToolCall, ToolSpec};
use uzel_testkit::http::{FaultServer, Reply};

use crate::ask::{Heard, ask, attempt, model, openai, question, structured};

fn claude(url: &str) -> Arc<dyn Model> {
    model(json!({ "use": "anthropic/claude-sonnet-4-5", "base_url": url }))
}

fn spec(name: &str) -> ToolSpec {
    let parameters = json!({
        "type": "object", "required": ["state"],
        "properties": { "state": { "enum": ["open", "paid"], "x-labels": { "open": "not paid", "paid": null } } },
    });
    ToolSpec { name: name.into(), description: format!("{name} does it."), parameters }
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments }
}

/// A conversation in which a tool was called with what is no JSON, and another has answered.
fn in_the_middle(request: ChatRequest) -> ChatRequest {
    let result = |id: &str, text: &str| Message { tool_call_id: Some(id.into()), ..Message::new(Role::Tool, text) };
    let mut request = ChatRequest { tools: vec![spec("find"), spec("pay")], ..request };
    request.messages.push(Message {
        tool_calls: vec![call("c1", "find", json!({ "state": "open" })), call("c2", "find", json!("{oops"))],
        ..Message::new(Role::Assistant, "")
    });
    request.messages.extend([result("c1", "[1, 2]"), result("c2", "Error: the arguments are not JSON: {oops")]);
    request
}

fn calls_of(reply: &ChatReply) -> Vec<(&str, &str, &Value)> {
    assert_eq!(reply.finish, Finish::ToolCalls);
    reply.tool_calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments)).collect()
}

#[tokio::test]
async fn openai_is_sent_tools_and_results() {
    let server = FaultServer::start().await;
    server.always(Reply::json(&json!({ "choices": [{ "message": { "content": "Done." } }] })));
    let model = openai(&server.url());
    ask(&model, &in_the_middle(question("Find it."))).await.expect("an answer");
    let body = server.last().json();
    assert_eq!(
        body["tools"][0],
        json!({ "type": "function", "function": {
            "name": "find", "description": "find does it.",
            "parameters": { "type": "object", "required": ["state"], "properties": {
                "state": { "enum": ["open", "paid"], "description": "open: not paid; paid" } } },
        } })
    );
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(
        body["messages"].as_array().expect("messages")[2..],
        [
            json!({ "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "find", "arguments": "{\"state\":\"open\"}" } },
                { "id": "c2", "type": "function", "function": { "name": "find", "arguments": "{oops" } },
            ] }),
            json!({ "role": "tool", "content": "[1, 2]", "tool_call_id": "c1" }),
            json!({ "role": "tool", "content": "Error: the arguments are not JSON: {oops", "tool_call_id": "c2" }),
        ]
    );
    // The last question keeps the tools, because the conversation speaks of them, and lets none be called.
    let last = ChatRequest { must_answer: true, ..in_the_middle(structured("Find it.")) };
    ask(&model, &last).await.expect("an answer");
    let body = server.last().json();
    assert_eq!((&body["tool_choice"], body["tools"].as_array().map(Vec::len)), (&json!("none"), Some(2)));
    assert_eq!(body["response_format"]["type"], "json_schema", "OpenAI takes tools and a schema together");
}

#[tokio::test]
async fn anthropic_is_sent_tools_and_results() {
    let server = FaultServer::start().await;
    server.always(Reply::json(&json!({ "content": [{ "type": "text", "text": "Done." }], "stop_reason": "end_turn" })));
    let model = claude(&server.url());
    ask(&model, &in_the_middle(question("Find it."))).await.expect("an answer");
    let body = server.last().json();
    assert_eq!(body["tools"][1]["name"], "pay");
    assert_eq!(body["tools"][1]["input_schema"]["properties"]["state"]["description"], "open: not paid; paid");
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(
        body["messages"].as_array().expect("messages")[1..],
        [
            json!({ "role": "assistant", "content": [
                { "type": "tool_use", "id": "c1", "name": "find", "input": { "state": "open" } },
                { "type": "tool_use", "id": "c2", "name": "find", "input": {} },
            ] }),
            json!({ "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "content": "[1, 2]" },
                { "type": "tool_result", "tool_use_id": "c2", "content": "Error: the arguments are not JSON: {oops" },
            ] }),
        ]
    );
    let last = ChatRequest { must_answer: true, ..in_the_middle(question("Find it.")) };
    ask(&model, &last).await.expect("an answer");
    let body = server.last().json();
    assert_eq!((&body["tool_choice"], body["tools"].as_array().map(Vec::len)), (&json!({ "type": "none" }), Some(2)));
    // A structured last answer is still a call, of the one tool that takes it.
    let last = ChatRequest { must_answer: true, ..in_the_middle(structured("Find it.")) };
    ask(&model, &last).await.expect("an answer");
    let choice = &server.last().json()["tool_choice"];
    assert_eq!((&choice["type"], &choice["name"]), (&json!("tool"), &json!("verdict")));
}

#[tokio::test]
async fn odd_calls_are_read() {
    let server = FaultServer::start().await;
    // Arguments that are no JSON, none, and as an object; ids that are missing; a tool that nobody has.
    server.push(Reply::json(&json!({ "choices": [{ "finish_reason": "tool_calls", "message": { "tool_calls": [
        { "id": "a", "function": { "name": "find", "arguments": "{\"state\": \"op" } },
        { "function": { "name": "find", "arguments": "" } },
        { "id": "", "function": { "name": "elsewhere", "arguments": { "x": 1 } } },
    ] } }] })));
    let request = ChatRequest { tools: vec![spec("find")], ..question("Find it.") };
    let reply = ask(&openai(&server.url()), &request).await.expect("calls");
    assert_eq!(
        calls_of(&reply),
        [
            ("a", "find", &json!("{\"state\": \"op")),
            ("call_1", "find", &json!({})),
            ("call_2", "elsewhere", &json!({ "x": 1 })),
        ]
    );
    server.push(Reply::json(&json!({ "stop_reason": "tool_use", "content": [
        { "type": "text", "text": "I will look." },
        { "type": "tool_use", "id": "t1", "name": "find", "input": { "state": "open" } },
        { "type": "tool_use", "name": "elsewhere" },
    ] })));
    let reply = ask(&claude(&server.url()), &request).await.expect("calls");
    assert_eq!(reply.text, "I will look.");
    assert_eq!(calls_of(&reply), [("t1", "find", &json!({ "state": "open" })), ("call_1", "elsewhere", &json!({}))]);
}

#[tokio::test]
async fn streamed_calls_with_broken_arguments_are_read() {
    let server = FaultServer::start().await;
    server.push(Reply::events([
        r#"{"choices":[{"delta":{"content":"Hm"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"find","arguments":"{\"st"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
        "[DONE]",
    ]));
    let request = ChatRequest { tools: vec![spec("find")], stream: true, ..question("Find it.") };
    let heard = Heard::default();
    let reply = openai(&server.url()).chat(&request, &attempt(Duration::from_secs(5)), &heard).await.expect("a call");
    assert_eq!((reply.finish, heard.pieces().concat()), (Finish::Length, "Hm".to_owned()));
    assert_eq!(reply.tool_calls, [call("a", "find", json!("{\"st"))]);

    let events = [
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 8, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0,
            "content_block": { "type": "tool_use", "id": "t", "name": "find", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 0,
            "delta": { "type": "input_json_delta", "partial_json": "{\"st" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "max_tokens" }, "usage": { "output_tokens": 6 } }),
        json!({ "type": "message_stop" }),
    ];
    server.push(events.iter().fold(Reply::stream(), |reply, event| reply.chunk(format!("data: {event}\n\n"))));
    let reply = ask(&claude(&server.url()), &request).await.expect("a call");
    assert_eq!(reply.tool_calls, [call("t", "find", json!("{\"st"))]);
}

/// Servers that hold the model to a grammar leave it no way to call a tool, so they are told the schema in words.
#[tokio::test]
async fn compatible_servers_are_told_the_schema_in_words_beside_tools() {
    let server = FaultServer::start().await;
    server.always(Reply::json(&json!({ "choices": [{ "message": { "content": "{\"label\": \"a\"}" } }] })));
    let local = model(json!({ "use": "openai-compatible/qwen3-8b", "base_url": server.url() }));
    let request = ChatRequest { tools: vec![spec("find")], ..structured("Which?") };
    assert_eq!(ask(&local, &request).await.expect("an answer").text, r#"{"label":"a"}"#);
    let body = server.last().json();
    assert_eq!(body.get("response_format"), None);
    let told = body["messages"][0]["content"].as_str().expect("a text");
    assert!(
        told.starts_with("Call tools as you need them. When you have what you need, answer with one JSON"),
        "{told}"
    );
    // Without tools the best way is tried as before: nothing was learned from that.
    ask(&local, &structured("Which?")).await.expect("an answer");
    assert_eq!(server.last().json()["response_format"]["type"], "json_schema");
}
