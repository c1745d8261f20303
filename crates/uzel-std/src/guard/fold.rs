//! Makes different spellings of the same text equal before a check looks at it, and finds the way back: used by the
//! `pii`, `forbidden`, `prompt_injection` and `grounded` checks.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

/// What is made equal. Digits of any script, wide letters, dashes and invisible characters always are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fold {
    /// Lower case.
    pub case: bool,
    /// Letters without their accents (Latin, Greek, Cyrillic; `й` stays).
    pub accents: bool,
    /// A run of white space becomes one space, or one line break if there is one in it.
    pub spaces: bool,
}

impl Fold {
    /// Everything: for comparing words.
    pub const ALL: Self = Self { case: true, accents: true, spaces: true };
}

/// A folded text that remembers where each piece of it comes from.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// For every byte of `text`, the byte range of the original character.
    origin: Vec<(u32, u32)>,
}

impl Folded {
    /// The byte range of the original text that a byte range of the folded one comes from.
    pub fn original(&self, folded: Range<usize>) -> Range<usize> {
        if folded.is_empty() {
            let at = self.origin.get(folded.start).or(self.origin.last()).map_or(0, |o| o.0 as usize);
            return at..at;
        }
        self.origin[folded.start].0 as usize..self.origin[folded.end - 1].1 as usize
    }

    fn push(&mut self, c: char, from: (u32, u32)) {
        self.text.push(c);
        self.origin.extend(std::iter::repeat_n(from, c.len_utf8()));
    }
}

/// Folds a text of less than 4 GiB.
pub fn fold(text: &str, what: Fold) -> Folded {
    let mut out = Folded { text: String::with_capacity(text.len()), origin: Vec::with_capacity(text.len()) };
    let mut space: Option<(char, (u32, u32))> = None;
    for (at, c) in text.char_indices() {
        let from = (at as u32, (at + c.len_utf8()) as u32);
        if is_invisible(c) {
            continue;
        }
        if what.spaces && c.is_whitespace() {
            let c = if c == '\n' || c == '\r' { '\n' } else { ' ' };
            space = match space {
                Some((old, (start, _))) => Some((if old == '\n' { old } else { c }, (start, from.1))),
                None => Some((c, from)),
            };
            continue;
        }
        if let Some((c, from)) = space.take() {
            out.push(c, from);
        }
        fold_char(c, what, |c| out.push(c, from));
    }
    if let Some((c, from)) = space {
        out.push(c, from);
    }
    out
}

fn fold_char(c: char, what: Fold, mut put: impl FnMut(char)) {
    if c.is_ascii() {
        put(if what.case { c.to_ascii_lowercase() } else { c });
        return;
    }
    if let Some(digit) = decimal_digit(c) {
        put(digit);
        return;
    }
    if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}') {
        put('-');
        return;
    }
    if c.is_whitespace() {
        put(if c == '\u{2028}' || c == '\u{2029}' { '\n' } else { ' ' });
        return;
    }
    for c in std::iter::once(c).nfkc() {
        let c = if what.accents { bare(c) } else { Some(c) };
        match c {
            Some(c) if what.case => c.to_lowercase().filter(|&c| !what.accents || !is_accent(c)).for_each(&mut put),
            Some(c) => put(c),
            None => {}
        }
    }
}

/// The letter without accents; nothing for an accent that stands alone.
fn bare(c: char) -> Option<char> {
    if is_accent(c) {
        return None;
    }
    if matches!(c, 'й' | 'Й') {
        return Some(c);
    }
    let mut parts = std::iter::once(c).nfd();
    let base = parts.next()?;
    Some(if parts.all(is_accent) { base } else { c })
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// Characters that nobody sees and that split words for a machine: soft hyphens, joiners, direction marks, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// The zeros of the decimal digits (Unicode category Nd) outside ASCII; the nine others follow each.
const ZEROS: [u32; 54] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0,
    0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E950,
];

fn decimal_digit(c: char) -> Option<char> {
    let code = c as u32;
    let zero = ZEROS[..ZEROS.partition_point(|&zero| zero <= code)].last()?;
    char::from_digit((code - zero < 10).then_some(code - zero)?, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_become_equal() {
        let cases = [
            ("٤١١١ ４１１１", "4111 4111"),
            ("Ig\u{200B}nore\u{00A0} \t ALL", "ignore all"),
            ("Crème brûlée — ﬁn", "creme brulee - fin"),
            ("Ёлка и Йод", "елка и йод"),
            ("が 漢字", "が 漢字"),
            ("a \r\n  b", "a\nb"),
            ("İstanbul", "istanbul"),
        ];
        for (text, want) in cases {
            assert_eq!(fold(text, Fold::ALL).text, want, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_way_back_is_always_a_range_of_the_original(text in ".{0,60}") {
            let folded = fold(&text, Fold::ALL);
            let borders: Vec<usize> = folded.text.char_indices().map(|(i, _)| i).chain([folded.text.len()]).collect();
            for pair in borders.windows(2) {
                let range = folded.original(pair[0]..pair[1]);
                proptest::prop_assert!(text.get(range).is_some_and(|s| !s.is_empty()));
            }
        }
    }
}
