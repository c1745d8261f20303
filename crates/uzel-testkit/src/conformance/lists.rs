//! Checks of what is found without reading a log: heads, due runs, tasks, releases, blobs.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use tokio::task::JoinSet;
use uzel_core::{
    event::{RunId, Time},
    store::{Append, Error, Filter, Head, Release, Status, Store, Task},
};

use super::sample;

async fn put(store: &dyn Store, head: Head) {
    let append = Append { frames: vec![sample::frame(1)], head: Some(head.clone()), ..Append::default() };
    store.append(head.run, 0, append).await.expect("the first append of a run succeeds");
}

fn names(heads: &[Head]) -> Vec<&str> {
    heads.iter().map(|head| head.run.as_str()).collect()
}

/// Every filter alone and together; newest first; runs of the same time in the order opposite to their coming.
pub async fn heads_by_filter(store: &dyn Store) {
    let rows = [
        ("a", 10, Status::Running, "triage", None),
        ("b", 30, Status::Waiting, "triage", Some(("night", 0))),
        ("c", 20, Status::Succeeded, "notes", Some(("night", 1))),
        ("d", 30, Status::Failed, "notes", Some(("day", u64::from(u32::MAX)))),
        ("e", 5, Status::Stopped, "triage", None),
        ("f", -7, Status::Cancelled, "triage", None),
    ];
    for (run, created, status, app, batch) in rows {
        let mut head = sample::head(&RunId::from(run), created);
        (head.status, head.app) = (status, app.to_owned());
        head.batch = batch.map(|(name, line)| (name.to_owned(), line));
        head.outcome = json!({ "of": run });
        put(store, head.clone()).await;
        assert_eq!(store.head(head.run.clone()).await.expect("a head can be read"), Some(head), "round trip");
    }
    let all = Filter::default;
    let cases: [(&str, Filter, &[&str]); 12] = [
        ("no condition", all(), &["d", "b", "c", "a", "e", "f"]),
        ("limit", Filter { limit: 2, ..all() }, &["d", "b"]),
        ("one status", Filter { statuses: vec![Status::Waiting], ..all() }, &["b"]),
        ("two statuses", Filter { statuses: vec![Status::Failed, Status::Running], ..all() }, &["d", "a"]),
        ("all statuses", Filter { statuses: Status::ALL.to_vec(), ..all() }, &["d", "b", "c", "a", "e", "f"]),
        ("app", Filter { app: Some("notes".into()), ..all() }, &["d", "c"]),
        ("batch", Filter { batch: Some("night".into()), ..all() }, &["b", "c"]),
        ("since, inclusive", Filter { since: Some(Time(20)), ..all() }, &["d", "b", "c"]),
        ("after a run", Filter { after: Some("b".into()), limit: 2, ..all() }, &["c", "a"]),
        ("after the last run", Filter { after: Some("f".into()), ..all() }, &[]),
        ("after a run that is not there", Filter { after: Some("x".into()), ..all() }, &[]),
        (
            "all together",
            Filter {
                statuses: vec![Status::Waiting, Status::Succeeded],
                app: Some("triage".into()),
                batch: Some("night".into()),
                since: Some(Time(30)),
                after: Some("d".into()),
                limit: 5,
            },
            &["b"],
        ),
    ];
    for (what, filter, wanted) in cases {
        let heads = store.heads(filter).await.expect("heads can be listed");
        assert_eq!(names(&heads), wanted, "{what}");
    }
    let nobody = Filter { app: Some("trias".into()), ..all() };
    assert_eq!(store.heads(nobody).await.expect("heads can be listed"), vec![], "no prefix match");
}

