//! What is in a store, in numbers. Called by operators' commands; works beside the owner.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use uzel_core::{
    event::Time,
    store::{Error, Status},
};

use super::{existing, schema};

/// Runs of one app in one status.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The app.
    pub app: String,
    /// Where they stand.
    pub status: Status,
    /// How many.
    pub runs: u64,
    /// Their records.
    pub records: u64,
    /// Bytes of their records and outcomes; large values are counted apart.
    pub bytes: u64,
    /// What they cost.
    pub cost_usd: f64,
    /// Tokens read and written.
    pub tokens: u64,
    /// When the oldest began.
    pub oldest: Time,
}

/// A number of things and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// What is in a store.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Its format.
    pub format: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of it that are free to be used again.
    pub free_bytes: u64,
    /// Bytes of the write-ahead log beside it.
    pub wal_bytes: u64,
    /// Runs by app and status.
    pub groups: Vec<Group>,
    /// Large values, each kept once.
    pub blobs: Amount,
    /// Released apps, and the bytes of their files.
    pub releases: Amount,
    /// Questions that nobody has answered.
    pub open_questions: u64,
    /// Runs that were taken out, and whose records are still there.
    pub half_pruned: u64,
    /// When runs were last taken out, and what the record of it says.
    pub last_prune: Option<(Time, String)>,
}

/// Counts what is in the store in `dir`.
pub fn stats(dir: &Path) -> Result<Stats, Error> {
    let file = existing(dir)?;
    let mut conn = schema::open_reader(&file)?;
    let wal_bytes = std::fs::metadata(dir.join("runs.db-wal")).map_or(0, |file| file.len());
    // One moment for all numbers.
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Deferred);
    transaction.and_then(|conn| read(&conn, wal_bytes)).map_err(|error| schema::failed(&file, &error))
}

fn read(conn: &Connection, wal_bytes: u64) -> rusqlite::Result<Stats> {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
    let amount = |sql: &str| {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        conn.query_row(sql, [], read)
            .map(|(count, bytes)| Amount { count: count.cast_unsigned(), bytes: bytes.cast_unsigned() })
    };
    let page = number("PRAGMA page_size")?;
    let sql = "SELECT at, body FROM audit ORDER BY id DESC LIMIT 1";
    let last_prune = conn.query_row(sql, [], |row| Ok((Time(row.get(0)?), row.get(1)?))).optional()?;
    Ok(Stats {
        format: schema::known().cast_unsigned(),
        file_bytes: page * number("PRAGMA page_count")?,
        free_bytes: page * number("PRAGMA freelist_count")?,
        wal_bytes,
        groups: groups(conn)?,
        blobs: amount("SELECT count(*), coalesce(sum(length(body)), 0) FROM blobs")?,
        releases: Amount {
            count: number("SELECT count(*) FROM releases")?,
            bytes: number("SELECT coalesce(sum(length(body)), 0) FROM files")?,
        },
        open_questions: number("SELECT count(*) FROM tasks WHERE closed IS NULL")?,
        half_pruned: number("SELECT count(*) FROM pruning")?,
        last_prune,
    })
}

fn groups(conn: &Connection) -> rusqlite::Result<Vec<Group>> {
    let sql = "SELECT app, status, count(*), sum(coalesce(records, 0)), sum(coalesce(bytes, 0) + length(outcome)),
                      total(cost_usd), sum(input_tokens + output_tokens), min(created)
               FROM runs LEFT JOIN (SELECT run AS id, count(*) AS records, sum(length(body)) AS bytes
                                    FROM records GROUP BY run) USING (id)
               GROUP BY app, status ORDER BY app, status";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let (status, column) = (row.get::<_, String>(1)?, 1);
        let status = Status::find(&status).ok_or_else(|| {
            let cause = format!("the status `{status}` is unknown").into();
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, cause)
        })?;
        Ok(Group {
            app: row.get(0)?,
            status,
            runs: number(2)?,
            records: number(3)?,
            bytes: number(4)?,
            cost_usd: row.get(5)?,
            tokens: number(6)?,
            oldest: Time(row.get(7)?),
        })
    })?;
    rows.collect()
}
