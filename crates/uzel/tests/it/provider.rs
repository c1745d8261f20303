//! Provider faults through the whole stack: a real server that misbehaves, the client, the layers, the log, the outcome.
//!
//! Each test says how often the provider was asked, that every try carried the same key, and what is on record.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use uzel_core::{
    build::{Surroundings, build},
    check::{Choices, read},
    diagnostic::Code,
    event::{EffectMeta, Event, InstancePath, RunId},
    failure::{Failure, FailureClass},
    store::{Head, Status},
};
use uzel_runtime::{
    driver::{Nobody, Watcher},
    store::memory::Memory,
    world::RealWorld,
};
use uzel_testkit::{
    http::{FaultServer, Reply, closed_port},
    lab::{Lab, app, catalog},
    probe::{Ledger, Reply as Says},
};

/// `fast` with a fallback on another server; a node with a schema and three tries.
fn text(fast: &str, local: &str, node: &str) -> String {
    format!(
        "
version: 1
inputs: {{ question: string }}
models:
  fast: {{ use: openai-compatible/x, base_url: \"{fast}/v1\", timeout: 400ms, fallback: [local], price: {{ input_usd: 1, output_usd: 2 }} }}
  local: {{ use: openai-compatible/small, base_url: \"{local}/v1\", timeout: 400ms }}
nodes:
  sort:
    kind: llm
    model: fast
    prompt: \"Which is it? {{{{ input.question }}}}\"
    output: {{ label: {{ enum: [a, b] }} }}
    retry: {{ max: 3, base: 10ms }}
{node}
output: {{ label: \"${{{{ sort.label if sort else none }}}}\", state: \"${{{{ nodes.sort.status }}}}\" }}
"
    )
}

fn says(text: &str) -> Reply {
    Reply::json(&json!({
        "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
    }))
}

fn good(label: &str) -> Reply {
    says(&json!({ "label": label }).to_string())
}

struct Outcome {
    head: Head,
    /// The chat's result and how it went.
    chat: Result<Value, Failure>,
    meta: EffectMeta,
    took: Duration,
}

impl Outcome {
    fn classes(&self) -> Vec<FailureClass> {
        self.meta.tries.iter().map(|failure| failure.class).collect()
    }

    fn output(&self) -> Value {
        assert_eq!(self.head.status, Status::Succeeded, "{}", self.head.outcome);
        self.head.outcome["output"].clone()
    }
}

async fn run(text: &str) -> Outcome {
    run_heard(text, Arc::new(Nobody)).await
}

#[expect(clippy::disallowed_methods, reason = "real waits are measured")]
async fn run_heard(text: &str, watcher: Arc<dyn Watcher>) -> Outcome {
    let ledger = Ledger::new(|_| Box::pin(std::future::ready(())), |_| Says::Hang);
    let lab = Lab::new(app(text, &ledger), Arc::new(Memory::new()), Arc::new(RealWorld::default())).watched(watcher);
    let start = Instant::now();
    let head = lab.start("r1", json!({ "question": "?" })).await.unwrap();
    let took = start.elapsed();
    let log = lab.log("r1").await;
    let mut chats = log.iter().filter_map(|event| match event {
        Event::EffectReturned { effect, result, meta, .. } if effect.as_str() == "sort/chat" => {
            let result = result.as_ref().map(|stored| serde_json::to_value(stored).unwrap()).map_err(Clone::clone);
            Some((result, meta.clone()))
        }
        _ => None,
    });
    let (chat, meta) = chats.next().expect("the chat is on record, also when it failed");
    assert!(chats.next().is_none());
    Outcome { head, chat, meta, took }
}

/// Keys of all requests to these servers; there must be one.
fn key(servers: &[&FaultServer]) -> String {
    let requests = servers.iter().flat_map(|server| server.requests());
    let keys: BTreeSet<String> =
        requests.map(|request| request.header("idempotency-key").expect("a key").to_owned()).collect();
    assert_eq!(keys.len(), 1, "every try has the same key");
    keys.into_iter().next().unwrap()
}

async fn two() -> (FaultServer, FaultServer) {
    let (fast, local) = (FaultServer::start().await, FaultServer::start().await);
    local.always(good("b"));
    (fast, local)
}

#[tokio::test]
async fn a_good_answer() {
    let (fast, local) = two().await;
    fast.push(good("a"));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output(), json!({ "label": "a", "state": "ok" }));
    let meta = &outcome.meta;
    assert_eq!((meta.attempts, meta.tries.len(), meta.brown_out), (1, 0, false));
    assert_eq!(meta.model.as_deref(), Some("openai-compatible/x"));
    assert_eq!((meta.input_tokens, meta.output_tokens), (100, 10));
    assert!((meta.cost_usd - 0.00012).abs() < 1e-12, "{}", meta.cost_usd);
    assert_eq!((fast.requests().len(), local.requests().len()), (1, 0));
    assert_eq!(fast.last().json()["user"], "r1/sort");
}

#[test]
fn a_missing_key_is_named_before_anything_runs() {
    let text = "
version: 1
secrets: [MY_KEY]
models:
  own: { use: openai/gpt-5-mini, api_key: '${{ secrets.MY_KEY }}' }
  usual: { use: anthropic/claude-sonnet-4-5 }
nodes:
  one: { kind: llm, model: own, prompt: Hello }
  two: { kind: llm, model: usual, prompt: Hello }
";
    let files = BTreeMap::from([("app.yaml".to_owned(), text.as_bytes().to_vec())]);
    let graph = read("app.yaml", &files, &catalog(), &Choices::default()).graph.unwrap();
    let functions = BTreeMap::new();
    let surroundings =
        Surroundings { folder: Path::new("/"), cache: Path::new("/"), secret: &|_| None, functions: &functions };
    let problems = build(&graph, &surroundings).unwrap_err();
    let found: Vec<(Code, String)> = problems.iter().map(|p| (p.code, p.message.clone())).collect();
    assert_eq!(found.len(), 2, "all are reported: {found:?}");
    for ((code, message), variable) in found.iter().zip(["MY_KEY", "ANTHROPIC_API_KEY"]) {
        assert!(*code == Code::SECRET_MISSING && message.contains(variable), "{code} {message}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_three_times_and_then_the_next() {
    let (fast, local) = (closed_port().await, FaultServer::start().await);
    local.push(good("b"));
    let outcome = run(&text(&fast, &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "b");
    assert_eq!(outcome.classes(), [FailureClass::Connect; 3]);
    assert_eq!((outcome.meta.attempts, outcome.meta.brown_out), (4, true));
    assert_eq!(outcome.meta.model.as_deref(), Some("openai-compatible/small"));
    assert_eq!(local.requests().len(), 1);
}

#[tokio::test]
async fn a_slow_provider_is_left_after_the_timeout() {
    let (fast, local) = two().await;
    fast.always(Reply::never());
    let outcome = run(&text(&fast.url(), &local.url(), "    timeout: 120ms")).await;
    assert_eq!(outcome.output()["label"], "b");
    assert_eq!(outcome.classes(), [FailureClass::Timeout; 3]);
    assert_eq!((fast.requests().len(), local.requests().len()), (3, 1));
    key(&[&fast, &local]);
    assert!(outcome.took >= Duration::from_millis(360) && outcome.took < Duration::from_secs(5), "{:?}", outcome.took);
}

#[tokio::test]
async fn a_request_to_wait_is_obeyed() {
    let (fast, local) = two().await;
    fast.push(Reply::status(429).header("retry-after-ms", 350).body("{}")).push(good("a"));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "a");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::RateLimit], 2));
    assert_eq!(outcome.meta.tries[0].retry_after, Some(Duration::from_millis(350)));
    assert!(outcome.took >= Duration::from_millis(350), "it came back after {:?}", outcome.took);
    assert_eq!((fast.requests().len(), local.requests().len()), (2, 0));
    key(&[&fast]);
}

#[tokio::test]
async fn a_provider_that_says_not_to_retry_is_not_asked_again() {
    let (fast, local) = two().await;
    fast.always(Reply::status(503).header("x-should-retry", false).body("{}"));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "b");
    assert_eq!((fast.requests().len(), local.requests().len()), (1, 1));
}

#[tokio::test]
async fn server_errors_are_tried_again() {
    let (fast, local) = two().await;
    fast.push(Reply::status(500)).push(Reply::status(502)).push(good("a"));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "a");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::ServerError; 2], 3));
    assert!(!outcome.meta.brown_out);
    assert_eq!((fast.requests().len(), local.requests().len()), (3, 0));
    key(&[&fast]);
}

