//! A retriever over a folder of Markdown and text files: BM25 by SQLite's FTS5, with the index in a cache file. Built
//! from `knowledge: { name: { files: docs/**/*.md } }`.
//!
//! The cache is made in one go under another name and then renamed: it is whole or not there, whoever is killed, and
//! any number of processes may make it at the same time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uzel_core::{
    capability::{BoxFuture, model::Document, retriever::Retriever},
    failure::{Failure, FailureClass},
};

mod folder;
mod index;
mod passages;
mod query;

/// Which files are searched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Globs relative to the folder of the app file, with `/` between names: `docs/**/*.md`. Markdown is split at its
    /// headings, every other file is plain text. Hidden folders, `node_modules` and `target` are only searched when a
    /// glob begins with them. Links to folders are not followed.
    pub files: Globs,
    /// `english` makes "refund" find "refunds" (Porter's stemmer); `other` compares whole words.
    #[serde(default)]
    pub language: Language,
}

/// One glob or several.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Globs {
    /// One.
    One(String),
    /// Several: files that any of them fits.
    Many(Vec<String>),
}

impl Globs {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(glob) => std::slice::from_ref(glob),
            Self::Many(globs) => globs,
        }
    }
}

/// How words are made equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English endings are taken off. Harmless for other languages.
    #[default]
    English,
    /// Words are compared as they are, without accents and case.
    Other,
}

/// How long the folder is taken for unchanged after a look at it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A folder that can be searched.
pub struct Files(Arc<Inner>);

struct Inner {
    name: String,
    config: Config,
    base: PathBuf,
    cache: PathBuf,
    open: Mutex<Option<Open>>,
}

struct Open {
    index: index::Index,
    looked: Instant,
}

impl Files {
    /// A retriever called `name` over files under `base`, with its index in the folder `cache` (made when needed).
    /// Nothing is read before the first search.
    pub fn new(name: &str, config: Config, base: &Path, cache: &Path) -> Self {
        let spelled = serde_json::to_vec(&(&config, base)).unwrap_or_default();
        let hash = Sha256::digest(spelled).iter().take(8).fold(0_u64, |hash, &byte| hash << 8 | u64::from(byte));
        let file: String =
            name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).take(60).collect();
        let cache = cache.join(format!("{file}-{hash:016x}.db"));
        let inner = Inner { name: name.to_owned(), config, base: base.to_owned(), cache, open: Mutex::new(None) };
        Self(Arc::new(inner))
    }

    /// Where the index is.
    pub fn cache_file(&self) -> &Path {
        &self.0.cache
    }

    /// Makes the index if it is not there or no longer fits the files. Blocks.
    /// Errors: no file fits, a file is too big or no UTF-8, limits, the disk.
    pub fn refresh(&self) -> Result<(), Failure> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.refresh(&mut open)
    }
}

impl Inner {
    fn refresh(&self, open: &mut Option<Open>) -> Result<(), Failure> {
        let entries = folder::list(&self.base, self.config.files.as_slice()).map_err(|error| self.failure(error))?;
        let old = open.take().map(|open| open.index).or_else(|| index::Index::open(&self.cache));
        let index = match old {
            Some(index) if index.fits(&self.base, &entries) => index,
            _ => index::Index::build(&self.cache, &self.base, &entries, self.config.language)
                .map_err(|error| self.failure(error))?,
        };
        *open = Some(Open { index, looked: now() });
        Ok(())
    }

    fn search(&self, query: &str, top_k: usize, min_score: f64) -> Result<Vec<Document>, Failure> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_none_or(|open| open.looked.elapsed() > LOOK_EVERY) {
            self.refresh(&mut open)?;
        }
        let (Some(open), Some(query)) = (open.as_ref(), query::query(query)) else { return Ok(vec![]) };
        open.index.search(&query, top_k, min_score).map_err(|error| self.failure(error))
    }

    fn failure(&self, error: String) -> Failure {
        Failure::new(FailureClass::Invalid, format!("knowledge `{}`: {error}", self.name))
    }
}

#[expect(clippy::disallowed_methods, reason = "how often the disk is looked at changes no result of a test")]
fn now() -> Instant {
    Instant::now()
}

impl Retriever for Files {
    fn search<'a>(
        &'a self,
        query: &'a str,
        top_k: usize,
        min_score: f64,
    ) -> BoxFuture<'a, Result<Vec<Document>, Failure>> {
        let (inner, query) = (self.0.clone(), query.to_owned());
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || inner.search(&query, top_k, min_score));
            work.await.unwrap_or_else(|error| {
                Err(Failure::new(FailureClass::Bug, "searching files broke off").because(error))
            })
        })
    }
}

#[cfg(test)]
mod tests;
