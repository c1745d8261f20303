//! Facts that are no calls to anybody but must be on record, so that a node that is called again comes to the same: when
//! it began, what a person decided, a token. Used by kinds.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use uzel_core::{
    capability::{Attempt, BoxFuture, tool::EffectClass},
    failure::Failure,
    node::{Call, Effect, Endpoint, HERE, Spent, Tried, Work},
};

/// The value on record under this name; if there is none, one is made and put there.
pub(crate) async fn note(
    call: &Call,
    name: &str,
    make: impl Fn(&Attempt) -> Value + Send + Sync,
) -> Result<Arc<Value>, Failure> {
    let here = [Endpoint { id: HERE.to_owned(), timeout: Duration::from_secs(10), brown_out: false }];
    let effect = Effect {
        name,
        class: EffectClass::Read,
        endpoints: &here,
        reserve: Spent::default(),
        until: None,
        doubt: None,
    };
    Ok(call.effect(effect, &Making(make)).await?.value)
}

struct Making<F>(F);

impl<F: Fn(&Attempt) -> Value + Send + Sync> Work for Making<F> {
    fn attempt<'a>(&'a self, _endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(std::future::ready(Ok((self.0)(attempt)).into()))
    }
}
