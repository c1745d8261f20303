//! Takes texts out of a run's log and keeps its shape, so that it can be given away. Used by `uzel export`.
//!
//! A text becomes its length and the beginning of a hash: equal texts of a run stay equal. Words that the app itself
//! chooses from (members of enums, actions, ways) stay, because a run without them tells nothing.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{
    event::{End, Event, InstancePath, Resolution, RunId, Stored, Wait},
    failure::Failure,
    graph::Graph,
    hash,
};

/// What is taken out.
#[derive(Clone, Debug)]
pub enum Redaction {
    /// All texts.
    All,
    /// Those at these places: `input.message`, `reply`, `sort.topic`.
    Paths(Vec<String>),
}

/// Takes texts out of a log.
pub fn redact(run: &RunId, graph: &Graph, log: &mut [Event], what: &Redaction) {
    let redactor = Redactor { run: run.as_str(), kept: words_of(graph), what };
    for event in log {
        redactor.event(event);
    }
}

struct Redactor<'a> {
    run: &'a str,
    kept: BTreeSet<String>,
    what: &'a Redaction,
}

impl Redactor<'_> {
    fn event(&self, event: &mut Event) {
        let instance = event.instance();
        match event {
            Event::Started { input, flags, .. } => {
                let mut value = Value::clone(input);
                self.at("input", &mut value);
                *input = Arc::new(value);
                for (name, value) in flags {
                    self.at(&format!("flags.{name}"), value);
                }
            }
            Event::EffectReturned { result: Ok(stored), .. }
            | Event::Returned { value: stored, .. }
            | Event::Blocked { value: stored, .. } => self.stored(instance.as_ref(), stored),
            Event::EffectReturned { result: Err(failure), .. } | Event::Failed { failure, .. } => {
                self.failure(instance.as_ref(), failure);
            }
            Event::Waited { wait: Wait::Answer(question), .. } => {
                let path = instance.as_ref().map_or("", InstancePath::as_str);
                if self.is_named(path) {
                    question.title = self.text(&question.title);
                    for value in [&mut question.show, &mut question.defaults, &mut question.assign] {
                        self.all(value);
                    }
                }
            }
            Event::Resolved { resolution: Resolution::Answered(answer), .. } => {
                let path = instance.as_ref().map_or("", InstancePath::as_str);
                if self.is_named(path) {
                    self.all(&mut answer.form);
                    answer.by = self.text(&answer.by);
                }
            }
            Event::Resolved { resolution: Resolution::Called { value, .. }, .. } => {
                self.at(instance.as_ref().map_or("", InstancePath::as_str), value);
            }
            Event::Ended { end, .. } => self.end(end),
            _ => {}
        }
        if let (Event::Blocked { reason, .. }, Some(path)) = (&mut *event, &instance)
            && self.is_named(path.as_str())
        {
            *reason = self.text(reason);
        }
        if let Event::EffectReturned { meta, .. } = event {
            for failure in &mut meta.tries {
                self.failure(instance.as_ref(), failure);
            }
        }
    }

    fn end(&self, end: &mut End) {
        match end {
            End::Succeeded(stored) => self.output(stored),
            End::Failed { instance, failure } => self.failure(instance.as_ref(), failure),
            End::Stopped { instance, text, output } => {
                if self.is_named(instance.as_str()) {
                    *text = self.text(text);
                }
                self.output(output);
            }
            End::Cancelled { .. } => {}
        }
    }

    /// The app's output is made of anything: it goes as soon as something does.
    fn output(&self, stored: &mut Stored) {
        if let Stored::Here(value) = stored {
            let mut changed = Value::clone(value);
            self.all(&mut changed);
            *value = Arc::new(changed);
        }
    }

    fn stored(&self, instance: Option<&InstancePath>, stored: &mut Stored) {
        if let (Stored::Here(value), Some(instance)) = (stored, instance) {
            let mut changed = Value::clone(value);
            self.at(instance.as_str(), &mut changed);
            *value = Arc::new(changed);
        }
    }

    /// What a failure says may quote anything that its node was given.
    fn failure(&self, instance: Option<&InstancePath>, failure: &mut Failure) {
        if instance.is_none_or(|instance| self.is_named(instance.as_str())) {
            failure.message = self.text(&failure.message);
            for cause in &mut failure.causes {
                *cause = self.text(cause);
            }
        }
    }

    /// Whether anything at or below a place is taken out.
    fn is_named(&self, place: &str) -> bool {
        match self.what {
            Redaction::All => true,
            Redaction::Paths(paths) => paths.iter().any(|path| below(path, place).is_some()),
        }
    }

    /// The value at a place: all of it, or the fields that are named. A field that is not there takes all along, because
    /// a node's effects need not have the form of what it gives.
    fn at(&self, place: &str, value: &mut Value) {
        let Redaction::Paths(paths) = self.what else { return self.all(value) };
        for field in paths.iter().filter_map(|path| below(path, place)) {
            let mut found = Some(&mut *value);
            for name in field.split('.').filter(|name| !name.is_empty()) {
                found = found.and_then(|value| match value {
                    Value::Array(items) => name.parse().ok().and_then(|n: usize| items.get_mut(n)),
                    other => other.get_mut(name),
                });
            }
            match found {
                Some(found) => self.all(found),
                None => self.all(value),
            }
        }
    }

    fn all(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.all(item)),
            Value::Object(fields) => fields.values_mut().for_each(|item| self.all(item)),
            _ => {}
        }
    }

    fn text(&self, text: &str) -> String {
        if text.is_empty() || self.kept.contains(text) {
            return text.to_owned();
        }
        let hash = hash::of_parts([self.run.as_bytes(), text.as_bytes()]);
        format!("[{} characters, {}]", text.chars().count(), hash.get(..8).unwrap_or_default())
    }
}

