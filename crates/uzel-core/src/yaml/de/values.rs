//! The deserializer of one value: what each serde type wants, and what to say when the tree has something else.

use std::fmt;

use serde::{Deserializer, de::Visitor};

use super::{
    Notes,
    access::{Content, Entries, Items, Named},
    dummy::{Dummy, Variant},
    failed::{Failed, Why},
    words::{Name, list, one_of},
};
use crate::{
    diagnostic::{Code, Diagnostic, did_you_mean},
    duration,
    yaml::{
        Data, Tree,
        magic::{self, Handed},
        syntax,
    },
};

/// Deserializes one value of a tree.
#[derive(Clone, Copy)]
pub(super) struct De<'a> {
    tree: &'a Tree,
    name: Name<'a>,
    notes: &'a Notes,
}

impl<'a> De<'a> {
    pub(super) fn root(tree: &'a Tree, name: Option<&'a str>, notes: &'a Notes) -> Self {
        Self { tree, name: name.map_or(Name::Root, Name::Key), notes }
    }

    pub(super) fn of_key(self, key: &'a str, tree: &'a Tree) -> Self {
        Self { tree, name: Name::Key(key), ..self }
    }

    pub(super) fn of_item(self, tree: &'a Tree) -> Self {
        let name = if let Name::Key(key) = self.name { Name::ItemOf(key) } else { Name::Item };
        Self { tree, name, ..self }
    }

    pub(super) fn tree(&self) -> &'a Tree {
        self.tree
    }

    pub(super) fn name(&self) -> Name<'a> {
        self.name
    }

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    fn refused(self) -> bool {
        self.notes.is_refused(self.tree)
    }

    /// Reports that the value should be `expected`, and returns a stand-in for it.
    pub(super) fn wrong(self, expected: impl fmt::Display) -> Dummy {
        let message = format!("{} must be {expected}, found {}", self.name, self.tree.describe());
        let expected = expected.to_string();
        let help = match &self.tree.data {
            Data::Number(value) if expected == "a text" => Some(format!("write \"{value}\" in quotes")),
            Data::Bool(value) if expected == "a text" => Some(format!("write \"{value}\" in quotes")),
            Data::Text(text) if expected == "a map" => syntax::split_pair(text)
                .map(|at| format!("a space is missing after `:`: write `{}: {}`", &text[..at], &text[at + 1..])),
            Data::Text(text) if text.parse::<f64>().is_ok_and(f64::is_finite) && expected != "a list" => {
                Some(format!("remove the quotes: write {text}"))
            }
            Data::Text(text) if expected == "true or false" && matches!(text.as_str(), "yes" | "on" | "no" | "off") => {
                Some(format!("write {}", matches!(text.as_str(), "yes" | "on")))
            }
            Data::Text(text) if expected == "a list" && !text.contains('\n') => Some(format!("write [{text}]")),
            _ => None,
        };
        self.notes.replace(self.tree, Diagnostic::new(Code::WRONG_SHAPE, self.tree.span, message).maybe_help(help));
        Dummy::new()
    }

    /// Notes what a visitor said about this value.
    pub(super) fn noted<T>(&self, result: Result<T, Failed>) -> Result<T, Failed> {
        result.map_err(|failed| self.notes.note(self, failed))
    }

    fn integer<V: Visitor<'a>>(self, visitor: V, low: i64, high: u64) -> Result<V::Value, Failed> {
        if self.refused() {
            return Dummy::new().deserialize_i64(visitor);
        }
        let Data::Number(number) = &self.tree.data else {
            return self.noted(self.wrong("an integer").deserialize_i64(visitor));
        };
        let fits = match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => value <= high,
            (None, Some(value)) => value >= low,
            (None, None) => return self.noted(self.wrong("an integer").deserialize_i64(visitor)),
        };
        if !fits {
            let range = match (low, high) {
                (0, u64::MAX) => "of at least 0".to_owned(),
                (0, high) => format!("from 0 to {high}"),
                (low, high) => format!("from {low} to {high}"),
            };
            let message = format!("{} must be an integer {range}, found {number}", self.name);
            self.notes.replace(self.tree, Diagnostic::new(Code::WRONG_SHAPE, self.tree.span, message));
            return self.noted(Dummy::new().deserialize_i64(visitor));
        }
        self.noted(match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => visitor.visit_u64(value),
            (None, Some(value)) => visitor.visit_i64(value),
            (None, None) => Dummy::new().deserialize_i64(visitor),
        })
    }

    /// The entries of a map, checked against the keys of a struct if there are any.
    pub(super) fn entries(self, fields: Option<&'static [&'static str]>) -> Option<Entries<'a>> {
        let entries = self.tree.as_map()?;
        Some(Entries::new(self, entries, fields))
    }

    /// Reports a key that the key type of a map does not take; the map is replaced in the next attempt.
    pub(super) fn refused_key(self, entry: &crate::yaml::Entry, failed: Failed) -> Failed {
        let message = match failed.why {
            Why::Noted | Why::Dummy => return failed,
            Why::Shape(expected) => format!("the key `{}` must be {expected}", entry.key),
            Why::Missing(_) | Why::Other(_) => format!("the key `{}` cannot be used: {failed}", entry.key),
        };
        self.notes.report(Diagnostic::new(Code::UNKNOWN_KEY, entry.key.span, message));
        Failed::dummy()
    }

    /// Reports a word that is none of `variants`.
    pub(super) fn unknown_variant(self, word: &crate::yaml::Text, variants: &'static [&'static str]) {
        let message = match self.name {
            Name::Root | Name::Item => format!("`{word}` is not known here"),
            Name::Key(key) => format!("`{key}` cannot be `{word}`"),
            Name::ItemOf(key) => format!("`{key}` cannot hold `{word}`"),
        };
        let help = match did_you_mean(word, variants.iter().copied()) {
            Some(near) => format!("{near} known: {}", list(variants)),
            None => format!("use {}", one_of(variants)),
        };
        self.notes.replace(self.tree, Diagnostic::new(Code::UNKNOWN_VALUE, word.span, message).help(help));
    }
}

