//! The breaker through its states, with a clock of its own.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settle(breaker: &mut Breaker, now: Duration, health: Health) -> bool {
    match breaker.permit(now) {
        Ok(permit) => {
            breaker.settle(permit, health, now, 0.0);
            true
        }
        Err(_) => false,
    }
}

/// A breaker that five failures at time zero opened.
fn opened() -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..5 {
        assert!(settle(&mut breaker, Duration::ZERO, Health::Broken));
    }
    assert!(breaker.is_open(Duration::ZERO));
    breaker
}

#[test]
fn five_in_a_row_open_it_and_a_success_between_does_not() {
    let mut breaker = Breaker::default();
    for health in [Health::Broken, Health::Broken, Health::Broken, Health::Broken, Health::Works, Health::Broken] {
        settle(&mut breaker, Duration::ZERO, health);
    }
    assert!(!breaker.is_open(Duration::ZERO));
    assert_eq!(opened().permit(SECOND).expect_err("open"), 29 * SECOND);
}

#[test]
fn half_of_twenty_in_ten_seconds_open_it() {
    let mut breaker = Breaker::default();
    let mut calls = 0;
    while settle(&mut breaker, Duration::ZERO, if calls % 2 == 0 { Health::Works } else { Health::Broken }) {
        calls += 1;
    }
    assert_eq!(calls, 20);

    let mut spread = Breaker::default();
    for call in 0..100 {
        let health = if call % 2 == 0 { Health::Works } else { Health::Broken };
        assert!(settle(&mut spread, SECOND * call, health), "ten calls in ten seconds are too few to judge");
    }
}

#[test]
fn one_probe_at_a_time() {
    let mut breaker = opened();
    let now = 30 * SECOND;
    let probe = breaker.permit(now).expect("the time is over");
    assert!(breaker.permit(now).is_err(), "the probe is out");
    breaker.settle(probe, Health::Works, now, 0.0);
    assert!(breaker.permit(now).is_ok() && breaker.permit(now).is_ok());
}

#[test]
fn failed_probes_double_the_time_up_to_the_longest() {
    let mut breaker = opened();
    let (mut now, mut waits) = (Duration::ZERO, vec![]);
    for _ in 0..6 {
        let wait = breaker.permit(now).expect_err("open");
        waits.push(wait.as_secs());
        now += wait;
        assert!(settle(&mut breaker, now, Health::Broken), "the probe");
    }
    assert_eq!(waits, [30, 60, 120, 240, 240, 240], "with the most jitter the last ones are 300 s");
}

#[test]
fn a_lost_probe_does_not_block_for_ever() {
    let mut breaker = opened();
    let lost = breaker.permit(30 * SECOND).expect("a probe");
    assert_eq!(breaker.permit(31 * SECOND).expect_err("the probe is out"), 59 * SECOND);
    let second = breaker.permit(90 * SECOND).expect("another probe");
    breaker.settle(lost, Health::Broken, 91 * SECOND, 0.0);
    breaker.settle(second, Health::Works, 92 * SECOND, 0.0);
    assert!(breaker.permit(92 * SECOND).is_ok(), "what the lost probe says is no longer asked");

    let mut breaker = opened();
    let cancelled = breaker.permit(30 * SECOND).expect("a probe");
    breaker.settle(cancelled, Health::Unknown, 30 * SECOND, 0.0);
    assert!(breaker.permit(30 * SECOND).is_ok(), "a cancelled probe makes room for the next");
}

#[test]
fn calls_that_began_before_it_opened_change_nothing() {
    let mut breaker = Breaker::default();
    let slow = breaker.permit(Duration::ZERO).expect("closed");
    for _ in 0..5 {
        settle(&mut breaker, Duration::ZERO, Health::Broken);
    }
    breaker.settle(slow, Health::Works, SECOND, 0.0);
    assert!(breaker.is_open(2 * SECOND));
}

#[test]
fn answers_that_refuse_are_signs_of_life() {
    assert_eq!(Health::of(FailureClass::RateLimit), Health::Works);
    assert_eq!(Health::of(FailureClass::Auth), Health::Works);
    assert_eq!(Health::of(FailureClass::Connect), Health::Broken);
    assert_eq!(Health::of(FailureClass::Cancelled), Health::Unknown);
}

proptest! {
    /// A backend is down for a while; a client calls ten times a second. After the backend is back, the breaker is
    /// closed again within the longest open time, and while it is down few calls reach it.
    #[test]
    fn it_recovers(down in 1_u64..2_000, random in 0.0..1.0) {
        let mut breaker = Breaker::default();
        let (mut reached, mut now) = (0, Duration::ZERO);
        while now < Duration::from_secs(down) {
            if let Ok(permit) = breaker.permit(now) {
                reached += 1;
                breaker.settle(permit, Health::Broken, now, random);
            }
            now += Duration::from_millis(100);
        }
        prop_assert!(reached <= 5 + 5 + down / 240, "{reached} calls reached a dead backend in {down} s");
        let back = now;
        while !settle(&mut breaker, now, Health::Works) {
            now += Duration::from_millis(100);
            prop_assert!(now <= back + 301 * SECOND, "still open");
        }
        for _ in 0..100 {
            prop_assert!(settle(&mut breaker, now, Health::Works));
        }
    }

    /// Any order of permits and results at any times: no panic, and never open longer than the longest time.
    #[test]
    fn any_order_is_fine(steps in prop::collection::vec((0_u8..4, 0_u64..100_000, 0.0..1.0), 0..300)) {
        let mut breaker = Breaker::default();
        let (mut out, mut now) = (vec![], Duration::ZERO);
        for (step, pause, random) in steps {
            now += Duration::from_millis(pause);
            match (step, out.pop()) {
                (0, permit) => {
                    out.extend(permit);
                    match breaker.permit(now) {
                        Ok(permit) => out.push(permit),
                        Err(wait) => prop_assert!(wait <= BreakerConfig::default().longest),
                    }
                }
                (step, Some(permit)) => {
                    let health = [Health::Works, Health::Broken, Health::Unknown][usize::from(step) - 1];
                    breaker.settle(permit, health, now, random);
                }
                (_, None) => {}
            }
        }
    }
}
