//! Who watches which run: a bounded channel for each run that somebody drives or watches. The runner's watcher.
//!
//! The log is not sent here: a message says that it has grown, and whoever wants it reads the store, so that what is shown
//! is what is durable. Text of models is not stored; what a call has said so far is kept for those who come later.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;
use uzel_core::{
    event::{Event, InstancePath, RunId},
    store::Head,
};

use crate::driver::Watcher;

/// Messages that a watcher may be behind; one that is further behind is told so, and starts again from what there is.
const RING: usize = 256;
/// Text of one call that is kept for those who come later, in bytes.
const MOST_TEXT: usize = 256 * 1024;

/// Something to tell those who watch a run.
#[derive(Clone, Debug)]
pub enum Message {
    /// The log has grown.
    Log,
    /// A piece of text came from a model.
    Text(InstancePath, Arc<str>),
    /// The text of this instance so far came from a try that failed.
    Void(InstancePath),
    /// The run ended or parked, or was left to another process.
    Left(Arc<Head>),
    /// The run cannot go on for now, for this reason.
    Lost(Arc<str>),
}

/// All channels.
#[derive(Default)]
pub(super) struct Hub(Mutex<BTreeMap<RunId, Channel>>);

struct Channel {
    sender: broadcast::Sender<Message>,
    /// What calls have said so far that have no result yet.
    texts: BTreeMap<InstancePath, String>,
    is_driven: bool,
}

impl Default for Channel {
    fn default() -> Self {
        Self { sender: broadcast::channel(RING).0, texts: BTreeMap::new(), is_driven: false }
    }
}

/// One who watches a run.
pub struct Watching {
    hub: Arc<Hub>,
    run: RunId,
    receiver: Option<broadcast::Receiver<Message>>,
}

/// What a watcher is told next.
#[derive(Clone, Debug)]
pub enum Next {
    /// A message.
    Message(Message),
    /// Messages were missed: read the log, and take [`Watching::texts`] instead of what was heard of text.
    Missed,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody drives the run from now on.
    pub(super) fn enter(&self, run: &RunId) {
        self.lock().entry(run.clone()).or_default().is_driven = true;
    }

    /// Nobody drives it any more.
    pub(super) fn leave(&self, run: &RunId, head: &Head) {
        self.end(run, Message::Left(Arc::new(head.clone())));
    }

    /// Nobody drives it any more, although it should be.
    pub(super) fn lose(&self, run: &RunId, why: &str) {
        self.end(run, Message::Lost(why.into()));
    }

    fn end(&self, run: &RunId, message: Message) {
        let mut channels = self.lock();
        let Entry::Occupied(mut entry) = channels.entry(run.clone()) else { return };
        let channel = entry.get_mut();
        channel.is_driven = false;
        channel.texts.clear();
        // An error is a channel that nobody listens to.
        let _ = channel.sender.send(message);
        if channel.sender.receiver_count() == 0 {
            entry.remove();
        }
    }

    pub(super) fn watch(self: &Arc<Self>, run: &RunId) -> Watching {
        let receiver = self.lock().entry(run.clone()).or_default().sender.subscribe();
        Watching { hub: Arc::clone(self), run: run.clone(), receiver: Some(receiver) }
    }

    fn tell(&self, run: &RunId, change: impl FnOnce(&mut Channel) -> Option<Message>) {
        if let Some(channel) = self.lock().get_mut(run)
            && let Some(message) = change(channel)
        {
            let _ = channel.sender.send(message);
        }
    }
}

impl Watcher for Hub {
    fn event(&self, run: &RunId, event: &Event) {
        // The others are written with the next one that is durable, and nobody is shown what is not.
        if event.is_durable() {
            self.tell(run, |channel| {
                if let Event::EffectReturned { effect, .. } = event {
                    let is_of = |instance: &InstancePath| {
                        effect.as_str().strip_prefix(instance.as_str()).is_some_and(|rest| rest.starts_with('/'))
                    };
                    channel.texts.retain(|instance, _| !is_of(instance));
                }
                Some(Message::Log)
            });
        }
    }

    fn text(&self, run: &RunId, instance: &InstancePath, text: &str) {
        self.tell(run, |channel| {
            let said = channel.texts.entry(instance.clone()).or_default();
            if said.len() + text.len() <= MOST_TEXT {
                said.push_str(text);
            }
            Some(Message::Text(instance.clone(), text.into()))
        });
    }

    fn void(&self, run: &RunId, instance: &InstancePath) {
        self.tell(run, |channel| {
            channel.texts.remove(instance);
            Some(Message::Void(instance.clone()))
        });
    }
}

impl Watching {
    /// Waits for the next message.
    pub async fn next(&mut self) -> Next {
        let Some(receiver) = &mut self.receiver else { return std::future::pending().await };
        match receiver.recv().await {
            Ok(message) => Next::Message(message),
            Err(broadcast::error::RecvError::Lagged(_)) => Next::Missed,
            // The channel lives as long as somebody watches.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// What calls have said so far that have no result yet. What was sent before this moment is not sent again.
    pub fn texts(&mut self) -> Vec<(InstancePath, String)> {
        let mut channels = self.hub.lock();
        let channel = channels.entry(self.run.clone()).or_default();
        self.receiver = Some(channel.sender.subscribe());
        channel.texts.iter().map(|(instance, text)| (instance.clone(), text.clone())).collect()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.receiver = None;
        let mut channels = self.hub.lock();
        if let Entry::Occupied(entry) = channels.entry(self.run.clone())
            && !entry.get().is_driven
            && entry.get().sender.receiver_count() == 0
        {
            entry.remove();
        }
    }
}
