//! What is left of a SQLite store after `kill -9`, a torn write-ahead log, and a disk that takes no more.
//!
//! The process that dies is this test binary again: it runs only [`child`], which does nothing unless it is told to.
#![expect(
    clippy::disallowed_methods,
    reason = "a process is told what to do by its environment, and killed at a random moment"
)]

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;
use uzel_core::{
    event::{RunId, Time},
    store::{Append, Error, Filter, Status, Store},
};
use uzel_runtime::store::sqlite::{Sqlite, backup, check, prune::Retention};
use uzel_testkit::conformance::sample;

use crate::store_operate::release;

const DIR: &str = "UZEL_TEST_STORE";
const TASK: &str = "UZEL_TEST_TASK";
const WRITERS: u64 = 8;

/// The part of the process that dies; a test only by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = match Sqlite::open(Path::new(&dir)) {
        Ok(store) => Arc::new(store),
        Err(error) => return say(&format!("closed {error}")),
    };
    match std::env::var(TASK).unwrap().as_str() {
        "for ever" => {
            let mut writers = JoinSet::new();
            for writer in 0..WRITERS {
                writers.spawn(append_until_error(Arc::clone(&store), writer));
            }
            writers.join_all().await;
        }
        "until the disk is full" => {
            let error = append_until_error(Arc::clone(&store), 0).await;
            say(&format!("failed {error}"));
            for later in [store.head("w0".into()).await.err(), append(&*store, &"new".into(), 0).await.err()] {
                say(&format!("later {}", later.unwrap()));
            }
        }
        "sixty each" => {
            let mut writers = JoinSet::new();
            for writer in 0..3 {
                let store = Arc::clone(&store);
                writers.spawn(async move {
                    let run = RunId::from(format!("w{writer}"));
                    for last in 0..60 {
                        append(&*store, &run, last).await.unwrap();
                        say(&format!("ack {run} {}", last + 1));
                    }
                });
            }
            writers.join_all().await;
        }
        "whatever happens" => {
            for number in 0..20 {
                let run = RunId::from(format!("w{number}"));
                match append(&*store, &run, 0).await {
                    Ok(_) => say(&format!("ack {run} 1")),
                    Err(error) => say(&format!("failed {error}")),
                }
            }
        }
        "copies and prunes" => {
            let copy = Path::new(&dir).parent().unwrap().join("copy.db");
            store.put_release(release("0f")).await.unwrap();
            for number in 0.. {
                for one in 0..20 {
                    let run = RunId::from(format!("{}-{number}-{one}", std::process::id()));
                    let mut append = sample::first(&run, (1..=30).map(sample::frame).collect());
                    append.head.as_mut().unwrap().status = Status::Succeeded;
                    store.append(run, 0, append).await.unwrap();
                }
                backup::backup(Path::new(&dir), &copy, true).unwrap();
                say(&format!("copied {number}"));
                let plan = store.plan_prune(Retention { keep: 5, ..Retention::default() }).await.unwrap();
                store.prune(&plan, "test", Time(1)).await.unwrap();
            }
        }
        "one that is too large" => {
            append(&*store, &"w0".into(), 0).await.unwrap();
            say("ack w0 1");
            let blobs = vec![("large".to_owned(), vec![7; 40 << 20])];
            let large = store.append("w0".into(), 1, Append { blobs, ..Append::default() }).await;
            say(&format!("failed {}", large.unwrap_err()));
            append(&*store, &"w0".into(), 1).await.unwrap();
            say("ack w0 2");
        }
        other => panic!("no such task: {other}"),
    }
}

/// Appends to the writer's run, telling what is durable, until the store fails.
async fn append_until_error(store: Arc<Sqlite>, writer: u64) -> Error {
    let run = RunId::from(format!("w{writer}"));
    let mut last = store.load(run.clone()).await.map_or(0, |(_, last)| last);
    loop {
        match append(&*store, &run, last).await {
            Ok(seq) => last = seq,
            Err(error) => return error,
        }
        say(&format!("ack {run} {last}"));
    }
}

