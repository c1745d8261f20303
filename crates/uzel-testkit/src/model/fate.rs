//! What happens to each instance that is called, and when: a function of seed and path, so that both sides know it.

use crate::dice::Dice;

/// How often things go wrong, in percent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luck {
    pub(super) fails: u64,
    pub(super) blocks: u64,
    pub(super) left_out: u64,
    pub(super) sleeps: u64,
}

/// What a call ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answers,
    Fails,
    Blocks,
    LeftOut,
    /// It waits so many milliseconds, and is called again.
    Sleeps(u64),
}

/// FNV-1a.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// After how many milliseconds the call of an instance ends, and how. `again` is its second call, after a wait.
pub(super) fn fate(seed: u64, luck: Luck, path: &str, again: bool) -> (u64, Fate) {
    let mut dice = Dice::new(seed ^ hash(&[path, if again { "again" } else { "" }]));
    let after = 1 + dice.below(1_000_000);
    let roll = dice.below(100);
    let mut bound = 0;
    let mut under = |part: u64| {
        bound += part;
        roll < bound
    };
    let fate = if under(luck.fails) {
        Fate::Fails
    } else if under(luck.blocks) {
        Fate::Blocks
    } else if under(luck.left_out) {
        Fate::LeftOut
    } else if !again && under(luck.sleeps) {
        Fate::Sleeps(1 + dice.below(1_000_000))
    } else {
        Fate::Answers
    };
    (after, fate)
}
