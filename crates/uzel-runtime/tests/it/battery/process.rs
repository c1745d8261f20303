//! The battery with processes: this test binary again, with a store on disk, its world behind HTTP in the parent. It is
//! killed with signal 9 before and after records of its log, and at random moments.
#![expect(
    clippy::disallowed_methods,
    reason = "a process is told what to do by its environment, and killed at a random moment"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use uzel_core::{
    event::{Event, RunId},
    store::{Status, Store},
};
use uzel_runtime::{
    engine::Start,
    store::sqlite::Sqlite,
    world::{RealWorld, World},
};
use uzel_testkit::{
    dice::Dice,
    fail_points::{Death, Mortal, Side},
    http::{FaultServer, Reply, Request},
    lab::{Lab, app, nobody_asks},
    probe::{Ledger, Reply as Said},
};

const DIR: &str = "UZEL_BATTERY_STORE";
const URL: &str = "UZEL_BATTERY_URL";
const DEATH: &str = "UZEL_BATTERY_DEATH";
const RUN: &str = "r1";

/// Thirty nodes. Each call of a tool says which effect it is, so that the server can tell.
pub(super) const APP: &str = r#"
version: 1
models: { m: { use: openai-compatible/mock, base_url: "URL/v1" } }
tools:
  get: { use: http, request: 'POST URL/get', effect: read, params: { id: string }, output: { id: string } }
  put: { use: http, request: 'PUT URL/put', params: { id: string } }
  pay: { use: http, request: 'POST URL/pay', effect: keyed, params: { id: string } }
  sent: { use: http, request: 'POST URL/sent', effect: read, params: { id: string } }
  mail:
    use: http
    request: POST URL/mail
    params: { id: string }
    reconcile: { tool: sent, with: { id: "${{ arguments.id }}" }, done: answer.sent, result: answer.mail }
  letter: { use: http, request: POST URL/letter, params: { id: string } }
nodes:
  a1: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" } }
  a2: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" }, needs: [a1] }
  a3: { kind: tool, tool: put, with: { id: "${{ node.path }}/tool" }, needs: [a1] }
  a4: { kind: code, run: "builtin:concat", with: { values: ["${{ a2.id }}", b], separator: " " } }
  route: { kind: route, by: "'up' if a1.id else 'down'", cases: { up: [b1], down: [b2] } }
  b1: { kind: tool, tool: pay, with: { id: "${{ node.path }}/tool" } }
  b2: { kind: tool, tool: pay, with: { id: "${{ node.path }}/tool" } }
  once1: { kind: tool, tool: mail, with: { id: "${{ node.path }}/tool" }, needs: [a4] }
  once2: { kind: tool, tool: letter, with: { id: "${{ node.path }}/tool" }, needs: [b1] }
  once3: { kind: tool, tool: mail, with: { id: "${{ node.path }}/tool" }, needs: [a3] }
  each:
    kind: map
    for_each: "${{ [0, 1, 2] }}"
    as: n
    max_parallel: 2
    needs: [a1]
    do:
      read: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" } }
      write: { kind: tool, tool: mail, with: { id: "${{ node.path }}/tool" }, needs: [read] }
  rounds:
    kind: loop
    until: loop.index >= 2
    max_rounds: 5
    needs: [a2]
    do:
      r: { kind: tool, tool: pay, with: { id: "${{ node.path }}/tool" } }
      s: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" }, needs: [r] }
  agent: { kind: agent, model: m, prompt: Do it., tools: [get, pay, mail], needs: [once1] }
  llm: { kind: llm, model: m, prompt: Say it., needs: [a3] }
  ask: { kind: human, title: "Well?", form: { sum: integer }, actions: [go, stop], needs: [b1, once3] }
  pay: { kind: tool, tool: pay, with: { id: "${{ node.path }}/tool" }, needs: [ask] }
  pause: { kind: wait, for: 5ms, needs: [pay] }
  c1: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" }, needs: [rounds] }
  c2: { kind: tool, tool: get, with: { id: "${{ node.path }}/tool" }, needs: [each] }
  c3: { kind: tool, tool: letter, with: { id: "${{ node.path }}/tool" }, needs: [agent] }
  c4: { kind: tool, tool: mail, with: { id: "${{ node.path }}/tool" }, needs: [pause, llm] }
  end: { kind: tool, tool: put, with: { id: "${{ node.path }}/tool" }, needs: [c1, c2, c3, c4, once2] }
output: { sum: "${{ ask.form.sum }}", said: "${{ agent.text }}", llm: "${{ llm.text }}", a: "${{ a4 }}", mail: "${{ once1.id }}" }
"#;

fn lab(url: &str, store: Arc<dyn Store>) -> Lab {
    let ledger = Ledger::new(|time| Box::pin(tokio::time::sleep(time)), |_| Said::Hang);
    let world: Arc<dyn World> = Arc::new(RealWorld::default());
    Lab::new(app(&APP.replace("URL", url), &ledger), store, world)
}

