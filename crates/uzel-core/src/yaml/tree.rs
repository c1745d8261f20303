//! A document in memory: values with their places. Made by `parse`, read by the loader and by `from_tree`.

use serde_json::{Number, Value};

use super::Text;
use crate::source::Span;

/// A value and where it is written. A value that an alias repeats keeps the place of its anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// From its first byte to its last. Block scalars begin at their `|` or `>`.
    pub span: Span,
    /// What it is.
    pub data: Data,
}

/// The kinds of value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits or a finite float.
    Number(Number),
    /// Any other scalar.
    Text(Text),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping, in the order of the document, each key once.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Text,
    /// The value.
    pub value: Tree,
}

impl Tree {
    /// A tree of a JSON value, all of it at one place: for graphs built in Rust.
    pub fn from_json(value: &Value, span: Span) -> Self {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(value) => Data::Bool(*value),
            Value::Number(value) => Data::Number(value.clone()),
            Value::String(value) => Data::Text(Text::synthetic(value.as_str(), span)),
            Value::Array(items) => Data::List(items.iter().map(|item| Self::from_json(item, span)).collect()),
            Value::Object(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(key, value)| Entry {
                        key: Text::synthetic(key.as_str(), span),
                        value: Self::from_json(value, span),
                    })
                    .collect(),
            ),
        };
        Self { span, data }
    }

    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::Text(value) => Value::String(value.as_str().to_owned()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.as_str().to_owned(), e.value.to_json())).collect())
            }
        }
    }

    /// The value of a key; `None` also when this is no map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key; `None` also when this is no map.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key.as_str() == key)
    }

    /// Removes a key from a map and returns its entry.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let Data::Map(entries) = &mut self.data else { return None };
        let at = entries.iter().position(|entry| entry.key.as_str() == key)?;
        Some(entries.remove(at))
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&Text> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The characters of the text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(Text::as_str)
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&[Entry]> {
        if let Data::Map(entries) = &self.data { Some(entries) } else { None }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Data::List(items) = &self.data { Some(items) } else { None }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// What this is, for messages: "a list", "a text".
    pub fn describe(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Number(number) if number.is_f64() => "a number with a fraction",
            Data::Number(_) => "an integer",
            Data::Text(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }

    /// Where the first thing is written that is not the same in another tree; `None` for two trees of one value.
    pub fn difference(&self, other: &Self) -> Option<Span> {
        match (&self.data, &other.data) {
            (Data::List(these), Data::List(those)) if these.len() == those.len() => {
                these.iter().zip(those).find_map(|(this, that)| this.difference(that))
            }
            (Data::Map(these), Data::Map(those)) if these.len() == those.len() => {
                these.iter().zip(those).find_map(|(this, that)| {
                    let key = (this.key != that.key).then_some(this.key.span);
                    key.or_else(|| this.value.difference(&that.value))
                })
            }
            (Data::List(_) | Data::Map(_), _) => Some(self.span),
            (this, that) => (this != that).then_some(self.span),
        }
    }

    /// How many values this is, itself included.
    pub(super) fn size(&self) -> usize {
        match &self.data {
            Data::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Data::Map(entries) => 1 + entries.iter().map(|entry| entry.value.size()).sum::<usize>(),
            _ => 1,
        }
    }

    /// How many lists and maps are in one another here.
    pub(super) fn height(&self) -> usize {
        match &self.data {
            Data::List(items) => 1 + items.iter().map(Self::height).max().unwrap_or(0),
            Data::Map(entries) => 1 + entries.iter().map(|entry| entry.value.height()).max().unwrap_or(0),
            _ => 0,
        }
    }
}
