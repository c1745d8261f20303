//! What every store checks about an append or a release before it touches its data; called by both stores.
//!
//! All that can be judged without knowing the log is judged here, on the caller's thread: the writer has the least to
//! do, and a bad append never enters a group.

use std::collections::BTreeSet;

use uzel_core::{
    event::{EffectName, RunId, Seq},
    store::{Append, Error, Head, Release, Task},
};

use super::record;

/// Bytes of one record's body.
pub(super) const MAX_RECORD: usize = 64 << 20;
/// Bytes of one blob or one file of a release.
pub(super) const MAX_BLOB: usize = 256 << 20;
/// Bytes of a run's name, an effect's name, a task's name, or a hash.
pub(super) const MAX_NAME: usize = 4096;

/// A record, ready to be written.
pub(super) struct Encoded {
    pub(super) effect: Option<EffectName>,
    pub(super) body: Vec<u8>,
}

/// An append whose parts are sound and encoded.
pub(super) struct Admitted {
    pub(super) run: RunId,
    pub(super) after: Seq,
    pub(super) records: Vec<Encoded>,
    /// The row and JSON of its outcome.
    pub(super) head: Option<(Head, String)>,
    /// The tasks and their JSON.
    pub(super) tasks: Vec<(Task, String)>,
    pub(super) blobs: Vec<(String, Vec<u8>)>,
    /// Hashes of all large values that the run refers to with this append; each must be in it or in the store.
    pub(super) refers: BTreeSet<String>,
    /// About how much will be written, in bytes.
    pub(super) size: usize,
}

/// Checks and encodes an append.
pub(super) fn admit(run: RunId, after: Seq, append: Append) -> Result<Admitted, Error> {
    match check(&run, append) {
        Ok(parts) => Ok(Admitted { run, after, ..parts }),
        Err(cause) => Err(Error::Invalid { what: format!("an append to run `{run}`"), cause }),
    }
}

/// Checks a release.
pub(super) fn admit_release(release: &Release) -> Result<(), Error> {
    let check = || {
        name("its id", release.id.as_str())?;
        for (path, body) in &release.files {
            size(&format!("file `{path}`"), body.len(), MAX_BLOB)?;
        }
        if !release.files.contains_key(&release.main) {
            return Err(format!("its main file `{}` is not among its files", release.main));
        }
        if let Some(lacking) = release.overlays.iter().find(|overlay| !release.files.contains_key(*overlay)) {
            return Err(format!("its overlay `{lacking}` is not among its files"));
        }
        Ok(())
    };
    check().map_err(|cause| Error::Invalid { what: format!("release `{}`", release.id), cause })
}

/// What is wrong with an append that refers to a large value which is nowhere.
pub(super) fn lacks(hash: &str) -> String {
    format!("it refers to the large value `{hash}`, which is neither with it nor in the store")
}

fn check(run: &RunId, append: Append) -> Result<Admitted, String> {
    name("the run's name", run.as_str())?;
    let mut admitted = Admitted {
        run: run.clone(),
        after: 0,
        records: Vec::with_capacity(append.frames.len()),
        head: None,
        tasks: Vec::with_capacity(append.tasks.len()),
        blobs: append.blobs,
        refers: BTreeSet::new(),
        size: 256,
    };
    admitted.refers.extend(admitted.blobs.iter().map(|(hash, _)| hash.clone()));
    for (at, frame) in append.frames.into_iter().enumerate() {
        if let Some(effect) = &frame.effect {
            name("an effect's name", effect.as_str())?;
        }
        admitted.refers.extend(record::blobs(&frame.events).map(str::to_owned));
        let body = record::encode(&frame.events).map_err(|cause| format!("frame {at}: {cause}"))?;
        size(&format!("frame {at}"), body.len(), MAX_RECORD)?;
        admitted.size += body.len();
        admitted.records.push(Encoded { effect: frame.effect, body });
    }
    if let Some(head) = append.head {
        let outcome = check_head(run, &head).map_err(|cause| format!("its head: {cause}"))?;
        admitted.size += outcome.len();
        admitted.head = Some((head, outcome));
    }
    for task in append.tasks {
        name("a task's id", &task.id)?;
        if task.run != *run {
            return Err(format!("task `{}` is of run `{}`", task.id, task.run));
        }
        let json = record::json(&task).map_err(|cause| format!("task `{}`: {cause}", task.id))?;
        size(&format!("task `{}`", task.id), json.len(), MAX_RECORD)?;
        admitted.size += json.len();
        admitted.tasks.push((task, json));
    }
    for (hash, body) in &admitted.blobs {
        name("a blob's hash", hash)?;
        size(&format!("blob `{hash}`"), body.len(), MAX_BLOB)?;
        admitted.size += body.len();
    }
    Ok(admitted)
}

/// JSON of the head's outcome, if the head is sound.
fn check_head(run: &RunId, head: &Head) -> Result<String, String> {
    if head.run != *run {
        return Err(format!("it is of run `{}`", head.run));
    }
    if !head.cost_usd.is_finite() {
        return Err(format!("its cost is {}, which is no amount of money", head.cost_usd));
    }
    let numbers = [
        ("input_tokens", head.input_tokens),
        ("output_tokens", head.output_tokens),
        ("its line in the batch", head.batch.as_ref().map_or(0, |batch| batch.1)),
    ];
    for (what, number) in numbers {
        if i64::try_from(number).is_err() {
            return Err(format!("{what} is {number}; a store keeps at most {}", i64::MAX));
        }
    }
    let outcome = record::json(&head.outcome)?;
    size("its outcome", outcome.len(), MAX_RECORD)?;
    Ok(outcome)
}

fn name(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    size(what, text.len(), MAX_NAME)
}

fn size(what: &str, bytes: usize, most: usize) -> Result<(), String> {
    if bytes > most { Err(format!("{what} has {bytes} bytes; at most {most} are kept")) } else { Ok(()) }
}
