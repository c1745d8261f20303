//! The eight promises of the runtime, each by name, over every store that ships. Each test fails when the code that keeps
//! its promise is taken out.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use uzel_core::{
    capability::BoxFuture,
    event::{Event, Resolution, Time},
    store::{Filter, Status, Store},
};
use uzel_runtime::{
    driver::Ask,
    engine::{Error, Given, Start},
    store::{memory::Memory, sqlite::Sqlite},
    world::{RealWorld, World},
};
use uzel_testkit::{
    http,
    lab::{Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
};

/// The real world with a clock that a test sets forward.
#[derive(Default)]
struct Clock {
    real: RealWorld,
    ahead: Mutex<Duration>,
}

impl World for Clock {
    fn now(&self) -> Time {
        self.real.now().plus(*self.ahead.lock().unwrap())
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.real.sleep(duration)
    }

    fn random(&self) -> f64 {
        self.real.random()
    }

    fn id(&self) -> String {
        self.real.id()
    }
}

/// A store that outlives processes.
enum Kept {
    Memory(Arc<Memory>),
    Sqlite(tempfile::TempDir),
}

impl Kept {
    fn all() -> [Self; 2] {
        [Self::Memory(Arc::new(Memory::new())), Self::Sqlite(tempfile::tempdir().unwrap())]
    }

    /// As a process opens it. The one before must be gone.
    fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::Sqlite(dir) => Arc::new(Sqlite::open(dir.path()).unwrap()),
        }
    }
}

/// A world outside that says when something reaches it.
struct Outside {
    ledger: Arc<Ledger>,
    reached: Arc<Semaphore>,
}

impl Outside {
    /// `hangs`: nodes that get no answer.
    fn new(hangs: &'static [&'static str]) -> Self {
        let reached = Arc::new(Semaphore::new(0));
        let tell = Arc::clone(&reached);
        let script = move |done: &Done| {
            tell.add_permits(1);
            let value = json!({ "with": done.with });
            if hangs.contains(&done.node()) { Reply::Hang } else { Reply::Value(value, Duration::ZERO) }
        };
        Self { ledger: Ledger::new(|time| Box::pin(tokio::time::sleep(time)), script), reached }
    }

    /// Until so many tries have reached it.
    async fn reached(&self, tries: u32) {
        self.reached.acquire_many(tries).await.unwrap().forget();
    }

    fn count(&self, name: &str) -> usize {
        self.ledger.counts().get(name).copied().unwrap_or(0)
    }
}

/// One process.
fn process(text: &str, outside: &Outside, kept: &Kept, world: &Arc<Clock>) -> Lab {
    Lab::new(app(text, &outside.ledger), kept.open(), Arc::clone(world) as Arc<dyn World>)
}

/// Starts a run, or takes it up, and dies when `moment` comes.
async fn dies(lab: Lab, first: bool, moment: impl Future<Output = ()>) {
    let start = Start { id: Some("r1".into()), ..Start::default() };
    let driver = if first {
        lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap()
    } else {
        lab.engine.resume(&lab.app, &"r1".into()).await.unwrap()
    };
    tokio::select! {
        biased;
        () = moment => {}
        head = driver.drive(nobody_asks()) => panic!("the run came to a stop: {head:?}"),
    }
}

const CHAIN: &str = "
version: 1
nodes:
  a: { kind: probe, effects: 2 }
  b: { kind: probe, class: keyed, with: '${{ a.with }}' }
  c: { kind: probe, needs: [b] }
";

#[tokio::test]
async fn promise_1_an_acknowledged_effect_is_never_executed_again() {
    for kept in Kept::all() {
        let world = Arc::default();
        let first = Outside::new(&["b"]);
        // What has reached `b` shows that both effects of `a` are acknowledged.
        dies(process(CHAIN, &first, &kept, &world), true, first.reached(3)).await;
        let second = Outside::new(&[]);
        let head = process(CHAIN, &second, &kept, &world).resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Succeeded);
        assert_eq!((first.count("a/effect1"), first.count("a/effect2"), first.count("b/effect1")), (1, 1, 1));
        assert_eq!((second.count("a/effect1"), second.count("a/effect2")), (0, 0));
        assert_eq!((second.count("b/effect1"), second.count("c/effect1")), (1, 1), "what had no result is done");
    }
}

