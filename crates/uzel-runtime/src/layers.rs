//! Wraps every effect: switches, budgets, fallback, retry, breaker, timeout. One function shows their order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use uzel_core::{
    capability::{Attempt, tool::EffectClass},
    event::EffectMeta,
    failure::{Failure, FailureClass},
    graph::Policy,
    node::{Effect, Endpoint, Tried, Work},
};

use crate::{
    layers::{
        breaker::{Breaker, BreakerConfig, Health, Permit},
        retry_budget::RetryBudget,
    },
    world::World,
};

pub mod breaker;
pub mod retry;
pub mod retry_budget;
mod window;

/// What all runs of a process share: breakers and retry budgets, by endpoint.
pub struct Shared {
    /// Time and randomness.
    pub world: Arc<dyn World>,
    endpoints: Mutex<BTreeMap<String, EndpointState>>,
}

struct EndpointState {
    breaker: Breaker,
    budget: RetryBudget,
}

impl Shared {
    /// Nothing has happened yet.
    pub fn new(world: Arc<dyn World>) -> Self {
        Self { world, endpoints: Mutex::new(BTreeMap::new()) }
    }

    fn with<R>(&self, endpoint: &str, use_it: impl FnOnce(&mut EndpointState) -> R) -> R {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if !endpoints.contains_key(endpoint) {
            let state =
                EndpointState { breaker: Breaker::new(BreakerConfig::default()), budget: RetryBudget::default() };
            endpoints.insert(endpoint.to_owned(), state);
        }
        use_it(endpoints.get_mut(endpoint).expect("it was just put there"))
    }
}

/// Who pays for the tries of one effect.
pub trait Purse: Send + Sync {
    /// A try is over, and this is what it cost.
    fn spend(&self, tried: &Tried);
    /// Whether there is enough for one more try.
    fn affords_another(&self) -> Result<(), Failure>;
}

/// What a call is done under.
pub struct Conditions<'a> {
    /// The node's retry policy and timeout.
    pub policy: &'a Policy,
    /// The effect's key, the same for every attempt.
    pub key: &'a str,
    /// `run/instance`, for providers that take a tag.
    pub tag: &'a str,
    /// What is left until the run's deadline.
    pub left: Option<Duration>,
    /// Pays for each try by itself: a call that is tried again costs more than was reserved for one try.
    pub purse: &'a dyn Purse,
}

/// Does an effect through all layers, outermost first. The order is part of the contract:
///
/// 1. *fallback*: the endpoints in order, each with everything below;
/// 2. *retry*: attempts at one endpoint, with full jitter, bounded by the policy and by the endpoint's retry budget;
/// 3. *breaker*: counts attempts, not effects; an open one fails at once, so that the next endpoint is asked;
/// 4. *timeout*: bounds one attempt by the endpoint, the node and the run's deadline.
///
/// Every attempt is an attribute of the one result that is recorded.
pub async fn perform(
    shared: &Shared,
    effect: &Effect<'_>,
    work: &dyn Work,
    conditions: &Conditions<'_>,
) -> (Result<serde_json::Value, Failure>, EffectMeta) {
    let mut meta = EffectMeta { started: shared.world.now(), ..EffectMeta::default() };
    let began = shared.world.elapsed();
    let mut last = Failure::new(FailureClass::Bug, "the effect has no endpoint");
    for (index, endpoint) in effect.endpoints.iter().enumerate() {
        let mut place = Place { shared, effect, work, conditions, began, index, endpoint };
        match place.retry(&mut meta).await {
            Ok(value) => {
                meta.endpoint = Some(endpoint.id.clone());
                meta.brown_out = endpoint.brown_out && index > 0;
                meta.ended = shared.world.now();
                return (Ok(value), meta);
            }
            Err(failure) => {
                let next = falls_back(&failure);
                last = failure;
                if !next {
                    break;
                }
            }
        }
    }
    meta.ended = shared.world.now();
    meta.tries.pop();
    (Err(last), meta)
}

/// Whether another endpoint may do better. A wrong request is wrong everywhere; a missing key is not.
fn falls_back(failure: &Failure) -> bool {
    !matches!(failure.class, FailureClass::Cancelled | FailureClass::Limit | FailureClass::Bug | FailureClass::Code)
}

struct Place<'a> {
    shared: &'a Shared,
    effect: &'a Effect<'a>,
    work: &'a dyn Work,
    conditions: &'a Conditions<'a>,
    began: Duration,
    index: usize,
    endpoint: &'a Endpoint,
}

