//! Sentences that ask a model to compute with numbers.

use super::{
    super::sentence::Word,
    clause, from, has, is, is_denied, is_order, places,
    words::{AMOUNTS, MEASURES, MONEY, RESULTS, WORDING},
};

/// "Calculate the total", "add {{ a }} and {{ b }}", "what is the average".
pub(super) fn sum(words: &[Word]) -> bool {
    orders(words) || asks_for_result(words) || operators(words) || percent(words)
}

fn orders(words: &[Word]) -> bool {
    let numeric = |words: &[Word]| words.iter().any(|word| word.is_amount() || is(word, AMOUNTS) || is(word, MONEY));
    let ordered = |list: &'static [&'static str], fits: &dyn Fn(&[Word]) -> bool| {
        places(words, list).any(|at| is_order(words, at) && !is_denied(words, at) && fits(clause(words, at + 1, 14)))
    };
    ordered(&["calculate", "compute", "recalculate", "recompute", "tally"], &|rest| !rest.is_empty())
        || ordered(&["subtract", "deduct", "multiply"], &numeric)
        || ordered(&["sum", "total"], &|rest| {
            // "Sum up the article" is no sum.
            rest.iter().any(|word| word.is_amount() || is(word, AMOUNTS) && !is(word, &["value", "number"]))
        })
        || ordered(&["add"], &|rest| {
            let up = rest.first().is_some_and(|word| word.plain() == "up");
            let two = rest.iter().filter(|word| word.is_amount()).count() > 1;
            let percent = rest.iter().any(|word| matches!(word, Word::Number { sign: Some('%') }));
            up && numeric(rest)
                || two && has(rest, &["to", "and"]) && !has(rest, WORDING)
                || percent
                || has(rest, &["vat", "tax", "taxes", "shipping", "fee", "fees", "surcharge"])
                    && has(rest, &["to"])
                    && has(rest, RESULTS)
        })
        || ordered(&["divide"], &|rest| has(rest, &["by"]) && numeric(rest))
        || ordered(&["average"], &|rest| numeric(rest))
        || ordered(&["round"], &|rest| has(rest, &["nearest", "decimal", "decimals", "cent", "cents"]))
        || ordered(&["convert"], &|rest| {
            let unit = |word: &&Word| is(word, MONEY) || is(word, MEASURES);
            has(rest, &["to", "into"]) && rest.iter().filter(unit).count() > 0
        })
        || ordered(
            &["determine", "find", "give", "return", "output", "report", "state", "provide", "work", "figure"],
            &|rest| {
                places(rest, RESULTS)
                    .any(|at| from(rest, at + 1).first().is_some_and(|word| matches!(word.plain(), "of" | "between")))
                    && numeric(rest)
            },
        )
}

/// "What is the total of", "how much does it cost with", "what percentage of".
fn asks_for_result(words: &[Word]) -> bool {
    places(words, &["what", "what's"]).any(|at| {
        let rest = clause(words, at + 1, 8);
        let of = |at: usize| {
            from(rest, at + 1)
                .first()
                .is_some_and(|word| matches!(word.plain(), "of" | "between" | "after" | "including"))
        };
        let percentage = rest.first().is_some_and(|word| matches!(word.plain(), "percentage" | "fraction"));
        let found = places(rest, RESULTS).find(|at| of(*at));
        percentage && has(rest, &["of"]) || found.is_some()
    }) || places(words, &["how"]).any(|at| {
        let rest = from(words, at + 1);
        rest.first().is_some_and(|word| word.plain() == "much")
            && has(rest, &["total", "altogether", "remains", "left", "owe", "owes", "owed", "refunded"])
            && rest.iter().any(Word::is_amount)
    })
}

/// `{{ a }} * 2`.
fn operators(words: &[Word]) -> bool {
    words.windows(3).any(|three| {
        let [left, Word::Sign(sign @ ("*" | "+")), right] = three else { return false };
        let named =
            |word: &Word| matches!(word, Word::Value(source) if AMOUNTS.iter().any(|noun| source.contains(noun)));
        let is_value = |word: &Word| matches!(word, Word::Value(_));
        // Texts are joined with `+` too.
        let counts = *sign == "*" || named(left) || named(right);
        left.is_amount() && right.is_amount() && (is_value(left) || is_value(right)) && counts
    })
}

/// "Apply a 10% discount", "reduce the price by 15%".
fn percent(words: &[Word]) -> bool {
    let verbs = &["apply", "reduce", "increase", "decrease", "lower", "raise", "deduct", "take", "charge", "add"];
    places(words, verbs).any(|at| {
        let rest = clause(words, at + 1, 10);
        let part = rest.iter().any(|word| matches!(word, Word::Number { sign: Some('%') }))
            || rest.windows(2).any(|two| {
                two.first().is_some_and(Word::is_amount) && two.get(1).is_some_and(|w| w.plain() == "percent")
            });
        is_order(words, at) && !is_denied(words, at) && part && (has(rest, AMOUNTS) || has(rest, &["off", "by"]))
    })
}
