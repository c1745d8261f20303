//! What a sentence of a prompt asks a model to do that code does exactly.

mod dates;
mod rule;
mod sum;
mod words;

use super::sentence::{Sentence, Word};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To compute with numbers.
    Sum,
    /// To count or compare days.
    Dates,
    /// To apply a rule with a threshold.
    Rule,
}

/// What is asked in a sentence, if anything.
pub(super) fn asked(sentence: &Sentence) -> Option<Asked> {
    let words = sentence.words.as_slice();
    let all = [(Asked::Dates, dates::dates as fn(&[Word]) -> bool), (Asked::Sum, sum::sum), (Asked::Rule, rule::rule)];
    all.into_iter().find(|(_, asks)| asks(words)).map(|(asked, _)| asked)
}

fn is(word: &Word, list: &[&str]) -> bool {
    list.contains(&word.plain())
}

fn has(words: &[Word], list: &[&str]) -> bool {
    words.iter().any(|word| is(word, list))
}

/// Where one of some words stands in a sentence.
fn places<'w>(words: &'w [Word], list: &'w [&'w str]) -> impl Iterator<Item = usize> + 'w {
    words.iter().enumerate().filter(move |(_, word)| is(word, list)).map(|(at, _)| at)
}

fn from(words: &[Word], at: usize) -> &[Word] {
    words.get(at..).unwrap_or_default()
}

/// The words from a place to the end of the clause, at most so many.
fn clause(words: &[Word], at: usize, most: usize) -> &[Word] {
    let rest = from(words, at);
    let end = rest.iter().position(|word| *word == Word::Stop).unwrap_or(rest.len()).min(most);
    rest.get(..end).unwrap_or_default()
}

/// Whether what stands at a place is denied: "do not calculate".
fn is_denied(words: &[Word], at: usize) -> bool {
    let before = words.get(at.saturating_sub(3)..at).unwrap_or_default();
    before
        .iter()
        .any(|word| matches!(word.plain(), "not" | "never" | "don't" | "cannot" | "can't" | "without" | "avoid"))
}

/// Whether a word at a place can be an order: at the beginning of a clause, or after "and", "then", "please", "to".
fn is_order(words: &[Word], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| words.get(before)) else { return true };
    matches!(before, Word::Stop)
        || is(
            before,
            &["and", "then", "please", "to", "first", "finally", "next", "also", "now", "must", "should", "or"],
        )
}
