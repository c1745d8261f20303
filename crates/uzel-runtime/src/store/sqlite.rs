//! The default store: one SQLite file in the app's folder, owned by one process; opened by the commands.

pub mod backup;
pub mod check;
mod insert;
mod lock;
pub mod prune;
mod reader;
mod row;
mod schema;
mod select;
pub mod stats;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use uzel_core::{
    capability::BoxFuture,
    event::{Event, ReleaseId, RunId, Seq, Time},
    store::{Append, Error, Filter, Head, Records, Release, Store, Task},
};

use self::{
    lock::Lock,
    reader::Readers,
    writer::{Health, Work, Writer},
};
use super::admit::{admit, admit_release};

/// Name of the database in the store's folder.
const FILE: &str = "runs.db";

/// Runs in a SQLite file. Dropping it waits for what is queued, and tidies the file.
pub struct Sqlite {
    // Invariant: dropped in this order. Readers first, so that the writer's connection is the last one and can clear
    // the write-ahead log; the lock after all connections.
    readers: Readers,
    writer: Option<Writer>,
    health: Arc<Health>,
    _lock: Option<Lock>,
}

impl Sqlite {
    /// Opens the store in `dir` as its owner, and makes it if it is not there. Blocks for some milliseconds.
    ///
    /// [`Error::InUse`] if another process owns it, [`Error::Newer`] if a newer program wrote it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        make_dir(dir)?;
        let lock = Lock::take(dir)?;
        let file = dir.join(FILE);
        let conn = schema::open_writer(&file)?;
        sync_dir(dir)?;
        let health = Arc::new(Health::default());
        // Before the readers: if they cannot start, the writer is dropped after them here too.
        let writer = Writer::start(conn, Arc::clone(&health))?;
        let readers = Readers::start(&file)?;
        Ok(Self { readers, writer: Some(writer), health, _lock: Some(lock) })
    }

    /// Opens the store in `dir` for reading; another process may own it and go on writing. Appends are refused with
    /// [`Error::ReadOnly`]. It is an error if there is no store.
    pub fn open_read_only(dir: &Path) -> Result<Self, Error> {
        let file = existing(dir)?;
        let readers = Readers::start(&file)?;
        Ok(Self { readers, writer: None, health: Arc::default(), _lock: None })
    }

    fn writer(&self) -> Result<&Writer, Error> {
        self.health.check()?;
        self.writer.as_ref().ok_or(Error::ReadOnly)
    }

    fn readers(&self) -> Result<&Readers, Error> {
        self.health.check()?;
        Ok(&self.readers)
    }
}

impl Store for Sqlite {
    fn append(&self, run: RunId, after: Seq, append: Append) -> BoxFuture<'_, Result<Seq, Error>> {
        Box::pin(async move {
            let writer = self.writer()?;
            let append = Box::new(admit(run, after, append)?);
            writer.write(Work::Append(append)).await
        })
    }

    fn load(&self, run: RunId) -> BoxFuture<'_, Result<(Vec<Event>, Seq), Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::load(conn, &run)).await })
    }

    fn records(&self, run: RunId, after: Seq) -> BoxFuture<'_, Result<Records, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::records(conn, &run, after)).await })
    }

    fn head(&self, run: RunId) -> BoxFuture<'_, Result<Option<Head>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::head(conn, &run)).await })
    }

    fn heads(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Head>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::heads(conn, &filter)).await })
    }

    fn due(&self, now: Time, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::due(conn, now, limit)).await })
    }

    fn tasks(&self, open: bool, run: Option<RunId>) -> BoxFuture<'_, Result<Vec<Task>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::tasks(conn, open, run.as_ref())).await })
    }

    fn put_release(&self, release: Release) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let writer = self.writer()?;
            admit_release(&release)?;
            writer.write(Work::Release(Box::new(release))).await.map(drop)
        })
    }

    fn release(&self, id: ReleaseId) -> BoxFuture<'_, Result<Option<Release>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::release(conn, &id)).await })
    }

    fn blob(&self, hash: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        Box::pin(async move { self.readers()?.read(move |conn| select::blob(conn, &hash)).await })
    }
}

/// The database of the store in `dir`, or an error that says that there is none.
fn existing(dir: &Path) -> Result<PathBuf, Error> {
    let file = dir.join(FILE);
    match file.try_exists() {
        Ok(true) => Ok(file),
        Ok(false) => Err(Error::Io(format!("there is no store in `{}`: nothing has run here yet", dir.display()))),
        Err(error) => Err(Error::Io(format!("`{}`: {error}", file.display()))),
    }
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Io(format!("`{}`: {error}", dir.display()));
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir).map_err(failed)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Makes names of new files in a folder durable; a file that is synced may still be lost with its name.
fn sync_dir(dir: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let synced = std::fs::File::open(dir).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::Io(format!("`{}`: {error}", dir.display())))?;
    }
    Ok(())
}
