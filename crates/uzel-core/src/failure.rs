//! Something that went wrong in a run, as plain data: it is stored, shown and decided upon.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong; retry policies and `on_error` choose by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// No answer in time.
    Timeout,
    /// The other side said to slow down (429, 529).
    RateLimit,
    /// The other side broke (5xx, a cut stream, an answer that is no answer).
    ServerError,
    /// No connection.
    Connect,
    /// The answer does not fit the wanted schema.
    Schema,
    /// The request is wrong (4xx, a bad argument); repeating it changes nothing.
    Invalid,
    /// The key is missing or refused.
    Auth,
    /// A guard or the provider refused the content.
    Refused,
    /// A limit of the app is used up (money, tokens, time, fuel, memory).
    Limit,
    /// Someone stopped it.
    Cancelled,
    /// The author's code or expression failed.
    Code,
    /// Our own fault.
    Bug,
}

impl FailureClass {
    /// Whether trying again may help, when nothing else is said.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Timeout | Self::RateLimit | Self::ServerError | Self::Connect)
    }

    /// The name in app files and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::RateLimit => "rate_limit",
            Self::ServerError => "server_error",
            Self::Connect => "connect",
            Self::Schema => "schema",
            Self::Invalid => "invalid",
            Self::Auth => "auth",
            Self::Refused => "refused",
            Self::Limit => "limit",
            Self::Cancelled => "cancelled",
            Self::Code => "code",
            Self::Bug => "bug",
        }
    }
}

/// What went wrong: one sentence, and what led to it, outermost first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing.
    pub class: FailureClass,
    /// One sentence, no values of secrets.
    pub message: String,
    /// What led to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// How long the other side asked to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// Whether the other side said outright that trying again helps (`x-should-retry`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub should_retry: Option<bool>,
}

impl Failure {
    /// A failure with a sentence.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), causes: vec![], retry_after: None, should_retry: None }
    }

    /// Adds what led to it.
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds how long the other side asked to wait.
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.as_str(), self.message)?;
        for cause in &self.causes {
            write!(f, " (because {cause})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
