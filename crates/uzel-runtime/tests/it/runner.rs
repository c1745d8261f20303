//! What the runner promises: nothing accepted is lost, timers go off, what is asked reaches the run, too much is refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::{
    build::App,
    capability::BoxFuture,
    event::{InstancePath, ReleaseId, RunId},
    store::{Head, Status, Store},
};
use uzel_runtime::{
    engine::{self, Given, Start},
    layers::Shared,
    runner::{Apps, Error, Message, Next, Options, Runner},
    store::memory::Memory,
    world::World,
};
use uzel_testkit::{
    lab::app,
    probe::{Done, Ledger, Reply},
    sim::{self, SimWorld},
};

use crate::driver::ledger;

struct Only(Arc<App>);

impl Apps for Only {
    fn app_of<'a>(&'a self, _: &'a Head) -> BoxFuture<'a, Result<Arc<App>, engine::Error>> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.0))))
    }
}

/// A process: it can be left, and another begun over the same store.
struct Process {
    runner: Runner,
    app: Arc<App>,
}

fn process(world: &Arc<SimWorld>, text: &str, ledger: &Arc<Ledger>, store: &Arc<Memory>, options: Options) -> Process {
    let app = app(text, ledger);
    let shared = Arc::new(Shared::new(Arc::clone(world) as Arc<dyn World>));
    let runner = Runner::new(Arc::clone(store) as _, shared, Arc::new(Only(Arc::clone(&app))), options);
    Process { runner, app }
}

impl Process {
    async fn start(&self, id: &str) -> Result<RunId, Error> {
        let start = Start { id: Some(RunId::from(id)), input: json!({}), ..Start::default() };
        self.runner.start(Arc::clone(&self.app), ReleaseId::from("lab"), start).await
    }

    async fn status(&self, id: &str) -> Status {
        self.runner.engine().store.head(id.into()).await.unwrap().unwrap().status
    }

    /// Does the work while timers go off.
    async fn tended<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            () = self.runner.tend() => panic!("nothing ended it"),
            done = work => done,
        }
    }

    /// Ends the process as a signal does.
    async fn kill(&self) {
        self.runner.drain(Duration::ZERO).await;
    }
}

fn given(action: &str) -> Given {
    Given { action: action.to_owned(), form: Value::Null, by: "ann".to_owned(), digest: None }
}

fn takes(millis: u64) -> impl Fn(&Done) -> Reply + Send + Sync + 'static {
    move |done| Reply::Value(json!(done.name()), Duration::from_millis(millis))
}

const ONE: &str = "
version: 1
name: one
nodes:
  work: { kind: probe }
";

const ASKS: &str = "
version: 1
name: asks
nodes:
  ask: { kind: human, title: 'Go on?', actions: [go, stop] }
  side: { kind: probe }
  work: { kind: probe, needs: [ask] }
";

const SLEEPS: &str = "
version: 1
name: sleeps
nodes:
  rest: { kind: wait, for: 3h }
  work: { kind: probe, needs: [rest] }
";

#[test]
fn many_runs_end_and_each_is_done_once() {
    sim::run(1, |world| async move {
        let (ledger, store) = (ledger(&world, takes(50)), Arc::new(Memory::new()));
        let options = Options { in_flight: 4, queue: 200, ..Options::default() };
        let process = process(&world, ONE, &ledger, &store, options);
        for n in 0..100 {
            process.start(&format!("run-{n}")).await.unwrap();
        }
        for n in 0..100 {
            let head = process.runner.settled(&format!("run-{n}").as_str().into()).await.unwrap();
            assert_eq!(head.status, Status::Succeeded);
        }
        // Four at a time, 50 ms each.
        assert_eq!(world.elapsed(), Duration::from_millis(25 * 50));
        assert_eq!(ledger.done().len(), 100);
        assert_eq!(process.runner.gauges().driven, 0);
        let succeeded = Status::ALL.iter().position(|status| *status == Status::Succeeded).unwrap();
        assert_eq!(process.runner.gauges().left[succeeded], 100, "counted by status");
    });
}

