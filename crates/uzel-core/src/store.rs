//! Where runs are kept: a small seam that memory, SQLite and others fill. Data only; no store lives in this crate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    capability::BoxFuture,
    event::{EffectName, Event, InstancePath, Question, ReleaseId, RunId, Seq, Time},
};

/// Where a run stands, as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, and somebody works on it or must take it up.
    Running,
    /// Parked for a person, a time or a callback.
    Waiting,
    /// Left alone until somebody asks for it by name: too many processes died with it in hand.
    Quarantined,
    /// Done.
    Succeeded,
    /// Ended with a failure.
    Failed,
    /// A guard ended it with a text.
    Stopped,
    /// Somebody ended it.
    Cancelled,
}

impl Status {
    /// All, in the order people read them.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Waiting,
        Self::Quarantined,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Cancelled,
    ];

    /// The word in lists and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing will happen any more.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting | Self::Quarantined)
    }
}

/// A run in one row: a projection of its log, written in the same transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Which run.
    pub run: RunId,
    /// The app's name.
    pub app: String,
    /// The release it is pinned to.
    pub release: ReleaseId,
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub created: Time,
    /// When this row was written.
    pub updated: Time,
    /// When it must be looked at again without anybody asking.
    pub wake: Option<Time>,
    /// The batch it belongs to, and its line there, from 0.
    pub batch: Option<(String, u64)>,
    /// Money so far.
    pub cost_usd: f64,
    /// Tokens so far.
    pub input_tokens: u64,
    /// Tokens so far.
    pub output_tokens: u64,
    /// The output of a run that succeeded, the text of one that was stopped, the reason of one that failed.
    pub outcome: Value,
}

/// An open or answered question to a person, as the inbox shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `run/instance`, unique in a store.
    pub id: String,
    /// The run.
    pub run: RunId,
    /// The node instance.
    pub instance: InstancePath,
    /// What is asked.
    pub question: Question,
    /// Digest of the question; an answer carries it.
    pub digest: String,
    /// When it was asked.
    pub created: Time,
    /// Who answered and how, once somebody did: `None` while it is open.
    pub closed: Option<String>,
}

/// Events that become durable together; at most one of them is an effect's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The effect whose result is in this frame; unique in its run.
    pub effect: Option<EffectName>,
    /// In order.
    pub events: Vec<Event>,
}

/// What one append changes, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// Records; each gets the next sequence number.
    pub frames: Vec<Frame>,
    /// The run's row, if it changed. The first append of a run must have it.
    pub head: Option<Head>,
    /// Questions that were asked or closed: inserted or replaced by id.
    pub tasks: Vec<Task>,
    /// Large values that the frames refer to, by content hash. A frame may also refer to one that is in the store; one
    /// that is nowhere is refused.
    pub blobs: Vec<(String, Vec<u8>)>,
}

/// A released app: everything that its runs need, by content hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Hash of all that follows except `created`.
    pub id: ReleaseId,
    /// The app's name.
    pub app: String,
    /// Path of the app file as it was given.
    pub path: String,
    /// Files by path relative to the app's folder; the app file is among them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Name of the app file in `files`.
    pub main: String,
    /// Model choices made outside the file: name to `provider/model`.
    pub models: BTreeMap<String, String>,
    /// Names of files in `files` that are put over the app file, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<String>,
    /// When it was first seen.
    pub created: Time,
}

/// Which runs a list shows; all that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these, or all if empty.
    pub statuses: Vec<Status>,
    /// Of this app.
    pub app: Option<String>,
    /// Of this batch.
    pub batch: Option<String>,
    /// Created at or after.
    pub since: Option<Time>,
    /// At most so many, newest first; 0 is no limit.
    pub limit: usize,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log moved on: somebody else appended.
    #[error("the log of run `{run}` is at {found}, not at {expected}")]
    Conflict {
        /// Which run.
        run: RunId,
        /// What the caller knew.
        expected: Seq,
        /// What is there.
        found: Seq,
    },
    /// The effect has a result in this run already.
    #[error("run `{run}` has a result of effect `{effect}` already")]
    Duplicate {
        /// Which run.
        run: RunId,
        /// Which effect.
        effect: EffectName,
    },
    /// The call can never succeed: a part is missing, does not belong there, is too large or could not be read again.
    #[error("{what} was refused: {cause}")]
    Invalid {
        /// What was to be written.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Another process has the store.
    #[error("the store `{path}` is in use by {owner}")]
    InUse {
        /// Which store.
        path: String,
        /// Process id and command, as it wrote them.
        owner: String,
    },
    /// There is no such run.
    #[error("there is no run `{0}`")]
    UnknownRun(RunId),
    /// The store was opened for reading.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// A record cannot be read.
    #[error("record {seq} of run `{run}` cannot be read: {cause}")]
    Corrupt {
        /// Which run.
        run: RunId,
        /// Which record.
        seq: Seq,
        /// What the decoder says.
        cause: String,
    },
    /// Something beside the log cannot be read.
    #[error("{what} cannot be read: {cause}")]
    Damaged {
        /// Which row or value.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The store was written by a newer program.
    #[error("the store has format {found}; this program knows up to {known}")]
    Newer {
        /// In the store.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// The disk or the database failed.
    #[error("the store failed: {0}")]
    Io(String),
}

/// A store of runs. Appends of all runs may be committed together; each is durable when its future is done.
pub trait Store: Send + Sync {
    /// Appends to a run whose last record is `after` (0 for a new run), all or nothing; returns the new last
    /// sequence number. The first append of a run has its head and at least one frame. A caller that drops the future
    /// does not know whether the append happened; the same holds after [`Error::Io`].
    fn append(&self, run: RunId, after: Seq, append: Append) -> BoxFuture<'_, Result<Seq, Error>>;
    /// All events of a run, oldest first, and the last sequence number; an unknown run is an error.
    fn load(&self, run: RunId) -> BoxFuture<'_, Result<(Vec<Event>, Seq), Error>>;
    /// A run's row.
    fn head(&self, run: RunId) -> BoxFuture<'_, Result<Option<Head>, Error>>;
    /// Rows, newest first.
    fn heads(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Head>, Error>>;
    /// Waiting runs whose time has come, earliest first, at most `limit`.
    fn due(&self, now: Time, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, Error>>;
    /// Questions: open ones (`open` true) or all; of one run, or of all. Oldest first.
    fn tasks(&self, open: bool, run: Option<RunId>) -> BoxFuture<'_, Result<Vec<Task>, Error>>;
    /// Keeps a release; one with the same id is kept once.
    fn put_release(&self, release: Release) -> BoxFuture<'_, Result<(), Error>>;
    /// A release by id.
    fn release(&self, id: ReleaseId) -> BoxFuture<'_, Result<Option<Release>, Error>>;
    /// A large value by content hash.
    fn blob(&self, hash: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>>;
}
