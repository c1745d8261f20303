//! `uzel serve` over real sockets: runs, events, questions, refusals, restarts, and the official client for models.

use std::{collections::BTreeSet, net::TcpListener, path::Path, process::Command, sync::Arc};

use expect_test::expect;
use serde_json::{Value, json};

use crate::scratch::{DESK, Scratch};

mod client;
mod openai;

use client::Serving;

fn desk() -> Serving {
    Serving::new(&[("app.yaml", DESK)])
}

fn urgent() -> Value {
    json!({ "input": { "message": "My invoice is wrong", "urgent": true } })
}

#[test]
fn a_run_is_started_listed_and_looked_at() {
    let server = desk();
    let said = server.post("/v1/runs", &json!({ "input": { "message": "My invoice is wrong" } }));
    assert_eq!((said.status, &said.json()["status"]), (200, &json!("succeeded")), "{said:?}");
    assert_eq!(said.json()["output"], json!({ "topic": "billing", "note": null }));
    let run = said.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(said.header("x-run-id"), Some(run.as_str()));
    assert_eq!(said.header("location"), Some(format!("/v1/runs/{run}").as_str()));
    let later = server.post("/v1/runs", &json!({ "app": "desk", "input": { "message": "Hello" }, "mode": "async" }));
    assert_eq!(later.status, 202);
    let later = later.json()["run"].as_str().unwrap().to_owned();
    server.until_ended(&later);
    let waits = server.post("/v1/runs", &urgent());
    assert_eq!((waits.status, &waits.json()["status"]), (202, &json!("waiting")));
    assert_eq!(waits.json()["tasks"][0]["title"], json!("Look at this billing message?"));
    let stopped = server.post("/v1/runs", &json!({ "input": { "message": "" } }));
    assert_eq!(stopped.json()["text"], json!("Please write something, but not a novel."));

    // Pages, newest first, without a run that stands twice or is missing.
    let (mut found, mut after) = (vec![], String::new());
    loop {
        let page = server.get(&format!("/v1/runs?limit=1{after}")).json();
        found.extend(page["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 4);
    assert_eq!(found[3], run);
    assert_eq!(found[2], later);
    let count = |query: &str| server.get(&format!("/v1/runs?{query}")).json()["runs"].as_array().unwrap().len();
    assert_eq!((count("status=waiting"), count("status=succeeded,stopped"), count("app=other")), (1, 3, 0));
}

#[test]
fn a_person_answers_once() {
    let server = desk();
    let run = server.post("/v1/runs", &urgent()).json()["run"].as_str().unwrap().to_owned();
    let tasks = server.get("/v1/tasks").json();
    let digest = tasks["tasks"][0]["digest"].as_str().unwrap();
    let path = format!("/v1/runs/{run}/tasks/look/answer");
    let answer = |action: &str, by: &str, digest: &str| {
        server.post(&path, &json!({ "action": action, "form": { "stars": 4 }, "by": by, "digest": digest }))
    };
    assert_eq!(answer("throw", "ann", digest).status, 422, "there is no such action");
    assert_eq!(answer("done", "ann", "another").status, 409, "the question has changed");
    let said = answer("done", "ann", digest);
    assert_eq!((said.status, &said.json()["closed"]), (200, &json!("done by ann")), "{said:?}");
    let late = answer("drop", "bob", digest);
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("UZ6005")));
    assert!(late.json()["detail"].as_str().unwrap().contains("done by ann"), "{late:?}");
    assert_eq!(server.until_ended(&run)["output"]["note"], json!("none"));
    assert_eq!(server.get("/v1/tasks").json(), json!({ "tasks": [] }));
}

#[test]
fn a_run_is_cancelled_once() {
    let server = desk();
    let run = server.post("/v1/runs", &urgent()).json()["run"].as_str().unwrap().to_owned();
    let said = server.post(&format!("/v1/runs/{run}/cancel"), &json!({ "why": "enough" }));
    assert_eq!((said.status, &said.json()["why"]), (200, &json!("enough")), "{said:?}");
    let again = server.post(&format!("/v1/runs/{run}/cancel"), &json!({}));
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("UZ6095")));
    assert_eq!(server.get("/v1/tasks").json(), json!({ "tasks": [] }));
}

