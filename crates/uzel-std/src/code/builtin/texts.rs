//! Functions over texts and JSON. Listed in the table of built-in functions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use unicode_segmentation::UnicodeSegmentation as _;

/// How many chunks a text may have.
const MAX_CHUNKS: usize = 10_000;

/// Parameters of `chunk_text`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChunkText {
    /// The text.
    text: String,
    /// Longest chunk, in characters, the overlap included.
    max_chars: usize,
    /// How many characters of the chunk before are repeated, at most; they begin at a word.
    #[serde(default)]
    overlap: usize,
}

/// A piece of a text.
#[derive(Serialize, JsonSchema)]
pub(super) struct Chunk {
    /// From 0.
    index: usize,
    /// First character in the whole text, from 0.
    start: usize,
    /// The piece, with its white space.
    text: String,
}

pub(super) fn chunk_text(params: ChunkText) -> Result<Vec<Chunk>, String> {
    let ChunkText { text, max_chars, overlap } = params;
    if max_chars == 0 || overlap >= max_chars {
        return Err(format!(
            "`max_chars` is {max_chars} and `overlap` {overlap}: it must be over 0 and over the overlap"
        ));
    }
    let chars: Vec<char> = text.chars().collect();
    // Where a cut is good, by how good: 3 before a paragraph, 2 before a sentence, 1 before a word.
    let mut quality = vec![0_u8; chars.len() + 1];
    let mut at = 0;
    for sentence in text.split_sentence_bounds() {
        quality[at] = 2;
        for word in sentence.split_word_bounds() {
            quality[at] = quality[at].max(u8::from(word.chars().any(char::is_alphanumeric)));
            at += word.chars().count();
        }
    }
    for at in 2..chars.len() {
        if chars[at - 1] == '\n' && chars[..at - 1].iter().rev().find(|c| !matches!(c, ' ' | '\r')) == Some(&'\n') {
            quality[at] = 3;
        }
    }
    let (mut chunks, mut start) = (vec![], 0);
    while start < chars.len() {
        let limit = (start + max_chars).min(chars.len());
        // The best cut in the last half; no chunk is shorter than the overlap needs to get on.
        let least = start + (max_chars / 2).max(overlap) + 1;
        let best = (least.min(limit)..=limit).rev().max_by_key(|&cut| (quality[cut], cut));
        let end = if limit == chars.len() { limit } else { best.unwrap_or(limit) };
        if chunks.len() == MAX_CHUNKS {
            return Err(format!("`text` needs more than {MAX_CHUNKS} chunks: raise `max_chars`"));
        }
        chunks.push(Chunk { index: chunks.len(), start, text: chars[start..end].iter().collect() });
        if end == chars.len() {
            break;
        }
        start = (end.saturating_sub(overlap)..=end).find(|&at| quality[at] > 0 && at > start).unwrap_or(end);
    }
    Ok(chunks)
}

/// Parameters of `hash`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hash {
    /// A text is hashed as it is; any other value as JSON with sorted fields and no spaces.
    value: Value,
}

pub(super) fn hash(params: Hash) -> Result<String, String> {
    let bytes = match params.value {
        Value::String(text) => text,
        other => canonical(&other),
    };
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    Ok(out)
}

/// JSON with the fields of every object in the order of their names.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let field =
                |(name, value): (&String, &Value)| format!("{}:{}", Value::String(name.clone()), canonical(value));
            format!("{{{}}}", sorted.into_iter().map(field).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Parameters of `json_parse`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonParse {
    /// JSON, or one fenced block of Markdown with JSON in it.
    text: String,
}

pub(super) fn json_parse(params: JsonParse) -> Result<Value, String> {
    let text = params.text.trim();
    let fenced = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let inner = fenced.and_then(|rest| rest.split_once('\n')).map_or(text, |(_, body)| body);
    serde_json::from_str(inner).map_err(|error| format!("`text` is no JSON: {error}"))
}

/// Parameters of `json_stringify`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonStringify {
    /// The value.
    value: Value,
    /// On several lines, for people.
    #[serde(default)]
    pretty: bool,
}

pub(super) fn json_stringify(params: JsonStringify) -> Result<String, String> {
    let write = if params.pretty { serde_json::to_string_pretty } else { serde_json::to_string };
    write(&params.value).map_err(|error| error.to_string())
}
