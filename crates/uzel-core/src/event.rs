//! Facts about a run: stored, append-only, changed only by adding. A run's state is a fold over them.
//!
//! Names: an instance is a node at a path (`decide`, `notes[17].summarise`); an effect is `instance / name`. Results are
//! filed by these names, so nothing depends on the order in which parallel work happened.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{capability::tool::EffectClass, failure::Failure};

/// Milliseconds since 1970 UTC, read by the runtime and given to the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// This time plus a duration, saturating.
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this; 0 if the clock went back.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

names! {
    /// Name of a run, unique in a store.
    RunId;
    /// A node at a place: `decide`, `notes[17].summarise`.
    InstancePath;
    /// An effect's name within its run: `decide/chat`, `notes[17].summarise/chat`.
    EffectName;
    /// Content hash of a release: `sha256` in hexadecimal.
    ReleaseId;
}

impl EffectName {
    /// The name of effect `name` of `instance`.
    pub fn of(instance: &InstancePath, name: &str) -> Self {
        Self(format!("{instance}/{name}").into())
    }

    /// The instance that it is an effect of. Paths of instances have no `/` in them.
    pub fn instance(&self) -> InstancePath {
        InstancePath::from(self.0.split_once('/').map_or(&*self.0, |(instance, _)| instance))
    }
}

/// Position in a run's log; the first record has 1, and 0 stands before it.
pub type Seq = u64;

/// A value in the log: here, or in the result of an effect of the same run, or in the blob store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    /// The value itself.
    Here(Arc<Value>),
    /// The same value as that effect returned.
    Effect(EffectName),
    /// In the blob store, by content hash.
    Blob(String),
}

/// What one effect cost, and how it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EffectMeta {
    /// When the first try began.
    pub started: Time,
    /// When the result was there.
    pub ended: Time,
    /// How many tries, over all endpoints.
    pub attempts: u32,
    /// The endpoint that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens read.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Tokens written.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Money.
    #[serde(skip_serializing_if = "is_free")]
    pub cost_usd: f64,
    /// Failures of tries before the one that counts, oldest first, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<Failure>,
    /// Whether a lesser endpoint answered than the first of the chain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub brown_out: bool,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn no_crash(n: &u32) -> bool {
    *n == 0
}

fn is_free(cost: &f64) -> bool {
    *cost == 0.0
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked, in one line.
    pub title: String,
    /// What the person needs to see.
    #[serde(default)]
    pub show: Value,
    /// JSON Schema of the form, an object.
    #[serde(default)]
    pub form: Value,
    /// Values the form starts with.
    #[serde(default)]
    pub defaults: Value,
    /// Buttons; the first is the usual one.
    pub actions: Vec<String>,
    /// Who should answer.
    #[serde(default)]
    pub assign: Value,
    /// When the answer is no longer waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// The action that is taken at `due`; the node fails if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<String>,
    /// The effect that it is about, if it asks whether something was done that must not be done twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<EffectName>,
}

/// The person says that the effect was done.
pub const DONE: &str = "done";
/// The person says that it was not.
pub const NOT_DONE: &str = "not_done";

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The button.
    pub action: String,
    /// The filled form.
    #[serde(default)]
    pub form: Value,
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// Digest of the question as it was shown.
    pub digest: String,
}

/// Why a run is parked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// For a time.
    Until(Time),
    /// For a person.
    Answer(Box<Question>),
    /// For someone to call back with this token.
    Callback {
        /// Names the wait to the outside.
        token: String,
        /// When it is no longer waited for.
        due: Option<Time>,
        /// JSON Schema of what is sent; anything if null.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        payload: Value,
    },
}

impl Wait {
    /// When the engine must look at the run again by itself.
    pub fn due(&self) -> Option<Time> {
        match self {
            Self::Until(time) => Some(*time),
            Self::Answer(question) => question.due,
            Self::Callback { due, .. } => *due,
        }
    }
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A person answered.
    Answered(Answer),
    /// Its time came.
    Due(Time),
    /// Someone called back.
    Called {
        /// What they sent.
        value: Value,
        /// When.
        at: Time,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All nodes settled; the app's output.
    Succeeded(Stored),
    /// A node failed and nothing handled it.
    Failed {
        /// Where.
        instance: Option<InstancePath>,
        /// Why.
        failure: Failure,
    },
    /// A guard stopped it with a text for the user.
    Stopped {
        /// Which guard.
        instance: InstancePath,
        /// What the user is told.
        text: String,
        /// The app's output as far as it can be computed.
        output: Stored,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// Who and why, as they said.
        why: String,
    },
}

/// Where a run's first records come from: another run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkedFrom {
    /// The run.
    pub run: RunId,
    /// The node that is done again, with all after it; `None` if only outputs were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<InstancePath>,
    /// How many results of effects were taken over. They are the first of the log, and were paid for by that run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reused: u64,
    /// Nodes whose outputs were set by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<InstancePath>,
}

