//! What there is to tell the author of a document: a code, a sentence, places and what to type.

use serde::Serialize;

use crate::source::Span;

pub mod codes;

pub use codes::Code;

/// How much it matters. Errors keep a graph from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The graph cannot be made or must not run.
    Error,
    /// It runs, but a person should look.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing to tell the author. The message is one sentence in lower case without a final period.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable for ever; explained in `docs/errors`.
    pub code: Code,
    /// From the code unless a lint level changed it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The place that is to be changed.
    pub at: Option<Span>,
    /// What other places have to do with it, and what this place is.
    pub labels: Vec<Label>,
    /// What to type.
    pub help: Option<String>,
}

/// A note at a place.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub at: Span,
    /// What it has to do with the problem.
    pub text: String,
}

impl Diagnostic {
    /// A diagnostic of `code`, with the code's usual severity, at `span`.
    pub fn new(code: Code, at: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), at: at.into(), labels: vec![], help: None }
    }

    /// Adds what to type.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to type if there is something to say.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Adds a note at a place.
    pub fn label(mut self, at: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { at, text: text.into() });
        self
    }
}

/// Diagnostics gathered in one pass. At most [`Diagnostics::LIMIT`] are kept; the rest are counted.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// A document with more problems than this has one problem.
    pub const LIMIT: usize = 1_000;

    /// Adds one; the same code at the same place with the same words is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let known =
            |d: &Diagnostic| d.code == diagnostic.code && d.at == diagnostic.at && d.message == diagnostic.message;
        if self.list.len() >= Self::LIMIT {
            self.left_out += 1;
        } else if !self.list.iter().rev().take(50).any(known) {
            self.list.push(diagnostic);
        }
    }

    /// Takes all of another collection.
    pub fn extend(&mut self, other: Self) {
        for diagnostic in other.list {
            self.push(diagnostic);
        }
        self.left_out += other.left_out;
    }

    /// Keeps those that `keep` says, which may change them.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&mut Diagnostic) -> bool) {
        self.list.retain_mut(keep);
    }

    /// Whether any is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }

    /// Takes out what another diagnostic says better, and sorts. A key that does not exist need not be quoted either.
    pub fn settle(&mut self) {
        let unknown: Vec<Span> =
            self.list.iter().filter(|d| d.code == Code::UNKNOWN_KEY).filter_map(|d| d.at).collect();
        self.list.retain(|d| d.code != Code::YAML11_KEY || d.at.is_none_or(|at| !unknown.contains(&at)));
        self.sort();
    }

    /// In document order: by source, then place; those without a place come first.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| d.at.map(|s| (s.source.0, s.start)));
    }

    /// All that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many were not kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Number kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// The names nearest to `word`, for "did you mean": at most three, by edit distance, none that is too far.
pub fn near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.chars().count() / 3).max(1) + 1;
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .collect();
    found.sort_unstable();
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// "did you mean `a`, `b` or `c`?", or `None` when nothing is near.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let found = near(word, names);
    let quoted: Vec<String> = found.iter().map(|name| format!("`{name}`")).collect();
    let (last, rest) = quoted.split_last()?;
    Some(if rest.is_empty() {
        format!("did you mean {last}?")
    } else {
        format!("did you mean {} or {last}?", rest.join(", "))
    })
}
