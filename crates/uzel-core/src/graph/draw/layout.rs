//! A picture on a grid: boxes in layers, links at right angles between them. Used by the terminal and the SVG drawing.
//!
//! Sugiyama's way: layers by longest path (`layers`), an order in each layer with few crossings (`order`), columns that
//! keep long links straight (`place`), and tracks for what runs sideways between two layers (`route`). The links of one
//! kind that leave a node share a line until they part; a label is a place of its own on that line, so that nothing is
//! ever written over.

mod layers;
mod order;
mod place;
mod route;
mod tracks;

use layers::Layered;

use super::picture::{Class, Picture};

/// More boxes, bends and labels than this are no picture any more.
const MOST_SLOTS: usize = 20_000;
/// Shares of the width, in percent, that boxes of one layer may take together; tried in order when links need the rest.
const SHARES: [usize; 5] = [95, 80, 65, 50, 35];

/// A finished drawing, in cells; the corner at the top left is (0, 0).
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) width: usize,
    pub(super) height: usize,
    /// By vertex.
    pub(super) boxes: Vec<Area>,
    /// Pictures inside boxes, by vertex; they stand below the first two rows.
    pub(super) inside: Vec<Option<Plan>>,
    pub(super) labels: Vec<Label>,
    /// One for each link, net by net.
    pub(super) paths: Vec<Path>,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Words on a line.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) area: Area,
    pub(super) lines: Vec<String>,
    pub(super) class: Class,
}

/// The line of a link, from the lower edge of one box to the cell above another, where its arrow points down.
#[derive(Debug)]
pub(super) struct Path {
    /// Lines of one net may share cells.
    pub(super) net: usize,
    pub(super) class: Class,
    /// Corners; two that follow each other share a row or a column.
    pub(super) points: Vec<(usize, usize)>,
}

/// How large the box of a node is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What a drawing needs to know about texts.
pub(super) struct Texts<'a> {
    /// The least size of a vertex's box, without what is inside it.
    pub(super) size: &'a dyn Fn(&super::picture::Vertex) -> Size,
    /// The lines of a label.
    pub(super) lines: &'a dyn Fn(&str) -> Vec<String>,
}

impl Plan {
    /// Lays a picture out in at most `most` columns, if it can be done.
    pub(super) fn of(picture: &Picture, texts: &Texts<'_>, most: Option<usize>) -> Option<Self> {
        let mut inside = vec![];
        let mut sizes = vec![];
        for vertex in &picture.vertices {
            let own = (texts.size)(vertex);
            let plan = match &vertex.inside {
                // A border and a space on each side.
                Some(inner) => Some(Self::of(inner, texts, most.map(|most| most.saturating_sub(4)))?),
                None => None,
            };
            sizes.push(match &plan {
                Some(plan) => Size { width: own.width.max(plan.width + 4), height: own.height + plan.height },
                None => own,
            });
            inside.push(plan);
        }
        let order = picture.order();
        let shares = SHARES.iter().filter_map(|share| Some(Some(most? * share / 100)));
        for cap in std::iter::once(None).chain(shares) {
            let Some(mut layered) = Layered::of(picture, &order, &sizes, texts.lines, cap) else { continue };
            if most.is_some_and(|most| !layered.may_fit(most)) {
                continue;
            }
            order::reduce_crossings(&mut layered);
            let Some(columns) = place::columns(&layered, most) else { continue };
            if let Some(plan) = route::plan(picture, &layered, &columns, most) {
                return Some(Self { inside, ..plan });
            }
        }
        None
    }
}
