//! `labels` of a node: names and texts that are carried along and change nothing. Called while a node is looked at.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    yaml::{Data, Entry, Tree},
};

/// More labels of one node tell nobody anything.
const MOST: usize = 32;
/// Characters of a name.
const LONGEST_NAME: usize = 64;
/// Characters of a text.
const LONGEST_TEXT: usize = 256;

/// The labels that can be read. What is wrong with the others is pushed.
pub(super) fn read(tree: Option<&Tree>, out: &mut Diagnostics) -> IndexMap<String, String> {
    let Some(tree) = tree.filter(|tree| !tree.is_null()) else { return IndexMap::new() };
    let Some(entries) = tree.as_map() else {
        let message = "`labels` must be a map of names and texts";
        out.push(Diagnostic::new(Code::WRONG_SHAPE, tree.span, message).help("write `labels: { team: billing }`"));
        return IndexMap::new();
    };
    let entries: Vec<&Entry> = entries.iter().filter(|entry| !entry.key.starts_with("x-")).collect();
    if let Some(first) = entries.get(MOST) {
        let message = format!("a node has at most {MOST} labels, and this one has {}", entries.len());
        let help = "keep those that somebody looks for; a longer text fits into `description`";
        out.push(Diagnostic::new(Code::BAD_LIMIT, first.key.span, message).help(help));
    }
    entries.into_iter().take(MOST).filter_map(|entry| label(entry, out)).collect()
}

fn label(entry: &Entry, out: &mut Diagnostics) -> Option<(String, String)> {
    let name = entry.key.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        let message = format!("`{name}` cannot be the name of a label");
        let help = format!("a name has letters, digits, `_`, `-`, `.` and `/`, at most {LONGEST_NAME}");
        out.push(Diagnostic::new(Code::BAD_NODE_ID, entry.key.span, message).help(help));
        return None;
    }
    let Data::Text(text) = &entry.value.data else {
        let message = format!("the label `{name}` must be a text");
        let written = match &entry.value.data {
            Data::Bool(_) | Data::Number(_) => entry.value.to_json().to_string(),
            _ => "…".to_owned(),
        };
        let diagnostic = Diagnostic::new(Code::WRONG_SHAPE, entry.value.span, message);
        out.push(diagnostic.help(format!("write `{name}: \"{written}\"`")));
        return None;
    };
    if text.contains("{{") {
        let message = format!("the label `{name}` is the same in every run: it holds no expression");
        let help = "write the text itself; what differs from run to run is in the run's input";
        out.push(Diagnostic::new(Code::WRONG_BRACES, text.span, message).help(help));
        return None;
    }
    let length = text.chars().count();
    if length > LONGEST_TEXT || text.chars().any(char::is_control) {
        let message = if length > LONGEST_TEXT {
            format!("the label `{name}` has {length} characters, and at most {LONGEST_TEXT} are taken")
        } else {
            format!("the label `{name}` has more than one line, or characters that nobody can see")
        };
        let help = "shorten it to one line; a longer text fits into `description`";
        out.push(Diagnostic::new(Code::BAD_LIMIT, text.span, message).help(help));
        return None;
    }
    Some((name.to_owned(), text.as_str().to_owned()))
}
