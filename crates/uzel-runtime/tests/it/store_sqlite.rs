//! What only the SQLite store promises: one owner, readers beside it, formats, and noticing damage.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use uzel_core::{
    event::RunId,
    store::{Append, Error, Filter, Release, Store},
};
use uzel_runtime::store::sqlite::Sqlite;
use uzel_testkit::conformance::sample;

const MARK: &str = "a text that stands once in the file";

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("runs.db")
}

/// A closed store with runs `r`, of three records with `MARK` in the second, and `s`, of one.
async fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let (r, s) = (RunId::from("r"), RunId::from("s"));
    let frames = vec![sample::frame(1), sample::result("a/chat", json!(MARK)), sample::result("b/chat", json!(2))];
    let mut append = sample::first(&r, frames);
    append.blobs.push(("h".into(), b"blob".to_vec()));
    append.tasks.push(sample::task(&r, "ask", 1));
    store.append(r, 0, append).await.unwrap();
    store.append(s.clone(), 0, sample::first(&s, vec![sample::frame(1)])).await.unwrap();
    let release = Release {
        id: "0f".into(),
        app: "triage".into(),
        path: "app.yaml".into(),
        files: [("app.yaml".to_owned(), b"name: triage".to_vec())].into(),
        main: "app.yaml".into(),
        models: [].into(),
        overlays: vec![],
        created: sample::head(&"r".into(), 1).created,
    };
    store.put_release(release).await.unwrap();
    dir
}

async fn load_error(dir: &Path, run: &str) -> Error {
    Sqlite::open(dir).unwrap().load(run.into()).await.unwrap_err()
}

#[tokio::test]
async fn a_closed_store_is_one_file_and_a_lock_and_opens_again() {
    let dir = filled().await;
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["lock", "runs.db"]);
    let store = Sqlite::open(dir.path()).unwrap();
    assert_eq!(store.load("r".into()).await.unwrap().1, 3);
    assert_eq!(store.append("r".into(), 3, sample::next(vec![sample::frame(4)])).await.unwrap(), 4);
}

#[tokio::test]
async fn a_second_owner_is_told_who_has_it() {
    let dir = filled().await;
    let store = Sqlite::open(dir.path()).unwrap();
    match Sqlite::open(dir.path()) {
        Err(Error::InUse { path, owner }) => {
            assert_eq!(path, dir.path().display().to_string());
            let start = format!("process {} (it-", std::process::id());
            assert!(owner.starts_with(&start) && owner.ends_with(" UTC"), "{owner}");
        }
        other => panic!("{:?}", other.err()),
    }
    drop(store);
    Sqlite::open(dir.path()).unwrap();
    std::fs::write(dir.path().join("lock"), "x".repeat(10_000)).unwrap();
    Sqlite::open(dir.path()).expect("what is in the file does not matter, the lock does");
}

#[tokio::test]
async fn reading_beside_the_owner_and_without_one() {
    let dir = filled().await;
    let alone = Sqlite::open_read_only(dir.path()).unwrap();
    assert_eq!(alone.load("r".into()).await.unwrap().1, 3);
    let owner = Sqlite::open(dir.path()).expect("a reader does not own");
    let beside = Sqlite::open_read_only(dir.path()).unwrap();
    for last in 3..20 {
        owner.append("r".into(), last, sample::next(vec![sample::frame(last)])).await.unwrap();
        for reader in [&alone, &beside] {
            assert_eq!(reader.load("r".into()).await.unwrap().1, last + 1, "a reader sees what is acknowledged");
        }
    }
    let refused = beside.append("r".into(), 20, Append::default()).await;
    assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
    drop(owner);
    assert_eq!(beside.heads(Filter::default()).await.unwrap().len(), 2);
    assert_eq!(alone.tasks(true, None).await.unwrap().len(), 1);
}

#[test]
fn reading_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let error = Sqlite::open_read_only(&missing).err().unwrap().to_string();
    assert!(error.contains("there is no store in `") && error.contains("none`"), "{error}");
    assert!(!missing.exists(), "reading makes nothing");
    std::fs::write(dir.path().join("runs.db"), "").unwrap();
    let error = Sqlite::open_read_only(dir.path()).err().unwrap().to_string();
    assert!(error.contains("older format 0"), "{error}");
    drop(Sqlite::open(dir.path()).expect("a process that died while making the file left an empty one"));
    Sqlite::open_read_only(dir.path()).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_is_noticed() {
    let dir = filled().await;
    let mut bytes = std::fs::read(file(&dir)).unwrap();
    let at = bytes.windows(MARK.len()).position(|window| window == MARK.as_bytes()).unwrap();
    bytes[at + 3] ^= 1;
    std::fs::write(file(&dir), bytes).unwrap();
    let error = load_error(dir.path(), "r").await;
    assert!(matches!(&error, Error::Corrupt { run, seq: 2, .. } if run.as_str() == "r"), "{error:?}");
    let words = "record 2 of run `r` cannot be read: its checksum is wrong: the file was damaged or changed by hand";
    assert_eq!(error.to_string(), words);
    let store = Sqlite::open_read_only(dir.path()).unwrap();
    assert_eq!(store.load("s".into()).await.unwrap().1, 1, "other runs are not concerned");
}