/// A later head replaces the earlier one, in lists too.
pub async fn a_head_is_replaced(store: &dyn Store) {
    let mut head = sample::head(&"r".into(), 1);
    put(store, head.clone()).await;
    head.status = Status::Succeeded;
    head.updated = Time(2);
    head.batch = Some(("b".into(), 0));
    head.cost_usd = 1.0 / 3.0;
    head.output_tokens = i64::MAX as u64;
    head.outcome = json!({"z": 1, "a": 2});
    let append = Append { frames: vec![sample::frame(2)], head: Some(head.clone()), ..Append::default() };
    store.append("r".into(), 1, append).await.expect("an append in turn succeeds");
    assert_eq!(store.heads(Filter::default()).await.expect("heads can be listed"), vec![head]);
    let running = Filter { statuses: vec![Status::Running], ..Filter::default() };
    assert_eq!(store.heads(running).await.expect("heads can be listed"), vec![]);
}

/// Waiting runs with a time that has come, earliest first, and no others.
pub async fn due_in_order(store: &dyn Store) {
    let rows = [
        ("late", Status::Waiting, Some(50)),
        ("second", Status::Waiting, Some(20)),
        ("first", Status::Waiting, Some(-3)),
        ("third", Status::Waiting, Some(20)),
        ("no time", Status::Waiting, None),
        ("runs", Status::Running, Some(1)),
        ("done", Status::Succeeded, Some(1)),
    ];
    for (run, status, wake) in rows {
        let mut head = sample::head(&run.into(), 1);
        (head.status, head.wake) = (status, wake.map(Time));
        put(store, head).await;
    }
    let cases: [(i64, usize, &[&str]); 6] = [
        (49, 10, &["first", "second", "third"]),
        (50, 10, &["first", "second", "third", "late"]),
        (20, 2, &["first", "second"]),
        (19, 10, &["first"]),
        (-4, 10, &[]),
        (i64::MAX, usize::MAX, &["first", "second", "third", "late"]),
    ];
    for (now, limit, wanted) in cases {
        let due = store.due(Time(now), limit).await.expect("due runs can be listed");
        assert_eq!(due.iter().map(RunId::as_str).collect::<Vec<_>>(), wanted, "at {now}, {limit} at most");
    }
    let mut woken = sample::head(&"first".into(), 1);
    woken.status = Status::Running;
    let append = Append { head: Some(woken), ..Append::default() };
    store.append("first".into(), 1, append).await.expect("a head alone is an append");
    let due = store.due(Time(19), 10).await.expect("due runs can be listed");
    assert_eq!(due, vec![], "a run that was taken up is due no more");
}

/// Tasks are listed while open, kept when closed, and found by run; oldest first.
pub async fn tasks_open_and_closed(store: &dyn Store) {
    let (r, s) = (RunId::from("r"), RunId::from("s"));
    for (run, tasks) in [(&r, [("late", 9), ("early", 2)]), (&s, [("x", 5), ("y", 5)])] {
        let mut append = sample::first(run, vec![sample::frame(1)]);
        append.tasks = tasks.map(|(instance, created)| sample::task(run, instance, created)).to_vec();
        store.append(run.clone(), 0, append).await.expect("tasks are kept");
    }
    let listed = async |open: bool, run: Option<&RunId>| {
        let tasks = store.tasks(open, run.cloned()).await.expect("tasks can be listed");
        tasks.into_iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(true, None).await, ["r/early", "s/x", "s/y", "r/late"]);
    assert_eq!(listed(true, Some(&r)).await, ["r/early", "r/late"]);
    assert_eq!(listed(true, Some(&"q".into())).await, [""; 0]);
    let closed = Task { closed: Some("ann: approve".into()), ..sample::task(&s, "x", 5) };
    let append = Append { frames: vec![sample::frame(2)], tasks: vec![closed.clone()], ..Append::default() };
    store.append(s.clone(), 1, append).await.expect("a task can be closed");
    assert_eq!(listed(true, None).await, ["r/early", "s/y", "r/late"], "open ones");
    assert_eq!(listed(false, None).await, ["r/early", "s/x", "s/y", "r/late"], "all, in the same order");
    let all = store.tasks(false, Some(s.clone())).await.expect("tasks can be listed");
    assert_eq!(all, [closed, sample::task(&s, "y", 5)], "as they are now");
    let stolen = Task { id: "r/early".into(), ..sample::task(&s, "early", 1) };
    let result = store.append(s, 2, Append { tasks: vec![stolen], ..Append::default() }).await;
    assert!(matches!(&result, Err(Error::Invalid { .. })), "a task keeps its run: {result:?}");
}

