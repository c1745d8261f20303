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
    node::{self, Effect, Recorded, Tried, Work},
    run::Run,
};

use super::{Message, Watcher};
use crate::layers::{self, Conditions, Purse, Shared};

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

    fn reserve(&self, usd: f64) -> Result<Reservation<'_>, Failure> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        self.affords(&spent, usd)?;
        spent.cost_usd += usd;
        Ok(Reservation { budget: self, usd })
    }

    fn affords(&self, spent: &Spent, usd: f64) -> Result<(), Failure> {
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
        Ok(())
    }
}

/// What the try in flight may cost; given back when the effect is over or dropped.
struct Reservation<'a> {
    budget: &'a Budget,
    usd: f64,
}

impl Purse for Reservation<'_> {
    fn spend(&self, tried: &Tried) {
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.cost_usd += tried.cost_usd;
        spent.tokens += tried.usage.input_tokens + tried.usage.output_tokens;
    }

    fn affords_another(&self) -> Result<(), Failure> {
        // What the next try may cost is reserved still; it is taken back and asked for again.
        let mut spent = self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.cost_usd -= self.usd;
        let enough = self.budget.affords(&spent, self.usd);
        spent.cost_usd += self.usd;
        enough
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.budget.spent.lock().unwrap_or_else(PoisonError::into_inner).cost_usd -= self.usd;
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
        if effect.class == EffectClass::Once && self.in_doubt.contains(&name) {
            let message = format!(
                "`{name}` was being done when the process died, and must not be done twice: find out whether it \
                 happened, then finish by hand"
            );
            // Whoever asked must not ask for the same in another way, either.
            return Err(Failure { should_retry: Some(false), ..Failure::new(FailureClass::Invalid, message) });
        }
        let now = self.shared.world.now();
        let (result, meta) = match effect.until.filter(|until| until.at <= now) {
            Some(until) => (Err(until.failure()), EffectMeta { started: now, ended: now, ..EffectMeta::default() }),
            None => self.through_layers(&name, &effect, work).await?,
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
    async fn through_layers(
        &self,
        name: &EffectName,
        effect: &Effect<'_>,
        work: &dyn Work,
    ) -> Result<(Result<Value, Failure>, EffectMeta), Failure> {
        let reservation = self.budget.reserve(effect.reserve_usd)?;
        let now = || self.shared.world.now();
        // After the reservation: what was refused for want of money was never about to be done.
        if effect.class == EffectClass::Once {
            self.durable(Event::EffectIntended { effect: name.clone(), at: now() }).await?;
        }
        let key = hash::effect_key(self.run.as_str(), name.as_str());
        let tag = format!("{}/{}", self.run, self.instance);
        let until = effect.until.map(|until| until.at);
        let left = self.deadline.into_iter().chain(until).min().map(|end| Duration::from_millis(end.since(now())));
        let conditions = Conditions { policy: &self.policy, key: &key, tag: &tag, left, purse: &reservation };
        let (result, meta) = layers::perform(&self.shared, effect, work, &conditions).await;
        // A try that was cut off at that time has that as its reason.
        let result = result.map_err(|failure| match effect.until.filter(|until| until.at <= now()) {
            Some(until) if failure.class == FailureClass::Timeout => until.failure().because(failure.message),
            _ => failure,
        });
        Ok((result, meta))
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
