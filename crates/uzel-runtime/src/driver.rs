//! The one loop: command → call → event → append → apply. A run is driven until it ends or parks.
//!
//! First start and resume are the same path: the log is folded, and `Run::next` says what is to be done.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
};
use uzel_core::{
    build::App,
    event::{End, Event, InstancePath, Question, Resolution, RunId, Seq, Stored, Time, Wait},
    failure::{Failure, FailureClass},
    graph::NodeDef,
    hash,
    node::{Call, Outcome},
    run::{Command, Cutoff, Run, State},
    store::{self, Append, Frame, Head, Status, Store, Task},
};

use crate::layers::Shared;

mod budget;
mod doubt;
mod host;
pub(crate) mod record;

use budget::Budgets;
use host::Host;

/// Takes what happens in runs, as it happens. Called from the run's own loop: it must not block.
pub trait Watcher: Send + Sync {
    /// An event was applied.
    fn event(&self, run: &RunId, event: &Event);
    /// A piece of text came from a model.
    fn text(&self, run: &RunId, instance: &InstancePath, text: &str);
    /// The text of this instance so far came from a try that failed: forget it.
    fn void(&self, _run: &RunId, _instance: &InstancePath) {}
}

/// A watcher that sees nothing.
pub struct Nobody;

impl Watcher for Nobody {
    fn event(&self, _run: &RunId, _event: &Event) {}
    fn text(&self, _run: &RunId, _instance: &InstancePath, _text: &str) {}
}

/// What a node's task tells the loop.
pub(crate) enum Message {
    /// A node's call ended.
    Settled { instance: InstancePath, started: Time, outcome: Result<Outcome, Failure> },
    /// An event that must be durable before its sender goes on.
    Durable { event: Box<Event>, done: oneshot::Sender<()> },
    /// A person must say whether an effect was done before its node can go on. The node's call ends by itself.
    Doubt { instance: InstancePath, question: Box<Question> },
}

/// Asks a run's loop for something.
#[derive(Debug)]
pub enum Ask {
    /// Stop everything and end the run.
    Cancel {
        /// Who and why.
        why: String,
    },
}

/// A run that is being driven.
pub struct Driver {
    pub(crate) run: Run,
    pub(crate) seq: Seq,
    pub(crate) batch: Option<(String, u64)>,
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) watcher: Arc<dyn Watcher>,
    /// Events that need not be durable by themselves: written with the next one that must be.
    pub(crate) soft: Vec<Event>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    /// Calls in flight.
    calls: BTreeMap<InstancePath, AbortHandle>,
    /// What persons are to be asked once the calls that found it have ended.
    doubts: BTreeMap<InstancePath, Box<Question>>,
    budgets: Arc<Budgets>,
    patience: Duration,
}

/// How many messages a run's tasks may have under way; senders wait beyond that.
const INBOX: usize = 1_024;

