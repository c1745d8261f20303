//! Random apps, run by the engine and by a second reading of the rules: both must come to the same.

use std::ops::Range;

use uzel_testkit::model::{Seen, compare};

/// Nodes of the largest apps.
const MOST: usize = 60;

/// So many seeds, from the one that `make rules seed=N` names; a failure names its own.
#[expect(clippy::disallowed_methods, reason = "a failing seed is played again by naming it")]
fn seeds(count: u64) -> Range<u64> {
    match std::env::var("UZEL_RULES_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

#[test]
fn random_apps_do_what_the_rules_say() {
    let mut seen = Seen::default();
    for seed in seeds(3_000) {
        if let Err(found) = compare(seed, MOST, &mut seen) {
            panic!("{}\nto see it again: make rules seed={seed}", found.report);
        }
    }
    println!("{seen:?}");
}
