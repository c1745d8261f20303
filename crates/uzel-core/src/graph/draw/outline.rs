//! The drawing for what is too wide for boxes: a node a line, in an order in which parents come first, with rails on the
//! left as version control draws history. Called by `draw::terminal` and `draw::outline`.
//!
//! A rail belongs to the node that it leaves or to the one that it leads to, whichever needs fewer rails: two hundred
//! nodes between two others need two.

mod rails;

use rails::{Block, Joint, Rails};

use super::{
    Look, Tone,
    boxes::remarks,
    picture::{Class, Picture, Vertex},
    text::{width, wrap},
};

/// A line and its colours.
type Line = Vec<(Tone, String)>;

/// Nodes that one list names at most; the rails show the rest.
const MOST_NAMED: usize = 12;
/// Columns that rails leave to texts, if they can.
const LEAST_TEXT: usize = 30;
/// Columns for notes beside a name; with fewer they stand below it.
const LEAST_NOTES: usize = 28;
/// Drawings of pictures inside pictures begin so much further right.
const INDENT: usize = 2;

/// The lines of the outline, none wider than asked.
pub(super) fn lines(picture: &Picture, look: Look) -> Vec<Line> {
    let mut rails = Rails::of(picture, look.width.saturating_sub(LEAST_TEXT) / 2);
    let blocks: Vec<Block> = picture.order().into_iter().map(|vertex| rails.block(vertex)).collect();
    let columns = blocks.iter().flat_map(|block| &block.rows).map(Vec::len).max().unwrap_or(0);
    // The cell after the last rail is empty.
    let left = if columns == 0 { 0 } else { columns + 1 };
    let names = picture.vertices.iter().map(|vertex| width(&vertex.id)).max().unwrap_or(0);
    let names = names.min(look.width.saturating_sub(left) / 2).max(1);
    let kinds = picture.vertices.iter().map(|vertex| width(&vertex.kind)).max().unwrap_or(0);
    let table = Table { left, names, kinds, look };
    let starts = starts(picture, look);
    let mut lines = vec![];
    for block in blocks {
        let vertex = &picture.vertices[block.vertex];
        let mut texts = table.texts(vertex, &starts[block.vertex]);
        if let Some(inside) = &vertex.inside {
            let inner = Look { width: look.width.saturating_sub(left + INDENT).max(1), ..look };
            texts.extend(self::lines(inside, inner).into_iter().map(|line| {
                let mut indented = vec![(Tone::Text, " ".repeat(INDENT))];
                indented.extend(line);
                indented
            }));
        }
        let mut rows = block.rows.into_iter();
        let mut texts = texts.into_iter();
        loop {
            let (row, text) = (rows.next(), texts.next());
            if row.is_none() && text.is_none() {
                break;
            }
            lines.push(table.line(&row.unwrap_or_else(|| block.after.clone()), text.unwrap_or_default()));
        }
    }
    lines
}

/// Where texts stand.
struct Table {
    left: usize,
    names: usize,
    kinds: usize,
    look: Look,
}

impl Table {
    fn line(&self, row: &[Joint], text: Line) -> Line {
        let mut line: Line = vec![];
        for joint in row {
            let (sign, plain, tone) = joint.sign();
            let sign = if self.look.ascii { plain } else { sign };
            match line.last_mut() {
                Some((last, before)) if *last == tone => before.push(sign),
                _ => line.push((tone, sign.to_string())),
            }
        }
        if !text.is_empty() {
            line.push((Tone::Text, " ".repeat(self.left - row.len())));
            line.extend(text);
        }
        line
    }

    /// Name, kind and notes of a node.
    fn texts(&self, vertex: &Vertex, starts: &[(Tone, String)]) -> Vec<Line> {
        let room = self.look.width.saturating_sub(self.left).max(1);
        let kind = (Tone::Kind(vertex.sort), vertex.kind.clone());
        let mut notes = starts.to_vec();
        notes.extend(remarks(vertex, self.look));
        let wrapped = |columns: usize| {
            notes.iter().flat_map(move |(tone, note)| {
                wrap(note, columns).into_iter().map(|line| (*tone, line)).collect::<Vec<_>>()
            })
        };
        let beside = self.names + 2 + self.kinds + 2;
        if width(&vertex.id) <= self.names && beside + LEAST_NOTES <= room {
            // A table of names, kinds and notes.
            let name = pad(self.names + 2, vec![(Tone::Name, vertex.id.clone())]);
            let mut head = pad(beside, [name, vec![kind]].concat());
            let mut lines = vec![];
            for note in wrapped(room - beside) {
                let mut line = pad(beside, std::mem::take(&mut head));
                line.push(note);
                lines.push(line);
            }
            return if lines.is_empty() { vec![head] } else { lines };
        }
        let mut lines: Vec<Line> = wrap(&vertex.id, room).into_iter().map(|line| vec![(Tone::Name, line)]).collect();
        match lines.last_mut() {
            Some(last) if self.names + 2 + width(&vertex.kind) <= room && width(&last[0].1) <= self.names => {
                *last = pad(self.names + 2, std::mem::take(last));
                last.push(kind);
            }
            _ => lines.extend(wrap(&vertex.kind, room).into_iter().map(|line| vec![(kind.0, line)])),
        }
        let indent = if room > 12 { 4 } else { 0 };
        lines.extend(wrapped(room - indent).map(|note| [pad(indent, vec![]), vec![note]].concat()));
        lines
    }
}

/// A line with spaces up to a column.
fn pad(to: usize, mut line: Line) -> Line {
    let used: usize = line.iter().map(|(_, text)| width(text)).sum();
    if used < to {
        line.push((Tone::Text, " ".repeat(to - used)));
    }
    line
}

/// What each node starts, each way in a line: `refund → order, policy`.
fn starts(picture: &Picture, look: Look) -> Vec<Vec<(Tone, String)>> {
    let mut all: Vec<Vec<(Class, &str, Vec<&str>)>> = vec![vec![]; picture.vertices.len()];
    for link in &picture.links {
        let to = picture.vertices[link.to].id.as_str();
        // Cases that start the same nodes stand together, as in the file.
        match all[link.from].iter_mut().find(|(class, label, _)| (*class, *label) == (link.class, &link.label)) {
            Some((_, _, ids)) => ids.push(to),
            None => all[link.from].push((link.class, &link.label, vec![to])),
        }
    }
    let line = |(class, label, ids): (Class, &str, Vec<&str>)| {
        let label = if label.is_empty() { String::new() } else { format!("{label} ") };
        let more = ids.len().saturating_sub(MOST_NAMED);
        let named = ids.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let arrow = if look.ascii { "->" } else { "→" };
        (Tone::Line(class), format!("{label}{arrow} {named}{more}"))
    };
    all.into_iter()
        .map(|mut ways| {
            ways.sort_by_key(|(class, ..)| *class);
            ways.into_iter().map(line).collect()
        })
        .collect()
}
