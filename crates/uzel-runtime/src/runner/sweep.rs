//! Takes up what nobody asks about: runs that a dead process left, timers that are due, runs that could not go on.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use uzel_core::{
    event::{RunId, Time},
    store::{self, Filter, Head, Status},
};

use super::{Inner, Runner};

/// Rows that are read at once while left runs are looked for.
const PAGE: usize = 500;
/// Times of timers that are known without asking the store; it is asked for the others.
const MOST_KNOWN: usize = 1_024;
/// The longest time until a run that could not go on is tried again.
const LONGEST: Duration = Duration::from_mins(1);

/// A run that could not go on.
pub(super) struct Again {
    at: Time,
    tries: u32,
}

impl Runner {
    /// Takes up the runs that a dead process left, and wakes those whose time comes, until it is dropped. Without it
    /// only what is asked for happens.
    pub async fn tend(&self) {
        tokio::join!(self.0.recover(), self.0.wake());
    }
}

impl Inner {
    /// Takes up all runs that are said to be running and are not: nobody else has this store.
    async fn recover(self: &Arc<Self>) {
        let mut after = None;
        loop {
            let filter = Filter { statuses: vec![Status::Running], after, limit: PAGE, ..Filter::default() };
            let heads = match self.engine.store.heads(filter.clone()).await {
                Ok(heads) => heads,
                Err(error) => {
                    tracing::error!(%error, "runs that were left cannot be listed");
                    self.engine.shared.world.sleep(self.options.poll).await;
                    after = filter.after;
                    continue;
                }
            };
            for head in &heads {
                if !self.background(&head.run).await {
                    return;
                }
            }
            after = heads.last().map(|head| head.run.clone());
            if heads.len() < PAGE {
                return;
            }
        }
    }

    async fn wake(self: &Arc<Self>) {
        loop {
            let woken = self.sweep().await.unwrap_or_else(|error| {
                tracing::error!(%error, "runs that are due cannot be listed");
                0
            });
            if self.lock().is_draining {
                return;
            }
            if woken == 0 {
                let sleep = self.engine.shared.world.sleep(self.until_next());
                let roused = std::pin::pin!(self.roused.notified());
                let (Either::Left(_) | Either::Right(_)) = select(sleep, roused).await;
            }
        }
    }

    /// Drives what is due, a bounded number of runs; gives how many.
    async fn sweep(self: &Arc<Self>) -> Result<usize, store::Error> {
        let now = self.engine.shared.world.now();
        let (again, limit) = {
            let mut state = self.lock();
            state.wakes = state.wakes.split_off(&now.plus(Duration::from_millis(1)));
            let again = state.again.iter().filter(|(_, again)| again.at <= now).map(|(run, _)| run.clone());
            let again: Vec<RunId> = again.take(self.options.batch).collect();
            // Those that are in hand or must wait stand in the store's list, too: they must not hide the others.
            (again, self.options.batch + state.driven.len() + state.again.len())
        };
        let due = self.engine.store.due(now, limit).await?;
        let mut woken = 0;
        for run in again.iter().chain(&due) {
            let is_free = {
                let state = self.lock();
                !state.driven.contains_key(run) && state.again.get(run).is_none_or(|again| again.at <= now)
            };
            if is_free {
                if !self.background(run).await {
                    return Ok(0);
                }
                woken += 1;
            }
        }
        Ok(woken)
    }

    fn until_next(&self) -> Duration {
        let world = &self.engine.shared.world;
        let now = world.now();
        let poll = self.options.poll.mul_f64(0.75 + world.random() / 2.0);
        let state = self.lock();
        let known = state.wakes.first().copied().into_iter().chain(state.again.values().map(|again| again.at));
        // What is due by now is in hand.
        let first = known.filter(|at| *at > now).min();
        first.map_or(poll, |at| Duration::from_millis(at.since(now)).min(poll))
    }

    /// Notes how a run was left.
    pub(super) fn left(&self, run: &RunId, head: Option<&Head>) {
        let world = &self.engine.shared.world;
        let mut state = self.lock();
        let Some(head) = head else {
            let tries = state.again.get(run).map_or(0, |again| again.tries) + 1;
            let delay = Duration::from_secs(1 << tries.min(6)).min(LONGEST).mul_f64(0.5 + world.random() / 2.0);
            state.again.insert(run.clone(), Again { at: world.now().plus(delay), tries });
            return;
        };
        state.again.remove(run);
        if let (Status::Waiting, Some(wake)) = (head.status, head.wake) {
            let is_first = state.wakes.first().is_none_or(|first| wake < *first);
            state.wakes.insert(wake);
            if state.wakes.len() > MOST_KNOWN {
                state.wakes.pop_last();
            }
            if is_first {
                self.roused.notify_one();
            }
        }
    }
}
