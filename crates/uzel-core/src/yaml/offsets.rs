//! Character indices to byte offsets, for the marks of the event parser. Used by the parser only.

/// How many characters lie between two remembered offsets.
const STEP: usize = 64;

/// The byte offset of every [`STEP`]th character; nothing when all are ASCII.
pub(super) struct Offsets<'t> {
    text: &'t str,
    every: Vec<u32>,
}

impl<'t> Offsets<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let every = if text.is_ascii() {
            vec![]
        } else {
            text.char_indices().step_by(STEP).map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect()
        };
        Self { text, every }
    }

    /// The byte where the character with this index begins; the end of the text if there is none.
    pub(super) fn byte(&self, index: usize) -> usize {
        if self.every.is_empty() {
            return index.min(self.text.len());
        }
        let Some(near) = self.every.get(index / STEP) else { return self.text.len() };
        let near = *near as usize;
        let rest = self.text.get(near..).unwrap_or("");
        rest.char_indices().nth(index % STEP).map_or(self.text.len(), |(at, _)| near + at)
    }
}
