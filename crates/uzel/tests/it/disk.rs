//! The real binary on a disk that fails, fills up, or loses what was not synced. What it did outside is in a ledger that
//! no fault reaches.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rusqlite::Connection;
use serde_json::Value;
use uzel_testkit::{
    dice::Dice,
    disk::{Disk, EIO, ENOSPC, Fault, Loss, Op, Shim, lay_down},
};

use crate::scratch::{DESK, Scratch};

const APP: &str = r#"version: 1
name: shop
inputs: { message: string }
models: { fast: { use: offline } }
connections: { shop: { use: sqlite, path: ledger/shop.db } }
tools:
  pay:
    use: sqlite.execute
    connection: shop
    sql: >-
      INSERT INTO paid (key, step, times) VALUES (:idempotency_key, :step, 1)
      ON CONFLICT (key) DO UPDATE SET times = times + 1
    params: { step: string }
    effect: keyed
    timeout: 5s
  mail:
    use: sqlite.execute
    connection: shop
    sql: INSERT INTO sent (step) VALUES (:step)
    params: { step: string }
    effect: once
    timeout: 5s
nodes:
  sort:
    kind: llm
    model: fast
    prompt: "What is this about? {{ input.message }}"
    output: { topic: { enum: { billing: "invoice, payment, price or money", other: "anything else" } } }
  first: { kind: tool, tool: pay, with: { step: "first ${{ sort.topic }}" } }
  letter: { kind: tool, tool: mail, needs: [first], with: { step: letter } }
  last: { kind: tool, tool: pay, needs: [letter], with: { step: last } }
output: { topic: "${{ sort.topic }}", rows: "${{ last.changes }}" }
"#;
const TABLES: &str = "CREATE TABLE paid (key TEXT PRIMARY KEY, step TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE sent (step TEXT NOT NULL);
";
const SHOP: &str = "ledger/shop.db";
const RUN: [&str; 5] = ["run", "--id", "r-1", "-i", "message=The invoice is wrong"];

fn times(short: usize, long: usize) -> usize {
    if std::env::var_os("UZEL_BATTERY").is_some() { long } else { short }
}

fn shop() -> Scratch {
    let scratch = Scratch::new(&[("app.yaml", APP)]);
    std::fs::create_dir(scratch.path().join("ledger")).unwrap();
    Connection::open(scratch.path().join(SHOP)).unwrap().execute_batch(TABLES).unwrap();
    scratch
}

/// How often each step was done.
#[derive(Debug, Default, PartialEq)]
struct Ledger(BTreeMap<String, i64>);

impl Ledger {
    fn of(scratch: &Scratch) -> Self {
        let path = scratch.path().join("ledger/shop.db");
        let mut steps = BTreeMap::new();
        if path.exists() {
            let conn = Connection::open(path).unwrap();
            let sql =
                "SELECT substr(step, 1, 5), times FROM paid UNION ALL SELECT step, count(*) FROM sent GROUP BY step";
            // A power cut may have come before its tables.
            if let Ok(mut statement) = conn.prepare(sql) {
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                for (step, times) in rows.map(|row: rusqlite::Result<(String, i64)>| row.unwrap()) {
                    let two = steps.insert(step.trim().to_owned(), times);
                    assert_eq!(two, None, "one effect has one key");
                }
            }
        }
        Self(steps)
    }

    fn times(&self, step: &str) -> i64 {
        self.0.get(step).copied().unwrap_or(0)
    }
}

/// Takes the run up where it is left, and gives what is wrong with what was done: by then, and at the end.
fn finish(scratch: &Scratch, before: &Ledger) -> Vec<String> {
    let mut again = scratch.output(&RUN);
    // What must not be done twice, and was about to be done, is asked about; the person looks, and tells.
    if String::from_utf8_lossy(&again.stderr).contains("Was `letter/tool` done?") {
        let done = ["answer", "r-1/letter", "done", "--form", r#"result={"changes": 1}"#];
        let answer = if before.times("letter") > 0 { &done[..] } else { &["answer", "r-1/letter", "not_done"] };
        again = scratch.output(answer);
    }
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    let after = Ledger::of(scratch);
    let mut wrong = vec![];
    let all = ["first", "letter", "last"].iter().all(|step| after.times(step) >= 1);
    if again.status.code() != Some(0) || !all {
        wrong.push(format!("{:?}, {after:?}: {said}", again.status));
    }
    if after.times("letter") > 1 || after.0.values().any(|times| *times > 2) {
        wrong.push(format!("done too often: {after:?}"));
    }
    for (step, next) in [("first", "letter"), ("letter", "last")] {
        if before.times(next) > 0 && after.times(step) != before.times(step) {
            wrong.push(format!("`{step}` was done again after `{next}` had begun: {before:?}, {after:?}"));
        }
    }
    let checked = scratch.output(&["store", "check"]);
    if checked.status.code() != Some(0) {
        wrong.push(format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr)));
    }
    wrong
}

/// A process on a bad disk ends well, or with an error that says so; never with a bug of ours.
fn assert_clear(output: &Output, at: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let clear = match output.status.code() {
        Some(0) => true,
        Some(1 | 3) => said.contains("error"),
        _ => false,
    };
    assert!(clear && !said.contains("bug:"), "{at}: {output:?}");
}

