//! Statements that read, inside a reader's transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value as Sql};
use uzel_core::{
    event::{Event, ReleaseId, RunId, Seq, Time},
    store::{Error, Filter, Head, Records, Release, Status, Task},
};

use super::{
    super::record,
    row::{self, HEAD, HEAD_WIDTH, RELEASE, TASK},
};

/// All events of a run and its last sequence number.
pub(super) fn load(conn: &Connection, run: &RunId) -> Result<(Vec<Event>, Seq), Error> {
    let mut events = vec![];
    let seq = each_record(conn, run, 0, |_, more| events.extend(more))?;
    Ok((events, seq))
}

/// The records after `after`, with their numbers.
pub(super) fn records(conn: &Connection, run: &RunId, after: Seq) -> Result<Records, Error> {
    let mut records = vec![];
    each_record(conn, run, after, |seq, events| records.push((seq, events)))?;
    Ok(records)
}

/// Reads the records after `after` in order; gives the last sequence number.
fn each_record(
    conn: &Connection,
    run: &RunId,
    after: Seq,
    mut take: impl FnMut(Seq, Vec<Event>),
) -> Result<Seq, Error> {
    let sql = "SELECT id, last FROM runs WHERE run = ?1";
    let row = conn.prepare_cached(sql).map_err(io)?.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    let (id, last): (i64, i64) = row.optional().map_err(io)?.ok_or_else(|| Error::UnknownRun(run.clone()))?;
    let mut seq = after.min(last.cast_unsigned());
    let sql = "SELECT seq, effect, checksum, body FROM records WHERE run = ?1 AND seq > ?2 ORDER BY seq";
    let mut statement = conn.prepare_cached(sql).map_err(io)?;
    let mut rows = statement.query([id, seq.cast_signed()]).map_err(io)?;
    while let Some(row) = rows.next().map_err(io)? {
        seq += 1;
        let corrupt = |cause: String| Error::Corrupt { run: run.clone(), seq, cause };
        take(seq, read_record(row, run, seq).map_err(corrupt)?);
    }
    if seq.cast_signed() != last {
        let cause = format!("it is missing; the run has {last} records");
        return Err(Error::Corrupt { run: run.clone(), seq: seq + 1, cause });
    }
    Ok(seq)
}

pub(super) fn read_record(row: &Row<'_>, run: &RunId, seq: Seq) -> Result<Vec<Event>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let found: i64 = row.get(0).map_err(|e| text(&e))?;
    if found != seq.cast_signed() {
        return Err(format!("it is missing; the next one is {found}"));
    }
    let effect: Option<String> = row.get(1).map_err(|e| text(&e))?;
    let checksum: i64 = row.get(2).map_err(|e| text(&e))?;
    let body = row.get_ref(3).map_err(|e| text(&e))?.as_blob().map_err(|e| text(&e))?;
    if record::record_checksum(run.as_str(), seq, effect.as_deref(), body) != checksum {
        return Err(row::WRONG.to_owned());
    }
    record::decode(body)
}

/// A run's row.
pub(super) fn head(conn: &Connection, run: &RunId) -> Result<Option<Head>, Error> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {HEAD}, checksum FROM runs WHERE run = ?1")).map_err(io)?;
    let mut rows = statement.query([run.as_str()]).map_err(io)?;
    rows.next().map_err(io)?.map(read_head).transpose()
}

