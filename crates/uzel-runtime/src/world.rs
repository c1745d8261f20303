//! Time, randomness and ids behind one interface, so that a run can be tested with a seed and a simulated clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uzel_core::{capability::BoxFuture, event::Time};

/// What a run needs of the world beside its effects.
pub trait World: Send + Sync {
    /// The wall clock: for records and deadlines that outlast the process.
    fn now(&self) -> Time;
    /// A clock that only goes forward: for timeouts and breakers.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    /// A number from 0 (with) to 1 (without).
    fn random(&self) -> f64;
    /// A new id: 10 characters that are easy to read and to type, 50 bits.
    fn id(&self) -> String;
}

/// The real one.
#[derive(Debug)]
pub struct RealWorld {
    started: Instant,
}

impl Default for RealWorld {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

fn random_bits() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        // Without a source of randomness (a broken sandbox) jitter and ids come from the address of a fresh hasher.
        std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0u8)
    })
}

impl World for RealWorld {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        (random_bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn id(&self) -> String {
        encode(random_bits())
    }
}

/// The lowest 50 bits in Crockford's base 32, lower case: no `i`, `l`, `o`, `u`.
pub(crate) fn encode(bits: u64) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..10).map(|i| LETTERS[((bits >> (45 - 5 * i)) & 31) as usize] as char).collect()
}