impl Place<'_> {
    async fn retry(&mut self, meta: &mut EffectMeta) -> Result<serde_json::Value, Failure> {
        let mut number = 0;
        self.shared.with(&self.endpoint.id, |state| state.budget.call(self.shared.world.elapsed()));
        loop {
            // What the first try of all may cost was reserved before; that reservation is for whichever is in flight.
            if meta.attempts > 0 {
                let why = |limit: Failure| meta.tries.last().into_iter().fold(limit, Failure::because);
                self.conditions.purse.affords_another().map_err(why)?;
            }
            number += 1;
            meta.attempts += 1;
            let tried = self.guarded(number).await;
            self.conditions.purse.spend(&tried);
            meta.input_tokens += tried.usage.input_tokens;
            meta.output_tokens += tried.usage.output_tokens;
            meta.cost_usd += tried.cost_usd;
            let failure = match tried.result {
                Ok(value) => {
                    meta.model = tried.model;
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            if meta.tries.len() < 10 {
                meta.tries.push(failure.clone());
            }
            let Some(delay) = self.delay(number, &failure) else { return Err(failure) };
            self.shared.world.sleep(delay).await;
        }
    }

    /// How long to wait before the next attempt here; `None` when there is none.
    fn delay(&self, number: u32, failure: &Failure) -> Option<Duration> {
        // Of an effect that must not be repeated only what never arrived is tried again.
        if self.effect.class == EffectClass::Once && failure.class != FailureClass::Connect {
            return None;
        }
        let delay = retry::next_delay(&self.conditions.policy.retry, number, failure, self.shared.world.random())?;
        if self.left().is_some_and(|left| delay >= left) {
            return None;
        }
        let now = self.shared.world.elapsed();
        self.shared.with(&self.endpoint.id, |state| state.budget.try_extra(now)).then_some(delay)
    }

    fn left(&self) -> Option<Duration> {
        let spent = self.shared.world.elapsed().saturating_sub(self.began);
        self.conditions.left.map(|left| left.saturating_sub(spent))
    }

    /// One attempt behind the breaker.
    async fn guarded(&self, number: u32) -> Tried {
        let world = &self.shared.world;
        let permit = match self.shared.with(&self.endpoint.id, |state| state.breaker.permit(world.elapsed())) {
            Ok(permit) => permit,
            Err(wait) => {
                let message = format!("`{}` failed often and is left alone for {} s", self.endpoint.id, wait.as_secs());
                // Asking again here is what the breaker is there to prevent; the next endpoint is asked instead.
                let failure = Failure::new(FailureClass::ServerError, message).retry_after(Some(wait));
                return Err(Failure { should_retry: Some(false), ..failure }).into();
            }
        };
        // A cancelled attempt says nothing about the endpoint; its permit is given back when this is dropped.
        let settle = Settle { place: self, permit: Some(permit) };
        let tried = self.timed(number).await;
        settle.done(&tried);
        tried
    }

    /// One attempt, bounded in time.
    async fn timed(&self, number: u32) -> Tried {
        let bounds = [Some(self.endpoint.timeout), self.conditions.policy.timeout, self.left()];
        let timeout = bounds.into_iter().flatten().min().unwrap_or(self.endpoint.timeout);
        let attempt =
            Attempt { number, key: self.conditions.key.to_owned(), timeout, tag: self.conditions.tag.to_owned() };
        let work = self.work.attempt(self.index, &attempt);
        let bound = self.shared.world.sleep(timeout);
        match futures_util::future::select(work, bound).await {
            futures_util::future::Either::Left((tried, _)) => tried,
            futures_util::future::Either::Right(_) => {
                let message = format!("`{}` gave no answer within {timeout:?}", self.endpoint.id);
                Err(Failure::new(FailureClass::Timeout, message)).into()
            }
        }
    }
}

/// Gives a breaker's permit back, whatever happens to the attempt.
struct Settle<'a> {
    place: &'a Place<'a>,
    permit: Option<Permit>,
}

impl Settle<'_> {
    fn done(mut self, tried: &Tried) {
        self.settle(tried.result.as_ref().err().map_or(Health::Works, |failure| Health::of(failure.class)));
    }

    fn settle(&mut self, health: Health) {
        if let Some(permit) = self.permit.take() {
            let (now, random) = (self.place.shared.world.elapsed(), self.place.shared.world.random());
            self.place.shared.with(&self.place.endpoint.id, |state| state.breaker.settle(permit, health, now, random));
        }
    }
}

impl Drop for Settle<'_> {
    fn drop(&mut self) {
        self.settle(Health::Unknown);
    }
}
