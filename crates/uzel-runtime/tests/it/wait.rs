//! Waits for times and for calls from outside, through restarts and clocks that jump.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::{
    event::{Event, Resolution, Time},
    store::{Head, Status},
};
use uzel_runtime::{
    engine::{Callback, Engine, Error, Start},
    store::memory::Memory,
    world::World,
};
use uzel_testkit::{
    crash::{Case, after_every_event, at_random},
    lab::{Answers, Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
    sim::{self, EPOCH, SimWorld},
};

fn ok(done: &Done) -> Reply {
    Reply::Value(json!({ "with": done.with }), Duration::from_millis(10))
}

/// An app that waits, and then does something.
fn waiting(keys: &str) -> &'static str {
    format!(
        "
version: 1
inputs: {{ time: any }}
nodes:
  pause: {{ kind: wait, {keys} }}
  ring: {{ kind: probe, with: '${{{{ pause }}}}' }}
output: '${{{{ ring.with }}}}'
"
    )
    .leak()
}

struct Bench {
    world: Arc<SimWorld>,
    lab: Lab,
    ledger: Arc<Ledger>,
}

impl Bench {
    fn new(world: Arc<SimWorld>, text: &str) -> Self {
        let clock = Arc::clone(&world);
        let ledger = Ledger::new(move |time| clock.sleep(time), ok);
        let lab = Lab::new(app(text, &ledger), Arc::new(Memory::new()), Arc::clone(&world) as Arc<dyn World>);
        Self { world, lab, ledger }
    }

    /// As after the start of a process.
    fn restart(&mut self) {
        let (app, store) = (Arc::clone(&self.lab.app), Arc::clone(&self.lab.engine.store));
        self.lab = Lab::new(app, store, Arc::clone(&self.world) as Arc<dyn World>);
    }

    async fn start(&self, time: Value) -> Head {
        self.lab.start("r.1", json!({ "time": time })).await.unwrap()
    }

    async fn resume(&self) -> Head {
        self.lab.resume("r.1").await.unwrap()
    }

    fn rang(&self) -> usize {
        self.ledger.done().len()
    }

    async fn callback(&self) -> Callback {
        let open = self.lab.engine.callbacks(&self.lab.app.graph, &"r.1".into()).await.unwrap();
        assert_eq!(open.len(), 1, "{open:?}");
        open[0].clone()
    }

    async fn call(&self, callback: &Callback, value: Value) -> Result<Value, Error> {
        self.lab.engine.call_back(&self.lab.app.graph, callback, value).await
    }
}

fn test<F: Future<Output = ()>>(keys: &str, work: impl FnOnce(Bench) -> F) {
    let text = waiting(keys);
    sim::run(5, |world| work(Bench::new(world, text)));
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_timer_goes_off_once_through_restarts() {
    test("for: 2h", |mut bench| async move {
        let due = EPOCH.plus(2 * HOUR);
        let head = bench.start(json!(null)).await;
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(due)));
        for minutes in [1, 60, 119] {
            bench.world.skip_to(EPOCH.plus(Duration::from_mins(minutes)));
            bench.restart();
            assert_eq!((bench.resume().await.status, bench.rang()), (Status::Waiting, 0), "after {minutes} minutes");
        }
        // The process is not there at the time, but an hour later.
        bench.world.skip_to(due.plus(HOUR));
        bench.restart();
        let head = bench.resume().await;
        assert_eq!((head.status, bench.rang()), (Status::Succeeded, 1));
        assert_eq!(head.outcome["output"], json!({ "at": due.plus(HOUR) }), "when it went off");
        assert!(matches!(bench.lab.resume("r.1").await, Err(Error::Ended { .. })));
    });
}

