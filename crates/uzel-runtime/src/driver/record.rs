//! Events to records: one frame for each effect's result, large values by content hash.

use std::sync::Arc;

use serde_json::Value;
use uzel_core::{
    event::{Event, Stored},
    hash,
    store::{Error, Frame, Store},
};

/// Values larger than this as JSON are stored once, by content hash.
const LARGE: usize = 64 * 1024;

/// Frames and the large values that they refer to.
pub(crate) fn frames(events: Vec<Event>) -> (Vec<Frame>, Vec<(String, Vec<u8>)>) {
    let (mut frames, mut open, mut blobs) = (vec![], vec![], vec![]);
    for mut event in events {
        if let Some(stored) = event.stored_mut() {
            outsource(stored, &mut blobs);
        }
        let effect = match &event {
            Event::EffectReturned { effect, .. } => Some(effect.clone()),
            _ => None,
        };
        open.push(event);
        if effect.is_some() {
            frames.push(Frame { effect, events: std::mem::take(&mut open) });
        }
    }
    if !open.is_empty() {
        frames.push(Frame { effect: None, events: open });
    }
    (frames, blobs)
}

fn outsource(stored: &mut Stored, blobs: &mut Vec<(String, Vec<u8>)>) {
    let Stored::Here(value) = stored else { return };
    if !may_be_large(value) {
        return;
    }
    let Ok(bytes) = serde_json::to_vec(value) else { return };
    if bytes.len() > LARGE {
        let hash = hash::of_parts([bytes.as_slice()]);
        if !blobs.iter().any(|(known, _)| *known == hash) {
            blobs.push((hash.clone(), bytes));
        }
        *stored = Stored::Blob(hash);
    }
}

/// A cheap look before the value is written out: scalars and short texts are never large.
fn may_be_large(value: &Value) -> bool {
    fn spend(value: &Value, left: &mut usize) -> bool {
        let size = match value {
            Value::String(text) => text.len() + 2,
            Value::Array(items) => {
                return items.len() > *left || items.iter().any(|item| spend(item, left));
            }
            Value::Object(map) => {
                return map.iter().any(|(key, item)| {
                    *left = left.saturating_sub(key.len() + 4);
                    *left == 0 || spend(item, left)
                });
            }
            _ => 8,
        };
        *left = left.saturating_sub(size);
        *left == 0
    }
    // Escapes can make text longer than its bytes.
    spend(value, &mut (LARGE / 8))
}

/// Fetches the large values that events refer to, so that they can be applied.
///
/// # Errors
/// The store's, and a blob that is not there.
pub(crate) async fn fetch(store: &dyn Store, events: &mut [Event]) -> Result<(), Error> {
    for event in events {
        let Some(stored) = event.stored_mut() else { continue };
        if let Stored::Blob(hash) = stored {
            *stored = read_value(hash, store.blob(hash.clone()).await?)?;
        }
    }
    Ok(())
}

/// A large value from what the store has of it.
///
/// # Errors
/// It is not there, or is no JSON.
pub(crate) fn read_value(hash: &str, bytes: Option<Vec<u8>>) -> Result<Stored, Error> {
    let damaged = |cause: String| Error::Damaged { what: format!("the large value `{hash}`"), cause };
    let bytes = bytes.ok_or_else(|| damaged("it is missing".to_owned()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    Ok(Stored::Here(Arc::new(value)))
}
