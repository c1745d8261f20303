//! Checks of a run's log: appending, loading, conflicts, atomicity, concurrency.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use uzel_core::{
    capability::tool::EffectClass,
    event::{EffectMeta, Event, RunId, Stored},
    store::{Append, Error, Filter, Frame, Store},
};

use super::sample;

fn id(name: &str) -> RunId {
    name.into()
}

async fn begin(store: &dyn Store, run: &RunId, frames: Vec<Frame>) -> u64 {
    store.append(run.clone(), 0, sample::first(run, frames)).await.expect("the first append of a run succeeds")
}

async fn numbers(store: &dyn Store, run: &RunId) -> (Vec<u64>, u64) {
    let (events, last) = store.load(run.clone()).await.expect("a run that was appended to can be loaded");
    (events.iter().filter_map(sample::number).collect(), last)
}

/// What goes in comes out, for every kind of event.
pub async fn every_event_comes_back(store: &dyn Store) {
    let (run, events) = (id("r"), sample::every_event());
    let alone = events.iter().map(|event| Frame { effect: None, events: vec![event.clone()] }).collect::<Vec<_>>();
    let count = alone.len() as u64;
    let mut append = sample::first(&run, alone);
    append.blobs.push(("ab".into(), b"1".to_vec()));
    let last = store.append(run.clone(), 0, append).await.expect("the first append of a run succeeds");
    assert_eq!(last, count, "an append returns the number of its last record");
    let together = Frame { effect: Some("e".into()), events: events.clone() };
    let last = store.append(run.clone(), count, sample::next(vec![together])).await.expect("a second append succeeds");
    let (loaded, found) = store.load(run).await.expect("the run loads");
    assert_eq!((last, found), (count + 1, count + 1));
    assert_eq!(loaded[..events.len()], events[..], "events of one frame each");
    assert_eq!(loaded[events.len()..], events[..], "events of one frame together");
}

/// Frames of many appends come back in order, whatever their sizes.
pub async fn records_keep_their_order(store: &dyn Store) {
    let run = id("r");
    let mut last = begin(store, &run, vec![sample::frame(0)]).await;
    let mut wanted = vec![0];
    for size in [1, 3, 2, 40, 1] {
        let fresh: Vec<u64> = (0..size).map(|n| wanted.len() as u64 + n).collect();
        let frames = fresh.iter().map(|n| sample::frame(*n)).collect();
        last = store.append(run.clone(), last, sample::next(frames)).await.expect("an append in turn succeeds");
        wanted.extend(fresh);
        assert_eq!(numbers(store, &run).await, (wanted.clone(), last));
    }
}

/// A run that nobody started can neither be read nor continued.
pub async fn an_unknown_run_is_an_error(store: &dyn Store) {
    let run = id("nobody");
    let loaded = store.load(run.clone()).await;
    assert!(matches!(&loaded, Err(Error::UnknownRun(name)) if *name == run), "load: {loaded:?}");
    let appended = store.append(run.clone(), 3, sample::first(&run, vec![sample::frame(1)])).await;
    assert!(matches!(&appended, Err(Error::UnknownRun(name)) if *name == run), "append after 3: {appended:?}");
    assert_eq!(store.head(run).await.expect("a head can be asked for"), None);
    assert_eq!(store.heads(Filter::default()).await.expect("heads can be listed"), vec![], "nothing came to be");
}

/// Who does not know the last record may not append, in either direction.
pub async fn a_stale_append_conflicts(store: &dyn Store) {
    let run = id("r");
    begin(store, &run, vec![sample::frame(1), sample::frame(2)]).await;
    for expected in [0, 1, 3, u64::MAX] {
        let result = store.append(run.clone(), expected, sample::first(&run, vec![sample::frame(9)])).await;
        let is_conflict = matches!(&result, Err(Error::Conflict { run: name, expected: e, found: 2 })
            if *name == run && *e == expected);
        assert!(is_conflict, "append after {expected} of 2: {result:?}");
    }
    assert_eq!(numbers(store, &run).await, (vec![1, 2], 2), "a conflict changes nothing");
}

