//! A document as it is written: scalars with their style, anchors, tags, comments and blank lines. Used by `format`.
//!
//! The event parser says what there is; the walk here reads the text beside it and finds the brackets, dashes and
//! comments that events leave out. It is only made of text that `parse` has read without an error.

mod read;

pub(super) use read::read;

use saphyr_parser::ScalarStyle;

/// What stands between values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trivia<'t> {
    /// From `#` to the end of the line.
    Comment {
        text: &'t str,
        /// Whether nothing stands before it on its line.
        alone: bool,
        column: usize,
    },
    /// One empty line or several.
    Blank,
    /// A comment that has been written out of turn.
    Taken,
}

/// A document.
#[derive(Debug)]
pub(super) struct Concrete<'t> {
    /// Directives, `---` and the like, each with the trivia that come before it.
    pub(super) head: Vec<(usize, &'t str)>,
    /// The trivia before the root.
    pub(super) first: usize,
    pub(super) root: Node<'t>,
    /// The same after the root.
    pub(super) tail: Vec<(usize, &'t str)>,
    /// In the order of the text. Positions are counts: so many come before.
    pub(super) trivia: Vec<Trivia<'t>>,
}

/// A value with its anchor and tag.
#[derive(Debug)]
pub(super) struct Node<'t> {
    /// Anchor and tag, in their order.
    pub(super) properties: Vec<&'t str>,
    /// The trivia before the value itself, after its properties.
    pub(super) first: usize,
    /// The trivia before its end.
    pub(super) last: usize,
    pub(super) body: Body<'t>,
}

#[derive(Debug)]
pub(super) enum Body<'t> {
    /// Nothing is written.
    Empty,
    /// With its `*`.
    Alias(&'t str),
    Scalar(Scalar<'t>),
    Block(Block<'t>),
    List {
        flow: bool,
        column: usize,
        items: Vec<Item<'t>>,
    },
    Map {
        flow: bool,
        column: usize,
        entries: Vec<Entry<'t>>,
    },
}

/// A plain or quoted scalar.
#[derive(Debug)]
pub(super) struct Scalar<'t> {
    pub(super) style: ScalarStyle,
    /// As it is written, with quotes.
    pub(super) source: &'t str,
    pub(super) value: String,
}

/// A literal or folded scalar.
#[derive(Debug)]
pub(super) struct Block<'t> {
    /// Such as `|2-`.
    pub(super) header: &'t str,
    /// The digit in the header.
    pub(super) indent: Option<usize>,
    /// The trivia before its lines: those that follow the header.
    pub(super) lines_at: usize,
    /// Without their indentation; only those that make the text.
    pub(super) lines: Vec<&'t str>,
    /// What they are, for a key, which cannot be a block.
    pub(super) value: String,
}

/// An item of a list.
#[derive(Debug)]
pub(super) struct Item<'t> {
    /// The trivia before its dash.
    pub(super) first: usize,
    pub(super) value: Node<'t>,
}

/// An entry of a map.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    /// The trivia before it, with those between `?` and the key.
    pub(super) first: usize,
    pub(super) key: Node<'t>,
    pub(super) value: Node<'t>,
}

impl Body<'_> {
    /// Whether this is a list or map in brackets with something in it.
    pub(super) fn is_full_flow(&self) -> bool {
        match self {
            Self::List { flow, items, .. } => *flow && !items.is_empty(),
            Self::Map { flow, entries, .. } => *flow && !entries.is_empty(),
            _ => false,
        }
    }

    /// Whether this is a list or map of lines.
    pub(super) fn is_lines(&self) -> bool {
        matches!(self, Self::List { flow: false, .. } | Self::Map { flow: false, .. })
    }
}
