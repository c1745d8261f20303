//! A flipped byte anywhere in a store is noticed, or changes nothing.
#![expect(clippy::disallowed_methods, reason = "how long it takes is said by the environment")]

use std::path::Path;

use serde_json::json;
use uzel_core::{
    event::{Event, Seq},
    hash,
    store::{Append, Error, Filter, Head, Release, Status, Store, Task},
};
use uzel_runtime::store::sqlite::{Sqlite, check};
use uzel_testkit::{conformance::sample, dice::Dice};

const RUNS: [&str; 3] = ["a", "b", "c"];

/// Everything that can be read of a store.
#[derive(Debug, PartialEq)]
struct All {
    heads: Result<Vec<Head>, String>,
    due: Result<usize, String>,
    logs: Vec<Result<(Vec<Event>, Seq), String>>,
    tasks: Result<Vec<Task>, String>,
    release: Result<Option<Release>, String>,
    blob: Result<Option<Vec<u8>>, String>,
}

async fn read(store: &dyn Store, blob: &str) -> All {
    let text = |error: Error| error.to_string();
    let mut logs = vec![];
    for run in RUNS {
        logs.push(store.load(run.into()).await.map_err(text));
    }
    All {
        heads: store.heads(Filter::default()).await.map_err(text),
        due: store.due(uzel_core::event::Time(i64::MAX), 10).await.map(|due| due.len()).map_err(text),
        logs,
        tasks: store.tasks(false, None).await.map_err(text),
        release: store.release("0f".into()).await.map_err(text),
        blob: store.blob(blob.to_owned()).await.map_err(text),
    }
}

async fn fill(dir: &Path) -> String {
    let store = Sqlite::open(dir).unwrap();
    let files = [("app.yaml".to_owned(), b"name: triage".to_vec()), ("prompt.md".to_owned(), vec![7; 300])];
    let release = Release {
        id: "0f".into(),
        app: "triage".into(),
        path: "app.yaml".into(),
        files: files.into(),
        main: "app.yaml".into(),
        models: [("fast".to_owned(), "offline".to_owned())].into(),
        overlays: vec![],
        created: uzel_core::event::Time(1),
    };
    store.put_release(release).await.unwrap();
    let value = serde_json::to_vec(&"long ".repeat(1_000)).unwrap();
    let name = hash::of_parts([value.as_slice()]);
    for (number, run) in (0_u32..).zip(RUNS) {
        let mut head = sample::head(&run.into(), 10 + i64::from(number));
        (head.status, head.outcome) = (Status::Waiting, json!({ "output": run }));
        (head.wake, head.batch) = (Some(uzel_core::event::Time(50)), Some(("night".to_owned(), u64::from(number))));
        let mut frames: Vec<_> = (1..=4).map(sample::frame).collect();
        frames.push(sample::result("a/chat", json!({ "text": "an answer ".repeat(40) })));
        let tasks = vec![sample::task(&run.into(), "ask", 3)];
        let append = Append { frames, head: Some(head), tasks, blobs: vec![(name.clone(), value.clone())] };
        store.append(run.into(), 0, append).await.unwrap();
    }
    name
}

/// One byte of a closed store is changed: the store is refused, or its check names what is damaged and every log that can
/// be read is as it was, or nothing at all is different.
#[tokio::test]
async fn a_flipped_byte_is_noticed_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let name = fill(dir.path()).await;
    let whole = read(&Sqlite::open(dir.path()).unwrap(), &name).await;
    assert!(
        whole.heads.is_ok() && whole.logs.iter().all(Result::is_ok) && whole.blob.as_ref().is_ok_and(Option::is_some)
    );
    let bytes = std::fs::read(dir.path().join("runs.db")).unwrap();
    let mut dice = Dice::new(20_261_125);
    let all = std::env::var_os("UZEL_BATTERY").is_some();
    // Most of a small file is unused: bytes that are zero say little, so few of them are tried.
    let places: Vec<usize> = if all {
        (0..bytes.len()).filter(|at| bytes[*at] != 0 || at % 64 == 0).collect()
    } else {
        let mut places: Vec<usize> = (0..100).collect();
        let used: Vec<usize> = (100..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        places.extend((0..400).map(|_| used[dice.below(used.len() as u64) as usize]));
        places.extend((0..50).map(|_| dice.below(bytes.len() as u64) as usize));
        places
    };
    let (mut refused, mut named, mut harmless) = (0, 0, 0);
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("runs.db");
    for at in places {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << dice.below(8);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(copy.path().join(format!("runs.db{end}")));
        }
        std::fs::write(&file, damaged).unwrap();
        // Reading first, because whoever opens the store to write may write.
        let words = match check::check(copy.path(), &mut |_| vec![]) {
            Ok(checked) => {
                checked.problems.into_iter().next().map(|problem| format!("{}: {}", problem.what, problem.cause))
            }
            Err(error) => Some(error.to_string()),
        };
        let store = match Sqlite::open(copy.path()) {
            Ok(store) => store,
            Err(error) => {
                refused += 1;
                assert!(words.is_some(), "byte {at}: the check says nothing, and it cannot be opened: {error}");
                continue;
            }
        };
        let found = read(&store, &name).await;
        drop(store);
        for (found, known) in found.logs.iter().zip(&whole.logs) {
            assert!(found.is_err() || found == known, "byte {at} changed a log unnoticed");
        }
        match words {
            None => {
                harmless += 1;
                assert_eq!(found, whole, "byte {at} changed something, and the check says nothing");
            }
            Some(words) => {
                named += 1;
                assert!(words.len() > 10, "byte {at}: {words}");
            }
        }
    }
    assert!(refused > 10 && named > 100 && harmless > 10, "{refused} refused, {named} named, {harmless} harmless");
}