/// Of appends with the same `after`, one wins.
pub async fn one_of_two_racing_appends_wins(store: Arc<dyn Store>) {
    let run = id("r");
    begin(&*store, &run, vec![sample::frame(0)]).await;
    let mut racers = JoinSet::new();
    for number in 1..=8 {
        let (store, run) = (Arc::clone(&store), run.clone());
        racers.spawn(async move { (number, store.append(run, 1, sample::next(vec![sample::frame(number)])).await) });
    }
    let mut winners = vec![];
    while let Some(done) = racers.join_next().await {
        match done.expect("no store panics") {
            (number, Ok(seq)) => winners.push((number, seq)),
            (_, Err(Error::Conflict { expected: 1, found: 2, .. })) => {}
            (_, Err(other)) => panic!("a racer got {other:?}"),
        }
    }
    assert!(matches!(winners[..], [(_, 2)]), "one winner: {winners:?}");
    assert_eq!(numbers(&*store, &run).await, (vec![0, winners[0].0], 2));
}

/// The result of an effect is recorded once in a run, in one append or in several.
pub async fn an_effect_has_one_result(store: &dyn Store) {
    let (run, other) = (id("r"), id("s"));
    begin(store, &run, vec![sample::result("a/chat", json!(1))]).await;
    let again = store.append(run.clone(), 1, sample::next(vec![sample::result("a/chat", json!(2))])).await;
    let is_duplicate =
        matches!(&again, Err(Error::Duplicate { run: r, effect }) if *r == run && effect.as_str() == "a/chat");
    assert!(is_duplicate, "in a second append: {again:?}");
    let twice = vec![sample::result("b/chat", json!(1)), sample::result("b/chat", json!(1))];
    let twice = store.append(run.clone(), 1, sample::next(twice)).await;
    assert!(matches!(&twice, Err(Error::Duplicate { .. })), "twice in one append: {twice:?}");
    let fine = store.append(run.clone(), 1, sample::next(vec![sample::result("b/chat", json!(1))])).await;
    assert_eq!(fine.expect("a refused append leaves its effects free"), 2);
    begin(store, &other, vec![sample::result("a/chat", json!(3))]).await;
    let (events, last) = store.load(run).await.expect("the run loads");
    assert_eq!((events.len(), last), (2, 2));
}

/// An append that fails at its last frame leaves no record, no head, no task, no blob.
pub async fn a_failing_append_leaves_nothing(store: &dyn Store) {
    let run = id("r");
    begin(store, &run, vec![sample::result("a/chat", json!(1))]).await;
    let before = store.head(run.clone()).await.expect("the head is there");
    let mut head = sample::head(&run, 1);
    head.cost_usd = 9.0;
    let bad = Append {
        frames: vec![sample::frame(1), sample::result("a/chat", json!(2))],
        head: Some(head),
        tasks: vec![sample::task(&run, "ask", 1)],
        blobs: vec![("h".into(), vec![1])],
    };
    let result = store.append(run.clone(), 1, bad).await;
    assert!(matches!(&result, Err(Error::Duplicate { .. })), "{result:?}");
    let (events, last) = store.load(run.clone()).await.expect("the run loads");
    assert_eq!((events.len(), last), (1, 1), "records");
    assert_eq!(store.head(run).await.expect("the head is there"), before, "head");
    assert_eq!(store.tasks(false, None).await.expect("tasks can be listed"), vec![], "tasks");
    assert_eq!(store.blob("h".into()).await.expect("a blob can be asked for"), None, "blobs");
}

