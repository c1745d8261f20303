//! Where a piece of a document came from: files with their text, spans, line and column. Used by every error.

use std::{fmt, ops::Range, panic::Location, sync::Arc};

use serde::{Deserialize, Serialize};

/// Index of a [`Source`] in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// A byte range in one source. For Rust sources the range is empty: the source is the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The source that the offsets are in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets, cut to 32 bits (sources are limited to 10 MB before).
    pub fn new(source: SourceId, range: Range<usize>) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { source, start: cut(range.start), end: cut(range.end.max(range.start)) }
    }

    /// The empty span at the start of this one.
    pub fn head(self) -> Self {
        Self { end: self.start, ..self }
    }
}

/// A document or a file it names, or a place in a Rust program that built a graph.
#[derive(Clone, Debug)]
pub enum Source {
    /// A text file: the path as the user would type it, and its text.
    Text {
        /// As shown in errors.
        path: String,
        /// The whole text.
        text: Arc<str>,
    },
    /// A call of the builder.
    Rust(&'static Location<'static>),
}

/// All sources of one graph, in the order they were read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

/// A place as people read it: line and column count from 1, columns are characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Sources {
    /// Adds a source and returns its id.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = SourceId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(source);
        id
    }

    /// Adds a text file.
    pub fn add_text(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        self.add(Source::Text { path: path.into(), text: text.into() })
    }

    /// All sources with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.0.iter().enumerate().map(|(id, source)| (SourceId(u32::try_from(id).unwrap_or(u32::MAX)), source))
    }

    /// The source with this id; `None` for an id of another collection.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0 as usize)
    }

    /// The text that a span covers; empty for Rust sources and for spans that do not fit.
    pub fn text(&self, span: Span) -> &str {
        match self.get(span.source) {
            Some(Source::Text { text, .. }) => text.get(span.start as usize..span.end as usize).unwrap_or(""),
            _ => "",
        }
    }

    /// File, line and column of a span's start.
    pub fn position(&self, span: Span) -> Position {
        match self.get(span.source) {
            Some(Source::Text { path, text }) => {
                let mut end = (span.start as usize).min(text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                let before = text.get(..end).unwrap_or("");
                let line_start = before.rfind('\n').map_or(0, |i| i + 1);
                let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
                let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
                let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
                Position { file: path.clone(), line: cut(line), column: cut(column) }
            }
            Some(Source::Rust(at)) => Position { file: at.file().to_owned(), line: at.line(), column: at.column() },
            None => Position { file: "<unknown>".to_owned(), line: 1, column: 1 },
        }
    }
}
