//! What operators do with a store: numbers, checks, copies, taking out what is old.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use uzel_core::{
    capability::tool::EffectClass,
    event::{EffectMeta, Event, RunId, Stored, Time},
    hash,
    store::{Append, Error, Filter, Frame, Head, Release, Status, Store},
};
use uzel_runtime::store::sqlite::{
    Sqlite,
    backup::{self, Refused},
    check::{self, Checked},
    prune::Retention,
    stats,
};
use uzel_testkit::conformance::sample;

/// A release whose runs these tests make.
pub(super) fn release(id: &str) -> Release {
    Release {
        id: id.into(),
        app: "triage".into(),
        path: "app.yaml".into(),
        files: [("app.yaml".to_owned(), b"name: triage".to_vec())].into(),
        main: "app.yaml".into(),
        models: [].into(),
        overlays: vec![],
        created: Time(1),
    }
}

/// A large value and its hash.
fn large(letter: &str) -> (String, Vec<u8>) {
    let bytes = serde_json::to_vec(&Value::from(letter.repeat(70_000))).unwrap();
    (hash::of_parts([bytes.as_slice()]), bytes)
}

fn refers(hash: &str) -> Frame {
    let (effect, meta) = (format!("big-{hash}").as_str().into(), EffectMeta::default());
    let result = Ok(Stored::Blob(hash.to_owned()));
    let event = Event::EffectReturned { effect, class: EffectClass::Read, result, meta };
    Frame { effect: Some(format!("big-{hash}").as_str().into()), events: vec![event] }
}

fn ended(run: &str, status: Status, at: i64) -> Head {
    let mut head = sample::head(&run.into(), at);
    (head.status, head.updated, head.outcome) = (status, Time(at + 5), json!({ "output": run }));
    head
}

/// Puts a run with some records and large values.
async fn put(store: &dyn Store, head: Head, records: u64, values: &[&str]) {
    let mut append = Append { head: Some(head.clone()), ..Append::default() };
    append.frames = (1..=records).map(sample::frame).collect();
    for letter in values {
        let (hash, bytes) = large(letter);
        append.frames.push(refers(&hash));
        append.blobs.push((hash, bytes));
    }
    append.tasks.push(sample::task(&head.run, "ask", head.created.0));
    store.append(head.run.clone(), 0, append).await.unwrap();
}

/// A store of six runs of two apps.
async fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    store.put_release(release("0f")).await.unwrap();
    put(&store, ended("old-1", Status::Succeeded, 10), 3, &["a", "b"]).await;
    put(&store, ended("old-2", Status::Failed, 20), 3, &["a"]).await;
    put(&store, ended("old-3", Status::Running, 30), 3, &[]).await;
    put(&store, ended("new-1", Status::Succeeded, 1_000), 3, &["a", "c"]).await;
    put(&store, ended("new-2", Status::Waiting, 1_010), 3, &[]).await;
    put(&store, Head { app: "notes".into(), ..ended("note", Status::Cancelled, 15) }, 2, &["d"]).await;
    dir
}

fn checked(dir: &Path) -> Checked {
    check::check(dir, &mut |_| vec![]).unwrap()
}

fn assert_whole(dir: &Path) -> Checked {
    let checked = checked(dir);
    assert_eq!(checked.problems, []);
    checked
}