#[test]
fn times_are_computed() {
    let moment = "2026-01-01T02:00:00Z";
    let hour = EPOCH.plus(HOUR);
    for (keys, time, due) in [
        ("for: '${{ input.time }}'", json!("1h"), hour),
        ("for: '${{ input.time }}'", json!(3600), hour),
        ("for: '${{ input.time }}m'", json!(60), hour),
        ("until: input.time", json!(moment), EPOCH.plus(2 * HOUR)),
        ("until: '${{ input.time }}'", json!(hour), hour),
        ("until: 2026-01-01T03:00:00+02:00", json!(null), hour),
        ("until: 1767229200000", json!(null), hour),
    ] {
        test(keys, |bench| async move {
            let head = bench.start(time).await;
            assert_eq!((head.status, head.wake), (Status::Waiting, Some(due)), "{keys}: {}", head.outcome);
            bench.world.skip_to(due);
            assert_eq!(bench.resume().await.status, Status::Succeeded);
        });
    }
}

#[test]
fn a_time_that_has_passed_is_not_waited_for() {
    for (keys, time) in [("for: 0s", json!(null)), ("until: input.time", json!("2025-12-31"))] {
        test(keys, |bench| async move {
            let head = bench.start(time).await;
            assert_eq!((head.status, bench.rang()), (Status::Succeeded, 1), "{keys}: {}", head.outcome);
            assert_eq!(head.outcome["output"], json!({ "at": EPOCH }));
        });
    }
}

#[test]
fn what_is_no_time_fails_with_the_reason() {
    for (keys, time, why) in [
        ("until: input.time", json!("soon"), "\"soon\" is no date: write 2024-02-29 or 2024-02-29T12:30:00Z"),
        (
            "until: input.time",
            json!(1_767_225_600),
            "1767225600 is a moment in 1970 if it counts milliseconds; multiply seconds by 1000",
        ),
        ("until: input.time", json!("2226-01-01"), "it is more than ten years ahead"),
        (
            "for: '${{ input.time }}'",
            json!("1.5h"),
            "`1.5h` is not a duration: fractions are not read; use a smaller unit, such as `1500ms` for 1.5 seconds",
        ),
        ("for: '${{ input.time }}'", json!(null), "null is no time to wait"),
    ] {
        test(keys, |bench| async move {
            let head = bench.start(time).await;
            assert_eq!(head.status, Status::Failed, "{keys}");
            assert_eq!(head.outcome["failure"]["causes"][0], why, "{}", head.outcome);
        });
    }
}

#[test]
fn a_clock_that_jumps_lets_a_timer_go_off_once_and_not_early() {
    test("for: 2h", |bench| async move {
        bench.start(json!(null)).await;
        // Set back by an hour: by its own clock the time comes an hour later.
        bench.world.skip_to(EPOCH.plus(HOUR));
        bench.world.turn(-3_600_000);
        bench.world.skip_to(EPOCH.plus(Duration::from_mins(119)));
        assert_eq!((bench.resume().await.status, bench.rang()), (Status::Waiting, 0));
        // Set forward by a day: it is late.
        bench.world.turn(86_400_000);
        assert_eq!((bench.resume().await.status, bench.rang()), (Status::Succeeded, 1));
        // And back: it does not go off again.
        bench.world.turn(-86_400_000);
        let resolved =
            bench.lab.log("r.1").await.iter().filter(|event| matches!(event, Event::Resolved { .. })).count();
        assert_eq!(resolved, 1);
    });
}

/// Drives a run that is kept in hand for timers that are due soon.
async fn patiently(bench: &Bench, patience: Duration) -> Head {
    let start = Start { id: Some("r.1".into()), input: json!({ "time": null }), ..Start::default() };
    let driver = bench.lab.engine.start(&bench.lab.app, &"lab".into(), start).await.unwrap();
    driver.patient(patience).drive(nobody_asks()).await.unwrap()
}

