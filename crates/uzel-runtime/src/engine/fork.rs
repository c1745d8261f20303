//! New runs that begin with records of others, and runs that go on with another release.

use std::sync::Arc;

use uzel_core::{
    build::App,
    event::{Event, ForkedFrom, ReleaseId, RunId},
    graph::Graph,
    run::{
        Run,
        fork::{Fork, Refused, Wish, fork},
    },
    store::{Append, Head, Status, Task},
};

use super::{Engine, Error, check_flags, check_input};
use crate::driver::{Driver, record};

/// A run with its log, to be looked back at.
pub struct Looked {
    /// Its state.
    pub run: Run,
    /// Its row.
    pub head: Head,
    /// All that happened, with large values.
    pub log: Vec<Event>,
}

impl Engine {
    /// A run, its row and its log.
    pub async fn look(&self, graph: &Arc<Graph>, id: &RunId) -> Result<Looked, Error> {
        let Some(head) = self.store.head(id.clone()).await? else { return Err(self.unknown_run(id.as_str()).await?) };
        let (mut log, _) = self.store.load(id.clone()).await?;
        record::fetch(&*self.store, &mut log).await?;
        Ok(Looked { run: Run::fold(id.clone(), Arc::clone(graph), &log), head, log })
    }

    /// What a fork of a run takes over and does again, without making it.
    pub fn plan_fork(&self, looked: &Looked, new: &Arc<Graph>, wish: &Wish) -> Result<Fork, Refused> {
        fork(&looked.run, &looked.log, new, wish, self.shared.world.now())
    }

    /// Makes a fork: the new run begins with all that it takes over, in one append. The driver then drives it.
    ///
    /// # Errors
    /// The run's input or flags do not fit the app; the store's.
    pub async fn fork(
        &self,
        app: &Arc<App>,
        release: &ReleaseId,
        looked: &Looked,
        fork: Fork,
        id: RunId,
        by: Option<String>,
    ) -> Result<Driver, Error> {
        let begin = looked.run.begin();
        let input = begin.map(|begin| (*begin.input).clone()).unwrap_or_default();
        let input = check_input(&app.graph, input)?;
        let mut flags = begin.map(|begin| begin.flags.clone()).unwrap_or_default();
        flags.retain(|name, _| app.graph.flags.contains_key(name));
        check_flags(&app.graph, &flags)?;
        let now = self.shared.world.now();
        let reused = fork.results();
        let forked_from = ForkedFrom { run: looked.head.run.clone(), at: fork.at, reused, set: fork.set };
        let mut events = vec![Event::Started {
            app: app.graph.name.clone(),
            release: release.clone(),
            input: Arc::new(input),
            at: now,
            by,
            flags,
            dry_run: begin.is_some_and(|begin| begin.dry_run),
            forked_from: Some(Box::new(forked_from)),
        }];
        events.extend(fork.events);
        // What is taken over is older than the run: from here on its own time counts.
        events.push(Event::Resumed { at: now, crashes: 0 });
        let run = Run::fold(id.clone(), Arc::clone(&app.graph), &events);
        let tasks: Vec<Task> = run.waits().filter_map(|(instance, ..)| run.task(&instance)).collect();
        let head = run.head(Status::Running, now, None);
        if let Some(first) = events.first() {
            self.watcher.event(&id, first);
        }
        let (frames, blobs) = record::frames(events);
        let seq = self.store.append(id, 0, Append { frames, head: Some(head), tasks, blobs }).await?;
        Ok(self.driver(run, seq, None, app))
    }

    /// Pins a run to another release from now on, in one append with its row. Whether it can go on with that is for the
    /// caller to know: see [`uzel_core::run::migrate::judge`].
    pub async fn migrate(
        &self,
        new: &Arc<Graph>,
        release: &ReleaseId,
        id: &RunId,
        by: Option<String>,
    ) -> Result<Head, Error> {
        let Some(head) = self.store.head(id.clone()).await? else { return Err(self.unknown_run(id.as_str()).await?) };
        if head.status.is_final() {
            return Err(Error::Ended { run: id.clone(), status: head.status });
        }
        let (mut log, seq) = self.store.load(id.clone()).await?;
        record::fetch(&*self.store, &mut log).await?;
        let at = self.shared.world.now();
        let event = Event::Migrated { release: release.clone(), by, at };
        log.push(event.clone());
        let run = Run::fold(id.clone(), Arc::clone(new), &log);
        let row = run.head(head.status, at, head.batch);
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head: Some(row.clone()), tasks: vec![], blobs };
        self.store.append(id.clone(), seq, append).await?;
        self.watcher.event(id, &event);
        Ok(row)
    }
}