/// What of a path is left at a place: nothing for the place itself, else the fields below it. Numbers of items may be
/// left out: `notes.summarise` is that node of every item.
fn below<'p>(path: &'p str, place: &str) -> Option<&'p str> {
    let plain = without_numbers(place);
    [place, plain.as_str()].into_iter().find_map(|place| {
        let rest = path.strip_prefix(place)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    })
}

fn without_numbers(place: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in place.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// Texts that the app itself chooses from.
fn words_of(graph: &Graph) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for node in graph.all_nodes() {
        collect(&node.output.to_json_schema(), &mut words);
    }
    collect(graph.inputs.json(), &mut words);
    words
}

fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("enum", Value::Array(members)) => {
                        words.extend(members.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("const", Value::String(word)) => drop(words.insert(word.clone())),
                    _ => collect(value, words),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(what: &Redaction, place: &str, mut value: Value) -> Value {
        let redactor = Redactor { run: "r", kept: ["billing".to_owned()].into(), what };
        redactor.at(place, &mut value);
        value
    }

    #[test]
    fn shapes_and_words_of_the_app_stay() {
        let value = json!({ "topic": "billing", "text": "My name is Ann", "n": 3, "list": ["", null] });
        let found = redacted(&Redaction::All, "sort", value);
        assert_eq!((&found["topic"], &found["n"], &found["list"]), (&json!("billing"), &json!(3), &json!(["", null])));
        let text = found["text"].as_str().expect("a text");
        assert!(text.starts_with("[14 characters, ") && !text.contains("Ann"), "{text}");
    }

    #[test]
    fn only_what_is_named_goes() {
        let value = json!({ "a": "x1", "b": { "c": "x2" } });
        let what = Redaction::Paths(vec!["notes.sum.b".to_owned(), "input.name".to_owned()]);
        let found = redacted(&what, "notes[3].sum", value.clone());
        assert_eq!(found["a"], "x1");
        assert_ne!(found["b"]["c"], "x2");
        assert_eq!(redacted(&what, "other", value.clone()), value);
        // A field that is not there: better too much than too little.
        assert_ne!(redacted(&what, "input", value)["a"], "x1");
    }
}