#[test]
fn the_same_key_is_the_same_run() {
    let server = Arc::new(desk());
    let send = |server: &Serving, message: &str| {
        let body = json!({ "input": { "message": message } }).to_string();
        server.send("POST", "/v1/runs", &[("idempotency-key", "key-1")], body.as_bytes())
    };
    // At once, and after.
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let server = Arc::clone(&server);
            std::thread::spawn(move || send(&server, "Hello").json()["run"].as_str().unwrap().to_owned())
        })
        .collect();
    let runs: BTreeSet<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let again = send(&server, "Hello");
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    let other = send(&server, "Bye");
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("UZ6093")));
    assert_eq!(server.get("/v1/runs").json()["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_batch_is_started_once() {
    let server = desk();
    let body = json!({ "batch": "night", "inputs": [{ "message": "one" }, { "message": "two" }] });
    let said = server.post("/v1/batches", &body);
    assert_eq!((said.status, &said.json()["known"]), (202, &json!(0)), "{said:?}");
    for run in said.json()["runs"].as_array().unwrap() {
        server.until_ended(run.as_str().unwrap());
    }
    let again = server.post("/v1/batches", &body);
    assert_eq!((&again.json()["runs"], &again.json()["known"]), (&said.json()["runs"], &json!(2)));
    let bad = server.post("/v1/batches", &json!({ "batch": "day", "inputs": [{ "message": "one" }, {}] }));
    assert_eq!((bad.status, &bad.json()["code"]), (422, &json!("UZ6001")));
    assert_eq!(server.get("/v1/runs?batch=day").json()["runs"], json!([]));
}

#[test]
fn events_go_on_after_a_reconnect_and_a_restart() {
    let mut server = desk();
    let run = server.post("/v1/runs", &urgent()).json()["run"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}/events");
    // A run that waits has an open end.
    let before = server.events(&path, None, |event| event.name == "run");
    let ids = |events: &[client::Event]| events.iter().filter_map(|event| event.id.clone()).collect::<Vec<_>>();
    let first = ids(&before);
    assert!(first.len() >= 3, "{before:?}");
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    // In the same process, from the middle.
    let rest = server.events(&path, Some(&first[0]), |event| event.name == "run");
    assert_eq!(ids(&rest), first[1..]);
    server.kill();
    server.start();
    let path_of_answer = format!("/v1/runs/{run}/tasks/look/answer");
    let said = server.post(&path_of_answer, &json!({ "action": "done", "by": "ann" }));
    assert_eq!(said.status, 200, "{said:?}");
    let after = server.events(&path, first.last().map(String::as_str), |_| false);
    let names: Vec<&str> = after.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names.last(), Some(&"run"), "the stream ends with the run: {after:?}");
    assert!(after.iter().any(|event| event.data.contains("answered")), "{after:?}");
    // All at once is the same as in parts.
    let whole = server.events(&path, None, |_| false);
    assert_eq!(ids(&whole), [first, ids(&after)].concat());
    assert_eq!(server.get(&path).status, 200);
    let bad = server.send("GET", &path, &[("last-event-id", "yesterday")], b"");
    assert_eq!((bad.status, &bad.json()["code"]), (400, &json!("UZ6090")));
}

#[test]
fn a_start_can_be_followed() {
    let server = desk();
    let body = json!({ "input": { "message": "Hello" } }).to_string();
    let said = server.send("POST", "/v1/runs", &[("accept", "text/event-stream")], body.as_bytes());
    assert_eq!(said.header("content-type"), Some("text/event-stream"));
    let events = client::events(&String::from_utf8(said.body.clone()).unwrap());
    assert_eq!(events.first().unwrap().id.as_deref(), Some("1.1"));
    let last: Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
    assert_eq!(last["status"], json!("succeeded"));
}

#[test]
fn somebody_calls_back() {
    let server = Serving::new(&[("app.yaml", CALLS)]);
    let said = server.post("/v1/runs", &json!({})).json();
    let run = said["run"].as_str().unwrap().to_owned();
    let events = server.events(&format!("/v1/runs/{run}/events"), None, |event| event.name == "run");
    let waited = events.iter().find(|event| event.data.contains("\"callback\"")).unwrap();
    let data: Value = serde_json::from_str(&waited.data).unwrap();
    let token = data["waited"]["wait"]["callback"]["token"].as_str().unwrap().to_owned();
    let path = format!("/v1/callbacks/{token}");
    let bad = server.post(&path, &json!({ "paid": "perhaps" }));
    assert_eq!((bad.status, &bad.json()["code"]), (422, &json!("UZ6004")), "{bad:?}");
    assert_eq!(server.post(&path, &json!({ "paid": true })).status, 200);
    let late = server.post(&path, &json!({ "paid": false }));
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("UZ6094")), "{late:?}");
    let guessed = server.post(&format!("/v1/callbacks/{run}.guessed"), &json!({ "paid": true }));
    assert_eq!((guessed.status, &guessed.json()["code"]), (404, &json!("UZ6094")));
    assert_eq!(server.until_ended(&run)["status"], json!("succeeded"));
}

