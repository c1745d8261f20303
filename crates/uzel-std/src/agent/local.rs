//! Facts that are no calls to anybody but must be on record, so that the loop comes to the same when it is gone through
//! again: when it began, what a person decided.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use uzel_core::{
    capability::{Attempt, BoxFuture, tool::EffectClass},
    failure::Failure,
    node::{Call, Effect, Endpoint, Tried, Work},
};

/// The value on record under this name; if there is none, this one is put there.
pub(super) async fn note(call: &Call, name: &str, value: Value) -> Result<Arc<Value>, Failure> {
    let here = [Endpoint { id: "this process".to_owned(), timeout: Duration::from_secs(10), brown_out: false }];
    let effect = Effect { name, class: EffectClass::Read, endpoints: &here, reserve_usd: 0.0, until: None };
    Ok(call.effect(effect, &Fact(value)).await?.value)
}

struct Fact(Value);

impl Work for Fact {
    fn attempt<'a>(&'a self, _endpoint: usize, _attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(std::future::ready(Ok(self.0.clone()).into()))
    }
}
