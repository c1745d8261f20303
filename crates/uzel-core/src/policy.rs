//! What a node or an app says about reliability, as plain data: retry and timeout. Read from documents, obeyed by layers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{duration::DurationText, failure::FailureClass};

/// How waits between tries grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// The bound doubles with each try; the wait is a random part of it.
    #[default]
    Exponential,
    /// The bound stays at `base`; the wait is a random part of it.
    Fixed,
}

/// When a call that failed is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Tries in all, the first included; 1 means no retry. At most 20.
    pub max: u32,
    /// How waits grow.
    pub backoff: Backoff,
    /// Bound of the first wait. Ten times as long when the other side says to slow down.
    pub base: DurationText,
    /// No bound is longer.
    pub cap: DurationText,
    /// Kinds of failures that are tried again.
    #[serde(rename = "errors")]
    pub classes: Vec<FailureClass>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        use FailureClass::{Connect, RateLimit, Schema, ServerError, Timeout};
        Self {
            max: 3,
            backoff: Backoff::Exponential,
            base: DurationText(Duration::from_millis(100)),
            cap: DurationText(Duration::from_secs(20)),
            classes: vec![Timeout, RateLimit, ServerError, Connect, Schema],
        }
    }
}

impl RetryPolicy {
    /// Most tries in all that may be asked for.
    pub const MAX: u32 = 20;

    /// One try.
    pub fn never() -> Self {
        Self { max: 1, ..Self::default() }
    }

    /// What is out of range: the key and a sentence. Empty if nothing is.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = vec![];
        if self.max == 0 {
            found.push(("max", "`max: 0` never tries: the first try counts too".to_owned()));
        } else if self.max > Self::MAX {
            found.push(("max", format!("`max: {}` is more than {} tries", self.max, Self::MAX)));
        }
        if self.base.0.is_zero() && self.max > 1 {
            found.push(("base", "a retry without a wait repeats what broke; write at least `10ms`".to_owned()));
        }
        if self.cap < self.base {
            found.push(("cap", format!("`cap: {}` is shorter than `base: {}`", self.cap, self.base)));
        }
        let pointless =
            |class: &&FailureClass| matches!(class, FailureClass::Cancelled | FailureClass::Limit | FailureClass::Auth);
        for class in self.classes.iter().filter(pointless) {
            found.push(("errors", format!("trying again does not help against `{}`", class.as_str())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RetryPolicy, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_written_has_defaults() {
        let policy = read(r#"{ "max": 5, "errors": ["timeout"] }"#).expect("reads");
        assert_eq!((policy.max, policy.classes.as_slice()), (5, &[FailureClass::Timeout][..]));
        assert_eq!(policy.cap, RetryPolicy::default().cap);
        assert!(policy.problems().is_empty());
    }

    #[test]
    fn out_of_range_values_are_named() {
        let keys = |json| read(json).expect("reads").problems().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(r#"{ "max": 0 }"#), ["max"]);
        assert_eq!(keys(r#"{ "max": 21, "base": "0s" }"#), ["max", "base"]);
        assert_eq!(keys(r#"{ "base": "30s" }"#), ["cap"]);
        assert_eq!(keys(r#"{ "errors": ["auth", "timeout"] }"#), ["errors"]);
        assert!(read(r#"{ "tries": 3 }"#).expect_err("unknown key").contains("unknown field `tries`"));
        assert!(read(r#"{ "base": 3 }"#).expect_err("no unit").contains("the unit is missing"));
    }
}