#[tokio::test]
async fn malformed_answers_are_server_errors() {
    for reply in [Reply::json(&json!({ "surprise": 1 })), Reply::status(200).body("<html>"), Reply::raw("garbage")] {
        let (fast, local) = two().await;
        fast.push(reply).push(good("a"));
        let outcome = run(&text(&fast.url(), &local.url(), "")).await;
        assert_eq!(outcome.output()["label"], "a");
        assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::ServerError], 2));
        key(&[&fast]);
    }
}

#[tokio::test]
async fn a_violation_is_told_to_the_model() {
    let (fast, local) = two().await;
    fast.push(says(r#"{"label":"c"}"#)).push(says("I think it is a.")).push(good("a"));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "a");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::Schema; 2], 3));
    assert_eq!(outcome.meta.input_tokens, 300, "what failed is paid for too");
    let requests = fast.requests();
    let said = |n: usize| requests[n].json()["messages"].as_array().unwrap().clone();
    assert_eq!((said(0).len(), said(1).len(), said(2).len()), (1, 3, 3));
    assert_eq!(said(1)[1], json!({ "role": "assistant", "content": r#"{"label":"c"}"# }));
    let told = said(1)[2]["content"].as_str().unwrap().to_owned();
    assert!(told.starts_with("That answer does not fit: ") && told.contains("label"), "{told}");
    assert_eq!(said(2)[1]["content"], "I think it is a.");
    key(&[&fast]);
}

#[tokio::test]
async fn three_violations_lead_to_the_next_model() {
    let (fast, local) = two().await;
    fast.always(says(r#"{"label":"c"}"#));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "b");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::Schema; 3], 4));
    assert!(outcome.meta.brown_out);
    assert_eq!((fast.requests().len(), local.requests().len()), (3, 1));
    key(&[&fast, &local]);
}

#[tokio::test]
async fn a_stream_that_is_cut_in_the_middle_is_asked_for_again() {
    let piece = r#"{"choices":[{"delta":{"content":"{\"label\":"}}]}"#;
    let rest = r#"{"choices":[{"delta":{"content":"\"a\"}"},"finish_reason":"stop"}]}"#;
    let (fast, local) = two().await;
    fast.push(Reply::events([piece]).cut()).push(Reply::events([piece, rest, "[DONE]"]));
    let heard = Arc::new(Heard::default());
    let outcome = run_heard(&text(&fast.url(), &local.url(), "    stream: true"), heard.clone()).await;
    assert_eq!(outcome.output()["label"], "a");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::ServerError], 2));
    key(&[&fast]);
    // What was heard of the try that failed is taken back.
    assert_eq!(*heard.0.lock().unwrap(), r#"{"label": <void> {"label": "a"} "#);
}

/// Text as it came, and where it was taken back.
#[derive(Default)]
struct Heard(Mutex<String>);

impl Watcher for Heard {
    fn event(&self, _run: &RunId, _event: &Event) {}

    fn text(&self, _run: &RunId, _instance: &InstancePath, text: &str) {
        self.0.lock().unwrap().push_str(&format!("{text} "));
    }

    fn void(&self, _run: &RunId, _instance: &InstancePath) {
        self.0.lock().unwrap().push_str("<void> ");
    }
}

#[tokio::test]
async fn a_refused_key_is_not_tried_again() {
    let (fast, local) = two().await;
    fast.always(Reply::status(401).body(r#"{"error":{"message":"bad key"}}"#));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.output()["label"], "b");
    assert_eq!((outcome.classes(), outcome.meta.attempts), (vec![FailureClass::Auth], 2));
    assert_eq!((fast.requests().len(), local.requests().len()), (1, 1));
    key(&[&fast, &local]);
}

#[tokio::test]
async fn when_all_are_down_the_node_says_what_happens() {
    for (keys, label, state) in
        [("    on_error: { use: { label: b } }", json!("b"), "failed"), ("    on_error: skip", Value::Null, "failed")]
    {
        let (fast, local) = two().await;
        fast.always(Reply::status(500));
        local.always(Reply::status(503));
        let outcome = run(&text(&fast.url(), &local.url(), keys)).await;
        assert_eq!(outcome.output(), json!({ "label": label, "state": state }));
        assert_eq!((fast.requests().len(), local.requests().len()), (3, 3));
        assert_eq!(outcome.meta.attempts, 6);
        assert_eq!(outcome.meta.tries.len(), 5, "and the one that counts");
        assert_eq!(outcome.chat.unwrap_err().class, FailureClass::ServerError);
        key(&[&fast, &local]);
    }
    let (fast, local) = two().await;
    fast.always(Reply::status(500));
    local.always(Reply::status(503));
    let outcome = run(&text(&fast.url(), &local.url(), "")).await;
    assert_eq!(outcome.head.status, Status::Failed);
    assert_eq!(outcome.head.outcome["node"], "sort");
    assert_eq!(outcome.head.outcome["failure"]["class"], "server_error");
}

#[tokio::test]
async fn offline_is_the_last_link_of_a_chain() {
    let fast = closed_port().await;
    let app = text(&fast, &fast, "").replace(
        "use: openai-compatible/small, base_url",
        "use: offline }\n  none: { use: openai-compatible/small, base_url",
    );
    let outcome = run(&app).await;
    assert!(["a", "b"].contains(&outcome.output()["label"].as_str().unwrap()));
    assert_eq!((outcome.meta.model.as_deref(), outcome.meta.brown_out), (Some("offline"), true));
    assert_eq!(outcome.meta.attempts, 4);
}

/// The breaker: after five failures in a row a provider is left alone, and its fallback answers at once.
#[tokio::test]
async fn a_provider_that_stays_down_is_left_alone() {
    let (fast, local) = two().await;
    fast.always(Reply::status(500));
    let ledger = Ledger::new(|_| Box::pin(std::future::ready(())), |_| Says::Hang);
    let text = text(&fast.url(), &local.url(), "");
    let lab = Lab::new(app(&text, &ledger), Arc::new(Memory::new()), Arc::new(RealWorld::default()));
    for n in 0..10 {
        let head = lab.start(&format!("run{n}"), json!({ "question": "?" })).await.unwrap();
        assert_eq!(head.outcome["output"]["label"], "b");
    }
    assert_eq!((fast.requests().len(), local.requests().len()), (5, 10));
}
