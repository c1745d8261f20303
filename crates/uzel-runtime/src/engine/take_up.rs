//! A run is taken up where its log ends. That is on record before anything is done, so that processes which die with a
//! run in hand are counted: a run that kills whoever takes it up is set aside.

use std::sync::Arc;

use uzel_core::{
    build::App,
    event::{Event, RunId, Seq},
    run::Run,
    store::{self, Append, Head, Status},
};

use super::{Engine, Error};
use crate::driver::{Driver, record};

/// A run that so many processes died with is not taken up any more unless somebody asks for it by name.
pub const MOST_CRASHES: u32 = 3;

/// What became of taking up a run.
pub enum TakenUp {
    /// It goes on.
    Goes(Box<Driver>),
    /// Too many processes died with it in hand.
    SetAside(Head),
}

/// A run as it was found.
struct Found {
    run: Run,
    seq: Seq,
    head: Head,
    crashes: u32,
}

impl Engine {
    /// A driver that takes a run up where its log ends, however often that went wrong before.
    pub async fn resume(&self, app: &Arc<App>, id: &RunId) -> Result<Driver, Error> {
        let found = self.find(app, id).await?;
        self.go_on(app, found).await
    }

    /// As [`resume`](Self::resume), for a run that nobody named: one that `most` processes died with since it last came
    /// further is set aside.
    pub async fn take_up(&self, app: &Arc<App>, id: &RunId, most: u32) -> Result<TakenUp, Error> {
        let found = self.find(app, id).await?;
        if found.crashes < most {
            return Ok(TakenUp::Goes(Box::new(self.go_on(app, found).await?)));
        }
        let Found { mut run, seq, head, crashes } = found;
        if head.status == Status::Quarantined {
            return Ok(TakenUp::SetAside(head));
        }
        let at = self.shared.world.now();
        let event = Event::SetAside { crashes, at };
        run.apply(&event);
        let head = run.head(Status::Quarantined, at, head.batch);
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head: Some(head.clone()), tasks: vec![], blobs };
        self.store.append(id.clone(), seq, append).await?;
        self.watcher.event(id, &event);
        Ok(TakenUp::SetAside(head))
    }

    async fn find(&self, app: &Arc<App>, id: &RunId) -> Result<Found, Error> {
        let (events, seq, head) = self.log(id).await?;
        if head.status.is_final() {
            return Err(Error::Ended { run: id.clone(), status: head.status });
        }
        let mut run = Run::new(id.clone(), Arc::clone(&app.graph)).lean();
        for event in &events {
            run.apply(event);
        }
        let crashes = crashes(&head, events.last());
        Ok(Found { run, seq, head, crashes })
    }

    async fn go_on(&self, app: &Arc<App>, found: Found) -> Result<Driver, Error> {
        let Found { mut run, seq, head, crashes } = found;
        let at = self.shared.world.now();
        let event = Event::Resumed { at, crashes };
        run.apply(&event);
        let row = run.head(Status::Running, at, head.batch.clone());
        let (frames, blobs) = record::frames(vec![event]);
        let append = Append { frames, head: Some(row), tasks: vec![], blobs };
        let seq = self.store.append(head.run.clone(), seq, append).await?;
        Ok(self.driver(run, seq, head.batch, app))
    }

    /// Notes that the process which had a run in hand was asked to stop: that it left is no crash. What it was writing
    /// when it left may still be on its way.
    pub async fn let_go(&self, id: &RunId) -> Result<(), Error> {
        for _ in 0..10 {
            match self.store.head(id.clone()).await? {
                Some(head) if head.status == Status::Running => {}
                _ => return Ok(()),
            }
            let (_, seq) = self.store.load(id.clone()).await?;
            let (frames, blobs) = record::frames(vec![Event::LetGo { at: self.shared.world.now() }]);
            match self.store.append(id.clone(), seq, Append { frames, head: None, tasks: vec![], blobs }).await {
                Err(store::Error::Conflict { .. }) => {}
                result => return Ok(result.map(drop)?),
            }
        }
        Ok(())
    }
}

/// How many processes died with the run in hand since it last came further. A run that is parked was left in order; one
/// that was answered since may not have been taken up at all.
fn crashes(head: &Head, last: Option<&Event>) -> u32 {
    match (head.status, last) {
        (_, Some(Event::SetAside { crashes, .. })) => *crashes,
        (Status::Waiting, _) => 0,
        (_, Some(Event::Resumed { crashes, .. })) => crashes.saturating_add(1),
        (_, None | Some(Event::LetGo { .. } | Event::Resolved { .. } | Event::Migrated { .. })) => 0,
        (_, Some(_)) => 1,
    }
}
