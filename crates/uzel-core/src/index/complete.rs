//! What could stand at a place. A marker is put there and the app is checked: whoever looks at the marker says what was
//! wanted. What is being typed is seldom whole, so several ways to make it whole are tried in turn.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Index, Language, Place, clip, context,
    context::{Part, Segment},
    lexical, listen,
    names::{self, Names},
    shape::Shape,
};
use crate::{
    check::Files,
    schema::Type,
    source::Sources,
    yaml::{self, Tree},
};

mod expression;
mod marked;

use marked::MARK;

/// What something that could stand at a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemSort {
    /// A name that a template set.
    Local,
    /// A node.
    Node,
    /// Another root, such as `input`.
    Root,
    /// A field of a value.
    Field,
    /// A key of the document.
    Key,
    /// One of the words that may stand there.
    Word,
    /// A declared model, tool or the like.
    Name,
    /// A filter, a test or a function.
    Function,
}

/// Something that could stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called.
    pub label: String,
    /// What it is.
    pub sort: ItemSort,
    /// Its type, or a word.
    pub detail: String,
    /// What it is for.
    pub about: String,
    /// What is written.
    pub insert: String,
    /// Whether it must be there, so that it comes first.
    pub required: bool,
}

/// Everything that could stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is replaced.
    pub replace: Place,
    /// In the order in which they are offered.
    pub items: Vec<Item>,
}

/// What could stand at a byte of a file of an app. `known` is what was known before the file became what it is.
pub fn complete(
    main: &str,
    files: &dyn Files,
    language: &Language<'_>,
    (file, offset): (&str, usize),
    known: Option<&Index>,
) -> Option<Completion> {
    let text = String::from_utf8(files.read(file).ok()?).ok()?;
    let offset = clip(&text, offset..offset).start;
    let asked = Asked { main, files, language, file, text: &text, offset, known };
    let mut found = if file == main { asked.in_app() } else { asked.in_prompt() }?;
    found.items.retain(|item| !item.label.contains(MARK));
    Some(found)
}

/// A question, and what it is answered with.
struct Asked<'a> {
    main: &'a str,
    files: &'a dyn Files,
    language: &'a Language<'a>,
    file: &'a str,
    text: &'a str,
    offset: usize,
    known: Option<&'a Index>,
}

/// The app's files, one of them with a marker in it.
struct WithMark<'a> {
    files: &'a dyn Files,
    changed: BTreeMap<&'a str, &'a str>,
}

impl Files for WithMark<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.changed.get(path).map_or_else(|| self.files.read(path), |text| Ok(text.as_bytes().to_vec()))
    }
}

