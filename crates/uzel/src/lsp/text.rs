//! Lines and columns as the protocol counts them. Used wherever a place goes over the wire.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, as every client knows them.
    #[default]
    Utf16,
}

/// A place, both numbers from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) character: u32,
}

/// From one place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(super) struct Stretch {
    pub(super) start: Position,
    pub(super) end: Position,
}

/// A text whose lines are known.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        // A carriage return alone ends a line too.
        let ends = |at: &usize| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|at| at + 1)).collect();
        Self { text, starts, encoding }
    }

    /// The place of a byte; one beyond the end is at the end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let before = self.text.get(self.starts[line]..offset).unwrap_or_default();
        let column = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.chars().map(char::len_utf16).sum(),
        };
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: cut(line), character: cut(column) }
    }

    /// The byte of a place; one beyond the end of its line is at the end of the line.
    pub(super) fn offset(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return self.text.len() };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end).unwrap_or_default();
        let line = line.trim_end_matches(['\r', '\n']);
        let mut left = position.character as usize;
        for (at, c) in line.char_indices() {
            let wide = match self.encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
            // Inside of a character is before it.
            if left < wide {
                return start + at;
            }
            left -= wide;
        }
        start + line.len()
    }

    pub(super) fn stretch(&self, range: Range<usize>) -> Stretch {
        Stretch { start: self.position(range.start), end: self.position(range.end) }
    }

    pub(super) fn range(&self, stretch: Stretch) -> Range<usize> {
        let (start, end) = (self.offset(stretch.start), self.offset(stretch.end));
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a😀b\r\nčd\rlast\n";

    #[test]
    fn columns_are_counted_as_was_agreed() {
        let wide = Lines::new(TEXT, Encoding::Utf16);
        assert_eq!(wide.position(5), Position { line: 0, character: 3 });
        assert_eq!(wide.position(10), Position { line: 1, character: 1 });
        let bytes = Lines::new(TEXT, Encoding::Utf8);
        assert_eq!(bytes.position(5), Position { line: 0, character: 5 });
        assert_eq!(bytes.position(10), Position { line: 1, character: 2 });
    }

    #[test]
    fn every_place_is_found_again() {
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let lines = Lines::new(TEXT, encoding);
            for (offset, c) in TEXT.char_indices().filter(|(_, c)| *c != '\n') {
                assert_eq!(lines.offset(lines.position(offset)), offset, "{c:?} at {offset}");
            }
            assert_eq!(lines.offset(lines.position(TEXT.len())), TEXT.len());
        }
    }

    #[test]
    fn places_that_are_not_there_are_brought_in() {
        let lines = Lines::new(TEXT, Encoding::Utf16);
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), 6);
        assert_eq!(lines.offset(Position { line: 0, character: 2 }), 1, "inside of a pair");
        assert_eq!(lines.offset(Position { line: 99, character: 0 }), TEXT.len());
        assert_eq!(lines.offset(Position { line: u32::MAX, character: u32::MAX }), TEXT.len());
        assert_eq!(lines.position(99), lines.position(TEXT.len()));
        assert_eq!(Lines::new("", Encoding::Utf8).offset(Position { line: 0, character: 3 }), 0);
        let back = Stretch { start: Position { line: 1, character: 1 }, end: Position { line: 0, character: 0 } };
        assert!(lines.range(back).is_empty());
    }
}
