//! The built-in `offline` model: answers an `llm` node without network or weights; the provider of that name calls it.
//!
//! It is not a language model. It classifies by n-gram similarity, copies values out of the text, and selects
//! sentences. The same question gives the same bytes on every machine. Nothing in it follows instructions, so a hostile text
//! can mislead its choice but not give it orders.

mod answer;
mod classify;
mod exact;
mod extract;
mod fill;
mod logistic;
mod ngrams;
mod sentences;
mod subject;
mod words;

use serde_json::Value;

/// Bytes of the text, the prompt and the system message that are read; the rest is cut off, with a note.
pub const MAX_TEXT: usize = 200_000;
/// Examples and documents that are read.
pub const MAX_EXAMPLES: usize = 5_000;
pub const MAX_DOCUMENTS: usize = 1_000;

/// An in-context example: a text and the output that is right for it (the whole object, or the label alone).
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    pub input: &'a str,
    pub output: &'a Value,
}

/// A document that an answer may be taken from. An empty title is fine.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub text: &'a str,
}

/// What an `llm` node asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// The whole rendered prompt: the last message of the user.
    pub prompt: &'a str,
    pub system: Option<&'a str>,
    /// The text that the question is about. Callers that do not know it pass the prompt; then its data part is looked for.
    pub input: &'a str,
    /// The JSON Schema of the wanted output; none for text.
    pub schema: Option<&'a Value>,
    /// Enum labels with what they mean; labels of any enum in the schema.
    pub labels: &'a [(String, String)],
    pub examples: &'a [Example<'a>],
    pub documents: &'a [Document<'a>],
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// A string without a schema, else a value that the schema accepts.
    pub value: Value,
    /// What a reader should know: neutral values, cut texts, ambiguous dates.
    pub notes: Vec<String>,
    /// Ids of the documents that the answer was taken from.
    pub sources: Vec<String>,
    /// 0 to 1: the least certain enum's probability; without enums, the mean strength of the evidence or the relevance.
    pub confidence: f64,
}

/// Answers. The error says which place of the schema can have no value, and what to change; it is no fault of the
/// network, so trying again gives the same.
pub fn answer(ask: &Ask<'_>) -> Result<Reply, String> {
    let mut notes = Vec::new();
    let mut cut = |text: &'_ str, what: &str| -> usize {
        if text.len() > MAX_TEXT {
            notes.push(format!(
                "only the first {MAX_TEXT} of {} bytes of the {what} were read",
                text.len()
            ));
        }
        text.floor_char_boundary(MAX_TEXT)
    };
    let system = ask
        .system
        .map(|system| &system[..cut(system, "system message")]);
    let prompt = &ask.prompt[..cut(ask.prompt, "prompt")];
    let input = if ask.input == ask.prompt {
        subject::of(prompt)
    } else {
        &ask.input[..cut(ask.input, "text")]
    };
    let examples = &ask.examples[..ask.examples.len().min(MAX_EXAMPLES)];
    let documents = &ask.documents[..ask.documents.len().min(MAX_DOCUMENTS)];
    let ask = Ask {
        prompt,
        system,
        input,
        examples,
        documents,
        ..*ask
    };
    let mut reply = match ask.schema {
        Some(schema) => {
            let mut filler = fill::Filler::new(&ask, schema);
            let filled = filler.run(input)?;
            Reply {
                value: filled.value,
                notes: filler.notes,
                sources: filler.sources,
                confidence: exact::round4(filled.evidence),
            }
        }
        None => {
            let chosen = if documents.is_empty() {
                answer::summarise(input, answer::ANSWER)
            } else {
                answer::from_documents(input, documents, answer::ANSWER)
            };
            Reply {
                value: Value::String(chosen.text),
                notes: Vec::new(),
                sources: chosen.sources,
                confidence: chosen.confidence,
            }
        }
    };
    reply.notes.splice(0..0, notes);
    Ok(reply)
}

#[cfg(test)]
mod tests;
