//! Delays of single failures and of many clients at once.

use proptest::prelude::*;
use uzel_core::duration::DurationText;

use super::*;

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "it failed")
}

fn millis(wait: Option<Duration>) -> Option<u128> {
    wait.map(|wait| wait.as_millis())
}

#[test]
fn three_tries_in_all_and_the_bound_doubles() {
    let policy = RetryPolicy::default();
    let longest = |attempt| millis(next_delay(&policy, attempt, &failure(FailureClass::Timeout), 1.0));
    assert_eq!([longest(1), longest(2), longest(3), longest(4)], [Some(100), Some(200), None, None]);
    assert_eq!(millis(next_delay(&policy, 1, &failure(FailureClass::Timeout), 0.0)), Some(0));
}

#[test]
fn throttling_waits_longer_and_the_cap_holds() {
    let policy = RetryPolicy { max: 20, ..RetryPolicy::default() };
    let longest = |attempt| millis(next_delay(&policy, attempt, &failure(FailureClass::RateLimit), 1.0));
    assert_eq!(
        [longest(1), longest(2), longest(5), longest(6), longest(19)].map(Option::unwrap),
        [1_000, 2_000, 16_000, 20_000, 20_000]
    );
    let fixed = RetryPolicy { backoff: Backoff::Fixed, ..policy };
    assert_eq!(millis(next_delay(&fixed, 9, &failure(FailureClass::Connect), 1.0)), Some(100));
}

#[test]
fn the_other_side_goes_before_the_policy() {
    let policy = RetryPolicy::default();
    let told = failure(FailureClass::RateLimit).retry_after(Some(Duration::from_secs(7)));
    assert_eq!(millis(next_delay(&policy, 1, &told, 0.0)), Some(7_000));
    assert_eq!(millis(next_delay(&policy, 1, &told, 0.5)), Some(7_500));

    let mut no = failure(FailureClass::ServerError);
    no.should_retry = Some(false);
    assert_eq!(next_delay(&policy, 1, &no, 0.5), None);
    let mut yes = failure(FailureClass::Invalid);
    assert_eq!(next_delay(&policy, 1, &yes, 0.5), None);
    yes.should_retry = Some(true);
    assert!(next_delay(&policy, 1, &yes, 0.5).is_some());
    assert_eq!(next_delay(&policy, 3, &yes, 0.5), None, "not more tries than the policy allows");
}

#[test]
fn classes_that_are_not_listed_are_not_tried_again() {
    use FailureClass::{Auth, Bug, Cancelled, Code, Invalid, Limit, Refused};
    for class in [Auth, Bug, Cancelled, Code, Invalid, Limit, Refused] {
        assert_eq!(next_delay(&RetryPolicy::default(), 1, &failure(class), 0.5), None, "{class:?}");
    }
}

/// A small generator with a seed, so that a failing case is one number.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Peak and mean of arrivals per 100 ms from the first possible arrival to the last possible one.
fn peak_and_mean(arrivals: &[Duration], start: Duration, window: Duration) -> (f64, f64) {
    let slots = (window.as_millis().div_ceil(100)).max(1) as usize;
    let mut counts = vec![0_u32; slots];
    for arrival in arrivals {
        let slot = (arrival.saturating_sub(start).as_millis() / 100) as usize;
        counts[slot.min(slots - 1)] += 1;
    }
    (f64::from(counts.iter().copied().max().unwrap_or(0)), arrivals.len() as f64 / slots as f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// 10,000 clients fail at the same moment and every try fails: each wave of retries is spread over its window.
    #[test]
    fn clients_that_failed_together_do_not_come_back_together(seed: u64, throttled: bool, told in 0_u64..5) {
        let policy = RetryPolicy { max: 5, ..RetryPolicy::default() };
        let class = if throttled { FailureClass::RateLimit } else { FailureClass::ServerError };
        let failure = failure(class).retry_after((told > 0).then(|| Duration::from_secs(told)));
        let mut random = SplitMix(seed);
        let mut clients = vec![Duration::ZERO; 10_000];
        let (mut earliest, mut window) = (Duration::ZERO, Duration::ZERO);
        for attempt in 1..policy.max {
            for client in &mut clients {
                *client += next_delay(&policy, attempt, &failure, random.next()).expect("tries are left");
            }
            earliest += Duration::from_secs(told);
            window += bound(&policy, attempt, class);
            // Sums of several uniform waits are bell-shaped: only what the first two waves promise is claimed.
            if attempt <= 2 {
                let (peak, mean) = peak_and_mean(&clients, earliest, window);
                prop_assert!(peak < 2.0 * mean, "wave {attempt}: peak {peak}, mean {mean}");
            }
        }
    }

    #[test]
    fn waits_stay_within_their_bounds(
        attempt in 0_u32..60, random in any::<f64>(), base in 0_u64..100_000, cap in 0_u64..100_000, told in any::<u32>(),
    ) {
        let text = |millis| DurationText(Duration::from_millis(millis));
        let policy = RetryPolicy { max: 50, base: text(base), cap: text(cap), ..RetryPolicy::default() };
        let told = Duration::from_millis(u64::from(told));
        let failure = failure(FailureClass::Timeout).retry_after(Some(told));
        match next_delay(&policy, attempt, &failure, random) {
            Some(wait) => prop_assert!(attempt < 50 && wait >= told && wait <= told + policy.cap.0),
            None => prop_assert!(attempt >= 50),
        }
    }
}