#[tokio::test]
async fn records_that_are_missing_or_exchanged_are_noticed() {
    let run = "run = (SELECT id FROM runs WHERE run = 'r')";
    let cases = [
        (format!("DELETE FROM records WHERE {run} AND seq = 2"), 2, "it is missing; the next one is 3"),
        (format!("DELETE FROM records WHERE {run} AND seq = 3"), 3, "it is missing; the run has 3 records"),
        (format!("UPDATE records SET effect = 'c/chat' WHERE {run} AND seq = 3"), 3, "its checksum is wrong"),
        (
            format!("DELETE FROM records WHERE {run} AND seq = 2; UPDATE records SET seq = 2 WHERE {run} AND seq = 3"),
            2,
            "its checksum is wrong",
        ),
    ];
    for (sql, wanted, words) in cases {
        let dir = filled().await;
        Connection::open(file(&dir)).unwrap().execute_batch(&sql).unwrap();
        match load_error(dir.path(), "r").await {
            Error::Corrupt { seq, cause, .. } if seq == wanted && cause.starts_with(words) => {}
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn damage_beside_the_log_is_an_error_too() {
    let dir = filled().await;
    let sql = "UPDATE blobs SET body = x'00'; UPDATE files SET body = x'00'; UPDATE runs SET status = 'asleep';
               UPDATE tasks SET body = '{'";
    Connection::open(file(&dir)).unwrap().execute_batch(sql).unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    let errors = [
        store.blob("h".into()).await.unwrap_err(),
        store.release("0f".into()).await.unwrap_err(),
        store.head("r".into()).await.unwrap_err(),
        store.tasks(true, None).await.unwrap_err(),
    ];
    let words = ["value `h`", "release `0f`", "the row of run `r`", "task `r/ask`"];
    for (error, words) in errors.iter().zip(words) {
        assert!(error.to_string().contains(&format!("{words} cannot be read: ")), "{error}");
    }
}

/// Whatever is in the file, a log is loaded as it was written or not at all.
#[tokio::test]
async fn any_damage_is_an_error_or_harmless() {
    let dir = filled().await;
    let whole = Sqlite::open(dir.path()).unwrap().load("r".into()).await.unwrap();
    let bytes = std::fs::read(file(&dir)).unwrap();
    let (mut errors, mut seed) = (0, 3_u64);
    for _ in 0..120 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut damaged = bytes.clone();
        let at = (seed >> 33) as usize % damaged.len();
        // A stretch of some bytes: most single ones are in unused space.
        damaged.iter_mut().skip(at).take(200).for_each(|byte| *byte ^= (seed >> 20) as u8 | 1);
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("runs.db"), damaged).unwrap();
        let Ok(store) = Sqlite::open(copy.path()) else {
            errors += 1;
            continue;
        };
        match store.load("r".into()).await {
            Ok(found) => assert!(found == whole, "damage at {at} changed the log unnoticed"),
            Err(_) => errors += 1,
        }
        // No panic, no hang; the answers may be errors.
        let _ = store.heads(Filter::default()).await;
        let _ = store.tasks(false, None).await;
        let _ = store.release("0f".into()).await;
        let _ = store.append("s".into(), 1, sample::next(vec![sample::frame(2)])).await;
    }
    assert!(errors > 5, "the damage does something: {errors} errors");
}

#[tokio::test]
async fn newer_and_foreign_files_are_left_alone() {
    let newer = filled().await;
    Connection::open(file(&newer)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let foreign = tempfile::tempdir().unwrap();
    Connection::open(file(&foreign)).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let garbage = tempfile::tempdir().unwrap();
    std::fs::write(file(&garbage), "no database at all, ".repeat(300)).unwrap();
    let cases = [
        (newer, "the store has format 99; this program knows up to 3"),
        (foreign, "is a database of another program"),
        (garbage, "file is not a database"),
    ];
    for (dir, words) in cases {
        let before = std::fs::read(file(&dir)).unwrap();
        for result in [Sqlite::open(dir.path()), Sqlite::open_read_only(dir.path())] {
            let error = result.err().unwrap().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(std::fs::read(file(&dir)).unwrap() == before, "{words}: the file is as it was");
    }
}
