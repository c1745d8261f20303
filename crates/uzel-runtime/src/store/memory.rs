//! A store in memory, for tests and for runs that need not outlive the process; it keeps the same promises but that one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uzel_core::{
    capability::BoxFuture,
    event::{EffectName, Event, ReleaseId, RunId, Seq, Time},
    store::{Append, Error, Filter, Head, Records, Release, Status, Store, Task},
};

use super::{
    admit::{Admitted, admit, admit_release, lacks},
    record,
};

/// Everything is lost when it is dropped.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<RunId, Run>,
    /// With the order in which they came, which decides between equal times.
    tasks: BTreeMap<String, (usize, Task)>,
    releases: BTreeMap<ReleaseId, Release>,
    blobs: BTreeMap<String, Vec<u8>>,
}

struct Run {
    /// The order in which runs came, which decides between equal times.
    order: usize,
    head: Head,
    bodies: Vec<Vec<u8>>,
    effects: BTreeSet<EffectName>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A change is made only after all of its checks, so the state is whole even if a thread panicked with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, append: Admitted) -> Result<Seq, Error> {
        let invalid = |cause: String| Error::Invalid { what: format!("an append to run `{}`", append.run), cause };
        let known = self.runs.get(&append.run);
        match known {
            None if append.after != 0 => return Err(Error::UnknownRun(append.run)),
            None if append.head.is_none() => return Err(invalid("the first append of a run needs its head".into())),
            None if append.records.is_empty() => {
                return Err(invalid("the first append of a run needs a record".into()));
            }
            Some(run) if run.bodies.len() as Seq != append.after => {
                let found = run.bodies.len() as Seq;
                return Err(Error::Conflict { run: append.run, expected: append.after, found });
            }
            _ => {}
        }
        let mut fresh = BTreeSet::new();
        for effect in append.records.iter().filter_map(|record| record.effect.as_ref()) {
            if known.is_some_and(|run| run.effects.contains(effect)) || !fresh.insert(effect.clone()) {
                return Err(Error::Duplicate { run: append.run, effect: effect.clone() });
            }
        }
        for (task, _) in &append.tasks {
            if self.tasks.get(&task.id).is_some_and(|(_, there)| there.run != task.run) {
                return Err(invalid(format!("task `{}` is there already, of another run", task.id)));
            }
        }
        let there = |hash: &String| self.blobs.contains_key(hash) || append.blobs.iter().any(|(with, _)| with == hash);
        if let Some(hash) = append.refers.iter().find(|hash| !there(hash)) {
            return Err(invalid(lacks(hash)));
        }
        // Invariant: nothing below can fail, so an append is all or nothing.
        let order = self.runs.len();
        let head = append.head.map(|(head, _)| head);
        let run = match (self.runs.get_mut(&append.run), head) {
            (Some(run), Some(head)) => {
                run.head = head;
                run
            }
            (Some(run), None) => run,
            (None, Some(head)) => {
                self.runs.entry(append.run).or_insert(Run { order, head, bodies: vec![], effects: BTreeSet::new() })
            }
            (None, None) => return Err(Error::UnknownRun(append.run)),
        };
        run.effects.append(&mut fresh);
        run.bodies.extend(append.records.into_iter().map(|record| record.body));
        let last = run.bodies.len() as Seq;
        for (task, _) in append.tasks {
            let order = self.tasks.get(&task.id).map_or(self.tasks.len(), |(order, _)| *order);
            self.tasks.insert(task.id.clone(), (order, task));
        }
        for (hash, body) in append.blobs {
            self.blobs.entry(hash).or_insert(body);
        }
        Ok(last)
    }

    fn load(&self, id: &RunId) -> Result<(Vec<Event>, Seq), Error> {
        let run = self.runs.get(id).ok_or_else(|| Error::UnknownRun(id.clone()))?;
        let mut events = vec![];
        for (at, body) in run.bodies.iter().enumerate() {
            let corrupt = |cause| Error::Corrupt { run: id.clone(), seq: at as Seq + 1, cause };
            events.extend(record::decode(body).map_err(corrupt)?);
        }
        Ok((events, run.bodies.len() as Seq))
    }

    fn records(&self, id: &RunId, after: Seq) -> Result<Records, Error> {
        let run = self.runs.get(id).ok_or_else(|| Error::UnknownRun(id.clone()))?;
        let numbered = (1..).zip(&run.bodies).filter(|(seq, _)| *seq > after);
        let read = |(seq, body): (Seq, &Vec<u8>)| match record::decode(body) {
            Ok(events) => Ok((seq, events)),
            Err(cause) => Err(Error::Corrupt { run: id.clone(), seq, cause }),
        };
        numbered.map(read).collect()
    }

    fn heads(&self, filter: &Filter) -> Vec<Head> {
        let place = |run: &Run| (run.head.created, run.order);
        // As in SQL: nothing comes after a run that is not there.
        let after = match &filter.after {
            None => None,
            Some(run) => match self.runs.get(run) {
                Some(run) => Some(place(run)),
                None => return vec![],
            },
        };
        let mut runs: Vec<_> = self.runs.values().filter(|run| fits(&run.head, filter)).collect();
        runs.retain(|run| after.is_none_or(|after| place(run) < after));
        runs.sort_by_key(|run| std::cmp::Reverse(place(run)));
        let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
        runs.into_iter().take(most).map(|run| run.head.clone()).collect()
    }

    fn due(&self, now: Time, limit: usize) -> Vec<RunId> {
        let waiting = self.runs.values().filter(|run| run.head.status == Status::Waiting);
        let mut due: Vec<_> =
            waiting.filter_map(|run| run.head.wake.filter(|at| *at <= now).map(|at| (at, run.order, run))).collect();
        due.sort_by_key(|(at, order, _)| (*at, *order));
        due.into_iter().take(limit).map(|(_, _, run)| run.head.run.clone()).collect()
    }

    fn tasks(&self, open: bool, run: Option<&RunId>) -> Vec<Task> {
        let fits = |task: &Task| (!open || task.closed.is_none()) && run.is_none_or(|run| task.run == *run);
        let mut tasks: Vec<_> = self.tasks.values().filter(|(_, task)| fits(task)).collect();
        tasks.sort_by_key(|(order, task)| (task.created, *order));
        tasks.into_iter().map(|(_, task)| task.clone()).collect()
    }
}