#[test]
fn a_short_time_is_waited_for_and_a_long_one_parks() {
    test("for: 30s", |bench| async move {
        let head = patiently(&bench, Duration::from_mins(1)).await;
        assert_eq!((head.status, bench.rang()), (Status::Succeeded, 1));
        assert_eq!(head.outcome["output"], json!({ "at": EPOCH.plus(Duration::from_secs(30)) }));
    });
    test("for: 90s", |bench| async move {
        let head = patiently(&bench, Duration::from_mins(1)).await;
        assert_eq!((head.status, bench.rang(), bench.world.now()), (Status::Waiting, 0, EPOCH));
    });
    // The clock is set back while the process waits: now it would take too long.
    test("for: 30s", |bench| async move {
        let turning = async {
            bench.world.sleep(Duration::from_secs(10)).await;
            bench.world.turn(-3_600_000);
        };
        let (head, ()) = tokio::join!(patiently(&bench, Duration::from_mins(1)), turning);
        assert_eq!((head.status, head.wake), (Status::Waiting, Some(EPOCH.plus(Duration::from_secs(30)))));
    });
    // A person is not waited for.
    let text = "{ version: 1, nodes: { ask: { kind: human, title: Well?, timeout: 5s } } }";
    sim::run(5, |world| async move {
        let bench = Bench::new(world, text);
        let start = Start { id: Some("r.1".into()), ..Start::default() };
        let driver = bench.lab.engine.start(&bench.lab.app, &"lab".into(), start).await.unwrap();
        let head = driver.patient(HOUR).drive(nobody_asks()).await.unwrap();
        assert_eq!((head.status, bench.world.now()), (Status::Waiting, EPOCH));
    });
}

const PAID: &str = "for: callback, payload: { status: { enum: [paid, refused] }, note: string | null }";

