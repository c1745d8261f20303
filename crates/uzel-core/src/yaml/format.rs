//! The one layout of app files: comments, order, anchors and the texts of blocks stay; indentation, spaces, quotes and
//! line ends become the same everywhere. Called by `uzel fmt`.
//!
//! The text is read twice: as a [`Tree`](super::Tree), and as it is written (`concrete`). What is written is laid out
//! again (`write`), and the result is believed only when it parses to the same tree and has the same comments.

mod concrete;
mod page;
mod quotes;
#[cfg(test)]
mod tests;
mod write;

use self::concrete::{Concrete, Trivia};
use super::{
    Data,
    parse::{parse, without_last_blanks},
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    source::{SourceId, Span},
};

/// Flow lists and maps that need more columns become lines.
pub const WIDTH: usize = 120;

/// The text in the one layout. `None` when it cannot be parsed without an error, with the reasons in `out`: such a text
/// must stay as it is.
pub fn format(source: SourceId, text: &str, out: &mut Diagnostics) -> Option<String> {
    let mut found = Diagnostics::default();
    let tree = parse(source, text, &mut found);
    let tree = tree.filter(|_| !found.has_errors());
    out.extend(found);
    let tree = tree?;
    if !matches!(tree.data, Data::Map(_) | Data::List(_)) {
        // A lone value is no app, and has no layout.
        return Some(text.to_owned());
    }
    let unified = unified(text);
    let Some(concrete) = concrete::read(&unified) else {
        out.push(mistaken(Span::new(source, 0..0), "the layout of the file is not understood"));
        return None;
    };
    let comments = comments(&concrete);
    let formatted = write::write(concrete);
    let mut again = Diagnostics::default();
    let read = parse(source, &formatted, &mut again);
    let difference = match &read {
        Some(read) if !again.has_errors() => tree.difference(read),
        _ => Some(tree.span.head()),
    };
    if let Some(at) = difference {
        out.push(mistaken(at, "this value would be another one after formatting"));
        return None;
    }
    if concrete::read(&formatted).is_none_or(|concrete| self::comments(&concrete) != comments) {
        out.push(mistaken(tree.span.head(), "a comment would be lost by formatting"));
        return None;
    }
    Some(formatted)
}

/// Without a byte order mark, each line ended by `\n`.
fn unified(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    without_last_blanks(text).replace("\r\n", "\n").replace('\r', "\n")
}

fn comments(concrete: &Concrete<'_>) -> Vec<String> {
    let comment = |trivia: &Trivia<'_>| match trivia {
        Trivia::Comment { text, .. } => Some((*text).to_owned()),
        _ => None,
    };
    concrete.trivia.iter().filter_map(comment).collect()
}

fn mistaken(at: Span, message: &str) -> Diagnostic {
    Diagnostic::new(Code::FORMAT_REFUSED, at, message)
        .help("nothing was changed; this is a mistake of uzel: please report it with these lines of the file")
}
