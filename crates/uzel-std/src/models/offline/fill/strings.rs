//! Strings: formats, identifiers, `Key: value` lines, names, and sentences for summaries and reasons; part of `fill`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Filled, Filler, Property, Source, limits, references};
use crate::models::offline::answer::{self, ANSWER, Size};
use crate::models::offline::extract::{Date, Found};
use crate::models::offline::language;
use crate::models::offline::words::same_stem;

const ANSWERS: &[&str] = &[
    "answer", "reply", "response", "draft", "body", "content", "output", "result", "text",
    "message",
];
const SUMMARIES: &[&str] = &[
    "summary",
    "reason",
    "explanation",
    "description",
    "rationale",
    "note",
    "notes",
    "comment",
    "problem",
    "issue",
    "abstract",
    "details",
    "evidence",
    "quote",
    "why",
    "reasoning",
    "justification",
    "gist",
    "request",
    "question",
];
const TITLES: &[&str] = &["title", "subject", "headline", "heading", "topic"];
const ONE: Size = Size {
    sentences: 1,
    words: 40,
};
const TITLE_CHARS: usize = 80;

impl Filler<'_> {
    pub(super) fn string(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
    ) -> Option<Filled> {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
        let strict = !format.is_empty() || schema.get("pattern").is_some();
        let found = self.by_kind(source, property, schema, format);
        if let Some(found) = found {
            return allowed(schema, found);
        }
        if strict {
            return labelled(source.facts.text, &property.name)
                .filter(|said| format.is_empty() && limits::allows_text(schema, said))
                .map(|said| Filled::new(said, 0.9));
        }
        if let Some(said) = labelled(source.facts.text, &property.name) {
            return allowed(schema, Filled::new(limits::shortened(schema, said), 0.95));
        }
        if source.is_row {
            return row_text(source).and_then(|text| {
                allowed(schema, Filled::new(limits::shortened(schema, &text), 0.5))
            });
        }
        let text = self.written(source, property)?;
        allowed(
            schema,
            Filled::new(limits::shortened(schema, &text.0), text.1),
        )
    }

    /// Values with a form of their own: dates, addresses, identifiers, currencies.
    fn by_kind(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        format: &str,
    ) -> Option<Filled> {
        let facts = &source.facts;
        let named_date = property.named(&["date", "day", "deadline", "due", "birthday"]);
        match format {
            "date" => return self.date(source, property, Date::iso),
            "date-time" => return self.date(source, property, Date::date_time),
            "email" | "idn-email" => return nearest(source, property, &facts.emails),
            "uri" | "url" | "iri" | "uri-reference" => {
                return nearest(source, property, &facts.urls);
            }
            "" if named_date => {
                if let Some(found) = self.date(source, property, Date::iso) {
                    return Some(found);
                }
            }
            "" => {}
            _ => return None,
        }
        let last = property.name.last().map_or("", String::as_str);
        if property.named(&["email", "mail"]) && last != "body" && last != "subject" {
            return nearest(source, property, &facts.emails);
        }
        if property.named(&["url", "link", "website", "uri", "homepage"]) {
            return nearest(source, property, &facts.urls);
        }
        if property.named(&["phone", "telephone", "mobile", "tel"]) {
            return nearest(source, property, &facts.phones);
        }
        if property.named(&["currency"]) {
            return facts
                .money
                .first()
                .map(|found| Filled::new(found.value.currency, 0.9));
        }
        if property.named(&["language", "lang", "locale"]) {
            return language::of(&facts.tokens).map(|(code, name)| {
                Filled::new(
                    if schema.get("maxLength").is_some() || last != "name" {
                        code
                    } else {
                        name
                    },
                    0.8,
                )
            });
        }
        if references::is_reference(property) || schema.get("pattern").is_some() {
            return self.reference(source, property, schema);
        }
        if last == "name" && !source.is_row {
            return person(facts.text).map(|name| Filled::new(name, 0.8));
        }
        None
    }

    fn date(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        write: impl Fn(&Date) -> String,
    ) -> Option<Filled> {
        let words: Vec<String> = property
            .name
            .iter()
            .chain(&property.about)
            .filter(|word| !matches!(word.as_str(), "date" | "day" | "on" | "at"))
            .cloned()
            .collect();
        let mut best: Option<(&Found<Date>, f64)> = None;
        for found in &source.facts.dates {
            let near = super::quantities::nearness(&source.facts, &found.at, &words);
            if best.is_none_or(|(_, before)| near > before) {
                best = Some((found, near));
            }
        }
        let (found, near) = best?;
        if found.value.ambiguous {
            self.note(format!(
                "`{}`: {} was read as day/month/year",
                property.path,
                &source.facts.text[found.at.clone()]
            ));
        }
        Some(Filled::new(
            write(&found.value),
            (0.7 + 0.3 * near).min(1.0),
        ))
    }

    /// Sentences for properties that want prose: from the documents if there are any, else from the text.
    fn written(&mut self, source: &Source<'_>, property: &Property) -> Option<(String, f64)> {
        let text = source.facts.text;
        let bare = property.path.is_empty();
        if bare || property.named(ANSWERS) {
            return self.answered(text, ANSWER);
        }
        if property.named(TITLES) {
            let heading = source
                .sentences
                .first()
                .map(|sentence| sentence.heading.to_string())
                .filter(|heading| !heading.is_empty());
            let title = heading.unwrap_or_else(|| answer::summarise(text, ONE).text);
            let title = limits::cut(title.trim_end_matches('.'), TITLE_CHARS);
            return (!title.is_empty()).then_some((title, 0.5));
        }
        if property.named(SUMMARIES) {
            let from_text = property.named(&[
                "summary",
                "description",
                "problem",
                "issue",
                "request",
                "question",
                "quote",
                "gist",
                "abstract",
            ]);
            if from_text || self.documents.is_empty() {
                let size = if property.named(&["summary", "abstract", "details"]) {
                    Size {
                        sentences: 2,
                        words: 60,
                    }
                } else {
                    ONE
                };
                let chosen = answer::summarise(text, size);
                return (!chosen.text.is_empty()).then_some((chosen.text, 0.5));
            }
            return self.answered(
                text,
                Size {
                    sentences: 2,
                    words: 60,
                },
            );
        }
        None
    }

    fn answered(&mut self, text: &str, size: Size) -> Option<(String, f64)> {
        let chosen = if self.documents.is_empty() {
            answer::summarise(text, size)
        } else {
            answer::from_documents(text, self.documents, size)
        };
        for source in chosen.sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        (!chosen.text.is_empty()).then_some((chosen.text, chosen.confidence))
    }
}

