//! The drawing for what is too wide for boxes: a node a line, in an order in which parents come first, with rails on the
//! left as version control draws history. Called by `draw::terminal` and `draw::outline`.
//!
//! A rail belongs to the node that it leaves or to the one that it leads to, whichever needs fewer rails: two hundred
//! nodes between two others need two.

use std::collections::BTreeMap;

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
/// Rails side by side, at most, and the columns that they leave to the text, at least.
const MOST_RAILS: usize = 20;
const LEAST_TEXT: usize = 30;
/// Columns for notes beside a name; with fewer they stand below it.
const LEAST_NOTES: usize = 28;
/// Drawings of pictures inside pictures begin so much further right.
const INDENT: usize = 2;

/// The lines of the outline, none wider than asked.
pub(super) fn lines(picture: &Picture, look: Look) -> Vec<Line> {
    let mut rails = Rails::of(picture, look.width.saturating_sub(LEAST_TEXT) / 2);
    let blocks: Vec<Block> = picture.order().into_iter().map(|vertex| rails.block(vertex)).collect();
    let columns = blocks.iter().flat_map(|block| &block.rows).map(|row| row.len()).max().unwrap_or(0);
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
        let mut notes = starts.to_vec();
        notes.extend(remarks(vertex, self.look));
        let mut lines: Vec<Line> = vec![];
        let pieces = wrap(&vertex.id, room);
        let (last, before) = pieces.split_last().map_or((String::new(), &[][..]), |(last, rest)| (last.clone(), rest));
        lines.extend(before.iter().map(|piece| vec![(Tone::Name, piece.clone())]));
        let beside = self.names + 2 + self.kinds + 2;
        let fits = width(&last) <= self.names && beside <= room;
        let mut head = vec![(Tone::Name, last.clone())];
        if fits {
            head.push((Tone::Text, " ".repeat(self.names + 2 - width(&last))));
            head.push((Tone::Kind(vertex.sort), vertex.kind.clone()));
        } else if width(&last) + 2 + width(&vertex.kind) <= room {
            head.push((Tone::Text, "  ".to_owned()));
            head.push((Tone::Kind(vertex.sort), vertex.kind.clone()));
        } else {
            lines.push(std::mem::take(&mut head));
            lines.extend(wrap(&vertex.kind, room).into_iter().map(|line| vec![(Tone::Kind(vertex.sort), line)]));
        }
        let beside = if fits && room >= beside + LEAST_NOTES { Some(beside) } else { None };
        let indent = beside.unwrap_or(if room > 12 { 4 } else { 0 });
        let mut first = beside.is_some();
        let mut used = self.names + 2 + width(&vertex.kind);
        if !first && !head.is_empty() {
            lines.push(std::mem::take(&mut head));
        }
        for (tone, note) in notes {
            for (i, piece) in wrap(&note, room.saturating_sub(indent).max(1)).into_iter().enumerate() {
                if !first {
                    used = 0;
                }
                let mut line = std::mem::take(&mut head);
                line.push((Tone::Text, " ".repeat(indent - used.min(indent))));
                line.push((tone, piece));
                lines.push(line);
                first = false;
                debug_assert!(i < 10_000, "a note is short");
            }
        }
        if !head.is_empty() {
            lines.push(head);
        }
        lines
    }
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

/// The rails beside one node: its own row, perhaps one more, and what goes on below.
struct Block {
    vertex: usize,
    rows: Vec<Vec<Joint>>,
    after: Vec<Joint>,
}

/// A cell of a row of rails.
#[derive(Clone, Copy, Debug, Default)]
struct Joint {
    /// A rail that only passes; it is not crossed out by one that runs sideways.
    passing: Option<Class>,
    sides: u8,
    class: Option<Class>,
    bullet: Option<Bullet>,
}

/// The mark of a node.
#[derive(Clone, Copy, Debug)]
struct Bullet {
    conditional: bool,
    tone: Tone,
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

impl Joint {
    fn sign(&self) -> (char, char, Tone) {
        if let Some(bullet) = self.bullet {
            let (sign, plain) = if bullet.conditional { ('○', 'o') } else { ('●', '*') };
            return (sign, plain, bullet.tone);
        }
        let Some(class) = self.passing.or(self.class) else { return (' ', ' ', Tone::Text) };
        let sides = if self.passing.is_some() { UP | DOWN } else { self.sides };
        let (sign, plain) = super::canvas::sign(sides, class);
        (sign, plain, Tone::Line(class))
    }
}

/// Whom a rail belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The node that it leaves.
    From(usize, Class),
    /// The node that it leads to.
    To(usize, Class),
}

impl Owner {
    fn class(self) -> Class {
        let (Self::From(_, class) | Self::To(_, class)) = self;
        class
    }
}

/// A rail that is being drawn.
#[derive(Clone, Copy, Debug)]
struct Rail {
    owner: Owner,
    class: Class,
    /// Nodes that it still leads to.
    left: usize,
}

struct Rails<'p> {
    picture: &'p Picture,
    /// Rails that lead to each node and that leave it, with how often.
    into: Vec<Vec<Owner>>,
    out: Vec<BTreeMap<Owner, usize>>,
    lanes: Vec<Option<Rail>>,
    /// The column of the last node: another one below it would look as if it came after it.
    last: Option<usize>,
    most: usize,
}

