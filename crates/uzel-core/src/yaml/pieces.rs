//! Which bytes of the source a scalar's value came from, found by walking both side by side. Used by `parse`.
//!
//! The event parser gives a scalar's value and its range only. The walk repeats YAML's folding and escapes; where it
//! meets anything it did not expect it gives up, and the text answers with its whole span.

use std::{ops::Range, sync::Arc};

use saphyr_parser::ScalarStyle;

/// The way from value offsets to source offsets.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Unknown: every part is at the whole span.
    Whole,
    /// The value is written as it is, from this byte on.
    Same(u32),
    /// Parts, in order, that follow one another in the value without a gap.
    Pieces(Arc<[Piece]>),
}

/// A part of a value and the part of the source it came from; of one length, or one indivisible thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    value: u32,
    value_len: u32,
    source: u32,
    source_len: u32,
}

impl Piece {
    fn is_even(self) -> bool {
        self.value_len == self.source_len
    }
}

impl Origin {
    /// The same in a source that has `shift` more bytes at its start.
    pub(super) fn shifted(self, shift: usize) -> Self {
        let shift = u32::try_from(shift).unwrap_or(u32::MAX);
        match self {
            Self::Same(from) => Self::Same(from.saturating_add(shift)),
            Self::Pieces(pieces) if shift > 0 => {
                let moved = |piece: &Piece| Piece { source: piece.source.saturating_add(shift), ..*piece };
                Self::Pieces(pieces.iter().map(moved).collect())
            }
            same => same,
        }
    }

    /// The source range of a value range.
    pub(super) fn find(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let pieces = match self {
            Self::Whole => return None,
            Self::Same(from) => return Some(*from as usize + range.start..*from as usize + range.end),
            Self::Pieces(pieces) => pieces,
        };
        let holding = |at: usize| {
            let index = pieces.partition_point(|piece| piece.value as usize <= at);
            pieces.get(index.checked_sub(1)?).copied()
        };
        let first = holding(range.start)?;
        let into = range.start - first.value as usize;
        let start = if first.is_even() || into == 0 {
            first.source as usize + into
        } else if into >= first.value_len as usize {
            (first.source + first.source_len) as usize
        } else {
            first.source as usize
        };
        if range.is_empty() {
            return Some(start..start);
        }
        let last = holding(range.end - 1)?;
        let into = range.end - last.value as usize;
        let end = last.source as usize + if last.is_even() { into } else { last.source_len as usize };
        Some(start..end.max(start))
    }
}

/// Finds where `value` came from in `text[range]`, which holds the scalar with its quotes; for block scalars it begins
/// with the first character of their content.
pub(super) fn origin(text: &str, range: Range<usize>, style: ScalarStyle, value: &str) -> Origin {
    let inner = match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if range.len() >= 2 => range.start + 1..range.end - 1,
        _ => range,
    };
    let Ok(from) = u32::try_from(inner.start) else { return Origin::Whole };
    if text.get(inner.clone()) == Some(value) {
        return Origin::Same(from);
    }
    let Some(source) = text.as_bytes().get(..inner.end) else { return Origin::Whole };
    let mut walk = Walk { source, value: value.as_bytes(), s: inner.start, v: 0, pieces: vec![] };
    let done = match style {
        ScalarStyle::Literal | ScalarStyle::Folded => walk.block(),
        style => walk.flow(style),
    };
    match done {
        Some(()) if walk.v == value.len() => Origin::Pieces(walk.pieces.into()),
        _ => Origin::Whole,
    }
}

struct Walk<'a> {
    source: &'a [u8],
    value: &'a [u8],
    s: usize,
    v: usize,
    pieces: Vec<Piece>,
}