/// The first value under a hash stays.
pub async fn blobs_are_kept_once(store: &dyn Store) {
    let run = RunId::from("r");
    let mut append = sample::first(&run, vec![sample::frame(1)]);
    append.blobs = vec![("h".into(), vec![1, 2]), ("h".into(), vec![1, 2]), ("g".into(), vec![0, 255])];
    store.append(run.clone(), 0, append).await.expect("blobs are kept");
    let again = Append { blobs: vec![("h".into(), vec![1, 2])], ..Append::default() };
    store.append(run, 1, again).await.expect("a blob that is there may come again");
    assert_eq!(store.blob("h".into()).await.expect("a blob can be read"), Some(vec![1, 2]));
    assert_eq!(store.blob("g".into()).await.expect("a blob can be read"), Some(vec![0, 255]));
    assert_eq!(store.blob("H".into()).await.expect("a blob can be asked for"), None);
}

/// A release comes back byte for byte; a second one with its id changes nothing.
pub async fn releases_are_kept_once(store: &dyn Store) {
    let release = Release {
        id: "0f".into(),
        app: "triage".into(),
        path: "apps/triage/app.yaml".into(),
        files: BTreeMap::from([
            ("app.yaml".to_owned(), b"name: triage".to_vec()),
            ("app.eu.yaml".to_owned(), b"{}".to_vec()),
            ("app.prod.yaml".to_owned(), b"limits: { tokens: 9 }".to_vec()),
            ("prompts/\u{44f}.md".to_owned(), vec![0, 159, 146, 150]),
            ("empty".to_owned(), vec![]),
        ]),
        main: "app.yaml".into(),
        models: BTreeMap::from([("fast".to_owned(), "openai/gpt".to_owned())]),
        overlays: vec!["app.prod.yaml".to_owned(), "app.eu.yaml".to_owned()],
        created: Time(4),
    };
    assert_eq!(store.release("0f".into()).await.expect("a release can be asked for"), None);
    store.put_release(release.clone()).await.expect("a release is kept");
    let later = Release { created: Time(9), ..release.clone() };
    store.put_release(later).await.expect("a release may come again");
    assert_eq!(store.release("0f".into()).await.expect("a release can be read"), Some(release.clone()));
    let headless = Release { id: "1f".into(), main: "other.yaml".into(), ..release.clone() };
    let result = store.put_release(headless).await;
    assert!(matches!(&result, Err(Error::Invalid { .. })), "a main file that is not there: {result:?}");
    let bare = Release { id: "2f".into(), overlays: vec!["app.us.yaml".to_owned()], ..release };
    let result = store.put_release(bare).await;
    assert!(matches!(&result, Err(Error::Invalid { .. })), "an overlay that is not there: {result:?}");
}

/// Among 10,000 waiting runs the due ones are found quickly.
pub async fn many_waiting_runs(store: Arc<dyn Store>) {
    let mut all = JoinSet::new();
    for part in 0..50_i64 {
        let store = Arc::clone(&store);
        all.spawn(async move {
            for number in part * 200..(part + 1) * 200 {
                let mut head = sample::head(&format!("r{number}").into(), number);
                (head.status, head.wake) = (Status::Waiting, Some(Time(1_000_000 - number)));
                put(&*store, head).await;
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no append fails");
    }
    let due = store.due(Time(990_010), 5).await.expect("due runs can be listed");
    let due: Vec<_> = due.iter().map(RunId::as_str).collect();
    assert_eq!(due, ["r9999", "r9998", "r9997", "r9996", "r9995"]);
}
