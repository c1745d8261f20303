//! Retries: of what must not be repeated, and without waits that grow.

use std::time::Duration;

use super::{Findings, Scene};
use crate::{
    capability::tool::EffectClass,
    diagnostic::{Code, Diagnostic, Severity},
    duration::{self, DurationText},
    failure::FailureClass,
    graph::NodeDef,
    policy::{Backoff, RetryPolicy},
};

/// A shorter first wait is none: what broke is asked again at once.
const SHORTEST: Duration = Duration::from_millis(10);

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    let mut defaults = None;
    for (place, stand) in scene.places.iter().enumerate() {
        let node = stand.node;
        if let Some(finding) = unsafe_retry(scene, node) {
            out.node(place, finding);
        }
        let policy = &node.policy.retry;
        match (node.noted.retry, scene.about.retry) {
            (Some(at), _) => {
                if let Some((message, help)) = no_backoff(policy) {
                    out.node(place, Diagnostic::new(Code::NO_BACKOFF, at, message).help(help));
                }
            }
            (None, Some(at)) => defaults = defaults.or_else(|| no_backoff(policy).map(|found| (at, found))),
            (None, None) => {}
        }
    }
    if let Some((at, (message, help))) = defaults {
        out.app(Diagnostic::new(Code::NO_BACKOFF, at, message).help(help));
    }
}

/// An effect that must not be repeated is tried again only when the other side was not reached at all.
fn unsafe_retry(scene: &Scene<'_>, node: &NodeDef) -> Option<Diagnostic> {
    let policy = &node.policy.retry;
    let harmful = policy.classes.iter().find(|class| **class != FailureClass::Connect)?;
    if node.noted.effect != Some(EffectClass::Once) || node.facts.agent.is_some() || policy.max < 2 {
        return None;
    }
    let (id, class) = (&node.id, harmful.as_str());
    if let Some(at) = node.noted.retry {
        let message = format!("`{id}` must not be repeated, and after `{class}` nobody knows whether it was done");
        let help = "write `retry: { errors: [connect] }`, or make the tool safe to repeat and give it `effect: keyed`";
        return Some(Diagnostic::new(Code::RETRY_NOT_SAFE, at, message).help(help));
    }
    // What nobody wrote for any node is obeyed where it is safe, and that is all it says.
    let defaults = scene.about.retry?;
    let message =
        format!("`{id}` must not be repeated: after `{class}` it is not tried again, whatever `defaults` says");
    let help =
        "write `retry: { errors: [connect] }` in it, or make the tool safe to repeat and give it `effect: keyed`";
    let mut found = Diagnostic::new(Code::RETRY_NOT_SAFE, node.at, message).help(help);
    found.severity = Severity::Warning;
    Some(found.label(defaults, "this is the default"))
}

/// What is wrong with the waits of a policy, and what to write.
fn no_backoff(policy: &RetryPolicy) -> Option<(String, String)> {
    let (base, cap) = (policy.base.0, policy.cap.0);
    if policy.max < 2 || base.is_zero() || cap < base {
        // No retry, or reported as out of range.
        return None;
    }
    let usual = RetryPolicy::default();
    if base < SHORTEST {
        let message = format!("the first wait is at most {}: what broke is asked again at once", duration::print(base));
        return Some((message, format!("write `base: {}` or more", usual.base)));
    }
    if policy.max < 3 {
        return None;
    }
    match policy.backoff {
        Backoff::Fixed => {
            let message = format!("all {} tries wait alike, so all who retry press on what is overloaded", policy.max);
            Some((
                message,
                "write `backoff: exponential`: each wait is a random part of a bound that doubles".to_owned(),
            ))
        }
        Backoff::Exponential if cap < base.saturating_mul(2) => {
            let message = format!("the waits cannot grow: `cap` is {} and `base` is {}", policy.cap, policy.base);
            let longer = usual.cap.max(DurationText(base.saturating_mul(8)));
            Some((message, format!("write a longer `cap`, such as `cap: {longer}`")))
        }
        Backoff::Exponential => None,
    }
}
