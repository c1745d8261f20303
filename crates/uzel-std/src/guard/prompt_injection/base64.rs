//! Finds text that base64 hides. Used by the `prompt_injection` check.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// How many blobs of one text are decoded, and how many bytes of each.
const MAX_BLOBS: usize = 20;
const MAX_BLOB: usize = 64 << 10;

/// Runs of base64 (RFC 4648, both alphabets, padding optional) that decode to readable text.
pub(super) fn hidden_texts(text: &str) -> Vec<(Range<usize>, String)> {
    static BLOB: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{24,}={0,2}").expect("a valid pattern"));
    let decode = |hit: regex::Match<'_>| {
        let blob = hit.as_str().trim_end_matches('=').as_bytes();
        // The cut may fall into a character: up to three bytes at the end may be no text.
        let bytes = decode(&blob[..blob.len().min(MAX_BLOB)])?;
        let whole = bytes.utf8_chunks().next()?.valid();
        let hidden = (bytes.len() - whole.len() < 4).then(|| whole.to_owned())?;
        let readable = hidden.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).count();
        (readable * 10 > hidden.chars().count() * 7).then(|| (hit.range(), hidden))
    };
    BLOB.find_iter(text).take(MAX_BLOBS).filter_map(decode).collect()
}

fn decode(blob: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(blob.len() / 4 * 3 + 2);
    let (mut bits, mut have) = (0_u32, 0);
    for byte in blob {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_blobs_only() {
        let hidden = |text: &str| hidden_texts(text).into_iter().map(|(at, text)| (at.start, text)).collect::<Vec<_>>();
        assert_eq!(hidden("x SGVsbG8gd29ybGQsIGhvdyBhcmUgeW91Pw== y"), [(2, "Hello world, how are you?".to_owned())]);
        assert_eq!(hidden("sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"), []);
        assert_eq!(hidden("short SGVsbG8="), []);
    }
}
