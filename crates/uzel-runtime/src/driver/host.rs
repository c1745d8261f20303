//! The engine's side of a node's call: looks effects up by name, does them through the layers, records them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uzel_core::{
    capability::{BoxFuture, tool::EffectClass},
    event::{EffectMeta, EffectName, Event, InstancePath, RunId, Stored, Time},
    failure::{Failure, FailureClass},
    graph::Policy,
    hash,
    node::{self, Effect, Recorded, Work},
    run::Run,
};

use super::{Message, Watcher};
use crate::layers::{self, Conditions, Shared};

/// A run's money and tokens: reserved before an effect, settled after it.
pub(crate) struct Budget {
    cost_usd: Option<f64>,
    tokens: Option<u64>,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    cost_usd: f64,
    tokens: u64,
}

impl Budget {
    /// The budget of a run, with what its log says is spent.
    pub(crate) fn of(run: &Run) -> Self {
        let limits = &run.graph().limits;
        let totals = run.totals();
        let spent = Spent { cost_usd: totals.cost_usd, tokens: totals.input_tokens + totals.output_tokens };
        Self { cost_usd: limits.cost_usd, tokens: limits.tokens, spent: Mutex::new(spent) }
    }

    fn reserve(&self, usd: f64) -> Result<(), Failure> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = self.cost_usd.filter(|limit| spent.cost_usd + usd > *limit && usd > 0.0) {
            let message = format!(
                "the call may cost ${usd:.4}, and ${:.4} of `limits.cost_usd: {limit}` is spent or reserved",
                spent.cost_usd
            );
            return Err(Failure::new(FailureClass::Limit, message));
        }
        if let Some(limit) = self.tokens.filter(|limit| spent.tokens >= *limit) {
            let message = format!("{} tokens of `limits.tokens: {limit}` are used", spent.tokens);
            return Err(Failure::new(FailureClass::Limit, message));
        }
        spent.cost_usd += usd;
        Ok(())
    }

    fn settle(&self, reserved_usd: f64, meta: &EffectMeta) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.cost_usd += meta.cost_usd - reserved_usd;
        spent.tokens += meta.input_tokens + meta.output_tokens;
    }
}

/// Gives a reservation back if the effect is dropped.
struct Reservation<'a> {
    budget: &'a Budget,
    usd: f64,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.settle(self.usd, &EffectMeta::default());
    }
}

/// One call's host.
pub(crate) struct Host {
    pub(crate) run: RunId,
    pub(crate) instance: InstancePath,
    /// Effects of this instance that have a result.
    pub(crate) recorded: BTreeMap<EffectName, Result<Arc<Value>, Failure>>,
    /// `once` effects of this instance that were about to be done when a process died.
    pub(crate) in_doubt: Vec<EffectName>,
    pub(crate) policy: Policy,
    pub(crate) deadline: Option<Time>,
    pub(crate) budget: Arc<Budget>,
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
}

impl Host {
    async fn perform(&self, effect: Effect<'_>, work: &dyn Work) -> Result<Recorded, Failure> {
        let name = EffectName::of(&self.instance, effect.name);
        if let Some(result) = self.recorded.get(&name) {
            return result.clone().map(|value| Recorded { effect: name, value });
        }
        if effect.class == EffectClass::Once {
            if self.in_doubt.contains(&name) {
                let message = format!(
                    "`{name}` was being done when the process died, and must not be done twice: find out whether it \
                     happened, then finish by hand"
                );
                return Err(Failure::new(FailureClass::Invalid, message));
            }
            self.durable(Event::EffectIntended { effect: name.clone(), at: self.shared.world.now() }).await?;
        }
        self.budget.reserve(effect.reserve_usd)?;
        let reservation = Reservation { budget: &self.budget, usd: effect.reserve_usd };
        let key = hash::effect_key(self.run.as_str(), name.as_str());
        let tag = format!("{}/{}", self.run, self.instance);
        let left = self.deadline.map(|deadline| Duration::from_millis(deadline.since(self.shared.world.now())));
        let conditions = Conditions { policy: &self.policy, key: &key, tag: &tag, left };
        let (result, meta) = layers::perform(&self.shared, &effect, work, &conditions).await;
        self.budget.settle(0.0, &meta);
        drop(reservation);
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

    /// Has an event made durable; a failure when the run is being stopped.
    async fn durable(&self, event: Event) -> Result<(), Failure> {
        let stopped = |()| Failure::new(FailureClass::Cancelled, "the run is being stopped");
        let (done, waiter) = oneshot::channel();
        let sent = self.sender.send(Message::Durable { event: Box::new(event), done }).await;
        sent.map_err(|_| stopped(()))?;
        waiter.await.map_err(|_| stopped(()))
    }
}
