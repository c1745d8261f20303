//! Content hashes: of releases, effects' names, questions.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of several parts in hexadecimal; each part is preceded by its length, so that no two lists collide.
pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// SHA-256 of a value as JSON.
pub fn of_json(value: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    of_parts([bytes.as_slice()])
}

/// The idempotency key of an effect: the same for every try and every execution again.
pub fn effect_key(run: &str, effect: &str) -> String {
    let mut key = of_parts([b"uzel effect".as_slice(), run.as_bytes(), effect.as_bytes()]);
    key.truncate(40);
    key
}
