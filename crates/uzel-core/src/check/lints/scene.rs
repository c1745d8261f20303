//! All nodes of an app in one table, those in bodies too, with what lints ask of them. Made once for all lints.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::{
    check::taint::Taint,
    document::Limits,
    graph::{Declared, Edge, Flag, Graph, NodeDef},
    schema::Schema,
    source::Span,
};

/// Index of a node in [`Scene::places`].
pub(in crate::check) type Place = usize;

/// What the lints see of an app.
pub(in crate::check) struct About<'g> {
    pub(in crate::check) declared: &'g Declared,
    pub(in crate::check) inputs: &'g Schema,
    pub(in crate::check) flags: &'g BTreeMap<String, Flag>,
    pub(in crate::check) limits: &'g Limits,
    /// Where `defaults.retry` is written.
    pub(in crate::check) retry: Option<Span>,
    /// The app that is in use, if this one is to follow it.
    pub(in crate::check) against: Option<&'g Graph>,
}

/// A node where it stands.
pub(in crate::check) struct Stand<'g> {
    pub(in crate::check) node: &'g NodeDef,
    /// Its parents among the nodes beside it.
    pub(in crate::check) parents: Vec<(Place, &'g Edge)>,
    /// The node whose body it is in.
    pub(in crate::check) up: Option<Place>,
    /// The list that it is in.
    list: usize,
}

/// Nodes that stand beside each other.
struct List<'g> {
    up: Option<Place>,
    names: BTreeMap<&'g str, Place>,
}

/// All nodes of an app.
pub(in crate::check) struct Scene<'g> {
    pub(in crate::check) about: About<'g>,
    pub(in crate::check) places: Vec<Stand<'g>>,
    /// Parents first; a node before those of its body.
    pub(in crate::check) order: Vec<Place>,
    lists: Vec<List<'g>>,
    taint: Taint,
}

impl<'g> Scene<'g> {
    /// Puts all nodes in a table.
    pub(in crate::check) fn new(nodes: &'g IndexMap<String, NodeDef>, about: About<'g>) -> Self {
        let mut scene = Self { about, places: vec![], order: vec![], lists: vec![], taint: Taint::default() };
        scene.add(nodes.values().collect(), None);
        scene.taint = Taint::of(&scene);
        scene
    }

    fn add(&mut self, nodes: Vec<&'g NodeDef>, up: Option<Place>) {
        let (list, first) = (self.lists.len(), self.places.len());
        let names = nodes.iter().enumerate().map(|(idx, node)| (node.id.as_str(), first + idx)).collect();
        self.lists.push(List { up, names });
        for node in &nodes {
            let parents = node.parents.iter().map(|edge| (first + edge.from, edge)).collect();
            self.places.push(Stand { node, parents, up, list });
        }
        for idx in sorted(&nodes) {
            self.order.push(first + idx);
        }
    }

    /// The node.
    pub(in crate::check) fn node(&self, place: Place) -> &'g NodeDef {
        self.places[place].node
    }

    /// The node that a name means at a place: beside it or further out.
    pub(in crate::check) fn find(&self, from: Place, name: &str) -> Option<Place> {
        let mut list = Some(self.places[from].list);
        while let Some(at) = list {
            let here = &self.lists[at];
            if let Some(found) = here.names.get(name) {
                return Some(*found);
            }
            list = here.up.map(|up| self.places[up].list);
        }
        None
    }

    /// The node and those around it.
    pub(in crate::check) fn outwards(&self, place: Place) -> impl Iterator<Item = Place> {
        std::iter::successors(Some(place), |place| self.places[*place].up)
    }

    /// Where texts come from.
    pub(in crate::check) fn taint(&self) -> &Taint {
        &self.taint
    }

    /// All nodes that must have been looked at before a node, itself included, nearest first.
    pub(in crate::check) fn before(&self, place: Place) -> Vec<Place> {
        let (mut seen, mut next) =
            (std::collections::BTreeSet::from([place]), std::collections::VecDeque::from([place]));
        let mut all = vec![];
        while let Some(place) = next.pop_front() {
            all.push(place);
            let stand = &self.places[place];
            let parents = stand.parents.iter().map(|(from, _)| *from).chain(stand.up);
            next.extend(parents.filter(|from| seen.insert(*from)));
        }
        all
    }
}

/// Parents first, otherwise as they are written.
fn sorted(nodes: &[&NodeDef]) -> Vec<usize> {
    let mut waits: Vec<usize> = nodes.iter().map(|node| node.parents.len()).collect();
    let mut ready: std::collections::BTreeSet<usize> =
        waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(idx, _)| idx).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(idx) = ready.pop_first() {
        order.push(idx);
        for (child, _) in &nodes[idx].children {
            if let Some(left) = waits.get_mut(*child) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.insert(*child);
                }
            }
        }
    }
    order
}
