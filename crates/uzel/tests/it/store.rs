//! `uzel store …`: what an operator types, and what comes of it.

use expect_test::expect;
use rusqlite::Connection;
use serde_json::Value;

use crate::scratch::{DESK, Scratch};

/// A store of three runs: one that ended, one that a guard stopped, one that waits for a person.
fn desk() -> Scratch {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    scratch.fine(&["run", "--id", "one", "-i", "message=The invoice is wrong"]);
    scratch.fine(&["run", "--id", "two", "-i", &format!("message={}", "x".repeat(300))]);
    scratch.fine(&["run", "--id", "three", "-i", "message=Where is it", "-i", "urgent=true"]);
    scratch
}

fn json(scratch: &Scratch, arguments: &[&str]) -> Value {
    serde_json::from_slice(&scratch.output(arguments).stdout).unwrap()
}

#[test]
fn numbers_for_people_and_for_programs() {
    let scratch = desk();
    scratch.check(
        &["store", "stats"],
        expect![[r#"
            exit 0
            --- stdout
            app  status  runs  records  size  cost  tokens  oldest
            desk  stopped  1  2  [SIZE]  -  -  [T] ago
            desk  succeeded  1  3  [SIZE]  -  15  [T] ago
            desk  waiting  1  3  [SIZE]  -  13  [T] ago

            file  [SIZE], format 3
            runs  3
            large values  0 values, [SIZE]
            releases  1 release, [SIZE]
            open questions  1
        "#]],
    );
    let stats = json(&scratch, &["store", "stats", "--json"]);
    assert_eq!(
        (&stats["format"], &stats["open_questions"], &stats["blobs"]["count"]),
        (&3.into(), &1.into(), &0.into())
    );
    let statuses: Vec<&str> =
        stats["groups"].as_array().unwrap().iter().map(|g| g["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["stopped", "succeeded", "waiting"]);
}

#[test]
fn a_whole_store_and_a_damaged_one() {
    let scratch = desk();
    scratch.check(
        &["store", "check"],
        expect![[r#"
        exit 0
        --- stderr
        whole: 3 runs, 8 records, 1 question, 1 release, 0 large values; format 3
    "#]],
    );
    let file = scratch.path().join(".uzel/runs.db");
    let sql = "UPDATE records SET body = x'01' WHERE rowid = 2; UPDATE runs SET outcome = 'null' WHERE run = 'one'";
    Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    scratch.check(
        &["store", "check"],
        expect![[r#"
        exit 1
        --- stdout
        the row of run `one`: its checksum is wrong: the file was damaged or changed by hand
        record 2 of run `one`: its checksum is wrong: the file was damaged or changed by hand
        --- stderr
        error[UZ6060]: the store `.uzel` is damaged: 2 problems
        hint: bring a backup back with `uzel store restore FILE --replace`; what is damaged stays beside it
    "#]],
    );
    let told = json(&scratch, &["store", "check", "--json"]);
    assert_eq!((&told["whole"], told["problems"].as_array().unwrap().len()), (&false.into(), 2));
    scratch.check(&["show", "one"], expect![[r#"
        exit 3
        --- stderr
        error[UZ6060]: the row of run `one` cannot be read: its checksum is wrong: the file was damaged or changed by hand
        hint: `uzel store check` says what else is damaged; `uzel store restore FILE` brings a backup back
    "#]]);
}

/// Every byte is as it was written, and the row still says what the log does not.
#[test]
fn a_row_that_does_not_fit_its_log() {
    let scratch = desk();
    let other = Scratch::new(&[("app.yaml", DESK)]);
    other.fine(&["run", "--id", "one", "-i", "message=Hello there"]);
    let sql = format!(
        "ATTACH '{}' AS other;
         DELETE FROM records WHERE run = (SELECT id FROM runs WHERE run = 'one');
         INSERT INTO records SELECT 1, seq, effect, checksum, body FROM other.records;",
        other.path().join(".uzel/runs.db").display()
    );
    Connection::open(scratch.path().join(".uzel/runs.db")).unwrap().execute_batch(&sql).unwrap();
    let told = json(&scratch, &["store", "check", "--json"]);
    let causes: Vec<&str> = told["problems"].as_array().unwrap().iter().map(|p| p["cause"].as_str().unwrap()).collect();
    assert!(causes.iter().any(|cause| cause.starts_with("its beginning is ")), "{causes:?}");
    assert!(causes.contains(&"its count of input tokens is 10 in its row, and 8 by its log"), "{causes:?}");
}

#[test]
fn a_copy_and_back() {
    let scratch = desk();
    scratch.check(
        &["store", "backup", "copy.db"],
        expect![[r#"
            exit 0
            --- stderr
            backup: `copy.db`, 3 runs, [SIZE], checked
        "#]],
    );
    scratch.check(
        &["store", "backup", "copy.db"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6061]: `copy.db` is there already
        hint: give another place, or `--replace` to replace it
    "#]],
    );
    scratch.check(
        &["store", "backup", "app.yaml", "--replace"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6061]: `app.yaml` is there already, and it is no backup
        hint: give another place
    "#]],
    );
    scratch.fine(&["run", "--id", "four", "-i", "message=hi"]);
    scratch.check(
        &["store", "restore", "copy.db"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6061]: `.uzel` is there already, and has runs
        hint: give another place, or `--replace` to replace it
    "#]],
    );
    scratch.check(
        &["store", "restore", "copy.db", "--replace"],
        expect![[r#"
            exit 0
            --- stderr
            restored: `.uzel/runs.db`, 3 runs, [SIZE], checked
            kept: the store that was there is `.uzel/runs.db.replaced-1`
        "#]],
    );
    assert!(!scratch.fine(&["runs"]).contains("four"));
    scratch.fine(&["answer", "three", "done"]);
    // On another machine: nothing but the copy.
    let other = Scratch::new(&[("copy.db", "")]);
    std::fs::copy(scratch.path().join("copy.db"), other.path().join("copy.db")).unwrap();
    other.fine(&["store", "restore", "copy.db"]);
    assert!(other.fine(&["runs"]).contains("three"));
    other.fine(&["store", "check"]);
    other.write("copy.db", "not a store");
    other.check(
        &["store", "restore", "copy.db", "--replace"],
        expect![[r#"
        exit 3
        --- stderr
        error[UZ6006]: the store failed: `copy.db`: file is not a database
    "#]],
    );
    other.check(
        &["store", "restore", "copi.db", "--replace"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no backup `copi.db`
    "#]],
    );
}

#[test]
fn old_runs_go() {
    let scratch = desk();
    scratch.check(
        &["store", "prune"],
        expect![[r#"
        exit 2
        --- stderr
        error: nothing says which runs may go
        hint: write `--older-than 30d`, `--keep 1000` or both; `--keep 0` is for all that have ended
    "#]],
    );
    scratch.check(
        &["store", "prune", "--keep", "0", "--status", "running"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'running' for '--status <STATUS>'
          [possible values: succeeded, failed, stopped, cancelled]

        For more information, try '--help'.
    "#]],
    );
    scratch.check(
        &["store", "prune", "--keep", "0", "--dry-run"],
        expect![[r#"
            exit 0
            --- stdout
            app  status  runs  records  size  cost
            desk  stopped  1  2  [SIZE]  -
            desk  succeeded  1  3  [SIZE]  -
            --- stderr
            dry run: 2 runs would go, [SIZE]; nothing was changed
        "#]],
    );
    scratch.check(
        &["store", "prune", "--older-than", "1h"],
        expect![[r#"
            exit 0
            --- stderr
            pruned: 0 runs, [SIZE], 0 releases
        "#]],
    );
    assert_eq!(json(&scratch, &["store", "prune", "--keep", "0", "--dry-run", "--json"])["runs"], 2);
    scratch.check(
        &["store", "prune", "--keep", "0"],
        expect![[r#"
            exit 0
            --- stdout
            app  status  runs  records  size  cost
            desk  stopped  1  2  [SIZE]  -
            desk  succeeded  1  3  [SIZE]  -
            --- stderr
            pruned: 2 runs, [SIZE], 0 releases
            note: the file keeps its size; `uzel store vacuum` gives the space back
        "#]],
    );
    assert!(scratch.fine(&["runs"]).lines().nth(1).unwrap().starts_with("three"));
    scratch.fine(&["store", "check"]);
    scratch.fine(&["store", "vacuum"]);
    scratch.fine(&["answer", "three", "done"]);
    scratch.fine(&["store", "check"]);
}

#[test]
fn where_there_is_no_store() {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    for command in ["stats", "check", "vacuum"] {
        let output = scratch.output(&["store", command]);
        assert_eq!(output.status.code(), Some(2), "{command}");
    }
    scratch.check(
        &["store", "check", "--store", "none"],
        expect![[r#"
        exit 3
        --- stderr
        error[UZ6006]: the store failed: there is no store in `none`: nothing has run here yet
    "#]],
    );
    assert!(!scratch.exists("none") && !scratch.exists(".uzel"), "looking makes nothing");
}
