//! Chat completions: what is sent, and what is made of the answers.

use std::time::Duration;

use serde_json::{Value, json};
use uzel_core::{
    capability::model::{Example, Finish, Message, Role, ToolCall, ToolSpec, Usage},
    failure::FailureClass,
};
use uzel_testkit::http::{FaultServer, Reply};

use crate::ask::{Heard, KEY, ask, attempt, model, openai, question, structured};

fn completion(content: &str) -> Value {
    json!({
        "choices": [{ "message": { "role": "assistant", "content": content }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3 },
    })
}

#[tokio::test]
async fn a_question_is_sent_as_the_protocol_says() {
    let server = FaultServer::start().await;
    server.push(Reply::json(&completion(r#"{"label":"a","note":null}"#)));
    let model = openai(&server.url());
    let mut request = structured("Which?");
    request.examples = vec![Example { input: "An a.".into(), output: json!({ "label": "a" }) }];
    request.temperature = Some(0.5);
    request.max_tokens = Some(50);
    let reply = ask(&model, &request).await.expect("an answer");

    assert_eq!(reply.text, r#"{"label":"a"}"#, "nulls that only strictness asked for are gone");
    assert_eq!(reply.usage, Usage { input_tokens: 12, output_tokens: 3 });
    assert_eq!((reply.model.as_str(), reply.finish), ("openai/gpt-5-mini", Finish::Stop));
    assert!((model.price().cost(reply.usage) - 9e-6).abs() < 1e-12);
    assert_eq!(model.endpoint(), format!("openai/gpt-5-mini at {}/v1", server.url()));

    let sent = server.last();
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(sent.header("idempotency-key"), Some("key-of-effect"));
    let body = sent.json();
    assert_eq!(
        body["messages"],
        json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "An a." },
            { "role": "assistant", "content": "{\"label\":\"a\"}" },
            { "role": "user", "content": "Which?" },
        ])
    );
    assert_eq!((&body["user"], &body["temperature"]), (&json!("run-1/classify"), &json!(0.5)));
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(50), &Value::Null));
    let format = &body["response_format"]["json_schema"];
    assert_eq!((&format["name"], &format["strict"]), (&json!("verdict"), &json!(true)));
    assert_eq!(format["schema"]["required"], json!(["label", "note"]));
}

