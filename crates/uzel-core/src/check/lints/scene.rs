//! All nodes of an app in one table, those in bodies too, with what lints ask of them. Made once for all lints.
//!
//! Another app that a node runs is not part of it: that app is looked at when it is read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    check::taint::{Labels, Taint},
    document::Limits,
    graph::{Body, Declared, Edge, Flag, Graph, Inner, NodeDef, Shape},
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
    /// Who wrote the input, if it is another app that gives it.
    pub(in crate::check) given: Option<Labels>,
}

impl<'g> About<'g> {
    /// An app that a node runs with an input of these labels.
    pub(in crate::check) fn inner(graph: &'g Graph, given: Labels) -> Self {
        Self {
            declared: &graph.declared,
            inputs: &graph.inputs,
            flags: &graph.flags,
            limits: &graph.limits,
            retry: None,
            against: None,
            given: Some(given),
        }
    }
}

/// A node where it stands.
pub(in crate::check) struct Stand<'g> {
    pub(in crate::check) node: &'g NodeDef,
    /// Its parents among the nodes beside it.
    pub(in crate::check) parents: Vec<(Place, &'g Edge)>,
    /// The node whose body it is in.
    pub(in crate::check) up: Option<Place>,
    /// The nodes that it runs, if it runs any.
    pub(in crate::check) body: Option<Inside<'g>>,
    /// The list that it is in.
    list: usize,
}

/// The body of a node.
pub(in crate::check) struct Inside<'g> {
    pub(in crate::check) body: &'g Body,
    /// Its nodes; parents first.
    pub(in crate::check) order: Vec<Place>,
    /// Those of them that nothing beside them depends on.
    pub(in crate::check) leaves: Vec<Place>,
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
    /// The nodes that are in no body; parents first.
    pub(in crate::check) outer: Vec<Place>,
    /// All nodes: parents first, and a node before those of its body, which come before what follows it.
    pub(in crate::check) order: Vec<Place>,
    lists: Vec<List<'g>>,
    taint: Taint,
}

impl<'g> Scene<'g> {
    /// Puts all nodes in a table.
    pub(in crate::check) fn new(nodes: &'g IndexMap<String, Arc<NodeDef>>, about: About<'g>) -> Self {
        let mut scene =
            Self { about, places: vec![], outer: vec![], order: vec![], lists: vec![], taint: Taint::default() };
        scene.outer = scene.add(nodes, None);
        let mut order = vec![];
        scene.walk(&scene.outer, &mut order);
        scene.order = order;
        scene.taint = Taint::of(&scene);
        scene
    }

    /// Adds nodes that stand beside each other; gives them, parents first.
    fn add(&mut self, nodes: &'g IndexMap<String, Arc<NodeDef>>, up: Option<Place>) -> Vec<Place> {
        let (list, first) = (self.lists.len(), self.places.len());
        let names = nodes.values().enumerate().map(|(idx, node)| (node.id.as_str(), first + idx)).collect();
        self.lists.push(List { up, names });
        for node in nodes.values() {
            let parents = node.parents.iter().map(|edge| (first + edge.from, edge)).collect();
            self.places.push(Stand { node, parents, up, body: None, list });
        }
        for (idx, node) in nodes.values().enumerate() {
            if let Some(Inner::Nodes(body)) = node.plan.as_ref().map(|plan| &plan.inner) {
                let order = self.add(&body.nodes, Some(first + idx));
                let leaf = |place: &Place| self.places[*place].node.children.is_empty();
                let leaves = order.iter().copied().filter(leaf).collect();
                self.places[first + idx].body = Some(Inside { body, order, leaves });
            }
        }
        sorted(nodes).into_iter().map(|idx| first + idx).collect()
    }

    fn walk(&self, list: &[Place], order: &mut Vec<Place>) {
        for place in list {
            order.push(*place);
            if let Some(inside) = &self.places[*place].body {
                self.walk(&inside.order, order);
            }
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

    /// The node whose body calls something by this name that is no node: an item, a batch, the loop.
    pub(in crate::check) fn local(&self, from: Place, name: &str) -> Option<(Place, &'g Shape)> {
        self.outwards(from).skip(1).find_map(|up| {
            let shape = &self.node(up).plan.as_ref()?.shape;
            shape.locals().contains(&name).then_some((up, shape))
        })
    }

    /// Whether a node runs another app.
    pub(in crate::check) fn is_app(node: &NodeDef) -> bool {
        matches!(node.plan.as_ref().map(|plan| &plan.inner), Some(Inner::App(_)))
    }

    /// The node and those around it.
    pub(in crate::check) fn outwards(&self, place: Place) -> impl Iterator<Item = Place> {
        std::iter::successors(Some(place), |place| self.places[*place].up)
    }

    /// Where texts come from.
    pub(in crate::check) fn taint(&self) -> &Taint {
        &self.taint
    }

    /// All nodes that come before a node, those around it and itself included, nearest first.
    pub(in crate::check) fn before(&self, place: Place) -> Vec<Place> {
        let (mut seen, mut next) = (BTreeSet::from([place]), VecDeque::from([place]));
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
fn sorted(nodes: &IndexMap<String, Arc<NodeDef>>) -> Vec<usize> {
    let mut waits: Vec<usize> = nodes.values().map(|node| node.parents.len()).collect();
    let mut ready: BTreeSet<usize> =
        waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(idx, _)| idx).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(idx) = ready.pop_first() {
        order.push(idx);
        for (child, _) in nodes.get_index(idx).map(|(_, node)| node.children.as_slice()).unwrap_or_default() {
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
