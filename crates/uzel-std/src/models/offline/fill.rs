//! Fills an output schema from a text; `answer` calls it when an `llm` node wants an object (or any typed value).
//!
//! A value is taken only where the text gives evidence for it. Without evidence a nullable place becomes `null`, an
//! optional property is left out, and anything else becomes its default or a neutral value of its type, with a note.

mod arrays;
mod booleans;
mod choices;
mod limits;
mod quantities;
mod references;
mod shape;
mod strings;

use serde_json::{Map, Value};

use self::shape::{Kind, Shape};
use super::exact::round4;
use super::extract::Facts;
use super::sentences::{Sentence, split};
use super::words::{is_stopword, name_words};
use super::{Ask, Document, Example};

/// Nesting of schemas and number of values that one answer may have.
const MAX_DEPTH: usize = 12;
const MAX_VALUES: usize = 2_000;

/// A value with the strength of its evidence: 0 for a neutral value, up to 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filled {
    pub value: Value,
    pub evidence: f64,
}

impl Filled {
    fn new(value: impl Into<Value>, evidence: f64) -> Self {
        Self {
            value: value.into(),
            evidence,
        }
    }
}

/// A place in the output: its path for messages, and the words by which it is known.
#[derive(Debug, Clone, Default)]
struct Property {
    path: String,
    name: Vec<String>,
    /// Words of the schema's `description` and `title` that carry meaning.
    about: Vec<String>,
}

impl Property {
    /// The place as a message names it.
    fn place(&self) -> String {
        if self.path.is_empty() {
            "the output".to_owned()
        } else {
            format!("`{}`", self.path)
        }
    }

    fn named(&self, words: &[&str]) -> bool {
        self.name.iter().any(|word| words.contains(&word.as_str()))
    }

    fn child(&self, key: &str, schema: &Value) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        let text = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let about = name_words(&format!("{} {}", text("title"), text("description")));
        let about = about
            .into_iter()
            .filter(|word| !is_stopword(word))
            .take(60)
            .collect();
        Self {
            path,
            name: name_words(key),
            about,
        }
    }
}

/// The text that values are taken from, read once.
struct Source<'a> {
    facts: Facts<'a>,
    sentences: Vec<Sentence>,
    /// The text is one row of a list: its plain words name the thing.
    is_row: bool,
}

impl<'a> Source<'a> {
    fn of(text: &'a str, is_row: bool) -> Self {
        Self {
            facts: Facts::of(text),
            sentences: split(text),
            is_row,
        }
    }
}

/// Fills one schema. Notes and sources are collected on the way.
pub(crate) struct Filler<'a> {
    root: &'a Value,
    instructions: String,
    labels: &'a [(String, String)],
    examples: &'a [Example<'a>],
    documents: &'a [Document<'a>],
    values: usize,
    pub notes: Vec<String>,
    pub sources: Vec<String>,
}