impl Driver {
    /// A driver of a run whose log has been applied up to `seq`.
    pub fn new(
        run: Run,
        seq: Seq,
        batch: Option<(String, u64)>,
        app: Arc<App>,
        store: Arc<dyn Store>,
        shared: Arc<Shared>,
        watcher: Arc<dyn Watcher>,
    ) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        Self {
            run,
            seq,
            batch,
            app,
            store,
            shared,
            watcher,
            soft: vec![],
            tasks: JoinSet::new(),
            sender,
            inbox,
            calls: BTreeMap::new(),
            doubts: BTreeMap::new(),
            budgets: Arc::default(),
            patience: Duration::ZERO,
        }
    }

    /// Keeps the run in hand for timers that are due within this time, instead of parking it.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Drives the run until it ends or parks; gives its row. What is in flight when this is dropped is dropped too, and
    /// done again when the run is taken up.
    ///
    /// # Errors
    /// The store's; the run is then as its log says.
    pub async fn drive(mut self, mut asks: mpsc::Receiver<Ask>) -> Result<Head, store::Error> {
        self.fire_due().await?;
        loop {
            self.advance().await?;
            if self.run.end().is_some() {
                self.tasks.shutdown().await;
                let status = self.run.status(false);
                return self.leave(status).await;
            }
            if self.calls.is_empty() && !self.is_soon() {
                if self.run.waits().next().is_some() {
                    return self.leave(Status::Waiting).await;
                }
                let failure = Failure::new(FailureClass::Bug, "the run has nothing to do and has not ended");
                self.end(End::Failed { instance: None, failure }).await?;
                continue;
            }
            let deadline = self.shared.world.sleep(self.until_wake());
            tokio::select! {
                biased;
                Ask::Cancel { why } = next_ask(&mut asks) => self.end(End::Cancelled { why }).await?,
                message = self.inbox.recv() => {
                    let mut messages: Vec<Message> = message.into_iter().collect();
                    while messages.len() < INBOX && let Ok(more) = self.inbox.try_recv() {
                        messages.push(more);
                    }
                    self.take(messages).await?;
                }
                () = deadline => self.fire_due().await?,
            }
        }
    }

    /// Whether a timer goes off so soon that the run is not parked for it. People and calls are not waited for here.
    fn is_soon(&self) -> bool {
        let soon = self.shared.world.now().plus(self.patience);
        !self.patience.is_zero()
            && self.run.waits().any(|(_, wait, _)| matches!(wait, Wait::Until(time) if *time <= soon))
    }

    fn until_wake(&self) -> Duration {
        let now = self.shared.world.now();
        // Long sleeps are taken in parts: the wall clock may jump while the process's clock does not.
        let longest = Duration::from_mins(1);
        self.run.wake().map_or(longest, |wake| Duration::from_millis(wake.since(now)).min(longest))
    }

    /// Ends what is over its time, and waits whose time has come.
    async fn fire_due(&mut self) -> Result<(), store::Error> {
        let now = self.shared.world.now();
        for Cutoff { instance, failure, .. } in self.run.cutoffs().into_iter().filter(|cutoff| cutoff.at <= now) {
            if self.run.end().is_some() {
                return Ok(());
            }
            match instance {
                None => self.end(End::Failed { instance: None, failure }).await?,
                Some(instance) => self.cut_off(instance, failure, now).await?,
            }
        }
        if self.run.end().is_some() {
            return Ok(());
        }
        let due: Vec<InstancePath> = self
            .run
            .waits()
            .filter(|(_, wait, _)| wait.due().is_some_and(|due| due <= now))
            .map(|(instance, ..)| instance)
            .collect();
        for instance in due {
            self.commit(vec![Event::Resolved { instance, resolution: Resolution::Due(now) }]).await?;
        }
        Ok(())
    }

    /// Ends a node that took longer than it may; one that something around it ended before is left as it is.
    async fn cut_off(&mut self, instance: InstancePath, failure: Failure, now: Time) -> Result<(), store::Error> {
        if self.run.state(&instance).is_none_or(State::is_settled) {
            return Ok(());
        }
        if let Some(call) = self.calls.remove(&instance) {
            call.abort();
        }
        self.commit(vec![Event::Failed { instance, failure, started: now, at: now }]).await
    }

    /// Does what the run says until it says nothing.
    async fn advance(&mut self) -> Result<(), store::Error> {
        loop {
            let commands = self.run.next();
            if commands.is_empty() {
                return Ok(());
            }
            let mut events = vec![];
            for command in commands {
                match command {
                    Command::Call { node, instance, input, resolution } => {
                        self.call(&node, instance, input, resolution);
                    }
                    Command::Fail { instance, failure } => {
                        let now = self.shared.world.now();
                        events.push(Event::Failed { instance, failure, started: now, at: now });
                    }
                    Command::Cancel { instance, task } => self.cancel(&instance, task).await?,
                    Command::Park { instance, after } => {
                        let now = self.shared.world.now();
                        events.push(Event::Waited { instance, wait: Wait::Until(now.plus(after)), at: now });
                    }
                    Command::End(end) => return self.end(end).await,
                }
            }
            if events.is_empty() {
                return Ok(());
            }
            self.commit(events).await?;
        }
    }

    /// Stops the call of an instance that nobody waits for any more, and takes its question out of the inbox.
    async fn cancel(&mut self, instance: &InstancePath, task: Option<Box<Task>>) -> Result<(), store::Error> {
        if let Some(call) = self.calls.remove(instance) {
            call.abort();
        }
        let Some(mut task) = task else { return Ok(()) };
        task.closed = Some("nobody waits for it any more".to_owned());
        let append = Append { frames: vec![], head: None, tasks: vec![*task], blobs: vec![] };
        self.seq = self.store.append(self.run.id().clone(), self.seq, append).await?;
        Ok(())
    }

    fn call(&mut self, def: &NodeDef, instance: InstancePath, input: Arc<Value>, resolution: Option<Resolution>) {
        let Some(node) = self.app.nodes.get(def.slot) else { return };
        let started = self.shared.world.now();
        self.doubts.remove(&instance);
        let begin = self.run.begin();
        let host = Host {
            run: self.run.id().clone(),
            instance: instance.clone(),
            recorded: self.run.effects_of(&instance),
            in_doubt: self.run.doubts_of(&instance),
            policy: def.policy.clone(),
            until: self.run.cutoff_of(&instance).map(|cutoff| (cutoff.at, cutoff.failure)),
            holders: self.budgets.holders(&self.run, &instance),
            budgets: Arc::clone(&self.budgets),
            shared: Arc::clone(&self.shared),
            watcher: Arc::clone(&self.watcher),
            sender: self.sender.clone(),
        };
        let call = Call {
            instance: instance.clone(),
            resolution,
            now: started,
            dry_run: begin.is_some_and(|begin| begin.dry_run),
            host: Arc::new(host),
        };
        let (node, sender) = (Arc::clone(node), self.sender.clone());
        let called = instance.clone();
        let task = self.tasks.spawn(async move {
            // A panic in a node is our bug, and must not take other runs along.
            // The call is made inside, because a node may also panic before it gives its future.
            let called = AssertUnwindSafe(async { node.call(input, &call).await }).catch_unwind();
            let outcome = called.await.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
                Err(Failure::new(FailureClass::Bug, format!("the node panicked: {text}")))
            });
            // The loop is gone when the run ended: nobody needs to know.
            let _ = sender.send(Message::Settled { instance, started, outcome }).await;
        });
        self.calls.insert(called, task);
    }

    async fn take(&mut self, messages: Vec<Message>) -> Result<(), store::Error> {
        // What has ended is let go.
        while self.tasks.try_join_next().is_some() {}
        let mut events = vec![];
        let mut senders = vec![];
        for message in messages {
            match message {
                Message::Durable { event, done } => {
                    events.push(*event);
                    senders.push(done);
                }
                Message::Doubt { instance, question } => drop(self.doubts.insert(instance, question)),
                Message::Settled { instance, started, outcome } => {
                    // The call of an instance that was cancelled may have ended just then.
                    if self.calls.remove(&instance).is_none() {
                        continue;
                    }
                    if let Some(event) = self.settled(instance, started, outcome) {
                        events.push(event);
                    }
                }
            }
        }
        self.commit(events).await?;
        for done in senders {
            let _ = done.send(());
        }
        Ok(())
    }

    fn settled(&mut self, instance: InstancePath, started: Time, outcome: Result<Outcome, Failure>) -> Option<Event> {
        let at = self.shared.world.now();
        if let (Some(question), Err(_)) = (self.doubts.remove(&instance), &outcome) {
            return Some(Event::Waited { instance, wait: Wait::Answer(question), at });
        }
        Some(match outcome {
            Ok(Outcome::Return { value, port }) => Event::Returned { instance, port, value, started, at },
            Ok(Outcome::Block { reason, value }) => {
                Event::Blocked { instance, reason, value: Stored::Here(Arc::new(value)), started, at }
            }
            Ok(Outcome::Wait(wait)) => Event::Waited { instance, wait, at },
            Ok(Outcome::LeaveOut(why)) => Event::LeftOut { instance, why, at },
            Err(failure) if failure.class == FailureClass::Cancelled && self.run.end().is_some() => return None,
            Err(failure) => Event::Failed { instance, failure, started, at },
        })
    }

    async fn end(&mut self, end: End) -> Result<(), store::Error> {
        // What is in flight stops before the end is on record: nothing of the run starts after it.
        self.tasks.shutdown().await;
        self.calls.clear();
        let mut events = vec![];
        while let Ok(message) = self.inbox.try_recv() {
            // An effect that came back has happened, whether anybody still waits for it or not.
            if let Message::Durable { event, .. } = message {
                events.push(*event);
            }
        }
        events.push(Event::Ended { end, at: self.shared.world.now() });
        self.commit(events).await
    }

    /// Applies events; those that must be durable are appended first, with the soft ones before them.
    async fn commit(&mut self, events: Vec<Event>) -> Result<(), store::Error> {
        if events.is_empty() {
            return Ok(());
        }
        if !events.iter().any(Event::is_durable) {
            for event in events {
                self.run.apply(&event);
                self.watcher.event(self.run.id(), &event);
                self.soft.push(event);
            }
            return Ok(());
        }
        let tasks = self.tasks_of(&events);
        let mut all = std::mem::take(&mut self.soft);
        let known = all.len();
        all.extend(events);
        let (frames, blobs) = record::frames(all.clone());
        for event in all.iter().skip(known) {
            if let Event::Ended { .. } = event {
                // The head of a run that ends is written in the same transaction as its end.
                return self.commit_end(all, known, frames, blobs, tasks).await;
            }
        }
        self.seq =
            self.store.append(self.run.id().clone(), self.seq, Append { frames, head: None, tasks, blobs }).await?;
        self.apply(all, known);
        Ok(())
    }

    fn apply(&mut self, all: Vec<Event>, known: usize) {
        for event in all.iter().skip(known) {
            self.run.apply(event);
            self.watcher.event(self.run.id(), event);
        }
    }

    async fn commit_end(
        &mut self,
        all: Vec<Event>,
        known: usize,
        frames: Vec<Frame>,
        blobs: Vec<(String, Vec<u8>)>,
        mut tasks: Vec<Task>,
    ) -> Result<(), store::Error> {
        for (instance, ..) in self.run.waits() {
            if let Some(mut task) = self.run.task(&instance) {
                task.closed = Some("the run ended".to_owned());
                tasks.push(task);
            }
        }
        self.apply(all, known);
        let head = Some(self.head(self.run.status(false)));
        self.seq = self.store.append(self.run.id().clone(), self.seq, Append { frames, head, tasks, blobs }).await?;
        Ok(())
    }

    /// Rows of the inbox that these events change.
    fn tasks_of(&self, events: &[Event]) -> Vec<Task> {
        let mut tasks = vec![];
        for event in events {
            match event {
                Event::Waited { instance, wait: Wait::Answer(question), at } => tasks.push(Task {
                    id: format!("{}/{instance}", self.run.id()),
                    run: self.run.id().clone(),
                    instance: instance.clone(),
                    digest: hash::of_json(question),
                    question: (**question).clone(),
                    created: *at,
                    closed: None,
                }),
                Event::Resolved { instance, resolution } => {
                    if let Some(mut task) = self.run.task(instance) {
                        task.closed = Some(closing(resolution));
                        tasks.push(task);
                    }
                }
                Event::Failed { instance, failure, .. } => {
                    if let Some(mut task) = self.run.task(instance) {
                        task.closed = Some(failure.message.clone());
                        tasks.push(task);
                    }
                }
                _ => {}
            }
        }
        tasks
    }

    fn head(&self, status: Status) -> Head {
        self.run.head(status, self.shared.world.now(), self.batch.clone())
    }

    /// Writes what is left and the run's row.
    async fn leave(mut self, status: Status) -> Result<Head, store::Error> {
        let head = self.head(status);
        let (frames, blobs) = record::frames(std::mem::take(&mut self.soft));
        // An ended run's row has been written with its end.
        if self.run.end().is_none() || !frames.is_empty() {
            let append = Append { frames, head: Some(head.clone()), tasks: vec![], blobs };
            self.store.append(self.run.id().clone(), self.seq, append).await?;
        }
        Ok(head)
    }
}

/// How a wait ended, in a few words for the inbox.
fn closing(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Answered(answer) => format!("{} by {}", answer.action, answer.by),
        Resolution::Due(_) => "nobody answered in time".to_owned(),
        Resolution::Called { .. } => "called back".to_owned(),
    }
}

/// The next ask; waits for ever once nobody can ask any more.
async fn next_ask(asks: &mut mpsc::Receiver<Ask>) -> Ask {
    match asks.recv().await {
        Some(ask) => ask,
        None => std::future::pending().await,
    }
}
