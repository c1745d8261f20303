//! Statements that write, inside the writer's transaction.

use rusqlite::{Connection, ErrorCode, OptionalExtension, params, params_from_iter};
use uzel_core::{
    event::{EffectName, Seq},
    store::{Error, Head, Release, Task},
};

use super::{
    super::{
        admit::{Admitted, lacks},
        record,
    },
    row,
};

/// A run as it is before an append: its key, its last record, and the indexed columns of its row.
struct Known {
    id: i64,
    last: i64,
    indexed: Indexed,
}

type Indexed = (String, i64, Option<i64>, Option<String>);

/// Writes an append; returns the last sequence number. The caller undoes everything on an error.
pub(super) fn append(conn: &Connection, append: &Admitted) -> Result<Seq, Error> {
    let known = find(conn, append.run.as_str()).map_err(io)?;
    let found = known.as_ref().map_or(0, |known| known.last.cast_unsigned());
    if known.is_none() && append.after != 0 {
        return Err(Error::UnknownRun(append.run.clone()));
    }
    if known.is_some() && found != append.after {
        return Err(Error::Conflict { run: append.run.clone(), expected: append.after, found });
    }
    let last = found + append.records.len() as Seq;
    let id = match (&known, &append.head) {
        (None, Some((head, outcome))) if !append.records.is_empty() => insert_run(conn, head, outcome, last)?,
        (None, head) => {
            let part = if head.is_none() { "its head" } else { "a record" };
            return Err(invalid(append, format!("the first append of a run needs {part}")));
        }
        (Some(known), Some((head, outcome))) => update_run(conn, known, head, outcome, last)?,
        (Some(known), None) => {
            let mut statement = conn.prepare_cached("UPDATE runs SET last = ?2 WHERE id = ?1").map_err(io)?;
            statement.execute(params![known.id, last.cast_signed()]).map_err(io)?;
            known.id
        }
    };
    for (seq, encoded) in (found + 1..).zip(&append.records) {
        insert_record(conn, append, id, seq, encoded.effect.as_ref(), &encoded.body)?;
    }
    for (task, json) in &append.tasks {
        if !upsert_task(conn, id, task, json).map_err(io)? {
            return Err(invalid(append, format!("task `{}` is there already, of another run", task.id)));
        }
    }
    for (hash, body) in &append.blobs {
        let sql = "INSERT INTO blobs (hash, checksum, body) VALUES (?1, ?2, ?3) ON CONFLICT (hash) DO NOTHING";
        let checksum = record::checksum(&[hash.as_bytes(), body]);
        conn.prepare_cached(sql).map_err(io)?.execute(params![hash, checksum, body]).map_err(io)?;
    }
    for hash in &append.refers {
        let mut known = conn.prepare_cached("SELECT 1 FROM blobs WHERE hash = ?1").map_err(io)?;
        if !known.exists([hash]).map_err(io)? {
            return Err(invalid(append, lacks(hash)));
        }
        let sql = "INSERT INTO refs (run, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        conn.prepare_cached(sql).map_err(io)?.execute(params![id, hash]).map_err(io)?;
    }
    Ok(last)
}

/// Keeps a release once.
pub(super) fn release(conn: &Connection, release: &Release) -> Result<(), Error> {
    let models = record::json(&release.models).map_err(Error::Io)?;
    let overlays = record::json(&release.overlays).map_err(Error::Io)?;
    let sql = "INSERT INTO releases (release, app, path, main, models, created, overlays, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (release) DO NOTHING";
    let files = release.files.iter().map(|(path, body)| (path.as_str(), record::checksum(&[path.as_bytes(), body])));
    let values = row::release(release, &models, &overlays);
    let values = row::values(values, [row::release_checksum(values, files.clone())]);
    if conn.prepare_cached(sql).map_err(io)?.execute(params_from_iter(values)).map_err(io)? == 0 {
        return Ok(());
    }
    let id = conn.last_insert_rowid();
    for ((path, checksum), body) in files.zip(release.files.values()) {
        let sql = "INSERT INTO files (release, path, checksum, body) VALUES (?1, ?2, ?3, ?4)";
        conn.prepare_cached(sql).map_err(io)?.execute(params![id, path, checksum, body]).map_err(io)?;
    }
    Ok(())
}

