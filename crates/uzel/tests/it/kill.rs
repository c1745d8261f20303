//! The real binary is killed at random moments of a batch and started again each time: nothing that was acknowledged
//! is repeated, nothing is lost, and the results are those of a batch that nobody disturbed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use uzel_core::{
    event::{Event, RunId},
    store::{Filter, Status, Store},
};
use uzel_runtime::{engine::batch_run, store::sqlite::Sqlite};
use uzel_testkit::{
    dice::Dice,
    http::{FaultServer, Reply, Request},
};

const SEED: u64 = 20_261_123;
/// In `make test`; `make battery kills=1000` asks for more.
const KILLS: usize = 200;
const BATCH: &str = "battery";

/// A copy of the example, with its model at a server of this test.
struct Shop {
    dir: tempfile::TempDir,
    /// Calls with a result in the store, as `run/node`, of runs that nothing more is added to.
    settled: BTreeMap<RunId, BTreeSet<String>>,
}

impl Shop {
    fn new(url: &str, tickets: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&example(), dir.path());
        let app = fs::read_to_string(dir.path().join("app.yaml")).unwrap();
        let model = "fast: { use: offline }";
        assert!(app.contains(model), "the example's model is declared as it was");
        let app = app.replace(model, &format!("fast: {{ use: openai-compatible/mock, base_url: \"{url}/v1\" }}"));
        fs::write(dir.path().join("app.yaml"), app).unwrap();
        let lines: Vec<String> = tickets.iter().map(Value::to_string).collect();
        fs::write(dir.path().join("tickets.jsonl"), lines.join("\n")).unwrap();
        Self { dir, settled: BTreeMap::new() }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uzel"));
        command.current_dir(self.dir.path()).env("NO_PROXY", "127.0.0.1");
        command.args(["run", "app.yaml", "--inputs", "tickets.jsonl", "--batch", BATCH, "--by", "test"]);
        // It is killed whatever the runs do: none of them is to blame.
        command.args(["--max-crashes", "1000000"]);
        let log = fs::File::create(self.dir.path().join("stderr.txt")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr.txt")).unwrap_or_default()
    }

    fn store(&self) -> Option<Sqlite> {
        Sqlite::open_read_only(&self.dir.path().join(".uzel")).ok()
    }

    /// `run/node` of each model call that has its result in the store.
    async fn acknowledged(&mut self) -> BTreeSet<String> {
        let Some(store) = self.store() else { return BTreeSet::new() };
        let mut all = BTreeSet::new();
        for head in store.heads(Filter::default()).await.unwrap() {
            if let Some(known) = self.settled.get(&head.run) {
                all.extend(known.iter().cloned());
                continue;
            }
            let (events, _) = store.load(head.run.clone()).await.unwrap();
            let mut found = BTreeSet::new();
            for event in &events {
                if let Event::EffectReturned { effect, .. } = event
                    && let Some(node) = effect.as_str().strip_suffix("/chat")
                {
                    assert!(found.insert(format!("{}/{node}", head.run)), "two results of {effect} in {}", head.run);
                }
            }
            all.extend(found.iter().cloned());
            if head.status != Status::Running {
                self.settled.insert(head.run, found);
            }
        }
        all
    }

    /// Nothing ended twice, and nothing comes after an end.
    async fn check_ends(&self) {
        let store = self.store().unwrap();
        for head in store.heads(Filter::default()).await.unwrap() {
            let (events, _) = store.load(head.run.clone()).await.unwrap();
            let ends = events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
            let last = matches!(events.last(), Some(Event::Ended { .. }));
            assert_eq!((ends, last), if head.status.is_final() { (1, true) } else { (0, false) }, "{}", head.run);
        }
    }

    /// Status and outcome of each line.
    async fn outcomes(&self) -> BTreeMap<u64, (Status, Value)> {
        let store = self.store().unwrap();
        let heads = store.heads(Filter::default()).await.unwrap();
        heads.into_iter().map(|head| (head.batch.unwrap().1, (head.status, head.outcome))).collect()
    }