impl<'a> Filler<'a> {
    pub(crate) fn new(ask: &Ask<'a>, root: &'a Value) -> Self {
        let mut instructions = ask.system.unwrap_or("").to_owned();
        // The prompt describes labels only where it is more than the text itself.
        if ask.prompt.len() > ask.input.len() {
            instructions.push('\n');
            instructions.push_str(&ask.prompt.replace(ask.input, "\n"));
        }
        Self {
            root,
            instructions,
            labels: ask.labels,
            examples: ask.examples,
            documents: ask.documents,
            values: 0,
            notes: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// The value of the whole schema for `text`.
    pub(crate) fn run(&mut self, text: &str) -> Result<Filled, String> {
        let source = Source::of(text, false);
        let property = Property::default().child("", self.root);
        let root = self.root;
        self.fill(&source, &property, root, 0)
    }

    /// Fills one place, or gives its neutral value.
    fn fill(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        depth: usize,
    ) -> Result<Filled, String> {
        match self.find(source, property, schema, depth)? {
            Some(filled) => Ok(filled),
            None => self.neutral(property, schema),
        }
    }

    /// The value for which the text gives evidence, if it does. An object is always found if its properties can be filled.
    fn find(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        depth: usize,
    ) -> Result<Option<Filled>, String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!(
                "the output schema asks for more than {MAX_VALUES} values; the offline model stops there"
            ));
        }
        if depth > MAX_DEPTH {
            return Err(format!(
                "the output schema is nested more than {MAX_DEPTH} deep at {}; make it flatter",
                property.place()
            ));
        }
        let shape = Shape::of(self.root, schema)
            .map_err(|cause| format!("{}: {cause}", property.place()))?;
        let mut best: Option<Filled> = None;
        for branch in &shape.branches {
            let found = self.find_branch(source, property, branch, &shape, depth)?;
            if let Some(found) = found
                && best
                    .as_ref()
                    .is_none_or(|best| found.evidence > best.evidence)
            {
                best = Some(found);
            }
        }
        Ok(best)
    }

    fn find_branch(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        branch: &shape::Branch,
        shape: &Shape,
        depth: usize,
    ) -> Result<Option<Filled>, String> {
        let schema = &branch.schema;
        let found = match &branch.kind {
            Kind::Const(value) => Some(Filled::new(
                value.clone(),
                if shape.branches.len() > 1 { 0.0 } else { 1.0 },
            )),
            Kind::Enum(choices) => self.choose(source, property, choices),
            Kind::Object => self.object(source, property, schema, shape.nullable, depth)?,
            Kind::Array => self.array(source, property, schema, depth)?,
            Kind::Integer => self.quantity(source, property, schema, true),
            Kind::Number => self.quantity(source, property, schema, false),
            Kind::Boolean => self.boolean(source, property),
            Kind::String | Kind::Any => self.string(source, property, schema),
        };
        Ok(found)
    }

    fn object(
        &mut self,
        source: &Source<'_>,
        property: &Property,
        schema: &Value,
        nullable: bool,
        depth: usize,
    ) -> Result<Option<Filled>, String> {
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut out = Map::new();
        let mut certain: Option<f64> = None;
        let mut confidences: Vec<(&String, &Value)> = Vec::new();
        let (mut evidence, mut count) = (0.0, 0usize);
        for (key, child) in properties {
            let place = property.child(key, child);
            if is_confidence(&place) && is_number(self.root, child) {
                out.insert(key.clone(), Value::Null);
                confidences.push((key, child));
                continue;
            }
            count += 1;
            let wanted = required.contains(&key.as_str());
            let found = self.find(source, &place, child, depth + 1)?;
            if let Some(found) = &found {
                evidence += found.evidence;
                if is_choice(self.root, child) {
                    certain = Some(
                        certain.map_or(found.evidence, |least: f64| least.min(found.evidence)),
                    );
                }
            }
            if found.is_none()
                && wanted
                && is_choice(self.root, child)
                && !is_nullable(self.root, child)
            {
                certain = Some(0.0);
            }
            match found {
                Some(found) => drop(out.insert(key.clone(), found.value)),
                None if wanted || child.get("default").is_some() => {
                    drop(out.insert(key.clone(), self.neutral(&place, child)?.value));
                }
                None => {}
            }
        }
        let mean = if count == 0 {
            1.0
        } else {
            evidence / count as f64
        };
        for (key, child) in confidences {
            let value =
                self.confidence(&property.child(key, child), child, certain.unwrap_or(mean))?;
            out.insert(key.clone(), value);
        }
        for key in required {
            if !out.contains_key(key) {
                let open = schema
                    .get("additionalProperties")
                    .cloned()
                    .unwrap_or(Value::Bool(true));
                let value = self.neutral(&property.child(key, &open), &open)?.value;
                out.insert(key.to_owned(), value);
            }
        }
        // An object none of whose parts the text speaks of is absent, where it may be.
        if evidence <= 0.0 && count > 0 && nullable {
            return Ok(None);
        }
        Ok(Some(Filled::new(out, certain.unwrap_or(mean))))
    }

    /// The confidence in the range that the schema gives it (`maximum: 100` means per cent).
    fn confidence(
        &mut self,
        property: &Property,
        schema: &Value,
        confidence: f64,
    ) -> Result<Value, String> {
        let shape = Shape::of(self.root, schema)
            .map_err(|cause| format!("{}: {cause}", property.place()))?;
        for branch in &shape.branches {
            let top = branch
                .schema
                .get("maximum")
                .and_then(Value::as_f64)
                .unwrap_or(1.0);
            let scale = if (10.0..=100.0).contains(&top) {
                top
            } else {
                1.0
            };
            let whole = matches!(branch.kind, Kind::Integer);
            let scaled = if whole {
                (confidence * scale).round()
            } else {
                round4(confidence * scale)
            };
            if let Some(value) = limits::number(&branch.schema, scaled, whole) {
                return Ok(value);
            }
        }
        Ok(self.neutral(property, schema)?.value)
    }

    /// What stands where the text says nothing: `null` if it may, the default, or a neutral value with a note.
    fn neutral(&mut self, property: &Property, schema: &Value) -> Result<Filled, String> {
        let place = property.place();
        let shape = Shape::of(self.root, schema).map_err(|cause| format!("{place}: {cause}"))?;
        if let Some(default) = shape.default {
            return Ok(Filled::new(default, 0.0));
        }
        if shape.nullable {
            return Ok(Filled::new(Value::Null, 0.0));
        }
        let mut cause = "the schema allows no value".to_owned();
        for branch in &shape.branches {
            match limits::neutral(self.root, branch, 0) {
                Ok(value) => {
                    self.note(format!(
                        "{place}: the text says nothing about it; {value} stands for that"
                    ));
                    return Ok(Filled::new(value, 0.0));
                }
                Err(why) => cause = why,
            }
        }
        Err(format!(
            "{place}: the text says nothing about it, and {cause}; allow null there"
        ))
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < 50 && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Whether a property holds the model's own certainty.
fn is_confidence(property: &Property) -> bool {
    property.named(&["confidence", "certainty", "probability"])
}

fn is_number(root: &Value, schema: &Value) -> bool {
    Shape::of(root, schema).is_ok_and(|shape| {
        shape
            .branches
            .iter()
            .any(|b| matches!(b.kind, Kind::Number | Kind::Integer))
    })
}

fn is_nullable(root: &Value, schema: &Value) -> bool {
    Shape::of(root, schema).is_ok_and(|shape| shape.nullable)
}

fn is_choice(root: &Value, schema: &Value) -> bool {
    Shape::of(root, schema).is_ok_and(|shape| {
        shape
            .branches
            .iter()
            .any(|b| matches!(b.kind, Kind::Enum(_)))
    })
}
