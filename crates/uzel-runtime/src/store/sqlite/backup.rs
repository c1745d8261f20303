//! Copies of a store: made while it is in use, checked, and brought back. Also gives free space back to the system.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use uzel_core::store::Error;

use super::{
    FILE,
    check::{Checked, Problem, check_file, is_ours},
    existing,
    lock::Lock,
    make_dir, schema, sync_dir,
};

/// What a copy holds.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// What was found when it was read again.
    pub checked: Checked,
    /// Where the store that was there before is now.
    pub aside: Option<PathBuf>,
}

/// Why a copy was not made or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The store's own reasons.
    #[error(transparent)]
    Store(#[from] Error),
    /// There is something at the place of the copy.
    #[error("`{path}` is there already{what}")]
    Occupied {
        /// The place.
        path: String,
        /// What is there, if it matters.
        what: &'static str,
        /// Whether `replace` would be obeyed.
        replaceable: bool,
    },
    /// The copy is damaged.
    #[error("{what} is damaged")]
    Damaged {
        /// Which copy.
        what: String,
        /// How.
        problems: Vec<Problem>,
    },
    /// A file could not be made, moved or written.
    #[error("`{path}`: {error}")]
    Disk {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> Refused + '_ {
    move |error| Refused::Disk { path: path.display().to_string(), error }
}

/// A file that is removed unless it has been moved to its place.
struct Part(PathBuf);

impl Part {
    fn beside(target: &Path) -> Self {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".part-{}", std::process::id()));
        Self(target.with_file_name(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed is told by its name to be a part.
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            let _ = fs::remove_file(path);
        }
    }
}

/// Copies the store in `dir`, of one moment, into one file; another process may own the store and go on writing. The
/// copy is written under another name, checked, synced, and then gets its own. A file that is there is left alone,
/// unless it is a store and `replace` says so.
pub fn backup(dir: &Path, to: &Path, replace: bool) -> Result<Copied, Refused> {
    let file = existing(dir)?;
    let occupied = to.symlink_metadata().is_ok();
    let replaceable = occupied && is_ours(to) && !same(to, &file);
    if occupied && !(replace && replaceable) {
        let what = if replaceable { "" } else { ", and it is no backup" };
        return Err(Refused::Occupied { path: to.display().to_string(), what, replaceable });
    }
    let part = Part::beside(to);
    let (conn, _) = schema::open_any(&file)?;
    let name = part.0.to_str().ok_or_else(|| Refused::Disk {
        path: to.display().to_string(),
        error: io::Error::new(io::ErrorKind::InvalidInput, "its name is no text"),
    })?;
    conn.execute("VACUUM INTO ?1", [name]).map_err(|error| schema::failed(&file, &error))?;
    drop(conn);
    // What a copy is worth is known when it has been read, not when it has been written.
    let checked = check_file(&part.0, &mut |_| vec![])?;
    if !checked.is_whole() {
        let what = format!("the copy of `{}`, or the store itself,", dir.display());
        return Err(Refused::Damaged { what, problems: checked.problems });
    }
    let bytes = sync(&part.0)?;
    fs::rename(&part.0, to).map_err(disk(to))?;
    sync_parent(to)?;
    Ok(Copied { path: to.to_owned(), bytes, checked, aside: None })
}

/// Makes the store in `dir` what it was when the copy was made. The copy is checked first. A store that has runs is only
/// replaced if `replace` says so, and is kept beside it.
pub fn restore(dir: &Path, from: &Path, replace: bool) -> Result<Copied, Refused> {
    if !is_ours(from) {
        let found = fs::metadata(from).map_err(disk(from))?;
        let cause = if found.len() == 0 { "it is empty" } else { "it is no store that this program can read" };
        let problems = vec![Problem { what: "the file".to_owned(), cause: cause.to_owned() }];
        // A newer program's says so by itself.
        schema::open_any(from)?;
        return Err(Refused::Damaged { what: format!("`{}`", from.display()), problems });
    }
    make_dir(dir)?;
    let _lock = Lock::take(dir)?;
    let file = dir.join(FILE);
    let part = Part::beside(&file);
    fs::copy(from, &part.0).map_err(disk(&part.0))?;
    let whole = check_file(&part.0, &mut |_| vec![])?;
    if !whole.is_whole() {
        return Err(Refused::Damaged { what: format!("`{}`", from.display()), problems: whole.problems });
    }
    // An older format is brought forward in the copy's copy.
    drop(schema::open_writer(&part.0)?);
    let checked = check_file(&part.0, &mut |_| vec![])?;
    let bytes = sync(&part.0)?;
    let aside = if file.exists() { put_aside(dir, &file, replace)? } else { None };
    fs::rename(&part.0, &file).map_err(disk(&file))?;
    sync_dir(dir)?;
    Ok(Copied { path: file, bytes, checked, aside })
}

