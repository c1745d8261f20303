//! What a built node does when it is called, and everything it may do to the world.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;

use crate::{
    capability::{Attempt, BoxFuture, model::Usage, tool::EffectClass},
    event::{EffectName, InstancePath, Resolution, Stored, Time, Wait},
    failure::{Failure, FailureClass},
};

/// A node, ready to be called. It may be called again after a crash or a wait, with the same input; effects that have a
/// result then return it without being done.
pub trait Node: Send + Sync {
    /// Does the node's work. `input` holds what the kind registered in its check, by name.
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>>;
}

/// How a call ended, if it did not fail.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has a value, and for kinds with several ways on, the way.
    Return {
        /// The node's output.
        value: Stored,
        /// One of the kind's ports.
        port: Option<String>,
    },
    /// A guard found what must not pass.
    Block {
        /// In words for operators.
        reason: String,
        /// The output nevertheless (findings).
        value: Value,
    },
    /// It waits; the node is called again with how the wait ended.
    Wait(Wait),
    /// It was left out, such as a write in a dry run. Its output is null.
    LeaveOut(String),
}

impl Outcome {
    /// A value.
    pub fn value(value: Value) -> Self {
        Self::Return { value: Stored::Here(Arc::new(value)), port: None }
    }
}

/// What a call knows and may do.
pub struct Call {
    /// The instance that is called.
    pub instance: InstancePath,
    /// How the wait ended, if the node waited before.
    pub resolution: Option<Resolution>,
    /// When the call began.
    pub now: Time,
    /// Whether writes are to be left out.
    pub dry_run: bool,
    /// The engine's side.
    pub host: Arc<dyn Host>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Call {
    /// Looks `effect.name` up in the log; if it is not there, does the work through the layers, with one idempotency
    /// key for every attempt, and records the result before it returns it.
    pub async fn effect(&self, effect: Effect<'_>, work: &dyn Work) -> Result<Recorded, Failure> {
        self.host.effect(effect, work).await
    }

    /// Sends a piece of text to whoever watches the run. It is not stored.
    pub fn emit(&self, text: &str) {
        self.host.emit(&self.instance, text);
    }

    /// Takes back the text that was sent in a try that came to nothing.
    pub fn void(&self) {
        self.host.void(&self.instance);
    }

    /// The result of the effect with this name, if it has one: for what comes from outside, which no work can fetch.
    pub fn recorded(&self, name: &str) -> Option<Result<Arc<Value>, Failure>> {
        self.host.recorded(name)
    }

    /// A new text that nobody can guess. It differs each time, so it is asked for in an effect's work.
    pub fn secret(&self) -> String {
        self.host.secret()
    }
}

/// One impure thing that an instance does. How often it is tried again is the node's policy, which the engine knows.
#[derive(Clone, Copy)]
pub struct Effect<'a> {
    /// Its name within the instance, such as `chat`.
    pub name: &'a str,
    /// What repeating it does.
    pub class: EffectClass,
    /// Where it can be done, best first; the later ones are fallbacks.
    pub endpoints: &'a [Endpoint],
    /// What one try takes at most; reserved before it and settled after it.
    pub reserve: Spent,
    /// When it must be over, if the node sets a time for all that it does.
    pub until: Option<Until<'a>>,
    /// How to find out whether it was done, for one that must not be repeated. Without it a person is asked who sees
    /// little more than its name.
    pub doubt: Option<&'a dyn Doubt>,
}

impl fmt::Debug for Effect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effect").field("name", &self.name).field("class", &self.class).finish_non_exhaustive()
    }
}

/// How to find out whether an effect that must not be repeated was done, after a process died in the middle of it.
pub trait Doubt: Send + Sync {
    /// What a person who is asked about it needs to see, by name.
    fn show(&self) -> Value;
    /// JSON Schema of what it gives; a person who says that it was done fills it in.
    fn gives(&self) -> Value;
    /// Where to ask, and the work that asks; `None` if only a person can tell. It must change nothing. Its attempts
    /// carry the key of the effect in doubt.
    fn probe(&self) -> Option<(&Endpoint, &dyn Work)>;
    /// What an answer of the probe means.
    ///
    /// # Errors
    /// The answer cannot be understood: a person is asked.
    fn verdict(&self, answer: &Value, key: &str) -> Result<Verdict, Failure>;
}

/// Whether an effect was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It was, and this is what it gave.
    Done(Value),
    /// It was not: it may be done now.
    NotDone,
    /// Nobody knows but perhaps a person.
    Unknown,
}