/// Appends record `after + 1`, which tells its number.
pub(super) async fn append(store: &dyn Store, run: &RunId, after: u64) -> Result<u64, Error> {
    let mut append = sample::first(run, vec![sample::frame(after + 1)]);
    append.frames[0].effect = Some(format!("e{}", after + 1).as_str().into());
    store.append(run.clone(), after, append).await
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The parent may be gone.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

pub(super) fn command(dir: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    configure(&mut command, dir, task);
    command
}

fn configure(command: &mut Command, dir: &Path, task: &str) {
    command.args(["--exact", "store_crash::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env(TASK, task).stdout(Stdio::piped()).stderr(Stdio::null());
}

/// Notes an acknowledgement. The harness may have begun the line with words of its own.
pub(super) fn note(line: &str, acknowledged: &mut BTreeMap<String, u64>) -> bool {
    let Some((_, words)) = line.split_once("ack ") else { return false };
    // A killed process may leave half a line; half a number is smaller than the number, so it promises less.
    let Some((run, seq)) = words.split_once(' ') else { return false };
    let Ok(seq) = seq.parse::<u64>() else { return false };
    let known = acknowledged.entry(run.to_owned()).or_default();
    *known = seq.max(*known);
    true
}

/// Each run is a prefix of what was appended, and holds all that was acknowledged.
pub(super) async fn verify(store: &dyn Store, acknowledged: &BTreeMap<String, u64>) {
    for (run, acknowledged) in acknowledged {
        let (events, last) = store.load(run.as_str().into()).await.unwrap();
        assert!(last >= *acknowledged, "{run}: {acknowledged} was acknowledged, {last} is the last");
        let numbers: Vec<u64> = events.iter().filter_map(sample::number).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{run}");
        assert!(store.head(run.as_str().into()).await.unwrap().is_some());
    }
}

/// A sequence that looks random and is the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut dice = Dice(1);
    for round in 0..30 {
        let mut process = command(dir.path(), "for ever").spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while !note(&lines.next().expect("the child writes").unwrap(), &mut acknowledged) {}
        let in_use = Sqlite::open(dir.path()).err().unwrap().to_string();
        let owner = format!("is in use by process {} (", process.id());
        assert!(in_use.contains(&owner) && in_use.contains(", since 20"), "{in_use}");
        // Killed at any moment of its work, not at one that the acknowledgement chose.
        std::thread::sleep(Duration::from_micros(dice.below(50_000)));
        process.kill().unwrap();
        process.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            note(&line, &mut acknowledged);
        }
        if round % 2 == 0 {
            verify(&Sqlite::open_read_only(dir.path()).unwrap(), &acknowledged).await;
        }
        verify(&Sqlite::open(dir.path()).unwrap(), &acknowledged).await;
    }
    let total: u64 = acknowledged.values().sum();
    assert!(total > 100, "the test does something: {total} records");
}

/// Killed while it copies and prunes: the store is whole, a copy that has its name is whole, and the next one goes on.
#[tokio::test]
async fn copying_and_pruning_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let (store, copy) = (dir.path().join("store"), dir.path().join("copy.db"));
    let found = |dir: &Path| {
        let checked = check::check(dir, &mut |_| vec![]).unwrap();
        (checked.problems, checked.half_pruned)
    };
    let (mut dice, mut copies) = (Dice(5), 0);
    for round in 0..8 {
        let mut process = command(&store, "copies and prunes").spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Every other time while it begins; then while it takes out what was copied, or copies again.
        if round % 2 == 0 {
            assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("copied ")));
            copies += 1;
        }
        std::thread::sleep(Duration::from_millis(dice.below(200)));
        process.kill().unwrap();
        process.wait().unwrap();
        if store.join("runs.db").exists() {
            drop(Sqlite::open(&store).unwrap());
            assert_eq!(found(&store).0, []);
        }
        if copy.exists() {
            let aside = tempfile::tempdir().unwrap();
            std::fs::copy(&copy, aside.path().join("runs.db")).unwrap();
            assert_eq!(found(aside.path()).0, []);
        }
    }
    let owner = Sqlite::open(&store).unwrap();
    let plan = owner.plan_prune(Retention { keep: 3, ..Retention::default() }).await.unwrap();
    owner.prune(&plan, "test", Time(1)).await.unwrap();
    assert_eq!(owner.heads(Filter::default()).await.unwrap().len(), 3);
    drop(owner);
    assert_eq!(found(&store), (vec![], 0), "nothing is left half done");
    assert_eq!(copies, 4);
}