impl Walk<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.s + ahead).copied()
    }

    fn piece(&mut self, value_len: usize, source_len: usize) -> Option<()> {
        if self.v + value_len > self.value.len() || self.s + source_len > self.source.len() {
            return None;
        }
        if value_len > 0 {
            let cut = |n: usize| u32::try_from(n).ok();
            let new = Piece {
                value: cut(self.v)?,
                value_len: cut(value_len)?,
                source: cut(self.s)?,
                source_len: cut(source_len)?,
            };
            match self.pieces.last_mut() {
                Some(last)
                    if last.is_even()
                        && new.is_even()
                        && last.value + last.value_len == new.value
                        && last.source + last.source_len == new.source =>
                {
                    last.value_len += new.value_len;
                    last.source_len += new.source_len;
                }
                _ => self.pieces.push(new),
            }
        }
        self.v += value_len;
        self.s += source_len;
        Some(())
    }

    /// Bytes that are the same in both.
    fn copy(&mut self, len: usize) -> Option<()> {
        let same = self.source.get(self.s..self.s + len)? == self.value.get(self.v..self.v + len)?;
        if same { self.piece(len, len) } else { None }
    }

    /// The length of the line break `ahead` bytes ahead; 0 if there is none.
    fn line_break(&self, ahead: usize) -> usize {
        match (self.peek(ahead), self.peek(ahead + 1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\r' | b'\n'), _) => 1,
            _ => 0,
        }
    }

    /// Blanks and line breaks from here on: their length and the number of breaks.
    fn gap(&self) -> (usize, usize) {
        let (mut len, mut breaks) = (0, 0);
        loop {
            let line_break = self.line_break(len);
            if line_break > 0 {
                breaks += 1;
                len += line_break;
            } else if matches!(self.peek(len), Some(b' ' | b'\t')) {
                len += 1;
            } else {
                return (len, breaks);
            }
        }
    }

    /// Plain and quoted scalars: one line break folds to a space, `n` to `n - 1` breaks.
    fn flow(&mut self, style: ScalarStyle) -> Option<()> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => match self.gap() {
                    (len, 0) => self.copy(len)?,
                    (len, 1) => self.piece(1, len)?,
                    (len, breaks) => self.piece(breaks - 1, len)?,
                },
                b'\'' if style == ScalarStyle::SingleQuoted => self.piece(1, 2)?,
                b'\\' if style == ScalarStyle::DoubleQuoted => self.escape()?,
                _ => self.copy(1)?,
            }
        }
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        if self.line_break(1) > 0 {
            self.s += 1;
            let (len, breaks) = self.gap();
            return self.piece(breaks - 1, len);
        }
        let source_len = match self.peek(1)? {
            b'x' => 4,
            b'u' => 6,
            b'U' => 10,
            _ => 2,
        };
        // A byte of the value that begins a character tells the character's length.
        let value_len = match *self.value.get(self.v)? {
            0..=0x7f => 1,
            0x80..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        // One character of two escapes: a surrogate pair.
        let pair = source_len == 6 && value_len == 4;
        self.piece(value_len, if pair { 12 } else { source_len })
    }

    /// Literal and folded scalars: whole lines without their indentation; between them a space or line breaks.
    fn block(&mut self) -> Option<()> {
        let before = self.source.get(..self.s)?;
        let indent = before.iter().rev().take_while(|b| **b == b' ').count();
        let leading = self.value.iter().take_while(|b| **b == b'\n').count();
        self.piece(leading, 0)?;
        while self.v < self.value.len() && self.s < self.source.len() {
            let line = self.source[self.s..].iter().take_while(|b| !matches!(b, b'\r' | b'\n')).count();
            self.copy(line)?;
            let mut len = self.line_break(0);
            loop {
                len += (0..indent).take_while(|n| self.peek(len + n) == Some(b' ')).count();
                match self.line_break(len) {
                    0 => break,
                    more => len += more,
                }
            }
            let breaks = self.value[self.v..].iter().take_while(|b| **b == b'\n').count();
            let folded = usize::from(breaks == 0 && self.value.get(self.v) == Some(&b' '));
            self.piece(breaks + folded, len)?;
        }
        // The line break that the parser adds when the text ends without one.
        let missing = self.value.len() - self.v;
        if missing <= 1 { self.piece(missing, 0) } else { None }
    }
}
