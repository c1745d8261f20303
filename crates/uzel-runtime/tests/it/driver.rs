//! What the driver promises, each promise by itself: cancel, bugs, waits, large values, watchers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use uzel_core::{
    event::{Event, InstancePath, RunId, Stored, Time},
    failure::{Failure, FailureClass},
    store::{Filter, Head, Status},
};
use uzel_runtime::{
    driver::{Ask, Watcher},
    engine::{Error, Given, Start},
    store::{memory::Memory, sqlite::Sqlite},
    world::World,
};
use uzel_testkit::{
    lab::{Answers, Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
    sim::{self, EPOCH, SimWorld},
};

pub(super) fn ok(done: &Done) -> Reply {
    Reply::Value(json!(done.name()), Duration::from_millis(10))
}

pub(super) fn ledger(world: &Arc<SimWorld>, script: impl Fn(&Done) -> Reply + Send + Sync + 'static) -> Arc<Ledger> {
    let clock = Arc::clone(world);
    Ledger::new(move |time| clock.sleep(time), script)
}

pub(super) fn lab(world: &Arc<SimWorld>, text: &str, ledger: &Arc<Ledger>) -> Lab {
    Lab::new(app(text, ledger), Arc::new(Memory::new()), Arc::clone(world) as Arc<dyn World>)
}

/// One run of an app to where it ends or parks, with the ledger and the log.
pub(super) fn once(
    text: &'static str,
    script: impl Fn(&Done) -> Reply + Send + Sync + 'static,
) -> (Head, BTreeMap<String, usize>, Vec<Event>, Time) {
    sim::run(7, |world| async move {
        let ledger = ledger(&world, script);
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        (head, ledger.counts(), lab.log("r1").await, world.now())
    })
}

pub(super) fn failures(log: &[Event]) -> BTreeMap<String, Failure> {
    log.iter()
        .filter_map(|event| match event {
            Event::Failed { instance, failure, .. } => Some((instance.to_string(), failure.clone())),
            _ => None,
        })
        .collect()
}

const TWO: &str = "
version: 1
nodes:
  slow: { kind: probe, class: keyed }
  after: { kind: probe, needs: [slow] }
  beside: { kind: probe, effects: 9 }
";

#[test]
fn cancel_stops_what_is_in_flight_and_nothing_starts_after() {
    sim::run(1, |world| async move {
        let ledger = ledger(&world, |done| if done.node() == "slow" { Reply::Hang } else { ok(done) });
        let lab = lab(&world, TWO, &ledger);
        let start = Start { id: Some("r1".into()), ..Start::default() };
        let driver = lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap();
        let (asks, inbox) = mpsc::channel(1);
        let asking = async {
            world.sleep(Duration::from_millis(35)).await;
            asks.send(Ask::Cancel { why: "enough".into() }).await.unwrap();
        };
        let (head, ()) = tokio::join!(driver.drive(inbox), asking);
        let head = head.unwrap();
        assert_eq!((head.status, &head.outcome), (Status::Cancelled, &json!({ "why": "enough" })));
        assert_eq!(world.now(), EPOCH.plus(Duration::from_millis(35)), "nobody waited for what hung");
        let done = ledger.counts();
        world.sleep(Duration::from_hours(1)).await;
        assert_eq!(ledger.counts(), done, "nothing starts after");
        assert_eq!(done.get("after/effect1"), None);
        let log = lab.log("r1").await;
        assert!(matches!(log.last(), Some(Event::Ended { .. })));
        assert!(matches!(lab.resume("r1").await, Err(Error::Ended { status: Status::Cancelled, .. })));
    });
}

#[test]
fn a_run_that_nobody_drives_is_cancelled_too() {
    let text = "{ version: 1, nodes: { ask: { kind: human, title: Well?, actions: [yes_please, no_thanks] } } }";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, text, &ledger);
        assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Waiting);
        let head = lab.engine.cancel(&lab.app.graph, &"r1".into(), "not needed").await.unwrap();
        assert_eq!(head.status, Status::Cancelled);
        assert!(lab.engine.store.tasks(true, None).await.unwrap().is_empty(), "its question is closed");
        let late = lab.answer("r1", "ask", "yes_please", json!({})).await;
        assert!(
            matches!(&late, Err(Error::TaskClosed { closed, .. }) if closed == "the run was cancelled"),
            "{late:?}"
        );
        assert!(lab.engine.cancel(&lab.app.graph, &"r1".into(), "again").await.is_err());
    });
}

