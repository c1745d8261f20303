//! When a failed call is tried again. Called by the retry layer after each try.
//!
//! Full jitter, after M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: the wait is uniform
//! between zero and a bound that doubles, so clients that failed together do not come back together.

use std::time::Duration;

use uzel_core::{
    failure::{Failure, FailureClass},
    policy::{Backoff, RetryPolicy},
};

/// Against a side that asks to slow down, bounds are this much longer than against one that broke.
const THROTTLED: u32 = 10;

/// The wait before the next try, or `None` if there is none.
///
/// `attempt` is the number of the try that failed, from 1; `random` is uniform in `0.0..1.0`. What the other side says
/// goes first: `should_retry` over the policy's classes (but not over its number of tries), and `retry_after` as the
/// least wait, with the jitter added so that all who were told the same do not come back at once. Whether the wait fits
/// the run's deadline, and whether the call is safe to repeat, is for the caller to decide.
pub fn next_delay(policy: &RetryPolicy, attempt: u32, failure: &Failure, random: f64) -> Option<Duration> {
    let wanted = failure.should_retry.unwrap_or_else(|| policy.classes.contains(&failure.class));
    if !wanted || attempt >= policy.max {
        return None;
    }
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.5 };
    let jitter = bound(policy, attempt, failure.class).mul_f64(random);
    Some(failure.retry_after.unwrap_or_default().saturating_add(jitter))
}

/// The longest wait after try number `attempt`, before what the other side asked for.
fn bound(policy: &RetryPolicy, attempt: u32, class: FailureClass) -> Duration {
    let slow = if class == FailureClass::RateLimit { THROTTLED } else { 1 };
    let doubled = match policy.backoff {
        Backoff::Exponential => 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX),
        Backoff::Fixed => 1,
    };
    policy.base.0.saturating_mul(slow).saturating_mul(doubled).min(policy.cap.0)
}

#[cfg(test)]
mod tests;
