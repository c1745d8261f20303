//! Tokens and hashed character and word n-grams: the only view of a text that the `offline` model's scores use.
//!
//! Text is folded first (NFKD, combining marks dropped, Unicode lower case), so `Rückerstattung` and
//! `RUCKERSTATTUNG` are one word. Scripts written without spaces become overlapping pairs of characters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// One word of a text: its place in bytes and its folded form (never empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub start: usize,
    pub end: usize,
    pub word: String,
}

/// A sparse vector: hashed features with weights, sorted by feature, each feature once.
pub(crate) type Vector = Vec<(u32, f32)>;

/// How many characters of a text its vector looks at: the head and, for longer texts, the tail.
const VECTOR_HEAD: usize = 16_000;
const VECTOR_TAIL: usize = 4_000;
/// Longer words are cut for n-grams (base64 blobs, URLs).
const MAX_WORD: usize = 40;

/// Lower case without accents.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a character belongs to a script that does not put spaces between words.
pub(crate) fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff   // Thai, Lao, Burmese, Khmer
        | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f // Kana
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3134f) // Han
}

/// The words of a text in order. `don't` is one word (`dont`), `l'ordre` is two.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if !first.is_alphanumeric() {
            continue;
        }
        if is_spaceless(first) {
            let mut run = vec![(start, first)];
            while let Some((at, c)) =
                chars.next_if(|(_, c)| is_spaceless(*c) || is_combining_mark(*c))
            {
                run.push((at, c));
            }
            push_pairs(&run, &mut out);
            continue;
        }
        let mut end = start + first.len_utf8();
        loop {
            match chars.peek().copied() {
                Some((at, c))
                    if (c.is_alphanumeric() || is_combining_mark(c)) && !is_spaceless(c) =>
                {
                    end = at + c.len_utf8();
                    chars.next();
                }
                // The apostrophe of "n't" stays inside its word, so that a negation is one token.
                Some((at, '\'' | '’'))
                    if text[at..]
                        .chars()
                        .nth(1)
                        .is_some_and(|c| c == 't' || c == 'T')
                        && text[..at].ends_with(['n', 'N'])
                        && !text[at..].chars().nth(2).is_some_and(char::is_alphanumeric) =>
                {
                    chars.next();
                }
                _ => break,
            }
        }
        let word: String = fold(&text[start..end])
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect();
        if !word.is_empty() {
            out.push(Token { start, end, word });
        }
    }
    out
}

fn push_pairs(run: &[(usize, char)], out: &mut Vec<Token>) {
    for pair in run.windows(run.len().min(2)) {
        let (start, (last_at, last)) = (pair[0].0, pair[pair.len() - 1]);
        let word = fold(&pair.iter().map(|(_, c)| *c).collect::<String>());
        if !word.is_empty() {
            out.push(Token {
                start,
                end: last_at + last.len_utf8(),
                word,
            });
        }
    }
}

/// The part of `text` that its vector is made from, as at most two pieces cut at character boundaries.
fn window(text: &str) -> (&str, &str) {
    if text.len() <= VECTOR_HEAD + VECTOR_TAIL {
        return (text, "");
    }
    let head = text.floor_char_boundary(VECTOR_HEAD);
    let tail = text.ceil_char_boundary(text.len() - VECTOR_TAIL).max(head);
    (&text[..head], &text[tail..])
}

/// The hashed features of a text with raw, sublinear weights (square root of the weighted count), not normalised.
pub(crate) fn features(text: &str) -> Vector {
    let (head, tail) = window(text);
    let mut hashed: Vec<(u32, f32)> = Vec::with_capacity(head.len() * 4);
    for piece in [head, tail] {
        push_features(&tokens(piece), &mut hashed);
        if piece.contains(['?', '？', '¿', '؟']) {
            hashed.push((hash(3, "?"), 1.0));
        }
    }
    merge(hashed, f32::sqrt)
}

fn push_features(tokens: &[Token], out: &mut Vec<(u32, f32)>) {
    let mut padded: Vec<char> = Vec::with_capacity(MAX_WORD + 2);
    for (index, token) in tokens.iter().enumerate() {
        let weight = if super::words::is_stopword(&token.word) {
            0.1
        } else {
            1.0
        };
        out.push((hash(1, &token.word), 3.0 * weight));
        if let Some(next) = tokens.get(index + 1) {
            out.push((hash_two(&token.word, &next.word), 1.0));
        }
        padded.clear();
        padded.push(' ');
        padded.extend(token.word.chars().take(MAX_WORD));
        padded.push(' ');
        for n in 3..=5 {
            for gram in padded.windows(n) {
                out.push((hash_chars(gram), weight * weight));
            }
        }
    }
}