/// Losing what was synced is a fault of the disk. Even then each run is whole up to some record.
#[tokio::test]
async fn a_torn_log_leaves_a_prefix_of_each_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    for after in 0..12 {
        for run in ["a", "b", "c"] {
            append(&store, &run.into(), after).await.unwrap();
        }
    }
    let wal = std::fs::metadata(dir.path().join("runs.db-wal")).unwrap().len();
    let mut dice = Dice(2);
    let mut lasts = vec![];
    for round in 0..25 {
        let copy = tempfile::tempdir().unwrap();
        for file in ["runs.db", "runs.db-wal"] {
            std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
        }
        let torn = OpenOptions::new().write(true).open(copy.path().join("runs.db-wal")).unwrap();
        torn.set_len(if round == 0 { 0 } else { dice.below(wal) }).unwrap();
        drop(torn);
        let store = Sqlite::open(copy.path()).unwrap();
        let mut here = vec![];
        for run in ["a", "b", "c"] {
            let last = match store.load(run.into()).await {
                Ok((events, last)) => {
                    let numbers: Vec<u64> = events.iter().filter_map(sample::number).collect();
                    assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{run}");
                    last
                }
                Err(Error::UnknownRun(_)) => 0,
                Err(error) => panic!("{run}: {error}"),
            };
            assert_eq!(append(&store, &run.into(), last).await.unwrap(), last + 1, "the store goes on from there");
            here.push(last);
        }
        let is_prefix = here[0] >= here[1] && here[1] >= here[2] && here[2] + 1 >= here[0];
        assert!(is_prefix, "appends were one after the other, so what is left is a prefix of all: {here:?}");
        lasts.push(here);
    }
    assert_eq!(lasts[0], [0, 0, 0]);
    lasts.sort();
    lasts.dedup();
    assert!(lasts.len() > 8, "torn at different places: {lasts:?}");
}

/// Runs a task of the child with a bound on the size of files, beyond which writing fails.
#[cfg(unix)]
fn run_limited(dir: &Path, task: &str, kilobytes: u32) -> Vec<String> {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"")]);
    shell.arg(std::env::current_exe().unwrap());
    configure(&mut shell, dir, task);
    let output = shell.output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn a_failed_commit_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let lines = run_limited(dir.path(), "until the disk is full", 1024);
    let mut acknowledged = BTreeMap::new();
    let count = lines.iter().filter(|line| note(line, &mut acknowledged)).count();
    assert!(count > 10, "{lines:?}");
    let failed: Vec<_> = lines.iter().filter(|line| line.starts_with("failed ")).collect();
    assert!(matches!(failed[..], [line] if line.contains("the store failed: the commit failed: ")), "{failed:?}");
    let later: Vec<_> = lines.iter().filter(|line| line.starts_with("later ")).collect();
    assert_eq!(later.len(), 2, "{lines:?}");
    assert!(later.iter().all(|line| line.contains("it stopped because a commit failed (")), "{later:?}");
    let store = Sqlite::open(dir.path()).unwrap();
    verify(&store, &acknowledged).await;
    let (_, last) = store.load("w0".into()).await.unwrap();
    append(&store, &"w0".into(), last).await.unwrap();
    let release = store.append("w0".into(), last + 1, sample::next(vec![sample::result("x", json!(1))])).await;
    assert_eq!(release.unwrap(), last + 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_that_does_not_fit_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let lines = run_limited(dir.path(), "one that is too large", 8 * 1024);
    let mut acknowledged = BTreeMap::new();
    assert_eq!(lines.iter().filter(|line| note(line, &mut acknowledged)).count(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("failed the store failed: ")), "{lines:?}");
    let store = Sqlite::open(dir.path()).unwrap();
    verify(&store, &acknowledged).await;
    assert_eq!(store.blob("large".into()).await.unwrap(), None);
}