/// A fact about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run was accepted.
    Started {
        /// The app's name.
        app: String,
        /// The release it is pinned to.
        release: ReleaseId,
        /// Checked input.
        input: Arc<Value>,
        /// When.
        at: Time,
        /// By whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Values of flags at the start.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        flags: BTreeMap<String, Value>,
        /// Whether write tools are left out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
        /// The run whose records this one begins with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forked_from: Option<Box<ForkedFrom>>,
    },
    /// A process took the run up again.
    Resumed {
        /// When.
        at: Time,
        /// How many processes died with the run in hand since it last came further.
        #[serde(default, skip_serializing_if = "no_crash")]
        crashes: u32,
    },
    /// The process that drove the run was asked to stop, and let it go: that is no crash.
    LetGo {
        /// When.
        at: Time,
    },
    /// Nobody takes the run up by himself any more: too many processes died with it in hand.
    SetAside {
        /// How many did.
        crashes: u32,
        /// When.
        at: Time,
    },
    /// The run goes on with another release.
    Migrated {
        /// The release that it is pinned to from now on.
        release: ReleaseId,
        /// By whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// When.
        at: Time,
    },
    /// A `once` effect is about to be tried.
    EffectIntended {
        /// Which.
        effect: EffectName,
        /// When.
        at: Time,
    },
    /// An effect has a result; it will never be tried again.
    EffectReturned {
        /// Which.
        effect: EffectName,
        /// What repeating it would do.
        class: EffectClass,
        /// The value, or why there is none.
        result: Result<Stored, Failure>,
        /// Cost and tries.
        meta: EffectMeta,
    },
    /// A node instance ended well.
    Returned {
        /// Which.
        instance: InstancePath,
        /// The way it chose, for kinds with several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<String>,
        /// What it gave.
        value: Stored,
        /// When it began.
        started: Time,
        /// When.
        at: Time,
    },
    /// A node instance failed.
    Failed {
        /// Which.
        instance: InstancePath,
        /// Why.
        failure: Failure,
        /// When it began.
        started: Time,
        /// When.
        at: Time,
    },
    /// A guard blocked.
    Blocked {
        /// Which.
        instance: InstancePath,
        /// Why, in words for operators.
        reason: String,
        /// What it found.
        value: Stored,
        /// When it began.
        started: Time,
        /// When.
        at: Time,
    },
    /// A node instance was left out for a reason that is not in the graph (a dry run).
    LeftOut {
        /// Which.
        instance: InstancePath,
        /// Why.
        why: String,
        /// When.
        at: Time,
    },
    /// A node instance waits.
    Waited {
        /// Which.
        instance: InstancePath,
        /// For what.
        wait: Wait,
        /// When.
        at: Time,
    },
    /// A wait ended.
    Resolved {
        /// Which instance.
        instance: InstancePath,
        /// How.
        resolution: Resolution,
    },
    /// The run ended.
    Ended {
        /// How.
        end: End,
        /// When.
        at: Time,
    },
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> Time {
        match self {
            Self::Started { at, .. }
            | Self::Resumed { at, .. }
            | Self::LetGo { at }
            | Self::SetAside { at, .. }
            | Self::Migrated { at, .. }
            | Self::EffectIntended { at, .. }
            | Self::Returned { at, .. }
            | Self::Failed { at, .. }
            | Self::Blocked { at, .. }
            | Self::LeftOut { at, .. }
            | Self::Waited { at, .. }
            | Self::Ended { at, .. } => *at,
            Self::EffectReturned { meta, .. } => meta.ended,
            Self::Resolved { resolution, .. } => match resolution {
                Resolution::Answered(answer) => answer.at,
                Resolution::Due(at) | Resolution::Called { at, .. } => *at,
            },
        }
    }

    /// The node instance that it is about, if it is about one.
    pub fn instance(&self) -> Option<InstancePath> {
        match self {
            Self::Started { .. }
            | Self::Resumed { .. }
            | Self::LetGo { .. }
            | Self::SetAside { .. }
            | Self::Migrated { .. }
            | Self::Ended { .. } => None,
            Self::EffectIntended { effect, .. } | Self::EffectReturned { effect, .. } => Some(effect.instance()),
            Self::Returned { instance, .. }
            | Self::Failed { instance, .. }
            | Self::Blocked { instance, .. }
            | Self::LeftOut { instance, .. }
            | Self::Waited { instance, .. }
            | Self::Resolved { instance, .. } => Some(instance.clone()),
        }
    }

    /// The value in it that may be kept by content hash.
    pub fn stored(&self) -> Option<&Stored> {
        match self {
            Self::EffectReturned { result: Ok(stored), .. }
            | Self::Returned { value: stored, .. }
            | Self::Blocked { value: stored, .. }
            | Self::Ended { end: End::Succeeded(stored) | End::Stopped { output: stored, .. }, .. } => Some(stored),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn stored_mut(&mut self) -> Option<&mut Stored> {
        match self {
            Self::EffectReturned { result: Ok(stored), .. }
            | Self::Returned { value: stored, .. }
            | Self::Blocked { value: stored, .. }
            | Self::Ended { end: End::Succeeded(stored) | End::Stopped { output: stored, .. }, .. } => Some(stored),
            _ => None,
        }
    }

    /// Whether successors must wait until this is durable. The others can be computed again, so they are written with
    /// the next durable record and never waited for.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Self::Returned { .. } | Self::Blocked { .. } | Self::LeftOut { .. } | Self::Resumed { .. })
    }
}