async fn names(store: &Sqlite) -> Vec<String> {
    let mut names: Vec<String> =
        store.heads(Filter::default()).await.unwrap().into_iter().map(|head| head.run.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn numbers() {
    let dir = filled().await;
    let stats = stats::stats(dir.path()).unwrap();
    let groups: Vec<_> =
        stats.groups.iter().map(|g| (g.app.as_str(), g.status, g.runs, g.records, g.oldest.0)).collect();
    assert_eq!(
        groups,
        [
            ("notes", Status::Cancelled, 1, 3, 15),
            ("triage", Status::Failed, 1, 4, 20),
            ("triage", Status::Running, 1, 3, 30),
            ("triage", Status::Succeeded, 2, 10, 10),
            ("triage", Status::Waiting, 1, 3, 1_010),
        ]
    );
    assert_eq!((stats.blobs.count, stats.open_questions, stats.half_pruned), (4, 6, 0), "each value once");
    assert!(stats.blobs.bytes > 4 * 70_000 && stats.file_bytes > stats.blobs.bytes);
    assert_eq!((stats.releases.count, stats.releases.bytes), (1, 12));
    assert_eq!(stats.last_prune, None);
    let checked = assert_whole(dir.path());
    assert_eq!((checked.runs, checked.records, checked.tasks, checked.blobs, checked.idle_blobs), (6, 23, 6, 4, 0));
}

#[tokio::test]
async fn a_check_names_everything_that_is_wrong() {
    let dir = filled().await;
    let run = "(SELECT id FROM runs WHERE run = 'old-1')";
    let (hash, _) = large("c");
    let conn = Connection::open(dir.path().join("runs.db")).unwrap();
    conn.execute_batch(&format!(
        "DELETE FROM records WHERE run = {run} AND seq IN (2, 5);
         UPDATE records SET body = x'015b5d' WHERE run = {run} AND seq = 3;
         UPDATE runs SET cost_usd = 0 WHERE run = 'old-2';
         UPDATE runs SET last = 9 WHERE run = 'old-3';
         UPDATE tasks SET closed = 'ann' WHERE id = 'new-1/ask';
         DELETE FROM refs WHERE run = (SELECT id FROM runs WHERE run = 'new-1') AND hash = '{hash}';
         DELETE FROM blobs WHERE hash = '{}';
         UPDATE releases SET app = 'other';
         INSERT INTO records VALUES (77, 1, NULL, 0, x'00');",
        large("d").0
    ))
    .unwrap();
    drop(conn);
    let told: Vec<String> =
        checked(dir.path()).problems.iter().map(|problem| format!("{}: {}", problem.what, problem.cause)).collect();
    let value = large("d").0;
    let wanted = [
        "release `0f`: its checksum is wrong".to_owned(),
        "run `note`: its release 0f is not there, or damaged".to_owned(),
        "record 2 of run `old-1`: it is missing".to_owned(),
        "record 3 of run `old-1`: its checksum is wrong".to_owned(),
        "run `old-1`: its row says that it has 5 records; the last that is there is 4".to_owned(),
        "the row of run `old-2`: its checksum is wrong".to_owned(),
        "run `old-3`: its row says that it has 9 records; the last that is there is 3".to_owned(),
        "task `new-1/ask`: its checksum is wrong".to_owned(),
        format!("run `new-1`: it is not noted that it refers to the large value `{hash}`"),
        format!("run `note`: it refers to the large value `{value}`, which is not there"),
        "table `records`: 1 rows are of run number 77, which is not there".to_owned(),
    ];
    for words in &wanted {
        assert!(told.iter().any(|line| line.starts_with(words.as_str())), "{words}: {told:#?}");
    }
}

#[tokio::test]
async fn a_judge_sees_whole_runs_with_their_large_values() {
    let dir = filled().await;
    let mut seen = vec![];
    let checked = check::check(dir.path(), &mut |subject| {
        assert!(subject.events.iter().filter_map(Event::stored).all(|stored| matches!(stored, Stored::Here(_))));
        seen.push((subject.head.run.to_string(), subject.events.len(), subject.open.len()));
        if subject.head.run.as_str() == "note" { vec!["it is odd".to_owned()] } else { vec![] }
    })
    .unwrap();
    assert_eq!(seen.len(), 6);
    assert!(seen.contains(&("old-1".to_owned(), 5, 1)), "{seen:?}");
    assert_eq!((checked.problems.len(), checked.problems[0].what.as_str()), (1, "run `note`"));
}

#[tokio::test]
async fn a_copy_is_of_one_moment_beside_the_owner_and_comes_back() {
    let (dir, other) = (filled().await, tempfile::tempdir().unwrap());
    let store = Arc::new(Sqlite::open(dir.path()).unwrap());
    // While the owner writes.
    let mut writing = JoinSet::new();
    let owner = Arc::clone(&store);
    writing.spawn(async move {
        for number in 0..200 {
            put(&*owner, ended(&format!("w{number}"), Status::Succeeded, 2_000 + number), 2, &[]).await;
        }
    });
    let (from, to) = (dir.path().to_owned(), other.path().join("copy.db"));
    let file = to.clone();
    let mut copying = JoinSet::new();
    copying.spawn_blocking(move || backup::backup(&from, &file, false));
    let copied = copying.join_next().await.unwrap().unwrap().unwrap();
    writing.join_all().await;
    let count = copied.checked.runs;
    assert!((6..=206).contains(&count), "{count}");
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1, "no part is left");

    let there = backup::backup(dir.path(), &to, false).unwrap_err();
    assert!(matches!(there, Refused::Occupied { replaceable: true, .. }), "{there}");
    std::fs::write(other.path().join("letter.txt"), "dear ann").unwrap();
    let letter = backup::backup(dir.path(), &other.path().join("letter.txt"), true).unwrap_err();
    assert!(matches!(letter, Refused::Occupied { replaceable: false, .. }), "{letter}");
    let itself = backup::backup(dir.path(), &dir.path().join("runs.db"), true).unwrap_err();
    assert!(matches!(itself, Refused::Occupied { replaceable: false, .. }), "{itself}");

    let fresh = other.path().join("fresh");
    let restored = backup::restore(&fresh, &to, false).unwrap();
    assert_eq!((restored.checked.runs, restored.aside), (count, None));
    let twin = Sqlite::open(&fresh).unwrap();
    assert_eq!(twin.load("old-1".into()).await.unwrap(), store.load("old-1".into()).await.unwrap());
    drop(twin);
    let in_use = backup::restore(dir.path(), &to, true).unwrap_err();
    assert!(matches!(in_use, Refused::Store(Error::InUse { .. })), "{in_use}");
    drop(store);
    let refused = backup::restore(dir.path(), &to, false).unwrap_err();
    assert!(matches!(refused, Refused::Occupied { .. }), "{refused}");
    let reader = Sqlite::open_read_only(dir.path()).unwrap();
    reader.load("old-1".into()).await.unwrap();
    let read = backup::restore(dir.path(), &to, true).unwrap_err().to_string();
    assert!(read.contains("is being read by another process"), "{read}");
    drop(reader);
    let replaced = backup::restore(dir.path(), &to, true).unwrap();
    assert_eq!(assert_whole(dir.path()).runs, count);
    let aside = other.path().join("aside");
    std::fs::create_dir(&aside).unwrap();
    std::fs::rename(replaced.aside.unwrap(), aside.join("runs.db")).unwrap();
    assert_eq!(assert_whole(&aside).runs, 206, "what was there before is whole");
}

/// What cannot be read any more is replaced, and kept with its log for whoever wants to look.
#[tokio::test]
async fn a_store_that_cannot_be_opened_is_replaced() {
    let (dir, other) = (filled().await, tempfile::tempdir().unwrap());
    let copy = other.path().join("copy.db");
    backup::backup(dir.path(), &copy, false).unwrap();
    std::fs::write(dir.path().join("runs.db"), "nothing of the sort".repeat(1_000)).unwrap();
    std::fs::write(dir.path().join("runs.db-wal"), "a log").unwrap();
    std::fs::write(dir.path().join("runs.db-shm"), "an index").unwrap();
    let refused = backup::restore(dir.path(), &copy, false).unwrap_err().to_string();
    assert!(refused.ends_with("is there already, and cannot be read"), "{refused}");
    let restored = backup::restore(dir.path(), &copy, true).unwrap();
    let aside = restored.aside.unwrap();
    assert!(std::fs::read_to_string(&aside).unwrap().starts_with("nothing of the sort"));
    assert_eq!(std::fs::read_to_string(dir.path().join("runs.db.replaced-1-wal")).unwrap(), "a log");
    assert_eq!(assert_whole(dir.path()).runs, 6);
}

#[tokio::test]
async fn a_damaged_copy_is_not_brought_back() {
    let (dir, other) = (filled().await, tempfile::tempdir().unwrap());
    let copy = other.path().join("copy.db");
    backup::backup(dir.path(), &copy, false).unwrap();
    Connection::open(&copy).unwrap().execute_batch("UPDATE records SET seq = 9 WHERE seq = 2").unwrap();
    for replace in [false, true] {
        let refused = backup::restore(dir.path(), &copy, replace).unwrap_err();
        assert!(matches!(&refused, Refused::Damaged { problems, .. } if problems.len() > 5), "{refused}");
    }
    for text in ["", "no store at all"] {
        std::fs::write(&copy, text).unwrap();
        let refused = backup::restore(dir.path(), &copy, true).unwrap_err();
        assert!(matches!(&refused, Refused::Damaged { .. } | Refused::Store(_)), "{refused}");
    }
    assert_eq!(assert_whole(dir.path()).runs, 6);
    assert!(!dir.path().read_dir().unwrap().any(|e| e.unwrap().file_name().to_string_lossy().contains("part")));
}

#[tokio::test]
async fn old_runs_go_with_what_only_they_refer_to() {
    let dir = filled().await;
    let store = Sqlite::open(dir.path()).unwrap();
    let cases: [(&str, Retention, &[&str], u64); 6] = [
        ("all that ended", Retention::default(), &["new-1", "note", "old-1", "old-2"], 4),
        ("old ones", Retention { before: Some(Time(100)), ..Retention::default() }, &["note", "old-1", "old-2"], 2),
        ("all but the newest of each app", Retention { keep: 1, ..Retention::default() }, &["old-1", "old-2"], 1),
        ("by status", Retention { statuses: vec![Status::Failed], ..Retention::default() }, &["old-2"], 0),
        ("never one that goes on", Retention { statuses: vec![Status::Running], ..Retention::default() }, &[], 0),
        ("by app", Retention { app: Some("notes".into()), ..Retention::default() }, &["note"], 1),
    ];
    for (what, retention, runs, blobs) in cases {
        let plan = store.plan_prune(retention).await.unwrap();
        assert_eq!((plan.runs(), plan.blobs), (runs.len() as u64, blobs), "{what}");
        assert_eq!(plan.going.iter().map(|going| going.runs).sum::<u64>(), plan.runs(), "{what}");
    }
    assert_eq!(names(&store).await.len(), 6, "a plan changes nothing");

    let plan = store.plan_prune(Retention { before: Some(Time(100)), ..Retention::default() }).await.unwrap();
    assert!(plan.bytes() > 140_000, "{plan:?}");
    let pruned = store.prune(&plan, "ann", Time(5_000)).await.unwrap();
    assert_eq!((pruned.runs, pruned.releases), (3, 0));
    assert_eq!(names(&store).await, ["new-1", "new-2", "old-3"]);
    assert!(matches!(store.load("old-1".into()).await, Err(Error::UnknownRun(_))));
    assert_eq!(store.tasks(false, None).await.unwrap().len(), 3);
    for (letter, is_there) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        assert_eq!(store.blob(large(letter).0).await.unwrap().is_some(), is_there, "{letter}");
    }
    // A name that is free again is a new run's.
    put(&store, ended("old-1", Status::Succeeded, 6_000), 1, &["b"]).await;
    drop(store);
    let checked = assert_whole(dir.path());
    assert_eq!((checked.runs, checked.blobs, checked.half_pruned), (4, 3, 0));
    let stats = stats::stats(dir.path()).unwrap();
    let (at, said) = stats.last_prune.unwrap();
    assert_eq!(
        (at, serde_json::from_str::<Value>(&said).unwrap()),
        (Time(5_000), json!({ "did": "prune", "by": "ann", "runs": 3 }))
    );
    let (before, after) = backup::vacuum(dir.path()).unwrap();
    assert!(after + 60_000 < before, "{before} {after}");
    assert_whole(dir.path());
}

