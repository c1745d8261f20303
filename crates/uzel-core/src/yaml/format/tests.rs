//! The one layout: what becomes of layouts that people write, and what is never lost.

mod nasty;
mod random;

use super::format;
use crate::{diagnostic::Diagnostics, source::SourceId, yaml::parse};

/// A text in the one layout, or what is wrong with that: it is refused, it says something else, it is not stable.
fn formatted(text: &str) -> Result<String, String> {
    let mut out = Diagnostics::default();
    let read =
        |text: &str| parse(SourceId(0), text, &mut Diagnostics::default()).map(|tree| tree.to_json().to_string());
    let Some(formatted) = format(SourceId(0), text, &mut out) else {
        let said: Vec<&str> = out.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        return Err(format!("{text:?} is refused: {said:?}"));
    };
    if read(text) != read(&formatted) {
        return Err(format!("{text:?} says something else as {formatted:?}"));
    }
    match format(SourceId(0), &formatted, &mut out) {
        Some(again) if again == formatted => Ok(formatted),
        again => Err(format!("{text:?} is not stable: {formatted:?}, then {again:?}")),
    }
}

/// Whether a text has a layout: it is read without an error.
fn has_layout(text: &str) -> bool {
    let mut out = Diagnostics::default();
    parse(SourceId(0), text, &mut out).is_some() && !out.has_errors()
}