impl Asked<'_> {
    /// Checks the app with another text of the file; the app file is the last that could be parsed, if need be.
    fn listen(&self, text: &str) -> Option<Index> {
        let mut changed = BTreeMap::from([(self.file, text)]);
        let (_, index) =
            listen(self.main, &WithMark { files: self.files, changed: changed.clone() }, self.language, Some(MARK));
        if index.is_some() || self.file == self.main {
            return index;
        }
        changed.insert(self.main, self.known?.text(self.main)?);
        listen(self.main, &WithMark { files: self.files, changed }, self.language, Some(MARK)).1
    }

    fn replace(&self, range: Range<usize>) -> Place {
        Place { file: self.file.to_owned(), start: range.start, end: range.end }
    }

    fn in_prompt(&self) -> Option<Completion> {
        lexical::region_at(self.text, self.offset)?;
        let marked = marked::insert(self.text, self.offset, MARK);
        self.in_expression(&marked, 0..marked.len(), false)
    }

    fn in_app(&self) -> Option<Completion> {
        for marked in marked::documents(self.text, self.offset) {
            let Some(at) = marked.find(MARK) else { continue };
            let Some((marked, tree)) = parse_around(marked, at) else { continue };
            let way = context::path(&tree, at);
            let glued = way.last().is_some_and(|last| marked::is_glued(&marked, last.part.value().span, at));
            if !glued && let Some(found) = self.at(&marked, &tree, &way, at) {
                return Some(found);
            }
        }
        // No way to parse it: what is known of names from before.
        let region = lexical::region_at(self.text, self.offset)?;
        self.by_names(self.known?, self.text, region.start, self.offset)
    }

    /// At a marker that has its place in the tree.
    fn at(&self, marked: &str, tree: &Tree, way: &[Segment<'_>], at: usize) -> Option<Completion> {
        let Some(last) = way.last() else {
            // The whole document is what is being typed.
            let lone = tree.as_str().is_some_and(|text| text.contains(MARK));
            return lone.then(|| self.keys(&self.language.shapes.root(tree), None, None));
        };
        let (holder, shape) = context::shapes(self.language.shapes, tree, way);
        if let Part::Key(entry) = last.part {
            // Where the schema knows no keys, a tool or a function may.
            let open = holder.keys().is_empty();
            return entry.key.contains(MARK).then(|| {
                let wanted = if open { self.wanted(marked, last.holder, at) } else { None };
                self.keys(&holder, Some(last.holder), wanted)
            });
        }
        let text = last.part.value().as_text().filter(|text| text.contains(MARK))?;
        let bare = last
            .part
            .entry()
            .is_some_and(|entry| names::is_bare(entry.key.as_str()) && last.holder.get("kind").is_some());
        let scalar = text.span.start as usize..text.span.end as usize;
        let region = marked.get(scalar.clone()).and_then(|source| lexical::region_at(source, at - scalar.start));
        if region.is_some() || bare {
            let inner = names::inside(text);
            let inner = inner.start as usize..inner.end as usize;
            return self.in_expression(marked, inner, bare && region.is_none());
        }
        Some(self.values(tree, &shape, last, at))
    }

    /// The type of the map that a tool or function takes, if the marker is a key of one.
    fn wanted(&self, marked: &str, holder: &Tree, at: usize) -> Option<Type> {
        let heard = self.listen(marked)?.heard;
        let holds = |start: u32, end: u32| start as usize <= at && at <= end as usize;
        let mut wanted =
            heard.wanted.into_iter().filter(|(span, _)| *span == holder.span && holds(span.start, span.end));
        wanted.next().map(|(_, ty)| ty)
    }

    /// Keys of a map, without those that it has.
    fn keys(&self, shape: &Shape<'_>, holder: Option<&Tree>, wanted: Option<Type>) -> Completion {
        let range = lexical::word_at(self.text, self.offset);
        let colon = self.text.get(range.end..).is_some_and(|rest| rest.trim_start_matches(' ').starts_with(':'));
        let has = |key: &str| holder.is_some_and(|holder| holder.get(key).is_some());
        let insert = |key: &str, map: bool| match (colon, map) {
            (true, _) => key.to_owned(),
            (false, true) => format!("{key}:"),
            (false, false) => format!("{key}: "),
        };
        let shapes = self.language.shapes;
        let mut items: Vec<Item> = vec![];
        for key in shape.keys().into_iter().filter(|key| !has(key)) {
            let own = shapes.key(shape, key, None);
            items.push(Item {
                label: key.to_owned(),
                sort: ItemSort::Key,
                detail: if shape.requires(key) { "required".to_owned() } else { String::new() },
                about: own.about(),
                insert: insert(key, own.is_map()),
                required: shape.requires(key),
            });
        }
        if let Some(Type::Object(object)) = wanted {
            for (name, field) in object.fields.iter().filter(|(name, _)| !has(name)) {
                items.push(Item {
                    label: name.clone(),
                    sort: ItemSort::Key,
                    detail: field.ty.to_string(),
                    about: field.description.clone().unwrap_or_default(),
                    insert: insert(name, false),
                    required: field.required,
                });
            }
        }
        items.sort_by_key(|item| !item.required);
        Completion { replace: self.replace(range), items }
    }

    /// Words and names that may be a value.
    fn values(&self, tree: &Tree, shape: &Shape<'_>, last: &Segment<'_>, at: usize) -> Completion {
        let range = marked::plain_at(self.text, self.offset);
        let mut items: Vec<Item> = vec![];
        // A list of names is begun with the first.
        let in_list = shape.is_list() && last.part.entry().is_some();
        for (name, detail) in shape.names.map_or_else(Vec::new, |section| self.named(section, tree, at)) {
            let insert = if in_list { format!("[{name}]") } else { name.clone() };
            items.push(Item {
                label: name,
                sort: ItemSort::Name,
                detail,
                about: String::new(),
                insert,
                required: false,
            });
        }
        for choice in shape.choices() {
            items.push(Item {
                label: choice.value.clone(),
                sort: ItemSort::Word,
                detail: String::new(),
                about: choice.about,
                insert: choice.value,
                required: false,
            });
        }
        let lone = last.part.value().as_str().is_some_and(|text| !text.contains(char::is_whitespace));
        if shape.is_map() && lone && items.is_empty() {
            return self.keys(shape, None, None);
        }
        Completion { replace: self.replace(range), items }
    }

    /// The names of a section, and what each is.
    fn named(&self, section: &str, tree: &Tree, at: usize) -> Vec<(String, String)> {
        let names = Names::of(tree);
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if section == "nodes" {
            let own = names.around(at).map(|node| node.at);
            let others = names.visible(at).into_iter().filter(|node| Some(node.at) != own);
            return others.map(|node| (node.id.clone(), node.kind.clone().unwrap_or_default())).collect();
        }
        let uses = |section: &str, name: &str| {
            let entry = tree.get(section).and_then(|entries| entries.get(name)?.get("use")?.as_str());
            entry.unwrap_or_default().to_owned()
        };
        let mut found: Vec<(String, String)> =
            names.section(section).map(|(name, _)| (name.to_owned(), uses(section, name))).collect();
        if section == "tools" {
            for (connection, _) in names.section("connections") {
                let sort = uses("connections", connection);
                let operations = self.language.catalog.connection(&sort).map_or(&[][..], |def| def.operations);
                found.extend(operations.iter().map(|operation| (format!("{connection}.{operation}"), sort.clone())));
            }
        }
        found
    }
}

/// Parses a text. Lines elsewhere that cannot be parsed are left out, a few at most.
fn parse_around(mut text: String, keep: usize) -> Option<(String, Tree)> {
    const MOST: usize = 3;
    for _ in 0..=MOST {
        let mut out = crate::diagnostic::Diagnostics::default();
        let source = Sources::default().add_text("", "");
        if let Some(tree) = yaml::parse(source, &text, &mut out) {
            return Some((text, tree));
        }
        let at = out.iter().filter_map(|problem| problem.at).map(|at| at.start as usize).next()?;
        let line = marked::line_of(&text, at);
        if line.contains(&keep) || line.is_empty() {
            return None;
        }
        marked::blank(&mut text, line);
    }
    None
}