impl<'p> Rails<'p> {
    fn of(picture: &'p Picture, most: usize) -> Self {
        let count = picture.vertices.len();
        let (mut outs, mut ins) = (BTreeMap::new(), BTreeMap::new());
        for link in &picture.links {
            *outs.entry((link.from, link.class)).or_insert(0_usize) += 1;
            *ins.entry((link.to, link.class)).or_insert(0_usize) += 1;
        }
        let mut rails = Self {
            picture,
            into: vec![vec![]; count],
            out: vec![BTreeMap::new(); count],
            lanes: vec![],
            last: None,
            most: most.clamp(3, MOST_RAILS),
        };
        for link in &picture.links {
            let shared = outs.get(&(link.from, link.class)) > ins.get(&(link.to, link.class));
            let owner = if shared { Owner::From(link.from, link.class) } else { Owner::To(link.to, link.class) };
            if !rails.into[link.to].contains(&owner) {
                rails.into[link.to].push(owner);
            }
            *rails.out[link.from].entry(owner).or_default() += 1;
        }
        rails
    }

    fn column_of(&self, owner: Owner) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.is_some_and(|lane| lane.owner == owner))
    }

    /// A column without a rail.
    fn free(&self, except: Option<usize>) -> usize {
        let free = |column: &usize| self.lanes.get(*column).is_none_or(Option::is_none) && Some(*column) != except;
        (0..).find(free).unwrap_or(self.lanes.len())
    }

    fn passing(&self) -> Vec<Joint> {
        let mut row = vec![];
        for (column, lane) in self.lanes.iter().enumerate() {
            if let Some(lane) = lane {
                let joint = at(&mut row, column);
                joint.passing = Some(lane.class);
            }
        }
        row
    }

    fn block(&mut self, vertex: usize) -> Block {
        let node = &self.picture.vertices[vertex];
        let mut incoming: Vec<(usize, bool)> = vec![];
        for owner in &self.into[vertex] {
            let Some(column) = self.column_of(*owner) else { continue };
            let Some(rail) = &mut self.lanes[column] else { continue };
            rail.left -= 1;
            incoming.push((column, rail.left == 0 || matches!(owner, Owner::To(..))));
        }
        let own = incoming.iter().filter(|(_, ends)| *ends).map(|(column, _)| *column).min();
        let own = own.unwrap_or_else(|| self.free(self.last));
        let mut row = self.passing();
        at(&mut row, own).bullet = Some(Bullet { conditional: node.when.is_some(), tone: Tone::Kind(node.sort) });
        for (column, ends) in incoming {
            let Some(rail) = self.lanes[column] else { continue };
            if column != own {
                across(&mut row, own, column, rail.class, if ends { UP } else { UP | DOWN });
            }
            if ends {
                self.lanes[column] = None;
            }
        }
        let mut rows = vec![row];
        rows.extend(self.leave(vertex, own));
        self.last = if self.lanes.get(own).is_some_and(Option::is_some) { None } else { Some(own) };
        if rows.len() > 1 {
            self.last = None;
        }
        Block { vertex, rows, after: self.passing() }
    }

    /// Begins and joins the rails that leave a node; the row for that, if one is needed.
    fn leave(&mut self, vertex: usize, own: usize) -> Option<Vec<Joint>> {
        let before = self.passing();
        let mut joins = vec![];
        // What is usual goes straight on.
        let mut owners: Vec<(Class, Owner, usize)> =
            self.out[vertex].iter().map(|(owner, n)| (owner.class(), *owner, *n)).collect();
        owners.sort_unstable();
        for (class, owner, count) in owners {
            if let Some(column) = self.column_of(owner) {
                joins.push((column, class, UP | DOWN));
                continue;
            }
            let taken = self.lanes.get(own).is_some_and(Option::is_some);
            let column = if taken { self.free(None) } else { own };
            if column >= self.most {
                // The text names what the rail would lead to.
                continue;
            }
            let left = match owner {
                Owner::From(..) => count,
                Owner::To(to, _) => {
                    self.picture.links.iter().filter(|link| link.to == to && link.class == class).count()
                }
            };
            if self.lanes.len() <= column {
                self.lanes.resize(column + 1, None);
            }
            self.lanes[column] = Some(Rail { owner, class, left });
            joins.push((column, class, DOWN));
        }
        if joins.iter().all(|(column, ..)| *column == own) {
            return None;
        }
        let mut row = before;
        let goes_on = joins.iter().any(|(column, ..)| *column == own);
        for (column, class, sides) in &joins {
            if column != &own {
                across(&mut row, own, *column, *class, *sides);
            }
        }
        let joint = at(&mut row, own);
        joint.sides |= if goes_on { UP | DOWN } else { UP };
        Some(row)
    }
}

/// The cell of a column.
fn at(row: &mut Vec<Joint>, column: usize) -> &mut Joint {
    if row.len() <= 2 * column {
        row.resize(2 * column + 1, Joint::default());
    }
    &mut row[2 * column]
}

/// A piece of rail from the node's column to another, where it meets a rail that goes on to these sides.
fn across(row: &mut Vec<Joint>, own: usize, other: usize, class: Class, sides: u8) {
    let (first, last) = (own.min(other), own.max(other));
    at(row, last);
    for cell in &mut row[2 * first + 1..2 * last] {
        cell.sides |= LEFT | RIGHT;
        cell.class.get_or_insert(class);
    }
    let (toward, back) = if other > own { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
    let joint = at(row, other);
    joint.passing = None;
    joint.sides |= sides | toward;
    joint.class = Some(class);
    let joint = at(row, own);
    joint.sides |= back;
    joint.class.get_or_insert(class);
}