macro_rules! integers {
    ($($method:ident $int:ident;)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
            // The least value of every unsigned type fits, and the greatest of every signed one.
            self.integer(visitor, i64::try_from($int::MIN).unwrap_or(0), u64::try_from($int::MAX).unwrap_or(u64::MAX))
        })*
    };
}

impl<'a> Deserializer<'a> for De<'a> {
    type Error = Failed;

    integers! {
        deserialize_i8 i8; deserialize_i16 i16; deserialize_i32 i32; deserialize_i64 i64;
        deserialize_u8 u8; deserialize_u16 u16; deserialize_u32 u32; deserialize_u64 u64;
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        if self.refused() {
            return Dummy::new().deserialize_any(visitor);
        }
        self.noted(match &self.tree.data {
            Data::Null => visitor.visit_unit(),
            Data::Bool(value) => visitor.visit_bool(*value),
            Data::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or_default()),
            },
            Data::Text(text) => visitor.visit_borrowed_str(&text.value),
            Data::List(items) => visitor.visit_seq(Items { de: self, left: items.iter(), exact: false }),
            Data::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
        })
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_bool(visitor),
            Data::Bool(value) => visitor.visit_bool(*value),
            _ => self.wrong("true or false").deserialize_bool(visitor),
        })
    }

    fn deserialize_f32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_f64(visitor),
            Data::Number(value) => visitor.visit_f64(value.as_f64().unwrap_or_default()),
            _ => self.wrong("a number").deserialize_f64(visitor),
        })
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_str(visitor),
            Data::Text(text) => visitor.visit_borrowed_str(&text.value),
            _ => self.wrong("a text").deserialize_str(visitor),
        })
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_char(visitor),
            Data::Text(text) if text.chars().count() == 1 => visitor.visit_borrowed_str(&text.value),
            _ => self.wrong("a single character").deserialize_char(visitor),
        })
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        if self.tree.is_null() || self.refused() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        if !self.tree.is_null() && !self.refused() {
            self.wrong("empty");
        }
        self.noted(visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failed> {
        if self.refused() {
            return Dummy::new().deserialize_newtype_struct(name, visitor);
        }
        self.noted(match name {
            magic::TEXT => {
                let Some(text) = self.tree.as_text() else {
                    return self.noted(self.wrong("a text").deserialize_newtype_struct(name, visitor));
                };
                magic::hand_over(Handed::Text(text.clone()));
                visitor.visit_unit()
            }
            magic::TREE => {
                magic::hand_over(Handed::Tree(self.tree.clone()));
                visitor.visit_unit()
            }
            magic::DURATION => {
                let text = match &self.tree.data {
                    Data::Text(text) => text.as_str().to_owned(),
                    Data::Number(number) => number.to_string(),
                    _ => return self.noted(self.wrong("a duration such as `30s`").deserialize_str(visitor)),
                };
                if let Err(error) = duration::parse(&text) {
                    let message = match self.name {
                        Name::Key(key) => format!("`{key}: {}` is not a duration", error.text),
                        _ => format!("`{}` is not a duration", error.text),
                    };
                    let diagnostic = Diagnostic::new(Code::BAD_DURATION, self.tree.span, message).help(error.cause);
                    self.notes.replace(self.tree, diagnostic);
                    return self.noted(visitor.visit_borrowed_str("0s"));
                }
                visitor.visit_newtype_struct(self)
            }
            magic::SPANNED => {
                magic::hand_over(Handed::Span(self.tree.span));
                visitor.visit_newtype_struct(self)
            }
            _ => visitor.visit_newtype_struct(self),
        })
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_seq(visitor),
            Data::List(items) => visitor.visit_seq(Items { de: self, left: items.iter(), exact: false }),
            _ => self.wrong("a list").deserialize_seq(visitor),
        })
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match &self.tree.data {
            _ if self.refused() => Dummy::new().deserialize_tuple(len, visitor),
            Data::List(items) if items.len() == len => {
                visitor.visit_seq(Items { de: self, left: items.iter(), exact: true })
            }
            Data::List(items) => {
                let message = format!("{} must have {len} items, found {}", self.name, items.len());
                self.notes.replace(self.tree, Diagnostic::new(Code::WRONG_SHAPE, self.tree.span, message));
                Dummy::new().deserialize_tuple(len, visitor)
            }
            _ => self.wrong(format!("a list of {len} items")).deserialize_tuple(len, visitor),
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failed> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.noted(match self.entries(None) {
            _ if self.refused() => Dummy::new().deserialize_map(visitor),
            Some(entries) => visitor.visit_map(entries),
            None => self.wrong("a map").deserialize_map(visitor),
        })
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if self.refused() {
            return Dummy::new().deserialize_struct(name, fields, visitor);
        }
        self.noted(match self.entries(Some(fields)) {
            Some(entries) => visitor.visit_map(entries),
            None => self.wrong("a map").deserialize_struct(name, fields, visitor),
        })
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        if self.refused() {
            return Dummy::new().deserialize_enum(name, variants, visitor);
        }
        let (word, content) = match &self.tree.data {
            Data::Text(text) => (text, None),
            Data::Map(entries) => {
                let mut real =
                    entries.iter().filter(|e| !e.key.starts_with("x-") || variants.contains(&e.key.as_str()));
                match (real.next(), real.next()) {
                    (Some(only), None) => (&only.key, Some(&only.value)),
                    _ => {
                        let wanted = format!("a map with one key, {}", one_of(variants));
                        return self.noted(self.wrong(wanted).deserialize_enum(name, variants, visitor));
                    }
                }
            }
            _ => return self.noted(self.wrong(one_of(variants)).deserialize_enum(name, variants, visitor)),
        };
        let Some(variant) = variants.iter().copied().find(|v| *v == word.as_str()) else {
            self.unknown_variant(word, variants);
            let Some(variant) = variants.first().copied() else { return Err(Failed::dummy()) };
            return self.noted(visitor.visit_enum(Variant { variant, dummy: Dummy::new() }));
        };
        let content = Content { de: self, variant, inner: content.map(|tree| self.of_key(variant, tree)) };
        self.noted(visitor.visit_enum(Named(content)))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_unit()
    }

    fn deserialize_i128<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.integer(visitor, i64::MIN, u64::MAX)
    }

    fn deserialize_u128<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.integer(visitor, 0, u64::MAX)
    }
}