/// The process that dies; a test only by name. It answers what people are asked, but for what is in doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Some(dir), Ok(url)) = (std::env::var_os(DIR), std::env::var(URL)) else { return };
    let death = std::env::var(DEATH).ok().map(|death| {
        let (side, seq) = death.split_once(' ').unwrap();
        Death::At(seq.parse().unwrap(), if side == "before" { Side::Before } else { Side::After })
    });
    let kill = || drop(Command::new("kill").args(["-9", &std::process::id().to_string()]).status());
    let store = Mortal::new(Arc::new(Sqlite::open(Path::new(&dir)).unwrap()), death, kill);
    let lab = lab(&url, Arc::clone(&store) as Arc<dyn Store>);
    let known = store.head(RUN.into()).await.unwrap();
    let mut driver = match known {
        Some(head) if head.status.is_final() => return,
        Some(_) => lab.engine.resume(&lab.app, &RunId::from(RUN)).await.unwrap(),
        None => {
            let start = Start { id: Some(RUN.into()), ..Start::default() };
            lab.engine.start(&lab.app, &"battery".into(), start).await.unwrap()
        }
    };
    loop {
        let head = driver.patient(Duration::from_mins(1)).drive(nobody_asks()).await.unwrap();
        let open = store.tasks(true, None).await.unwrap();
        if head.status.is_final() || open.iter().any(|task| task.question.about.is_some()) {
            return;
        }
        lab.answer(RUN, "ask", "go", json!({ "sum": 7 })).await.unwrap();
        driver = lab.engine.resume(&lab.app, &RunId::from(RUN)).await.unwrap();
    }
}

/// A call as it reached the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    sort: String,
    id: String,
    key: String,
}

