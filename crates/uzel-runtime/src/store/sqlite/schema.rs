//! The database file: how it is opened, which format it has, and how older formats are brought forward.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use uzel_core::store::Error;

use super::row;

/// `uzel` in ASCII: marks the file as ours.
const APPLICATION: i64 = 0x757a_656c;

/// A step from a format to the next.
struct Step {
    sql: &'static str,
    /// What SQL cannot do by itself.
    then: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

/// Steps from each format to the next; the first makes an empty file format 1. Only ever added to.
const MIGRATIONS: &[Step] = &[
    Step { sql: include_str!("schema.sql"), then: None },
    // 2: which overlays a release was made with.
    Step { sql: "ALTER TABLE releases ADD COLUMN overlays TEXT NOT NULL DEFAULT '[]'", then: None },
    Step { sql: include_str!("schema-3.sql"), then: Some(row::bring_forward) },
];

/// How long a statement waits for somebody who has the file open besides us (a backup, the `sqlite3` shell).
const BUSY: Duration = Duration::from_secs(5);

/// The connection of the owner, which may write; the file is made and brought forward if need be.
pub(super) fn open_writer(file: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(file, flags).map_err(|e| failed(file, &e))?;
    let found = setup_writer(&mut conn, file).map_err(|e| failed(file, &e))??;
    migrate(&mut conn, found).map_err(|e| failed(file, &e))?;
    // Recovery may have read frames from the page cache that a failed fsync left out of the disk for ever. A checkpoint
    // writes them again, into the database, and syncs that.
    checkpoint(&conn);
    Ok(conn)
}

/// A connection that only reads, of this program's format. Works beside a living owner and without one.
pub(super) fn open_reader(file: &Path) -> Result<Connection, Error> {
    let (conn, found) = open_any(file)?;
    if found < known() {
        return Err(Error::Io(format!(
            "`{}` has the older format {found}, this program reads {}; run any command that writes to it once, which \
             brings it forward",
            file.display(),
            known()
        )));
    }
    Ok(conn)
}

/// A connection that only reads, and the format of the file, which may be an older one.
pub(super) fn open_any(file: &Path) -> Result<(Connection, i64), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let conn = Connection::open_with_flags(file, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(32);
        let found = format(&conn, file)?;
        Ok::<_, rusqlite::Error>(found.map(|found| (conn, found)))
    };
    open().map_err(|e| failed(file, &e))?
}

/// What a file of this format holds by its own description: each table and index with its text.
pub(super) fn described(format: i64) -> rusqlite::Result<Vec<(String, String)>> {
    let conn = Connection::open_in_memory()?;
    for step in MIGRATIONS.iter().take(usize::try_from(format).unwrap_or(0)) {
        conn.execute_batch(step.sql)?;
    }
    description(&conn)
}

/// What a file holds by its own description.
pub(super) fn description(conn: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Moves what is in the write-ahead log into the database, as far as readers let it, without waiting for them.
pub(super) fn checkpoint(conn: &Connection) {
    // A checkpoint that does not happen loses nothing: the log stays, and is read again by whoever opens the file.
    let _ = conn.busy_timeout(Duration::ZERO);
    let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let _ = conn.busy_timeout(BUSY);
}

fn setup_writer(conn: &mut Connection, file: &Path) -> rusqlite::Result<Result<i64, Error>> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Before anything is changed: a newer or a foreign file is left as it is.
    let found = match format(conn, file)? {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let mode = to_wal(conn)?;
    if !mode.eq_ignore_ascii_case("wal") {
        let cause = format!("`{}` cannot have a write-ahead log here (its journal mode is {mode})", file.display());
        return Ok(Err(Error::Io(cause)));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    // macOS: without this an fsync stops at the drive's cache. Elsewhere it does nothing.
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(Ok(found))
}

/// Asks for a write-ahead log; gives the mode that there is.
fn to_wal(conn: &Connection) -> rusqlite::Result<String> {
    let mut statement = conn.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    // To the end: the change is committed after the row, and when that fails the row has said `wal` all the same.
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

/// The format of the file, 0 if it is empty; an error if it is not ours or too new.
fn format(conn: &Connection, file: &Path) -> rusqlite::Result<Result<i64, Error>> {
    let number = |pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables != 0 || found != 0) {
        return Ok(Err(Error::Io(format!("`{}` is a database of another program", file.display()))));
    }
    Ok(if found > known() { Err(Error::Newer { found, known: known() }) } else { Ok(found.max(0)) })
}

fn migrate(conn: &mut Connection, found: i64) -> rusqlite::Result<()> {
    if found >= known() {
        return Ok(());
    }
    // One transaction with the format number in it: a crash leaves the old format or the new one.
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step.sql)?;
        if let Some(then) = step.then {
            then(&transaction)?;
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()
}

/// The format that this program writes.
pub(super) const fn known() -> i64 {
    (MIGRATIONS.len() as u64).cast_signed()
}

pub(super) fn failed(file: &Path, error: &rusqlite::Error) -> Error {
    Error::Io(format!("`{}`: {error}", file.display()))
}
