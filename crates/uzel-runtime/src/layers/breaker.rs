//! Stops calls to an endpoint that is broken and finds out when it works again. Asked by the breaker layer around each try.
//!
//! A circuit breaker after M. Nygard, "Release It!", 2nd ed., 2018, chapter 5; the share of failures within a window as in
//! resilience4j. Its open time doubles with each failed probe and is jittered, so that a fleet does not probe in step.

use std::time::Duration;

use uzel_core::failure::FailureClass;

use super::window::Window;

/// When a breaker opens and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// So many failures in a row open it.
    pub in_a_row: u32,
    /// This share of failures within ten seconds opens it.
    pub share: f64,
    /// The share counts from so many calls within ten seconds.
    pub least_calls: u64,
    /// How long it is open at first; the wait is between this and a quarter more.
    pub open: Duration,
    /// It is never open longer, jitter included.
    pub longest: Duration,
    /// A probe that did not settle for so long is given up, and another is let through.
    pub probe: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            in_a_row: 5,
            share: 0.5,
            least_calls: 20,
            open: Duration::from_secs(30),
            longest: Duration::from_mins(5),
            probe: Duration::from_mins(1),
        }
    }
}

/// What a try means to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The endpoint answered, even if the answer is a refusal.
    Works,
    /// The endpoint is broken.
    Broken,
    /// Nothing is known (cancelled, or our own limits).
    Unknown,
}

impl Health {
    /// What a failure says about the endpoint. A 429 comes from an endpoint that works: other layers slow down for it.
    pub const fn of(class: FailureClass) -> Self {
        match class {
            FailureClass::Timeout | FailureClass::ServerError | FailureClass::Connect => Self::Broken,
            FailureClass::RateLimit
            | FailureClass::Schema
            | FailureClass::Invalid
            | FailureClass::Auth
            | FailureClass::Refused => Self::Works,
            FailureClass::Limit | FailureClass::Cancelled | FailureClass::Code | FailureClass::Bug => Self::Unknown,
        }
    }
}

/// Leave for one try, to be given back with [`Breaker::settle`].
#[derive(Debug)]
#[must_use = "a permit that is not settled keeps a half open breaker waiting"]
pub struct Permit {
    /// What was settled in an earlier state of the breaker says nothing about this one.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        in_a_row: u32,
    },
    /// `times` openings in a row without a success between.
    Open {
        until: Duration,
        times: u32,
    },
    /// `probe` is when the one probe began.
    HalfOpen {
        probe: Option<Duration>,
        times: u32,
    },
}

/// One endpoint's breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
    epoch: u64,
    window: Window,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(BreakerConfig::default())
    }
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, state: State::Closed { in_a_row: 0 }, epoch: 0, window: Window::default() }
    }

    /// Leave for a try now, or how long to wait before asking again.
    pub fn permit(&mut self, now: Duration) -> Result<Permit, Duration> {
        match self.state {
            State::Closed { .. } => {}
            State::Open { until, .. } if now < until => return Err(until.saturating_sub(now)),
            State::HalfOpen { probe: Some(since), .. } if now < since + self.config.probe => {
                return Err((since + self.config.probe).saturating_sub(now));
            }
            State::Open { times, .. } | State::HalfOpen { times, .. } => {
                self.enter(State::HalfOpen { probe: Some(now), times });
            }
        }
        Ok(Permit { epoch: self.epoch })
    }

    /// Says how a permitted try went; `random` is uniform in `0.0..1.0` and jitters the time it is open.
    pub fn settle(&mut self, permit: Permit, health: Health, now: Duration, random: f64) {
        if permit.epoch != self.epoch {
            return;
        }
        match (self.state, health) {
            (State::Closed { .. }, Health::Works) => {
                self.window.add(now);
                self.state = State::Closed { in_a_row: 0 };
            }
            (State::Closed { in_a_row }, Health::Broken) => {
                self.window.add(now);
                self.window.add_part(now);
                self.state = State::Closed { in_a_row: in_a_row + 1 };
                if self.is_too_much(now) {
                    self.open(1, now, random);
                }
            }
            (State::HalfOpen { .. }, Health::Works) => {
                self.window.clear();
                self.enter(State::Closed { in_a_row: 0 });
            }
            (State::HalfOpen { times, .. }, Health::Broken) => self.open(times.saturating_add(1), now, random),
            (State::HalfOpen { times, .. }, Health::Unknown) => self.enter(State::HalfOpen { probe: None, times }),
            (State::Closed { .. }, Health::Unknown) | (State::Open { .. }, _) => {}
        }
    }

    /// Whether calls are refused now.
    pub fn is_open(&self, now: Duration) -> bool {
        matches!(self.state, State::Open { until, .. } if now < until)
    }

    fn is_too_much(&mut self, now: Duration) -> bool {
        let (calls, broken) = self.window.sums(now);
        let in_a_row = matches!(self.state, State::Closed { in_a_row } if in_a_row >= self.config.in_a_row);
        in_a_row || (calls >= self.config.least_calls && broken as f64 >= self.config.share * calls as f64)
    }

    fn open(&mut self, times: u32, now: Duration, random: f64) {
        let doubled = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.5 };
        // The jitter goes below the cap too: breakers that have been open for long must not end up in step.
        let bare = self.config.open.saturating_mul(doubled).min(self.config.longest.div_f64(1.25));
        self.enter(State::Open { until: now.saturating_add(bare.mul_f64(1.0 + 0.25 * random)), times });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests;