/// Appends that are committed together succeed and fail one by one.
pub async fn a_failing_append_fails_alone(store: Arc<dyn Store>) {
    let mut all = JoinSet::new();
    for number in 0..60_u64 {
        let store = Arc::clone(&store);
        all.spawn(async move {
            let run = id(&format!("r{number}"));
            let effects = if number % 3 == 0 { ["x", "x"] } else { ["x", "y"] };
            let mut append = sample::first(&run, effects.map(|e| sample::result(e, json!(number))).to_vec());
            append.tasks.push(sample::task(&run, "ask", 1));
            append.blobs.push((format!("h{number}"), vec![0; 100]));
            (number, store.append(run, 0, append).await)
        });
    }
    while let Some(done) = all.join_next().await {
        let (number, result) = done.expect("no store panics");
        let (run, hash) = (id(&format!("r{number}")), format!("h{number}"));
        let loaded = store.load(run.clone()).await;
        let tasks = store.tasks(true, Some(run.clone())).await.expect("tasks can be listed").len();
        let blob = store.blob(hash).await.expect("a blob can be asked for");
        if number % 3 == 0 {
            assert!(matches!(&result, Err(Error::Duplicate { .. })), "r{number}: {result:?}");
            assert!(matches!(&loaded, Err(Error::UnknownRun(_))), "r{number}: {loaded:?}");
            assert_eq!((tasks, blob), (0, None), "r{number}");
        } else {
            assert_eq!(result.expect("a good append succeeds beside bad ones"), 2, "r{number}");
            assert_eq!(loaded.expect("it loads").1, 2, "r{number}");
            assert_eq!((tasks, blob), (1, Some(vec![0; 100])), "r{number}");
        }
    }
}

/// A change of the head alone keeps the sequence number, and conflicts like any other.
pub async fn an_append_without_records_checks_too(store: &dyn Store) {
    let run = id("r");
    begin(store, &run, vec![sample::frame(1)]).await;
    let mut head = sample::head(&run, 1);
    head.input_tokens = 99;
    let only_head = || Append { head: Some(head.clone()), ..Append::default() };
    assert_eq!(store.append(run.clone(), 1, only_head()).await.expect("a head alone is an append"), 1);
    assert_eq!(store.head(run.clone()).await.expect("the head is there"), Some(head.clone()));
    let stale = store.append(run.clone(), 0, only_head()).await;
    assert!(matches!(&stale, Err(Error::Conflict { .. })), "{stale:?}");
}

/// What makes no sense, or could not be read again, is refused and leaves nothing.
pub async fn a_bad_append_is_refused(store: &dyn Store) {
    let (run, other) = (id("r"), id("s"));
    begin(store, &other, vec![sample::frame(1)]).await;
    let mut foreign_task = sample::first(&run, vec![sample::frame(1)]);
    foreign_task.tasks.push(sample::task(&other, "ask", 1));
    let mut no_money = sample::first(&run, vec![sample::frame(1)]);
    no_money.head.as_mut().expect("a first append has a head").cost_usd = f64::NAN;
    let mut too_many = sample::first(&run, vec![sample::frame(1)]);
    too_many.head.as_mut().expect("a first append has a head").output_tokens = u64::MAX;
    let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let mut meta_cost = sample::result("x", Value::Null);
    if let Some(Event::EffectReturned { meta, .. }) = meta_cost.events.first_mut() {
        meta.cost_usd = f64::INFINITY;
    }
    let bad = [
        ("no head", sample::next(vec![sample::frame(1)])),
        ("no record", sample::first(&run, vec![])),
        ("the head of another run", sample::first(&other, vec![sample::frame(1)])),
        ("the task of another run", foreign_task),
        ("a cost that is no number", no_money),
        ("more tokens than are kept", too_many),
        ("deep nesting", sample::first(&run, vec![sample::result("x", deep)])),
        ("a cost in an event that is no number", sample::first(&run, vec![meta_cost])),
    ];
    for (what, append) in bad {
        let result = store.append(run.clone(), 0, append).await;
        assert!(matches!(&result, Err(Error::Invalid { .. })), "{what}: {result:?}");
        let loaded = store.load(run.clone()).await;
        assert!(matches!(&loaded, Err(Error::UnknownRun(_))), "{what}: {loaded:?}");
    }
    let nameless = store.append(id(""), 0, sample::first(&id(""), vec![sample::frame(1)])).await;
    assert!(matches!(&nameless, Err(Error::Invalid { .. })), "no name: {nameless:?}");
}

