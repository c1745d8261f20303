//! Where in the tree of a document a place is. Used by hover and completion.

use super::shape::{Shape, Shapes};
use crate::yaml::{Data, Entry, Tree};

/// One step down the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'t> {
    /// The map or list.
    pub(super) holder: &'t Tree,
    /// What of it.
    pub(super) part: Part<'t>,
}

/// A part of a map or list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'t> {
    /// The key itself: the place is in it.
    Key(&'t Entry),
    /// The value of a key.
    Value(&'t Entry),
    /// An item.
    Item(&'t Tree),
}

impl<'t> Part<'t> {
    /// The key, if it is one of a map.
    pub(super) fn entry(self) -> Option<&'t Entry> {
        match self {
            Self::Key(entry) | Self::Value(entry) => Some(entry),
            Self::Item(_) => None,
        }
    }

    /// The value.
    pub(super) fn value(self) -> &'t Tree {
        match self {
            Self::Key(entry) | Self::Value(entry) => &entry.value,
            Self::Item(item) => item,
        }
    }
}

/// The way from the document to the innermost key, item or value at a byte of the app file.
pub(super) fn path(tree: &Tree, offset: usize) -> Vec<Segment<'_>> {
    let mut way = vec![];
    let mut here = tree;
    let holds = |start: u32, end: u32| start as usize <= offset && offset <= end as usize;
    loop {
        let part = match &here.data {
            Data::Map(entries) => entries.iter().find_map(|entry| {
                let (key, value) = (entry.key.span, entry.value.span);
                if holds(key.start, key.end) {
                    Some(Part::Key(entry))
                } else {
                    // A value of an alias stands where its anchor does, which may be in another branch.
                    holds(value.start, value.end).then_some(Part::Value(entry))
                }
            }),
            Data::List(items) => items.iter().find(|item| holds(item.span.start, item.span.end)).map(Part::Item),
            _ => None,
        };
        let Some(part) = part else { return way };
        way.push(Segment { holder: here, part });
        if matches!(part, Part::Key(_)) {
            return way;
        }
        here = part.value();
    }
}

/// What the schema says about the holder of the last segment, and about the last part.
pub(super) fn shapes<'s>(shapes: &'s Shapes, tree: &Tree, way: &[Segment<'_>]) -> (Shape<'s>, Shape<'s>) {
    let mut holder = Shape::default();
    let mut here = shapes.root(tree);
    for segment in way {
        let next = match segment.part {
            Part::Key(entry) | Part::Value(entry) => shapes.key(&here, entry.key.as_str(), Some(&entry.value)),
            Part::Item(item) => shapes.item(&here, Some(item)),
        };
        holder = std::mem::replace(&mut here, next);
    }
    (holder, here)
}
