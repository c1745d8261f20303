//! Crashes: a run is cut off after every event of its log, and at random moments, and must come to the same end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use uzel_core::{
    event::{EffectName, Event, RunId},
    run::Run,
    store::{self, Append, Frame, Head, Store},
};
use uzel_runtime::{
    engine::{self, Start},
    store::memory::Memory,
    world::World,
};

use crate::{
    between::{Between, Fails},
    fail_points::{Death, Mortal, Side},
    lab::{Answers, Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
    sim::{self, SimWorld},
};

/// A run to be cut off.
pub struct Case {
    /// For messages.
    pub name: &'static str,
    /// The app.
    pub app: &'static str,
    /// What it is started with.
    pub input: Value,
    /// What persons answer, by node.
    pub answers: Answers,
    /// What the world says; it must depend on the try alone.
    pub script: fn(&Done) -> Reply,
}

const RUN: &str = "crash";

/// What a run came to.
#[derive(Debug, PartialEq)]
struct End {
    outcome: Value,
    states: BTreeMap<String, (&'static str, Option<Value>)>,
}

impl End {
    async fn of(head: Head, lab: &Lab) -> Self {
        let mut end = Self { outcome: head.outcome, states: lab.states(RUN).await };
        forget_times(&mut end.outcome);
        end.states.values_mut().filter_map(|(_, value)| value.as_mut()).for_each(forget_times);
        end
    }
}

fn skip(world: &SimWorld, head: &Head) {
    world.skip_to(head.wake.expect("a run that waits for a time has one"));
}

impl Case {
    fn lab(&self, world: &Arc<SimWorld>, store: Arc<dyn Store>) -> (Lab, Arc<Ledger>) {
        let clock = Arc::clone(world);
        let ledger = Ledger::new(move |time| clock.sleep(time), self.script);
        (Lab::new(app(self.app, &ledger), store, Arc::clone(world) as Arc<dyn World>), ledger)
    }

    async fn finish(&self, lab: &Lab, world: &SimWorld) -> End {
        let head = lab.finish(RUN, &self.answers, &|head| skip(world, head)).await;
        End::of(head, lab).await
    }

    /// Starts the run and goes on until it ends.
    async fn try_all(&self, lab: &Lab, world: &SimWorld) -> Result<Head, engine::Error> {
        let start = Start { id: Some(RunId::from(RUN)), input: self.input.clone(), ..Start::default() };
        let driver = lab.engine.start(&lab.app, &"lab".into(), start).await?;
        let head = driver.drive(nobody_asks()).await?;
        lab.go_on(RUN, head, &self.answers, &|head| skip(world, head)).await
    }

    async fn begin(&self, lab: &Lab) -> uzel_runtime::driver::Driver {
        let start = Start { id: Some(RunId::from(RUN)), input: self.input.clone(), ..Start::default() };
        lab.engine.start(&lab.app, &"lab".into(), start).await.expect("the input fits")
    }
}

/// A run that nobody disturbed: its log, its end, the keys of its effects.
fn undisturbed(case: &Case, seed: u64) -> (Vec<Event>, End, BTreeMap<String, String>) {
    sim::run(seed, |world| async move {
        let (lab, ledger) = case.lab(&world, Arc::new(Memory::new()));
        let head = case.begin(&lab).await.drive(nobody_asks()).await.expect("the store works");
        let end = if head.status.is_final() { End::of(head, &lab).await } else { case.finish(&lab, &world).await };
        let keys = ledger.done().into_iter().map(|done| (done.name(), done.key)).collect();
        (lab.log(RUN).await, end, keys)
    })
}

/// Cuts the run off after each event of its log; gives the number of cuts.
pub fn after_every_event(case: &Case) -> usize {
    let (log, end, keys) = undisturbed(case, 1);
    assert!(matches!(log.last(), Some(Event::Ended { .. })), "{}: {log:#?}", case.name);
    // The last prefix is the whole log, which is not to be resumed.
    for cut in 1..log.len() {
        let prefix = &log[..cut];
        let (ended, done, whole) = sim::run(cut as u64, |world| async move {
            let store: Arc<dyn Store> = Arc::new(Memory::new());
            let (lab, ledger) = case.lab(&world, Arc::clone(&store));
            world.skip_to(prefix.iter().map(Event::at).max().unwrap_or(sim::EPOCH));
            lay_down(&*store, &lab, prefix).await;
            let ended = case.finish(&lab, &world).await;
            (ended, ledger.done(), lab.log(RUN).await)
        });
        let at = format!("{}: cut after event {cut} of {}: {:?}", case.name, log.len(), prefix.last());
        assert_eq!(ended, end, "{at}");
        check_log(&whole, &at);
        let recorded: Vec<&EffectName> = prefix.iter().filter_map(returned).collect();
        for try_ in &done {
            let name = try_.name();
            assert!(!recorded.iter().any(|known| known.as_str() == name), "{at}: `{name}` was done again");
            assert_eq!(keys.get(&name), Some(&try_.key), "{at}: the key of `{name}`");
        }
    }
    log.len() - 1
}

/// Kills the process at random moments, also in the middle of effects and again after a restart, for each seed.
pub fn at_random(case: &Case, seeds: std::ops::Range<u64>) -> usize {
    let mut crashes = 0;
    for seed in seeds {
        let (_, end, keys) = undisturbed(case, seed);
        crashes += sim::run(seed, |world| async move {
            let store: Arc<dyn Store> = Arc::new(Memory::new());
            let mut recorded: Vec<EffectName> = vec![];
            let (mut crashes, at) = (0, format!("{}, seed {seed}", case.name));
            for life in 0..12 {
                let (lab, ledger) = case.lab(&world, Arc::clone(&store));
                let driver = match life {
                    0 => case.begin(&lab).await,
                    _ => match lab.engine.resume(&lab.app, &RunId::from(RUN)).await {
                        Ok(driver) => driver,
                        Err(engine::Error::Ended { .. }) => break,
                        Err(error) => panic!("{}, seed {seed}: {error}", case.name),
                    },
                };
                let moment = world.sleep(Duration::from_millis(world.below(120)));
                let parked = tokio::select! {
                    biased;
                    () = moment => None,
                    head = driver.drive(nobody_asks()) => Some(head.expect("the store works")),
                };
                match parked {
                    None => crashes += 1,
                    Some(head) if head.status.is_final() => {}
                    Some(head) => {
                        let parked = lab.unpark(RUN, &head, &case.answers, &|head| skip(&world, head)).await;
                        parked.expect("the store works");
                    }
                }
                check(&at, &ledger.done(), &recorded, &keys);
                recorded = lab.log(RUN).await.iter().filter_map(returned).cloned().collect();
            }
            let (lab, ledger) = case.lab(&world, Arc::clone(&store));
            let ended = match lab.engine.resume(&lab.app, &RunId::from(RUN)).await {
                Ok(_) => case.finish(&lab, &world).await,
                Err(_) => {
                    let head = store.head(RunId::from(RUN)).await.expect("the store works").expect("the run is there");
                    End::of(head, &lab).await
                }
            };
            check(&at, &ledger.done(), &recorded, &keys);
            assert_eq!(ended, end, "{at}");
            check_log(&lab.log(RUN).await, &at);
            crashes
        });
    }
    crashes
}

/// Lets every single call of the store fail: with nothing done, with all done and only the answer lost, and from then on.
/// After a restart, with a store that works, the run comes to the same end, and repeats nothing that was recorded. Gives
/// the number of failures.
pub fn at_every_store_error(case: &Case) -> usize {
    let (_, end, keys) = undisturbed(case, 1);
    // One world and one app for all of them: only the store and the process are new each time.
    sim::run(1, |world| async move {
        let (first, ledger) = case.lab(&world, Arc::new(Memory::new()));
        let mut failures = 0;
        for fails in [Fails::Before, Fails::After, Fails::ForEver] {
            for nth in 1.. {
                let at = format!("{}: call {nth} of the store fails ({fails:?})", case.name);
                let whole: Arc<dyn Store> = Arc::new(Memory::new());
                let lab = |store| Lab::new(Arc::clone(&first.app), store, Arc::clone(&world) as Arc<dyn World>);
                let bad = lab(Between::failing(Arc::clone(&whole), nth, fails) as Arc<dyn Store>);
                let ended = case.try_all(&bad, &world).await;
                // As after the start of a process.
                let good = lab(Arc::clone(&whole));
                let error = match ended {
                    // The call that was to fail was never made: the run is over before.
                    Ok(head) => {
                        assert_eq!(End::of(head, &good).await, end, "{at}");
                        break;
                    }
                    Err(error) => error,
                };
                let is_ours = matches!(&error, engine::Error::Store(store::Error::Io(_)));
                assert!(is_ours, "{at}: the store's error is handed on: {error}");
                let done = ledger.done().len();
                let head = whole.head(RunId::from(RUN)).await.expect("memory works");
                let log = if head.is_some() { good.log(RUN).await } else { vec![] };
                let recorded: Vec<EffectName> = log.iter().filter_map(returned).cloned().collect();
                let head = match head {
                    None => case.begin(&good).await.drive(nobody_asks()).await.expect("the store works"),
                    Some(head) if head.status.is_final() => head,
                    Some(_) => good.resume(RUN).await.expect("a run that has not ended can be resumed"),
                };
                let skip = |head: &Head| skip(&world, head);
                let head = good.go_on(RUN, head, &case.answers, &skip).await.expect("the store works");
                check(&at, &ledger.done()[done..], &recorded, &keys);
                check_log(&good.log(RUN).await, &at);
                assert_eq!(End::of(head, &good).await, end, "{at}");
                failures += 1;
            }
        }
        failures
    })
}

fn check(at: &str, done: &[Done], recorded: &[EffectName], keys: &BTreeMap<String, String>) {
    for done in done {
        let name = done.name();
        let known = recorded.iter().any(|effect| effect.as_str() == name);
        assert!(!known, "{at}: `{name}` was done again");
        assert_eq!(keys.get(&name), Some(&done.key), "{at}: the key of `{name}`");
    }
}

/// One end, and at most one result for each effect and one settling for each node.
fn check_log(log: &[Event], at: &str) {
    let ends = log.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
    assert_eq!(ends, 1, "{at}: {log:#?}");
    assert!(matches!(log.last(), Some(Event::Ended { .. })), "{at}: nothing comes after the end: {log:#?}");
    let mut seen = BTreeSet::new();
    for event in log {
        let name = match event {
            Event::EffectReturned { effect, .. } => format!("effect {effect}"),
            Event::Returned { instance, .. } | Event::Failed { instance, .. } | Event::Blocked { instance, .. } => {
                format!("node {instance}")
            }
            Event::Resolved { instance, .. } => format!("wait of {instance}"),
            // A node may wait again.
            Event::Waited { instance, .. } => {
                seen.remove(&format!("wait of {instance}"));
                continue;
            }
            _ => continue,
        };
        assert!(seen.insert(name.clone()), "{at}: {name} is in the log twice: {log:#?}");
    }
}

/// Puts a log into an empty store as the engine would have written it.
async fn lay_down(store: &dyn Store, lab: &Lab, events: &[Event]) {
    let mut run = Run::fold(RunId::from(RUN), Arc::clone(&lab.app.graph), events);
    let status = run.status(run.waits().next().is_none());
    let head = run.head(status, run.begin().expect("a log begins with the start").at, None);
    let tasks: Vec<_> = run.waits().filter_map(|(instance, ..)| run.task(&instance)).collect();
    let frames = events.iter().map(|event| Frame { effect: returned(event).cloned(), events: vec![event.clone()] });
    let append = Append { frames: frames.collect(), head: Some(head), tasks, blobs: vec![] };
    store.append(RunId::from(RUN), 0, append).await.expect("a log that was written before");
    run.next();
}

fn returned(event: &Event) -> Option<&EffectName> {
    match event {
        Event::EffectReturned { effect, .. } => Some(effect),
        _ => None,
    }
}

/// Answers carry the time at which they were given, which differs after a crash.
fn forget_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("at");
            map.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}

/// Kills the process before and after each record becomes durable, and at each named place; gives the names. What is in
/// doubt is answered by whether the ledger has seen it.
pub fn at_every_place(case: &Case) -> BTreeSet<String> {
    let (_, end, keys) = undisturbed(case, 1);
    let (names, last) = sim::run(1, |world| async move {
        let mortal = Mortal::new(Arc::new(Memory::new()), None, || {});
        let (lab, _) = case.lab(&world, Arc::clone(&mortal) as Arc<dyn Store>);
        let head = case.begin(&lab).await.drive(nobody_asks()).await.expect("the store works");
        if !head.status.is_final() {
            case.finish(&lab, &world).await;
        }
        (mortal.passed(), lab.engine.store.load(RunId::from(RUN)).await.expect("the run is there").1)
    });
    let numbered = (1..=last).flat_map(|seq| [Side::Before, Side::After].map(|side| Death::At(seq, side)));
    let deaths = names.iter().cloned().map(Death::Named).chain(numbered);
    for (seed, death) in (1..).zip(deaths) {
        let at = format!("{}: {death:?}", case.name);
        let (ended, lives, log) = sim::run(seed, |world| async move { one_death(case, &world, death).await });
        let Some(ended) = ended else { continue };
        assert_eq!(ended, end, "{at}");
        check_log(&log, &at);
        let mut once = BTreeSet::new();
        for (recorded, done) in &lives {
            for try_ in done {
                let name = try_.name();
                assert!(!recorded.iter().any(|known| known.as_str() == name), "{at}: `{name}` was done again");
                assert_eq!(keys.get(&name), Some(&try_.key), "{at}: the key of `{name}`");
                let is_once = log
                    .iter()
                    .any(|event| matches!(event, Event::EffectIntended { effect, .. } if effect.as_str() == name));
                assert!(!is_once || once.insert(name.clone()), "{at}: `{name}` was done twice");
            }
        }
    }
    names
}

/// What was on record when a life began, and what it did to the world.
type Life = (Vec<EffectName>, Vec<Done>);

/// A run that is killed once, and taken up until it ends; `None` if it was never accepted.
async fn one_death(case: &Case, world: &Arc<SimWorld>, death: Death) -> (Option<End>, Vec<Life>, Vec<Event>) {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let died = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&died);
    let mortal = Mortal::new(Arc::clone(&store), Some(death), move || tell.notify_one());
    let mut lives: Vec<Life> = vec![];
    let (lab, ledger) = case.lab(world, mortal);
    let living = async {
        let head = case.begin(&lab).await.drive(nobody_asks()).await.expect("the store works");
        if !head.status.is_final() {
            case.finish(&lab, world).await;
        }
    };
    tokio::select! {
        biased;
        () = died.notified() => {}
        () = living => {}
    }
    lives.push((vec![], ledger.done()));
    drop(lab);
    for _ in 0..100 {
        let (lab, ledger) = case.lab(world, Arc::clone(&store));
        let Some(head) = store.head(RunId::from(RUN)).await.expect("the store works") else {
            return (None, lives, vec![]);
        };
        if head.status.is_final() {
            return (Some(End::of(head, &lab).await), lives, lab.log(RUN).await);
        }
        let recorded = lab.log(RUN).await.iter().filter_map(returned).cloned().collect();
        let head = lab.resume(RUN).await.expect("a run that has not ended can be resumed");
        lives.push((recorded, ledger.done()));
        if head.status.is_final() {
            continue;
        }
        let open = store.tasks(true, Some(RunId::from(RUN))).await.expect("tasks");
        match open.iter().find_map(|task| Some((task, task.question.about.as_ref()?))) {
            Some((task, effect)) => {
                let seen = lives.iter().flat_map(|(_, done)| done).find(|done| done.name() == effect.as_str());
                let (action, form) = match seen.map(case.script) {
                    Some(Reply::Value(value, _)) => ("done", json!({ "result": value })),
                    _ => ("not_done", json!({})),
                };
                lab.answer(RUN, task.instance.as_str(), action, form).await.expect("an answer that fits");
            }
            None => {
                let parked = lab.unpark(RUN, &head, &case.answers, &|head| skip(world, head)).await;
                parked.expect("the store works");
            }
        }
    }
    panic!("{}: the run does not end", case.name)
}
