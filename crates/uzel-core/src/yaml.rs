//! Text to a tree in which every value knows its place, and from there to any serde type. Called by the loader.
//!
//! [`decode`] makes text of bytes, [`parse`] makes a [`Tree`] of text, [`from_tree`] makes a typed value of a tree, and
//! [`emit`] makes text of a tree again, and [`format`](format()) lays text out without losing what a tree does not know.
//! Each puts what is wrong in [`Diagnostics`] and goes on as far as it can.

mod braces;
mod de;
mod emit;
mod format;
mod magic;
mod offsets;
mod parse;
mod pieces;
mod scalar;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use self::{
    de::Soundness, de::from_named_tree, de::from_tree, de::partly_from_tree, emit::emit, format::WIDTH, format::format,
    magic::Spanned, parse::parse, text::Text, tree::Data, tree::Entry, tree::Tree,
};

use std::sync::Arc;

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::{SourceId, Sources, Span},
};

/// What a document may be at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of text.
    pub text: usize,
    /// Lists and maps in one another.
    pub depth: usize,
    /// Values, with those that aliases repeat.
    pub nodes: usize,
    /// Values that aliases may repeat for each value that is written.
    pub alias_factor: usize,
    /// Values that aliases may repeat besides.
    pub alias_base: usize,
}

/// The limits that [`decode`] and [`parse`] keep.
pub const LIMITS: Limits =
    Limits { text: 10_000_000, depth: 64, nodes: 1_000_000, alias_factor: 10, alias_base: 10_000 };

/// The text of a file and its source, or `None` with the reason: too large, or not UTF-8 (at the first bad byte).
pub fn decode(path: &str, bytes: &[u8], sources: &mut Sources, out: &mut Diagnostics) -> Option<(SourceId, Arc<str>)> {
    if bytes.len() > LIMITS.text {
        let source = sources.add_text(path, "");
        out.push(too_large(source, "the file", bytes.len()));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text: Arc<str> = text.into();
            Some((sources.add_text(path, Arc::clone(&text)), text))
        }
        Err(error) => {
            // Up to the bad byte the lossy text is the file's.
            let source = sources.add_text(path, String::from_utf8_lossy(bytes));
            let at = Span::new(source, error.valid_up_to()..error.valid_up_to());
            let bad = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
            let help = if utf16 { "the file is UTF-16: save it as UTF-8" } else { "save the file as UTF-8" };
            let message = format!("the byte 0x{bad:02x} is not UTF-8");
            out.push(Diagnostic::new(Code::NOT_UTF8, at, message).help(help));
            None
        }
    }
}

/// Whether a tree that a program built is one that could have been read: a run that is taken up again reads it.
pub fn readable(tree: &Tree, text: &str, out: &mut Diagnostics) {
    let source = tree.span.source;
    if text.len() > LIMITS.text {
        out.push(too_large(source, "the app", text.len()));
    }
    let mut report = |code, message: String| {
        let help = "move the inner part, or large data, to a file of its own";
        out.push(Diagnostic::new(code, tree.span, message).help(help));
    };
    if tree.height() > LIMITS.depth {
        report(Code::TOO_DEEP, format!("lists and maps are nested more than {} deep", LIMITS.depth));
    }
    if written(tree) > LIMITS.nodes {
        report(Code::TOO_LARGE, format!("the app has more than {} values", LIMITS.nodes));
    }
}

/// How many values the reader counts, keys among them.
fn written(tree: &Tree) -> usize {
    match &tree.data {
        Data::List(items) => 1 + items.iter().map(written).sum::<usize>(),
        Data::Map(entries) => 1 + entries.iter().map(|entry| 1 + written(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

fn too_large(source: SourceId, what: &str, bytes: usize) -> Diagnostic {
    let message = format!("{what} has {bytes} bytes; at most {} can be read", LIMITS.text);
    let help = "move large data to a file of its own that the app names";
    Diagnostic::new(Code::TOO_LARGE, Span::new(source, 0..0), message).help(help)
}
