//! What a check says about a text, and how much of the text its report may show. Used by every check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest text that a check takes, in bytes.
pub const MAX_TEXT: usize = 4 << 20;
/// How many findings one check reports; the verdict and the redaction do not depend on it.
pub const MAX_FINDINGS: usize = 100;
/// Longest excerpt, in characters.
const MAX_EXCERPT: usize = 80;

/// One thing that a check noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The check, as written in the app file (`pii`).
    pub check: String,
    /// What was noticed (`card`, `ignore_instructions`).
    pub kind: String,
    /// One sentence for people.
    pub message: String,
    /// First character of the place, counted from 0 in characters.
    pub start: usize,
    /// One past its last character.
    pub end: usize,
    /// The place itself, cut to 80 characters and masked: it is stored in the log.
    pub excerpt: String,
}

/// What a check says about a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// What was noticed, in the order of the text; at most 100.
    pub findings: Vec<Finding>,
    /// Whether the text must not pass.
    pub blocked: bool,
    /// The text with redactions, when something was redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The number that the verdict rests on, for checks that have one (0 to 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// How much of an excerpt may be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Only its shape: letters and digits become `*`, but for the last two of a long one.
    Shape,
    /// The text, with numbers of five digits and more hidden.
    Text,
}

/// A finding at a byte range of `text`; ranges that are no character borders are a fault of the check.
pub(super) fn finding(
    text: &str,
    at: std::ops::Range<usize>,
    check: &str,
    kind: &str,
    message: impl Into<String>,
    show: Show,
) -> Finding {
    let start = text[..at.start].chars().count();
    let place = &text[at];
    Finding {
        check: check.to_owned(),
        kind: kind.to_owned(),
        message: message.into(),
        start,
        end: start + place.chars().count(),
        excerpt: excerpt(place, show),
    }
}

/// A finding about the text as a whole.
pub(super) fn about_all(text: &str, check: &str, kind: &str, message: impl Into<String>) -> Finding {
    Finding {
        check: check.to_owned(),
        kind: kind.to_owned(),
        message: message.into(),
        start: 0,
        end: text.chars().count(),
        excerpt: String::new(),
    }
}

fn excerpt(place: &str, show: Show) -> String {
    let short: Vec<char> = place.chars().take(MAX_EXCERPT).collect();
    let cut = place.chars().nth(MAX_EXCERPT).is_some();
    let mut masked = match show {
        Show::Shape => mask(&short, cut),
        Show::Text => hide_numbers(&short),
    };
    if cut {
        masked.push('…');
    }
    masked
}

fn mask(chars: &[char], cut: bool) -> String {
    let total = chars.iter().filter(|c| c.is_alphanumeric()).count();
    let shown = if total > 6 && !cut { 2 } else { 0 };
    let mut seen = 0;
    let hide = |&c: &char| {
        seen += usize::from(c.is_alphanumeric());
        if c.is_alphanumeric() && seen <= total - shown { '*' } else { c }
    };
    chars.iter().map(hide).collect()
}

fn hide_numbers(chars: &[char]) -> String {
    let mut shown = chars.to_vec();
    let mut from = 0;
    while from < shown.len() {
        let len = shown[from..].iter().take_while(|c| c.is_numeric()).count();
        if len >= 5 {
            shown[from..from + len].fill('*');
        }
        from += len.max(1);
    }
    shown.into_iter().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Refuses texts that would take a check too long.
pub(super) fn admit(text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT {
        return Err(format!("the text has {} bytes, checks take at most {MAX_TEXT}: cut it first", text.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_show_no_secret() {
        let cases = [
            ("4111 1111 1111 1111", Show::Shape, "**** **** **** **11"),
            ("a@b.ee", Show::Shape, "*@*.**"),
            ("order 123456 of 1234", Show::Text, "order ****** of 1234"),
        ];
        for (place, show, want) in cases {
            assert_eq!(excerpt(place, show), want);
        }
        assert!(excerpt(&"x9".repeat(100), Show::Shape).chars().all(|c| c == '*' || c == '…'));
    }

    #[test]
    fn offsets_are_characters() {
        let text = "éé card";
        let found = finding(text, 5..9, "pii", "card", "a card", Show::Text);
        assert_eq!((found.start, found.end, found.excerpt.as_str()), (3, 7, "card"));
    }
}