/// What tries use up.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    /// Tokens read and written.
    pub tokens: u64,
    /// USD.
    pub cost_usd: f64,
}

impl Spent {
    /// Adds what more was used up.
    pub fn add(&mut self, more: Self) {
        self.tokens += more.tokens;
        self.cost_usd += more.cost_usd;
    }
}

/// A time after which nothing of an effect is begun, and at which what is under way is left.
#[derive(Clone, Copy, Debug)]
pub struct Until<'a> {
    /// The time.
    pub at: Time,
    /// What sets it, as the app has it: `limits.duration: 5m`.
    pub limit: &'a str,
}

impl Until<'_> {
    /// What an effect comes to that is not over by then.
    pub fn failure(self) -> Failure {
        Failure::new(FailureClass::Limit, format!("the time of `{}` is over", self.limit))
    }
}

/// The endpoint of what is put on record and is no call to anybody.
pub const HERE: &str = "this process";

/// A place where an effect can be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// What breakers and limits are kept by.
    pub id: String,
    /// How long one try may take.
    pub timeout: Duration,
    /// Whether an answer from here is a lesser one, to be marked as such.
    pub brown_out: bool,
}

/// One try's result, and what it cost even if it failed.
#[derive(Debug)]
pub struct Tried {
    /// The value, or why there is none.
    pub result: Result<Value, Failure>,
    /// The model that answered.
    pub model: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Money, in USD.
    pub cost_usd: f64,
}

impl From<Result<Value, Failure>> for Tried {
    fn from(result: Result<Value, Failure>) -> Self {
        Self { result, model: None, usage: Usage::default(), cost_usd: 0.0 }
    }
}

/// The work of an effect: one try at one endpoint (an index into the effect's list).
pub trait Work: Send + Sync {
    /// Tries once.
    fn attempt<'a>(&'a self, endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried>;
}

/// An effect's result, as it stands in the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The effect.
    pub effect: EffectName,
    /// Its value.
    pub value: Arc<Value>,
}

impl Recorded {
    /// The node's output is this effect's value, which is then stored once.
    pub fn into_outcome(self) -> Outcome {
        Outcome::Return { value: Stored::Effect(self.effect), port: None }
    }
}

/// The engine's side of a call.
pub trait Host: Send + Sync {
    /// See [`Call::effect`].
    fn effect<'a>(&'a self, effect: Effect<'a>, work: &'a dyn Work) -> BoxFuture<'a, Result<Recorded, Failure>>;
    /// See [`Call::emit`].
    fn emit(&self, instance: &InstancePath, text: &str);
    /// See [`Call::void`].
    fn void(&self, instance: &InstancePath);
    /// See [`Call::recorded`].
    fn recorded(&self, name: &str) -> Option<Result<Arc<Value>, Failure>>;
    /// See [`Call::secret`].
    fn secret(&self) -> String;
}

/// A Rust function of the host program that `rust:NAME` refers to.
pub type Function = dyn Fn(Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync;

/// Turns an async function into one that takes and gives JSON. An argument that does not fit its type is a failure that
/// says where.
pub fn function<I, O, F, R>(f: F) -> Arc<Function>
where
    I: serde::de::DeserializeOwned + Send + 'static,
    O: serde::Serialize + 'static,
    F: Fn(I) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, Failure>> + Send + 'static,
{
    Arc::new(move |argument| {
        let argument = serde_json::from_value::<I>(argument)
            .map_err(|e| Failure::new(FailureClass::Code, "the argument does not fit the function").because(e));
        match argument {
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
            Ok(argument) => {
                let result = f(argument);
                Box::pin(async move {
                    serde_json::to_value(result.await?)
                        .map_err(|e| Failure::new(FailureClass::Code, "the result is not JSON").because(e))
                })
            }
        }
    })
}

/// Remembers the last violation between tries, so that the next try can tell the model what was wrong.
#[derive(Debug, Default)]
pub struct LastViolation(Mutex<Option<(String, String)>>);

impl LastViolation {
    /// Notes the answer and what is wrong with it.
    pub fn set(&self, answer: String, violation: String) {
        if let Ok(mut last) = self.0.lock() {
            *last = Some((answer, violation));
        }
    }

    /// The last answer and what was wrong with it.
    pub fn get(&self) -> Option<(String, String)> {
        self.0.lock().ok().and_then(|last| last.clone())
    }
}
