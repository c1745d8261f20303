//! The disk fails under the store, or the power goes: with a real process, whose every write is seen.
#![expect(clippy::disallowed_methods, reason = "how long it takes is said by the environment")]

use std::{collections::BTreeMap, path::Path};

use uzel_core::store::Store;
use uzel_runtime::store::sqlite::{Sqlite, check};
use uzel_testkit::{
    dice::Dice,
    disk::{self, Disk, EIO, ENOSPC, Fault, Loss, Op, Shim},
};

use crate::store_crash::{append, command, note, verify};

/// How much more is done by `make battery`.
fn times(short: u64, long: u64) -> u64 {
    if std::env::var_os("UZEL_BATTERY").is_some() { long } else { short }
}

/// What a check of a store finds, except that its runs have no release: these tests put none.
fn problems(dir: &Path) -> Vec<String> {
    let checked = check::check(dir, &mut |_| vec![]).unwrap();
    let told = checked.problems.iter().filter(|problem| !problem.cause.starts_with("its release 0f is not there"));
    told.map(|problem| format!("{}: {}", problem.what, problem.cause)).collect()
}

/// What is wrong with a store that holds these files, given what was acknowledged; `None` if nothing is.
async fn wrong(files: &BTreeMap<String, Vec<u8>>, from: &Path, acknowledged: &BTreeMap<String, u64>) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    disk::lay_down(files, from, dir.path());
    let store = match Sqlite::open(dir.path()) {
        Ok(store) => store,
        Err(error) => return Some(error.to_string()),
    };
    for (run, acknowledged) in acknowledged {
        match store.load(run.as_str().into()).await {
            Ok((_, last)) if last >= *acknowledged => {}
            Ok((_, last)) => return Some(format!("{run}: {acknowledged} was acknowledged, {last} is the last")),
            Err(error) => return Some(format!("{run}: {error}")),
        }
    }
    verify(&store, acknowledged).await;
    drop(store);
    problems(dir.path()).into_iter().next()
}

/// Cuts the power at random moments of a trace; gives what was wrong after each cut.
async fn cuts(ops: &[Op], from: &Path, seed: u64, count: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let mut moments: Vec<u64> = (0..count).map(|_| dice.below(ops.len() as u64 + 1)).collect();
    moments.sort_unstable();
    let (mut disk, mut acknowledged, mut done, mut found) = (Disk::default(), BTreeMap::new(), 0, vec![]);
    for (number, moment) in moments.into_iter().enumerate() {
        for op in &ops[done..moment as usize] {
            disk.apply(op);
            if let Op::Said(text) = op {
                note(text.trim_end(), &mut acknowledged);
            }
        }
        done = moment as usize;
        let loss = [Loss::All, Loss::Writes, Loss::Sectors, Loss::Nothing][number % 4];
        let files = disk.after_power_cut(loss, &mut dice);
        if let Some(words) = wrong(&files, from, &acknowledged).await {
            found.push(format!("{loss:?} after operation {moment} of {}: {words}", ops.len()));
        }
    }
    found
}

