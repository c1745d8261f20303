//! Taking ended runs out of a store: which ones would go, and going in small transactions. Called by operators' commands.
//!
//! A run's row and questions go at once, with a note that its records are still to go; they follow in steps, and a large
//! value goes with the last run that refers to it. A process that dies in between leaves the note, and the next one
//! sweeps on. Every step is a transaction of the one writer, as an append is, so an append never sees half of one; and
//! an append brings the large values that it refers to, so none that it needs can be gone.

use rusqlite::{Connection, OptionalExtension, params, params_from_iter, types::Value as Sql};
use serde_json::json;
use uzel_core::{
    event::Time,
    store::{Error, Status},
};

use super::{
    super::record,
    Sqlite,
    writer::{Fresh, Work},
};

/// Runs that are marked in one transaction.
const MARKED: usize = 500;
/// Records and large values that go in one transaction.
const SWEPT: u64 = 2_000;
/// Bytes that go in one transaction; one large value may be more.
const SWEPT_BYTES: u64 = 16 << 20;

/// Which runs go. Only runs that have ended ever do.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// How they ended; any way if empty.
    pub statuses: Vec<Status>,
    /// Of this app.
    pub app: Option<String>,
    /// Only those that ended before.
    pub before: Option<Time>,
    /// Of the runs of each app that fit otherwise, the newest so many stay.
    pub keep: usize,
}

/// Runs of one app that ended in one way, and what they take.
#[derive(Clone, Debug, PartialEq)]
pub struct Going {
    /// The app.
    pub app: String,
    /// How they ended.
    pub status: Status,
    /// How many.
    pub runs: u64,
    /// Their records.
    pub records: u64,
    /// Bytes of their records and rows.
    pub bytes: u64,
    /// What they cost.
    pub cost_usd: f64,
}

/// What would go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// By app and status.
    pub going: Vec<Going>,
    /// Large values that only these runs refer to.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    ids: Vec<i64>,
}