/// Seen by a server: retries and restarts carry one key, other effects others.
#[tokio::test]
async fn promise_2_every_try_of_an_effect_carries_its_key() {
    for kept in Kept::all() {
        let server = http::FaultServer::start().await;
        server.push(http::Reply::status(503)).push(http::Reply::never());
        let text = format!(
            "
version: 1
defaults: {{ retry: {{ max: 3, base: 1ms }} }}
tools:
  pay: {{ use: http, request: 'POST {0}/pay', effect: keyed, params: {{ sum: integer }} }}
  book: {{ use: http, request: 'POST {0}/book', effect: keyed }}
nodes:
  pay: {{ kind: tool, tool: pay, with: {{ sum: 1 }} }}
  again: {{ kind: tool, tool: pay, with: {{ sum: 1 }}, needs: [pay] }}
  book: {{ kind: tool, tool: book, needs: [again] }}
",
            server.url()
        );
        let (outside, world) = (Outside::new(&[]), Arc::default());
        let hung = async {
            while server.requests().len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        dies(process(&text, &outside, &kept, &world), true, hung).await;
        server.left().await;
        server.push(http::Reply::status(503)).always(http::Reply::json(&json!({ "ok": true })));
        let head = process(&text, &outside, &kept, &world).resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
        let keys: Vec<String> =
            server.requests().iter().map(|r| r.header("idempotency-key").unwrap().to_owned()).collect();
        assert_eq!(keys.len(), 6, "two tries, two more after the restart, and two other effects");
        assert!(keys[..4].iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(keys[3..].iter().collect::<BTreeSet<_>>().len(), 3, "{keys:?}");
    }
}

#[tokio::test]
async fn promise_2_a_once_effect_is_not_executed_twice() {
    let text = "{ version: 1, nodes: { mail: { kind: probe, class: once } } }";
    for kept in Kept::all() {
        let world = Arc::default();
        let first = Outside::new(&["mail"]);
        dies(process(text, &first, &kept, &world), true, first.reached(1)).await;
        let outside = Outside::new(&[]);
        for _ in 0..3 {
            let head = process(text, &outside, &kept, &world).resume("r1").await.unwrap();
            assert_eq!(head.status, Status::Waiting, "a person is asked");
        }
        let lab = process(text, &outside, &kept, &world);
        lab.answer("r1", "mail", "done", json!({ "result": "sent" })).await.unwrap();
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert_eq!((first.count("mail/effect1"), outside.count("mail/effect1")), (1, 0));
    }
}

/// What there is of it: a keyed statement takes effect exactly once, although it and its record are two transactions.
#[tokio::test]
async fn promise_3_a_keyed_statement_takes_effect_once() {
    for kept in Kept::all() {
        let shop = tempfile::tempdir().unwrap();
        let path = shop.path().join("shop.db");
        let init = "CREATE TABLE refunds (key TEXT UNIQUE, sum INTEGER)";
        let open = || rusqlite::Connection::open(&path).unwrap();
        open().execute_batch(init).unwrap();
        let text = format!(
            "
version: 1
connections: {{ shop: {{ use: sqlite, path: {} }} }}
tools:
  refund:
    use: sqlite.execute
    connection: shop
    sql: INSERT INTO refunds VALUES (:idempotency_key, :sum) ON CONFLICT DO NOTHING
    params: {{ sum: integer }}
nodes:
  refund: {{ kind: tool, tool: refund, with: {{ sum: 5 }} }}
",
            path.display()
        );
        let (outside, world) = (Outside::new(&[]), Arc::default());
        let rows = || open().query_row("SELECT count(*) FROM refunds", [], |row| row.get::<_, i64>(0)).unwrap();
        let written = async {
            while rows() == 0 {
                tokio::task::yield_now().await;
            }
        };
        // The row is there, and nobody has been told.
        dies(process(&text, &outside, &kept, &world), true, written).await;
        let head = process(&text, &outside, &kept, &world).resume("r1").await.unwrap();
        assert_eq!((head.status, rows()), (Status::Succeeded, 1));
    }
}

#[tokio::test]
async fn promise_4_an_accepted_run_is_never_lost() {
    for kept in Kept::all() {
        let world = Arc::default();
        // The caller has the id, and the process dies before anything else.
        {
            let lab = process(CHAIN, &Outside::new(&[]), &kept, &world);
            let start = Start { id: Some("r1".into()), ..Start::default() };
            drop(lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap());
        }
        for (life, node) in ["a", "b", "c"].into_iter().enumerate() {
            let hangs: &'static [&'static str] = [&["a"][..], &["b"], &["c"]][life];
            let outside = Outside::new(hangs);
            let seen = Arc::clone(&outside.ledger);
            let reached = async move {
                while !seen.done().iter().any(|done| done.node() == node) {
                    tokio::task::yield_now().await;
                }
            };
            dies(process(CHAIN, &outside, &kept, &world), false, reached).await;
            let lab = process(CHAIN, &Outside::new(&[]), &kept, &world);
            let open = Filter { statuses: vec![Status::Running, Status::Waiting], ..Filter::default() };
            assert_eq!(lab.engine.store.heads(open).await.unwrap().len(), 1, "whoever starts next finds it");
        }
        let lab = process(CHAIN, &Outside::new(&[]), &kept, &world);
        let head = lab.resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Succeeded);
        assert_eq!(lab.engine.store.head("r1".into()).await.unwrap().unwrap().status, Status::Succeeded);
        assert!(matches!(lab.resume("r1").await, Err(Error::Ended { .. })));
    }
}

