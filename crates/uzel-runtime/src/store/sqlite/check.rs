//! Whether a store is whole: the file, every checksum, every log, every reference. Never writes; works beside the owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, OptionalExtension, Row};
use uzel_core::{
    event::{Event, RunId, Seq, Stored},
    hash,
    store::{Error, Head, Release, Task},
};

use super::{
    super::record,
    existing, row,
    row::{HEAD, RELEASE, TASK},
    schema, select,
};
use crate::driver::record::read_value;

/// Problems that are told one by one.
const MOST: usize = 1_000;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What: a record, a row, a value, the file.
    pub what: String,
    /// What is wrong with it.
    pub cause: String,
}

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The format of the file.
    pub format: u64,
    /// Runs.
    pub runs: u64,
    /// Records of all runs.
    pub records: u64,
    /// Questions.
    pub tasks: u64,
    /// Released apps.
    pub releases: u64,
    /// Large values.
    pub blobs: u64,
    /// Large values that no run refers to.
    pub idle_blobs: u64,
    /// Runs that were taken out, and whose records are still there: no problem, the next `prune` goes on.
    pub half_pruned: u64,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
    /// Problems that are not in the list, because it would be too long.
    pub left_out: u64,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, what: impl Into<String>, cause: impl ToString) {
        if self.problems.len() < MOST {
            self.problems.push(Problem { what: what.into(), cause: cause.to_string() });
        } else {
            self.left_out += 1;
        }
    }

    fn add_error(&mut self, error: Error) {
        match error {
            Error::Damaged { what, cause } => self.add(what, cause),
            Error::Corrupt { run, seq, cause } => self.add(format!("record {seq} of run `{run}`"), cause),
            other => self.add("the file", other),
        }
    }
}

/// A run whose records are whole.
pub struct Subject<'a> {
    /// Its row.
    pub head: &'a Head,
    /// The release it is pinned to.
    pub release: &'a Release,
    /// Its log, with its large values.
    pub events: Vec<Event>,
    /// Its questions that nobody has answered.
    pub open: Vec<&'a Task>,
}

/// Looks at a run beyond its bytes; gives what is wrong with it.
pub type Judge<'a> = dyn FnMut(Subject<'_>) -> Vec<String> + 'a;

/// Checks the store in `dir`, of one moment. `judge` is asked about every run whose records are whole.
pub fn check(dir: &Path, judge: &mut Judge<'_>) -> Result<Checked, Error> {
    check_file(&existing(dir)?, judge)
}

/// Checks a database file.
pub(super) fn check_file(file: &Path, judge: &mut Judge<'_>) -> Result<Checked, Error> {
    let (conn, format) = match schema::open_any(file) {
        Ok(opened) => opened,
        // A file that is there and cannot be read at all is damaged; one of a newer program is not.
        Err(Error::Io(cause)) => {
            let mut checked = Checked::default();
            checked.add("the file", cause);
            return Ok(checked);
        }
        Err(error) => return Err(error),
    };
    let mut check = Check { checked: Checked { format: format.cast_unsigned(), ..Checked::default() }, format };
    if let Err(error) = conn.execute_batch("BEGIN") {
        check.checked.add("the file", error);
        return Ok(check.checked);
    }
    check.file(&conn);
    // Without its tables nothing more can be said.
    if check.format == schema::known() || check.checked.is_whole() {
        check.tables(&conn, judge);
    }
    Ok(check.checked)
}

struct Check {
    checked: Checked,
    format: i64,
}

/// What is known of runs from their rows.
#[derive(Default)]
struct Runs {
    names: BTreeMap<i64, RunId>,
    heads: BTreeMap<i64, Head>,
    lasts: BTreeMap<i64, i64>,
}

