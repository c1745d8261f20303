//! Arrays: all matches of the items' kind, within the schema's limits; part of `fill`.

use serde_json::Value;

use super::shape::{Kind, Shape};
use super::{Filled, Filler, Property, Source, limits, references};
use crate::models::offline::answer::finished;
use crate::models::offline::extract::Facts;
use crate::models::offline::ngrams::dot;
use crate::models::offline::sentences::list_item;
use crate::models::offline::words::{is_stopword, stem};

/// Items that an array gets at most, whatever the schema allows.
const MAX_ITEMS: usize = 50;
const KEYWORDS: usize = 8;
const POINTS: usize = 5;

impl Filler<'_> {
    pub(super) fn array(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        depth: usize,
    ) -> Result<Option<Filled>, String> {
        let open = Value::Bool(true);
        let item = schema.get("items").unwrap_or(&open);
        let shape =
            Shape::of(self.root, item).map_err(|cause| format!("{}: {cause}", property.place()))?;
        let get = |key: &str| schema.get(key).and_then(Value::as_u64);
        let most = get("maxItems").map_or(MAX_ITEMS, |most| MAX_ITEMS.min(most as usize));
        let Some(branch) = shape.branches.first().filter(|_| most > 0) else {
            return self.completed(property, schema, Vec::new(), 0.0);
        };
        let mut place = property.clone();
        place.name = place.name.iter().map(|word| singular(word)).collect();
        let mut evidence = 0.8;
        let mut values: Vec<Value> = match &branch.kind {
            Kind::Enum(choices) => {
                let found = self.choose_all(source, property, choices);
                evidence = found
                    .iter()
                    .map(|(_, score)| *score)
                    .fold(0.0, f64::max)
                    .max(0.1);
                found.into_iter().map(|(value, _)| value).collect()
            }
            Kind::Integer => self.quantities(source, property, &branch.schema, true),
            Kind::Number => self.quantities(source, property, &branch.schema, false),
            Kind::Object => self.rows(source, &place, item, most, depth)?,
            Kind::String | Kind::Any => {
                let texts = self.texts(source, &place, &branch.schema);
                let short = texts
                    .into_iter()
                    .map(|text| limits::shortened(&branch.schema, &text));
                short
                    .filter(|text| limits::allows_text(&branch.schema, text))
                    .map(Value::String)
                    .collect()
            }
            Kind::Const(_) | Kind::Boolean | Kind::Array => Vec::new(),
        };
        let mut different: Vec<Value> = Vec::new();
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true))
            || !matches!(branch.kind, Kind::Integer | Kind::Number | Kind::Object);
        for value in values.drain(..) {
            if different.len() < most && !(unique && different.contains(&value)) {
                different.push(value);
            }
        }
        let evidence = if different.is_empty() { 0.0 } else { evidence };
        self.completed(property, schema, different, evidence)
    }

    /// Brings an array to its `minItems`; an empty one is "nothing found".
    fn completed(
        &mut self,
        property: &Property,
        schema: &Value,
        mut items: Vec<Value>,
        evidence: f64,
    ) -> Result<Option<Filled>, String> {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if items.is_empty() {
            return Ok((least == 0).then(|| Filled::new(items, 0.0)));
        }
        let before = items.len();
        limits::fill_up(self.root, schema, &mut items, least, 0)
            .map_err(|cause| format!("{}: {cause}", property.place()))?;
        if items.len() > before {
            self.note(format!(
                "`{}`: {} of {} items stand for nothing found in the text",
                property.path,
                items.len() - before,
                items.len()
            ));
        }
        Ok(Some(Filled::new(items, evidence)))
    }

    /// One object for each list item, line or sentence that has evidence for at least half of its parts.
    fn rows(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        item: &Value,
        most: usize,
        depth: usize,
    ) -> Result<Vec<Value>, String> {
        let text = source.facts.text;
        let listed: Vec<&str> = text
            .lines()
            .filter(|line| list_item(line).is_some())
            .collect();
        let owned: Vec<String>;
        let rows: Vec<&str> = if !listed.is_empty() {
            listed
        } else {
            owned = source
                .sentences
                .iter()
                .map(|sentence| sentence.text.clone())
                .collect();
            owned.iter().map(String::as_str).collect()
        };
        let mut out = Vec::new();
        for row in rows.into_iter().take(MAX_ITEMS * 4) {
            if out.len() >= most {
                break;
            }
            let facts = Facts::of(row);
            let plain = facts.money.is_empty()
                && facts.numbers.is_empty()
                && facts.ids.is_empty()
                && facts.dates.is_empty();
            if plain && list_item(row).is_none() {
                continue;
            }
            let notes = self.notes.len();
            let found = self.find(&Source::of(row, true), property, item, depth + 1)?;
            match found.filter(|found| found.evidence >= 0.25) {
                Some(found) => out.push(found.value),
                None => self.notes.truncate(notes),
            }
        }
        Ok(out)
    }

    fn texts(&mut self, source: &Source<'_>, place: &Property, schema: &Value) -> Vec<String> {
        let facts = &source.facts;
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
        let strings = |values: Vec<Value>| {
            values
                .into_iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect()
        };
        match format {
            "email" => {
                return facts
                    .emails
                    .iter()
                    .map(|found| found.value.clone())
                    .collect();
            }
            "uri" | "url" => return facts.urls.iter().map(|found| found.value.clone()).collect(),
            "date" => return facts.dates.iter().map(|found| found.value.iso()).collect(),
            "date-time" => {
                return facts
                    .dates
                    .iter()
                    .map(|found| found.value.date_time())
                    .collect();
            }
            "" => {}
            _ => return Vec::new(),
        }
        if references::is_reference(place) || schema.get("pattern").is_some() {
            return strings(self.references(source, place, schema));
        }
        if place.named(&["email", "mail"]) {
            return facts
                .emails
                .iter()
                .map(|found| found.value.clone())
                .collect();
        }
        if place.named(&["url", "link"]) {
            return facts.urls.iter().map(|found| found.value.clone()).collect();
        }
        if place.named(&["date"]) {
            return facts.dates.iter().map(|found| found.value.iso()).collect();
        }
        if place.named(&["phone", "telephone"]) {
            return facts
                .phones
                .iter()
                .map(|found| found.value.clone())
                .collect();
        }
        if let Some(said) = super::strings::labelled(facts.text, &place.name) {
            return said
                .split([',', ';'])
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect();
        }
        if place.named(&["keyword", "tag", "topic", "term"]) {
            return keywords(source);
        }
        if place.named(&["question"]) {
            let asked = source
                .sentences
                .iter()
                .filter(|sentence| sentence.text.ends_with(['?', '？', '؟']));
            return asked.map(|sentence| sentence.text.clone()).collect();
        }
        let listed: Vec<String> = facts
            .text
            .lines()
            .filter_map(list_item)
            .map(str::to_owned)
            .collect();
        if !listed.is_empty() {
            return listed;
        }
        if place.named(&[
            "point",
            "fact",
            "highlight",
            "sentence",
            "finding",
            "takeaway",
            "claim",
            "reason",
            "issue",
            "problem",
            "step",
            "summary",
        ]) {
            return points(source);
        }
        Vec::new()
    }
}

