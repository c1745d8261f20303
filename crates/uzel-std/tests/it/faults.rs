//! All the ways in which a server can fail, and the failures that come of them.

use std::time::{Duration, Instant};

use serde_json::json;
use uzel_core::{
    capability::model::ChatRequest,
    failure::{Failure, FailureClass},
};
use uzel_std::http::MAX_ANSWER;
use uzel_testkit::http::{FaultServer, Reply, closed_port};

use crate::ask::{Heard, KEY, ask, attempt, model, openai, question};

async fn failure_of(reply: Reply) -> Failure {
    let server = FaultServer::start().await;
    server.push(reply);
    let request = ChatRequest { stream: true, ..question("?") };
    let failure = ask(&openai(&server.url()), &request).await.expect_err("a failure");
    assert_eq!(server.requests().len(), 1, "nothing is retried here");
    failure
}

#[tokio::test]
async fn statuses_have_their_classes() {
    use FailureClass::{Auth, Invalid, RateLimit, ServerError, Timeout};
    for (status, class) in [
        (400, Invalid),
        (401, Auth),
        (403, Auth),
        (404, Invalid),
        (408, Timeout),
        (422, Invalid),
        (429, RateLimit),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (529, RateLimit),
        (302, Invalid),
    ] {
        let reply = Reply::status(status).header("location", "/elsewhere").body(r#"{"error":{"message":"why"}}"#);
        let failure = failure_of(reply).await;
        assert_eq!(failure.class, class, "{status}: {failure}");
        assert!(failure.message.contains("why"), "{failure}");
    }
}

#[tokio::test]
async fn wishes_to_wait_are_heard() {
    let failure = failure_of(Reply::status(429).header("retry-after-ms", 150).header("x-should-retry", false)).await;
    assert_eq!((failure.retry_after, failure.should_retry), (Some(Duration::from_millis(150)), Some(false)));
}

#[tokio::test]
async fn keys_are_named_and_not_shown() {
    let failure = failure_of(Reply::status(401).body(format!("Incorrect API key provided: {KEY}"))).await;
    let text = failure.to_string();
    assert!(text.contains("`OPENAI_API_KEY`") && !text.contains(KEY), "{text}");
    let failure = failure_of(Reply::status(500).body("x".repeat(100_000))).await;
    assert!(failure.message.len() < 2_200, "{}", failure.message.len());
}

#[tokio::test]
async fn connections_fail_in_their_own_ways() {
    let failure = ask(&openai(&closed_port().await), &question("?")).await.expect_err("closed");
    assert_eq!(failure.class, FailureClass::Connect, "{failure}");
    assert_eq!(failure_of(Reply::raw("")).await.class, FailureClass::ServerError);
    assert_eq!(failure_of(Reply::raw("garbage\r\n\r\n")).await.class, FailureClass::ServerError);
    let failure = failure_of(Reply::json(&json!({ "choices": [] })).cut()).await;
    assert_eq!(failure.message, "the answer of `openai/gpt-5-mini` was cut off");
}

#[tokio::test]
async fn tls_with_a_server_that_has_none_is_no_connection() {
    let server = FaultServer::start().await;
    let url = server.url().replace("http:", "https:");
    let failure = ask(&openai(&url), &question("?")).await.expect_err("no TLS");
    assert_eq!(failure.class, FailureClass::Connect, "{failure}");
    assert!(!failure.causes.is_empty(), "{failure}");
}

const PIECE: &str = r#"{"choices":[{"delta":{"content":"Hello"}}]}"#;

#[tokio::test]
async fn streams_that_break_off_are_noticed() {
    let failure = failure_of(Reply::events([PIECE])).await;
    assert_eq!(failure.to_string(), "server_error: the stream was cut off by `openai/gpt-5-mini`");
    assert_eq!(failure_of(Reply::events([PIECE]).cut()).await.class, FailureClass::ServerError);
    assert_eq!(failure_of(Reply::events([PIECE, "{oops"])).await.class, FailureClass::ServerError);
    let failure = failure_of(Reply::events([PIECE, r#"{"error":{"message":"slow","code":429}}"#])).await;
    assert_eq!(failure.class, FailureClass::RateLimit);
}

#[tokio::test]
async fn a_stalled_stream_ends_with_the_idle_timeout() {
    let server = FaultServer::start().await;
    server.push(Reply::events([PIECE]).hang());
    let settings = json!({ "use": "openai/x", "base_url": server.url(), "idle_timeout": "200ms", "stream": true });
    let failure = ask(&model(settings), &question("?")).await.expect_err("stalled");
    assert_eq!(
        failure.to_string(),
        "timeout: `openai/x` stopped in the middle of its answer: nothing more came within 200ms"
    );
}

#[tokio::test]
async fn no_wait_is_longer_than_the_try() {
    let server = FaultServer::start().await;
    server.always(Reply::never());
    let model = openai(&server.url());
    let start = Instant::now();
    let timeout = Duration::from_millis(150);
    let failure = model.chat(&question("?"), &attempt(timeout), &Heard::default()).await.expect_err("late");
    assert_eq!(failure.to_string(), "timeout: `openai/gpt-5-mini` did not begin to answer within 150ms");
    assert!(start.elapsed() < Duration::from_secs(5));

    // Pieces keep coming, so only the whole time ends it.
    let drip = (0..200).fold(Reply::stream(), |reply, _| reply.chunk(": ping\n\n").pause(Duration::from_millis(20)));
    server.push(drip);
    let request = ChatRequest { stream: true, ..question("?") };
    let failure = model.chat(&request, &attempt(timeout), &Heard::default()).await.expect_err("late");
    assert_eq!(failure.to_string(), "timeout: `openai/gpt-5-mini` did not finish its answer within 150ms");
}

#[tokio::test]
async fn the_models_own_timeouts_hold_too() {
    let server = FaultServer::start().await;
    server.always(Reply::never());
    let settings = json!({ "use": "openai/x", "base_url": server.url(), "timeout": "100ms" });
    let failure = ask(&model(settings), &question("?")).await.expect_err("late");
    assert_eq!(failure.to_string(), "timeout: `openai/x` did not begin to answer within 100ms");
    let settings =
        json!({ "use": "openai/x", "base_url": server.url(), "first_token_timeout": "90ms", "stream": true });
    let failure = ask(&model(settings), &question("?")).await.expect_err("late");
    assert_eq!(failure.to_string(), "timeout: `openai/x` did not begin to answer within 90ms");
}

#[tokio::test]
async fn endless_answers_are_stopped() {
    let mut reply = Reply::stream();
    for _ in 0..=MAX_ANSWER / (1 << 20) {
        reply = reply.chunk(vec![b'x'; 1 << 20]);
    }
    let failure = failure_of(reply.hang()).await;
    assert_eq!(failure.message, "the answer of `openai/gpt-5-mini` is larger than 16 MiB");
}

#[tokio::test]
async fn keys_that_headers_cannot_carry_are_explained() {
    let settings =
        json!({ "use": "openai-compatible/x", "base_url": "http://127.0.0.1:9", "headers": { "x-team": "a\nb" } });
    let failure = ask(&model(settings), &question("?")).await.expect_err("bad header");
    assert_eq!(failure.class, FailureClass::Invalid);
    assert!(failure.message.contains("`x-team`") && !failure.to_string().contains("a\nb"), "{failure}");
}

#[tokio::test]
async fn own_headers_go_before_the_key() {
    let server = FaultServer::start().await;
    server.always(Reply::status(401).body("no: gateway-pass"));
    let headers = json!({ "Authorization": "Basic gateway-pass" });
    let settings = json!({ "use": "openai-compatible/x", "base_url": server.url(), "headers": headers });
    let failure = ask(&model(settings), &question("?")).await.expect_err("refused");
    assert!(!failure.to_string().contains("gateway-pass"), "{failure}");
    let request = server.last();
    let sent: Vec<&str> =
        request.headers.iter().filter(|(name, _)| name == "authorization").map(|(_, value)| value.as_str()).collect();
    assert_eq!(sent, ["Basic gateway-pass"]);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = FaultServer::start().await;
    server.always(Reply::json(&json!({ "choices": [{ "message": { "content": "hi" } }] })));
    let model = openai(&server.url());
    for _ in 0..5 {
        ask(&model, &question("?")).await.expect("an answer");
    }
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}
