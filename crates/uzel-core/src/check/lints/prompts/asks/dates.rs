//! Sentences that ask a model to count days or to compare dates.

use super::{
    super::sentence::Word,
    from, has, is, is_denied, is_order, places,
    words::{TELLS, TIMES},
};

/// "How many days lie between", "check whether 30 days have passed", "is {{ a }} before {{ b }}".
pub(super) fn dates(words: &[Word]) -> bool {
    counts_days(words) || compares_dates(words)
}

fn counts_days(words: &[Word]) -> bool {
    let asked = |at: usize| {
        let before = words.get(at.saturating_sub(2)..at).unwrap_or_default();
        has(before, &["many", "number"])
            && (has(words, &["how", "number"]))
            && has(
                from(words, at + 1),
                &[
                    "since",
                    "between",
                    "until",
                    "till",
                    "passed",
                    "elapsed",
                    "ago",
                    "from",
                    "left",
                    "remain",
                    "remaining",
                    "old",
                ],
            )
    };
    let orders = &["count", "calculate", "compute", "determine", "work", "figure"];
    let counted = |at: usize| {
        let rest = from(words, at + 1);
        places(rest, TIMES).any(|day| {
            has(from(rest, day + 1), &["since", "between", "until", "passed", "elapsed", "left", "remaining"])
        })
    };
    places(words, TIMES).any(asked)
        || places(words, orders).any(|at| is_order(words, at) && !is_denied(words, at) && counted(at))
}

/// Words that say of a value in braces that it is a day.
const DAY_WORDS: &[&str] =
    &["date", "day", "time", "today", "now", "deadline", "expir", "due", "_on", "_at", "birth", "since", "until"];

fn is_day(word: &Word) -> bool {
    match word {
        Word::Value(source) => DAY_WORDS.iter().any(|part| source.contains(part)),
        Word::Plain(word) => matches!(word.as_str(), "today" | "today's" | "deadline" | "now"),
        _ => false,
    }
}

fn compares_dates(words: &[Word]) -> bool {
    let days = words.iter().filter(|word| is_day(word)).count();
    let asks = has(
        words,
        &["if", "whether", "check", "determine", "decide", "compare", "is", "was", "has", "verify", "which"],
    );
    if days == 0 || !asks || words.first().is_some_and(|word| is(word, TELLS)) {
        return false;
    }
    let compares = places(words, &["compare"]).any(|at| is_order(words, at)) && has(words, &["date", "dates", "days"]);
    let weighs = has(words, &["whether", "check", "determine", "decide", "verify"]);
    let expired = has(words, &["expired", "overdue", "lapsed"]) && weighs;
    let order = places(words, &["before", "after", "earlier", "later", "past", "overdue", "expired", "newer", "older"])
        .any(|at| {
            let near = words.get(at.saturating_sub(5)..(at + 4).min(words.len())).unwrap_or_default();
            near.iter().any(is_day) && !has(near, &["reply", "answer", "respond"])
        });
    compares || expired || order && (days > 1 || weighs)
}