/// The English singular of a property's word: `order_ids` asks for each `order_id`.
fn singular(word: &str) -> String {
    match word {
        _ if word.ends_with("ies") && word.len() > 4 => format!("{}y", &word[..word.len() - 3]),
        _ if word.ends_with('s') && !word.ends_with("ss") && word.len() > 2 => {
            word[..word.len() - 1].to_owned()
        }
        _ => word.to_owned(),
    }
}

/// The most frequent words that carry meaning, long ones before short ones, then as in the text.
fn keywords(source: &Source<'_>) -> Vec<String> {
    let mut counts: Vec<(String, &str, usize)> = Vec::new();
    for token in source.facts.tokens.iter().take(3_000) {
        let word = token.word.as_str();
        if is_stopword(word) || word.chars().count() < 3 || word.bytes().any(|b| b.is_ascii_digit())
        {
            continue;
        }
        let key = stem(word);
        let full = counts.len() >= 500;
        match counts.iter_mut().find(|(other, ..)| *other == key) {
            Some((_, _, count)) => *count += 1,
            None if full => {}
            None => counts.push((key, word, 1)),
        }
    }
    counts.sort_by_key(|(_, word, count)| std::cmp::Reverse((*count, word.chars().count().min(8))));
    counts
        .into_iter()
        .take(KEYWORDS)
        .map(|(_, word, _)| word.to_owned())
        .collect()
}

/// The sentences nearest to the whole text, in order.
fn points(source: &Source<'_>) -> Vec<String> {
    let centre = crate::models::offline::ngrams::vector(source.facts.text);
    let scored = source.sentences.iter().take(500).enumerate();
    let mut scored: Vec<(usize, f64)> = scored
        .map(|(at, sentence)| {
            (
                at,
                dot(
                    &crate::models::offline::ngrams::vector(&sentence.text),
                    &centre,
                ),
            )
        })
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate(POINTS);
    scored.sort_by_key(|(at, _)| *at);
    scored
        .into_iter()
        .map(|(at, _)| finished(&source.sentences[at].text, 60))
        .collect()
}