const CALLS: &str = "version: 1
name: calls
nodes:
  pay: { kind: wait, for: callback, payload: { paid: boolean } }
";

#[test]
fn what_cannot_be_read_is_refused_and_leaves_the_server_as_it_was() {
    let server = desk();
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let deep = format!("{{\"input\": {{\"message\": {deep}}}}}");
    let large = format!("{{\"input\": {{\"message\": \"{}\"}}}}", "x".repeat(5 * 1024 * 1024));
    let plain = ("content-type", "application/json");
    type Case<'a> = (&'a str, &'a str, (&'a str, &'a str), &'a [u8]);
    let cases: [Case<'_>; 13] = [
        ("POST", "/v1/runs", plain, b"{"),
        ("POST", "/v1/runs", plain, b"[]"),
        ("POST", "/v1/runs", plain, b"{\"input\": 1}"),
        ("POST", "/v1/runs", plain, b"{\"inputs\": {}}"),
        ("POST", "/v1/runs", plain, b"{\"input\": {\"message\": \"a\", \"message\": \"b\"}}"),
        ("POST", "/v1/runs", plain, b"{\"input\": {\"message\": \"\xff\"}}"),
        ("POST", "/v1/runs", plain, b"{\"app\": \"dusk\", \"input\": {\"message\": \"a\"}}"),
        ("POST", "/v1/runs", plain, b"{\"input\": {\"mesage\": \"a\"}}"),
        ("POST", "/v1/runs", ("content-type", "text/plain"), b"{}"),
        ("GET", "/v1/runs/../../etc/passwd", plain, b""),
        ("DELETE", "/v1/runs", plain, b""),
        ("GET", "/v1/runs?limit=many", plain, b""),
        ("GET", "/v1/runs?status=gone", plain, b""),
    ];
    let mut text = String::new();
    for (method, path, header, body) in cases {
        let said = server.send(method, path, &[header], body);
        assert_eq!(said.header("content-type"), Some("application/problem+json"), "{said:?}");
        let said = (said.status, said.json());
        text += &format!("{} {} {}", said.0, said.1["code"].as_str().unwrap(), said.1["detail"].as_str().unwrap());
        text += &format!(" {} {}\n", said.1["causes"], said.1["hint"]);
    }
    expect![[r#"
        400 UZ6090 the body is not JSON that can be taken: EOF while parsing an object at line 1 column 1 null "`GET /openapi.json` describes every request"
        400 UZ6090 the body must be a JSON object null "`GET /openapi.json` describes every request"
        400 UZ6090 invalid type: integer `1`, expected a map null "`GET /openapi.json` describes every request"
        400 UZ6090 unknown field `inputs`, expected one of `app`, `input`, `flags`, `dry_run`, `by`, `mode`, `wait_ms` null "`GET /openapi.json` describes every request"
        400 UZ6090 the body is not JSON that can be taken: the name `message` stands twice in one map at line 1 column 42 null "`GET /openapi.json` describes every request"
        400 UZ6090 the body is not JSON that can be taken: invalid unicode code point at line 1 column 24 null "`GET /openapi.json` describes every request"
        404 UZ6091 there is no app `dusk` null "did you mean `desk`?"
        422 UZ6001 the input does not fit ["`mesage` is not a field that is known here","`message` is missing"] null
        415 UZ6090 the body is `text/plain`, and must be JSON null "send it with `content-type: application/json`"
        404 UZ6098 there is no `GET /v1/runs/../../etc/passwd` null "`GET /openapi.json` lists what there is"
        405 UZ6098 `/v1/runs` is not asked with DELETE null "`GET /openapi.json` lists what there is"
        400 UZ6090 Failed to deserialize query string: limit: invalid digit found in string null null
        400 UZ6090 there is no status `gone`: there are running, waiting, quarantined, succeeded, failed, stopped, cancelled null null
    "#]].assert_eq(&text);
    for (body, status) in [(deep.as_bytes(), 400), (large.as_bytes(), 413)] {
        assert_eq!(server.send("POST", "/v1/runs", &[plain], body).status, status);
    }
    for _ in 0..300 {
        assert_eq!(server.send("POST", "/v1/runs", &[plain], b"{").status, 400);
    }
    assert_eq!(server.get("/v1/runs").json(), json!({ "runs": [], "next": null }));
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn other_hosts_and_sites_are_refused() {
    let server = desk();
    let said = server.send("GET", "/v1/runs", &[("host", "evil.example")], b"");
    assert_eq!((said.status, &said.json()["code"]), (421, &json!("UZ6097")));
    let said = server.send("POST", "/v1/runs", &[("origin", "http://evil.example")], b"{}");
    assert_eq!((said.status, &said.json()["code"]), (403, &json!("UZ6097")));
    let said = server.get("/v1/runs");
    assert_eq!(said.header("access-control-allow-origin"), None);
}

#[test]
fn too_much_is_refused_with_when_to_come_again() {
    // It takes connections and says nothing, so that a run takes long.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = SLOW.replace("PORT", &mute.local_addr().unwrap().port().to_string());
    let server = Serving::of(&[("app.yaml", &slow)], &["--parallel", "1", "--queue", "1"]);
    let start = || server.post("/v1/runs", &json!({ "mode": "async" }));
    assert_eq!((start().status, start().status), (202, 202));
    let refused = start();
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("UZ6092")));
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    let (seconds, ms) = (refused.header("retry-after").unwrap(), refused.header("retry-after-ms").unwrap());
    assert!(seconds.parse::<u64>().unwrap() >= 1 && ms.parse::<u64>().unwrap() >= 500, "{refused:?}");
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/healthz").status, 200);
    // What a person asks is not refused.
    let run = server.get("/v1/runs").json()["runs"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(server.post(&format!("/v1/runs/{run}/cancel"), &json!({})).status, 200);
}

/// Something that takes long, and is in flight while it does.
const SLOW: &str = "version: 1
name: slow
models: { mute: { use: openai-compatible/mute, base_url: 'http://127.0.0.1:PORT/v1' } }
nodes:
  ask: { kind: llm, model: mute, prompt: 'Go' }
";

#[test]
fn a_server_that_is_stopped_ends_well_and_the_next_goes_on() {
    let mut server = desk();
    let run = server.post("/v1/runs", &urgent()).json()["run"].as_str().unwrap().to_owned();
    assert_eq!(server.terminate(), Some(0));
    server.start();
    let said = server.post(&format!("/v1/runs/{run}/tasks/look/answer"), &json!({ "action": "done" }));
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(server.until_ended(&run)["status"], json!("succeeded"));
}

#[test]
fn operators_see_counts_and_the_document() {
    let server = desk();
    server.post("/v1/runs", &json!({ "input": { "message": "Hello" } }));
    let metrics = server.get("/metrics");
    let text = String::from_utf8(metrics.body.clone()).unwrap();
    assert!(text.contains("\nuzel_runs_accepted_total 1\n"), "{text}");
    assert!(text.contains("uzel_runs_left_total{status=\"succeeded\"} 1\n"), "{text}");
    assert!(text.contains("uzel_http_request_seconds_count{route=\"/v1/runs\",status=\"2xx\"} 1\n"), "{text}");
    assert!(text.ends_with("# EOF\n"));
    // Every route that is described is there, and takes the method that is described.
    let document = server.get("/openapi.json").json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{run}", "nobody").replace("{node}", "none").replace("{token}", "t");
        for method in methods.as_object().unwrap().keys() {
            let said = server.send(&method.to_uppercase(), &path, &[], b"");
            assert!(said.status != 405, "{method} {path}");
            let is_there = said.status != 404 || said.json()["code"] != json!("UZ6098");
            assert!(is_there, "{method} {path}: {said:?}");
        }
    }
    for path in ["/healthz", "/readyz", "/startupz"] {
        assert_eq!(server.get(path).status, 200);
    }
}