/// Sorts, adds up equal features and maps each total.
pub(crate) fn merge(mut pairs: Vec<(u32, f32)>, map: impl Fn(f32) -> f32) -> Vector {
    // A stable sort: equal features keep their order, so sums of floats are the same everywhere.
    pairs.sort_by_key(|(feature, _)| *feature);
    let mut out: Vector = Vec::with_capacity(pairs.len());
    for (feature, weight) in pairs {
        match out.last_mut() {
            Some(last) if last.0 == feature => last.1 += weight,
            _ => out.push((feature, weight)),
        }
    }
    for entry in &mut out {
        entry.1 = map(entry.1);
    }
    out
}

/// Scales a vector to length 1; a zero vector stays as it is.
pub(crate) fn normalise(vector: &mut Vector) {
    let length = vector.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
    if length > 0.0 {
        for entry in vector {
            entry.1 /= length;
        }
    }
}

/// A text's features, scaled to length 1.
pub(crate) fn vector(text: &str) -> Vector {
    let mut out = features(text);
    normalise(&mut out);
    out
}

/// The dot product; the cosine similarity (0..1) when both have length 1.
pub(crate) fn dot(a: &Vector, b: &Vector) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += f64::from(a[i].1) * f64::from(b[j].1);
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

const FNV_OFFSET: u32 = 0x811c_9dc5;

fn fnv(state: u32, byte: u32) -> u32 {
    (state ^ byte).wrapping_mul(0x0100_0193)
}

/// FNV-1a over bytes with a family number first, so that the word `a` and the gram `a` differ, then mixed.
fn hash(family: u32, text: &str) -> u32 {
    mix(text.bytes().fold(fnv(FNV_OFFSET, family), |state, byte| {
        fnv(state, byte.into())
    }))
}

fn hash_two(a: &str, b: &str) -> u32 {
    let bytes = a.bytes().chain([b' ']).chain(b.bytes());
    mix(bytes.fold(fnv(FNV_OFFSET, 2), |state, byte| fnv(state, byte.into())))
}

fn hash_chars(gram: &[char]) -> u32 {
    mix(gram.iter().fold(fnv(FNV_OFFSET, 7), |state, c| {
        fnv(fnv(state, u32::from(*c) >> 8), u32::from(*c) & 0xff)
    }))
}

/// The finaliser of MurmurHash3: FNV's low bits are weak, and small tables use the low bits.
fn mix(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str]) {
        let found = tokens(text);
        assert_eq!(
            found.iter().map(|t| t.word.as_str()).collect::<Vec<_>>(),
            words,
            "{text}"
        );
        for token in &found {
            assert!(
                text.get(token.start..token.end).is_some(),
                "{token:?} is not a slice of {text:?}"
            );
        }
    }

    #[test]
    fn words_of_many_scripts() {
        check(
            "Don't pay l'ordre A-1042!",
            &["dont", "pay", "l", "ordre", "a", "1042"],
        );
        check(
            "RÜCKERSTATTUNG für Straße",
            &["ruckerstattung", "fur", "straße"],
        );
        check("возврат денег", &["возврат", "денег"]);
        check("退款政策。好", &["退款", "款政", "政策", "好"]);
        check("e\u{301}te\u{301} \u{301} 👩‍👩‍👧", &["ete"]);
        check("", &[]);
    }

    #[test]
    fn similar_texts_are_nearer() {
        let a = vector("my refund has not arrived");
        let b = vector("the refund never arrived");
        let c = vector("how do I change my PIN");
        assert!(dot(&a, &b) > 2.0 * dot(&a, &c));
        assert!((dot(&a, &a) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn hashes_are_the_same_everywhere() {
        // A change of these numbers changes every answer of the model.
        assert_eq!(
            [
                hash(1, "refund"),
                hash_two("a", "b"),
                hash_chars(&['退', ' '])
            ],
            [3_894_725_630, 595_040_727, 2_565_359_545]
        );
    }
}