/// Keeps what is in the store under another name; the store itself stays where it is until it is replaced, so that a
/// process that dies in between leaves one or the other. `None` if there is nothing worth keeping.
fn put_aside(dir: &Path, file: &Path, replace: bool) -> Result<Option<PathBuf>, Refused> {
    // First for reading only: whoever opens a damaged file to write may throw its log away.
    let opened = schema::open_any(file).and_then(|_| schema::open_writer(file));
    let closed = opened.and_then(|conn| {
        let runs = conn.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0));
        let runs = runs.map_err(|error| schema::failed(file, &error))?;
        drop(conn);
        Ok(runs)
    });
    // A damaged one is worth keeping too: something may be saved from it by hand.
    if !replace && !matches!(closed, Ok(0)) {
        let what = if closed.is_ok() { ", and has runs" } else { ", and cannot be read" };
        return Err(Refused::Occupied { path: dir.display().to_string(), what, replaceable: true });
    }
    // Whoever closes a store last removes these. The new file must not come to stand beside those of the old one.
    let (wal, shared) = (dir.join("runs.db-wal"), dir.join("runs.db-shm"));
    if closed.is_ok() && (wal.exists() || shared.exists()) {
        let cause = format!("`{}` is being read by another process; try again when it has ended", file.display());
        return Err(Error::Io(cause).into());
    }
    if matches!(closed, Ok(0)) {
        return Ok(None);
    }
    let mut places = (1..10_000).map(|number| dir.join(format!("runs.db.replaced-{number}")));
    let aside = places.find(|place| !place.exists()).ok_or_else(|| Refused::Occupied {
        path: dir.display().to_string(),
        what: ", with ten thousand stores beside it that were replaced",
        replaceable: false,
    })?;
    fs::hard_link(file, &aside).or_else(|_| fs::copy(file, &aside).map(drop)).map_err(disk(&aside))?;
    if wal.exists() {
        let mut name = aside.clone().into_os_string();
        name.push("-wal");
        fs::rename(&wal, &name).map_err(disk(&wal))?;
    }
    if shared.exists() {
        fs::remove_file(&shared).map_err(disk(&shared))?;
    }
    sync_dir(dir)?;
    Ok(Some(aside))
}

/// Bytes of the file before and after what is free in it was given back. Needs the store for itself, and as much room
/// again as the store takes.
pub fn vacuum(dir: &Path) -> Result<(u64, u64), Error> {
    let file = existing(dir)?;
    let _lock = Lock::take(dir)?;
    let failed = |error: rusqlite::Error| schema::failed(&file, &error);
    let conn = schema::open_writer(&file)?;
    let size = || -> rusqlite::Result<u64> {
        let number = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        Ok((number("page_size")? * number("page_count")?).cast_unsigned())
    };
    let before = size().map_err(failed)?;
    conn.execute_batch("VACUUM").map_err(failed)?;
    schema::checkpoint(&conn);
    Ok((before, size().map_err(failed)?))
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Makes a file durable; gives its size.
fn sync(path: &Path) -> Result<u64, Refused> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).map_err(disk(path))?;
    file.sync_all().map_err(disk(path))?;
    Ok(file.metadata().map_err(disk(path))?.len())
}

fn sync_parent(path: &Path) -> Result<(), Refused> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok(sync_dir(parent)?),
        _ => Ok(sync_dir(Path::new("."))?),
    }
}
