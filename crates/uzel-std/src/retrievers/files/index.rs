//! The index of the file retriever: one SQLite file, built under another name and renamed when it is whole.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::UNIX_EPOCH,
};

use rusqlite::{Connection, OpenFlags, params};
use uzel_core::capability::model::Document;

use super::{
    Language,
    folder::{self, Entry},
    passages, query,
};

/// Changes when the tables or the way of splitting do; an index of another version is made again.
const VERSION: i64 = 1;
/// How many passages one index may have.
const MAX_PASSAGES: usize = 100_000;
/// A file that was changed so shortly before it was read may change again within one tick of its clock, in ns.
const RACY: i64 = 2_000_000_000;
/// How much a word in the headings counts beside one in the text.
const TITLE_WEIGHT: f64 = 2.0;

/// An open index.
pub(super) struct Index {
    connection: Connection,
    files: Vec<(Entry, Vec<u8>)>,
    built: i64,
}

impl Index {
    /// Opens an index; nothing if it is not there, of another version, or broken.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).ok()?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).ok()?;
        if version != VERSION {
            return None;
        }
        let built = connection.query_row("SELECT built FROM meta", [], |row| row.get(0)).ok()?;
        let mut select = connection.prepare("SELECT path, size, modified, hash FROM files ORDER BY path").ok()?;
        let entry = |row: &rusqlite::Row<'_>| {
            let size = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            Ok((Entry { path: row.get(0)?, size, modified: row.get(2)? }, row.get(3)?))
        };
        let files = select.query_map([], entry).ok()?.collect::<Result<Vec<_>, _>>().ok()?;
        drop(select);
        Some(Self { connection, files, built })
    }

    /// Whether the index was made from these files. Contents are only read where size and time leave a doubt.
    pub(super) fn fits(&self, base: &Path, entries: &[Entry]) -> bool {
        let same = |((old, hash), new): (&(Entry, Vec<u8>), &Entry)| {
            let sure = old == new && new.modified != 0 && new.modified < self.built - RACY;
            old.path == new.path
                && old.size == new.size
                && (sure || folder::hash(base, &new.path).as_ref() == Some(hash))
        };
        self.files.len() == entries.len() && self.files.iter().zip(entries).all(same)
    }

    /// Reads the files and makes the index.
    pub(super) fn build(path: &Path, base: &Path, entries: &[Entry], language: Language) -> Result<Self, String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| format!("the cache folder {}: {error}", folder.display()))?;
        let unique = format!("tmp-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let temporary = Temporary(path.with_extension(unique));
        fill(&temporary.0, base, entries, language)?;
        let disk = |error: std::io::Error| format!("the index {}: {error}", path.display());
        File::open(&temporary.0).and_then(|file| file.sync_all()).map_err(disk)?;
        fs::rename(&temporary.0, path).map_err(disk)?;
        Self::open(path).ok_or_else(|| format!("the index {} cannot be read back", path.display()))
    }

    /// The best passages, best first; among equals by id.
    pub(super) fn search(&self, query: &str, top_k: usize, min_score: f64) -> Result<Vec<Document>, String> {
        // Row numbers follow the ids, so ordering by them is ordering by id without reading the passages.
        let sql = "SELECT p.id, p.title, p.text, -hits.score FROM \
            (SELECT rowid AS number, bm25(words, ?3, 1.0) AS score FROM words WHERE words MATCH ?1 \
             ORDER BY score, rowid LIMIT ?2) AS hits \
            JOIN passages AS p ON p.number = hits.number ORDER BY hits.score, p.number";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Document { id: row.get(0)?, title: row.get(1)?, text: row.get(2)?, score: row.get(3)? })
        };
        let top_k = i64::try_from(top_k).unwrap_or(i64::MAX);
        let mut select = self.connection.prepare_cached(sql).map_err(|error| error.to_string())?;
        let found = select.query_map(params![query, top_k, TITLE_WEIGHT], read).map_err(|error| error.to_string())?;
        let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        Ok(found.into_iter().filter(|document| document.score >= min_score).collect())
    }
}

/// A file that is removed when it was not renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename it is not there, and if it cannot be removed nobody will read it.
        let _ = fs::remove_file(&self.0);
    }
}

fn fill(path: &Path, base: &Path, entries: &[Entry], language: Language) -> Result<(), String> {
    let sql = |error: rusqlite::Error| format!("the index {}: {error}", path.display());
    // The disk's own clock, before anything is read: what it is compared with comes from the same clock.
    let made = File::create(path).and_then(|file| file.metadata()?.modified());
    let made = made.map_err(|error| format!("the index {}: {error}", path.display()))?;
    let built = made.duration_since(UNIX_EPOCH).ok().and_then(|age| i64::try_from(age.as_nanos()).ok()).unwrap_or(0);
    let mut all = vec![];
    let mut hashes = vec![];
    for entry in entries {
        let text = folder::read(base, &entry.path)?;
        hashes.push(folder::hash(base, &entry.path).unwrap_or_default());
        all.extend(passages::split(&entry.path, &text));
        if all.len() > MAX_PASSAGES {
            return Err(format!("there are more than {MAX_PASSAGES} passages: use a narrower glob"));
        }
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let mut connection = Connection::open(path).map_err(sql)?;
    connection.pragma_update(None, "journal_mode", "off").map_err(sql)?;
    connection.pragma_update(None, "synchronous", "off").map_err(sql)?;
    let transaction = connection.transaction().map_err(sql)?;
    let stemmer = match language {
        Language::English => "porter ",
        Language::Other => "",
    };
    let tables = format!(
        "CREATE TABLE meta(built INTEGER NOT NULL);
         CREATE TABLE files(path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, hash BLOB) WITHOUT ROWID;
         CREATE TABLE passages(number INTEGER PRIMARY KEY, id TEXT, title TEXT, text TEXT);
         CREATE VIRTUAL TABLE words USING fts5(title, text, content='', tokenize='{stemmer}unicode61 remove_diacritics 2');"
    );
    transaction.execute_batch(&tables).map_err(sql)?;
    transaction.execute("INSERT INTO meta VALUES (?1)", [built]).map_err(sql)?;
    {
        let mut file = transaction.prepare("INSERT INTO files VALUES (?1, ?2, ?3, ?4)").map_err(sql)?;
        for (entry, hash) in entries.iter().zip(&hashes) {
            let size = i64::try_from(entry.size).unwrap_or(i64::MAX);
            file.execute(params![entry.path, size, entry.modified, hash]).map_err(sql)?;
        }
        let mut passage = transaction.prepare("INSERT INTO passages VALUES (?1, ?2, ?3, ?4)").map_err(sql)?;
        let mut words =
            transaction.prepare("INSERT INTO words(rowid, title, text) VALUES (?1, ?2, ?3)").map_err(sql)?;
        for (number, one) in (1_i64..).zip(&all) {
            passage.execute(params![number, one.id, one.title, one.text]).map_err(sql)?;
            words.execute(params![number, query::spaced(&one.title), query::spaced(&one.text)]).map_err(sql)?;
        }
    }
    transaction.execute("INSERT INTO words(words) VALUES ('optimize')", []).map_err(sql)?;
    transaction.commit().map_err(sql)?;
    connection.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    connection.close().map_err(|(_, error)| sql(error))
}