/// 200 runs of 20 appends each, all at once: each log is whole and in order.
pub async fn many_runs_at_once(store: Arc<dyn Store>) {
    let mut all = JoinSet::new();
    for number in 0..200_u64 {
        let store = Arc::clone(&store);
        all.spawn(async move {
            let run = id(&format!("r{number}"));
            let mut last = begin(&*store, &run, vec![sample::frame(number * 1000)]).await;
            for step in 1..20 {
                let frame = sample::frame(number * 1000 + step);
                last = store.append(run.clone(), last, sample::next(vec![frame])).await.expect("nobody is in the way");
                assert_eq!(last, step + 1);
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no append fails");
    }
    for number in 0..200_u64 {
        let wanted: Vec<u64> = (0..20).map(|step| number * 1000 + step).collect();
        assert_eq!(numbers(&*store, &id(&format!("r{number}"))).await, (wanted, 20));
    }
}

/// Values of some megabytes, in records and in blobs.
pub async fn large_values(store: &dyn Store) {
    let run = id("r");
    let text = "0123456789abcdef".repeat(3 << 16);
    let blob: Vec<u8> = (0..9_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut append = sample::first(&run, vec![sample::result("x", json!(text))]);
    append.blobs.push(("big".into(), blob.clone()));
    append.blobs.push(("empty".into(), vec![]));
    store.append(run.clone(), 0, append).await.expect("large values are kept");
    let (events, _) = store.load(run).await.expect("the run loads");
    let is_same = matches!(&events[..], [Event::EffectReturned { result: Ok(Stored::Here(value)), .. }]
        if value.as_str() == Some(&text));
    assert!(is_same, "the text comes back");
    assert!(store.blob("big".into()).await.expect("a blob can be read") == Some(blob), "the blob comes back");
    assert_eq!(store.blob("empty".into()).await.expect("a blob can be read"), Some(vec![]));
}

/// Names and texts are any Unicode.
pub async fn all_of_unicode(store: &dyn Store) {
    let text = "узел 🪢 e\u{301} é \u{0} \u{7f} \u{feff} \u{202e} \u{10ffff} ' \" \\ % _ ; -- \r\n\t";
    let run = id(text);
    let mut append = sample::first(&run, vec![sample::result(text, json!({ text: text }))]);
    let head = append.head.as_mut().expect("a first append has a head");
    head.app = text.into();
    head.batch = Some((text.into(), 3));
    head.outcome = json!(text);
    let head = head.clone();
    append.tasks.push(sample::task(&run, text, 1));
    append.blobs.push((text.into(), text.as_bytes().to_vec()));
    let (frames, tasks) = (append.frames.clone(), append.tasks.clone());
    store.append(run.clone(), 0, append).await.expect("any text is kept");
    assert_eq!(store.load(run.clone()).await.expect("the run loads").0, frames[0].events);
    assert_eq!(store.head(run.clone()).await.expect("the head is there"), Some(head.clone()));
    let filter = Filter { app: Some(text.into()), batch: Some(text.into()), ..Filter::default() };
    assert_eq!(store.heads(filter).await.expect("heads can be listed"), vec![head]);
    assert_eq!(store.tasks(true, Some(run.clone())).await.expect("tasks can be listed"), tasks);
    assert_eq!(store.blob(text.into()).await.expect("a blob can be read"), Some(text.as_bytes().to_vec()));
    let composed = store.load(id(&text.replace("e\u{301}", "é"))).await;
    assert!(matches!(composed, Err(Error::UnknownRun(_))), "names are compared by code point");
}

/// What a record refers to is with it or in the store; otherwise nothing of the append is there.
pub async fn a_large_value_that_is_nowhere_is_refused(store: &dyn Store) {
    let (run, other) = (id("r"), id("s"));
    let refers = |hash: &str| {
        let stored = Stored::Blob(hash.to_owned());
        let meta = EffectMeta::default();
        let event = Event::EffectReturned { effect: "e".into(), class: EffectClass::Read, result: Ok(stored), meta };
        Frame { effect: Some("e".into()), events: vec![event] }
    };
    let result = store.append(run.clone(), 0, sample::first(&run, vec![refers("ab")])).await;
    assert!(matches!(&result, Err(Error::Invalid { cause, .. }) if cause.contains("`ab`")), "{result:?}");
    assert!(store.head(run.clone()).await.expect("a head can be asked for").is_none(), "nothing of it is there");
    let mut append = sample::first(&run, vec![refers("ab")]);
    append.blobs.push(("ab".into(), b"1".to_vec()));
    store.append(run, 0, append).await.expect("a value may come with what refers to it");
    store.append(other.clone(), 0, sample::first(&other, vec![refers("ab")])).await.expect("or be there already");
}
