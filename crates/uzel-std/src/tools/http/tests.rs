//! Tests of the http tool against a server on loopback.

use std::time::Duration;

use expect_test::expect;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Answers each request with what `answer` makes of its text; gives back the port.
async fn serve(answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut got = vec![];
                let mut buffer = [0; 4096];
                loop {
                    let text = String::from_utf8_lossy(&got).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| {
                            line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
                        });
                        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                            break;
                        }
                    }
                    match stream.read(&mut buffer).await {
                        Ok(n) if n > 0 => got.extend_from_slice(&buffer[..n]),
                        _ => break,
                    }
                }
                let _ = stream.write_all(answer(&String::from_utf8_lossy(&got)).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
    });
    port
}

fn respond(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// The request as JSON, without what differs between runs.
fn echo(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or("").replace(" HTTP/1.1", "");
    let mut headers: Vec<&str> = lines
        .filter(|line| ["authorization", "content-type", "idempotency-key"].iter().any(|name| line.starts_with(name)))
        .collect();
    headers.sort_unstable();
    respond("200 OK", "content-type: application/json\r\n", &json!([first, headers, body]).to_string())
}

fn answers(request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap_or("");
    match path {
        "/text" => respond("200 OK", "content-type: text/plain\r\n", "hi"),
        "/none" => respond("204 No Content", "", ""),
        "/broken" => respond("200 OK", "content-type: application/json\r\n", "{"),
        "/slow-down" => respond("429 Too Many Requests", "retry-after: 7\r\n", "slow"),
        "/later" => respond("503 Service Unavailable", "retry-after-ms: 250\r\nx-should-retry: true\r\n", ""),
        "/date" => respond("503 Service Unavailable", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""),
        "/bad" => respond("422 Unprocessable Content", "", &"x".repeat(5000)),
        "/who" => respond("401 Unauthorized", "", "no key"),
        "/moved" => respond("302 Found", "location: /text\r\n", ""),
        "/away" => respond("302 Found", "location: http://localhost:1/\r\n", ""),
        "/round" => respond("307 Temporary Redirect", "location: /round\r\n", ""),
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_owned(),
        "/huge" => "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned() + &"x".repeat(17 << 20),
        _ => echo(request),
    }
}

async fn call(port: u16, request: &str, form: bool, arguments: Value) -> Result<Value, Failure> {
    let request = request.replace("HOST", &format!("http://127.0.0.1:{port}"));
    let headers = BTreeMap::from([("authorization".to_owned(), "Bearer s3cret".to_owned())]);
    let body = if form { Body::Form } else { Body::Json };
    let tool = Http::new(&Config { request, headers, params: None, body, output: None }, true).unwrap();
    let attempt = Attempt { number: 1, key: "k-1".into(), timeout: Duration::from_millis(1500), tag: "t".into() };
    tool.call(&arguments, &attempt).await
}

fn shown(port: u16, result: Result<Value, Failure>) -> String {
    let text = match result {
        Ok(value) => value.to_string(),
        Err(failure) => {
            let causes: String = failure
                .causes
                .iter()
                .map(|cause| " | ".to_owned() + &cause.chars().take(20).collect::<String>())
                .collect();
            let wait = failure.retry_after.map_or(String::new(), |wait| format!(" wait {wait:?}"));
            let again = failure.should_retry.map_or(String::new(), |again| format!(" again {again}"));
            format!("{}: {}{causes}{wait}{again}", failure.class.as_str(), failure.message)
        }
    };
    text.replace(&port.to_string(), "PORT")
}

#[tokio::test]
async fn requests_are_written_as_configured() {
    let port = serve(echo).await;
    let arguments = json!({"id": "a/b ?é", "n": 3, "list": [1, "x y"], "none": null, "deep": {"a": [true]}});
    let mut table = String::new();
    for (request, form) in [
        ("GET HOST/orders/{id}?v=1", false),
        ("DELETE HOST/x/{n}", false),
        ("POST HOST/orders/{id}", false),
        ("PUT HOST/{id}?q={n}", true),
    ] {
        table += &(shown(port, call(port, request, form, arguments.clone()).await) + "\n");
    }
    for arguments in [json!({}), json!({"id": ".."}), json!({"id": [1]}), json!(1)] {
        table += &(shown(port, call(port, "GET HOST/{id}", false, arguments).await) + "\n");
    }
    expect![[r#"
        ["GET /orders/a%2Fb%20%3F%C3%A9?v=1&n=3&list=1&list=x+y&deep=%7B%22a%22%3A%5Btrue%5D%7D",["authorization: Bearer s3cret","idempotency-key: k-1"],""]
        ["DELETE /x/3?id=a%2Fb+%3F%C3%A9&list=1&list=x+y&deep=%7B%22a%22%3A%5Btrue%5D%7D",["authorization: Bearer s3cret","idempotency-key: k-1"],""]
        ["POST /orders/a%2Fb%20%3F%C3%A9",["authorization: Bearer s3cret","content-type: application/json","idempotency-key: k-1"],"{\"n\":3,\"list\":[1,\"x y\"],\"none\":null,\"deep\":{\"a\":[true]}}"]
        ["PUT /a%2Fb%20%3F%C3%A9?q=3",["authorization: Bearer s3cret","content-type: application/x-www-form-urlencoded","idempotency-key: k-1"],"list%5B0%5D=1&list%5B1%5D=x+y&deep%5Ba%5D%5B0%5D=true"]
        invalid: the argument `id` is missing
        invalid: the argument `id` is "..", that is no part of an address
        invalid: the argument `id` must be a text or a number
        invalid: the arguments must be an object
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn answers_become_values_or_failures() {
    let port = serve(answers).await;
    let mut table = String::new();
    for path in
        ["text", "none", "broken", "slow-down", "later", "date", "bad", "who", "moved", "away", "round", "cut", "huge"]
    {
        table += &(path.to_owned()
            + " "
            + &shown(port, call(port, &format!("GET HOST/{path}"), false, json!({})).await)
            + "\n");
    }
    table += &shown(port, call(port, "POST HOST/moved", false, json!({})).await);
    expect![[r#"
        text {"status":200,"text":"hi"}
        none {"status":204,"text":""}
        broken server_error: http://127.0.0.1:PORT answered with broken JSON | EOF while parsing an
        slow-down rate_limit: http://127.0.0.1:PORT answered 429 Too Many Requests | slow wait 7s
        later server_error: http://127.0.0.1:PORT answered 503 Service Unavailable wait 250ms again true
        date server_error: http://127.0.0.1:PORT answered 503 Service Unavailable wait 0ns
        bad invalid: http://127.0.0.1:PORT answered 422 Unprocessable Entity | xxxxxxxxxxxxxxxxxxxx
        who auth: http://127.0.0.1:PORT answered 401 Unauthorized | no key
        moved {"status":200,"text":"hi"}
        away invalid: 302: redirected to another host (localhost): write the new address into `request`
        round invalid: http://127.0.0.1:PORT redirects more than 5 times
        cut server_error: http://127.0.0.1:PORT broke the connection off | error reading a body | end of file before m
        huge limit: the answer of http://127.0.0.1:PORT is over 16 MB
        invalid: 302: POST was redirected: write the new address into `request`"#]]
    .assert_eq(&table);
    let nobody = shown(1, call(1, "GET HOST/", false, json!({})).await);
    assert!(nobody.starts_with("connect: "), "{nobody}");
}

#[tokio::test]
async fn a_slow_server_is_a_timeout() {
    let port = serve(|_| {
        std::thread::park_timeout(Duration::from_secs(4));
        String::new()
    })
    .await;
    let result = shown(port, call(port, "GET HOST/", false, json!({})).await);
    expect!["timeout: no answer from http://127.0.0.1:PORT within 1.5s"].assert_eq(&result);
}

#[test]
fn bad_configs_are_named() {
    let table: String = [
        "https://a/",
        "FETCH https://a/",
        "GET ftp://a/",
        "GET https://{host}/",
        "GET https://u:p@a/",
        "GET https://a/{",
        "GET https://a/{a b}",
        "GET nowhere",
    ]
    .iter()
    .map(|request| {
        let config = Config {
            request: (*request).to_owned(),
            headers: BTreeMap::new(),
            params: None,
            body: Body::Json,
            output: None,
        };
        Http::new(&config, false).unwrap_err() + "\n"
    })
    .collect();
    expect![[r"
        `request: https://a/` must be a method and an address: GET https://host/path
        `request` has the method FETCH, it must be GET, HEAD, POST, PUT, PATCH, DELETE
        `request`: ftp is not supported, only http and https
        `request`: the host must be written out, only path and query may have `{}`
        `request`: a user or a password belongs into `headers`, not into the address
        `request`: `{` is not closed in https://a/{
        `request`: `{a b}` is no name of a parameter
        `request`: nowhere is no address: relative URL without a base
    "]]
    .assert_eq(&table);
    let headers = BTreeMap::from([("a".to_owned(), "s3cret\n".to_owned())]);
    let config = Config { request: "GET https://a/".into(), headers, params: None, body: Body::Json, output: None };
    let error = Http::new(&config, false).unwrap_err();
    assert!(error.contains("the value of a") && !error.contains("s3cret"));
}
