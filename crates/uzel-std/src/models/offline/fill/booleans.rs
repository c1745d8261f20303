//! Booleans by evidence: the property's words in a sentence, turned around by a negation; part of `fill`.

use super::{Filled, Filler, Property, Source, limits};
use crate::models::offline::classify::{Label, choose};
use crate::models::offline::ngrams::{Token, tokens};
use crate::models::offline::words::{is_negation, is_stopword, same_stem, synonyms};

/// Words of a name or description that only say that it is a question.
const EMPTY: &[&str] = &[
    "true",
    "false",
    "whether",
    "wants",
    "want",
    "wanted",
    "needs",
    "need",
    "customer",
    "user",
    "person",
    "message",
    "text",
    "flag",
    "contains",
    "contain",
    "mentions",
    "mention",
    "includes",
    "only",
    "yes",
    "requested",
    "asks",
    "asked",
    "set",
    "ticket",
    "email",
    "otherwise",
    "says",
];
const YES: &[&str] = &["yes", "true", "y", "ja", "si", "oui", "да", "1", "x"];
const NO: &[&str] = &["no", "false", "n", "nein", "non", "нет", "0", "none"];
/// A negation turns a word around that comes at most so many words after it, or two before it.
const REACH: usize = 4;

impl Filler<'_> {
    pub(super) fn boolean(&mut self, source: &Source<'_>, property: &Property) -> Option<Filled> {
        if let Some(said) = super::strings::labelled(source.facts.text, &property.name) {
            let first = tokens(said)
                .into_iter()
                .next()
                .map(|token| token.word)
                .unwrap_or_default();
            if YES.contains(&first.as_str()) || NO.contains(&first.as_str()) {
                return Some(Filled::new(YES.contains(&first.as_str()), 1.0));
            }
        }
        if let Some(learned) = self.boolean_by_examples(source, property) {
            return Some(learned);
        }
        let negated_name = property.name.iter().any(|word| is_negation(word));
        let name = content(&property.name);
        let about = content(&property.about);
        let mut best: Option<(bool, f64)> = None;
        for sentence in &source.sentences {
            let words = tokens(&sentence.text);
            let by_name = coverage(&words, &name, true);
            let by_about = coverage(&words, &about, false);
            let (share, at) = if by_name.0 >= by_about.0 {
                by_name
            } else {
                by_about
            };
            if share >= 0.5 && best.is_none_or(|(_, before)| share > before) {
                best = Some((!negated(&words, at), share));
            }
        }
        best.map(|(said, share)| Filled::new(said != negated_name, 0.4 + 0.4 * share))
    }

    /// Two kinds of examples are better evidence than words.
    fn boolean_by_examples(&self, source: &Source<'_>, property: &Property) -> Option<Filled> {
        let read = |value: &serde_json::Value| value.as_bool().map(usize::from);
        let examples = self.examples_at(property, read);
        if examples.len() < 4
            || !examples.iter().any(|(_, at)| *at == 0)
            || !examples.iter().any(|(_, at)| *at == 1)
        {
            return None;
        }
        let label = |name: &str, description: String| Label {
            name: name.to_owned(),
            description,
        };
        let said = [property.name.join(" "), property.about.join(" ")].join(" ");
        let choice = choose(
            source.facts.text,
            &limits::texts(&source.sentences),
            &[label("0", String::new()), label("1", said)],
            &examples,
        );
        choice
            .evidence
            .then(|| Filled::new(choice.index == 1, choice.confidence()))
    }
}

fn content(words: &[String]) -> Vec<&str> {
    words
        .iter()
        .map(String::as_str)
        .filter(|word| !is_stopword(word) && !EMPTY.contains(word) && !is_negation(word))
        .collect()
}

/// The share of `wanted` (with near synonyms, if `wide`) that stands in the sentence, and where the first of them is.
fn coverage(sentence: &[Token], wanted: &[&str], wide: bool) -> (f64, usize) {
    if wanted.is_empty() {
        return (0.0, 0);
    }
    let mut first = None;
    let mut hits = 0.0;
    for word in wanted {
        let exact = sentence
            .iter()
            .position(|token| same_stem(&token.word, word));
        let found = exact.map(|at| (at, 1.0)).or_else(|| {
            let others = if wide { synonyms(word) } else { Vec::new() };
            let meaning = |token: &Token| {
                !is_stopword(&token.word)
                    && others.iter().any(|other| same_stem(&token.word, other))
            };
            sentence.iter().position(meaning).map(|at| (at, 0.7))
        });
        if let Some((at, weight)) = found {
            hits += weight;
            first = Some(first.map_or(at, |first: usize| first.min(at)));
        }
    }
    (hits / wanted.len() as f64, first.unwrap_or(0))
}

/// Whether a negation stands shortly before the word at `at`, or right after it ("funktioniert nicht").
fn negated(sentence: &[Token], at: usize) -> bool {
    let before = sentence[at.saturating_sub(REACH)..at]
        .iter()
        .filter(|token| is_negation(&token.word))
        .count();
    let after = sentence[(at + 1).min(sentence.len())..]
        .iter()
        .take(2)
        .filter(|token| is_negation(&token.word))
        .count();
    // "ne ... pas" and "don't ... no" are one negation, not two.
    before + after > 0
}
