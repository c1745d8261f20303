//! The line that a problem is in, to be shown below its place: of the app's files, or of the Rust program where its source
//! is at hand. Used by `error.rs`.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use uzel_core::source::{Position, Source, Sources, Span};

/// A longer line is shown from near the place on.
const WIDTH: usize = 160;
/// A longer source file is not read.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A line of source, and which part of it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, or the part of a long one that is shown.
    pub line: String,
    /// Characters before what is meant.
    pub start: usize,
    /// Characters that are meant, at least one.
    pub length: usize,
}

/// Finds lines. Files of the program are looked for once.
#[derive(Default)]
pub(crate) struct Lines {
    files: BTreeMap<&'static str, Option<Arc<str>>>,
}

impl Lines {
    /// The line at a place.
    pub(crate) fn excerpt(&mut self, at: Span, sources: &Sources) -> Option<Excerpt> {
        let position = sources.position(at);
        match sources.get(at.source)? {
            Source::Text { text, .. } => {
                let meant = text.get(at.start as usize..at.end as usize).unwrap_or_default();
                let meant = meant.lines().next().unwrap_or_default().chars().count();
                cut(text, &position, meant)
            }
            Source::Rust(at) => {
                let text = self.files.entry(at.file()).or_insert_with(|| program(at.file())).clone()?;
                let line = line(&text, &position)?;
                let column = (position.column as usize).checked_sub(1)?;
                let in_word = |c: char| c == '_' || c.is_alphanumeric();
                let word = line.chars().skip(column).take_while(|c| in_word(*c)).count();
                let begins = column == 0 || !line.chars().nth(column - 1).is_some_and(in_word);
                // A place is a call. Where none begins, the file is not the one that was compiled.
                if word > 0 && begins { cut(&text, &position, word) } else { None }
            }
        }
    }
}

fn line<'t>(text: &'t str, at: &Position) -> Option<&'t str> {
    text.lines().nth((at.line as usize).checked_sub(1)?)
}

fn cut(text: &str, at: &Position, meant: usize) -> Option<Excerpt> {
    let line = line(text, at)?;
    let before = (at.column as usize).checked_sub(1)?;
    let characters = line.chars().count();
    if line.trim().is_empty() || before > characters {
        return None;
    }
    let from = if characters > WIDTH { before.saturating_sub(WIDTH / 4) } else { 0 };
    // Tabs and the like have no width that is known here.
    let shown = line.chars().skip(from).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c });
    let line: String = shown.collect();
    let start = before - from;
    let length = meant.min(line.chars().count().saturating_sub(start)).max(1);
    Some(Excerpt { line, start, length })
}

/// A source file of this program. The compiler names it from the folder that the program was built in, which is often
/// the current one or above it.
fn program(file: &str) -> Option<Arc<str>> {
    let path = Path::new(file);
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let mut places = here.ancestors().take(8).map(|folder| folder.join(path));
    places.find_map(|path| {
        let file = fs::File::open(path).ok()?;
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).ok()?;
        Some(text.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, range: std::ops::Range<usize>) -> Option<Excerpt> {
        let mut sources = Sources::default();
        let id = sources.add_text("app.yaml", text);
        Lines::default().excerpt(Span::new(id, range), &sources)
    }

    fn shown(excerpt: &Excerpt) -> String {
        excerpt.line.chars().skip(excerpt.start).take(excerpt.length).collect()
    }

    #[test]
    fn what_is_meant_is_marked() {
        let text = "a: 1\nб:\tcde\n";
        let found = excerpt(text, 9..12).unwrap();
        assert_eq!((found.line.as_str(), found.start, shown(&found).as_str()), ("б: cde", 3, "cde"));
        // Over the end of the line, at it, and nowhere.
        assert_eq!(shown(&excerpt(text, 9..13).unwrap()), "cde");
        assert_eq!(excerpt(text, 4..4).unwrap().length, 1);
        assert_eq!(excerpt(text, 13..13), None);
        assert_eq!(excerpt("", 0..0), None);
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let text = format!("{}here{}", "x".repeat(500), "y".repeat(500));
        let found = excerpt(&text, 500..504).unwrap();
        assert_eq!((found.line.chars().count(), found.start, shown(&found).as_str()), (WIDTH, 40, "here"));
    }

    #[test]
    fn calls_of_the_program_are_found_in_its_source() {
        let mut sources = Sources::default();
        let here = || std::panic::Location::caller();
        let id = sources.add(Source::Rust(here()));
        let found = Lines::default().excerpt(Span::new(id, 0..0), &sources).unwrap();
        assert!(found.line.contains("std::panic::Location::caller()"), "{found:?}");
        assert_eq!(shown(&found), "std");
        assert_eq!(program("src/no-such-file.rs"), None);
    }
}
