//! What a sentence of a prompt asks a model to do that code does exactly.

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

/// Nouns for what numbers count or measure in business.
const AMOUNTS: &[&str] = &[
    "amount",
    "amounts",
    "balance",
    "bill",
    "charge",
    "charges",
    "cost",
    "costs",
    "discount",
    "discounts",
    "due",
    "fee",
    "fees",
    "income",
    "interest",
    "margin",
    "number",
    "numbers",
    "payment",
    "payments",
    "percentage",
    "premium",
    "price",
    "prices",
    "profit",
    "quantities",
    "quantity",
    "rate",
    "refund",
    "refunds",
    "revenue",
    "salary",
    "score",
    "scores",
    "shipping",
    "subtotal",
    "sum",
    "sums",
    "surcharge",
    "tax",
    "taxes",
    "total",
    "totals",
    "value",
    "values",
    "vat",
    "wage",
];

/// What is computed when it is asked for by name: `the total of`.
const RESULTS: &[&str] = &[
    "average",
    "balance",
    "difference",
    "mean",
    "median",
    "percentage",
    "product",
    "quotient",
    "ratio",
    "remainder",
    "subtotal",
    "sum",
    "total",
];

const TIMES: &[&str] = &[
    "day", "days", "week", "weeks", "month", "months", "year", "years", "hour", "hours", "minutes", "business",
    "working", "calendar",
];

const MONEY: &[&str] =
    &["cent", "cents", "chf", "czk", "dollar", "dollars", "eur", "euro", "euros", "gbp", "pound", "pounds", "usd"];

/// Units of measures, for what is converted.
const MEASURES: &[&str] = &[
    "celsius",
    "fahrenheit",
    "kelvin",
    "km",
    "kilometers",
    "kilometres",
    "miles",
    "kg",
    "grams",
    "kilograms",
    "lbs",
    "meters",
    "metres",
    "feet",
    "inches",
];

/// Units of texts and lists, which models are rightly told to mind.
const WORDING: &[&str] = &[
    "answer",
    "answers",
    "bullet",
    "bullets",
    "character",
    "characters",
    "emoji",
    "emojis",
    "example",
    "examples",
    "heading",
    "headings",
    "idea",
    "ideas",
    "item",
    "items",
    "keyword",
    "keywords",
    "label",
    "labels",
    "language",
    "languages",
    "letters",
    "line",
    "lines",
    "message",
    "messages",
    "name",
    "names",
    "option",
    "options",
    "page",
    "pages",
    "paragraph",
    "paragraphs",
    "part",
    "parts",
    "phrase",
    "phrases",
    "point",
    "points",
    "question",
    "questions",
    "reason",
    "reasons",
    "section",
    "sections",
    "sentence",
    "sentences",
    "source",
    "sources",
    "step",
    "steps",
    "suggestion",
    "suggestions",
    "tag",
    "tags",
    "token",
    "tokens",
    "topic",
    "topics",
    "word",
    "words",
];

/// Verbs that let a model say something, as opposed to decide it.
const TELLS: &[&str] = &[
    "answer",
    "ask",
    "explain",
    "inform",
    "mention",
    "name",
    "offer",
    "remind",
    "reply",
    "respond",
    "say",
    "state",
    "summarise",
    "summarize",
    "tell",
    "thank",
    "translate",
    "write",
];

/// What a rule decides.
const DECIDES: &[&str] = &[
    "accept",
    "accepted",
    "allow",
    "allowed",
    "approval",
    "approve",
    "approved",
    "cancel",
    "charge",
    "classify",
    "decline",
    "declined",
    "deny",
    "denied",
    "discount",
    "eligible",
    "eligibility",
    "escalate",
    "flag",
    "grant",
    "ineligible",
    "mark",
    "permitted",
    "priority",
    "qualifies",
    "qualify",
    "refund",
    "refundable",
    "refuse",
    "refused",
    "reject",
    "rejected",
    "set",
    "upgrade",
    "valid",
    "waive",
];

/// What is asked in a sentence, if anything.
pub(super) fn asked(sentence: &Sentence) -> Option<Asked> {
    let words = sentence.words.as_slice();
    let all = [(Asked::Dates, dates as fn(&[Word]) -> bool), (Asked::Sum, sum), (Asked::Rule, rule)];
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

/// "Calculate the total", "add {{ a }} and {{ b }}", "what is the average".
fn sum(words: &[Word]) -> bool {
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

/// "How many days lie between", "check whether 30 days have passed", "is {{ a }} before {{ b }}".
fn dates(words: &[Word]) -> bool {
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

/// "Approve if the order is less than 30 days old", "refunds over $100 must be rejected".
fn rule(words: &[Word]) -> bool {
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
