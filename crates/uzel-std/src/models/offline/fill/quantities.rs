//! Integers, numbers and money: chooses among a text's numbers by the words around them; part of `fill`.

use std::ops::Range;
use std::sync::LazyLock;

use serde_json::Value;

use super::{Filled, Filler, Property, Source, limits};
use crate::models::offline::extract::{Decimal, Facts, number_word};
use crate::models::offline::words::{same_stem, synonyms};

const MONEY: &[&str] = &[
    "amount", "price", "cost", "costs", "usd", "eur", "gbp", "cents", "fee", "total", "subtotal",
    "charge", "balance", "budget", "salary", "payment", "paid", "refund", "betrag", "preis",
    "money",
];
/// Words of a name that say what sort of number it is, not which one.
const GENERIC: &[&str] = &[
    "number",
    "num",
    "count",
    "of",
    "value",
    "amount",
    "cents",
    "usd",
    "eur",
    "gbp",
    "in",
    "the",
    "total",
    "n",
    "id",
    "percent",
    "percentage",
];
/// What is measured, not counted, and what is no thing; folded.
static MEASURES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "second seconds minute minutes min hour hours day days week weeks month months year years am pm ago tag tage
     tagen woche wochen monat monate monaten jahre dias semanas meses anos jours semaines mois ans kg g cm mm m km l
     ml percent stars times of and or in on at to is was but дня днеи недели"
        .split_whitespace()
        .collect()
});
/// How many words around a number are looked at.
const REACH: usize = 5;

impl Filler<'_> {
    pub(super) fn quantity(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        whole: bool,
    ) -> Option<Filled> {
        let facts = &source.facts;
        let cents = property.named(&["cents", "cent", "pence", "minor"]);
        let money = cents || property.named(MONEY);
        let scaled = |amount: Decimal| {
            let value = if cents {
                amount.times_exact(100).map(|units| units as f64)
            } else {
                Some(amount.to_f64())
            };
            value.and_then(|value| limits::number(schema, value, whole))
        };
        let own = specific(property);
        let mut best: Option<Filled> = None;
        let mut offer = |value: Option<Value>, evidence: f64| {
            if let Some(value) = value
                && evidence > best.as_ref().map_or(0.0, |best| best.evidence)
            {
                best = Some(Filled::new(value, evidence.min(1.0)));
            }
        };
        let wanted = ["usd", "eur", "gbp", "chf"]
            .into_iter()
            .find(|code| property.named(&[code]));
        for found in &facts.money {
            let near = nearness(facts, &found.at, &own);
            let other = wanted.is_some_and(|code| !found.value.currency.eq_ignore_ascii_case(code));
            let evidence = if money { 0.6 + 0.4 * near } else { 0.5 * near };
            offer(
                scaled(found.value.amount),
                if other { 0.3 * evidence } else { evidence },
            );
        }
        let reference = super::references::is_reference(property);
        let counting = property.named(&["quantity", "qty", "count", "units", "pieces"]);
        let short = facts.tokens.len() <= 12;
        let alone = facts.numbers.len() == 1 && short && !money && !reference;
        for found in &facts.numbers {
            let near = nearness(facts, &found.at, &own);
            let percent = facts.text[found.at.end..].trim_start().starts_with('%');
            if percent && property.named(&["percent", "percentage", "rate", "discount", "share"]) {
                offer(scaled(found.value), 0.9);
            } else if near > 0.0 && !percent {
                offer(scaled(found.value), 0.4 + 0.5 * near);
            } else if counting && !percent && counts_things(facts, found.at.end) {
                offer(scaled(found.value), 0.5);
            } else if alone
                && !percent
                && !facts.text[..found.at.start]
                    .trim_end()
                    .ends_with([':', '='])
            {
                offer(scaled(found.value), 0.35);
            }
        }
        if reference {
            let value = self
                .reference(source, property, schema)
                .and_then(|found| found.value.as_str()?.parse::<i64>().ok());
            offer(
                value.and_then(|value| limits::number(schema, value as f64, whole)),
                0.8,
            );
        }
        if best.is_none() && !money {
            best = spelled_out(facts, &own, counting)
                .and_then(|value| limits::number(schema, value as f64, whole))
                .map(|value| Filled::new(value, 0.5));
        }
        best
    }

    /// All numbers of the text that the schema allows; money in the schema's unit if the name speaks of money.
    pub(super) fn quantities(
        &self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        whole: bool,
    ) -> Vec<Value> {
        let cents = property.named(&["cents", "cent", "pence"]);
        if cents || property.named(MONEY) || property.named(&["amounts", "prices", "costs", "fees"])
        {
            let all = source.facts.money.iter().filter_map(|found| {
                let amount = found.value.amount;
                let value = if cents {
                    amount.times_exact(100)? as f64
                } else {
                    amount.to_f64()
                };
                limits::number(schema, value, whole)
            });
            return all.collect();
        }
        source
            .facts
            .numbers
            .iter()
            .filter_map(|found| limits::number(schema, found.value.to_f64(), whole))
            .collect()
    }
}

/// The words by which this number, and not another, is known: from the name; from the description if the name is
/// generic. With near synonyms.
fn specific(property: &Property) -> Vec<String> {
    let mut words: Vec<String> = property
        .name
        .iter()
        .filter(|word| !GENERIC.contains(&word.as_str()))
        .cloned()
        .collect();
    if words.is_empty() {
        words = property
            .about
            .iter()
            .filter(|word| !GENERIC.contains(&word.as_str()))
            .take(8)
            .cloned()
            .collect();
    }
    let near: Vec<String> = property
        .name
        .iter()
        .chain(&words)
        .flat_map(|word| synonyms(word))
        .map(str::to_owned)
        .collect();
    words.extend(near);
    words
}

/// 0 to 1: how near one of `words` stands to a place.
pub(super) fn nearness(facts: &Facts<'_>, at: &Range<usize>, words: &[String]) -> f64 {
    let (before, after) = facts.around(at, REACH);
    let side = |list: &[&str], start: f64| {
        let hit = list
            .iter()
            .position(|near| words.iter().any(|word| same_stem(word, near)));
        hit.map_or(0.0, |distance| start - 0.15 * distance as f64)
    };
    // "3 items" binds closer than "items 3", but "total: 3" closer than "3 ... total".
    side(&after, 1.0).max(side(&before, 0.95)).max(0.0)
}

/// Whether a thing follows a number, not a measure of time or size: "3 mugs", not "12 days".
fn counts_things(facts: &Facts<'_>, end: usize) -> bool {
    let next = facts
        .tokens
        .get(facts.tokens.partition_point(|token| token.start < end));
    next.is_some_and(|token| {
        let between = &facts.text[end..token.start];
        between.trim().is_empty()
            && token.word.chars().all(char::is_alphabetic)
            && !MEASURES.contains(&token.word.as_str())
    })
}

/// "two mugs" for `mugs` or `quantity`: a number word right before one of the words.
fn spelled_out(facts: &Facts<'_>, words: &[String], counting: bool) -> Option<i64> {
    facts.tokens.windows(2).find_map(|pair| {
        let value = number_word(&pair[0].word)?;
        let named = words.iter().any(|word| same_stem(word, &pair[1].word));
        (named || counting && value > 1 && !MEASURES.contains(&pair[1].word.as_str()))
            .then_some(value)
    })
}