#[test]
fn a_panic_is_a_failure_of_its_node() {
    let text = "
version: 1
nodes:
  at_once: { kind: probe, panics: true, on_error: skip }
  later: { kind: probe, on_error: skip }
  after: { kind: probe, needs: [at_once, later] }
";
    let (head, counts, log, _) = once(text, |done| if done.node() == "later" { Reply::Panic } else { ok(done) });
    assert_eq!(head.status, Status::Succeeded, "{}", head.outcome);
    assert_eq!(counts.get("after/effect1"), Some(&1));
    let failures = failures(&log);
    assert_eq!(failures["at_once"].to_string(), "bug: the node panicked: the node says so");
    assert_eq!(failures["later"].to_string(), "bug: the node panicked: the script says so");
}

const ASK: &str = "
version: 1
nodes:
  ask:
    kind: human
    title: How much?
    form: { sum: integer, note: string | null }
    actions: [approve, reject]
  pay: { kind: probe, with: '${{ ask.form.sum }}' }
output: '${{ pay }}'
";

#[test]
fn the_first_answer_stands() {
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, ASK, &ledger);
        assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Waiting);
        let task = lab.engine.find_task("r1/ask").await.unwrap();
        let given = |action: &str, form: Value, digest: &str| Given {
            action: action.into(),
            form,
            by: "bea".into(),
            digest: Some(digest.to_owned()),
        };
        let graph = &lab.app.graph;
        for (action, form, words) in [
            ("aprove", json!({ "sum": 1 }), "there is no action `aprove`: did you mean `approve`?"),
            ("approve", json!({ "sum": "much" }), "sum"),
            ("approve", json!({}), "sum"),
            ("approve", json!([1]), "the form must be a map of fields"),
        ] {
            let refused = lab.engine.answer(graph, &task, given(action, form.clone(), &task.digest)).await;
            let Err(Error::BadAnswer(problems)) = refused else { panic!("{action} {form}: {refused:?}") };
            assert!(problems.iter().any(|problem| problem.contains(words)), "{problems:?}");
        }
        let other = lab.engine.answer(graph, &task, given("approve", json!({ "sum": 1 }), "another")).await;
        assert!(matches!(other, Err(Error::TaskChanged { .. })), "{other:?}");
        lab.engine.answer(graph, &task, given("approve", json!({ "sum": 5 }), &task.digest)).await.unwrap();
        let second = lab.engine.answer(graph, &task, given("reject", json!({ "sum": 6 }), &task.digest)).await;
        assert!(matches!(&second, Err(Error::TaskClosed { task, .. }) if task == "r1/ask"), "{second:?}");
        let row = &lab.engine.store.tasks(false, None).await.unwrap()[0];
        assert_eq!(row.closed.as_deref(), Some("approve by bea"));
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert_eq!(ledger.done()[0].with, json!(5));
        let late = lab.engine.answer(graph, &task, given("reject", json!({ "sum": 6 }), &task.digest)).await;
        assert!(matches!(late, Err(Error::TaskClosed { .. })), "{late:?}");
    });
}

