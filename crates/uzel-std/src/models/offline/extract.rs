//! Finds the plain facts of a text in one pass: numbers, money, dates, addresses, ids. `fill` chooses among them.

mod dates;
mod ids;
mod numbers;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

pub(crate) use dates::Date;
pub(crate) use numbers::{Decimal, number_word};

use super::ngrams::{Token, tokens};

/// Facts of one kind beyond this number are not kept.
const MAX_FACTS: usize = 500;

/// What was found at one place of the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<T> {
    /// The place in the text, in bytes, at character boundaries.
    pub at: Range<usize>,
    pub value: T,
}

/// An amount with its currency as an ISO 4217 code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Money {
    pub amount: Decimal,
    pub currency: &'static str,
}

/// Everything found in a text. A stretch of text is of one kind only: a digit of a date is no number.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token>,
    pub emails: Vec<Found<String>>,
    pub urls: Vec<Found<String>>,
    pub dates: Vec<Found<Date>>,
    pub phones: Vec<Found<String>>,
    pub money: Vec<Found<Money>>,
    pub numbers: Vec<Found<Decimal>>,
    /// Tokens that look like an identifier: a digit in them, and letters, a `#` or a noun nearby.
    pub ids: Vec<Found<String>>,
}

impl<'a> Facts<'a> {
    /// Reads `text` once per kind of fact; linear in its length.
    pub(crate) fn of(text: &'a str) -> Self {
        let mut taken = Taken::default();
        let emails = take(text, email_pattern(), &mut taken, |found| {
            Some(found.to_owned())
        });
        let urls = take(text, url_pattern(), &mut taken, |found| {
            Some(found.to_owned())
        });
        let dates = dates::find(text, &mut taken);
        let money = numbers::find_money(text, &mut taken);
        let phones = ids::find_phones(text, &mut taken);
        let ids = ids::find(text, &taken);
        let numbers = numbers::find(text, &taken);
        Self {
            text,
            tokens: tokens(text),
            emails,
            urls,
            dates,
            phones,
            money,
            numbers,
            ids,
        }
    }

    /// The folded words before (nearest first) and after a place, within its clause, at most `reach` each.
    pub(crate) fn around(&self, at: &Range<usize>, reach: usize) -> (Vec<&str>, Vec<&str>) {
        let first = self.tokens.partition_point(|token| token.end <= at.start);
        let last = self.tokens.partition_point(|token| token.start < at.end);
        let clear = |from: usize, to: usize| from <= to && is_one_clause(&self.text[from..to]);
        let before = self.tokens[..first].iter().rev().take(reach);
        let before = before
            .take_while(|token| clear(token.start, at.start))
            .map(|token| token.word.as_str())
            .collect();
        let after = self.tokens[last.max(first)..].iter().take(reach);
        let after = after
            .take_while(|token| {
                clear(at.end, token.start) && !self.text[at.end..token.start].contains(',')
            })
            .map(|token| token.word.as_str())
            .collect();
        (before, after)
    }
}

/// Whether a stretch has no end of a sentence or line in it. The point of "Nr. 12" or "no. 12" is none.
fn is_one_clause(text: &str) -> bool {
    let numbered = |at: usize| {
        let word = text[..at]
            .rsplit(|c: char| !c.is_alphabetic())
            .next()
            .unwrap_or("");
        ["no", "nr", "num", "ref"]
            .iter()
            .any(|short| word.eq_ignore_ascii_case(short))
    };
    !text.contains([';', '!', '?', '\n', '。'])
        && text.match_indices(". ").all(|(at, _)| numbered(at))
}

/// The stretches of a text that already have a kind, sorted.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<Range<usize>>);

impl Taken {
    fn is_free(&self, at: &Range<usize>) -> bool {
        let next = self.0.partition_point(|range| range.end <= at.start);
        self.0.get(next).is_none_or(|range| range.start >= at.end)
    }

    fn add(&mut self, at: Range<usize>) {
        let place = self.0.partition_point(|range| range.start < at.start);
        self.0.insert(place, at);
    }
}

/// All free matches of `pattern` that `read` accepts; they are taken.
fn take<T>(
    text: &str,
    pattern: &Regex,
    taken: &mut Taken,
    read: impl Fn(&str) -> Option<T>,
) -> Vec<Found<T>> {
    let mut out = Vec::new();
    for found in pattern.find_iter(text) {
        let matched = found
            .as_str()
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '"']);
        let at = found.start()..found.start() + matched.len();
        if out.len() >= MAX_FACTS || at.is_empty() || !taken.is_free(&at) {
            continue;
        }
        if let Some(value) = read(matched) {
            taken.add(at.clone());
            out.push(Found { at, value });
        }
    }
    out
}

