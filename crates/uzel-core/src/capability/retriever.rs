//! What a retriever is: a query, and documents.

use super::{BoxFuture, model::Document};
use crate::failure::Failure;

/// A knowledge base that finds documents for a query.
pub trait Retriever: Send + Sync {
    /// At most `top_k` documents, best first, none with a score under `min_score`.
    fn search<'a>(
        &'a self,
        query: &'a str,
        top_k: usize,
        min_score: f64,
    ) -> BoxFuture<'a, Result<Vec<Document>, Failure>>;
}
