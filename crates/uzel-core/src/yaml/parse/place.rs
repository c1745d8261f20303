//! Where events are in the text. The event parser's marks are near, not exact: they include tags and anchors, the
//! blanks after quotes, and leave out the `|` of block scalars.

use std::ops::Range;

use saphyr_parser::{ScalarStyle, Span as Marks};

use super::super::{braces::line_at, offsets::Offsets};
use crate::source::{SourceId, Span};

/// The text that is read; `shift` is the length of the byte order mark before it.
pub(super) struct Place<'t> {
    pub(super) text: &'t str,
    pub(super) offsets: Offsets<'t>,
    pub(super) source: SourceId,
    pub(super) shift: usize,
}

/// The place of a scalar.
pub(super) struct Found {
    /// With quotes or `|`.
    pub(super) whole: Range<usize>,
    /// As [`pieces::origin`](super::pieces::origin) wants it.
    pub(super) content: Range<usize>,
}

impl Place<'_> {
    /// The bytes between two marks.
    pub(super) fn range(&self, marks: Marks) -> (usize, usize) {
        let start = self.offsets.byte(marks.start.index());
        let end = if marks.is_empty() { start } else { self.offsets.byte(marks.end.index()) };
        (start, end.max(start))
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.source, range.start + self.shift..range.end + self.shift)
    }

    /// The first byte after the tag and the anchor that begin at `at`.
    pub(super) fn after_properties(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(at) {
                Some(b'&' | b'!') => {
                    at += bytes[at..].iter().take_while(|b| !b.is_ascii_whitespace() && !is_flow(**b)).count();
                }
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = line_at(self.text, at).end,
                _ => return at,
            }
        }
    }

    /// The exact place of a scalar whose event is at `range`, after an event that ended at `last_end`.
    pub(super) fn scalar(
        &self,
        range: Range<usize>,
        style: ScalarStyle,
        value: &str,
        has_properties: bool,
        last_end: usize,
    ) -> Found {
        let same = |range: Range<usize>| Found { whole: range.clone(), content: range };
        if style == ScalarStyle::Plain && value.is_empty() {
            // Nothing is written: the marks are those of whatever comes next.
            let after = self.text.get(last_end..).unwrap_or("");
            let blank = after.len() - after.trim_start_matches([' ', '\t']).len();
            let colon = usize::from(after[blank..].starts_with(':'));
            let at = last_end + if colon > 0 { blank + colon } else { 0 };
            return same(at..at);
        }
        let start = if has_properties { self.after_properties(range.start) } else { range.start };
        match style {
            ScalarStyle::Plain => same(start..range.end.max(start)),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => same(start..self.quote_end(start)),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let (header, content) = if has_properties {
                    (start, self.content_after(start))
                } else {
                    (self.header_before(start, last_end), start)
                };
                let end = range.end.max(content);
                let trimmed = self.text.get(header..end).map_or(end, |text| header + text.trim_end().len());
                Found { whole: header..trimmed, content: content..end }
            }
        }
    }

    /// One past the quote that closes the one at `start`.
    fn quote_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let quote = bytes.get(start).copied();
        let mut at = start + 1;
        while let Some(byte) = bytes.get(at).copied() {
            if byte == b'\\' && quote == Some(b'"') {
                at += 1;
            } else if Some(byte) == quote {
                if byte != b'\'' || bytes.get(at + 1) != Some(&b'\'') {
                    return at + 1;
                }
                at += 1;
            }
            at += 1;
        }
        self.text.len()
    }

    /// The `|` or `>` of the block scalar whose content begins at `content`; `content` if it is not found.
    fn header_before(&self, content: usize, last_end: usize) -> usize {
        let Some(between) = self.text.get(last_end..content) else { return content };
        let filled = last_end + between.trim_end().len();
        let line = line_at(self.text, filled);
        let start = line.start.max(last_end);
        let head = self.text.get(start..line.end).unwrap_or("");
        head.char_indices()
            .filter(|(_, c)| matches!(c, '|' | '>'))
            .find(|(index, _)| {
                let rest = head[index + 1..].trim_start_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
                rest.trim_start().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
            })
            .map_or(content, |(index, _)| start + index)
    }

    /// Where the content of the block scalar with this header begins.
    fn content_after(&self, header: usize) -> usize {
        let mut at = header;
        loop {
            let line = line_at(self.text, at);
            let Some(next) = self.text.get(line.end..).and_then(|rest| rest.find('\n')) else { return self.text.len() };
            at = line.end + next + 1;
            let line = &self.text[line_at(self.text, at)];
            if !line.trim().is_empty() {
                return at + line.bytes().take_while(|b| *b == b' ').count();
            }
        }
    }
}

fn is_flow(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',')
}