/// The world: what was done to it, and what it answers.
struct Outside {
    server: FaultServer,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Outside {
    async fn start() -> Self {
        let server = FaultServer::start().await;
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        server.handle(move |request| answer(request, &mut log.lock().unwrap()));
        Self { server, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(request: &Request, log: &mut Vec<Seen>) -> Reply {
    let body = request.json();
    let sort = request.path.trim_start_matches('/').to_owned();
    if sort.starts_with("v1") {
        return Reply::json(&model(&body));
    }
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    if sort == "sent" {
        let sent = log.iter().any(|seen| seen.sort == "mail" && seen.id == id);
        return Reply::json(&json!({ "sent": sent, "mail": { "id": id } }));
    }
    let key = request.header("idempotency-key").unwrap_or_default().to_owned();
    log.push(Seen { sort, id: id.clone(), key });
    Reply::json(&json!({ "id": id }))
}

/// An agent that reads, pays, writes and ends; and one answer.
fn model(body: &Value) -> Value {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let told = messages.iter().filter(|message| message["role"] == "tool").count();
    let is_agent = body.get("tools").is_some();
    let message = match ["get", "pay", "mail"].get(told).filter(|_| is_agent) {
        Some(tool) => json!({ "content": "", "tool_calls": [{ "id": tool, "type": "function", "function": {
            "name": tool, "arguments": json!({ "id": format!("agent/tool:{tool}#{}", told + 1) }).to_string() } }] }),
        None => json!({ "content": "Done." }),
    };
    json!({
        "choices": [{ "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 5 },
    })
}

fn spawn(dir: &Path, url: &str, death: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "battery::process::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env(URL, url).env("NO_PROXY", "127.0.0.1").env_remove(DEATH);
    command.envs(death.map(|death| (DEATH, death)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Until the process has ended; false if a signal ended it.
async fn ended(mut child: Child) -> bool {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap().code().is_some_and(|code| {
        assert_eq!(code, 0, "the process failed by itself");
        true
    })
}

/// How the first life ends.
enum Kill<'k> {
    Never,
    Place(&'k str),
    Moment(Duration),
}

/// What a run came to: its output, its tries by effect, and how many records it has.
#[derive(Debug)]
struct Found {
    output: Value,
    seen: Vec<Seen>,
    records: u64,
    killed: bool,
    doubts: usize,
}

/// A run with one death, and what must hold after it.
async fn run(kill: Kill<'_>, at: &str) -> Found {
    let (dir, outside) = (tempfile::tempdir().unwrap(), Outside::start().await);
    let url = outside.server.url();
    let (mut killed, mut doubts) = (false, 0);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut kill = Some(kill);
    for _ in 0..20 {
        let before = outside.seen().len();
        let survived = match kill.take() {
            Some(Kill::Place(place)) => ended(spawn(dir.path(), &url, Some(place))).await,
            Some(Kill::Moment(moment)) => {
                let mut child = spawn(dir.path(), &url, None);
                tokio::time::sleep(moment).await;
                // It may have ended by itself just then.
                let _ = child.kill();
                ended(child).await
            }
            Some(Kill::Never) | None => ended(spawn(dir.path(), &url, None)).await,
        };
        killed |= !survived;
        for seen in &outside.seen()[before..] {
            assert!(!acknowledged.contains(&seen.id), "{at}: `{}` was acknowledged, and done again", seen.id);
        }
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(dir.path()).unwrap());
        let Some(head) = store.head(RUN.into()).await.unwrap() else { continue };
        let (events, records) = store.load(RUN.into()).await.unwrap();
        acknowledged.extend(events.iter().filter_map(|event| match event {
            Event::EffectReturned { effect, .. } => Some(effect.to_string()),
            _ => None,
        }));
        if head.status.is_final() {
            assert_eq!(head.status, Status::Succeeded, "{at}: {}", head.outcome);
            let ends = events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
            assert_eq!(ends, 1, "{at}");
            assert!(store.tasks(true, None).await.unwrap().is_empty(), "{at}");
            let output = head.outcome["output"].clone();
            return Found { output, seen: outside.seen(), records, killed, doubts };
        }
        // What is in doubt is answered by who knows.
        let lab = lab(&url, Arc::clone(&store));
        for task in store.tasks(true, None).await.unwrap() {
            let Some(effect) = &task.question.about else { continue };
            let id = task.question.show["arguments"]["id"].as_str().unwrap();
            assert_eq!(id, effect.as_str(), "{at}");
            assert_eq!(task.question.show["tool"], "letter", "{at}: the others have a probe");
            let done = outside.seen().iter().any(|seen| seen.id == id);
            let form = if done { json!({ "result": { "id": id } }) } else { json!({}) };
            let action = if done { "done" } else { "not_done" };
            lab.answer(RUN, task.instance.as_str(), action, form).await.unwrap();
            doubts += 1;
        }
    }
    panic!("{at}: the run does not end")
}

/// Nothing is lost, and nothing is done twice that must not be.
fn check(calm: &Found, found: &Found, at: &str) {
    assert_eq!(found.output, calm.output, "{at}");
    let by_id = |result: &Found| {
        let mut by_id: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for seen in &result.seen {
            by_id.entry(seen.id.clone()).or_default().push(seen.clone());
        }
        by_id
    };
    let (wanted, found) = (by_id(calm), by_id(found));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{at}");
    for (id, tries) in &found {
        let keys: BTreeSet<&str> = tries.iter().map(|seen| seen.key.as_str()).collect();
        assert_eq!(keys.len(), 1, "{at}: `{id}` has one key");
        assert_eq!(keys.contains(""), tries[0].sort != "pay", "{at}: `{id}`");
        if matches!(tries[0].sort.as_str(), "mail" | "letter") {
            assert_eq!(tries.len(), 1, "{at}: `{id}` was done twice");
        }
        assert!(tries.len() <= 2, "{at}: one death repeats a call once: {tries:?}");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Of places this many in `make test`, and of random moments; `make battery` takes all places, and as many moments as it
/// is told.
const FEW: u64 = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_killed_at_each_record() {
    let calm = run(Kill::Never, "undisturbed").await;
    assert!(!calm.killed && calm.records > 40 && calm.doubts == 0, "{calm:?}");
    let seed = number("UZEL_BATTERY_SEED").unwrap_or(20_261_124);
    let stride = if number("UZEL_BATTERY").is_some() { 1 } else { calm.records / FEW };
    let first = 1 + seed % stride;
    let places = (first..=calm.records).step_by(stride as usize);
    let places: Vec<String> = places.flat_map(|seq| ["before", "after"].map(|side| format!("{side} {seq}"))).collect();
    let (mut killed, mut doubts) = (0, 0);
    for pair in places.chunks(2) {
        let [one, two] = pair else { panic!("places come in pairs") };
        let (before, after) = tokio::join!(run(Kill::Place(one), one), run(Kill::Place(two), two));
        for (at, found) in [(one, before), (two, after)] {
            check(&calm, &found, at);
            killed += usize::from(found.killed);
            doubts += found.doubts;
        }
    }
    // How many records there are depends a little on what is done at the same time: the last ones may not come.
    assert!(killed * 10 >= places.len() * 8, "only {killed} of {} places were reached", places.len());
    println!("seed {seed}: {killed} deaths at {} places, {doubts} doubts, {} records", places.len(), calm.records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_killed_at_random_moments() {
    let calm = run(Kill::Never, "undisturbed").await;
    let seed = number("UZEL_BATTERY_SEED").unwrap_or(7);
    let kills = number("UZEL_BATTERY_KILLS").unwrap_or(FEW);
    let mut dice = Dice::new(seed);
    let mut killed = 0;
    for pair in 0..kills.div_ceil(2) {
        let moments = [dice.below(600), dice.below(600)].map(Duration::from_millis);
        let at = moments.map(|moment| format!("seed {seed}, pair {pair}, after {moment:?}"));
        let (one, two) = tokio::join!(run(Kill::Moment(moments[0]), &at[0]), run(Kill::Moment(moments[1]), &at[1]));
        for (at, found) in at.iter().zip([one, two]) {
            check(&calm, &found, at);
            killed += usize::from(found.killed);
        }
    }
    println!("seed {seed}: {killed} of {kills} kills hit a living process");
    assert!(killed > 0, "the moments are too late for this machine");
}