#[test]
fn any_operation_on_the_store_may_fail() {
    let Some(shim) = Shim::new() else { return };
    let (mut nth, mut failures) = (1, 0);
    'all: loop {
        for (errno, for_ever) in [(EIO, false), (ENOSPC, true), (EIO, true), (ENOSPC, false)] {
            let scratch = shop();
            let mut command = scratch.command(&RUN);
            let fault = Fault { folder: scratch.path().join(".uzel"), nth, errno, for_ever, only: None };
            std::fs::create_dir(scratch.path().join(".uzel")).unwrap();
            shim.fail(&mut command, &fault);
            let output = command.output().unwrap();
            let at = format!("{fault:?}: {}", shim.report());
            assert_clear(&output, &at);
            if shim.report().is_empty() {
                break 'all;
            }
            failures += 1;
            let before = Ledger::of(&scratch);
            assert_eq!(finish(&scratch, &before), [""; 0], "{at}");
            nth += times(5, 0) as u64;
        }
        nth += 1;
    }
    assert!(failures >= 12, "only {failures}");
}

/// Replays a traced run up to a moment: the ledger as it was seen, the store as a disk would have it.
struct Replay {
    from: PathBuf,
    store: Disk,
    ledger: Disk,
}

impl Replay {
    fn new(from: &Path) -> Self {
        let shop = from.join(SHOP);
        let ledger = Disk::holding([(shop.display().to_string(), std::fs::read(shop).unwrap())]);
        Self { from: from.to_owned(), store: Disk::default(), ledger }
    }

    fn apply(&mut self, op: &Op) {
        let in_store = |path: &str| Path::new(path).starts_with(self.from.join(".uzel"));
        match op {
            Op::Create(path)
            | Op::Write(path, ..)
            | Op::Truncate(path, _)
            | Op::Sync(path)
            | Op::Unlink(path)
            | Op::SyncFailed(path)
            | Op::Rename(path, _)
            | Op::Link(path, _) => {
                let disk = if in_store(path) { &mut self.store } else { &mut self.ledger };
                disk.apply(op);
            }
            Op::Said(_) => {}
        }
    }

    fn after_power_cut(&self, loss: Loss, dice: &mut Dice) -> Scratch {
        let scratch = shop();
        lay_down(&self.store.after_power_cut(loss, dice), &self.from, scratch.path());
        lay_down(&self.ledger.after_power_cut(Loss::Nothing, dice), &self.from, scratch.path());
        scratch
    }
}

#[test]
fn a_power_cut_at_any_moment() {
    let Some(shim) = Shim::new() else { return };
    for (lies, is_safe) in [(None, true), (Some("-wal"), false)] {
        let scratch = shop();
        std::fs::create_dir(scratch.path().join(".uzel")).unwrap();
        let mut replay = Replay::new(&scratch.path().canonicalize().unwrap());
        let mut command = scratch.command(&RUN);
        shim.trace(&mut command, scratch.path(), lies);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let ops = shim.traced();
        let mut dice = Dice::new(20_261_126);
        let count = if is_safe { times(24, 200) } else { 8 };
        let mut moments: Vec<usize> = (0..count).map(|_| dice.below(ops.len() as u64 + 1) as usize).collect();
        moments.sort_unstable();
        // A run goes on in the folder where it began as long as there is one.
        drop(scratch);
        let (mut done, mut found) = (0, vec![]);
        for (number, moment) in moments.into_iter().enumerate() {
            ops[done..moment].iter().for_each(|op| replay.apply(op));
            done = moment;
            let loss = if is_safe { [Loss::All, Loss::Writes, Loss::Sectors][number % 3] } else { Loss::All };
            let left = replay.after_power_cut(loss, &mut dice);
            let wrong = finish(&left, &Ledger::of(&left));
            if !wrong.is_empty() {
                found.push(format!("{loss:?} after operation {moment} of {}: {wrong:?}", ops.len()));
            }
        }
        assert_eq!(found.is_empty(), is_safe, "syncs of {lies:?} are not done: {found:#?}");
    }
}

/// A small file system of its own, which goes away with the test.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, and a word, where mounting is not permitted.
    fn new(path: PathBuf, kilobytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let size = format!("size={kilobytes}k");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(path));
        }
        println!("skipped: a file system cannot be mounted here");
        None
    }

    fn grow(&self, kilobytes: u32) {
        let size = format!("remount,size={kilobytes}k");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_and_then_has_room_again() {
    let lines: String = (0..20).map(|n| format!("{{\"message\": \"{n} {}\"}}\n", "price ".repeat(30))).collect();
    let batch = ["run", "--inputs", "in.jsonl", "--batch", "b", "--parallel", "4"];
    let mut full = 0;
    for kilobytes in [8, 40, 90, 140, 200, 300] {
        let scratch = Scratch::new(&[("app.yaml", DESK), ("in.jsonl", &lines)]);
        let Some(disk) = Mounted::new(scratch.path().join(".uzel"), kilobytes) else { return };
        let output = scratch.output(&batch);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_clear(&output, &format!("{kilobytes} kB"));
        if output.status.code() != Some(0) {
            full += 1;
            assert!(said.contains("full") || said.contains("No space left"), "{kilobytes} kB: {said}");
        }
        disk.grow(20_000);
        let output = scratch.output(&batch);
        assert_eq!(output.status.code(), Some(0), "{kilobytes} kB: {output:?}");
        let runs = scratch.fine(&["runs", "--limit", "0", "--json"]);
        let runs: Vec<Value> = runs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(runs.iter().filter(|run| run["status"] == "succeeded").count(), 20, "{kilobytes} kB");
        scratch.fine(&["store", "check"]);
    }
    assert!(full >= 3, "only {full} were full");
}
