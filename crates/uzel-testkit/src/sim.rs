//! A world with a simulated clock and a seed: time passes only when nothing else can happen. Used by tests of the engine.
//!
//! The clock moves when the runtime's only thread is about to go to sleep, so a run that waits for a week takes no time,
//! and equal seeds give equal runs. Nothing in a simulation may wait for another thread (a SQLite store, JavaScript):
//! the clock would move meanwhile.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use uzel_core::{capability::BoxFuture, event::Time};
use uzel_runtime::world::World;

use crate::dice::Dice;

/// When simulations begin: 2026-01-01 UTC.
pub const EPOCH: Time = Time(1_767_225_600_000);

/// The simulated world.
pub struct SimWorld {
    state: Arc<Mutex<State>>,
    ids: AtomicU64,
}

struct State {
    /// Time since [`EPOCH`].
    now: Duration,
    /// By how many milliseconds the wall clock is wrong.
    skew: i64,
    dice: Dice,
    /// Sleepers by their time and an arbitrary number, so that those of one time wake in a seeded order.
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

/// Runs a test in a world with this seed. The work gets the world; what it spawns ends with it.
pub fn run<T, F: Future<Output = T>>(seed: u64, work: impl FnOnce(Arc<SimWorld>) -> F) -> T {
    let world = Arc::new(SimWorld::new(seed));
    let clock = Arc::clone(&world);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park(move || clock.pass())
        .build()
        .expect("a runtime of one thread needs nothing");
    runtime.block_on(work(world))
}

impl SimWorld {
    fn new(seed: u64) -> Self {
        let state = State { now: Duration::ZERO, skew: 0, dice: Dice::new(seed), sleepers: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), ids: AtomicU64::new(0) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing can happen any more at this time: goes to the time of the next sleeper, and wakes it.
    fn pass(&self) {
        let next = {
            let mut state = self.state();
            let next = state.sleepers.pop_first();
            if let Some(((at, _), _)) = &next {
                state.now = state.now.max(*at);
            }
            next
        };
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }

    /// Sets the clock forward, as if the process had not been there for a while. A time that has passed changes nothing.
    pub fn skip_to(&self, time: Time) {
        let mut state = self.state();
        // A clock that was set back may stand before the beginning.
        let since = time.0.saturating_sub(EPOCH.0).saturating_sub(state.skew);
        state.now = state.now.max(Duration::from_millis(u64::try_from(since).unwrap_or(0)));
    }

    /// Somebody sets the wall clock forward or back; the clock that only goes forward does not notice.
    pub fn turn(&self, millis: i64) {
        self.state().skew += millis;
    }

    /// A number from 0 (with) to `most` (without).
    pub fn below(&self, most: u64) -> u64 {
        self.state().dice.below(most)
    }
}

/// A sleeper; it leaves the list when it is dropped, so that nobody's clock is moved for it.
struct Sleep {
    state: Arc<Mutex<State>>,
    until: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.now >= this.until {
            return Poll::Ready(());
        }
        let key = *this.key.get_or_insert_with(|| (this.until, state.dice.bits()));
        state.sleepers.insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).sleepers.remove(&key);
        }
    }
}

impl World for SimWorld {
    fn now(&self) -> Time {
        let state = self.state();
        let Time(now) = EPOCH.plus(state.now);
        Time(now + state.skew)
    }

    fn elapsed(&self) -> Duration {
        self.state().now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let state = Arc::clone(&self.state);
        let until = self.state().now.saturating_add(duration);
        Box::pin(Sleep { state, until, key: None })
    }

    fn random(&self) -> f64 {
        self.state().dice.share()
    }

    fn id(&self) -> String {
        format!("sim{:07}", self.ids.fetch_add(1, Ordering::Relaxed))
    }
}
