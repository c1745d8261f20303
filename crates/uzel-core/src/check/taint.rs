//! Where the texts of each node's output come from: labels that join through expressions, templates and models. Asked by
//! the lints.
//!
//! Only texts are followed: a number, a boolean or one of an enum's values gives no orders. Where a type is not known,
//! there may be a text.

mod labels;
mod texts;

use std::{collections::BTreeSet, rc::Rc};

pub(super) use labels::Labels;
pub(super) use texts::{at_path, may_hold_text};

use super::lints::{About, Inside, Place, Scene};
use crate::{
    expr::Reference,
    graph::{
        Graph, Inner, Input, NodeDef, Program, Reaction, Shape, Via,
        facts::{Origin, Texts},
    },
    schema::Type,
    source::Span,
};

/// A part of an input that may hold texts.
pub(super) struct Part {
    /// Keys that lead to it.
    pub(super) path: Vec<String>,
    pub(super) references: Vec<Reference>,
}

/// A step of the way that a text takes.
pub(super) struct Step {
    /// The node, or `input`.
    pub(super) name: String,
    /// The reference that takes the text on from there.
    pub(super) at: Span,
    /// The node, if it is one.
    pub(super) place: Option<Place>,
}

/// Labels of all nodes' outputs.
#[derive(Default)]
pub(super) struct Taint {
    outputs: Vec<Labels>,
    /// Of what a body gives, by the node that runs it: some of it goes into the next round, or the next level.
    rounds: Vec<Labels>,
    /// Guards against orders that have judged what is written there, by the nodes behind them.
    behind: Vec<Rc<BTreeSet<Place>>>,
}

