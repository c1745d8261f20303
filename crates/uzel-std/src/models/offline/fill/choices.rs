//! Enums: collects what is known about each label and asks `classify`; part of `fill`.

use serde_json::Value;

use super::{Filled, Filler, Property, Source, limits, strings};
use crate::models::offline::language;
use crate::models::offline::classify::{Choice, Label, choose};
use crate::models::offline::words::{name_words, same_stem};

impl Filler<'_> {
    pub(super) fn choose(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        choices: &[(Value, String)],
    ) -> Option<Filled> {
        if let Some(value) = direct(source, property, choices) {
            return Some(Filled::new(value, 0.95));
        }
        let (choice, _) = self.classified(source, property, choices);
        // Without evidence the guess stays, but only where nothing else (null, a default) may stand.
        choice
            .evidence
            .then(|| Filled::new(choices[choice.index].0.clone(), choice.confidence()))
    }

    /// All labels that the text speaks of; for an array of enums.
    pub(super) fn choose_all(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        choices: &[(Value, String)],
    ) -> Vec<(Value, f64)> {
        let (choice, labels) = self.classified(source, property, choices);
        let named = |label: &Label| {
            let words = name_words(&label.name);
            !words.is_empty()
                && words.iter().all(|word| {
                    source
                        .facts
                        .tokens
                        .iter()
                        .any(|token| same_stem(&token.word, word))
                })
        };
        let likely = choice.confidence() * 0.6;
        let kept = choices
            .iter()
            .zip(&labels)
            .enumerate()
            .filter(|(index, (_, label))| {
                named(label)
                    || choice.evidence
                        && choice.scores.get(*index).is_some_and(|score| {
                            *score >= likely && *score > 1.2 / labels.len() as f64
                        })
            });
        kept.map(|(index, ((value, _), _))| {
            (
                value.clone(),
                choice.scores.get(index).copied().unwrap_or(0.0),
            )
        })
        .collect()
    }

    fn classified(
        &self,
        source: &Source<'_>,
        property: &Property,
        choices: &[(Value, String)],
    ) -> (Choice, Vec<Label>) {
        let labels: Vec<Label> = choices
            .iter()
            .map(|(value, said)| self.label(value, said))
            .collect();
        let examples = self.examples_at(property, |value| {
            choices.iter().position(|(choice, _)| choice == value)
        });
        (
            choose(
                source.facts.text,
                &limits::texts(&source.sentences),
                &labels,
                &examples,
            ),
            labels,
        )
    }

    fn label(&self, value: &Value, said: &str) -> Label {
        let name = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let given = self
            .labels
            .iter()
            .find(|(label, _)| *label == name)
            .map(|(_, text)| text.as_str());
        let described = [said, given.unwrap_or("")].join(" ").trim().to_owned();
        let description = if described.is_empty() {
            self.described_in_prompt(&name).unwrap_or_default()
        } else {
            described
        };
        Label { name, description }
    }

    /// A line of the prompt such as `- refund: the customer wants money back`.
    fn described_in_prompt(&self, name: &str) -> Option<String> {
        self.instructions.lines().take(2_000).find_map(|line| {
            let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
            let rest = line
                .strip_prefix(name)?
                .trim_start_matches(['*', '`', '"', '\'', ' ', ')']);
            let text = rest.strip_prefix([':', '=', '–', '—', '-'])?.trim();
            (!text.is_empty()).then(|| text.chars().take(500).collect())
        })
    }

    /// The examples' texts with what `read` makes of their value at the property's place.
    pub(super) fn examples_at(
        &self,
        property: &Property,
        read: impl Fn(&Value) -> Option<usize>,
    ) -> Vec<(&str, usize)> {
        let at = |output: &Value| -> Option<usize> {
            // An output that is not an object is the value itself: `output: refund`.
            if property.path.is_empty() || !output.is_object() {
                return read(output);
            }
            property
                .path
                .split('.')
                .try_fold(output, |value, key| value.get(key))
                .and_then(&read)
        };
        self.examples
            .iter()
            .filter_map(|example| Some((example.input, at(example.output)?)))
            .collect()
    }
}

/// The label that the text states outright: `Priority: high`, its currency, its language.
fn direct(source: &Source<'_>, property: &Property, choices: &[(Value, String)]) -> Option<Value> {
    let find = |wanted: &str| {
        choices.iter().map(|(value, _)| value).find(|value| {
            value
                .as_str()
                .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
        })
    };
    if let Some(said) = strings::labelled(source.facts.text, &property.name) {
        let said = said
            .trim_end_matches(['.', '!', ','])
            .replace([' ', '-'], "_");
        let spaced = |value: &&Value| {
            value
                .as_str()
                .is_some_and(|text| text.replace([' ', '-'], "_").eq_ignore_ascii_case(&said))
        };
        if let Some(value) = choices.iter().map(|(value, _)| value).find(spaced) {
            return Some(value.clone());
        }
    }
    if property.named(&["currency"]) {
        return source
            .facts
            .money
            .first()
            .and_then(|found| find(found.value.currency))
            .cloned();
    }
    if property.named(&["language", "lang", "locale"]) {
        return language::of(&source.facts.tokens)
            .and_then(|(code, name)| find(code).or_else(|| find(name)))
            .cloned();
    }
    None
}