/// A process may die between the steps; what is half gone is in no list, and the next prune goes on.
#[tokio::test]
async fn what_was_half_taken_out_is_taken_out_later() {
    let dir = filled().await;
    Connection::open(dir.path().join("runs.db"))
        .unwrap()
        .execute_batch(
            "INSERT INTO pruning SELECT id, run FROM runs WHERE run = 'note';
             DELETE FROM tasks WHERE id = 'note/ask'; DELETE FROM runs WHERE run = 'note';
             DELETE FROM records WHERE rowid = (SELECT max(rowid) FROM records);",
        )
        .unwrap();
    assert_eq!(assert_whole(dir.path()).half_pruned, 1);
    let store = Sqlite::open(dir.path()).unwrap();
    // The key of the run that is going is not given away: its records are still there.
    put(&store, ended("note", Status::Succeeded, 50), 3, &["d"]).await;
    assert_eq!(store.load("note".into()).await.unwrap().1, 4);
    let none = Retention { before: Some(Time(0)), ..Retention::default() };
    let plan = store.plan_prune(none).await.unwrap();
    assert_eq!(store.prune(&plan, "ann", Time(1)).await.unwrap().runs, 0);
    assert_eq!(store.load("note".into()).await.unwrap().1, 4);
    assert!(store.blob(large("d").0).await.unwrap().is_some(), "the new run refers to it");
    drop(store);
    let checked = assert_whole(dir.path());
    assert_eq!((checked.half_pruned, checked.runs), (0, 6));
}

