//! How a record's events become bytes and are read again; both stores keep these bytes.
//!
//! A body is one format byte and JSON. Its checksum covers the place of the record too, so that a record that was moved
//! is as noticeable as one that was changed.

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uzel_core::event::{Event, Seq, Stored};

/// The one format so far: JSON of the list of events.
const JSON: u8 = 1;

/// Bytes of a record's body.
pub(super) fn encode(events: &[Event]) -> Result<Vec<u8>, String> {
    let mut body = vec![JSON];
    serde_json::to_writer(&mut body, events).map_err(|error| error.to_string())?;
    readable::<Vec<Event>>(&body[1..])?;
    Ok(body)
}

/// The events of a body.
pub(super) fn decode(body: &[u8]) -> Result<Vec<Event>, String> {
    match body.split_first() {
        Some((&JSON, json)) => serde_json::from_slice(json).map_err(|error| error.to_string()),
        Some((format, _)) => Err(format!("its body has format {format}; this program knows {JSON}")),
        None => Err("its body is empty".to_owned()),
    }
}

/// Content hashes of the large values that events refer to.
pub(super) fn blobs(events: &[Event]) -> impl Iterator<Item = &str> {
    events.iter().filter_map(Event::stored).filter_map(|stored| match stored {
        Stored::Blob(hash) => Some(hash.as_str()),
        _ => None,
    })
}

/// JSON of a value that is kept beside the log.
pub(super) fn json<T: Serialize + DeserializeOwned>(value: &T) -> Result<String, String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    readable::<T>(text.as_bytes())?;
    Ok(text)
}

/// Some values can be written as JSON and never read again (a number that is not finite becomes null; nesting has a
/// bound that only the reader knows). What was acknowledged must be readable, so it is read before it is stored.
fn readable<T: DeserializeOwned>(json: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<T>(json).map(drop).map_err(|error| format!("it could not be read again: {error}"))
}

/// The first 8 bytes of SHA-256 over the parts; each part is preceded by its length, so they cannot run together.
pub(super) fn checksum(parts: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    i64::from_le_bytes(first)
}

/// The checksum of a record at its place.
pub(super) fn record_checksum(run: &str, seq: Seq, effect: Option<&str>, body: &[u8]) -> i64 {
    let has_effect = [u8::from(effect.is_some())];
    checksum(&[run.as_bytes(), &seq.to_le_bytes(), &has_effect, effect.unwrap_or("").as_bytes(), body])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_formats_and_garbage_are_errors() {
        assert_eq!(decode(&[]), Err("its body is empty".to_owned()));
        let unknown = "its body has format 9; this program knows 1".to_owned();
        assert_eq!(decode(&[9, b'[', b']']), Err(unknown));
        assert!(decode(&[JSON, b'[']).is_err());
        assert_eq!(decode(&[JSON, b'[', b']']), Ok(vec![]));
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(checksum(&[b"ab", b"c"]), checksum(&[b"a", b"bc"]));
        assert_ne!(record_checksum("r", 1, None, b"x"), record_checksum("r", 1, Some(""), b"x"));
        assert_ne!(record_checksum("r", 1, None, b"x"), record_checksum("r", 2, None, b"x"));
    }
}