#[tokio::test]
async fn promise_5_a_decision_is_recorded_once_and_bound_to_what_was_shown() {
    let text = "
version: 1
nodes:
  ask: { kind: human, title: How much?, form: { sum: integer }, actions: [approve, reject] }
  pay: { kind: probe, with: '${{ ask.form.sum }}' }
";
    for kept in Kept::all() {
        let (outside, world) = (Outside::new(&[]), Arc::default());
        let lab = process(text, &outside, &kept, &world);
        assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Waiting);
        let task = lab.engine.find_task("r1/ask").await.unwrap();
        let given = |sum: i64, digest: &str| Given {
            action: "approve".into(),
            form: json!({ "sum": sum }),
            by: "bea".into(),
            digest: Some(digest.to_owned()),
        };
        let graph = &lab.app.graph;
        let other = lab.engine.answer(graph, &task, given(9, "of something else")).await;
        assert!(matches!(other, Err(Error::TaskChanged { .. })), "{other:?}");
        let (one, two) = tokio::join!(
            lab.engine.answer(graph, &task, given(1, &task.digest)),
            lab.engine.answer(graph, &task, given(2, &task.digest)),
        );
        let stands = if one.is_ok() { 1 } else { 2 };
        let refused = if one.is_ok() { two } else { one };
        assert!(matches!(refused, Err(Error::TaskClosed { .. })), "{refused:?}");
        let late = lab.engine.answer(graph, &task, given(3, &task.digest)).await;
        assert!(matches!(&late, Err(Error::TaskClosed { .. })), "{late:?}");
        assert!(late.unwrap_err().to_string().contains("is closed"));
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert_eq!(outside.ledger.done()[0].with, json!(stands));
        let log = lab.log("r1").await;
        let answers: Vec<&Event> = log.iter().filter(|event| matches!(event, Event::Resolved { .. })).collect();
        let [Event::Resolved { resolution: Resolution::Answered(answer), .. }] = answers[..] else {
            panic!("{answers:?}")
        };
        assert_eq!(answer.digest, task.digest);
    }
}

#[tokio::test]
async fn promise_6_a_timer_fires_once_at_or_after_its_time() {
    let text = "
version: 1
nodes:
  pause: { kind: wait, for: 2h }
  ring: { kind: probe, with: '${{ pause.at }}' }
";
    for kept in Kept::all() {
        let (outside, world) = (Outside::new(&[]), Arc::<Clock>::default());
        let head = process(text, &outside, &kept, &world).start("r1", json!({})).await.unwrap();
        let due = head.wake.unwrap();
        for hours in [0, 1] {
            *world.ahead.lock().unwrap() = Duration::from_hours(hours);
            let head = process(text, &outside, &kept, &world).resume("r1").await.unwrap();
            assert_eq!((head.status, head.wake, outside.ledger.done().len()), (Status::Waiting, Some(due), 0));
        }
        *world.ahead.lock().unwrap() = Duration::from_hours(3);
        // It goes off, and the process dies in what comes after it.
        let hangs = Outside::new(&["ring"]);
        dies(process(text, &hangs, &kept, &world), false, hangs.reached(1)).await;
        *world.ahead.lock().unwrap() = Duration::from_hours(9);
        let lab = process(text, &outside, &kept, &world);
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        let at = hangs.ledger.done()[0].with.as_i64().unwrap();
        assert!(at >= due.0, "it went off at {at}, due {due:?}");
        assert_eq!(outside.ledger.done()[0].with, json!(at), "and not once more after the restart");
        let log = lab.log("r1").await;
        assert_eq!(log.iter().filter(|event| matches!(event, Event::Resolved { .. })).count(), 1);
    }
}

