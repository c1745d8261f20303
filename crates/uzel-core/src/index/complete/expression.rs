//! What could stand at a place of an expression.

use std::ops::Range;

use super::{Asked, Completion, Item, ItemSort, MARK, marked};
use crate::{
    check::ROOTS,
    expr::{
        self,
        heard::{Expected, texts_of},
    },
    index::{
        Index,
        lexical::{self, Before, Region},
    },
    schema::{FieldLookup, Type},
    source::Span,
};

impl Asked<'_> {
    /// At a marker in an expression that is part of a text in `marked`.
    pub(super) fn in_expression(&self, marked: &str, text: Range<usize>, bare: bool) -> Option<Completion> {
        let at = marked.find(MARK)?;
        let source = marked.get(text.clone())?;
        let region = if bare {
            Region { start: 0, end: source.len(), closed: true, statement: false }
        } else {
            lexical::region_at(source, at - text.start)?
        };
        let region = Region { start: region.start + text.start, end: region.end + text.start, ..region };
        let before = lexical::before(marked, region.start, at);
        let names: Option<Vec<&str>> = match before {
            Before::Filter => Some(expr::filter_names().collect()),
            Before::Test => Some(expr::test_names().collect()),
            _ => None,
        };
        if let Some(names) = names {
            let items = names.into_iter().map(function).collect();
            return Some(Completion { replace: self.replace(lexical::word_at(self.text, self.offset)), items });
        }
        let mut last = None;
        for text in marked::expressions(marked, &text, region, bare) {
            let Some(mut index) = self.listen(&text) else { continue };
            if let Some(expected) = index.heard.expected.take() {
                let here = text.find(MARK).unwrap_or_default();
                return Some(self.expected(&index, expected, here));
            }
            last = Some(index);
        }
        // Nobody looked at it: what is known of names alone.
        let index = last.as_ref().filter(|index| index.is_whole()).or(self.known).or(last.as_ref())?;
        self.by_names(index, marked, region.start, at)
    }

    fn expected(&self, index: &Index, expected: Expected, at: usize) -> Completion {
        let word = self.replace(lexical::word_at(self.text, self.offset));
        match expected {
            Expected::Name(visible) => {
                let own = index.names.around(u32::try_from(at).unwrap_or(u32::MAX)).map(|node| node.at);
                let own = own.filter(|_| self.file == self.main);
                Completion { replace: word, items: names(index, visible, own) }
            }
            Expected::Field(ty) => Completion { replace: word, items: fields(&ty) },
            Expected::Text(ty) => {
                let word = |text: &str| item(text, ItemSort::Word, String::new());
                Completion {
                    replace: self.replace(self.quoted()),
                    items: texts_of(&ty).into_iter().map(word).collect(),
                }
            }
        }
    }

    /// The text between the quotes that the place is in.
    fn quoted(&self) -> Range<usize> {
        let line = marked::line_of(self.text, self.offset);
        let (head, tail) = (&self.text[line.start..self.offset], &self.text[self.offset..line.end]);
        let start = head.rfind(['"', '\'']).map_or(self.offset, |at| line.start + at + 1);
        let rest = |c: char| c == '"' || c == '\'' || c == '}' || c.is_whitespace();
        start..self.offset + tail.find(rest).unwrap_or(tail.len())
    }

    /// By what is known of names, for an expression that no check came to.
    pub(super) fn by_names(&self, index: &Index, text: &str, start: usize, at: usize) -> Option<Completion> {
        let replace = self.replace(lexical::word_at(self.text, self.offset));
        let Before::Path(path) = lexical::before(text, start, at) else { return None };
        let Some((root, path)) = path.split_first() else {
            let here = u32::try_from(at).unwrap_or(u32::MAX);
            let own = index.names.around(here).map(|node| node.at).filter(|_| self.file == self.main);
            let nodes = index.heard.roots.iter().map(|(at, (name, ty))| (name.clone(), ty.clone(), Some(*at)));
            let roots = index.heard.builtin.iter().map(|(name, ty)| (name.clone(), ty.clone(), None));
            return Some(Completion { replace, items: names(index, nodes.chain(roots).collect(), own) });
        };
        if root == "secrets" {
            let secrets = index.names.section("secrets");
            let items = secrets.map(|(name, _)| item(name, ItemSort::Name, "secret".to_owned())).collect();
            return Some(Completion { replace, items });
        }
        let declared = index.names.resolve(root, u32::try_from(at).unwrap_or(u32::MAX)).map(|node| node.at);
        let ty = match declared {
            Some(at) => index.heard.roots.get(&at).map(|(_, ty)| ty),
            None => index.heard.builtin.get(root),
        };
        let ty = path.iter().try_fold(ty?.clone(), |ty, name| match ty.field(name) {
            FieldLookup::Found(ty, _) => Some(ty),
            _ => None,
        })?;
        Some(Completion { replace, items: fields(&ty) })
    }
}

fn item(label: &str, sort: ItemSort, detail: String) -> Item {
    Item { label: label.to_owned(), sort, detail, about: String::new(), insert: label.to_owned(), required: false }
}

fn function(name: &str) -> Item {
    item(name, ItemSort::Function, String::new())
}

/// Names that can be used, those that are nearest first; a node does not see itself.
fn names(index: &Index, visible: Vec<(String, Type, Option<Span>)>, own: Option<Span>) -> Vec<Item> {
    let mut items: Vec<Item> = vec![];
    for (name, ty, declared) in visible {
        let known = items.iter().any(|item| item.label == name);
        if known || declared.is_some() && declared == own {
            continue;
        }
        let node = declared.and_then(|at| index.names.node_at(at));
        // A node that comes later in the order of the check has its type by now.
        let ty = declared.and_then(|at| index.heard.roots.get(&at)).map_or(ty, |(_, ty)| ty.clone());
        let (sort, about) = match node {
            Some(node) => (ItemSort::Node, node.description.clone().unwrap_or_default()),
            None if ROOTS.contains(&name.as_str()) => (ItemSort::Root, String::new()),
            None => (ItemSort::Local, String::new()),
        };
        let kind = node.and_then(|node| node.kind.clone()).map_or_else(String::new, |kind| format!("{kind} "));
        items.push(Item { about, ..item(&name, sort, format!("{kind}{ty}")) });
    }
    items.extend(expr::function_names().map(function));
    items.sort_by_key(|item| item.sort);
    items
}

/// The fields of a value.
fn fields(ty: &Type) -> Vec<Item> {
    let mut items: Vec<Item> = vec![];
    for member in ty.members() {
        let Type::Object(object) = member else { continue };
        for (name, field) in &object.fields {
            if items.iter().any(|item| item.label == *name) {
                continue;
            }
            let about = field.description.clone().unwrap_or_default();
            items.push(Item { about, ..item(name, ItemSort::Field, field.seen_type().to_string()) });
        }
    }
    items
}
