//! A grid of cells: texts, borders and lines that join where they are one line and pass where they are two. Used by the
//! drawings for the terminal.

use std::collections::BTreeMap;

use super::{
    Drawing, Tone,
    picture::Class,
    text::{cut, width},
};

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// Cells by row.
pub(super) struct Canvas {
    ascii: bool,
    rows: Vec<Vec<Cell>>,
    /// Lines by row and column.
    lines: BTreeMap<(usize, usize), Vec<Stroke>>,
}

#[derive(Clone, Debug, Default)]
enum Cell {
    #[default]
    Empty,
    /// A text that begins here.
    Text(String, Tone),
    /// A text that began further left.
    Covered,
}

/// The part of a line in a cell.
struct Stroke {
    net: usize,
    class: Class,
    sides: u8,
}

impl Canvas {
    pub(super) fn new(ascii: bool) -> Self {
        Self { ascii, rows: vec![], lines: BTreeMap::new() }
    }

    fn row(&mut self, y: usize, end: usize) -> &mut Vec<Cell> {
        if self.rows.len() <= y {
            self.rows.resize_with(y + 1, Vec::new);
        }
        let row = &mut self.rows[y];
        if row.len() < end {
            row.resize(end, Cell::Empty);
        }
        row
    }

    /// Writes a text over what was there.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str, tone: Tone) {
        let width = width(text);
        if width == 0 {
            return;
        }
        let row = self.row(y, x + width);
        row[x] = Cell::Text(text.to_owned(), tone);
        row[x + 1..x + width].fill(Cell::Covered);
    }

    /// Writes one character, `plain` where only ASCII will do.
    pub(super) fn sign(&mut self, x: usize, y: usize, sign: char, plain: char, tone: Tone) {
        let sign = if self.ascii { plain } else { sign };
        self.text(x, y, sign.encode_utf8(&mut [0; 4]), tone);
    }

    /// A box with a title in its upper border.
    pub(super) fn frame(&mut self, (x, y): (usize, usize), (width, height): (usize, usize), title: &str, tone: Tone) {
        let (right, bottom) = (x + width - 1, y + height - 1);
        for column in x + 1..right {
            self.sign(column, y, '─', '-', tone);
            self.sign(column, bottom, '─', '-', tone);
        }
        for row in y + 1..bottom {
            self.sign(x, row, '│', '|', tone);
            self.sign(right, row, '│', '|', tone);
        }
        for (column, row, corner) in [(x, y, '╭'), (right, y, '╮'), (x, bottom, '╰'), (right, bottom, '╯')] {
            self.sign(column, row, corner, '+', tone);
        }
        let title = cut(title, width.saturating_sub(4));
        self.text(x + 1, y, &format!(" {title} "), tone);
    }

    /// A line from corner to corner; lines of one net join where they meet.
    pub(super) fn line(&mut self, net: usize, class: Class, points: &[(usize, usize)]) {
        for pair in points.windows(2) {
            let [(ax, ay), (bx, by)] = *pair else { continue };
            for y in ay.min(by)..ay.max(by) {
                self.stroke(ax, y, net, class, DOWN);
                self.stroke(ax, y + 1, net, class, UP);
            }
            for x in ax.min(bx)..ax.max(bx) {
                self.stroke(x, by, net, class, RIGHT);
                self.stroke(x + 1, by, net, class, LEFT);
            }
        }
    }

    fn stroke(&mut self, x: usize, y: usize, net: usize, class: Class, side: u8) {
        let strokes = self.lines.entry((y, x)).or_default();
        match strokes.iter_mut().find(|stroke| stroke.net == net) {
            Some(stroke) => stroke.sides |= side,
            None => strokes.push(Stroke { net, class, sides: side }),
        }
    }

    /// Rows as lines; what is written covers lines.
    pub(super) fn finish(mut self) -> Drawing {
        for ((y, x), strokes) in std::mem::take(&mut self.lines) {
            if self.rows.get(y).and_then(|row| row.get(x)).is_some_and(|cell| !matches!(cell, Cell::Empty)) {
                continue;
            }
            // Where two lines cross, the one that goes down is drawn, so that it is not taken for a junction.
            let Some(stroke) = strokes.iter().max_by_key(|stroke| stroke.sides & (UP | DOWN) != 0) else { continue };
            let (sign, plain) = sign(stroke.sides, stroke.class);
            self.sign(x, y, sign, plain, Tone::Line(stroke.class));
        }
        let lines = self.rows.into_iter().map(|row| {
            let mut line: Vec<(Tone, String)> = vec![];
            for cell in row {
                let (text, tone) = match cell {
                    Cell::Text(text, tone) => (text, tone),
                    Cell::Empty => (" ".to_owned(), Tone::Text),
                    Cell::Covered => continue,
                };
                match line.last_mut() {
                    Some((last, before)) if *last == tone => before.push_str(&text),
                    _ => line.push((tone, text)),
                }
            }
            line
        });
        Drawing { lines: lines.collect() }
    }
}

/// The character of a cell where a line goes to these sides.
pub(super) fn sign(sides: u8, class: Class) -> (char, char) {
    let broken = class.broken();
    match (sides & UP != 0, sides & DOWN != 0, sides & LEFT != 0, sides & RIGHT != 0) {
        (_, _, false, false) if broken => ('┆', ':'),
        (_, _, false, false) => ('│', '|'),
        (false, false, ..) if broken => ('┄', '.'),
        (false, false, ..) => ('─', '-'),
        (false, true, false, true) => ('╭', '+'),
        (false, true, true, false) => ('╮', '+'),
        (true, false, false, true) => ('╰', '+'),
        (true, false, true, false) => ('╯', '+'),
        (true, true, false, true) => ('├', '+'),
        (true, true, true, false) => ('┤', '+'),
        (false, true, true, true) => ('┬', '+'),
        (true, false, true, true) => ('┴', '+'),
        (true, true, true, true) => ('┼', '+'),
    }
}