#[test]
fn beyond_the_queue_a_start_is_refused_and_leaves_nothing() {
    sim::run(2, |world| async move {
        let (ledger, store) = (ledger(&world, takes(1_000)), Arc::new(Memory::new()));
        let options = Options { in_flight: 2, queue: 3, ..Options::default() };
        let process = process(&world, ONE, &ledger, &store, options);
        for n in 0..5 {
            process.start(&format!("run-{n}")).await.unwrap();
        }
        assert_eq!(process.runner.room(), 0);
        let refused = process.start("one-too-many").await;
        assert!(matches!(&refused, Err(Error::Busy { retry_after }) if !retry_after.is_zero()), "{refused:?}");
        assert_eq!(store.head("one-too-many".into()).await.unwrap(), None);
        process.runner.settled(&"run-4".into()).await.unwrap();
        process.start("one-more").await.unwrap();
        // The same id again is a conflict, whether the run is driven or not.
        let twice = process.start("one-more").await;
        assert!(matches!(twice, Err(Error::Engine(engine::Error::Store(_)))), "{twice:?}");
    });
}

#[test]
fn a_dead_process_loses_nothing() {
    sim::run(3, |world| async move {
        let (ledger, store) = (ledger(&world, takes(1_000)), Arc::new(Memory::new()));
        let options = Options { in_flight: 3, queue: 100, ..Options::default() };
        let first = process(&world, ONE, &ledger, &store, options);
        for n in 0..20 {
            first.start(&format!("run-{n}")).await.unwrap();
        }
        world.sleep(Duration::from_millis(2_500)).await;
        first.kill().await;
        let second = process(&world, ONE, &ledger, &store, options);
        second
            .tended(async {
                for n in 0..20 {
                    let head = second.runner.settled(&format!("run-{n}").as_str().into()).await.unwrap();
                    assert_eq!(head.status, Status::Succeeded);
                }
            })
            .await;
        let counts: BTreeMap<_, _> = ledger.counts();
        // What was in flight when the process died is done again; nothing else is.
        assert!(counts.values().sum::<usize>() <= 23, "{counts:?}");
    });
}

#[test]
fn timers_go_off_in_their_time_and_through_a_restart() {
    sim::run(4, |world| async move {
        let (ledger, store) = (ledger(&world, takes(10)), Arc::new(Memory::new()));
        let first = process(&world, SLEEPS, &ledger, &store, Options::default());
        let begun = world.now();
        for n in 0..50 {
            first.start(&format!("run-{n}")).await.unwrap();
        }
        for n in 0..50 {
            assert_eq!(
                first.runner.settled(&format!("run-{n}").as_str().into()).await.unwrap().status,
                Status::Waiting
            );
        }
        assert_eq!(first.runner.gauges().driven, 0, "what waits is out of memory");
        first.tended(world.sleep(Duration::from_hours(1))).await;
        first.kill().await;
        let options = Options { in_flight: 4, batch: 5, ..Options::default() };
        let second = process(&world, SLEEPS, &ledger, &store, options);
        let late = second.tended(async {
            let mut late = Duration::ZERO;
            for n in 0..50 {
                let mut watching = second.runner.watch(&format!("run-{n}").as_str().into());
                while second.status(&format!("run-{n}")).await != Status::Succeeded {
                    let _ = watching.next().await;
                }
                late = Duration::from_millis(world.now().since(begun.plus(Duration::from_hours(3))));
            }
            late
        });
        let late = late.await;
        assert!(late < Duration::from_secs(3), "{late:?} late");
        assert_eq!(ledger.done().len(), 50);
        assert!(world.now() >= begun.plus(Duration::from_hours(3)));
    });
}

#[test]
fn a_timer_of_this_process_goes_off_at_its_time() {
    sim::run(5, |world| async move {
        let (ledger, store) = (ledger(&world, takes(10)), Arc::new(Memory::new()));
        let options = Options { poll: Duration::from_hours(24), ..Options::default() };
        let process = process(&world, SLEEPS, &ledger, &store, options);
        let begun = world.now();
        process
            .tended(async {
                process.start("r").await.unwrap();
                let mut watching = process.runner.watch(&"r".into());
                while process.status("r").await != Status::Succeeded {
                    let _ = watching.next().await;
                }
            })
            .await;
        // Although the store is asked once a day only.
        assert_eq!(world.now().since(begun), 3 * 3_600_000 + 10);
    });
}

