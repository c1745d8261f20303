//! Nodes into layers, and places in the layers between for links that go further. Used by the layout.

use std::collections::BTreeMap;

use super::{MOST_SLOTS, Size};
use crate::graph::draw::{
    picture::{Class, Picture},
    text::width,
};

/// A picture in layers: every line leads from one layer to the next.
pub(super) struct Layered {
    pub(super) slots: Vec<Slot>,
    /// Slots of each layer, from left to right.
    pub(super) layers: Vec<Vec<usize>>,
    /// What runs between each layer and the next.
    pub(super) channels: Vec<Vec<Hop>>,
    pub(super) nets: Vec<Net>,
}

/// A place in a layer.
pub(super) struct Slot {
    pub(super) what: What,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A node.
    Box(usize),
    /// The label of a net.
    Label(usize),
    /// A line of a net on its way.
    Bend(usize),
}

/// The links of one class and label that leave a node.
pub(super) struct Net {
    pub(super) from: usize,
    pub(super) class: Class,
    pub(super) lines: Vec<String>,
    /// The nodes that it leads to.
    pub(super) targets: Vec<usize>,
}

/// A net's way from one layer to the next.
pub(super) struct Hop {
    pub(super) net: usize,
    pub(super) upper: usize,
    pub(super) lowers: Vec<usize>,
}

impl Layered {
    /// Layers in which boxes take at most `cap` columns together, if that is given.
    pub(super) fn of(
        picture: &Picture,
        order: &[usize],
        sizes: &[Size],
        lines: &dyn Fn(&str) -> Vec<String>,
        cap: Option<usize>,
    ) -> Option<Self> {
        let nets = nets(picture, lines);
        let mut sizes = sizes.to_vec();
        // A port needs a column, and one beside it.
        let mut ports = vec![(0_usize, 0_usize); sizes.len()];
        for net in &nets {
            ports[net.from].1 += 1;
            net.targets.iter().for_each(|to| ports[*to].0 += 1);
        }
        for (size, (above, below)) in sizes.iter_mut().zip(ports) {
            size.width = size.width.max(2 * above.max(below) + 3);
        }
        let ranks = ranks(picture, order, &sizes, cap);
        let depth = ranks.iter().max().map_or(0, |most| most + 1);
        // Below a layer with labelled ways there is a layer for the labels.
        let mut labelled = vec![false; depth];
        nets.iter().filter(|net| !net.lines.is_empty()).for_each(|net| labelled[ranks[net.from]] = true);
        let mut index = Vec::with_capacity(depth);
        let mut next = 0;
        for labelled in labelled {
            index.push(next);
            next += 1 + usize::from(labelled);
        }
        let at = |vertex: usize| index[ranks[vertex]];
        let mut layered =
            Self { slots: vec![], layers: vec![vec![]; next], channels: (1..next).map(|_| vec![]).collect(), nets };
        for (vertex, size) in sizes.iter().enumerate() {
            // In the order of the file, so that a box has the number of its node.
            layered.add(What::Box(vertex), size.width, size.height, at(vertex));
        }
        for net in 0..layered.nets.len() {
            layered.lead(net, &at)?;
        }
        Some(layered)
    }

    /// Whether no layer is wider than `most`, whatever its order.
    pub(super) fn may_fit(&self, most: usize) -> bool {
        let least = |layer: &Vec<usize>| layer.iter().map(|slot| self.slots[*slot].width + 1).sum::<usize>();
        self.layers.iter().all(|layer| least(layer) <= most + 1)
    }

    fn add(&mut self, what: What, width: usize, height: usize, layer: usize) -> usize {
        self.slots.push(Slot { what, width, height });
        self.layers[layer].push(self.slots.len() - 1);
        self.slots.len() - 1
    }

    /// Leads a net from its node through the layers to each of its targets.
    fn lead(&mut self, net: usize, at: &dyn Fn(usize) -> usize) -> Option<()> {
        let Net { from, lines, targets, .. } = &self.nets[net];
        let mut upper = *from;
        let (labels, width) = (lines.len(), lines.iter().map(|line| width(line)).max().unwrap_or(1));
        let mut ends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for to in targets {
            ends.entry(at(*to)).or_default().push(*to);
        }
        let last = ends.last_key_value().map_or(0, |(layer, _)| *layer);
        let first = at(upper) + 1;
        for layer in first..=last {
            let mut lowers = ends.remove(&layer).unwrap_or_default();
            let onward = if layer == first && labels > 0 {
                Some(self.add(What::Label(net), width, labels, layer))
            } else if layer < last {
                Some(self.add(What::Bend(net), 1, 1, layer))
            } else {
                None
            };
            lowers.extend(onward);
            self.channels[layer - 1].push(Hop { net, upper, lowers });
            upper = onward.unwrap_or(upper);
            if self.slots.len() > MOST_SLOTS {
                return None;
            }
        }
        Some(())
    }
}

fn nets(picture: &Picture, lines: &dyn Fn(&str) -> Vec<String>) -> Vec<Net> {
    let mut known: BTreeMap<(usize, Class, &str), usize> = BTreeMap::new();
    let mut nets: Vec<Net> = vec![];
    for link in &picture.links {
        let net = *known.entry((link.from, link.class, &link.label)).or_insert_with(|| {
            let lines = if link.label.is_empty() { vec![] } else { lines(&link.label) };
            nets.push(Net { from: link.from, class: link.class, lines, targets: vec![] });
            nets.len() - 1
        });
        nets[net].targets.push(link.to);
    }
    nets
}

/// The layer of each node: below all it comes after, and where there is room.
fn ranks(picture: &Picture, order: &[usize], sizes: &[Size], cap: Option<usize>) -> Vec<usize> {
    let count = picture.vertices.len();
    let (mut before, mut after) = (vec![vec![]; count], vec![vec![]; count]);
    for link in &picture.links {
        before[link.to].push(link.from);
        after[link.from].push(link.to);
    }
    let mut rank = vec![0; count];
    for vertex in order {
        rank[*vertex] = before[*vertex].iter().map(|from| rank[*from] + 1).max().unwrap_or(0);
    }
    let Some(cap) = cap else {
        // What waits for nothing stands just above what waits for it.
        for vertex in order.iter().rev().filter(|vertex| before[**vertex].is_empty()) {
            let next = after[*vertex].iter().map(|to| rank[*to]).min();
            rank[*vertex] = next.map_or(rank[*vertex], |next: usize| next.saturating_sub(1));
        }
        return rank;
    };
    let mut sequence: Vec<usize> = order.to_vec();
    sequence.sort_by_key(|vertex| rank[*vertex]);
    let mut used: Vec<usize> = vec![];
    for vertex in sequence {
        let mut layer = before[vertex].iter().map(|from| rank[*from] + 1).max().unwrap_or(0);
        let width = sizes[vertex].width + super::place::GAP;
        while used.get(layer).is_some_and(|used| *used > 0 && used + width > cap) {
            layer += 1;
        }
        if used.len() <= layer {
            used.resize(layer + 1, 0);
        }
        used[layer] += width;
        rank[vertex] = layer;
    }
    rank
}
