//! A tool that runs one SQL statement on a SQLite database: `connections: { shop: { use: sqlite, path: shop.db } }`.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    hooks::{AuthAction, AuthContext, Authorization},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uzel_core::{
    capability::{Attempt, BoxFuture, tool::Tool},
    failure::{Failure, FailureClass},
};

use crate::stop;

mod statement;

/// How long a statement waits for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How many idle connections are kept.
const MAX_IDLE: usize = 8;
/// How often, in steps of the SQLite machine, the time limit is looked at.
const STEPS: i32 = 10_000;

/// Where a database is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file, relative to the folder of the app file. Its folder must exist.
    pub path: String,
    /// SQL that makes the tables. It runs once, when the file does not exist, all of it or nothing.
    #[serde(default)]
    pub init: Option<String>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Reads: gives `{ rows: [{column: value}], row: first row or null }`. A statement that writes is refused.
    Query,
    /// Writes: gives `{ changes: number of rows }`.
    Execute,
}

/// A database, shared by the tools on it.
pub struct Database {
    path: PathBuf,
    init: Option<String>,
    idle: Mutex<Vec<Connection>>,
}

impl Database {
    /// A database under `base`. Nothing is opened before the first statement.
    pub fn new(config: Config, base: &Path) -> Arc<Self> {
        Arc::new(Self { path: base.join(config.path), init: config.init, idle: Mutex::new(vec![]) })
    }

    /// Runs work on a connection of its own, which must end before `end`. Blocks.
    fn with<T>(&self, end: Instant, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let fault = |error| failure(&error);
        let wait = BUSY.min(end.saturating_duration_since(now()));
        LOCKED_UNTIL.set(Some(now() + wait));
        connection.busy_handler(Some(wait_a_little)).map_err(fault)?;
        connection.progress_handler(STEPS, Some(move || now() >= end || stop::is_stopped())).map_err(fault)?;
        let done = work(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE && connection.is_autocommit() {
            idle.push(connection);
        }
        done
    }

    fn open(&self) -> Result<Connection, Failure> {
        if !self.path.exists() {
            self.create()?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.authorizer(Some(authorize))?;
            Ok(connection)
        });
        opened.map_err(|error| {
            let inner = failure(&error);
            Failure { message: format!("{}: {}", self.path.display(), inner.message), ..inner }
        })
    }

    /// Runs `init` in a file of another name, which becomes the database when it is whole. Of two processes that do
    /// this at once, one wins and both go on with its file.
    fn create(&self) -> Result<(), Failure> {
        let Some(init) = &self.init else { return Ok(()) };
        let refuse = |error: String| {
            Failure::new(FailureClass::Invalid, format!("the database {} cannot be made", self.path.display()))
                .because(error)
        };
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".new").tempfile_in(folder);
        let temporary = temporary.map_err(|error| refuse(error.to_string()))?;
        let run = || {
            let mut connection = Connection::open(temporary.path())?;
            // No journal to be left behind: a file that is not whole is thrown away.
            connection.pragma_update(None, "journal_mode", "memory")?;
            connection.authorizer(Some(authorize))?;
            let transaction = connection.transaction()?;
            transaction.execute_batch(init)?;
            transaction.commit()?;
            connection.close().map_err(|(_, error)| error)
        };
        run().map_err(|error: rusqlite::Error| refuse(format!("init: {error}")))?;
        temporary.as_file().sync_all().map_err(|error| refuse(error.to_string()))?;
        match temporary.persist_noclobber(&self.path) {
            Ok(_) => {
                // The name must last as well; a file system that cannot sync a folder keeps it by itself.
                let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
                Ok(())
            }
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(refuse(error.error.to_string())),
        }
    }
}

/// Statements stay in their database and do not touch transactions or settings. Reading functions of FTS are pragmas
/// to SQLite only by name and stay allowed through their tables.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Pragma { pragma_name, pragma_value } => {
            // FTS5 asks for these itself; they change nothing.
            let reads = matches!(pragma_name, "data_version" | "table_info" | "foreign_keys")
                && pragma_value.is_none_or(|_| pragma_name == "table_info");
            if reads { Authorization::Allow } else { Authorization::Deny }
        }
        AuthAction::Function { function_name: "load_extension" } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

/// A tool: one operation on one database, with its SQL or with SQL in the arguments.
pub struct Sqlite {
    database: Arc<Database>,
    operation: Operation,
    sql: Option<Arc<str>>,
}

impl Sqlite {
    /// A tool whose arguments are the named parameters of `sql` (`:name`), or, without `sql`, `{ sql, params }`.
    /// `:idempotency_key` is filled by the runtime.
    pub fn new(database: Arc<Database>, operation: Operation, sql: Option<&str>) -> Self {
        Self { database, operation, sql: sql.map(Arc::from) }
    }
}

impl Tool for Sqlite {
    fn endpoint(&self) -> String {
        format!("sqlite:{}", self.database.path.display())
    }

    fn call<'a>(&'a self, arguments: &'a Value, attempt: &'a Attempt) -> BoxFuture<'a, Result<Value, Failure>> {
        let prepared = statement::arguments(self.sql.as_deref(), arguments);
        let (database, operation, key) = (self.database.clone(), self.operation, attempt.key.clone());
        let end = now() + attempt.timeout;
        Box::pin(async move {
            let (sql, params) = prepared?;
            let run = move |connection: &Connection| statement::run(connection, operation, &sql, &params, &key);
            stop::blocking(move || database.with(end, run)).await
        })
    }
}

thread_local! {
    /// How long the statement of this thread waits for another writer.
    static LOCKED_UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Another writer has the database. A statement that nobody waits for any more must not get its turn after all.
#[expect(clippy::disallowed_methods, reason = "a thread of its own waits for another process")]
fn wait_a_little(times: i32) -> bool {
    if stop::is_stopped() || LOCKED_UNTIL.get().is_none_or(|until| now() >= until) {
        return false;
    }
    std::thread::sleep(Duration::from_millis(times.clamp(1, 20).unsigned_abs().into()));
    true
}

#[expect(clippy::disallowed_methods, reason = "a limit for statements that do not end; it shows in no result")]
fn now() -> Instant {
    Instant::now()
}

/// Sorts an error of SQLite: what may pass by itself is transient, what the author wrote is invalid.
fn failure(error: &rusqlite::Error) -> Failure {
    let (class, what) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (FailureClass::ServerError, "another process keeps the database locked".to_owned())
        }
        Some(ErrorCode::OperationInterrupted) => {
            (FailureClass::Timeout, "the statement did not end in time".to_owned())
        }
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => (FailureClass::Connect, error.to_string()),
        Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory) => (FailureClass::Limit, error.to_string()),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            (FailureClass::Invalid, "ATTACH, DETACH, PRAGMA and extensions are not allowed here".to_owned())
        }
        _ => (FailureClass::Invalid, error.to_string()),
    };
    Failure::new(class, what)
}

#[cfg(test)]
mod tests;
