//! The slowest path of a run: from what settled last back through what each node had to wait for.

use serde::Serialize;

use crate::{
    event::{InstancePath, Time},
    run::{Run, level::Place},
};

/// A node on the slowest path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its place.
    pub instance: InstancePath,
    /// How many nodes are around it.
    pub depth: usize,
    /// The state's word.
    pub state: &'static str,
    /// When it began.
    pub started: Time,
    /// When it settled, or the last fact of the log.
    pub ended: Time,
    /// How long, in milliseconds.
    pub took: u64,
    /// How much of that it waited for a person, a time or a call.
    pub waited: u64,
}

impl Run {
    /// The chain of nodes that the run's length is made of, in order; those below a node follow it.
    pub fn slowest_path(&self) -> Vec<Step> {
        let mut steps = vec![];
        self.slowest_of(0, 0, &mut steps);
        steps
    }

    fn slowest_of(&self, level: usize, depth: usize, steps: &mut Vec<Step>) {
        let here = &self.levels[level];
        let until = |node: usize| {
            let instance = &here.instances[node];
            instance.started.map(|_| instance.ended.unwrap_or(self.now))
        };
        let all = 0..here.instances.len();
        let Some(mut last) = all.filter(|node| until(*node).is_some()).max_by_key(|node| until(*node)) else { return };
        let mut chain = vec![last];
        while let Some(def) = here.program.node(last) {
            // Parents that never began took no time; what was before them did.
            let mut before: Vec<usize> = def.parents.iter().map(|edge| edge.from).collect();
            let mut seen = before.clone();
            let mut best: Option<usize> = None;
            while let Some(node) = before.pop() {
                if until(node).is_some() {
                    let later = best.is_none_or(|best| until(node) > until(best));
                    if later && !here.instances[last].blind.contains(&node) {
                        best = Some(node);
                    }
                    continue;
                }
                let further = here.program.node(node);
                for edge in further.iter().flat_map(|def| &def.parents) {
                    if !seen.contains(&edge.from) {
                        seen.push(edge.from);
                        before.push(edge.from);
                    }
                }
            }
            match best.filter(|best| !chain.contains(best)) {
                Some(best) => last = best,
                None => break,
            }
            chain.push(last);
        }
        for node in chain.into_iter().rev() {
            let place = Place { level, node };
            let instance = self.instance(place);
            let (Some(started), Some(ended)) = (instance.started, until(node)) else { continue };
            let answered = instance.answer.as_ref().map(|answer| answer.at).or(Some(ended));
            let waited = instance.asked.zip(answered).map_or(0, |(asked, until)| until.since(asked));
            steps.push(Step {
                instance: self.path(place),
                depth,
                state: instance.state.as_str(),
                started,
                ended,
                took: ended.since(started),
                waited,
            });
            let below = instance.work.iter().flat_map(|work| &work.levels);
            let slowest = below.max_by_key(|level| {
                let times = self.levels[**level].instances.iter();
                times.filter_map(|i| i.started.map(|_| i.ended.unwrap_or(self.now))).max()
            });
            if let Some(slowest) = slowest {
                self.slowest_of(*slowest, depth + 1, steps);
            }
        }
    }
}
