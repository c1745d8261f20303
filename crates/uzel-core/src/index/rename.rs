//! A node gets another name, everywhere. Refused unless the app means the same afterwards; nothing is written here.

use std::collections::BTreeMap;

use super::{Index, Language, Place, Target, analyse};
use crate::{
    check::{Files, ROOTS, Reading, is_name},
    diagnostic::{Code, Diagnostic, Severity},
    source::Span,
};

/// A piece of a file and what is to stand there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub at: Place,
    /// What comes.
    pub text: String,
}

/// The app's files with some of them changed.
struct Edited<'f> {
    files: &'f dyn Files,
    changed: BTreeMap<String, Vec<u8>>,
}

impl Files for Edited<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.changed.get(path).map_or_else(|| self.files.read(path), |bytes| Ok(bytes.clone()))
    }
}

/// The edits that give the node at a place another name, in the order of files and places.
///
/// # Errors
/// Why that cannot be done, in words for who asked.
pub fn rename(
    main: &str,
    files: &dyn Files,
    language: &Language<'_>,
    (file, offset): (&str, usize),
    to: &str,
) -> Result<Vec<Edit>, Diagnostic> {
    let (reading, index) = analyse(main, files, language);
    let Some(index) = index else {
        let why =
            reading.diagnostics.iter().next().map_or_else(String::new, |problem| format!(": {}", problem.message));
        return Err(refused(None, format!("the app file cannot be read as it is{why}")).help("correct that first"));
    };
    let Some((at, Target::Node(node))) = index.target_at(file, offset) else {
        return Err(refused(None, "there is no node's name here").help("only nodes can be renamed"));
    };
    let old = index.names.node_at(node).map(|node| node.id.clone()).unwrap_or_default();
    if old == to {
        return Ok(vec![]);
    }
    usable(&index, at, to)?;
    if !index.is_whole() {
        let message = "what expressions refer to is not known while nodes wait for each other";
        return Err(refused(at, message).help("correct that first"));
    }
    let mut edits = vec![];
    for place in index.places(&Target::Node(node), true) {
        edits.push(Edit { at: exact(&index, place, &old)?, text: to.to_owned() });
    }
    let changed = apply(&index, &edits);
    let (after, renamed) = analyse(main, &Edited { files, changed }, language);
    let errors =
        |reading: &Reading| reading.diagnostics.iter().filter(|problem| problem.severity == Severity::Error).count();
    let now = renamed.as_ref().map_or(0, |index| index.count(to));
    if errors(&after) > errors(&reading) || now != edits.len() {
        let before: Vec<&str> = reading.diagnostics.iter().map(|problem| problem.message.as_str()).collect();
        let new = after.diagnostics.iter().find(|problem| !before.contains(&problem.message.as_str()));
        let why = new.map_or_else(
            || format!("`{to}` means something else in one of the places where `{old}` stands"),
            |problem| format!("with this name {}", problem.message),
        );
        return Err(refused(at, why).help("choose another name"));
    }
    Ok(edits)
}

fn refused(at: impl Into<Option<Span>>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::RENAME_REFUSED, at, message)
}

/// Whether a node may have a name.
fn usable(index: &Index, at: Span, to: &str) -> Result<(), Diagnostic> {
    if !is_name(to) {
        let rules = "a name has letters, digits and `_`, at most 64, and does not begin with a digit";
        return Err(refused(at, format!("`{to}` is not a name that expressions can use")).help(rules));
    }
    if ROOTS.contains(&to) {
        let message = format!("a node cannot be called `{to}`: expressions use that name");
        return Err(refused(at, message).help("choose a name that says what the node does"));
    }
    if let Some(taken) = index.names.nodes.iter().find(|node| node.id == to) {
        let line = index.sources.position(taken.at).line;
        let message = format!("there is a node `{to}` already, in line {line}");
        return Err(refused(at, message).help("choose another name"));
    }
    Ok(())
}

/// The place of the name without quotes; refused where the name is written in another way.
fn exact(index: &Index, place: Place, name: &str) -> Result<Place, Diagnostic> {
    let written = index.text(&place.file).and_then(|text| text.get(place.start..place.end)).unwrap_or_default();
    if written == name {
        return Ok(place);
    }
    let quoted = |quote: &str| written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) == Some(name);
    if quoted("\"") || quoted("'") {
        return Ok(Place { start: place.start + 1, end: place.end - 1, ..place });
    }
    let line =
        index.text(&place.file).and_then(|text| text.get(..place.start)).unwrap_or_default().matches('\n').count() + 1;
    let message = format!("`{name}` is not written plainly in `{}`, line {line}", place.file);
    Err(refused(None, message).help("write that place without escapes first"))
}

/// The texts of the files that the edits change.
fn apply(index: &Index, edits: &[Edit]) -> BTreeMap<String, Vec<u8>> {
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    // From the end, so that earlier places stay where they are.
    for edit in edits.iter().rev() {
        let text = changed
            .entry(edit.at.file.clone())
            .or_insert_with(|| index.text(&edit.at.file).unwrap_or_default().to_owned());
        if text.get(edit.at.start..edit.at.end).is_some() {
            text.replace_range(edit.at.start..edit.at.end, &edit.text);
        }
    }
    changed.into_iter().map(|(file, text)| (file, text.into_bytes())).collect()
}

impl Index {
    /// How many places name the node of this name, its own among them.
    fn count(&self, id: &str) -> usize {
        let nodes = self.names.nodes.iter().filter(|node| node.id == id);
        nodes.map(|node| self.places(&Target::Node(node.at), true).len()).sum()
    }

    /// The name of a node at a place, which [`rename`] would change.
    pub fn renamable(&self, file: &str, offset: usize) -> Option<(Place, String)> {
        let (at, Target::Node(node)) = self.target_at(file, offset)? else { return None };
        let name = self.names.node_at(node)?.id.clone();
        exact(self, self.place(at)?, &name).ok().map(|place| (place, name))
    }
}