fn allowed(schema: &Value, found: Filled) -> Option<Filled> {
    let fits = found
        .value
        .as_str()
        .is_none_or(|text| limits::allows_text(schema, text));
    fits.then_some(found)
}

/// The value nearest to the property's words; the first if none is near.
fn nearest(source: &Source<'_>, property: &Property, list: &[Found<String>]) -> Option<Filled> {
    let mut best: Option<(&Found<String>, f64)> = None;
    for found in list {
        let near = super::quantities::nearness(&source.facts, &found.at, &property.name);
        if best.is_none_or(|(_, before)| near > before) {
            best = Some((found, near));
        }
    }
    best.map(|(found, near)| Filled::new(found.value.clone(), (0.8 + 0.2 * near).min(1.0)))
}

/// The value of a line `Key: value` whose key has all words of `name` (or is one of them).
pub(super) fn labelled<'a>(text: &'a str, name: &[String]) -> Option<&'a str> {
    if name.is_empty() {
        return None;
    }
    text.lines().take(2_000).find_map(|line| {
        let line = line
            .trim()
            .trim_start_matches(['-', '*', '•', '>', '#', ' ']);
        let (key, value) = line.split_once([':', '：', '='])?;
        let value = value.trim_start_matches('*').trim();
        if key.chars().count() > 40 || value.is_empty() || value.starts_with("//") {
            return None;
        }
        let key = crate::models::offline::words::name_words(key);
        let all = name
            .iter()
            .all(|word| key.iter().any(|other| same_stem(word, other)));
        (all && key.len() <= name.len() + 1).then_some(value)
    })
}

/// A person's name: `my name is X`, `I am X Y`, `Name: X`, or the line after a sign-off.
fn person(text: &str) -> Option<String> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let name = r"(\p{Lu}[\p{L}'’-]{1,30}(?:[ \t]\p{Lu}[\p{L}'’.-]{0,30}){0,2})";
        let said = r"(?:[Mm]y name is|[Mm]y name's|I am|I'm|[Tt]his is|[Mm]ein Name ist|[Ii]ch bin|[Ii]ch heiße|[Mm]e llamo|[Mm]i nombre es|[Jj]e m'appelle|[Mm]eня зовут|[Мм]еня зовут)\s+";
        let signed = r"(?:[Rr]egards|[Tt]hanks|[Tt]hank you|[Cc]heers|[Ss]incerely|[Bb]est|Grüße|Gruß|Grüßen|[Ss]aludos|[Gg]racias|[Cc]ordialement|[Mm]erci|С уважением)[,.!]?[ \t]*\r?\n\s*(?:[-–—][ \t]*)?";
        Regex::new(&format!("(?:{said}|{signed}){name}")).expect("the pattern is valid")
    });
    PATTERN
        .captures(text)
        .and_then(|found| found.get(1))
        .map(|name| name.as_str().trim_end_matches(['.', '-']).to_owned())
}

/// What a row of a list names, without its numbers: `2 x Blue mug - $12.50` gives `Blue mug`.
fn row_text(source: &Source<'_>) -> Option<String> {
    let facts = &source.facts;
    let text = crate::models::offline::sentences::list_item(facts.text).unwrap_or(facts.text);
    let offset = facts.text.len() - text.len();
    let mut kept = String::new();
    let taken = facts
        .money
        .iter()
        .map(|f| &f.at)
        .chain(facts.numbers.iter().map(|f| &f.at))
        .chain(facts.dates.iter().map(|f| &f.at))
        .chain(facts.ids.iter().map(|f| &f.at));
    let taken: Vec<_> = taken.collect();
    for (at, c) in text.char_indices() {
        if !taken.iter().any(|range| range.contains(&(at + offset))) {
            kept.push(c);
        }
    }
    let edges = |c: char| !c.is_alphanumeric();
    let kept = kept.trim_matches(edges);
    let kept = kept
        .strip_prefix(['x', '×'])
        .filter(|rest| rest.starts_with(' '))
        .unwrap_or(kept);
    let kept = kept
        .strip_suffix(" x")
        .or_else(|| kept.strip_suffix(" for"))
        .unwrap_or(kept)
        .trim_matches(edges);
    (!kept.is_empty()).then(|| kept.split_whitespace().collect::<Vec<_>>().join(" "))
}
