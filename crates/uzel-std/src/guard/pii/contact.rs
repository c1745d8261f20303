//! Ways to reach somebody: email addresses, phone numbers, IP addresses. Used by the `pii` check.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
    sync::LazyLock,
};

use regex::Regex;

use super::super::forbidden::has_no_spaces;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// Email addresses in a folded text.
pub(super) fn emails(text: &str) -> Vec<Range<usize>> {
    if !text.contains('@') {
        return vec![];
    }
    // Plain domains first: `\p{L}` would take the words of scripts without spaces that follow the address.
    static PLAIN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+(?:[Xx][Nn]--[A-Za-z0-9-]+|[A-Za-z]{2,24})"));
    static WORLD: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[\p{L}\p{M}\p{N}._%+'-]+@(?:[\p{L}\p{M}\p{N}-]+\.)+[\p{L}\p{M}]{2,24}"));
    let mut found: Vec<Range<usize>> = vec![];
    for hit in PLAIN.find_iter(text) {
        // A letter like `ü` before the match belongs to the name.
        let more = text[..hit.start()].chars().rev().take_while(|&c| c.is_alphanumeric() && !has_no_spaces(c));
        let start = hit.start() - more.map(char::len_utf8).sum::<usize>();
        let continues = text[hit.end()..].chars().next().is_some_and(|c| c.is_alphabetic() && !has_no_spaces(c));
        if !continues && is_email(&text[start..hit.end()]) {
            found.push(start..hit.end());
        }
    }
    for hit in WORLD.find_iter(text) {
        let free = found.iter().all(|old| hit.end() <= old.start || old.end <= hit.start());
        if free && is_email(hit.as_str()) {
            found.push(hit.range());
        }
    }
    found
}

/// The lengths and the places of dots and dashes that RFC 5321 and RFC 1035 allow.
fn is_email(address: &str) -> bool {
    let Some((name, domain)) = address.rsplit_once('@') else { return false };
    let good_label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    name.len() <= 64 && domain.len() <= 253 && !name.trim_matches('.').is_empty() && domain.split('.').all(good_label)
}

/// Phone numbers in a folded text. Conservative: order numbers, dates and sums must not look like one.
pub(super) fn phones(text: &str) -> Vec<Range<usize>> {
    static WORLD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\+[ ]?\(?[1-9](?:[ .()/-]{0,3}[0-9]){6,14}"));
    static NORTH_AMERICA: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?:\b1[ .-])?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[.-])[2-9][0-9]{2}[ .-][0-9]{4}")
    });
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(concat!(
            r"(?i)(?:\b(?:tel|telephone|telefon|teléfono|telefone|téléphone|phone|mobile|mobil|móvil|handy|cell|fax|whatsapp)",
            r"(?: (?:number|no|nr))?|тел|телефон|моб|电话|手机|電話|携帯)\b?\.?[\s:.#-]{0,3}(?:is |ist |est |es )?",
            r"(\+?\(?[0-9](?:[ .()/-]{0,3}[0-9]){6,14})",
        ))
    });
    static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\+?[0-9]{4}-[0-9]{2}-[0-9]{2}"));
    let bytes = text.as_bytes();
    let ends = |end: usize| bytes.get(end).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    let begins = |start: usize| {
        text[..start].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '+'))
    };
    let mut found = vec![];
    for hit in WORLD.find_iter(text) {
        // A dash before the end or a dot and digits after it: a longer number, not this one.
        let longer = matches!(bytes.get(hit.end()), Some(b'.' | b',' | b'-'))
            && bytes.get(hit.end() + 1).is_some_and(u8::is_ascii_digit);
        if begins(hit.start()) && ends(hit.end()) && !longer && !DATE.is_match(hit.as_str()) {
            found.push(hit.range());
        }
    }
    found.extend(NORTH_AMERICA.find_iter(text).map(|hit| hit.range()).filter(|hit| begins(hit.start) && ends(hit.end)));
    for hit in NAMED.captures_iter(text) {
        let Some(number) = hit.get(1).filter(|number| ends(number.end()) && !DATE.is_match(number.as_str())) else {
            continue;
        };
        found.push(number.range());
    }
    found
}

/// IP addresses in a folded text.
pub(super) fn ips(text: &str) -> Vec<Range<usize>> {
    static FOUR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"));
    static SIX: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]+(?:[0-9]{1,3}\.[0-9.]+)?"));
    static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bv(?:er(?:sion)?)?\.? ?$"));
    let bytes = text.as_bytes();
    let part_of_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    let mut found: Vec<Range<usize>> = vec![];
    for hit in SIX.find_iter(text) {
        let address = hit.as_str().trim_end_matches('.');
        let digits = address.bytes().filter(u8::is_ascii_hexdigit).count();
        // `a::b` is a path in a program; an address has digits and four of them.
        let likely = digits >= 4 && address.bytes().any(|b| b.is_ascii_digit());
        let end = hit.start() + address.len();
        let before = hit.start().checked_sub(1).and_then(|i| bytes.get(i));
        let after = bytes.get(end).filter(|b| **b != b'.');
        if likely && !part_of_word(before) && !part_of_word(after) && address.parse::<Ipv6Addr>().is_ok() {
            found.push(hit.start()..end);
        }
    }
    for hit in FOUR.find_iter(text) {
        let before = hit.start().checked_sub(1).and_then(|i| bytes.get(i));
        let more = bytes.get(hit.end()).is_some_and(u8::is_ascii_alphanumeric)
            || (bytes.get(hit.end()) == Some(&b'.') && bytes.get(hit.end() + 1).is_some_and(u8::is_ascii_digit));
        let named_version = VERSION.is_match(last_chars(&text[..hit.start()], 10));
        let free = found.iter().all(|old| hit.end() <= old.start || old.end <= hit.start());
        if free && !part_of_word(before) && !more && !named_version && hit.as_str().parse::<Ipv4Addr>().is_ok() {
            found.push(hit.range());
        }
    }
    found
}

fn last_chars(text: &str, n: usize) -> &str {
    text.char_indices().rev().nth(n.saturating_sub(1)).map_or(text, |(at, _)| &text[at..])
}