#[test]
fn an_answer_reaches_a_run_that_waits_and_one_that_works() {
    for (delay, works) in [(Duration::from_secs(1), true), (Duration::from_secs(10), false)] {
        sim::run(6, |world| async move {
            let (ledger, store) = (ledger(&world, takes(5_000)), Arc::new(Memory::new()));
            let process = process(&world, ASKS, &ledger, &store, Options::default());
            process.start("r").await.unwrap();
            world.sleep(delay).await;
            assert_eq!(process.runner.gauges().driven, usize::from(works));
            let ask = InstancePath::from("ask");
            process.runner.answer(&"r".into(), &ask, given("go")).await.unwrap();
            let late = process.runner.answer(&"r".into(), &ask, given("stop")).await;
            let closed = match late {
                Err(Error::Engine(engine::Error::TaskClosed { closed, .. })) => closed,
                other => panic!("{other:?}"),
            };
            assert_eq!(closed, "go by ann");
            assert_eq!(process.runner.settled(&"r".into()).await.unwrap().status, Status::Succeeded);
            // Nothing that went on meanwhile was begun again.
            assert_eq!(ledger.counts().values().copied().collect::<Vec<_>>(), [1, 1]);
            let late = process.runner.answer(&"r".into(), &ask, given("stop")).await;
            assert!(matches!(late, Err(Error::Engine(engine::Error::TaskClosed { .. }))), "{late:?}");
        });
    }
}

#[test]
fn of_many_answers_at_once_one_counts() {
    for seed in 0..20 {
        sim::run(seed, |world| async move {
            let (ledger, store) = (ledger(&world, takes(3)), Arc::new(Memory::new()));
            let process = process(&world, ASKS, &ledger, &store, Options::default());
            process.start("r").await.unwrap();
            // While it works, just when it parks, and after.
            world.sleep(Duration::from_millis(seed % 5)).await;
            let (id, ask) = (RunId::from("r"), InstancePath::from("ask"));
            let answers = (0..20).map(|n| {
                let (runner, id, ask, world) = (&process.runner, &id, &ask, &world);
                async move {
                    world.sleep(Duration::from_millis(n % 4)).await;
                    runner.answer(id, ask, given("go")).await
                }
            });
            let said = futures_util::future::join_all(answers).await;
            assert_eq!(said.iter().filter(|said| said.is_ok()).count(), 1, "seed {seed}: {said:?}");
            assert_eq!(process.runner.settled(&id).await.unwrap().status, Status::Succeeded);
        });
    }
}

#[test]
fn an_answered_run_is_not_lost_with_its_process() {
    sim::run(7, |world| async move {
        let (ledger, store) = (ledger(&world, takes(5_000)), Arc::new(Memory::new()));
        let first = process(&world, ASKS, &ledger, &store, Options::default());
        first.start("r").await.unwrap();
        assert_eq!(first.runner.settled(&"r".into()).await.unwrap().status, Status::Waiting);
        first.runner.answer(&"r".into(), &"ask".into(), given("go")).await.unwrap();
        assert_eq!(first.status("r").await, Status::Running);
        first.kill().await;
        let second = process(&world, ASKS, &ledger, &store, Options::default());
        let head = second.tended(second.runner.settled(&"r".into())).await.unwrap();
        assert_eq!(head.status, Status::Succeeded);
    });
}

#[test]
fn cancel_stops_what_is_in_flight_and_what_waits() {
    sim::run(8, |world| async move {
        let (ledger, store) = (ledger(&world, takes(30_000)), Arc::new(Memory::new()));
        let process = process(&world, ASKS, &ledger, &store, Options::default());
        for (id, after) in [("works", 1), ("waits", 120)] {
            process.start(id).await.unwrap();
            world.sleep(Duration::from_secs(after)).await;
            let head = process.runner.cancel(&id.into(), "enough").await.unwrap();
            assert_eq!((head.status, &head.outcome["why"]), (Status::Cancelled, &json!("enough")));
            let again = process.runner.cancel(&id.into(), "enough").await;
            assert!(matches!(again, Err(Error::Engine(engine::Error::Ended { .. }))), "{again:?}");
            assert_eq!(store.tasks(true, Some(id.into())).await.unwrap(), vec![]);
        }
        assert_eq!(ledger.done().len(), 2, "each was begun once");
    });
}

