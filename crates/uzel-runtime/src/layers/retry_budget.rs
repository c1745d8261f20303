//! How many retries and hedges a tenant may send to an endpoint. Asked by the retry layer before each extra try.
//!
//! A bucket of tokens that expire, after `RetryBudget` of Finagle (Twitter): calls put in a share of a token, extra tries
//! take a whole one, and a small reserve that fills with time keeps quiet clients able to retry. Unlike there, what is
//! taken from the reserve is paid back from the share, so that a busy client's extra load stays at the share. When a
//! backend is dead every call wants to retry, and it is this that keeps the load near what it was instead of three
//! times as much.

use std::time::Duration;

use super::window::Window;

/// Extra tries in relation to calls. Unused tokens live ten seconds.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    share: f64,
    least_per_second: f64,
    /// Tokens from calls; below zero while the reserve is to be paid back.
    balance: f64,
    reserve: f64,
    /// When the reserve was last filled.
    filled: Duration,
    calls: Window,
}

impl Default for RetryBudget {
    /// A tenth of the calls, and 3 a second where there are few calls.
    fn default() -> Self {
        Self::new(0.1, 3.0)
    }
}

impl RetryBudget {
    /// At most `share` of the calls, or `least_per_second` if that is more.
    pub fn new(share: f64, least_per_second: f64) -> Self {
        let least_per_second = least_per_second.max(0.0);
        Self {
            share: share.clamp(0.0, 1.0),
            least_per_second,
            balance: 0.0,
            reserve: least_per_second * Window::LENGTH.as_secs_f64(),
            filled: Duration::ZERO,
            calls: Window::default(),
        }
    }

    /// Counts a call (its first try, whatever comes of it).
    pub fn call(&mut self, now: Duration) {
        self.calls.add(now);
        self.balance += self.share;
    }

    /// Takes the token for one extra try; `false` means that the failure stands.
    pub fn try_extra(&mut self, now: Duration) -> bool {
        let most = self.least_per_second * Window::LENGTH.as_secs_f64();
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.reserve = (self.reserve + passed * self.least_per_second).min(most);
        self.filled = self.filled.max(now);
        // Tokens of calls that are older than the window are gone.
        let (calls, _) = self.calls.sums(now);
        self.balance = self.balance.min(calls as f64 * self.share);

        if self.balance >= 1.0 {
            self.balance -= 1.0;
        } else if self.reserve >= 1.0 {
            self.reserve -= 1.0;
            self.balance = (self.balance - 1.0).max(-most);
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use uzel_core::{
        failure::{Failure, FailureClass},
        policy::RetryPolicy,
    };

    use super::*;
    use crate::layers::retry::next_delay;

    #[test]
    fn few_calls_may_still_retry() {
        let mut budget = RetryBudget::default();
        budget.call(Duration::ZERO);
        let granted = |budget: &mut RetryBudget, now| (0..100).filter(|_| budget.try_extra(now)).count();
        assert_eq!(granted(&mut budget, Duration::ZERO), 30, "three a second over ten seconds");
        assert_eq!(granted(&mut budget, Duration::from_secs(1)), 3);
        assert_eq!(granted(&mut budget, Duration::from_secs(100)), 30);
    }

    #[test]
    fn unused_tokens_expire() {
        let mut budget = RetryBudget::default();
        (0..10_000).for_each(|_| budget.call(Duration::ZERO));
        let mut prompt = budget.clone();
        assert_eq!((0..5_000).filter(|_| prompt.try_extra(Duration::ZERO)).count(), 1_030);
        let later = Duration::from_secs(10);
        assert_eq!((0..5_000).filter(|_| budget.try_extra(later)).count(), 30);
    }

    /// Calls come evenly and every try fails; each is retried by the default policy as far as the budget allows.
    /// Returns how many calls and how many extra tries there were.
    fn dead_backend(per_second: u64, seconds: u64, random: f64) -> (u64, u64) {
        let (policy, failure) = (RetryPolicy::default(), Failure::new(FailureClass::ServerError, "dead"));
        let mut budget = RetryBudget::default();
        let start = |call| Duration::from_nanos(call * 1_000_000_000 / per_second);
        let mut tries: BTreeSet<(Duration, u64, u32)> =
            (0..per_second * seconds).map(|call| (start(call), call, 1)).collect();
        let (mut calls, mut extra) = (0, 0);
        while let Some((now, call, attempt)) = tries.pop_first() {
            if attempt == 1 {
                calls += 1;
                budget.call(now);
            } else {
                extra += 1;
            }
            if let Some(wait) = next_delay(&policy, attempt, &failure, random).filter(|_| budget.try_extra(now)) {
                tries.insert((now + wait, call, attempt + 1));
            }
        }
        (calls, extra)
    }

    #[test]
    fn a_quiet_client_retries_all_it_likes() {
        let (calls, extra) = dead_backend(1, 60, 0.5);
        assert_eq!(extra, 2 * calls, "this little is within the reserve");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_dead_backend_gets_at_most_a_tenth_more(
            per_second in 200_u64..2_000, seconds in 5_u64..30, random in 0.0..1.0,
        ) {
            let (calls, extra) = dead_backend(per_second, seconds, random);
            // A retry is a whole number, so a few may be out on the reserve when the calls end.
            let amplification = (calls + extra - 4.min(extra)) as f64 / calls as f64;
            prop_assert!(amplification <= 1.1, "{amplification}");
            prop_assert!(extra as f64 >= 0.09 * calls as f64, "the budget is there to be used: {extra} of {calls}");
        }

        #[test]
        fn at_any_rate_the_reserve_bounds_what_is_over(per_second in 1_u64..200, seconds in 1_u64..60, random in 0.0..1.0) {
            let (calls, extra) = dead_backend(per_second, seconds, random);
            let bound = (0.1 * calls as f64).max(3.0 * (seconds + 1) as f64) + 31.0;
            prop_assert!(extra as f64 <= bound, "{extra} of {calls}, at most {bound}");
        }
    }
}
