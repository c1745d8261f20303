//! Identifiers such as order numbers: chooses among id-like tokens by prefix, `#` and the noun beside them; part of `fill`.

use serde_json::Value;

use super::{Filled, Filler, Property, Source, limits};
use crate::models::offline::extract::Found;
use crate::models::offline::words::{same_stem, synonyms};

const LAST: &[&str] = &[
    "id",
    "ids",
    "number",
    "numbers",
    "no",
    "nr",
    "ref",
    "reference",
    "code",
    "codes",
    "key",
    "sku",
    "skus",
    "identifier",
];
const ALONE: &[&str] = &[
    "order", "orders", "invoice", "invoices", "ticket", "tickets", "tracking", "isbn", "iban",
    "serial", "case", "booking",
];
/// Words between a noun and its number: "order number 1042", "Bestellung Nr. 1042".
const BETWEEN: &[&str] = &[
    "number",
    "no",
    "nr",
    "id",
    "ref",
    "reference",
    "code",
    "is",
    "num",
    "nummer",
    "numero",
    "numéro",
    "the",
    "with",
    "my",
    "ist",
    "es",
    "est",
    "номер",
];

/// Whether a property holds an identifier, by its name.
pub(super) fn is_reference(property: &Property) -> bool {
    let last = property.name.last().map_or("", String::as_str);
    let phone = property.named(&["phone", "telephone", "mobile", "fax"]);
    let number_only =
        property.name.len() == 1 && matches!(last, "number" | "numbers" | "no" | "key" | "code");
    !phone
        && !number_only
        && (LAST.contains(&last) || property.name.len() == 1 && ALONE.contains(&last))
}

impl Filler<'_> {
    /// The identifier that the property asks for.
    pub(super) fn reference(
        &self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
    ) -> Option<Filled> {
        let mut best: Option<Filled> = None;
        for (value, evidence) in ranked(source, property, schema) {
            if best.as_ref().is_none_or(|best| evidence > best.evidence) {
                best = Some(Filled::new(value, evidence));
            }
        }
        best
    }

    /// All identifiers of the sort, in the order of the text.
    pub(super) fn references(
        &self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
    ) -> Vec<Value> {
        ranked(source, property, schema)
            .into_iter()
            .map(|(value, _)| Value::String(value))
            .collect()
    }
}

fn ranked(source: &Source<'_>, property: &Property, schema: &Value) -> Vec<(String, f64)> {
    let nouns: Vec<&str> = property
        .name
        .iter()
        .map(String::as_str)
        .filter(|word| !LAST.contains(word))
        .flat_map(|word| [word].into_iter().chain(synonyms(word)))
        .collect();
    if let Some(Ok(pattern)) = limits::pattern(schema) {
        return by_pattern(source, &nouns, schema, &pattern);
    }
    let scored = source.facts.ids.iter().filter_map(|found| {
        let evidence = evidence(source, found, &nouns);
        (evidence > 0.0 && limits::allows_text(schema, &found.value))
            .then(|| (found.value.clone(), evidence))
    });
    scored.collect()
}

/// How well an id-like token fits the nouns; 0 if it is more likely something else.
fn evidence(source: &Source<'_>, found: &Found<String>, nouns: &[&str]) -> f64 {
    let token = &found.value;
    let marked = source.facts.text[..found.at.start]
        .trim_end()
        .ends_with(['#', '№']);
    let prefix: String = token
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_ascii_lowercase();
    let mixed = !prefix.is_empty() && token.len() > prefix.len();
    let (before, after) = source.facts.around(&found.at, 4);
    let mut near = None;
    for (distance, word) in before.iter().enumerate() {
        if nouns.iter().any(|noun| same_stem(noun, word)) {
            near = Some(distance);
            break;
        }
        if !BETWEEN.contains(word) && distance > 1 {
            break;
        }
    }
    let own_prefix = prefix.len() >= 2 && nouns.iter().any(|noun| noun.starts_with(&prefix));
    let direct = near.is_some_and(|distance| {
        distance == 0 || before[..distance].iter().all(|word| BETWEEN.contains(word))
    });
    let unit = after
        .first()
        .is_some_and(|word| nouns.iter().any(|noun| same_stem(noun, word)));
    // "2 orders" counts orders; a short bare number right after the noun names one only with a mark or three digits.
    let bare = token.bytes().all(|b| b.is_ascii_digit());
    let long = token.len() >= 3;
    match (own_prefix, direct, near.is_some()) {
        (true, _, _) => 1.0,
        (_, true, _) if !bare || marked || long => 0.95,
        (_, _, true) if mixed || marked => 0.7,
        _ if unit && bare => 0.0,
        _ if nouns.is_empty() && (mixed || marked) => 0.6,
        _ if marked && long => 0.5,
        _ if mixed
            && long
            && token.bytes().filter(u8::is_ascii_digit).count() >= 3
            && near_none(&before) =>
        {
            0.4
        }
        _ => 0.0,
    }
}

/// Whether no other thing's name stands right before the token ("invoice A-77" is no order id).
fn near_none(before: &[&str]) -> bool {
    let first = before
        .iter()
        .find(|word| !BETWEEN.contains(word))
        .copied()
        .unwrap_or("");
    ![
        "invoice", "order", "ticket", "customer", "tracking", "account", "rechnung", "factura",
        "facture", "model", "version",
    ]
    .iter()
    .any(|noun| same_stem(noun, first))
}

/// Everything that the schema's own pattern accepts, nearest to the noun first in evidence.
fn by_pattern(
    source: &Source<'_>,
    nouns: &[&str],
    schema: &Value,
    pattern: &regex::Regex,
) -> Vec<(String, f64)> {
    let text = source.facts.text;
    let loose = pattern
        .as_str()
        .trim_start_matches('^')
        .trim_end_matches('$');
    let loose = regex::RegexBuilder::new(loose)
        .size_limit(1 << 20)
        .build()
        .ok();
    let inside = loose
        .iter()
        .flat_map(|loose| loose.find_iter(text))
        .map(|found| found.range())
        .filter(|at| {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            !(text[..at.start].ends_with(word) && text[at.start..].starts_with(word))
                && !(text[..at.end].ends_with(word) && text[at.end..].starts_with(word))
        });
    let mut out: Vec<(String, f64)> = Vec::new();
    for at in inside.take(200) {
        let near = super::quantities::nearness(
            &source.facts,
            &at,
            &nouns
                .iter()
                .map(|noun| (*noun).to_owned())
                .collect::<Vec<_>>(),
        );
        let value = text[at].to_owned();
        if !value.is_empty()
            && limits::allows_text(schema, &value)
            && !out.iter().any(|(other, _)| *other == value)
        {
            out.push((value, 0.7 + 0.3 * near));
        }
    }
    if out.is_empty() {
        // People type "ord-123" for ORD-123.
        let upper = source
            .facts
            .ids
            .iter()
            .map(|found| found.value.to_uppercase());
        out.extend(
            upper
                .filter(|value| limits::allows_text(schema, value))
                .map(|value| (value, 0.6)),
        );
    }
    out
}