#[tokio::test]
async fn servers_that_refuse_schemas_are_asked_in_words_and_remembered() {
    let server = FaultServer::start().await;
    server.handle(|request| match request.json()["response_format"]["type"].as_str() {
        Some("json_schema") => Reply::status(400).body(r#"{"error":"response_format type json_schema is unknown"}"#),
        _ => Reply::json(&completion("```json\n{\"label\":\"b\"}\n```")),
    });
    let model = model(json!({ "use": "openai-compatible/org/qwen3-8b", "base_url": server.url(), "max_tokens": 9 }));
    for _ in 0..2 {
        assert_eq!(ask(&model, &structured("Which?")).await.expect("an answer").text, r#"{"label":"b"}"#);
    }
    let bodies: Vec<Value> = server.requests().iter().map(uzel_testkit::http::Request::json).collect();
    let formats: Vec<&Value> = bodies.iter().map(|body| &body["response_format"]["type"]).collect();
    assert_eq!(formats, ["json_schema", "json_object", "json_object"]);
    assert_eq!((&bodies[2]["model"], &bodies[2]["max_tokens"]), (&json!("org/qwen3-8b"), &json!(9)));
    let instruction = bodies[2]["messages"][0]["content"].as_str().expect("a text");
    assert!(instruction.contains("fits this JSON Schema") && instruction.contains("label"), "{instruction}");
}

#[tokio::test]
async fn a_request_that_is_wrong_in_any_form_is_invalid() {
    let server = FaultServer::start().await;
    server.always(Reply::status(400).body(r#"{"error":{"message":"Invalid schema for response_format"}}"#));
    let model = openai(&server.url());
    let failure = ask(&model, &structured("Which?")).await.expect_err("refused");
    assert_eq!(failure.class, FailureClass::Invalid);
    assert_eq!(server.requests().len(), 3, "each way once");
    // Nothing is learned from that: the next question begins with the best way again.
    server.push(Reply::json(&completion("{}")));
    ask(&model, &structured("Which?")).await.expect("an answer");
    assert_eq!(server.last().json()["response_format"]["type"], "json_schema");

    server.push(Reply::status(400).body(r#"{"error":{"message":"Invalid schema for response_format"}}"#));
    server.push(Reply::json(&completion("{}")));
    server.push(Reply::json(&completion("{}")));
    ask(&model, &structured("Which?")).await.expect("an answer");
    assert_eq!(server.last().json()["response_format"]["type"], "json_object");
    ask(&model, &structured("Which?")).await.expect("an answer");
    assert_eq!(server.last().json()["response_format"]["type"], "json_schema", "OpenAI knows schemas");

    server.push(Reply::status(400).body(r#"{"error":{"message":"context length exceeded"}}"#));
    let failure = ask(&model, &structured("Which?")).await.expect_err("refused");
    assert_eq!(failure.message, "`openai/gpt-5-mini` refused the request (400): context length exceeded");
    assert_eq!(server.requests().len(), 8, "asked once");
}

#[tokio::test]
async fn tools_and_their_results_go_both_ways() {
    let server = FaultServer::start().await;
    server.push(Reply::json(&json!({ "choices": [{ "finish_reason": "tool_calls", "message": {
        "content": null,
        "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "refund", "arguments": "{\"amount\":5}" } }],
    } }] })));
    let model = openai(&server.url());
    let mut request = question("Refund me.");
    request.messages.push(Message {
        tool_calls: vec![ToolCall { id: "c0".into(), name: "find".into(), arguments: json!({ "id": 1 }) }],
        ..Message::new(Role::Assistant, "")
    });
    request.messages.push(Message { tool_call_id: Some("c0".into()), ..Message::new(Role::Tool, "found") });
    request.tools = vec![ToolSpec {
        name: "refund".into(),
        description: "Pays back.".into(),
        parameters: json!({ "type": "object" }),
    }];
    let reply = ask(&model, &request).await.expect("an answer");
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(
        reply.tool_calls,
        [ToolCall { id: "c1".into(), name: "refund".into(), arguments: json!({ "amount": 5 }) }]
    );
    assert!(reply.usage.input_tokens > 0, "estimated where the server does not count");
    let body = server.last().json();
    assert_eq!(body["tools"][0]["function"]["name"], "refund");
    assert_eq!(body["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"id\":1}");
    assert_eq!(body["messages"][3], json!({ "role": "tool", "content": "found", "tool_call_id": "c0" }));
}

#[tokio::test]
async fn streams_are_put_together() {
    let server = FaultServer::start().await;
    server.push(Reply::events([
        r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"delta":{"content":"Hel"}}]}"#,
        r#"{"choices":[{"delta":{"content":"lo"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"find","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"id\""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"c2","function":{"name":"list","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":7}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
        "[DONE]",
    ]));
    let model = openai(&server.url());
    let (mut request, heard) = (question("Hi"), Heard::default());
    request.stream = true;
    let reply = model.chat(&request, &attempt(Duration::from_secs(5)), &heard).await.expect("an answer");
    assert_eq!((reply.text.as_str(), heard.pieces()), ("Hello", vec!["Hel".to_owned(), "lo".to_owned()]));
    let call = |id: &str, name: &str, arguments| ToolCall { id: id.into(), name: name.into(), arguments };
    assert_eq!(reply.tool_calls, [call("c1", "find", json!({ "id": 7 })), call("c2", "list", json!({}))]);
    assert_eq!(reply.usage, Usage { input_tokens: 9, output_tokens: 4 });
    let body = server.last().json();
    assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn what_a_provider_withholds_is_refused() {
    let server = FaultServer::start().await;
    let model = openai(&server.url());
    for choice in [
        json!({ "message": { "content": "" }, "finish_reason": "content_filter" }),
        json!({ "message": { "content": null, "refusal": "I cannot." }, "finish_reason": "stop" }),
    ] {
        server.push(Reply::json(&json!({ "choices": [choice] })));
        assert_eq!(ask(&model, &question("?")).await.expect_err("refused").class, FailureClass::Refused);
    }
}

#[tokio::test]
async fn answers_that_are_none_are_server_errors() {
    let server = FaultServer::start().await;
    let model = openai(&server.url());
    for body in ["{", "null", "{}", r#"{"choices":[]}"#, r#"{"choices":[{}]}"#, r#"{"error":{"message":"boom"}}"#] {
        server.push(Reply::status(200).header("content-type", "application/json").body(body));
        assert_eq!(ask(&model, &question("?")).await.expect_err(body).class, FailureClass::ServerError, "{body}");
    }
}