#[test]
fn somebody_calls_back_once() {
    test(PAID, |mut bench| async move {
        let graph = Arc::clone(&bench.lab.app.graph);
        assert_eq!(bench.start(json!(null)).await.status, Status::Waiting);
        let callback = bench.callback().await;
        assert_eq!((callback.instance.as_str(), callback.due), ("pause", None));
        let (run, secret) = callback.token.rsplit_once('.').unwrap();
        assert!(run == "r.1" && secret.len() == 20, "{}", callback.token);
        assert_eq!(Engine::run_of_callback(&callback.token), "r.1");
        bench.restart();
        assert_eq!(bench.resume().await.status, Status::Waiting);
        assert_eq!(bench.callback().await, callback, "it has the same token after a restart");

        for (value, why) in [
            (json!({ "status": "lost" }), "`status`"),
            (json!("paid"), "must be a map"),
            (json!(null), "must be a map"),
            (json!({ "status": "paid", "note": "x".repeat(2_000_000) }), "at most 1048576 are taken"),
        ] {
            let refused = bench.call(&callback, value).await;
            let Err(Error::BadPayload(problems)) = refused else { panic!("{refused:?}") };
            assert!(problems.iter().any(|problem| problem.contains(why)), "{problems:?}");
        }
        let other = Callback { token: "r.1.guessed".into(), ..callback.clone() };
        assert!(bench.call(&other, json!({ "status": "paid" })).await.is_err());
        let unknown = bench.lab.engine.find_callback(&graph, &"r.1".into(), "r.1.guessed").await;
        assert!(matches!(unknown, Err(Error::UnknownCallback { .. })), "{unknown:?}");

        bench.world.skip_to(EPOCH.plus(HOUR));
        let found = bench.lab.engine.find_callback(&graph, &"r.1".into(), "r.1/pause").await.unwrap();
        let (first, second) = tokio::join!(
            bench.call(&found, json!({ "status": "paid" })),
            bench.call(&callback, json!({ "status": "refused" })),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let head = bench.resume().await;
        assert_eq!(
            head.outcome["output"],
            json!({ "payload": { "status": "paid", "note": null }, "at": EPOCH.plus(HOUR), "timed_out": false })
        );
        for late in [
            bench.call(&callback, json!({ "status": "refused" })).await,
            bench.lab.engine.find_callback(&graph, &"r.1".into(), &callback.token).await.map(|_| Value::Null),
        ] {
            let Err(error @ Error::CallbackClosed { .. }) = late else { panic!("{late:?}") };
            assert!(error.to_string().ends_with("somebody has called back; the first call counts"), "{error}");
        }
        assert_eq!(bench.rang(), 1);
    });
}

#[test]
fn a_call_comes_too_early() {
    let text = "
version: 1
nodes:
  before: { kind: human, title: Well? }
  pause: { kind: wait, for: callback, needs: [before] }
";
    sim::run(5, |world| async move {
        let bench = Bench::new(world, text);
        bench.lab.start("r.1", json!({})).await.unwrap();
        let early = bench.lab.engine.find_callback(&bench.lab.app.graph, &"r.1".into(), "r.1/pause").await;
        assert!(matches!(early, Err(Error::UnknownCallback { .. })), "{early:?}");
    });
}

#[test]
fn nobody_calls_in_time() {
    let keys = format!("{PAID}, timeout: 2h, on_timeout: {{ status: refused }}");
    test(&keys, |bench| async move {
        let due = EPOCH.plus(2 * HOUR);
        let head = bench.start(json!(null)).await;
        assert_eq!(head.wake, Some(due));
        let callback = bench.callback().await;
        bench.world.skip_to(due);
        // Nobody has taken the run up since, and still it is too late.
        let late = bench.call(&callback, json!({ "status": "paid" })).await;
        let Err(error @ Error::CallbackClosed { .. }) = late else { panic!("{late:?}") };
        assert_eq!(error.to_string(), "`r.1/pause` is not waited for any more: its time is up");
        let head = bench.resume().await;
        let taken = json!({ "payload": { "status": "refused", "note": null }, "at": due, "timed_out": true });
        assert_eq!(head.outcome["output"], taken);
        let late = bench.call(&callback, json!({ "status": "paid" })).await;
        assert!(matches!(&late, Err(Error::CallbackClosed { closed, .. }) if closed == "its time is up"), "{late:?}");
    });
    test("for: callback, timeout: 2h", |bench| async move {
        bench.start(json!(null)).await;
        bench.world.skip_to(EPOCH.plus(2 * HOUR));
        let head = bench.resume().await;
        assert_eq!(head.outcome["failure"], json!({ "class": "timeout", "message": "nobody called back in time" }));
    });
}

#[test]
fn a_call_for_a_run_that_was_cancelled_is_refused() {
    test("for: callback", |bench| async move {
        bench.start(json!(null)).await;
        let callback = bench.callback().await;
        bench.lab.engine.cancel(&bench.lab.app.graph, &"r.1".into(), "enough").await.unwrap();
        let late = bench.call(&callback, json!(1)).await;
        assert!(
            matches!(&late, Err(Error::CallbackClosed { closed, .. }) if closed == "the run has ended"),
            "{late:?}"
        );
    });
}

#[test]
fn a_crash_around_waits_repeats_nothing() {
    let case = |name, keys| Case {
        name,
        app: waiting(keys),
        input: json!({ "time": "2026-01-02T00:00:00Z" }),
        answers: Answers::new(),
        script: ok,
    };
    let list = [
        case("for", "for: 1h"),
        case("until", "until: input.time"),
        case("callback", "for: callback, timeout: 1h, on_timeout: { status: none }"),
    ];
    for case in list {
        let cuts = after_every_event(&case);
        assert!(cuts >= 5, "{}: only {cuts} cuts", case.name);
        at_random(&case, 0..5);
    }
}

/// The token is made once: a crash between its record and the wait does not change it.
#[test]
fn a_token_is_the_same_after_a_crash() {
    test("for: callback", |bench| async move {
        bench.start(json!(null)).await;
        let log = bench.lab.log("r.1").await;
        let recorded = log.iter().find_map(|event| match event {
            Event::EffectReturned { effect, result: Ok(uzel_core::event::Stored::Here(value)), .. } => {
                Some((effect.to_string(), value.as_str().map(str::to_owned)))
            }
            _ => None,
        });
        let (name, token) = recorded.unwrap();
        assert_eq!((name.as_str(), token), ("pause/token", Some(bench.callback().await.token)));
        assert!(log.iter().all(|event| !matches!(event, Event::Resolved { resolution: Resolution::Due(Time(_)), .. })));
    });
}