fn fits(head: &Head, filter: &Filter) -> bool {
    (filter.statuses.is_empty() || filter.statuses.contains(&head.status))
        && filter.app.as_ref().is_none_or(|app| *app == head.app)
        && filter.batch.as_ref().is_none_or(|batch| head.batch.as_ref().is_some_and(|(name, _)| name == batch))
        && filter.since.is_none_or(|since| head.created >= since)
}

impl Store for Memory {
    fn append(&self, run: RunId, after: Seq, append: Append) -> BoxFuture<'_, Result<Seq, Error>> {
        Box::pin(async move { self.state().append(admit(run, after, append)?) })
    }

    fn load(&self, run: RunId) -> BoxFuture<'_, Result<(Vec<Event>, Seq), Error>> {
        Box::pin(async move { self.state().load(&run) })
    }

    fn records(&self, run: RunId, after: Seq) -> BoxFuture<'_, Result<Records, Error>> {
        Box::pin(async move { self.state().records(&run, after) })
    }

    fn head(&self, run: RunId) -> BoxFuture<'_, Result<Option<Head>, Error>> {
        Box::pin(async move { Ok(self.state().runs.get(&run).map(|run| run.head.clone())) })
    }

    fn heads(&self, filter: Filter) -> BoxFuture<'_, Result<Vec<Head>, Error>> {
        Box::pin(async move { Ok(self.state().heads(&filter)) })
    }

    fn due(&self, now: Time, limit: usize) -> BoxFuture<'_, Result<Vec<RunId>, Error>> {
        Box::pin(async move { Ok(self.state().due(now, limit)) })
    }

    fn tasks(&self, open: bool, run: Option<RunId>) -> BoxFuture<'_, Result<Vec<Task>, Error>> {
        Box::pin(async move { Ok(self.state().tasks(open, run.as_ref())) })
    }

    fn put_release(&self, release: Release) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            admit_release(&release)?;
            self.state().releases.entry(release.id.clone()).or_insert(release);
            Ok(())
        })
    }

    fn release(&self, id: ReleaseId) -> BoxFuture<'_, Result<Option<Release>, Error>> {
        Box::pin(async move { Ok(self.state().releases.get(&id).cloned()) })
    }

    fn blob(&self, hash: String) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        Box::pin(async move { Ok(self.state().blobs.get(&hash).cloned()) })
    }
}