#[test]
fn what_waits_for_its_turn_can_be_cancelled() {
    sim::run(12, |world| async move {
        let (ledger, store) = (ledger(&world, takes(30_000)), Arc::new(Memory::new()));
        let options = Options { in_flight: 1, queue: 2, ..Options::default() };
        let process = process(&world, ONE, &ledger, &store, options);
        process.start("works").await.unwrap();
        process.start("queues").await.unwrap();
        let head = process.runner.cancel(&"queues".into(), "enough").await.unwrap();
        assert_eq!((head.status, world.elapsed()), (Status::Cancelled, Duration::ZERO));
        assert_eq!(process.runner.settled(&"works".into()).await.unwrap().status, Status::Succeeded);
        assert_eq!(process.runner.gauges().queued, 0);
    });
}

#[test]
fn draining_lets_effects_end_and_leaves_the_rest() {
    const TWO: &str = "
version: 1
name: two
nodes:
  first: { kind: probe }
  second: { kind: probe, needs: [first] }
";
    sim::run(9, |world| async move {
        let (ledger, store) = (ledger(&world, takes(2_000)), Arc::new(Memory::new()));
        let first = process(&world, TWO, &ledger, &store, Options::default());
        first.start("r").await.unwrap();
        world.sleep(Duration::from_secs(1)).await;
        assert_eq!(first.runner.drain(Duration::from_secs(30)).await, 0);
        assert_eq!(world.elapsed(), Duration::from_secs(2), "it waited for the effect and no longer");
        assert_eq!(first.status("r").await, Status::Running);
        assert!(matches!(first.start("late").await, Err(Error::Draining)));
        let late = first.runner.cancel(&"r".into(), "late").await;
        assert!(matches!(late, Err(Error::Draining)), "{late:?}");
        let second = process(&world, TWO, &ledger, &store, Options::default());
        let head = second.tended(second.runner.settled(&"r".into())).await.unwrap();
        assert_eq!(head.status, Status::Succeeded);
        assert_eq!(ledger.counts().values().copied().collect::<Vec<_>>(), [1, 1], "nothing was done twice");
    });
}

#[test]
fn watchers_are_told_of_what_is_durable() {
    sim::run(10, |world| async move {
        let (ledger, store) = (ledger(&world, takes(100)), Arc::new(Memory::new()));
        let process = process(&world, ONE, &ledger, &store, Options::default());
        let mut watching = process.runner.watch(&"r".into());
        process.start("r").await.unwrap();
        let mut seen = 0;
        loop {
            let next = watching.next().await;
            let records = store.records("r".into(), 0).await.unwrap();
            match next {
                Next::Message(Message::Log) => {
                    assert!(records.len() >= seen.max(1), "the log has not grown");
                    seen = records.len();
                }
                Next::Message(Message::Left(head)) => {
                    assert_eq!(head.status, Status::Succeeded);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(seen >= 2, "{seen}");
    });
}

#[test]
fn an_app_that_cannot_be_made_is_tried_again() {
    struct Later {
        app: Arc<App>,
        world: Arc<SimWorld>,
    }
    impl Apps for Later {
        fn app_of<'a>(&'a self, _: &'a Head) -> BoxFuture<'a, Result<Arc<App>, engine::Error>> {
            let is_there = self.world.elapsed() > Duration::from_mins(5);
            let app = is_there.then(|| Arc::clone(&self.app));
            Box::pin(std::future::ready(app.ok_or_else(|| engine::Error::Release("its key is missing".to_owned()))))
        }
    }
    sim::run(11, |world| async move {
        let (ledger, store) = (ledger(&world, takes(1_000)), Arc::new(Memory::new()));
        let first = process(&world, ONE, &ledger, &store, Options::default());
        first.start("r").await.unwrap();
        first.kill().await;
        let shared = Arc::new(Shared::new(Arc::clone(&world) as Arc<dyn World>));
        let apps = Later { app: Arc::clone(&first.app), world: Arc::clone(&world) };
        let runner = Runner::new(Arc::clone(&store) as _, shared, Arc::new(apps), Options::default());
        let second = Process { runner, app: Arc::clone(&first.app) };
        second
            .tended(async {
                world.sleep(Duration::from_secs(20)).await;
                assert_eq!(second.runner.gauges().stuck, 1);
                let why = second.runner.cancel(&"r".into(), "enough").await.unwrap_err().to_string();
                assert_eq!(why, "its key is missing");
                assert_eq!(second.runner.settled(&"r".into()).await.unwrap().status, Status::Succeeded);
            })
            .await;
        assert_eq!(second.runner.gauges().stuck, 0);
    });
}