#[test]
fn of_two_answers_at_the_same_time_one_stands() {
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, ASK, &ledger);
        lab.start("r1", json!({})).await.unwrap();
        let (first, second) = tokio::join!(
            lab.answer("r1", "ask", "approve", json!({ "sum": 1 })),
            lab.answer("r1", "ask", "reject", json!({ "sum": 2 })),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let resolved = lab.log("r1").await.iter().filter(|event| matches!(event, Event::Resolved { .. })).count();
        assert_eq!(resolved, 1);
    });
}

#[test]
fn timers_fire_once_after_their_time_through_restarts() {
    let text = "
version: 1
nodes:
  wait: { kind: timer, for: 2h }
  ring: { kind: probe, with: '${{ wait }}' }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, text, &ledger);
        let due = EPOCH.plus(Duration::from_hours(2));
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(due)));
        for minutes in [1, 60, 119] {
            world.skip_to(EPOCH.plus(Duration::from_mins(minutes)));
            let again =
                Lab::new(Arc::clone(&lab.app), Arc::clone(&lab.engine.store), Arc::clone(&world) as Arc<dyn World>);
            assert_eq!(again.resume("r1").await.unwrap().status, Status::Waiting, "after {minutes} minutes");
            assert!(ledger.done().is_empty());
        }
        world.skip_to(due);
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert!(lab.resume("r1").await.is_err());
        assert_eq!(ledger.done().len(), 1);
    });
}

#[test]
fn a_timer_fires_while_others_work() {
    let text = "
version: 1
nodes:
  wait: { kind: timer, for: 50ms }
  ring: { kind: probe, needs: [wait] }
  slow: { kind: probe, effects: 20 }
";
    let (head, _, log, now) = once(text, ok);
    assert_eq!((head.status, now), (Status::Succeeded, EPOCH.plus(Duration::from_millis(200))), "{log:#?}");
    let rang = log.iter().find_map(|event| match event {
        Event::Returned { instance, at, .. } if instance.as_str() == "ring" => Some(*at),
        _ => None,
    });
    assert_eq!(rang, Some(EPOCH.plus(Duration::from_millis(60))));
}

#[test]
fn large_values_are_stored_once_and_come_back() {
    let text = "
version: 1
nodes:
  big: { kind: probe }
  same: { kind: probe }
  after: { kind: probe, with: '${{ big | length }}', needs: [same] }
output: { big: '${{ big }}', length: '${{ after.with }}' }
";
    let large = "x".repeat(200_000);
    let reply = large.clone();
    sim::run(1, |world| async move {
        let ledger = ledger(&world, move |done| match done.node() {
            "after" => Reply::Value(json!({ "with": done.with }), Duration::ZERO),
            _ => Reply::Value(json!(reply), Duration::ZERO),
        });
        let lab = lab(&world, text, &ledger);
        let head = lab.start("r1", json!({})).await.unwrap();
        assert_eq!(head.outcome["output"], json!({ "big": large, "length": 200_000 }));
        let mut hashes = vec![];
        for event in lab.log("r1").await {
            assert!(serde_json::to_string(&event).unwrap().len() < 2_000, "no large value is in the log itself");
            if let Event::EffectReturned { result: Ok(Stored::Blob(hash)), .. } = event {
                hashes.push(hash);
            }
        }
        assert!(hashes.len() == 2 && hashes[0] == hashes[1], "{hashes:?}");
        let states = lab.states("r1").await;
        assert_eq!(states["big"], ("ok", Some(json!(large))), "after a restart, too");
    });
}