fn find(conn: &Connection, run: &str) -> rusqlite::Result<Option<Known>> {
    let sql = "SELECT id, last, status, created, wake, batch FROM runs WHERE run = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        let indexed = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(Known { id: row.get(0)?, last: row.get(1)?, indexed })
    };
    conn.prepare_cached(sql)?.query_row([run], read).optional()
}

/// Writes a new run's row. Its key is above those of runs that are being taken out, too: their records still have them.
fn insert_run(conn: &Connection, head: &Head, outcome: &str, last: Seq) -> Result<i64, Error> {
    let sql =
        "INSERT INTO runs (run, app, release, status, created, updated, wake, batch, line, cost_usd, input_tokens,
                                 output_tokens, outcome, last, checksum, id)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
                       1 + max(coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT max(id) FROM pruning), 0)))";
    let values = row::head(head, outcome);
    let values = row::values(values, [last.cast_signed(), row::checksum(values)]);
    conn.prepare_cached(sql).map_err(io)?.execute(params_from_iter(values)).map_err(io)?;
    Ok(conn.last_insert_rowid())
}

fn update_run(conn: &Connection, known: &Known, head: &Head, outcome: &str, last: Seq) -> Result<i64, Error> {
    let sql = "UPDATE runs SET app = ?2, release = ?3, updated = ?6, line = ?9, cost_usd = ?10, input_tokens = ?11,
                               output_tokens = ?12, outcome = ?13, last = ?14, checksum = ?15 WHERE id = ?16";
    let values = row::head(head, outcome);
    let values = row::values(values, [last.cast_signed(), row::checksum(values), known.id]);
    conn.prepare_cached(sql).map_err(io)?.execute(params_from_iter(values)).map_err(io)?;
    // SQLite rewrites an index for every column that is set, changed or not, and most appends change none of these.
    let batch = head.batch.as_ref().map(|(name, _)| name.clone());
    let now = (head.status.as_str().to_owned(), head.created.0, head.wake.map(|time| time.0), batch);
    if now != known.indexed {
        let sql = "UPDATE runs SET status = ?2, created = ?3, wake = ?4, batch = ?5 WHERE id = ?1";
        let values = params![known.id, now.0, now.1, now.2, now.3];
        conn.prepare_cached(sql).map_err(io)?.execute(values).map_err(io)?;
    }
    Ok(known.id)
}

fn insert_record(
    conn: &Connection,
    append: &Admitted,
    id: i64,
    seq: Seq,
    effect: Option<&EffectName>,
    body: &[u8],
) -> Result<(), Error> {
    let effect_name = effect.map(EffectName::as_str);
    let checksum = record::record_checksum(append.run.as_str(), seq, effect_name, body);
    let sql = "INSERT INTO records (run, seq, effect, checksum, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let inserted = conn
        .prepare_cached(sql)
        .map_err(io)?
        .execute(params![id, seq.cast_signed(), effect_name, checksum, body])
        .map(drop);
    match (inserted, effect) {
        (Err(rusqlite::Error::SqliteFailure(error, _)), Some(effect))
            if error.code == ErrorCode::ConstraintViolation && has_effect(conn, id, effect).map_err(io)? =>
        {
            Err(Error::Duplicate { run: append.run.clone(), effect: effect.clone() })
        }
        (inserted, _) => inserted.map_err(io),
    }
}

fn has_effect(conn: &Connection, id: i64, effect: &EffectName) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM records WHERE run = ?1 AND effect = ?2")?.exists(params![id, effect.as_str()])
}

/// Whether the task is this run's.
fn upsert_task(conn: &Connection, id: i64, task: &Task, json: &str) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO tasks (id, run, created, closed, body, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (id) DO UPDATE SET created = excluded.created, closed = excluded.closed,
                                              body = excluded.body, checksum = excluded.checksum
               WHERE tasks.run = excluded.run";
    let values = row::task(id, task, json);
    let values = row::values(values, [row::checksum(values)]);
    let written = conn.prepare_cached(sql)?.execute(params_from_iter(values))?;
    Ok(written == 1)
}

fn invalid(append: &Admitted, cause: String) -> Error {
    Error::Invalid { what: format!("an append to run `{}`", append.run), cause }
}

fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}