impl Plan {
    /// How many runs would go.
    pub fn runs(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Bytes that would become free in the file.
    pub fn bytes(&self) -> u64 {
        self.blob_bytes + self.going.iter().map(|going| going.bytes).sum::<u64>()
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Releases that no run is pinned to any more.
    pub releases: u64,
}

/// One transaction's work.
pub(super) enum Step {
    /// Take out the rows of these runs.
    Mark { ids: Vec<i64>, by: String, at: Time },
    /// Take out records of runs whose row is gone.
    Sweep,
    /// Take out releases that nobody uses.
    Releases,
}

impl Sqlite {
    /// What would go. Works on a store that is open for reading.
    pub async fn plan_prune(&self, retention: Retention) -> Result<Plan, Error> {
        self.readers()?.read(move |conn| plan(conn, &retention).map_err(io)).await
    }

    /// Takes out the runs of a plan, what an earlier process left half done, and releases without runs. `by` and `at`
    /// are for the record. The file keeps its size until [`super::backup::vacuum`]; the space is used again.
    pub async fn prune(&self, plan: &Plan, by: &str, at: Time) -> Result<Pruned, Error> {
        let writer = self.writer()?;
        let step = async |step| writer.write(Work::Prune(Box::new(step))).await;
        let mut pruned = Pruned::default();
        for ids in plan.ids.chunks(MARKED) {
            pruned.runs += step(Step::Mark { ids: ids.to_vec(), by: by.to_owned(), at }).await?;
            while step(Step::Sweep).await? > 0 {}
        }
        while step(Step::Sweep).await? > 0 {}
        pruned.releases = step(Step::Releases).await?;
        Ok(pruned)
    }
}

fn plan(conn: &Connection, retention: &Retention) -> rusqlite::Result<Plan> {
    conn.execute_batch("CREATE TEMP TABLE IF NOT EXISTS doomed (id INTEGER PRIMARY KEY); DELETE FROM doomed")?;
    let fits =
        |status: &Status| status.is_final() && (retention.statuses.is_empty() || retention.statuses.contains(status));
    let mut values: Vec<Sql> =
        Status::ALL.iter().filter(|status| fits(status)).map(|status| Sql::from(status.as_str().to_owned())).collect();
    let marks = vec!["?"; values.len()].join(", ");
    let of_app = if retention.app.is_some() { " AND app = ?" } else { "" };
    values.extend(retention.app.clone().map(Sql::from));
    values.push(Sql::from(i64::try_from(retention.keep).unwrap_or(i64::MAX)));
    values.push(Sql::from(retention.before.map_or(i64::MAX, |time| time.0)));
    let sql = format!(
        "INSERT INTO doomed SELECT id FROM (
             SELECT id, updated, row_number() OVER (PARTITION BY app ORDER BY updated DESC, id DESC) AS place
             FROM runs WHERE status IN ({marks}){of_app}
         ) WHERE place > ? AND updated < ?"
    );
    conn.execute(&sql, params_from_iter(values))?;
    let mut statement = conn.prepare("SELECT id FROM doomed ORDER BY id")?;
    let ids = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    let sql = "SELECT app, status, count(*), total(cost_usd), sum(length(outcome)) + sum(notes),
                      sum(records), sum(bytes)
               FROM (SELECT app, status, cost_usd, outcome,
                            (SELECT count(*) FROM records WHERE run = d.id) AS records,
                            (SELECT coalesce(sum(length(body)), 0) FROM records WHERE run = d.id) AS bytes,
                            (SELECT coalesce(sum(length(body)), 0) FROM tasks WHERE run = d.id) AS notes
                     FROM doomed d JOIN runs USING (id))
               GROUP BY app, status ORDER BY app, status";
    let mut statement = conn.prepare(sql)?;
    let going = statement.query_map([], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let status: String = row.get(1)?;
        Ok(Going {
            app: row.get(0)?,
            // Only words of statuses were asked for.
            status: Status::find(&status).unwrap_or(Status::Failed),
            runs: number(2)?,
            records: number(5)?,
            bytes: number(4)? + number(6)?,
            cost_usd: row.get(3)?,
        })
    })?;
    let going = going.collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT count(*), coalesce(sum(length(body)), 0) FROM blobs
               WHERE hash IN (SELECT hash FROM refs WHERE run IN (SELECT id FROM doomed)) AND NOT EXISTS (
                   SELECT 1 FROM refs WHERE refs.hash = blobs.hash AND run NOT IN (SELECT id FROM doomed))";
    let (blobs, blob_bytes) = conn.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    Ok(Plan { going, blobs: blobs.cast_unsigned(), blob_bytes: blob_bytes.cast_unsigned(), ids })
}

/// Does a step inside the writer's transaction; gives how much it did, 0 when nothing is left.
pub(super) fn apply(conn: &Connection, step: &Step, fresh: &Fresh) -> Result<u64, Error> {
    match step {
        Step::Mark { ids, by, at } => mark(conn, ids, by, *at),
        Step::Sweep => sweep(conn),
        Step::Releases => releases(conn, fresh),
    }
    .map_err(io)
}

fn mark(conn: &Connection, ids: &[i64], by: &str, at: Time) -> rusqlite::Result<u64> {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final());
    let ended: Vec<String> = ended.map(|status| format!("'{}'", status.as_str())).collect();
    let sql = format!(
        "INSERT INTO pruning (id, run) SELECT id, run FROM runs WHERE id = ?1 AND status IN ({})",
        ended.join(", ")
    );
    let mut runs = 0;
    for id in ids {
        if conn.prepare_cached(&sql)?.execute([id])? == 1 {
            conn.prepare_cached("DELETE FROM tasks WHERE run = ?1")?.execute([id])?;
            conn.prepare_cached("DELETE FROM runs WHERE id = ?1")?.execute([id])?;
            runs += 1;
        }
    }
    let body = json!({ "did": "prune", "by": by, "runs": runs }).to_string();
    let checksum = record::checksum(&[&at.0.to_le_bytes(), body.as_bytes()]);
    let sql = "INSERT INTO audit (at, checksum, body) VALUES (?1, ?2, ?3)";
    conn.prepare_cached(sql)?.execute(params![at.0, checksum, body])?;
    Ok(runs)
}

