//! Sentences that ask a model to apply a rule with a threshold.

use super::{
    super::sentence::Word,
    clause, from, has, is, is_denied, is_order, places,
    words::{AMOUNTS, DECIDES, MEASURES, MONEY, TELLS, TIMES, WORDING},
};

/// "Approve if the order is less than 30 days old", "refunds over $100 must be rejected".
pub(super) fn rule(words: &[Word]) -> bool {
    let begins = &["if", "when", "whenever", "unless", "whether", "once", "where"];
    let conditional = places(words, begins).any(|at| thresholds(condition(words, at + 1)));
    let told = words.first().is_some_and(|word| is(word, TELLS))
        || places(words, TELLS).any(|at| {
            is_order(words, at)
                && from(words, at + 1)
                    .first()
                    .is_some_and(|word| matches!(word.plain(), "that" | "them" | "the" | "how" | "why"))
                && !has(words, begins)
        });
    conditional || !told && decides(words) && thresholds(words)
}

/// The condition that begins at a place: up to the end of the clause, or to what is to be said.
fn condition(words: &[Word], at: usize) -> &[Word] {
    let clause = clause(words, at, 24);
    let end = clause.iter().position(|word| is(word, TELLS) || word.plain() == "then").unwrap_or(clause.len());
    clause.get(..end).unwrap_or_default()
}

/// Whether a sentence says what is to become of something.
fn decides(words: &[Word]) -> bool {
    let must = ["must", "should", "need", "needs", "require", "requires", "only", "are", "is", "cannot", "may", "can"];
    let order =
        places(words, DECIDES).any(|at| is_order(words, at) && !is_denied(words, at) && from(words, at + 1).len() > 3);
    let ruled = places(words, DECIDES).any(|at| has(words.get(at.saturating_sub(3)..at).unwrap_or_default(), &must));
    order || ruled
}

/// Whether an amount is compared: "more than 30 days", "over 100 EUR", "> {{ limit }}".
fn thresholds(words: &[Word]) -> bool {
    (0..words.len()).any(|at| {
        let rest = from(words, at);
        compared(rest).is_some_and(|length| {
            let before = words.get(at.saturating_sub(6)..at).unwrap_or_default();
            is_quantity(before, from(rest, length)) && !is_of_doubt(words)
        })
    })
}

/// The number of words that compare, if a list begins with such.
fn compared(words: &[Word]) -> Option<usize> {
    let [first, rest @ ..] = words else { return None };
    if matches!(first, Word::Sign("<")) {
        return Some(1);
    }
    let second = rest.first().map(Word::plain).unwrap_or_default();
    let third = rest.get(1).map(Word::plain).unwrap_or_default();
    match (first.plain(), second) {
        (
            "more" | "less" | "fewer" | "greater" | "higher" | "lower" | "older" | "younger" | "longer" | "larger"
            | "bigger",
            "than",
        ) => Some(2),
        ("at", "least" | "most") => Some(2),
        ("greater" | "less", "or") if third == "equal" => Some(4),
        ("exceeds" | "exceed" | "over" | "above" | "below" | "under" | "within" | "exceeding" | "beyond", "the") => {
            Some(2)
        }
        ("exceeds" | "exceed" | "over" | "above" | "below" | "under" | "within" | "exceeding" | "beyond", _) => Some(1),
        ("between", _) => Some(1),
        _ => None,
    }
}

/// Whether an amount of something that business counts follows: not of words, and not of messages.
fn is_quantity(before: &[Word], words: &[Word]) -> bool {
    let words = match words.first().map(Word::plain) {
        Some("last" | "past" | "first" | "the" | "a" | "an" | "another") => from(words, 1),
        _ => words,
    };
    let Some(amount) = words.first() else { return false };
    let unit: Vec<&Word> = words.iter().skip(1).take(3).take_while(|word| **word != Word::Stop).collect();
    let unit_is = |list: &[&str]| unit.iter().any(|word| is(word, list));
    let worded =
        unit.first().is_some_and(|word| is(word, WORDING)) || unit.get(1).is_some_and(|word| is(word, WORDING));
    let signed = matches!(amount, Word::Number { sign: Some(_) });
    let number = amount.is_amount() || is(amount, SPELT) && unit_is(TIMES);
    let subject = matches!(before.last(), Some(Word::Value(_)))
        || has(before, AMOUNTS)
        || has(
            before,
            &["order", "age", "spent", "spend", "claim", "distance", "weight", "weighs", "temperature", "purchase"],
        );
    number
        && !worded
        && (signed || unit_is(TIMES) || unit_is(MONEY) || unit_is(MEASURES) || unit_is(&["percent"]) || subject)
}

/// Numbers in words; the small ones mean no amount as often as not.
const SPELT: &[&str] = &[
    "two", "three", "four", "five", "six", "seven", "ten", "twelve", "fourteen", "twenty", "thirty", "sixty", "ninety",
    "hundred",
];

/// How sure a model is it must say itself.
fn is_of_doubt(words: &[Word]) -> bool {
    has(words, &["sure", "confidence", "confident", "certain", "certainty", "likely", "probability"])
}
