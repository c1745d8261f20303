//! The one-line notation of types: `string`, `[integer]`, `string | null`, `"a" | "b"`. Read by [`super::read`].

use std::ops::Range;

use serde_json::Value;

use super::Type;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    yaml::Text,
};

/// Brackets inside brackets that are read.
const DEPTH: usize = 32;

const NAMES: &[&str] = &["string", "integer", "number", "boolean", "null", "any", "object", "list"];

/// What people coming from other languages write.
const ALIASES: &[(&str, &str)] = &[
    ("str", "string"),
    ("text", "string"),
    ("int", "integer"),
    ("i64", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("decimal", "number"),
    ("bool", "boolean"),
    ("none", "null"),
    ("nil", "null"),
    ("array", "[any]"),
    ("dict", "object"),
    ("map", "object"),
    ("json", "any"),
];

/// Reads the notation; pushes what is wrong with its place.
pub(super) fn parse(text: &Text, out: &mut Diagnostics) -> Option<Type> {
    let mut reader = Reader { source: text.as_str(), at: 0 };
    let read = reader
        .union(0)
        .and_then(|ty| if reader.rest().is_empty() { Ok(ty) } else { Err(reader.wrong("this is more than one type")) });
    match read {
        Ok(ty) => Some(ty),
        Err(wrong) => {
            let diagnostic = Diagnostic::new(Code::BAD_TYPE, text.at(wrong.at), wrong.message);
            let usual = "types are `string`, `integer`, `number`, `boolean`, `any`, `[string]`, `string | null`, \
                         `{ enum: [a, b] }`, a map of fields, or JSON Schema";
            out.push(diagnostic.help(wrong.help.unwrap_or_else(|| usual.to_owned())));
            None
        }
    }
}

struct Wrong {
    at: Range<usize>,
    message: String,
    help: Option<String>,
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.source.get(self.at..).unwrap_or("");
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn wrong(&self, message: &str) -> Wrong {
        Wrong { at: self.at..self.source.len(), message: message.to_owned(), help: None }
    }

    fn eat(&mut self, token: char) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len_utf8();
        }
        there
    }

    fn union(&mut self, depth: usize) -> Result<Type, Wrong> {
        let mut ty = self.item(depth)?;
        while self.eat('|') {
            ty = Type::union(ty, self.item(depth)?);
        }
        Ok(ty)
    }

    fn item(&mut self, depth: usize) -> Result<Type, Wrong> {
        if depth > DEPTH {
            return Err(self.wrong("this type is nested too deeply"));
        }
        if self.eat('[') {
            let item = self.union(depth + 1)?;
            return if self.eat(']') { Ok(Type::list(item)) } else { Err(self.wrong("`]` is missing")) };
        }
        let rest = self.rest();
        if rest.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            return match values.next() {
                Some(Ok(value)) => {
                    self.at += values.byte_offset();
                    Ok(Type::Enum(vec![value]))
                }
                _ => Err(self.wrong("this value cannot be read")),
            };
        }
        let length = rest.find(['|', ']', '[']).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or("").trim_end();
        let at = self.at..self.at + name.len();
        self.at += length;
        named(name).ok_or_else(|| unknown(name, at))
    }
}

fn named(name: &str) -> Option<Type> {
    Some(match name {
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        "null" => Type::Null,
        "any" => Type::Any,
        "object" => Type::open_map(),
        "list" => Type::list(Type::Any),
        _ => return None,
    })
}

fn unknown(name: &str, at: Range<usize>) -> Wrong {
    let message = if name.is_empty() { "a type is missing".to_owned() } else { format!("there is no type `{name}`") };
    let lower = name.to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map(|(_, name)| format!("write `{name}`"));
    Wrong { at, message, help: alias.or_else(|| did_you_mean(name, NAMES.iter().copied())) }
}
