//! How wide texts are on a terminal, and lines that are no wider than asked. Used by every drawing.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes, at most: terminals differ about characters that are joined.
pub(super) fn width(text: &str) -> usize {
    text.width().max(text.chars().map(|c| c.width().unwrap_or(0)).sum())
}

/// One line without characters that move the cursor or change the direction of writing.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_whitespace() || c.is_control() {
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
        } else if !turns {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// A text of at most so many columns; what is cut off is shown by `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (head, _) = split(text, most.saturating_sub(1));
    format!("{}…", head.trim_end())
}

/// Lines of at most so many columns, broken at spaces where that is possible. At least one line.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(2);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let last = lines.last_mut().expect("there is a line");
            let gap = usize::from(!last.is_empty());
            if width(last) + gap + width(word) <= most {
                if gap == 1 {
                    last.push(' ');
                }
                last.push_str(word);
                break;
            }
            if !last.is_empty() {
                lines.push(String::new());
                continue;
            }
            let (head, tail) = split(word, most);
            last.push_str(head);
            word = tail;
            if word.is_empty() {
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

/// The longest beginning of at most so many columns, at least one character, and the rest.
fn split(text: &str, most: usize) -> (&str, &str) {
    let mut used = 0;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > most && at > 0 {
            end = at;
            break;
        }
    }
    // A character that makes the one before it wider.
    while width(&text[..end]) > most
        && let Some((at, _)) = text[..end].char_indices().next_back()
        && at > 0
    {
        end = at;
    }
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_in_words_that_are_too_long() {
        assert_eq!(wrap("refund | question | complaint", 12), ["refund |", "question |", "complaint"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a bcdefgh", 4), ["a", "bcde", "fgh"]);
        assert_eq!(wrap("返品 交換", 5), ["返品", "交換"]);
        assert_eq!(wrap("返品交換", 5), ["返品", "交換"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn what_is_cut_off_is_shown() {
        assert_eq!(cut("decide.eligible and more", 12), "decide.elig…");
        assert_eq!(cut("返品交換", 5), "返品…");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(plain("a\n\tb \u{1b}[31m\u{202e}c "), "a b [31mc");
    }
}
