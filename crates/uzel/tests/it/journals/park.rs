//! A kind that waits for a time or for a call from outside, whose token is written in the app. Used by the journals.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::BoxFuture,
    check::Check,
    diagnostic::Diagnostic,
    duration::DurationText,
    event::{Resolution, Wait},
    failure::Failure,
    graph::Ports,
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::Type,
};

/// The kind.
pub(super) struct Park;

/// Waits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// For so long.
    after: Option<DurationText>,
    /// For a call with this token.
    token: Option<String>,
}

impl Kind for Park {
    const NAME: &'static str = "park";
    const SUMMARY: &'static str = "waits";
    const EXAMPLES: &'static [KindExample] = &[];
    type Config = Config;

    fn check(_config: &Config, _cx: &mut Check<'_>) -> Ports {
        Ports::of(Type::Any)
    }

    fn build(config: Config, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        Ok(Arc::new(config))
    }
}

impl Node for Config {
    fn call<'a>(&'a self, _input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let due = self.after.map(|after| call.now.plus(after.0));
        let outcome = match (&call.resolution, &self.token, due) {
            (Some(Resolution::Called { value, .. }), ..) => Outcome::value(value.clone()),
            (Some(_), ..) => Outcome::value(json!("its time came")),
            (None, Some(token), due) => {
                Outcome::Wait(Wait::Callback { token: token.clone(), due, payload: Value::Null })
            }
            (None, None, due) => Outcome::Wait(Wait::Until(due.unwrap_or(call.now))),
        };
        Box::pin(std::future::ready(Ok(outcome)))
    }
}
