//! Random apps, run by the engine and by a second reading of the rules: both must come to the same.

use std::{ops::Range, thread};

use uzel_testkit::model::{Seen, compare};

/// Nodes of the largest apps.
const MOST: usize = 60;
/// Seeds of `make test`.
const SEEDS: u64 = 3_000;

/// Those that `make rules` names; a failure names its own.
#[expect(clippy::disallowed_methods, reason = "a failing seed is played again by naming it")]
fn seeds() -> Range<u64> {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = asked("UZEL_RULES_SEED").unwrap_or(0);
    first..first + asked("UZEL_RULES_COUNT").unwrap_or(SEEDS)
}

#[test]
fn random_apps_do_what_the_rules_say() {
    let seeds = seeds();
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let each = (seeds.end - seeds.start).div_ceil(threads).max(1);
    let parts =
        (0..threads).map(|n| (seeds.start + n * each).min(seeds.end)..(seeds.start + (n + 1) * each).min(seeds.end));
    let results: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = parts.map(|part| scope.spawn(|| compare(part, MOST))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut seen = Seen::default();
    for result in results {
        match result {
            Ok(more) => seen.join(more),
            Err(found) => panic!("{}\nto see it again: make rules seed={} count=1", found.report, found.seed),
        }
    }
    println!("{seen:?}");
    if seeds == (0..SEEDS) {
        everything_happened(&seen);
    }
}

/// A generator that makes only what is easy would find nothing.
fn everything_happened(seen: &Seen) {
    for state in ["ok", "stepped_over", "inactive", "failed", "blocked", "cancelled", "pending", "running", "waiting"] {
        assert!(seen.states.get(state).is_some_and(|count| *count >= 10), "{state} is rare: {seen:?}");
    }
    let constructs = "Probe Route Map Reduce Loop Graph All Any Settle Quorum Deadline Fail Skip Use Run Stop";
    for construct in constructs.split(' ') {
        assert!(seen.constructs.get(construct).is_some_and(|count| *count >= 100), "{construct} is rare: {seen:?}");
    }
}