#[tokio::test]
async fn releases_without_runs_go_unless_they_have_just_come() {
    let dir = filled().await;
    let store = Sqlite::open(dir.path()).unwrap();
    store.put_release(release("1f")).await.unwrap();
    let plan = store.plan_prune(Retention::default()).await.unwrap();
    assert_eq!(store.prune(&plan, "ann", Time(1)).await.unwrap().releases, 0, "a run of it may be about to start");
    drop(store);
    let store = Sqlite::open(dir.path()).unwrap();
    assert_eq!(store.prune(&plan, "ann", Time(1)).await.unwrap().releases, 1);
    assert!(store.release("1f".into()).await.unwrap().is_none());
    assert!(store.release("0f".into()).await.unwrap().is_some(), "two runs have not ended");
}

/// A run starts with a large value while the last run that had it goes: whichever comes first, the new run has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_value_that_a_new_run_needs_is_never_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(dir.path()).unwrap());
    store.put_release(release("0f")).await.unwrap();
    for round in 0..40_i64 {
        put(&*store, ended(&format!("old-{round}"), Status::Succeeded, 10), 1, &["x"]).await;
        let plan = store.plan_prune(Retention { before: Some(Time(100)), ..Retention::default() }).await.unwrap();
        let mut all = JoinSet::new();
        for number in 0..3 {
            let (store, run) = (Arc::clone(&store), RunId::from(format!("new-{round}-{number}")));
            all.spawn(async move {
                let (hash, bytes) = large("x");
                let mut append = sample::first(&run, vec![refers(&hash)]);
                // Two bring the value; one only refers to it, as a copy of records does.
                append.blobs.extend((number > 0).then_some((hash.clone(), bytes)));
                match store.append(run.clone(), 0, append).await {
                    Ok(_) => assert!(store.blob(hash).await.unwrap().is_some(), "{run} was acknowledged"),
                    Err(Error::Invalid { .. }) if number == 0 => {}
                    Err(error) => panic!("{run}: {error}"),
                }
            });
        }
        let pruning = Arc::clone(&store);
        all.spawn(async move {
            pruning.prune(&plan, "ann", Time(1)).await.unwrap();
        });
        all.join_all().await;
        // Take the new ones out too, so that the next round begins without the value.
        for number in 0..3 {
            let head = ended(&format!("new-{round}-{number}"), Status::Succeeded, 20);
            let _ = store.append(head.run.clone(), 1, Append { head: Some(head), ..Append::default() }).await;
        }
        let plan = store.plan_prune(Retention::default()).await.unwrap();
        store.prune(&plan, "ann", Time(1)).await.unwrap();
        assert!(store.blob(large("x").0).await.unwrap().is_none(), "nobody refers to it any more");
    }
    drop(store);
    assert_whole(dir.path());
}
