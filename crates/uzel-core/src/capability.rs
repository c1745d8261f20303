//! What nodes use: models, tools and retrievers. Traits and their plain data; the implementations are elsewhere.

use std::{pin::Pin, time::Duration};

pub mod model;
pub mod retriever;
pub mod tool;

/// A boxed future: one virtual call beside a model call is nothing, and error messages stay short.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One try of an effect. Every try of the same effect carries the same key, also after a crash.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The idempotency key: a hash of the effect's name.
    pub key: String,
    /// How long this try may take in all.
    pub timeout: Duration,
    /// `run/instance`, sent to providers as the end-user tag where they take one.
    pub tag: String,
}