impl Taint {
    /// Labels of all nodes, parents first.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let count = scene.places.len();
        let mut taint = Self {
            outputs: vec![Labels::default(); count],
            rounds: vec![Labels::default(); count],
            behind: vec![Rc::default(); count],
        };
        // What a round gives is what the next one sees; what that one adds is found when it is looked at again.
        let mut left = Self::MOST_ROUNDS;
        loop {
            let before = taint.rounds.clone();
            taint.list(scene, &scene.outer);
            left -= 1;
            if left == 0 || taint.rounds == before {
                break;
            }
        }
        taint
    }

    /// Guards that are remembered for a node.
    const MOST_GUARDS: usize = 64;
    /// Labels only grow, so that few rounds are enough.
    const MOST_ROUNDS: usize = 4;

    fn list(&mut self, scene: &Scene<'_>, list: &[Place]) {
        for place in list.iter().copied() {
            self.behind[place] = self.guards_before(scene, place);
            if let Some(inside) = &scene.places[place].body {
                self.list(scene, &inside.order);
                self.rounds[place] = self.round(scene, inside);
            }
            self.outputs[place] = self.output(scene, place);
        }
    }

    /// What a body gives.
    fn round(&self, scene: &Scene<'_>, inside: &Inside<'_>) -> Labels {
        let within = inside.order.last().copied();
        let of = |labels: Labels, more: Labels| labels.with(more);
        match (&inside.body.output, within) {
            (Some(output), Some(within)) => {
                let references = output.references().iter();
                references.map(|reference| self.reference(scene, within, reference)).fold(Labels::default(), of)
            }
            _ => inside.leaves.iter().map(|leaf| self.outputs[*leaf]).fold(Labels::default(), of),
        }
    }

    /// What an app gives that a node runs: it has been looked at by itself, and only its output goes on here.
    fn app(&self, scene: &Scene<'_>, place: Place, graph: &Graph) -> Labels {
        let inputs = scene.node(place).inputs.iter().map(|input| self.input(scene, place, input));
        let given = inputs.fold(Labels::default(), Labels::with);
        let inner = Scene::new(&graph.nodes, About::inner(graph, given));
        let taint = inner.taint();
        let Some(within) = inner.outer.last().copied() else { return given };
        match &graph.output {
            Some(output) => {
                let references = output.references().iter();
                references.map(|r| taint.reference(&inner, within, r)).fold(Labels::default(), Labels::with)
            }
            None => {
                let leaves = inner.outer.iter().filter(|place| inner.node(**place).children.is_empty());
                leaves.map(|leaf| taint.outputs[*leaf]).fold(Labels::default(), Labels::with)
            }
        }
    }

    fn guards_before(&self, scene: &Scene<'_>, place: Place) -> Rc<BTreeSet<Place>> {
        let stand = &scene.places[place];
        let judges = |from: Place| matches!(scene.node(from).facts.texts, Texts::Judged { orders: true, .. });
        // What runs because a guard blocked is not behind it.
        let on = stand.parents.iter().filter(|(_, edge)| matches!(edge.via, Via::Flow | Via::Ports(_)));
        let mut all: Option<Rc<BTreeSet<Place>>> = None;
        for from in on.map(|(from, _)| *from).chain(stand.up) {
            let mut more = Rc::clone(&self.behind[from]);
            if judges(from) {
                let more = Rc::make_mut(&mut more);
                more.insert(from);
                // In a chain of guards the first are forgotten: each would be copied for all that follow.
                if more.len() > Self::MOST_GUARDS {
                    more.pop_first();
                }
            }
            match &mut all {
                None => all = Some(more),
                Some(all) if more.is_subset(all) => {}
                Some(all) => Rc::make_mut(all).extend(more.iter().copied()),
            }
        }
        all.unwrap_or_default()
    }

    fn output(&self, scene: &Scene<'_>, place: Place) -> Labels {
        let node = scene.node(place);
        let facts = &node.facts;
        if !may_hold_text(&node.output) {
            return Labels::default();
        }
        let joined = |inputs: &mut dyn Iterator<Item = &Input>| {
            inputs.map(|input| self.input(scene, place, input)).fold(Labels::default(), Labels::with)
        };
        let inner = node.plan.as_ref().map(|plan| &plan.inner);
        let mut labels = match (facts.texts, inner) {
            (_, Some(Inner::Nodes(_))) => self.rounds[place],
            (_, Some(Inner::App(graph))) => self.app(scene, place, graph),
            (Texts::Joined, None) => joined(&mut node.inputs.iter()),
            (Texts::Own, None) => Labels::default(),
            (Texts::Judged { input, orders, shape }, None) => {
                let labels = joined(&mut node.inputs.iter().filter(|known| known.name == input));
                let labels = if orders { labels.screened() } else { labels };
                if shape { labels.without(Labels::FREE) } else { labels }
            }
        };
        for origin in facts.origins {
            labels = labels.with(Labels::raw(*origin));
        }
        if let Some(asks) = &facts.asks {
            labels = if asks.free { labels.with(Labels::FREE) } else { labels.without(Labels::FREE) };
        }
        for reference in replaced(node) {
            labels = labels.with(self.reference(scene, place, reference));
        }
        labels
    }

    /// What a node's input may hold.
    pub(super) fn input(&self, scene: &Scene<'_>, place: Place, input: &Input) -> Labels {
        parts(input).iter().map(|part| self.part(scene, place, part)).fold(Labels::default(), Labels::with)
    }

    /// What a part of an input may hold.
    pub(super) fn part(&self, scene: &Scene<'_>, place: Place, part: &Part) -> Labels {
        let all = part.references.iter().map(|reference| self.reference(scene, place, reference));
        all.fold(Labels::default(), Labels::with)
    }

    /// What a reference of a node may hold.
    pub(super) fn reference(&self, scene: &Scene<'_>, place: Place, reference: &Reference) -> Labels {
        let labels = match scene.find(place, &reference.root) {
            Some(from) => {
                let node = scene.node(from);
                let plain = reference.path.first().is_some_and(|field| node.facts.plain.contains(&field.as_str()));
                if plain || !may_hold_text(&at_path(&node.output, &reference.path)) {
                    return Labels::default();
                }
                self.outputs[from]
            }
            None if reference.root == "input" => {
                if !may_hold_text(&at_path(&scene.about.inputs.ty, &reference.path)) {
                    return Labels::default();
                }
                scene.about.given.unwrap_or_else(|| Labels::raw(Origin::Input))
            }
            None => self.local(scene, place, reference),
        };
        if labels.unseen().is_some() && self.was_judged(scene, place, reference) { labels.screened() } else { labels }
    }

    /// What a node's output is made of, and the place from which that is seen. `whole`: of what its body gives too.
    fn sources(scene: &Scene<'_>, place: Place, whole: bool) -> (Place, Vec<Reference>) {
        let node = scene.node(place);
        if let Some(inside) = scene.places[place].body.as_ref().filter(|_| whole)
            && let Some(within) = inside.order.last().copied()
        {
            let of = |leaf: &Place| {
                let at = scene.node(*leaf).at;
                Reference { root: scene.node(*leaf).id.clone(), path: vec![], span: at }
            };
            let given = inside.body.output.as_ref().map(|output| output.references().to_vec());
            return (within, given.unwrap_or_else(|| inside.leaves.iter().map(of).collect()));
        }
        let inputs = node.inputs.iter().flat_map(|input| input.program.references());
        (place, inputs.chain(replaced(node)).cloned().collect())
    }

    /// What a name of a body that is no node may hold.
    fn local(&self, scene: &Scene<'_>, place: Place, reference: &Reference) -> Labels {
        let Some((up, shape)) = scene.local(place, &reference.root) else { return Labels::default() };
        let node = scene.node(up);
        let list = node.inputs.iter().find(|input| Some(input.name.as_str()) == shape.list_key());
        match shape {
            Shape::Loop { .. } if reference.path.first().is_some_and(|field| field == "previous") => {
                let rest = reference.path.get(1..).unwrap_or_default();
                if may_hold_text(&at_path(&node.output, rest)) { self.rounds[up] } else { Labels::default() }
            }
            Shape::Map { item, .. } | Shape::Reduce { item, .. } if *item == reference.root => {
                let Some(list) = list else { return Labels::default() };
                // A batch is a list again, and what it leads to is an item.
                let ty = match list.found.without_null() {
                    Type::List(item) => at_path(&item, &reference.path),
                    _ => Type::Any,
                };
                if !may_hold_text(&ty) {
                    return Labels::default();
                }
                let given = self.input(scene, up, list);
                if matches!(shape, Shape::Reduce { .. }) { given.with(self.rounds[up]) } else { given }
            }
            _ => Labels::default(),
        }
    }

    /// Whether a guard before the node has judged the very value that it refers to.
    fn was_judged(&self, scene: &Scene<'_>, place: Place, reference: &Reference) -> bool {
        let same = |guard: Place| {
            let node = scene.node(guard);
            let Texts::Judged { input, .. } = node.facts.texts else { return false };
            let judged = node.inputs.iter().filter(|known| known.name == input);
            let mut judged = judged.flat_map(|input| input.program.references());
            judged.any(|known| {
                known.root == reference.root
                    && reference.path.starts_with(&known.path)
                    && scene.find(guard, &known.root) == scene.find(place, &reference.root)
            })
        };
        self.behind[place].iter().any(|guard| same(*guard))
    }

    /// The way that a text with these labels takes to one of some references of a node, its source first.
    pub(super) fn way(
        &self,
        scene: &Scene<'_>,
        place: Place,
        references: &[Reference],
        wanted: impl Fn(Labels) -> bool,
    ) -> Vec<Step> {
        let (mut steps, mut from, mut next) = (vec![], place, references.to_vec());
        // A body's node may see what its own last round gave: the way ends where it comes back.
        let mut seen = BTreeSet::from([(place, true)]);
        while let Some(reference) = next.iter().find(|reference| wanted(self.reference(scene, from, reference))) {
            let target = scene.find(from, &reference.root);
            let written = std::iter::once(&reference.root).chain(&reference.path);
            let name = written.map(String::as_str).collect::<Vec<_>>().join(".");
            steps.push(Step { name, at: reference.span, place: target });
            // An item comes from the list that its body goes over.
            let source = target.or_else(|| scene.local(from, &reference.root).map(|(up, _)| up));
            let Some(source) = source.filter(|source| seen.insert((*source, target.is_some()))) else { break };
            (from, next) = Self::sources(scene, source, target.is_some());
        }
        steps.reverse();
        steps
    }
}

/// What stands for a node's output where it failed or blocked.
fn replaced(node: &NodeDef) -> impl Iterator<Item = &Reference> {
    let reactions = [&node.on_error, &node.on_block].into_iter();
    let bindings = reactions.filter_map(|reaction| match reaction {
        Reaction::Use(binding) => Some(binding.references()),
        _ => None,
    });
    bindings.flatten()
}

/// The parts of an input that may hold texts.
pub(super) fn parts(input: &Input) -> Vec<Part> {
    match &input.program {
        Program::Binding(binding) => {
            let parts = binding.parts().into_iter();
            let texts = parts.filter(|(path, _)| may_hold_text(&at_path(&input.found, path)));
            texts.map(|(path, references)| Part { path, references }).collect()
        }
        program if may_hold_text(&input.found) => {
            vec![Part { path: vec![], references: program.references().to_vec() }]
        }
        _ => vec![],
    }
}