    /// Rows of the refund ledger.
    fn ledger(&self) -> Vec<String> {
        let path = self.dir.path().join("data/shop.db");
        let shop = rusqlite::Connection::open(path).unwrap();
        let sql = "SELECT key, order_id, amount_cents, reason, approved_by FROM refunds ORDER BY key";
        let mut statement = shop.prepare(sql).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let text = |at| row.get::<_, String>(at);
            Ok(format!("{} {} {} {} {}", text(0)?, text(1)?, row.get::<_, i64>(2)?, text(3)?, text(4)?))
        };
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    /// Open questions by run and node.
    async fn questions(&self) -> BTreeSet<String> {
        self.store().unwrap().tasks(true, None).await.unwrap().into_iter().map(|task| task.id).collect()
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/support-triage")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name(), entry.path());
        // What a run of the example leaves behind is not part of it.
        if name.to_string_lossy().starts_with('.') || name.to_string_lossy().starts_with("shop.db") {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn rows(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(example().join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The category that a person gave a ticket.
fn category(ticket: &Value, expected: &[Value]) -> String {
    let row = expected.iter().find(|row| row["id"] == ticket["id"]).unwrap();
    row["category"].as_str().unwrap_or("unsure").to_owned()
}

/// Of those about refunds only tickets that have neither customer nor order in common: what one of them does changes
/// nothing for another, so the results do not depend on the order in which they happen to run.
fn tickets() -> Vec<Value> {
    let (mut taken, expected) = (BTreeSet::new(), rows("expected.jsonl"));
    let fits = |ticket: &Value| {
        if category(ticket, &expected) != "refund" {
            return true;
        }
        let about = format!("{} {}", ticket["message"], ticket["order_id"]);
        let mut names: BTreeSet<String> =
            about.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() == 4).map(str::to_owned).collect();
        names.insert(ticket["customer_id"].to_string());
        let free = names.iter().all(|name| !taken.contains(name));
        taken.extend(names);
        free
    };
    rows("tickets.jsonl").into_iter().filter(fits).collect()
}

/// What the model says: the same for the same ticket, whenever it is asked.
fn answer(request: &Request, categories: &BTreeMap<String, String>) -> Value {
    let body = request.json();
    let tag = body["user"].as_str().unwrap_or_default();
    let (run, node) = tag.split_once('/').unwrap_or_default();
    let prompt =
        body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap_or_default().to_owned();
    let text = if node == "classify" {
        let category = categories.get(run).map_or("unsure", String::as_str);
        let sure = matches!(category, "refund" | "question" | "complaint");
        let faulty = ["broken", "damaged", "faulty", "wrong"].iter().any(|word| prompt.contains(word));
        let known = json!({
            "category": if sure { category } else { "question" }, "order_id": null, "faulty": faulty,
            "confidence": if sure { 0.9 } else { 0.2 }, "language": "en",
        });
        // Only what is asked for: the example may ask for less one day.
        let fields = body.pointer("/response_format/json_schema/schema/properties").and_then(Value::as_object).unwrap();
        fields.keys().map(|name| (name.clone(), known[name].clone())).collect::<Value>().to_string()
    } else {
        let pages = prompt.split("Policy pages:").nth(1).unwrap_or("We will look at it.");
        pages
            .lines()
            .map(str::trim)
            .filter(|line| line.len() > 40 && line.ends_with('.'))
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    json!({
        "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 10 },
    })
}

/// Every request to the model, as `run/node`, in the order in which they came.
type Asked = Arc<Mutex<Vec<String>>>;

async fn model(tickets: &[Value]) -> (FaultServer, Asked) {
    let expected = rows("expected.jsonl");
    let of_line = |(line, ticket)| (batch_run(BATCH, line as u64).to_string(), category(ticket, &expected));
    let categories: BTreeMap<String, String> = tickets.iter().enumerate().map(of_line).collect();
    let asked = Asked::default();
    let (log, dice) = (Arc::clone(&asked), Mutex::new(Dice::new(SEED)));
    let server = FaultServer::start().await;
    server.handle(move |request| {
        log.lock().unwrap().push(request.json()["user"].as_str().unwrap_or_default().to_owned());
        let delay = Duration::from_millis(5 + dice.lock().unwrap().below(35));
        Reply::json(&answer(request, &categories)).delay(delay)
    });
    (server, asked)
}

/// What the kills did.
#[derive(Debug, Default)]
struct Seen {
    kills: usize,
    rounds: usize,
    requests: usize,
    /// Requests that had no acknowledged answer when the process was killed.
    cut_off: usize,
    /// Requests for a call that had been asked for in an earlier life, too.
    repeated: usize,
    /// Of these, requests whose answer had been acknowledged before.
    repeated_acknowledged: usize,
}

/// Waits until the process ends by itself (true) or its time is up.
#[expect(clippy::disallowed_methods, reason = "another process is timed")]
async fn ended_within(child: &mut Child, time: Duration) -> bool {
    let start = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if start.elapsed() >= time {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Starts the batch and kills it, until it ends by itself.
async fn round(shop: &mut Shop, asked: &Asked, dice: &mut Dice, seen: &mut Seen, most: usize) {
    let mut before = BTreeSet::new();
    let mut acknowledged = BTreeSet::new();
    asked.lock().unwrap().clear();
    loop {
        let mut child = shop.start();
        let ended = if seen.kills >= most {
            ended_within(&mut child, Duration::from_mins(2)).await
        } else if dice.below(4) == 0 {
            // At any moment, also while it starts.
            ended_within(&mut child, Duration::from_millis(dice.below(400))).await
        } else {
            // After it has begun to work.
            while asked.lock().unwrap().is_empty() && !ended_within(&mut child, Duration::from_millis(2)).await {}
            ended_within(&mut child, Duration::from_millis(dice.below(150))).await
        };
        if !ended {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        let requests = std::mem::take(&mut *asked.lock().unwrap());
        let now = shop.acknowledged().await;
        assert!(now.is_superset(&acknowledged), "what was acknowledged stays");
        seen.requests += requests.len();
        for tag in &requests {
            seen.cut_off += usize::from(!now.contains(tag));
            seen.repeated += usize::from(before.contains(tag));
            seen.repeated_acknowledged += usize::from(acknowledged.contains(tag));
        }
        before.extend(requests);
        acknowledged = now;
        if ended {
            assert_eq!(status.code(), Some(0), "{}", shop.stderr());
            return;
        }
        seen.kills += 1;
    }
}

/// What a batch comes to.
#[derive(Debug, PartialEq)]
struct Results {
    outcomes: BTreeMap<u64, (Status, Value)>,
    ledger: Vec<String>,
    questions: BTreeSet<String>,
}

impl Shop {
    async fn results(&self) -> Results {
        self.check_ends().await;
        Results { outcomes: self.outcomes().await, ledger: self.ledger(), questions: self.questions().await }
    }
}

/// Batches one after the other, until there were this many kills.
async fn lane(seed: u64, kills: usize, tickets: &[Value], calm: &Results) -> Seen {
    let (server, asked) = model(tickets).await;
    let (mut dice, mut seen) = (Dice::new(seed), Seen::default());
    while seen.kills < kills {
        seen.rounds += 1;
        let mut shop = Shop::new(&server.url(), tickets);
        round(&mut shop, &asked, &mut dice, &mut seen, kills).await;
        assert_eq!(shop.results().await, *calm, "seed {seed}, {seen:?}");
    }
    assert_eq!(seen.repeated_acknowledged, 0, "seed {seed}, {seen:?}");
    assert!(seen.repeated <= seen.cut_off, "only what was cut off is asked again: seed {seed}, {seen:?}");
    assert!(seen.cut_off >= kills / 4, "the kills hit something: seed {seed}, {seen:?}");
    seen
}

#[expect(clippy::disallowed_methods, reason = "says how long it took")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_survives_two_hundred_kills() {
    let start = Instant::now();
    let tickets = tickets();
    assert!(tickets.len() >= 40, "only {} tickets have nothing in common", tickets.len());
    let (server, _) = model(&tickets).await;
    let calm = Shop::new(&server.url(), &tickets);
    let mut child = calm.start();
    assert!(ended_within(&mut child, Duration::from_mins(2)).await, "{}", calm.stderr());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", calm.stderr());
    let results = calm.results().await;
    assert_eq!(results.outcomes.len(), tickets.len());
    let settled = |(status, _): &(Status, Value)| !matches!(status, Status::Running | Status::Failed);
    assert!(results.outcomes.values().all(settled), "{results:#?}");
    assert!(results.ledger.len() >= 5 && results.questions.len() >= 5, "{results:#?}");

    let kills = std::env::var("UZEL_BATTERY_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    // A killed process spends most of its life starting: two at a time use both cores.
    let half = kills / 2;
    let (one, two) =
        tokio::join!(lane(SEED, half, &tickets, &results), lane(SEED + 1, kills - half, &tickets, &results),);
    assert_eq!(one.kills + two.kills, kills);
    println!("seed {SEED}: {one:?}\nseed {}: {two:?}", SEED + 1);
    println!(
        "{kills} kills, {} tickets, {} refunds, {} questions; {:.0} s",
        tickets.len(),
        results.ledger.len(),
        results.questions.len(),
        start.elapsed().as_secs_f64(),
    );
}