fn email_pattern() -> &'static Regex {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[A-Za-z0-9](?:[A-Za-z0-9_+-]|\.[A-Za-z0-9_+-]){0,62}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}").expect("the pattern is valid")
    });
    &PATTERN
}

fn url_pattern() -> &'static Regex {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bhttps?://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*)?(?:[?#][A-Za-z0-9\-._~!$&'()*+,;=:@/?#]*)?").expect("the pattern is valid")
    });
    &PATTERN
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let facts = Facts::of(text);
        let mut out = String::new();
        for (kind, list) in [
            ("email", &facts.emails),
            ("url", &facts.urls),
            ("phone", &facts.phones),
            ("id", &facts.ids),
        ] {
            for found in list {
                out += &format!("{kind} {}\n", found.value);
            }
        }
        for found in &facts.dates {
            out += &format!(
                "date {}{}\n",
                found.value.iso(),
                if found.value.ambiguous {
                    " (ambiguous)"
                } else {
                    ""
                }
            );
        }
        for found in &facts.money {
            out += &format!("money {} {}\n", found.value.amount, found.value.currency);
        }
        for found in &facts.numbers {
            out += &format!("number {}\n", found.value);
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn money() {
        check(
            "$12.50, 12,50 €, EUR 12, 1.234,56 EUR, $1,234.56, €1.234, 1 234,50 €, CHF 1'000.-, 20 dollars, £5, 3000円, 500 руб.",
            expect![[r"
                money 12.50 USD
                money 12.50 EUR
                money 12 EUR
                money 1234.56 EUR
                money 1234.56 USD
                money 1234 EUR
                money 1234.50 EUR
                money 1000 CHF
                money 20 USD
                money 5 GBP
                money 3000 JPY
                money 500 RUB
            "]],
        );
        check("US$ 7, 12€50, -$5, USD12.5k", expect![[r"
            id USD12.5k
            money 7 USD
            money 12 EUR
            money -5 USD
        "]]);
    }

    #[test]
    fn dates() {
        check(
            "2026-03-12, 12 March 2026, March 12th, 2026; 12. März 2026, 12 de marzo de 2026, 12 mars 2026, 12 марта 2026",
            expect![[r"
                date 2026-03-12
                date 2026-03-12
                date 2026-03-12
                date 2026-03-12
                date 2026-03-12
                date 2026-03-12
                date 2026-03-12
            "]],
        );
        check(
            "03/12/2026, 25/12/2026, 12/25/2026, 12.03.2026, 5.6.26, 2026/03/12, 2026年3月12日",
            expect![[r"
                date 2026-12-03 (ambiguous)
                date 2026-12-25
                date 2026-12-25
                date 2026-03-12
                date 2026-06-05
                date 2026-03-12
                date 2026-03-12
            "]],
        );
        check(
            "2026-02-30, 31.04.2026, 99/99/2026, 1.2.3, 2026-03-12T10:20:30Z",
            expect![[r"
                id 2026-02-30
                id 99/99/2026
                date 2026-03-12
            "]],
        );
    }

    #[test]
    fn addresses_and_ids() {
        check(
            "Write to anna.b+x@mail.example.com. See https://shop.example/a?b=1. Or call +49 30 1234567 or (555) 123-4567.",
            expect![[r"
                email anna.b+x@mail.example.com
                url https://shop.example/a?b=1
                phone +49 30 1234567
                phone (555) 123-4567
            "]],
        );
        check(
            "order A-1042, order #1043, Bestellung 1044, ord_12ab, invoice no. 77, my 2 items, COVID-19, 4111 1111 1111 1111",
            expect![[r"
                id A-1042
                id 1043
                id 1044
                id ord_12ab
                id 77
                id COVID-19
                number 1044
                number 77
                number 2
            "]],
        );
    }

    #[test]
    fn numbers() {
        check(
            "3 items, 1,234 points, 1.5 kg, 10%, -4 degrees, 1.234.567, v2.1.0, 12:30, ٣, ½",
            expect![[r"
                id v2.1.0
                number 3
                number 1234
                number 1.5
                number 10
                number -4
                number 1234567
            "]],
        );
    }
}
