//! The engine's side of a node's call: looks effects up by name, does them through the layers, records them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uzel_core::{
    capability::{BoxFuture, tool::EffectClass},
    event::{EffectMeta, EffectName, Event, InstancePath, RunId, Stored, Time},
    failure::{Failure, FailureClass},
    graph::Policy,
    hash,
    node::{self, Effect, HERE, Recorded, Until, Work},
};

use super::{
    Message, Watcher,
    budget::{Budgets, Holder},
};
use crate::layers::{self, Conditions, Shared};

/// One call's host.
pub(crate) struct Host {
    pub(crate) run: RunId,
    pub(crate) instance: InstancePath,
    /// Effects of this instance that have a result.
    pub(crate) recorded: BTreeMap<EffectName, Result<Arc<Value>, Failure>>,
    /// `once` effects of this instance that were about to be done when a process died.
    pub(crate) in_doubt: BTreeMap<EffectName, Time>,
    pub(crate) policy: Policy,
    /// When all must be over that this is part of, and the failure that this is.
    pub(crate) until: Option<(Time, Failure)>,
    pub(crate) holders: Vec<Holder>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) sender: mpsc::Sender<Message>,
}

impl node::Host for Host {
    fn effect<'a>(&'a self, effect: Effect<'a>, work: &'a dyn Work) -> BoxFuture<'a, Result<Recorded, Failure>> {
        Box::pin(self.perform(effect, work))
    }

    fn emit(&self, instance: &InstancePath, text: &str) {
        self.watcher.text(&self.run, instance, text);
    }

    fn void(&self, instance: &InstancePath) {
        self.watcher.void(&self.run, instance);
    }

    fn recorded(&self, name: &str) -> Option<Result<Arc<Value>, Failure>> {
        self.recorded.get(&EffectName::of(&self.instance, name)).cloned()
    }

    fn secret(&self) -> String {
        let world = &self.shared.world;
        format!("{}{}", world.id(), world.id())
    }
}

impl Host {
    async fn perform(&self, effect: Effect<'_>, work: &dyn Work) -> Result<Recorded, Failure> {
        let name = EffectName::of(&self.instance, effect.name);
        if let Some(result) = self.recorded.get(&name) {
            return result.clone().map(|value| Recorded { effect: name, value });
        }
        if effect.class == EffectClass::Once
            && let Some(begun) = self.in_doubt.get(&name)
            && let Some(recorded) = self.reconcile(&name, &effect, *begun).await?
        {
            return Ok(recorded);
        }
        let now = self.shared.world.now();
        let until = self.until(effect.until);
        let (result, meta) = match until.as_ref().filter(|(at, _)| *at <= now) {
            Some((_, over)) => (Err(over.clone()), EffectMeta { started: now, ended: now, ..EffectMeta::default() }),
            None => self.through_layers(&name, &effect, until, work).await?,
        };
        let result = result.map(Arc::new);
        self.durable(Event::EffectReturned {
            effect: name.clone(),
            class: effect.class,
            result: result.as_ref().map(|value| Stored::Here(Arc::clone(value))).map_err(Clone::clone),
            meta,
        })
        .await?;
        result.map(|value| Recorded { effect: name, value })
    }

    /// Does an effect that has no result; an error when it is not even begun.
    pub(super) async fn through_layers(
        &self,
        name: &EffectName,
        effect: &Effect<'_>,
        until: Option<(Time, Failure)>,
        work: &dyn Work,
    ) -> Result<(Result<Value, Failure>, EffectMeta), Failure> {
        // What is only put on record calls nobody.
        let calls = u64::from(effect.endpoints.iter().any(|endpoint| endpoint.id != HERE));
        let reservation = self.budgets.reserve(&self.holders, effect.reserve, calls).await?;
        let now = || self.shared.world.now();
        // After the reservation: what was refused for want of money was never about to be done.
        if effect.class == EffectClass::Once {
            self.durable(Event::EffectIntended { effect: name.clone(), at: now() }).await?;
        }
        let key = hash::effect_key(self.run.as_str(), name.as_str());
        let tag = format!("{}/{}", self.run, self.instance);
        let left = until.as_ref().map(|(at, _)| Duration::from_millis(at.since(now())));
        let conditions = Conditions { policy: &self.policy, key: &key, tag: &tag, left, purse: &reservation };
        let (result, meta) = layers::perform(&self.shared, effect, work, &conditions).await;
        // A try that was cut off at that time has that as its reason.
        let result = result.map_err(|failure| match until.filter(|(at, _)| *at <= now()) {
            Some((_, over)) if failure.class == FailureClass::Timeout => over.because(failure.message),
            _ => failure,
        });
        Ok((result, meta))
    }

    /// The earlier of what bounds the node and what it bounds itself.
    pub(super) fn until(&self, own: Option<Until<'_>>) -> Option<(Time, Failure)> {
        let own = own.map(|until| (until.at, until.failure()));
        self.until.clone().into_iter().chain(own).min_by_key(|(at, _)| *at)
    }

    /// Has an event made durable; a failure when the run is being stopped.
    pub(super) async fn durable(&self, event: Event) -> Result<(), Failure> {
        let stopped = |()| Failure::new(FailureClass::Cancelled, "the run is being stopped");
        let (done, waiter) = oneshot::channel();
        let sent = self.sender.send(Message::Durable { event: Box::new(event), done }).await;
        sent.map_err(|_| stopped(()))?;
        waiter.await.map_err(|_| stopped(()))
    }
}
