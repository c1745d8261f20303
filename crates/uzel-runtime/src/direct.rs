//! Asks a model without a run, through the same layers: nothing is journaled, so nothing is taken up after a crash.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use uzel_core::{
    build::ModelChain,
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Sink},
        tool::EffectClass,
    },
    event::EffectMeta,
    failure::{Failure, FailureClass},
    graph::Policy,
    node::{Effect, Spent, Tried, Work},
    policy::RetryPolicy,
};

use crate::layers::{self, Conditions, Purse, Shared};

/// Asks a chain of models. Text goes to `sink` as it comes; once some of it has been sent no other try is made, because
/// it cannot be taken back.
///
/// # Errors
/// What the last model said.
pub async fn ask(
    shared: &Shared,
    chain: &ModelChain,
    request: &ChatRequest,
    sink: &dyn Sink,
    within: Duration,
) -> (Result<ChatReply, Failure>, EffectMeta) {
    let key = shared.world.id();
    let effect = Effect {
        name: "chat",
        class: EffectClass::Read,
        endpoints: &chain.endpoints,
        reserve: Spent::default(),
        until: None,
        doubt: None,
    };
    let policy = Policy { retry: RetryPolicy::default(), timeout: None };
    let conditions = Conditions { policy: &policy, key: &key, tag: "direct", left: Some(within), purse: &Nobodys };
    let work = Asking { chain, request, sink, is_heard: AtomicBool::new(false), last: Mutex::default() };
    let (result, meta) = layers::perform(shared, &effect, &work, &conditions).await;
    let result = result.and_then(|value| {
        serde_json::from_value(value)
            .map_err(|e| Failure::new(FailureClass::Bug, "an answer cannot be read").because(e))
    });
    // Why no other try was made is less than why the first one failed.
    let last = work.last.into_inner().unwrap_or_else(PoisonError::into_inner);
    (result.map_err(|failure| last.filter(|_| failure.class == FailureClass::Cancelled).unwrap_or(failure)), meta)
}

/// There is no budget.
struct Nobodys;

impl Purse for Nobodys {
    fn spend(&self, _: &Tried) {}

    fn affords_another(&self) -> Result<(), Failure> {
        Ok(())
    }
}

struct Asking<'a> {
    chain: &'a ModelChain,
    request: &'a ChatRequest,
    sink: &'a dyn Sink,
    /// Whether text was sent on.
    is_heard: AtomicBool,
    last: Mutex<Option<Failure>>,
}

impl Sink for Asking<'_> {
    fn text(&self, piece: &str) {
        self.is_heard.store(true, Ordering::Relaxed);
        self.sink.text(piece);
    }
}

impl Work for Asking<'_> {
    fn attempt<'a>(&'a self, endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move {
            if self.is_heard.load(Ordering::Relaxed) {
                return Err(Failure::new(FailureClass::Cancelled, "the answer had begun")).into();
            }
            let Some(model) = self.chain.links.get(endpoint) else {
                return Err(Failure::new(FailureClass::Bug, "an endpoint without a model")).into();
            };
            match model.chat(self.request, attempt, self).await {
                Ok(reply) => {
                    let (usage, name) = (reply.usage, reply.model.clone());
                    let result: Result<Value, Failure> = serde_json::to_value(reply)
                        .map_err(|e| Failure::new(FailureClass::Bug, "an answer that is not JSON").because(e));
                    Tried { result, model: Some(name), usage, cost_usd: model.price().cost(usage) }
                }
                Err(failure) => {
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
                    Err(failure).into()
                }
            }
        })
    }
}