/// Sixty appends each of three runs at once, with a write-ahead log that is moved into the database in between.
#[tokio::test]
async fn what_was_acknowledged_survives_a_power_cut() {
    let Some(shim) = Shim::new() else { return };
    // Syncs that are obeyed; syncs of the log that are not, as with `synchronous=NORMAL`; none, as with `OFF`.
    for (lies, is_safe) in [(None, true), (Some("-wal"), false), (Some("*"), false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = command(dir.path(), "sixty each");
        shim.trace(&mut child, dir.path(), lies);
        assert!(child.output().unwrap().status.success());
        let ops = shim.traced();
        let said = ops.iter().filter(|op| matches!(op, Op::Said(text) if text.contains("ack "))).count();
        let checkpoints = ops.iter().filter(|op| matches!(op, Op::Sync(path) if path.ends_with("runs.db"))).count();
        assert!(said == 180 && (lies.is_some() || checkpoints > 2), "{said} acknowledged, {checkpoints} checkpoints");
        let from = dir.path().canonicalize().unwrap();
        let found = cuts(&ops, &from, 20_261_124, if is_safe { times(60, 2_000) } else { 20 }).await;
        assert_eq!(found.is_empty(), is_safe, "syncs of {lies:?} are not done: {found:#?}");
    }
}

/// Every single operation on the store's files fails once, or from then on. What was acknowledged before and after is
/// there, also when the power goes at the end, and whoever opens the store then can go on.
#[tokio::test]
async fn any_operation_may_fail() {
    let Some(shim) = Shim::new() else { return };
    let stride = times(25, 1);
    let (mut failures, mut nth) = (0, 1);
    'all: loop {
        for (errno, for_ever) in [(EIO, false), (ENOSPC, true), (ENOSPC, false), (EIO, true)] {
            let dir = tempfile::tempdir().unwrap();
            let mut child = command(dir.path(), "whatever happens");
            shim.trace(&mut child, dir.path(), None);
            let fault = Fault { folder: dir.path().to_owned(), nth, errno, for_ever, only: None };
            shim.fail(&mut child, &fault);
            let output = child.output().unwrap();
            let report = shim.report();
            let at = format!("{fault:?}: {report}");
            assert!(output.status.success(), "{at}: {output:?}");
            if report.is_empty() {
                break 'all;
            }
            failures += 1;
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut acknowledged = BTreeMap::new();
            for line in lines.lines() {
                note(line, &mut acknowledged);
            }
            // With the power on, and after it was off.
            let from = dir.path().canonicalize().unwrap();
            let mut disk = Disk::default();
            shim.traced().iter().for_each(|op| disk.apply(op));
            let mut dice = Dice::new(nth);
            let left = [Loss::Nothing, Loss::All, Loss::Sectors].map(|loss| disk.after_power_cut(loss, &mut dice));
            for files in &left {
                assert_eq!(wrong(files, &from, &acknowledged).await, None, "{at}");
            }
            let store = Sqlite::open(dir.path()).unwrap();
            verify(&store, &acknowledged).await;
            append(&store, &"later".into(), 0).await.unwrap();
            drop(store);
            assert_eq!(problems(dir.path()), [""; 0], "{at}");
            if stride > 1 {
                nth += stride / 4;
            }
        }
        nth += 1;
    }
    assert!(failures > 15, "only {failures}");
}

/// After a sync of the log that failed nothing is acknowledged any more, however often it is tried.
#[tokio::test]
async fn one_failing_sync_stops_the_store() {
    let Some(shim) = Shim::new() else { return };
    let mut stopped = 0;
    for nth in 1..=times(30, 200) {
        let dir = tempfile::tempdir().unwrap();
        drop(Sqlite::open(dir.path()).unwrap());
        let held = disk::files(dir.path());
        let mut child = command(dir.path(), "whatever happens");
        shim.trace(&mut child, dir.path(), None);
        let only = Some("sync");
        shim.fail(&mut child, &Fault { folder: dir.path().to_owned(), nth, errno: EIO, for_ever: false, only });
        let output = child.output().unwrap();
        let report = shim.report();
        if report.is_empty() {
            break;
        }
        let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let failed = lines.iter().position(|line| line.contains("failed the store failed: the commit failed: "));
        if let Some(failed) = failed {
            stopped += 1;
            let rest = &lines[failed + 1..];
            assert!(!rest.iter().any(|line| line.contains("ack ")), "{report}{lines:#?}");
            let why = "it stopped because a commit failed (";
            assert!(rest.iter().filter(|line| line.contains("failed ")).all(|line| line.contains(why)), "{lines:#?}");
        }
        let mut acknowledged = BTreeMap::new();
        for line in &lines {
            note(line, &mut acknowledged);
        }
        let from = dir.path().canonicalize().unwrap();
        let held = held.into_iter().map(|(name, bytes)| (from.join(name).display().to_string(), bytes));
        let mut disk = Disk::holding(held);
        shim.traced().iter().for_each(|op| disk.apply(op));
        let files = disk.after_power_cut(Loss::All, &mut Dice::new(nth));
        assert_eq!(wrong(&files, &from, &acknowledged).await, None, "{report}");
    }
    assert!(stopped >= 15, "only {stopped}");
}
