//! What a check reads table by table: each row by itself, and whether what it names is there.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use uzel_core::{
    event::RunId,
    hash,
    store::{Head, Release, Task},
};

use super::{
    super::{
        super::record,
        row::{self, HEAD, RELEASE, TASK},
        select,
    },
    Check,
};

/// What is known of runs from their rows.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) names: BTreeMap<i64, RunId>,
    pub(super) heads: BTreeMap<i64, Head>,
    pub(super) lasts: BTreeMap<i64, i64>,
}

impl Check {
    /// Every large value by its hash, and whether it is whole.
    pub(super) fn blobs(&mut self, conn: &Connection) -> BTreeMap<String, bool> {
        let mut blobs = BTreeMap::new();
        self.each(conn, "blobs", "SELECT hash, checksum, body FROM blobs", |check, row| {
            check.checked.blobs += 1;
            let read = || Ok::<_, rusqlite::Error>((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?));
            let (hash, checksum, body): (String, i64, Vec<u8>) = match read() {
                Ok(found) => found,
                Err(error) => return check.checked.add("a large value", error),
            };
            let what = format!("the large value `{hash}`");
            let cause = if record::checksum(&[hash.as_bytes(), &body]) != checksum {
                Some("its checksum is wrong")
            } else if hash::of_parts([body.as_slice()]) != hash {
                Some("it is not what its name, a hash of it, says")
            } else {
                None
            };
            blobs.insert(hash, cause.is_none());
            if let Some(cause) = cause {
                check.checked.add(what, cause);
            }
        });
        blobs
    }

    pub(super) fn releases(&mut self, conn: &Connection) -> BTreeMap<String, Release> {
        let mut releases = BTreeMap::new();
        if self.format < 3 {
            return releases;
        }
        self.each(conn, "releases", &format!("SELECT {RELEASE}, checksum, id FROM releases"), |check, row| {
            check.checked.releases += 1;
            match select::read_release(conn, row) {
                Ok(release) => drop(releases.insert(release.id.as_str().to_owned(), release)),
                Err(error) => check.checked.add_error(error),
            }
        });
        let sql = "SELECT path FROM files WHERE release NOT IN (SELECT id FROM releases)";
        self.each(conn, "files", sql, |check, row| {
            let path: String = row.get(0).unwrap_or_default();
            check.checked.add(format!("file `{path}` of a release"), "its release is not there");
        });
        releases
    }

    pub(super) fn runs(&mut self, conn: &Connection, releases: &BTreeMap<String, Release>) -> Runs {
        let mut runs = Runs::default();
        let checksum = if self.format >= 3 { "checksum" } else { "0" };
        self.each(conn, "runs", &format!("SELECT {HEAD}, {checksum}, id, last FROM runs"), |check, row| {
            check.checked.runs += 1;
            let read = || Ok::<_, rusqlite::Error>((row.get::<_, i64>(14)?, row.get::<_, String>(0)?, row.get(15)?));
            let (id, name, last) = match read() {
                Ok(found) => found,
                Err(error) => return check.checked.add("the row of a run", error),
            };
            runs.lasts.insert(id, last);
            runs.names.insert(id, name.as_str().into());
            if check.format < 3 {
                return;
            }
            match select::read_head(row) {
                Ok(head) => {
                    if !releases.contains_key(head.release.as_str()) {
                        let cause = format!("its release {} is not there, or damaged", head.release);
                        check.checked.add(format!("run `{name}`"), cause);
                    }
                    runs.heads.insert(id, head);
                }
                Err(error) => check.checked.add_error(error),
            }
        });
        runs
    }

    pub(super) fn tasks(&mut self, conn: &Connection, runs: &Runs) -> Vec<Task> {
        let mut tasks = vec![];
        let checksum = if self.format >= 3 { "checksum" } else { "0" };
        self.each(conn, "tasks", &format!("SELECT {TASK}, {checksum} FROM tasks"), |check, row| {
            check.checked.tasks += 1;
            if check.format < 3 {
                return;
            }
            let task = match select::read_task(row) {
                Ok(task) => task,
                Err(error) => return check.checked.add_error(error),
            };
            let read = || {
                let closed: Option<String> = row.get(3)?;
                Ok::<_, rusqlite::Error>((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?, closed))
            };
            let columns = (task.id.clone(), task.created.0, task.closed.clone());
            match read() {
                Ok((id, run, created, closed)) => {
                    if runs.names.get(&run) != Some(&task.run) || (id, created, closed) != columns {
                        check.checked.add(format!("task `{}`", task.id), "its row does not fit what is in it");
                    }
                }
                Err(error) => check.checked.add(format!("task `{}`", task.id), error),
            }
            tasks.push(task);
        });
        tasks
    }

    pub(super) fn pruning(&mut self, conn: &Connection) -> BTreeSet<i64> {
        let mut pruning = BTreeSet::new();
        if self.format >= 3 {
            self.each(conn, "pruning", "SELECT id FROM pruning", |_, row| pruning.extend(row.get::<_, i64>(0)));
        }
        self.checked.half_pruned = pruning.len() as u64;
        pruning
    }

    /// Records and references of runs that are not there.
    pub(super) fn strays(&mut self, conn: &Connection, runs: &Runs, pruning: &BTreeSet<i64>) {
        let known = |id: &i64| runs.names.contains_key(id) || pruning.contains(id);
        let tables: &[&str] = if self.format >= 3 { &["records", "refs"] } else { &["records"] };
        for table in tables {
            let sql = format!("SELECT run, count(*) FROM {table} NOT INDEXED GROUP BY run");
            self.each(conn, table, &sql, |check, row| {
                let (id, count): (i64, i64) = (row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default());
                if *table == "records" {
                    check.checked.records += count.cast_unsigned();
                }
                if !known(&id) {
                    check.checked.add(
                        format!("table `{table}`"),
                        format!("{count} rows are of run number {id}, which is not there"),
                    );
                }
            });
        }
    }

    pub(super) fn audit(&mut self, conn: &Connection) {
        self.each(conn, "audit", "SELECT id, at, checksum, body FROM audit", |check, row| {
            let read = || Ok::<_, rusqlite::Error>((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get(3)?));
            let what = format!("row {} of the record of operations", row.get::<_, i64>(0).unwrap_or_default());
            match read() {
                Ok((at, checksum, body)) => {
                    let body: String = body;
                    if record::checksum(&[&at.to_le_bytes(), body.as_bytes()]) != checksum {
                        check.checked.add(what, row::WRONG);
                    }
                }
                Err(error) => check.checked.add(what, error),
            }
        });
    }
}
