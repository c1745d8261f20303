//! Whether a store is whole: the file, every checksum, every log, every reference. Never writes; works beside the owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rusqlite::{Connection, OptionalExtension, Row};
use uzel_core::{
    event::{Event, RunId, Seq, Stored},
    store::{Error, Head, Release, Task},
};

use super::{super::record, existing, schema, select};
use crate::driver::record::read_value;

mod rows;

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

impl Check {
    /// What SQLite says about its pages and indexes, and whether its tables are ours.
    fn file(&mut self, conn: &Connection) {
        let lines = conn.prepare("PRAGMA integrity_check(200)").and_then(|mut statement| {
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        match lines {
            Ok(lines) => {
                lines.into_iter().filter(|line| line != "ok").for_each(|line| self.checked.add("the file", line));
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