/// Rows that fit, newest first.
pub(super) fn heads(conn: &Connection, filter: &Filter) -> Result<Vec<Head>, Error> {
    let mut sql = format!("SELECT {HEAD}, checksum FROM runs WHERE TRUE");
    let mut values: Vec<Sql> = vec![];
    if !filter.statuses.is_empty() {
        let marks = vec!["?"; filter.statuses.len()].join(", ");
        sql.push_str(&format!(" AND status IN ({marks})"));
        values.extend(filter.statuses.iter().map(|status| Sql::from(status.as_str().to_owned())));
    }
    let rest = [
        (" AND app = ?", filter.app.clone().map(Sql::from)),
        (" AND batch = ?", filter.batch.clone().map(Sql::from)),
        (" AND created >= ?", filter.since.map(|time| Sql::from(time.0))),
        (
            " AND (created, id) < (SELECT created, id FROM runs WHERE run = ?)",
            filter.after.as_ref().map(|run| Sql::from(run.as_str().to_owned())),
        ),
    ];
    for (condition, value) in rest {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY created DESC, id DESC LIMIT ?");
    values.push(Sql::from(if filter.limit == 0 { -1 } else { bound(filter.limit) }));
    let mut statement = conn.prepare_cached(&sql).map_err(io)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(io)?;
    let mut heads = vec![];
    while let Some(row) = rows.next().map_err(io)? {
        heads.push(read_head(row)?);
    }
    Ok(heads)
}

/// Waiting runs whose time has come, earliest first.
pub(super) fn due(conn: &Connection, now: Time, limit: usize) -> Result<Vec<RunId>, Error> {
    // The condition repeats the index's own, word for word; otherwise the index is not used.
    let sql = "SELECT run FROM runs WHERE status = 'waiting' AND wake IS NOT NULL AND wake <= ?1
               ORDER BY wake, id LIMIT ?2";
    let mut statement = conn.prepare_cached(sql).map_err(io)?;
    let rows = statement.query_map(params![now.0, bound(limit)], |row| row.get::<_, String>(0)).map_err(io)?;
    rows.map(|row| row.map(RunId::from).map_err(io)).collect()
}

/// Questions, oldest first.
pub(super) fn tasks(conn: &Connection, open: bool, run: Option<&RunId>) -> Result<Vec<Task>, Error> {
    let mut sql = format!("SELECT {TASK}, checksum FROM tasks WHERE TRUE");
    if open {
        sql.push_str(" AND closed IS NULL");
    }
    if run.is_some() {
        sql.push_str(" AND run = (SELECT id FROM runs WHERE run = ?)");
    }
    sql.push_str(" ORDER BY created, rowid");
    let mut statement = conn.prepare_cached(&sql).map_err(io)?;
    let mut rows = statement.query(params_from_iter(run.map(RunId::as_str))).map_err(io)?;
    let mut tasks = vec![];
    while let Some(row) = rows.next().map_err(io)? {
        tasks.push(read_task(row)?);
    }
    Ok(tasks)
}

/// A question; its row has the columns of [`TASK`] and their checksum.
pub(super) fn read_task(row: &Row<'_>) -> Result<Task, Error> {
    let read = || {
        if !row::is_whole(row, 5)? {
            return Err(row::WRONG.into());
        }
        Ok(serde_json::from_str(&row.get::<_, String>(4)?)?)
    };
    read().map_err(|cause: Cause| damaged(format!("task `{}`", name(row, 0)), cause))
}

/// A release by id.
pub(super) fn release(conn: &Connection, id: &ReleaseId) -> Result<Option<Release>, Error> {
    let sql = format!("SELECT {RELEASE}, checksum, id FROM releases WHERE release = ?1");
    let mut statement = conn.prepare_cached(&sql).map_err(io)?;
    let mut rows = statement.query([id.as_str()]).map_err(io)?;
    let Some(row) = rows.next().map_err(io)? else { return Ok(None) };
    read_release(conn, row).map(Some)
}

/// A release with its files; its row has the columns of [`RELEASE`], the checksum and the key.
pub(super) fn read_release(conn: &Connection, row: &Row<'_>) -> Result<Release, Error> {
    try_release(conn, row).map_err(|cause| damaged(format!("release `{}`", name(row, 0)), cause))
}

fn try_release(conn: &Connection, row: &Row<'_>) -> Result<Release, Cause> {
    let (mut files, mut checksums) = (BTreeMap::new(), vec![]);
    let mut statement =
        conn.prepare_cached("SELECT path, checksum, body FROM files WHERE release = ?1 ORDER BY path")?;
    let mut found = statement.query([row.get::<_, i64>(8)?])?;
    while let Some(file) = found.next()? {
        let (path, checksum, body): (String, i64, Vec<u8>) = (file.get(0)?, file.get(1)?, file.get(2)?);
        if record::checksum(&[path.as_bytes(), &body]) != checksum {
            return Err(format!("the checksum of its file `{path}` is wrong").into());
        }
        checksums.push((path.clone(), checksum));
        files.insert(path, body);
    }
    let columns: Vec<_> = (0..7).map(|column| row.get_ref(column)).collect::<rusqlite::Result<_>>()?;
    let names = checksums.iter().map(|(path, checksum)| (path.as_str(), *checksum));
    if row::release_checksum(columns, names) != row.get::<_, i64>(7)? {
        return Err(row::WRONG.into());
    }
    Ok(Release {
        id: row.get::<_, String>(0)?.into(),
        app: row.get(1)?,
        path: row.get(2)?,
        files,
        main: row.get(3)?,
        models: serde_json::from_str(&row.get::<_, String>(4)?)?,
        overlays: serde_json::from_str(&row.get::<_, String>(6)?)?,
        created: Time(row.get(5)?),
    })
}

/// A large value by content hash.
pub(super) fn blob(conn: &Connection, hash: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut statement = conn.prepare_cached("SELECT checksum, body FROM blobs WHERE hash = ?1").map_err(io)?;
    let row = statement.query_row([hash], |row| Ok((row.get(0)?, row.get(1)?)));
    let row: Option<(i64, Vec<u8>)> = row.optional().map_err(io)?;
    match row {
        Some((checksum, body)) if record::checksum(&[hash.as_bytes(), &body]) != checksum => {
            Err(damaged(format!("the large value `{hash}`"), "its checksum is wrong".into()))
        }
        row => Ok(row.map(|(_, body)| body)),
    }
}

/// A run's row; it has the columns of [`HEAD`] and their checksum.
pub(super) fn read_head(row: &Row<'_>) -> Result<Head, Error> {
    try_head(row).map_err(|cause| damaged(format!("the row of run `{}`", name(row, 0)), cause))
}

/// Why something cannot be read.
type Cause = Box<dyn std::error::Error>;

fn damaged(what: String, cause: Cause) -> Error {
    Error::Damaged { what, cause: cause.to_string() }
}

fn try_head(row: &Row<'_>) -> Result<Head, Cause> {
    if !row::is_whole(row, HEAD_WIDTH)? {
        return Err(row::WRONG.into());
    }
    let status: String = row.get(3)?;
    let outcome: String = row.get(12)?;
    let batch = match (row.get::<_, Option<String>>(7)?, row.get::<_, Option<i64>>(8)?) {
        (Some(name), Some(line)) => Some((name, u64::try_from(line)?)),
        _ => None,
    };
    Ok(Head {
        run: row.get::<_, String>(0)?.into(),
        app: row.get(1)?,
        release: row.get::<_, String>(2)?.into(),
        status: Status::find(&status).ok_or_else(|| format!("its status `{status}` is unknown"))?,
        created: Time(row.get(4)?),
        updated: Time(row.get(5)?),
        wake: row.get::<_, Option<i64>>(6)?.map(Time),
        batch,
        cost_usd: row.get(9)?,
        input_tokens: u64::try_from(row.get::<_, i64>(10)?)?,
        output_tokens: u64::try_from(row.get::<_, i64>(11)?)?,
        outcome: serde_json::from_str(&outcome)?,
    })
}

/// A name for an error's words, if it is one.
fn name(row: &Row<'_>, column: usize) -> String {
    row.get(column).unwrap_or_else(|_| "?".to_owned())
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}
