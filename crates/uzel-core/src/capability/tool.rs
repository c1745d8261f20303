//! What a tool is: a name, parameters, an effect class, and one call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attempt, BoxFuture};
use crate::failure::Failure;

/// What repeating an effect does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EffectClass {
    /// Reads only: doing it again changes nothing.
    Read,
    /// Writes the same each time (PUT, upsert).
    Idempotent,
    /// Carries an idempotency key that the other side obeys.
    Keyed,
    /// Must not be repeated: an intent is recorded before it.
    Once,
}

impl EffectClass {
    /// Whether it changes anything outside.
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Read)
    }

    /// Whether trying again after an unknown outcome is safe.
    pub const fn is_repeatable(self) -> bool {
        !matches!(self, Self::Once)
    }
}

/// A tool that nodes and models can call. It does not retry.
pub trait Tool: Send + Sync {
    /// What breakers and limits are kept by.
    fn endpoint(&self) -> String;
    /// One try with checked arguments.
    fn call<'a>(&'a self, arguments: &'a Value, attempt: &'a Attempt) -> BoxFuture<'a, Result<Value, Failure>>;
}