/// The server sees both connections closed before the caller is told, and hears nothing after.
#[tokio::test]
async fn promise_7_cancel_stops_calls_in_flight_and_nothing_starts_after() {
    for kept in Kept::all() {
        let server = http::FaultServer::start().await;
        server.always(http::Reply::never());
        let text = format!(
            "
version: 1
defaults: {{ retry: {{ max: 5, base: 1ms }} }}
tools:
  get: {{ use: http, request: 'GET {0}/get' }}
  put: {{ use: http, request: 'PUT {0}/put' }}
nodes:
  get: {{ kind: tool, tool: get }}
  put: {{ kind: tool, tool: put }}
  after: {{ kind: tool, tool: get, needs: [get], on_error: skip }}
  instead: {{ kind: tool, tool: put, needs: [put] }}
",
            server.url()
        );
        let (outside, world) = (Outside::new(&[]), Arc::default());
        let lab = process(&text, &outside, &kept, &world);
        let start = Start { id: Some("r1".into()), ..Start::default() };
        let driver = lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap();
        let (asks, inbox) = mpsc::channel(1);
        let asking = async {
            while server.requests().len() < 2 {
                tokio::task::yield_now().await;
            }
            asks.send(Ask::Cancel { why: "enough".into() }).await.unwrap();
            server.left().await;
            server.left().await;
        };
        let (head, ()) = tokio::join!(driver.drive(inbox), asking);
        assert_eq!(head.unwrap().status, Status::Cancelled);
        assert_eq!(server.requests().len(), 2, "nothing starts after it");
        assert!(matches!(lab.resume("r1").await, Err(Error::Ended { status: Status::Cancelled, .. })));
        assert_eq!(server.requests().len(), 2);
        assert!(matches!(lab.log("r1").await.last(), Some(Event::Ended { .. })));
    }
}

/// The loser of a join is in flight; its connection is closed, it is not tried again, and the run waits for the person alone.
#[tokio::test]
async fn promise_7_losers_of_joins_are_stopped() {
    for kept in Kept::all() {
        let server = http::FaultServer::start().await;
        server.handle(|request| match request.path.as_str() {
            "/slow" => http::Reply::never(),
            _ => http::Reply::json(&json!({ "ok": true })).delay(Duration::from_millis(30)),
        });
        // Were it not stopped, it would be tried again before the run could park.
        let text = format!(
            "
version: 1
defaults: {{ retry: {{ max: 3, base: 1ms, errors: [timeout] }} }}
tools:
  slow: {{ use: http, request: 'GET {0}/slow', timeout: 5s }}
  fast: {{ use: http, request: 'GET {0}/fast' }}
nodes:
  slow: {{ kind: tool, tool: slow }}
  fast: {{ kind: tool, tool: fast }}
  first: {{ kind: human, title: Well?, needs: [slow, fast], join: any }}
",
            server.url()
        );
        let (outside, world) = (Outside::new(&[]), Arc::default());
        let lab = process(&text, &outside, &kept, &world);
        let head = lab.start("r1", Value::Null).await.unwrap();
        assert_eq!(head.status, Status::Waiting, "{}", head.outcome);
        server.left().await;
        let states = lab.states("r1").await;
        assert_eq!((states["slow"].0, states["fast"].0, states["first"].0), ("cancelled", "ok", "waiting"));
        assert_eq!(server.requests().len(), 2);
    }
}

/// Five at a time want more than there is; also when a process died with money spent and reserved.
#[tokio::test]
async fn promise_8_a_budget_is_kept_across_crashes() {
    let text = "
version: 1
limits: { cost_usd: 1.0 }
nodes:
  hang: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3, needs: [n1] }
  n1: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3 }
  n2: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3, needs: [hang], on_error: skip }
  n3: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3, needs: [hang], on_error: skip }
  n4: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3, needs: [hang], on_error: skip }
  n5: { kind: probe, reserve_usd: 0.3, cost_usd: 0.3, needs: [hang], on_error: skip }
";
    for kept in Kept::all() {
        let world = Arc::default();
        let first = Outside::new(&["hang"]);
        dies(process(text, &first, &kept, &world), true, first.reached(2)).await;
        let second = Outside::new(&[]);
        let head = process(text, &second, &kept, &world).resume("r1").await.unwrap();
        assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
        // 0.3 before the crash; 0.3 of the call that was repeated, and one more fits.
        assert_eq!(second.ledger.done().len(), 2, "{:?}", second.ledger.counts());
        assert!(head.cost_usd <= 1.0 && (head.cost_usd - 0.9).abs() < 1e-9, "{}", head.cost_usd);
    }
}