#[test]
fn an_address_that_others_reach_needs_a_word() {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    scratch.check(
        &["serve", "--listen", "0.0.0.0:0"],
        expect![[r#"
            exit 2
            --- stderr
            error[UZ6096]: others can reach `0.0.0.0:0`, and nothing says who may ask
            hint: listen on 127.0.0.1 behind a proxy that checks who asks, or let everybody ask with `--insecure`
        "#]],
    );
    scratch.check(
        &["serve", "nowhere"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app file `nowhere`
        hint: give an app file or a folder with an app.yaml; `uzel new NAME` makes one
    "#]],
    );
}

#[test]
fn a_folder_of_apps_is_served() {
    let notes = DESK.replace("name: desk", "name: notes");
    let server = Serving::of(&[("apps/desk/app.yaml", DESK), ("apps/notes/app.yaml", &notes)], &["apps"]);
    let said = server.post("/v1/runs", &json!({ "input": { "message": "Hello" } }));
    assert_eq!((said.status, &said.json()["hint"]), (400, &json!("name one of the apps: `desk`, `notes`")));
    let said = server.post("/v1/runs", &json!({ "app": "notes", "input": { "message": "Hello" } }));
    assert_eq!((said.status, &said.json()["app"]), (200, &json!("notes")));
}

/// A Python with the official client, made once.
fn python() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = Command::new(root.join("scripts/python-tools")).output().unwrap();
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "the Python packages cannot be installed (scripts/python-tools): {said}");
    root.join("target/tools/python/bin/python")
}
