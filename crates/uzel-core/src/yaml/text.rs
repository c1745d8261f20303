//! A scalar's value with the way back to its source: what `|`, folds and escapes did is undone by `Text::at`.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    ops::{Deref, Range},
    sync::Arc,
};

use super::pieces::Origin;
use crate::source::{SourceId, Span};

/// A text and its place. Two texts are equal when their values are, wherever they are written.
#[derive(Clone)]
pub struct Text {
    /// The value, with escapes resolved and lines folded.
    pub value: Arc<str>,
    /// The whole scalar, with its quotes or its `|`.
    pub span: Span,
    origin: Origin,
}

impl Text {
    pub(super) fn new(value: impl Into<Arc<str>>, span: Span, origin: Origin) -> Self {
        Self { value: value.into(), span, origin }
    }

    /// A text that is not written anywhere: every part of it is at `span`.
    pub fn synthetic(value: impl Into<Arc<str>>, span: Span) -> Self {
        Self::new(value, span, Origin::Whole)
    }

    /// A whole file as one text.
    pub fn whole(text: Arc<str>, source: SourceId) -> Self {
        let span = Span::new(source, 0..text.len());
        Self::new(text, span, Origin::Same(0))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// Where a byte range of the value is written. The whole scalar when that cannot be told.
    pub fn at(&self, range: Range<usize>) -> Span {
        if range.end > self.value.len() || range.start > range.end {
            return self.span;
        }
        match self.origin.find(&range) {
            Some(found) => Span::new(self.span.source, found),
            None => self.span,
        }
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.value
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.value
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.value
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

// As `str` hashes, so that maps with `Text` keys can be asked with a `&str`.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}..{}", self.as_str(), self.span.start, self.span.end)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