impl Check {
    /// What SQLite says about its pages and indexes, and whether its tables are ours.
    fn file(&mut self, conn: &Connection) {
        let lines = conn.prepare("PRAGMA integrity_check(200)").and_then(|mut statement| {
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        match lines {
            Ok(lines) => {
                lines.into_iter().filter(|line| line != "ok").for_each(|line| self.checked.add("the file", line))
            }
            Err(error) => self.checked.add("the file", error),
        }
        let (found, wanted) = (schema::description(conn), schema::described(self.format));
        if let (Ok(found), Ok(wanted)) = (found, wanted)
            && found != wanted
        {
            let odd = found.iter().chain(&wanted).find(|part| !found.contains(part) || !wanted.contains(part));
            let name = odd.map_or("?", |(name, _)| name);
            self.checked.add("the file", format!("its description of `{name}` is not that of format {}", self.format));
        }
    }

    fn tables(&mut self, conn: &Connection, judge: &mut Judge<'_>) {
        let blobs = self.blobs(conn);
        let releases = self.releases(conn);
        let runs = self.runs(conn, &releases);
        let tasks = self.tasks(conn, &runs);
        let pruning = self.pruning(conn);
        self.strays(conn, &runs, &pruning);
        let mut used = BTreeSet::new();
        for (id, name) in &runs.names {
            let head = runs.heads.get(id);
            let Some(mut events) = self.log(conn, *id, name, runs.lasts.get(id).copied().unwrap_or(0)) else {
                continue;
            };
            let named: BTreeSet<&str> = record::blobs(&events).collect();
            let mut whole = self.references(conn, *id, name, &named, &blobs);
            used.extend(named.into_iter().map(str::to_owned));
            for event in &mut events {
                whole &= self.fetch(conn, name, event, &blobs);
            }
            if let (true, Some(head)) = (whole, head)
                && let Some(release) = releases.get(head.release.as_str())
            {
                let open = tasks.iter().filter(|task| task.run == *name && task.closed.is_none()).collect();
                for cause in judge(Subject { head, release, events, open }) {
                    self.checked.add(format!("run `{name}`"), cause);
                }
            }
        }
        if self.format >= 3 {
            self.audit(conn);
        }
        self.checked.idle_blobs = blobs.keys().filter(|hash| !used.contains(*hash)).count() as u64;
    }

    /// Reads every row; one that cannot be stepped to ends it.
    fn each(&mut self, conn: &Connection, table: &str, sql: &str, mut work: impl FnMut(&mut Self, &Row<'_>)) {
        let result = (|| {
            let mut statement = conn.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                work(self, row);
            }
            Ok::<_, rusqlite::Error>(())
        })();
        if let Err(error) = result {
            self.checked.add(format!("table `{table}`"), error);
        }
    }

    /// Every large value by its hash, and whether it is whole.
    fn blobs(&mut self, conn: &Connection) -> BTreeMap<String, bool> {
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

    fn releases(&mut self, conn: &Connection) -> BTreeMap<String, Release> {
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

    fn runs(&mut self, conn: &Connection, releases: &BTreeMap<String, Release>) -> Runs {
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

    fn tasks(&mut self, conn: &Connection, runs: &Runs) -> Vec<Task> {
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

    fn pruning(&mut self, conn: &Connection) -> BTreeSet<i64> {
        let mut pruning = BTreeSet::new();
        if self.format >= 3 {
            self.each(conn, "pruning", "SELECT id FROM pruning", |_, row| pruning.extend(row.get::<_, i64>(0)));
        }
        self.checked.half_pruned = pruning.len() as u64;
        pruning
    }

    /// Records and references of runs that are not there.
    fn strays(&mut self, conn: &Connection, runs: &Runs, pruning: &BTreeSet<i64>) {
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

    /// The events of a run, if all are there and whole. Goes on after the first that is not, to name them all.
    fn log(&mut self, conn: &Connection, id: i64, name: &RunId, last: i64) -> Option<Vec<Event>> {
        let (mut events, mut whole, mut wanted) = (vec![], true, 1_i64);
        let sql = format!("SELECT seq, effect, checksum, body FROM records WHERE run = {id} ORDER BY seq");
        self.each(conn, "records", &sql, |check, row| {
            let found: i64 = row.get(0).unwrap_or_default();
            if found > wanted {
                whole = false;
                let many = if found == wanted + 1 { String::new() } else { format!(" to {}", found - 1) };
                check.checked.add(format!("record {wanted}{many} of run `{name}`"), "it is missing");
            }
            match select::read_record(row, name, Seq::try_from(found).unwrap_or_default()) {
                Ok(more) => events.extend(more),
                Err(cause) => {
                    whole = false;
                    check.checked.add(format!("record {found} of run `{name}`"), cause);
                }
            }
            wanted = found.saturating_add(1);
        });
        if wanted - 1 != last {
            whole = false;
            let cause = format!("its row says that it has {last} records; the last that is there is {}", wanted - 1);
            self.checked.add(format!("run `{name}`"), cause);
        }
        whole.then_some(events)
    }

    /// Whether the large values that a run names are there, and noted as its own.
    fn references(
        &mut self,
        conn: &Connection,
        id: i64,
        name: &RunId,
        named: &BTreeSet<&str>,
        blobs: &BTreeMap<String, bool>,
    ) -> bool {
        let mut whole = true;
        for hash in named.iter().filter(|hash| !blobs.contains_key(**hash)) {
            whole = false;
            self.checked
                .add(format!("run `{name}`"), format!("it refers to the large value `{hash}`, which is not there"));
        }
        if self.format >= 3 {
            let mut noted = BTreeSet::new();
            self.each(conn, "refs", &format!("SELECT hash FROM refs WHERE run = {id}"), |_, row| {
                noted.extend(row.get::<_, String>(0));
            });
            for hash in named.iter().filter(|hash| !noted.contains(**hash)) {
                self.checked.add(
                    format!("run `{name}`"),
                    format!("it is not noted that it refers to the large value `{hash}`"),
                );
            }
            for hash in noted.iter().filter(|hash| !blobs.contains_key(*hash)) {
                self.checked.add(
                    format!("run `{name}`"),
                    format!("it is noted that it refers to `{hash}`, which is not there"),
                );
            }
        }
        whole
    }

    /// Puts a large value in the place of its hash; whether that went well. What is wrong with the value has been said.
    fn fetch(&mut self, conn: &Connection, name: &RunId, event: &mut Event, blobs: &BTreeMap<String, bool>) -> bool {
        let Some(stored) = event.stored_mut() else { return true };
        let Stored::Blob(hash) = stored else { return true };
        if blobs.get(hash) != Some(&true) {
            return false;
        }
        let value = select::blob(conn, hash).and_then(|bytes| read_value(hash, bytes));
        match value {
            Ok(value) => *stored = value,
            Err(error) => {
                self.checked.add(format!("run `{name}`"), error);
                return false;
            }
        }
        true
    }

    fn audit(&mut self, conn: &Connection) {
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

/// Whether a file is a database of ours, of any format.
pub(super) fn is_ours(file: &Path) -> bool {
    let found = schema::open_any(file).ok().map(|(conn, format)| {
        let tables: rusqlite::Result<Option<i64>> =
            conn.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'runs'", [], |row| row.get(0)).optional();
        format > 0 && matches!(tables, Ok(Some(_)))
    });
    found.unwrap_or(false)
}
