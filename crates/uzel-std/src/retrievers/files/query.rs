//! Turns what people and models ask into a safe FTS5 query, and prepares text for the index. Used by the file retriever.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::guard::{
    fold::{Fold, fold},
    forbidden::has_no_spaces,
    grounded::words::is_stop_word,
};

/// How many terms of a query are used, and how many of its bytes are read.
const MAX_TERMS: usize = 64;
const MAX_QUERY: usize = 64 << 10;

/// Any of the terms; nothing if there is no word in the text. Stop words are dropped when other words remain. Every
/// term is quoted, so nothing in the text is syntax.
pub(super) fn query(text: &str) -> Option<String> {
    let mut end = text.len().min(MAX_QUERY);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let folded = fold(&text[..end], Fold::ALL).text;
    let words: Vec<&str> = folded.unicode_words().collect();
    let content: Vec<&str> = words.iter().copied().filter(|word| !is_stop_word(word)).collect();
    let words = if content.is_empty() { words } else { content };
    let mut terms: Vec<String> = vec![];
    let mut run: Option<(char, usize)> = None;
    for word in words {
        let start = word.as_ptr() as usize - folded.as_ptr() as usize;
        let mut chars = word.chars();
        let (term, last) = match (chars.next(), chars.next()) {
            // Scripts without spaces come as single characters: neighbours make one term.
            (Some(c), None) if has_no_spaces(c) => {
                let joined = run.filter(|(_, end)| *end == start).map(|(before, _)| format!("\"{before} {c}\""));
                let next = folded[start + word.len()..].chars().next();
                let alone = joined.is_none() && !next.is_some_and(|c| has_no_spaces(c) && c.is_alphanumeric());
                (joined.or_else(|| alone.then(|| format!("\"{c}\""))), Some((c, start + word.len())))
            }
            _ => (Some(format!("\"{}\"", spaced(word).replace('"', " "))), None),
        };
        run = last;
        if let Some(term) = term.filter(|term| !terms.contains(term)) {
            terms.push(term);
        }
        if terms.len() == MAX_TERMS {
            break;
        }
    }
    (!terms.is_empty()).then(|| terms.join(" OR "))
}

/// Text for the index: FTS5 takes a run of letters for one word, so scripts without spaces get them here.
pub(super) fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if has_no_spaces(c) {
            out.extend([' ', c, ' ']);
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_terms_and_never_syntax() {
        let cases = [
            ("How do I get a refund?", Some(r#""get" OR "refund""#)),
            ("the", Some(r#""the""#)),
            (r#"a" OR x NEAR(b) AND col:* -y"#, Some(r#""x" OR "near" OR "b" OR "col""#)),
            ("Zölle für Bücher", Some(r#""zolle" OR "bucher""#)),
            ("退款政策 PDF", Some(r#""退 款" OR "款 政" OR "政 策" OR "pdf""#)),
            ("款", Some(r#""款""#)),
            ("?! \u{0}", None),
        ];
        for (text, want) in cases {
            assert_eq!(query(text).as_deref(), want, "{text}");
        }
        let long: String = (0..100).map(|n| "w".to_owned() + &n.to_string() + " ").collect();
        assert_eq!(query(&long).unwrap().matches(" OR ").count(), MAX_TERMS - 1);
    }
}
