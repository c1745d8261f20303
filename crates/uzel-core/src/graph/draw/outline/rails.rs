//! Rails of the outline: which column each node and each way between nodes has, row by row. Used by the outline.

use std::collections::BTreeMap;

use crate::graph::draw::{
    Tone, canvas,
    picture::{Class, Picture},
};

/// Rails side by side, at most and at least.
const MOST_RAILS: usize = 20;
const LEAST_RAILS: usize = 3;

/// The rails beside one node: its own row, perhaps one more, and what goes on below.
pub(super) struct Block {
    pub(super) vertex: usize,
    pub(super) rows: Vec<Vec<Joint>>,
    pub(super) after: Vec<Joint>,
}

/// A cell of a row of rails.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Joint {
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
    /// The character, that of ASCII, and the colour.
    pub(super) fn sign(&self) -> (char, char, Tone) {
        if let Some(bullet) = self.bullet {
            let (sign, plain) = if bullet.conditional { ('○', 'o') } else { ('●', '*') };
            return (sign, plain, bullet.tone);
        }
        let Some(class) = self.passing.or(self.class) else { return (' ', ' ', Tone::Text) };
        let sides = if self.passing.is_some() { UP | DOWN } else { self.sides };
        let (sign, plain) = canvas::sign(sides, class);
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

pub(super) struct Rails<'p> {
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
    /// No rails yet; at most so many side by side.
    pub(super) fn of(picture: &'p Picture, most: usize) -> Self {
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
            most: most.clamp(LEAST_RAILS, MOST_RAILS),
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
        (0..=self.lanes.len()).find(free).unwrap_or(self.lanes.len() + 1)
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

    /// The rows of the next node.
    pub(super) fn block(&mut self, vertex: usize) -> Block {
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
