//! Checksums of the rows that are not records: a run's, a question's, a release's. Used where they are written, read and
//! checked.

use rusqlite::{
    Connection, Row, params,
    types::{ToSqlOutput, ValueRef},
};
use uzel_core::store::{Head, Release, Task};

use super::super::record;

/// The columns of a run's row that make its head, in the order of its checksum. The number of its last record is not
/// among them: it changes with every append, and is checked against the records themselves.
pub(super) const HEAD: &str = "run, app, release, status, created, updated, wake, batch, line, cost_usd, input_tokens, \
                               output_tokens, outcome";
/// How many columns that is.
pub(super) const HEAD_WIDTH: usize = 13;
/// The columns of a question, in the order of its checksum.
pub(super) const TASK: &str = "id, run, created, closed, body";
/// The columns of a release, in the order of its checksum.
pub(super) const RELEASE: &str = "release, app, path, main, models, created, overlays";

/// What stands for a damaged row in messages.
pub(super) const WRONG: &str = "its checksum is wrong: the file was damaged or changed by hand";

/// Checksum of values with their types.
pub(super) fn checksum<'a>(values: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
    let mut bytes = vec![];
    for value in values {
        let (tag, part): (u8, &[u8]) = match &value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_le_bytes()),
            // SQLite keeps no sign of zero.
            ValueRef::Real(number) => (2, &(number + 0.0).to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        bytes.push(tag);
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    record::checksum(&[&bytes])
}

/// Checksum of the first `width` columns of a row.
pub(super) fn checksum_of(row: &Row<'_>, width: usize) -> rusqlite::Result<i64> {
    let values: Vec<ValueRef<'_>> = (0..width).map(|column| row.get_ref(column)).collect::<rusqlite::Result<_>>()?;
    Ok(checksum(values))
}

/// Whether the column after the first `width` has their checksum.
pub(super) fn is_whole(row: &Row<'_>, width: usize) -> rusqlite::Result<bool> {
    Ok(row.get::<_, i64>(width)? == checksum_of(row, width)?)
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn optional<T>(value: Option<T>, known: impl FnOnce(T) -> ValueRef<'static>) -> ValueRef<'static> {
    value.map_or(ValueRef::Null, known)
}

/// The values of [`HEAD`].
pub(super) fn head<'a>(head: &'a Head, outcome: &'a str) -> [ValueRef<'a>; HEAD_WIDTH] {
    [
        text(head.run.as_str()),
        text(&head.app),
        text(head.release.as_str()),
        text(head.status.as_str()),
        ValueRef::Integer(head.created.0),
        ValueRef::Integer(head.updated.0),
        optional(head.wake, |time| ValueRef::Integer(time.0)),
        head.batch.as_ref().map_or(ValueRef::Null, |(name, _)| text(name)),
        optional(head.batch.as_ref().map(|(_, line)| *line), |line| ValueRef::Integer(line.cast_signed())),
        ValueRef::Real(head.cost_usd),
        ValueRef::Integer(head.input_tokens.cast_signed()),
        ValueRef::Integer(head.output_tokens.cast_signed()),
        text(outcome),
    ]
}

/// The values of [`TASK`].
pub(super) fn task<'a>(run: i64, task: &'a Task, json: &'a str) -> [ValueRef<'a>; 5] {
    [
        text(&task.id),
        ValueRef::Integer(run),
        ValueRef::Integer(task.created.0),
        task.closed.as_deref().map_or(ValueRef::Null, text),
        text(json),
    ]
}

/// The values of [`RELEASE`].
pub(super) fn release<'a>(release: &'a Release, models: &'a str, overlays: &'a str) -> [ValueRef<'a>; 7] {
    [
        text(release.id.as_str()),
        text(&release.app),
        text(&release.path),
        text(&release.main),
        text(models),
        ValueRef::Integer(release.created.0),
        text(overlays),
    ]
}

/// The checksum of a release: its row, and the names and checksums of its files in the order of their names.
pub(super) fn release_checksum<'a>(
    row: impl IntoIterator<Item = ValueRef<'a>>,
    files: impl IntoIterator<Item = (&'a str, i64)>,
) -> i64 {
    let files = files.into_iter().flat_map(|(path, checksum)| [text(path), ValueRef::Integer(checksum)]);
    checksum(row.into_iter().chain(files))
}

/// The same values as parameters of a statement, with more after them.
pub(super) fn values<const N: usize>(
    values: [ValueRef<'_>; N],
    more: impl IntoIterator<Item = i64>,
) -> impl Iterator<Item = ToSqlOutput<'_>> {
    let more = more.into_iter().map(ValueRef::Integer).collect::<Vec<_>>();
    values.into_iter().chain(more).map(ToSqlOutput::Borrowed)
}

/// Gives checksums to the rows of a format without, and notes what large values its runs refer to. What cannot be read
/// gets a checksum as it is: it is no worse than before, and a check of the store names it.
pub(super) fn bring_forward(conn: &Connection) -> rusqlite::Result<()> {
    each(conn, &format!("SELECT {HEAD}, id FROM runs"), |row| {
        let (checksum, id) = (checksum_of(row, HEAD_WIDTH)?, row.get::<_, i64>(HEAD_WIDTH)?);
        conn.prepare_cached("UPDATE runs SET checksum = ?2 WHERE id = ?1")?.execute([id, checksum]).map(drop)
    })?;
    each(conn, &format!("SELECT {TASK}, rowid FROM tasks"), |row| {
        let (checksum, id) = (checksum_of(row, 5)?, row.get::<_, i64>(5)?);
        conn.prepare_cached("UPDATE tasks SET checksum = ?2 WHERE rowid = ?1")?.execute([id, checksum]).map(drop)
    })?;
    each(conn, &format!("SELECT {RELEASE}, id FROM releases"), |row| {
        let id: i64 = row.get(7)?;
        let mut statement = conn.prepare_cached("SELECT path, checksum FROM files WHERE release = ?1 ORDER BY path")?;
        let files = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let files: Vec<(String, i64)> = files.collect::<rusqlite::Result<_>>()?;
        let columns: Vec<ValueRef<'_>> = (0..7).map(|column| row.get_ref(column)).collect::<rusqlite::Result<_>>()?;
        let checksum = release_checksum(columns, files.iter().map(|(path, checksum)| (path.as_str(), *checksum)));
        conn.prepare_cached("UPDATE releases SET checksum = ?2 WHERE id = ?1")?.execute([id, checksum]).map(drop)
    })?;
    each(conn, "SELECT run, body FROM records", |row| {
        let (run, body) = (row.get::<_, i64>(0)?, row.get_ref(1)?.as_bytes().unwrap_or_default());
        for hash in record::blobs(&record::decode(body).unwrap_or_default()) {
            let sql = "INSERT OR IGNORE INTO refs (run, hash) SELECT ?1, hash FROM blobs WHERE hash = ?2";
            conn.prepare_cached(sql)?.execute(params![run, hash])?;
        }
        Ok(())
    })
}

/// Calls `work` for every row.
fn each(conn: &Connection, sql: &str, mut work: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        work(row)?;
    }
    Ok(())
}
