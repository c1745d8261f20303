//! What was being done once when the process died: a probe or a person tells whether it was done, and it is never done
//! twice. The process is cut off before the effect reaches the world, and after.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use uzel_core::{
    event::Event,
    failure::{Failure, FailureClass},
    store::{Head, Status, Store, Task},
};
use uzel_runtime::{
    engine::{Error, Start},
    store::memory::Memory,
    world::World,
};
use uzel_testkit::{
    lab::{Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
    sim::{self, SimWorld},
};

/// The world outside: which letters were sent, whether its list of them can be asked, and when the process dies.
#[derive(Default)]
struct Post {
    sent: Mutex<BTreeMap<String, usize>>,
    silent: bool,
    /// Calls in which it dies: before the letter is sent (even) or after (odd).
    dies: Mutex<Vec<bool>>,
}

const TOOLS: &str = "
version: 1
tools:
  list: { use: played, params: { of: string } }
  mail: { use: played, effect: once, params: { to: string }PROBE }
nodes:
  a: { kind: probe }
  send: { kind: tool, tool: mail, with: { to: ann }, needs: [a] }
  b: { kind: probe, with: '${{ send.sent }}' }
output: { sent: '${{ b.with }}' }
";

const PROBE: &str = ", reconcile: { tool: list, with: { of: '${{ key }}' }, done: answer.sent, result: answer.letter }";

impl Post {
    /// What the world answers. `hang` stands for the death of the process: it never hears of the answer.
    fn answer(&self, done: &Done) -> Reply {
        let soon = |value: Value| Reply::Value(value, Duration::from_millis(10));
        let with = &done.with;
        if let Some(key) = with.get("of").and_then(Value::as_str) {
            assert_eq!(key, done.key, "the probe knows the key of what it looks for");
            let sent = self.sent.lock().unwrap().contains_key(key);
            let sent = if self.silent { Value::Null } else { json!(sent) };
            return soon(json!({ "sent": sent, "letter": { "sent": "found" } }));
        }
        if with.get("to").is_none() {
            return soon(json!({ "with": with }));
        }
        let dies = self.dies.lock().unwrap().pop();
        if dies != Some(false) {
            *self.sent.lock().unwrap().entry(done.key.clone()).or_default() += 1;
        }
        if dies.is_some() { Reply::Hang } else { soon(json!({ "sent": "now" })) }
    }
}

struct Bench {
    world: Arc<SimWorld>,
    post: Arc<Post>,
    text: String,
    store: Arc<dyn Store>,
}

impl Bench {
    /// A fresh process.
    fn lab(&self) -> Lab {
        let (clock, post) = (Arc::clone(&self.world), Arc::clone(&self.post));
        let ledger = Ledger::new(move |time| clock.sleep(time), move |done| post.answer(done));
        Lab::new(app(&self.text, &ledger), Arc::clone(&self.store), Arc::clone(&self.world) as Arc<dyn World>)
    }

    /// Runs until the run ends, parks, or hangs, which is where the process dies.
    async fn life(&self, first: bool) -> Option<Head> {
        let lab = self.lab();
        let start = Start { id: Some("r1".into()), ..Start::default() };
        let driver = if first {
            lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap()
        } else {
            lab.engine.resume(&lab.app, &"r1".into()).await.unwrap()
        };
        tokio::select! {
            () = self.world.sleep(Duration::from_secs(5)) => None,
            head = driver.drive(nobody_asks()) => Some(head.unwrap()),
        }
    }

    fn sent(&self) -> Vec<usize> {
        self.post.sent.lock().unwrap().values().copied().collect()
    }

    async fn task(&self) -> Task {
        let open = self.store.tasks(true, None).await.unwrap();
        assert_eq!(open.len(), 1, "{open:#?}");
        open[0].clone()
    }
}

/// `dies`: for each life that does, whether the letter was sent before.
fn test<F: Future<Output = ()>>(probe: &str, silent: bool, dies: &[bool], work: impl FnOnce(Bench) -> F) {
    let text = TOOLS.replace("PROBE", probe);
    let dies = Mutex::new(dies.iter().rev().copied().collect());
    let post = Arc::new(Post { silent, dies, ..Post::default() });
    sim::run(1, |world| work(Bench { world, post, text, store: Arc::new(Memory::new()) }));
}

#[test]
fn a_probe_finds_what_was_done() {
    test(PROBE, false, &[true], |bench| async move {
        assert!(bench.life(true).await.is_none());
        let head = bench.life(false).await.unwrap();
        assert_eq!((head.status, head.outcome["output"].clone()), (Status::Succeeded, json!({ "sent": "found" })));
        assert_eq!(bench.sent(), [1]);
    });
}

#[test]
fn a_probe_finds_that_it_was_not_done_however_often_the_process_dies() {
    test(PROBE, false, &[false, false, false], |bench| async move {
        for life in 0..3 {
            assert!(bench.life(life == 0).await.is_none());
        }
        let head = bench.life(false).await.unwrap();
        assert_eq!((head.status, head.outcome["output"].clone()), (Status::Succeeded, json!({ "sent": "now" })));
        assert_eq!(bench.sent(), [1]);
    });
    test(PROBE, false, &[false, true], |bench| async move {
        assert!(bench.life(true).await.is_none() && bench.life(false).await.is_none());
        assert_eq!(bench.life(false).await.unwrap().outcome["output"], json!({ "sent": "found" }));
        assert_eq!(bench.sent(), [1]);
    });
}

#[test]
fn a_person_says_that_it_was_done() {
    for (probe, silent) in [("", false), (PROBE, true)] {
        test(probe, silent, &[true], |bench| async move {
            assert!(bench.life(true).await.is_none());
            assert_eq!(bench.life(false).await.unwrap().status, Status::Waiting);
            let task = bench.task().await;
            assert_eq!((task.id.as_str(), task.question.title.as_str()), ("r1/send", "Was `send/tool` done?"));
            assert_eq!(task.question.actions, ["done", "not_done"]);
            let show = &task.question.show;
            assert_eq!((&show["tool"], &show["arguments"]), (&json!("mail"), &json!({ "to": "ann" })));
            assert!(show["begun"].as_i64().is_some_and(|begun| begun > 0), "{show}");
            assert_eq!(show.get("probe"), silent.then(|| json!("the probe cannot tell")).as_ref());
            // Restarts change nothing: the question stands, and nothing is sent.
            assert_eq!(bench.life(false).await.unwrap().status, Status::Waiting);
            assert_eq!((bench.task().await, bench.sent()), (task, vec![1]));
            let lab = bench.lab();
            lab.answer("r1", "send", "done", json!({ "result": { "sent": "told" } })).await.unwrap();
            let late = lab.answer("r1", "send", "not_done", json!({})).await;
            assert!(matches!(late, Err(Error::TaskClosed { .. } | Error::UnknownTask { .. })), "{late:?}");
            let head = bench.life(false).await.unwrap();
            assert_eq!((head.status, head.outcome["output"].clone()), (Status::Succeeded, json!({ "sent": "told" })));
            assert_eq!(bench.sent(), [1]);
        });
    }
}

#[test]
fn a_person_is_asked_again_when_the_process_dies_again() {
    test("", false, &[false, true], |bench| async move {
        assert!(bench.life(true).await.is_none());
        assert_eq!(bench.life(false).await.unwrap().status, Status::Waiting);
        bench.lab().answer("r1", "send", "not_done", json!({ "note": "the outbox is empty" })).await.unwrap();
        // It is done now, and the process dies after it.
        assert!(bench.life(false).await.is_none());
        assert_eq!(bench.sent(), [1]);
        assert_eq!(bench.life(false).await.unwrap().status, Status::Waiting, "the answer was about the time before");
        bench.lab().answer("r1", "send", "done", json!({ "result": { "sent": "told" } })).await.unwrap();
        assert_eq!(bench.life(false).await.unwrap().outcome["output"], json!({ "sent": "told" }));
        assert_eq!(bench.sent(), [1]);
    });
}

/// Cut off after each event of its log, with a world that keeps what was sent.
#[test]
fn cut_off_anywhere_a_letter_is_sent_at_most_once() {
    let mut asked = BTreeSet::new();
    for (probe, silent) in [(PROBE, false), (PROBE, true), ("", false)] {
        for moment in 0..80 {
            test(probe, silent, &[], |bench| async move {
                let lab = bench.lab();
                let start = Start { id: Some("r1".into()), ..Start::default() };
                let driver = lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap();
                tokio::select! {
                    biased;
                    () = bench.world.sleep(Duration::from_millis(moment / 2)) => {}
                    _ = driver.drive(nobody_asks()) => {}
                }
                let mut head = match bench.store.head("r1".into()).await.unwrap().unwrap() {
                    head if head.status.is_final() => head,
                    _ => bench.life(false).await.unwrap(),
                };
                if head.status == Status::Waiting {
                    let sent = !bench.sent().is_empty();
                    let form = if sent { json!({ "result": { "sent": "told" } }) } else { json!({}) };
                    let action = if sent { "done" } else { "not_done" };
                    bench.lab().answer("r1", "send", action, form).await.unwrap();
                    head = bench.life(false).await.unwrap();
                }
                assert_eq!(head.status, Status::Succeeded, "{moment}: {}", head.outcome);
                assert_eq!(bench.sent(), [1], "{moment}");
            });
        }
        asked.insert((probe, silent));
    }
    assert_eq!(asked.len(), 3);
}

#[test]
fn a_probe_that_fails_is_for_a_person_to_make_good() {
    let broken = PROBE.replace("answer.sent", "answer.letter");
    test(&broken, false, &[true], |bench| async move {
        assert!(bench.life(true).await.is_none());
        assert_eq!(bench.life(false).await.unwrap().status, Status::Waiting);
        let why = bench.task().await.question.show["probe"].as_str().unwrap().to_owned();
        assert!(why.starts_with("the probe failed: code: `done: answer.letter` must be true, false or null"), "{why}");
        assert_eq!(bench.sent(), [1]);
    });
}

/// A once effect of a kind that knows nothing of probes is asked about as well, and its node fails no more.
#[test]
fn any_once_effect_is_asked_about() {
    let text = "
version: 1
nodes:
  mail: { kind: probe, class: once, effects: 2 }
  after: { kind: probe, with: '${{ mail }}' }
output: { mail: '${{ after.with }}' }
";
    sim::run(1, |world| async move {
        let store = Arc::new(Memory::new());
        let lab = |hang: &'static str| {
            let clock = Arc::clone(&world);
            let ledger = Ledger::new(
                move |time| clock.sleep(time),
                move |done| {
                    if done.effect == hang && done.node() == "mail" {
                        return Reply::Hang;
                    }
                    Reply::Value(json!({ "with": done.with, "of": done.effect }), Duration::from_millis(5))
                },
            );
            (Lab::new(app(text, &ledger), store.clone(), Arc::clone(&world) as Arc<dyn World>), ledger)
        };
        for (life, hang) in ["effect1", "effect2"].into_iter().enumerate() {
            let (lab, _) = lab(hang);
            if life == 0 {
                let start = Start { id: Some("r1".into()), ..Start::default() };
                let driver = lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap();
                tokio::select! {
                    () = world.sleep(Duration::from_secs(2)) => {}
                    head = driver.drive(nobody_asks()) => panic!("{head:?}"),
                }
                continue;
            }
            assert_eq!(lab.resume("r1").await.unwrap().status, Status::Waiting);
            lab.answer("r1", "mail", "done", json!({ "result": 1 })).await.unwrap();
            let driver = lab.engine.resume(&lab.app, &"r1".into()).await.unwrap();
            tokio::select! {
                () = world.sleep(Duration::from_secs(2)) => {}
                head = driver.drive(nobody_asks()) => panic!("{head:?}"),
            }
        }
        let (lab, ledger) = lab("");
        assert_eq!(lab.resume("r1").await.unwrap().status, Status::Waiting);
        let open = store.tasks(true, None).await.unwrap();
        assert_eq!(open[0].question.title, "Was `mail/effect2` done?");
        lab.answer("r1", "mail", "done", json!({ "result": { "of": "told" } })).await.unwrap();
        let head = lab.resume("r1").await.unwrap();
        assert_eq!(head.outcome["output"], json!({ "mail": { "of": "told" } }));
        assert_eq!(ledger.counts().get("mail/effect1"), None);
        assert_eq!(ledger.counts().get("mail/effect2"), None);
        let failed = lab.log("r1").await.into_iter().any(|event| matches!(event, Event::Failed { .. }));
        assert!(!failed, "doubt is no failure");
    });
}

/// Of what was tried and failed so that nobody knows, nothing is tried again either; of what never arrived, it is.
#[test]
fn once_is_tried_again_only_if_it_never_arrived() {
    let text = "
version: 1
defaults: { retry: { max: 3, base: 1ms, errors: [connect, timeout, server_error] } }
nodes: { mail: { kind: probe, class: once, on_error: skip } }
";
    for (class, tries) in [(FailureClass::Connect, 3), (FailureClass::Timeout, 1), (FailureClass::ServerError, 1)] {
        sim::run(1, |world| async move {
            let clock = Arc::clone(&world);
            let ledger = Ledger::new(
                move |time| clock.sleep(time),
                move |_| Reply::Fail(Failure::new(class, "no"), Duration::from_millis(1)),
            );
            let lab = Lab::new(app(text, &ledger), Arc::new(Memory::new()), Arc::clone(&world) as Arc<dyn World>);
            lab.start("r1", json!({})).await.unwrap();
            assert_eq!(ledger.done().len(), tries, "{class:?}");
        });
    }
}