#[test]
fn keys_are_equal_over_tries_and_restarts() {
    let text = "
version: 1
defaults: { retry: { max: 3, base: 10ms } }
nodes: { a: { kind: probe, class: keyed, effects: 2 } }
";
    sim::run(1, |world| async move {
        let down = ledger(&world, |done| match (done.effect.as_str(), done.attempt) {
            ("effect1" | "effect2", 1) => {
                Reply::Fail(Failure::new(FailureClass::ServerError, "down"), Duration::from_millis(5))
            }
            ("effect2", _) => Reply::Hang,
            _ => ok(done),
        });
        let first = lab(&world, text, &down);
        let start = Start { id: Some("r1".into()), ..Start::default() };
        let driver = first.engine.start(&first.app, &"lab".into(), start).await.unwrap();
        tokio::select! {
            () = world.sleep(Duration::from_secs(2)) => {}
            head = driver.drive(nobody_asks()) => panic!("{head:?}"),
        }
        let up = ledger(&world, ok);
        let second = Lab::new(app(text, &up), Arc::clone(&first.engine.store), Arc::clone(&world) as Arc<dyn World>);
        assert_eq!(second.resume("r1").await.unwrap().status, Status::Succeeded);
        let all: Vec<(String, String)> =
            down.done().into_iter().chain(up.done()).map(|done| (done.effect, done.key)).collect();
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["effect1", "effect1", "effect2", "effect2", "effect2"]);
        assert!(all[0].1 == all[1].1 && all[2].1 == all[3].1 && all[3].1 == all[4].1, "{all:?}");
        assert_ne!(all[0].1, all[2].1);
    });
}

#[derive(Default)]
struct Seen(Mutex<Vec<Event>>);

impl Watcher for Seen {
    fn event(&self, _run: &RunId, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn text(&self, _run: &RunId, _instance: &InstancePath, _text: &str) {}
}

#[test]
fn a_watcher_sees_the_log_in_its_order() {
    let text = "
version: 1
nodes:
  a: { kind: probe, effects: 3 }
  b: { kind: probe }
  ask: { kind: human, title: Well?, show: { b: '${{ b }}' } }
  c: { kind: probe, needs: [a, ask] }
";
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let seen = Arc::new(Seen::default());
        let lab = lab(&world, text, &ledger).watched(Arc::clone(&seen) as Arc<dyn Watcher>);
        lab.start("r1", json!({})).await.unwrap();
        let answers = Answers::from([("ask".to_owned(), ("submit".to_owned(), json!({})))]);
        lab.finish("r1", &answers, &|_| {}).await;
        let mut log = lab.log("r1").await;
        log.retain(|event| !matches!(event, Event::Resumed { .. }));
        assert_eq!(*seen.0.lock().unwrap(), log);
    });
}

#[tokio::test]
async fn a_run_on_sqlite_goes_on_in_the_next_process_and_two_owners_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world: Arc<dyn World> = Arc::new(uzel_runtime::world::RealWorld::default());
    let ledger = Ledger::new(|time| Box::pin(tokio::time::sleep(time)), ok);
    let app = app(ASK, &ledger);
    let store = Arc::new(Sqlite::open(dir.path()).unwrap());
    let lab = Lab::new(Arc::clone(&app), store, Arc::clone(&world));
    assert_eq!(lab.start("r1", json!({})).await.unwrap().status, Status::Waiting);
    let second = Sqlite::open(dir.path()).err().unwrap().to_string();
    assert!(second.contains(&format!("is in use by process {}", std::process::id())), "{second}");
    drop(lab);

    let lab = Lab::new(app, Arc::new(Sqlite::open(dir.path()).unwrap()), world);
    lab.answer("r1", "ask", "approve", json!({ "sum": 3 })).await.unwrap();
    assert_eq!(lab.resume("r1").await.unwrap().status, Status::Succeeded);
    assert_eq!(ledger.counts(), BTreeMap::from([("pay/effect1".to_owned(), 1)]));
}

#[test]
fn an_id_that_is_taken_is_a_conflict() {
    sim::run(1, |world| async move {
        let ledger = ledger(&world, ok);
        let lab = lab(&world, ASK, &ledger);
        lab.start("r1", json!({})).await.unwrap();
        let again = lab.start("r1", json!({})).await;
        assert!(matches!(again, Err(Error::Store(uzel_core::store::Error::Conflict { .. }))), "{again:?}");
        assert_eq!(lab.engine.store.heads(Filter::default()).await.unwrap().len(), 1);
    });
}