fn sweep(conn: &Connection) -> rusqlite::Result<u64> {
    let (mut swept, mut bytes) = (0, 0);
    while swept < SWEPT && bytes < SWEPT_BYTES {
        let mut statement = conn.prepare_cached("SELECT id FROM pruning ORDER BY id LIMIT 1")?;
        let Some(id) = statement.query_row([], |row| row.get::<_, i64>(0)).optional()? else { break };
        let records = sweep_records(conn, id, SWEPT - swept, SWEPT_BYTES - bytes)?;
        let values = if records.0 == 0 { sweep_blobs(conn, id, SWEPT - swept, SWEPT_BYTES - bytes)? } else { (0, 0) };
        swept += records.0 + values.0;
        bytes += records.1 + values.1;
        if records.0 + values.0 == 0 {
            conn.prepare_cached("DELETE FROM pruning WHERE id = ?1")?.execute([id])?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Takes out some records of a run; gives how many, and their bytes.
fn sweep_records(conn: &Connection, id: i64, most: u64, most_bytes: u64) -> rusqlite::Result<(u64, u64)> {
    let sql = "SELECT rowid, length(body) FROM records WHERE run = ?1 LIMIT ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([id, most.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(i64, i64)> = found.collect::<rusqlite::Result<_>>()?;
    let (mut swept, mut bytes) = (0, 0);
    for (rowid, length) in found {
        if bytes >= most_bytes {
            break;
        }
        conn.prepare_cached("DELETE FROM records WHERE rowid = ?1")?.execute([rowid])?;
        swept += 1;
        bytes += length.cast_unsigned();
    }
    Ok((swept, bytes))
}

/// Takes out what a run says of large values, and those that no other run refers to.
fn sweep_blobs(conn: &Connection, id: i64, most: u64, most_bytes: u64) -> rusqlite::Result<(u64, u64)> {
    let mut statement = conn.prepare_cached("SELECT hash FROM refs WHERE run = ?1 LIMIT ?2")?;
    let found = statement.query_map([id, most.cast_signed()], |row| row.get(0))?;
    let found: Vec<String> = found.collect::<rusqlite::Result<_>>()?;
    let (mut swept, mut bytes) = (0, 0);
    for hash in found {
        if bytes >= most_bytes {
            break;
        }
        conn.prepare_cached("DELETE FROM refs WHERE run = ?1 AND hash = ?2")?.execute(params![id, hash])?;
        let sql = "DELETE FROM blobs WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM refs WHERE hash = ?1)
                   RETURNING length(body)";
        let length: Option<i64> = conn.prepare_cached(sql)?.query_row([&hash], |row| row.get(0)).optional()?;
        swept += 1;
        bytes += length.unwrap_or(0).cast_unsigned();
    }
    Ok((swept, bytes))
}

fn releases(conn: &Connection, fresh: &Fresh) -> rusqlite::Result<u64> {
    let sql = "SELECT id, release FROM releases WHERE release NOT IN (SELECT release FROM runs)";
    let mut statement = conn.prepare(sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(i64, String)> = found.collect::<rusqlite::Result<_>>()?;
    let mut gone = 0;
    for (id, release) in found {
        if !fresh.contains(&release.into()) {
            conn.prepare_cached("DELETE FROM files WHERE release = ?1")?.execute([id])?;
            conn.prepare_cached("DELETE FROM releases WHERE id = ?1")?.execute([id])?;
            gone += 1;
        }
    }
    Ok(gone)
}

fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}
