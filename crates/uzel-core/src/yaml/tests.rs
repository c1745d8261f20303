//! Tests of the YAML reader: mistakes that people make, places in scalars, typed reading, limits, random input.

#![allow(clippy::format_collect, clippy::too_many_lines, reason = "tables of texts")]

mod emit;
mod limits;
mod mistakes;
mod places;
mod random;
pub(super) use random::parts;
mod typed;
mod unquoted;

use std::fmt::Write;

use super::{Tree, parse};
use crate::{
    diagnostic::Diagnostics,
    source::{SourceId, Sources},
};

/// Parses without a word to say.
fn good(text: &str) -> Tree {
    let mut out = Diagnostics::default();
    let tree = parse(SourceId(0), text, &mut out);
    assert!(out.is_empty(), "{}", show(text, &out));
    tree.expect("a tree")
}

/// What `parse` says, one diagnostic in a block.
fn mistakes(text: &str) -> String {
    let mut out = Diagnostics::default();
    parse(SourceId(0), text, &mut out);
    show(text, &out)
}

/// `line:col code message`, the text of the place, labels and help.
fn show(text: &str, out: &Diagnostics) -> String {
    let mut sources = Sources::default();
    sources.add_text("f", text);
    let mut shown = String::new();
    for d in out {
        let place = d.at.map_or_else(String::new, |at| {
            let position = sources.position(at);
            format!("{}:{} {:?} ", position.line, position.column, sources.text(at))
        });
        writeln!(shown, "{place}{} {}", d.code, d.message).expect("a String takes all");
        for label in &d.labels {
            let position = sources.position(label.at);
            writeln!(shown, "  {}:{} {}", position.line, position.column, label.text).expect("a String takes all");
        }
        if let Some(help) = &d.help {
            writeln!(shown, "  help: {help}").expect("a String takes all");
        }
    }
    shown
}
