//! Forgetting what is over: a run that is being driven keeps of the bodies that have closed only what they came to, so
//! that a `map` over many items takes memory for those at work.
//!
//! Nothing that can still happen looks into a body that has closed. Who wants to look at a run (`view`) folds its log
//! without forgetting.

use std::sync::Arc;

use super::{
    Run, Totals,
    level::{Level, Place},
};
use crate::{
    event::{EffectName, InstancePath},
    graph::{Plan, Shape},
};

/// What has been forgotten, and what is to be.
#[derive(Default)]
pub(super) struct Forgetting {
    /// Bodies that closed since the last fact.
    shut: Vec<usize>,
    /// Levels that can be used again.
    free: Vec<usize>,
}

impl Run {
    /// From now on what is over is forgotten.
    #[must_use]
    pub fn lean(mut self) -> Self {
        self.lean.get_or_insert_default();
        self
    }

    /// A level has closed; what stands in it is forgotten once all has been derived from the fact.
    pub(super) fn shut(&mut self, level: usize) {
        self.levels[level].closed = true;
        if let Some(lean) = &mut self.lean {
            lean.shut.push(level);
        }
    }

    /// Puts a level where one that was forgotten stood, or behind all others.
    pub(super) fn place(&mut self, level: Level) -> usize {
        if let Some(number) = self.lean.as_mut().and_then(|lean| lean.free.pop()) {
            self.levels[number] = level;
            return number;
        }
        self.levels.push(level);
        self.levels.len() - 1
    }

    /// Forgets the levels that have closed. Only when nothing is left to be derived: a place in a level that is used
    /// again would mean another node.
    pub(super) fn forget(&mut self) {
        let Some(lean) = &mut self.lean else { return };
        for number in std::mem::take(&mut lean.shut) {
            self.forget_level(number);
        }
    }

    fn forget_level(&mut self, number: usize) {
        let level = &self.levels[number];
        let paths: Vec<InstancePath> = (0..level.instances.len()).map(|node| level.path_of(node)).collect();
        let mut spent = Totals::default();
        for (node, path) in paths.iter().enumerate() {
            self.paths.remove(path);
            self.clocks.remove(&Place { level: number, node });
            let names: Vec<EffectName> = self.own_effects(path.as_str()).map(|(name, _)| name.clone()).collect();
            for name in names {
                if let Some(effect) = self.effects.remove(&name).filter(|effect| !effect.reused) {
                    spent.add(&effect.meta);
                }
            }
        }
        let within = self.levels[number].within;
        // All that it is part of keeps what it took.
        let mut around = within;
        while let Some((place, _)) = around {
            if let Some(instance) = self.instance_mut(place) {
                instance.below.plus(spent);
            }
            around = self.levels[place.level].within;
        }
        let maps = |place: Place| {
            self.node(place).is_some_and(|node| matches!(&node.plan, Some(Plan { shape: Shape::Map { .. }, .. })))
        };
        let of_map = within.is_some_and(|(place, _)| maps(place));
        if let Some((parent, index)) = within
            && let Some(work) = self.instance_mut(parent).and_then(|instance| instance.work.as_mut())
        {
            work.levels.retain(|level| *level != number);
            // The items of a reduce are others in each of its rounds.
            if let Some(item) = work.items.get_mut(index).filter(|_| of_map) {
                *item = Arc::default();
            }
        }
        let level = &mut self.levels[number];
        (level.instances, level.locals, level.input) = (vec![], vec![], None);
        if let Some(lean) = &mut self.lean {
            lean.free.push(number);
        }
    }
}
