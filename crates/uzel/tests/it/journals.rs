//! Recorded runs of released formats are read, and taken up, by this program: see tests/journals/README.md.

use std::collections::BTreeSet;

use serde_json::Value;
use uzel_core::{
    event::{End, Event, InstancePath, Resolution, Stored, Time, Wait},
    run::Run,
    store::{Append, Head, Status},
};
use uzel_runtime::engine::Given;

mod journal;
mod park;
mod recorder;

use journal::{BEGIN, Journal, Stage, frames};

/// All journals; those that have no log yet are recorded if that is wanted.
#[expect(clippy::disallowed_methods, reason = "who records a journal asks by a variable")]
async fn journals() -> Vec<Journal> {
    let journals = Journal::all();
    let record = std::env::var("UZEL_RECORD").is_ok_and(|value| value == "1");
    for journal in journals.iter().filter(|journal| !journal.folder.join("events.jsonl").exists()) {
        assert!(record, "`{}` has no log: run `UZEL_RECORD=1 cargo test -p uzel journals`", journal.name);
        recorder::record(journal).await;
    }
    journals
}

/// Puts the first events of a journal into the stage's store.
async fn put(stage: &Stage, journal: &Journal, events: &[Event]) {
    let run = Run::fold(stage.id.clone(), stage.app.graph.clone(), events);
    let head = run.head(Status::Running, BEGIN, None);
    let append = Append { frames: frames(events.to_vec()), head: Some(head), tasks: vec![], blobs: journal.blobs() };
    stage.engine.store.append(stage.id.clone(), 0, append).await.unwrap();
}

/// One test: journals that are being recorded must not be read at the same time.
#[tokio::test]
async fn recorded_runs_are_read_and_taken_up() {
    let journals = journals().await;
    assert!(journals.len() >= 7, "journals are missing");
    let mut seen = BTreeSet::new();
    for journal in &journals {
        let lines = journal.events();
        for (line, event) in &lines {
            let again = serde_json::to_value(event).unwrap();
            assert!(holds(&again, line), "{}: nothing of an event may be lost:\n{line}\n{again}", journal.name);
            names(event, &mut seen);
        }
        let events: Vec<Event> = lines.into_iter().map(|(_, event)| event).collect();
        the_state_is_the_same(journal, &events).await;
        for cut in 1..events.len() {
            the_end_is_the_same(journal, &events, cut).await;
        }
    }
    let seen: Vec<&str> = seen.into_iter().collect();
    assert_eq!(seen, NAMES, "each form that an event can have is in a journal");
}

/// The whole log gives the state, the row and the keys that it gave when it was recorded.
async fn the_state_is_the_same(journal: &Journal, events: &[Event]) {
    let graph = journal.graph();
    let stage = Stage::of(journal, &graph, BEGIN);
    put(&stage, journal, events).await;
    let (run, ..) = stage.engine.load(&graph, &stage.id).await.unwrap();
    let head = run.head(run.status(false), BEGIN, None);
    let found = recorder::expected(&run, &head, events);
    let expected = journal.json("expected.json");
    assert!(holds(&found, &expected), "{}:\nexpected {expected:#}\nfound {found:#}", journal.name);
}

/// The log up to an event, taken up with the same answers, ends as the run ended.
async fn the_end_is_the_same(journal: &Journal, events: &[Event], cut: usize) {
    let (known, rest) = events.split_at(cut);
    let graph = journal.graph();
    let now = known.iter().filter_map(time_of).max().unwrap_or(BEGIN);
    let stage = Stage::of(journal, &graph, Time(now.0 + 1));
    put(&stage, journal, known).await;
    let at = format!("{}, cut after event {cut}", journal.name);
    let (run, ..) = stage.engine.load(&graph, &stage.id).await.unwrap();
    if let Some(Event::Resolved { instance, resolution: Resolution::Answered(answer) }) = rest.first() {
        let digest = run.task(instance).unwrap().digest;
        assert_eq!(digest, answer.digest, "{at}: an answer fits the question that it was given for");
    }
    let doubt = graph.nodes.keys().any(|node| !run.doubts_of(&InstancePath::from(node.as_str())).is_empty());
    if doubt {
        let head = stage.resume().await;
        let (run, ..) = stage.engine.load(&graph, &stage.id).await.unwrap();
        let asks = |wait: &Wait| matches!(wait, Wait::Answer(question) if question.about.is_some());
        assert!(run.waits().any(|(_, wait, _)| asks(wait)), "{at}: {head:?}");
        return;
    }
    let head = finish(&stage, rest, &at).await;
    let expected = journal.json("expected.json");
    assert_eq!(serde_json::to_value(head.status).unwrap(), expected["status"], "{at}: {}", head.outcome);
    let mut outcome = expected["outcome"].clone();
    // What failed is computed again, perhaps in other words.
    if let Some(class) = outcome.pointer("/failure/class").cloned() {
        outcome["failure"] = serde_json::json!({ "class": class });
    }
    assert!(holds(&head.outcome, &outcome), "{at}:\nexpected {outcome:#}\nfound {:#}", head.outcome);
    let (run, ..) = stage.engine.load(&graph, &stage.id).await.unwrap();
    for node in run.view() {
        let wanted = &expected["nodes"][node.instance.as_str()];
        let found = serde_json::json!({ "state": node.state, "port": node.port });
        assert!(holds(wanted, &found), "{at}: {}: {found}, expected {wanted}", node.instance);
    }
}

