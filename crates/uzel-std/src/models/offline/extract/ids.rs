//! Phone numbers and identifier-like tokens in running text; used by `Facts`. Payment card numbers are neither.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, MAX_FACTS, Taken};

/// Phone numbers: 8 to 15 digits with a `+`, a bracketed area code or separators.
pub(super) fn find_phones(text: &str, taken: &mut Taken) -> Vec<Found<String>> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:\+|\()?\d(?:[ \u{a0}().\-/]{0,2}\d){6,18}").expect("the pattern is valid")
    });
    let mut out = Vec::new();
    for found in PATTERN.find_iter(text) {
        let at = found.range();
        let spelled = found.as_str();
        let digits: String = spelled.chars().filter(char::is_ascii_digit).collect();
        let before = text[..at.start].chars().next_back();
        let glued =
            before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '#' | '_' | '/' | '.'));
        let glued = glued || text[at.end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let marked = spelled.starts_with(['+', '('])
            || spelled.chars().any(|c| matches!(c, ' ' | '-' | '/' | '.')) && digits.len() >= 9;
        if is_card(&digits) && !spelled.starts_with('+') && taken.is_free(&at) {
            taken.add(at);
            continue;
        }
        if out.len() < MAX_FACTS
            && !glued
            && marked
            && (8..=15).contains(&digits.len())
            && taken.is_free(&at)
        {
            taken.add(at.clone());
            out.push(Found {
                at,
                value: spelled.to_owned(),
            });
        }
    }
    out
}

/// Whether digits are a payment card's number: 13 to 19 of them with a right check digit (Luhn, ISO/IEC 7812).
fn is_card(digits: &str) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            let weighted = if index % 2 == 1 { digit * 2 } else { digit };
            weighted / 10 + weighted % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Tokens with a digit in them, of 2 to 40 characters, that are not already something else. Bare digits too: `fill`
/// decides by the words around them.
pub(super) fn find(text: &str, taken: &Taken) -> Vec<Found<String>> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*").expect("the pattern is valid")
    });
    let mut out = Vec::new();
    for found in PATTERN.find_iter(text) {
        let (at, token) = (found.range(), found.as_str());
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        let glued = text[..at.start].ends_with(|c: char| {
            c.is_alphanumeric() && !super::super::ngrams::is_spaceless(c)
                || matches!(c, '@' | '$' | '€' | '£' | '_')
        });
        let decimal = token.contains('.') && token.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        // "1,234" and "12:30" are no ids.
        let is_digit = |place: Option<char>| place.is_some_and(|c| c.is_ascii_digit());
        let inner = text[..at.start].ends_with([',', ':', '.'])
            && is_digit(text[..at.start].chars().nth_back(1));
        let inner = inner
            || text[at.end..].starts_with([',', ':']) && is_digit(text[at.end..].chars().nth(1));
        let glued = glued
            || inner
            || text[at.end..].starts_with(|c: char| {
                c == '%' || c.is_alphabetic() && !super::super::ngrams::is_spaceless(c)
            });
        if out.len() < MAX_FACTS
            && digits > 0
            && !decimal
            && !glued
            && (2..=40).contains(&token.len())
            && taken.is_free(&at)
        {
            out.push(Found {
                at,
                value: token.to_owned(),
            });
        }
    }
    out
}
