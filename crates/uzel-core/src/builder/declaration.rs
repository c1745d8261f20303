//! Models, connections, knowledge bases, tools and limits as Rust programs write them.

use std::{panic::Location, time::Duration};

use serde_json::Value;

use super::block::Block;
use crate::duration;

/// Settings of something that nodes use, or of the app's limits.
#[derive(Clone, Debug)]
pub struct Declaration {
    pub(super) block: Block,
}

impl Declaration {
    #[track_caller]
    fn new() -> Self {
        Self { block: Block::new(Location::caller()) }
    }

    /// Any setting, as in an app file.
    #[track_caller]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.block.set(key, value.into(), Location::caller());
        self
    }

    /// How long one try may take.
    #[track_caller]
    pub fn timeout(self, duration: Duration) -> Self {
        self.set("timeout", duration::print(duration))
    }

    /// Models to ask when this one cannot answer, in order.
    #[track_caller]
    pub fn fallback<const N: usize>(self, models: [&str; N]) -> Self {
        self.set("fallback", models.to_vec())
    }

    /// A limit: money for models in one run, in USD.
    #[track_caller]
    pub fn cost_usd(self, most: f64) -> Self {
        self.set("cost_usd", most)
    }

    /// A limit: tokens read and written in one run.
    #[track_caller]
    pub fn tokens(self, most: u64) -> Self {
        self.set("tokens", most)
    }

    /// A limit: a run from start to end, waits included.
    #[track_caller]
    pub fn duration(self, most: Duration) -> Self {
        self.set("duration", duration::print(most))
    }
}

/// Something that names what it uses: `uses("http")`.
#[track_caller]
pub fn uses(what: &str) -> Declaration {
    Declaration::new().set("use", what)
}

/// A model: `model("openai/gpt-5-mini")`, `model("offline")`.
#[track_caller]
pub fn model(name: &str) -> Declaration {
    uses(name)
}

/// A connection: `connection("sqlite")`.
#[track_caller]
pub fn connection(sort: &str) -> Declaration {
    uses(sort)
}

/// A tool that sends an HTTP request: `http("POST https://example.com/refunds")`.
#[track_caller]
pub fn http(request: &str) -> Declaration {
    uses("http").set("request", request)
}

/// A knowledge base of files: `files("docs/**/*.md")`.
#[track_caller]
pub fn files(pattern: &str) -> Declaration {
    Declaration::new().set("files", pattern)
}

/// Hard limits of a run.
#[track_caller]
pub fn limits() -> Declaration {
    Declaration::new()
}