/// Drives the run to its end. Each time it waits, what came from outside in the recorded run comes again.
async fn finish(stage: &Stage, rest: &[Event], at: &str) -> Head {
    let graph = &stage.app.graph;
    for _ in 0..10 {
        let head = stage.resume().await;
        if head.status.is_final() {
            return head;
        }
        let (run, seq, _) = stage.engine.load(graph, &stage.id).await.unwrap();
        let waits: Vec<(InstancePath, Wait)> =
            run.waits().map(|(instance, wait, _)| (instance, wait.clone())).collect();
        let outside = rest.iter().find_map(|event| match event {
            Event::Resolved { instance, resolution } => {
                let (_, wait) = waits.iter().find(|(waiting, _)| waiting == instance)?;
                Some((event, Some((instance, resolution, wait))))
            }
            Event::Ended { end: End::Cancelled { .. }, .. } => Some((event, None)),
            _ => None,
        });
        match outside {
            Some((Event::Ended { end: End::Cancelled { why }, .. }, _)) => {
                return stage.engine.cancel(graph, &stage.id, why).await.unwrap();
            }
            Some((_, Some((instance, Resolution::Answered(answer), _)))) => {
                let task = run.task(instance).unwrap();
                let (action, form, by) = (answer.action.clone(), answer.form.clone(), answer.by.clone());
                // A question that was asked again is asked at another time, which its digest covers.
                let digest = rest.iter().all(|event| !asks(event, instance)).then(|| answer.digest.clone());
                stage.engine.answer(graph, &task, Given { action, form, by, digest }).await.unwrap();
            }
            Some((_, Some((_, Resolution::Due(_), wait)))) => stage.world.turn_to(wait.due().unwrap()),
            Some((event, Some((_, Resolution::Called { .. }, _)))) => {
                recorder::call_back(stage, &run, seq, event.clone()).await;
            }
            _ => panic!("{at}: it waits for something that never came: {waits:?}"),
        }
    }
    panic!("{at}: it does not end");
}

fn asks(event: &Event, node: &InstancePath) -> bool {
    matches!(event, Event::Waited { instance, .. } if instance == node)
}

/// Whether everything in `old` is in `new`: later programs may say more.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            // What is null may be left out.
            old.iter().all(|(key, value)| new.get(key).map_or(value.is_null(), |found| holds(found, value)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds(new, old))
        }
        (new, old) => new == old,
    }
}

fn time_of(event: &Event) -> Option<Time> {
    match event {
        Event::Started { at, .. }
        | Event::Resumed { at, .. }
        | Event::LetGo { at }
        | Event::SetAside { at, .. }
        | Event::Migrated { at, .. }
        | Event::EffectIntended { at, .. }
        | Event::Returned { at, .. }
        | Event::Failed { at, .. }
        | Event::Blocked { at, .. }
        | Event::LeftOut { at, .. }
        | Event::Waited { at, .. }
        | Event::Ended { at, .. } => Some(*at),
        Event::EffectReturned { meta, .. } => Some(meta.ended),
        Event::Resolved { resolution, .. } => Some(match resolution {
            Resolution::Answered(answer) => answer.at,
            Resolution::Due(at) | Resolution::Called { at, .. } => *at,
        }),
    }
}

/// Every form that an event can have, in order. One that is added to `names` needs a line here and a journal.
const NAMES: &[&str] = &[
    "blocked",
    "effect_intended",
    "effect_returned",
    "effect_returned: failure",
    "ended: cancelled",
    "ended: failed",
    "ended: stopped",
    "ended: succeeded",
    "failed",
    "left_out",
    "let_go",
    "migrated",
    "resolved: answered",
    "resolved: called",
    "resolved: due",
    "resumed",
    "returned",
    "set_aside",
    "started",
    "stored: blob",
    "stored: effect",
    "stored: here",
    "waited: answer",
    "waited: callback",
    "waited: until",
];

/// The names of an event's forms. No `_`: a new variant must not be forgotten.
fn names(event: &Event, seen: &mut BTreeSet<&'static str>) {
    let stored = |stored: &Stored| match stored {
        Stored::Here(_) => "stored: here",
        Stored::Effect(_) => "stored: effect",
        Stored::Blob(_) => "stored: blob",
    };
    let name = match event {
        Event::Started { .. } => "started",
        Event::Resumed { .. } => "resumed",
        Event::LetGo { .. } => "let_go",
        Event::SetAside { .. } => "set_aside",
        Event::Migrated { .. } => "migrated",
        Event::EffectIntended { .. } => "effect_intended",
        Event::EffectReturned { result: Ok(value), .. } => {
            seen.insert(stored(value));
            "effect_returned"
        }
        Event::EffectReturned { result: Err(_), .. } => "effect_returned: failure",
        Event::Returned { value, .. } => {
            seen.insert(stored(value));
            "returned"
        }
        Event::Failed { .. } => "failed",
        Event::Blocked { .. } => "blocked",
        Event::LeftOut { .. } => "left_out",
        Event::Waited { wait: Wait::Until(_), .. } => "waited: until",
        Event::Waited { wait: Wait::Answer(_), .. } => "waited: answer",
        Event::Waited { wait: Wait::Callback { .. }, .. } => "waited: callback",
        Event::Resolved { resolution: Resolution::Answered(_), .. } => "resolved: answered",
        Event::Resolved { resolution: Resolution::Due(_), .. } => "resolved: due",
        Event::Resolved { resolution: Resolution::Called { .. }, .. } => "resolved: called",
        Event::Ended { end: End::Succeeded(_), .. } => "ended: succeeded",
        Event::Ended { end: End::Failed { .. }, .. } => "ended: failed",
        Event::Ended { end: End::Stopped { .. }, .. } => "ended: stopped",
        Event::Ended { end: End::Cancelled { .. }, .. } => "ended: cancelled",
    };
    seen.insert(name);
}
