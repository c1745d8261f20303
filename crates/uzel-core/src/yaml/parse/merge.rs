//! What a finished map is besides its entries: duplicate keys, `<<`, and the tags of the core schema.

use std::{collections::BTreeSet, ops::Range};

use saphyr_parser::Tag;

use super::{
    super::{
        Data, Entry, Text, Tree,
        scalar::{self, Plain},
    },
    Builder,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::Span,
};

/// The entries without those whose key came before.
pub(super) fn without_duplicates(entries: Vec<Entry>, out: &mut Diagnostics) -> Vec<Entry> {
    let mut seen: BTreeSet<Text> = BTreeSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(first) = seen.get(&entry.key) {
            let message = format!("the key `{}` is written twice", entry.key);
            out.push(
                Diagnostic::new(Code::DUPLICATE_KEY, entry.key.span, message)
                    .label(first.span, "it is written here first")
                    .help("remove one of the two, or rename it"),
            );
            continue;
        }
        seen.insert(entry.key.clone());
        kept.push(entry);
    }
    kept
}

/// Adds the entries of what `<<` names; those that are there stay as they are.
pub(super) fn merge(entries: &mut Vec<Entry>, tree: Tree, out: &mut Diagnostics) {
    let maps = match tree.data {
        Data::List(items) => items,
        data => vec![Tree { span: tree.span, data }],
    };
    let mut known: BTreeSet<Text> = entries.iter().map(|entry| entry.key.clone()).collect();
    for map in maps {
        let what = map.describe();
        let Data::Map(more) = map.data else {
            let message = format!("`<<` takes a map or a list of maps, found {what}");
            out.push(Diagnostic::new(Code::YAML_SYNTAX, map.span, message).help("write `<<: *name`"));
            continue;
        };
        entries.extend(more.into_iter().filter(|entry| known.insert(entry.key.clone())));
    }
}

/// The name of a tag of the core schema; `!` alone is `str`.
fn core(tag: &Tag) -> Option<&str> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:", suffix) => Some(suffix),
        ("", full) if full.starts_with("tag:yaml.org,2002:") => full.strip_prefix("tag:yaml.org,2002:"),
        ("", "!") | ("!", "") => Some("str"),
        _ => None,
    }
}

impl Builder<'_, '_> {
    /// A scalar with a tag.
    pub(super) fn tagged(&mut self, tag: &Tag, range: Range<usize>, text: Text, plain: Plain) -> Data {
        let at = self.tag_span(range);
        let resolved = if plain == Plain::Text { scalar::resolve(&text) } else { plain.clone() };
        match (core(tag), resolved) {
            (Some("str"), _) => Data::Text(text),
            (Some("int"), Plain::Number(number)) if !number.is_f64() => Data::Number(number),
            (Some("float"), Plain::Number(number)) => Data::Number(number),
            (Some("bool"), Plain::Bool(value)) => Data::Bool(value),
            (Some("null"), Plain::Null) => Data::Null,
            (Some(name @ ("int" | "float" | "bool" | "null")), _) => {
                let message = format!("`{text}` cannot be read as `!!{name}`");
                self.error(Code::UNKNOWN_TAG, at, message, "remove the tag");
                self.untagged(text, plain)
            }
            _ => {
                self.unknown_tag(tag, at);
                self.untagged(text, plain)
            }
        }
    }

    /// Checks the tag of a list or map.
    pub(super) fn collection_tag(&mut self, tag: &Tag, map: bool, range: Range<usize>) {
        let (right, what) = if map { ("map", "a map") } else { ("seq", "a list") };
        let at = self.tag_span(range);
        match core(tag) {
            Some(name) if name == right => {}
            Some(name @ ("map" | "seq" | "str" | "int" | "float" | "bool" | "null")) => {
                self.error(Code::UNKNOWN_TAG, at, format!("the tag `!!{name}` does not fit {what}"), "remove the tag");
            }
            _ => self.unknown_tag(tag, at),
        }
    }

    /// The place of a tag, from the range before its value.
    fn tag_span(&self, range: Range<usize>) -> Span {
        let len = self.place.text.get(range.clone()).map_or(0, |text| text.trim_end().len());
        self.place.span(range.start..range.start + len)
    }

    fn unknown_tag(&mut self, tag: &Tag, at: Span) {
        let name = match core(tag) {
            Some(name) => format!("!!{name}"),
            None => format!("{}{}", tag.handle, tag.suffix),
        };
        let message = format!("the tag `{name}` means nothing here");
        let help = "remove it; `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are known";
        self.error(Code::UNKNOWN_TAG, at, message, help);
    }
}
