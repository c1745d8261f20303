//! The built-in `offline` model: answers an `llm` node without network or weights; the provider of that name calls it.
//!
//! It is not a language model. It classifies by n-gram similarity, copies values out of the text, and selects
//! sentences. The same question gives the same bytes on every machine. Nothing in it follows instructions, so a hostile text
//! can mislead its choice but not give it orders.
#![allow(
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unused_self,
    clippy::cast_possible_wrap,
    clippy::maybe_infinite_iter,
    clippy::nonminimal_bool,
    reason = "tables of words and patterns are long, readers share one signature, and what is cast is small"
)]

mod answer;
mod classify;
mod exact;
mod extract;
mod fill;
mod language;
mod logistic;
mod ngrams;
mod sentences;
mod subject;
mod words;

use std::sync::Arc;

use serde_json::Value;
use uzel_core::{
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Model, Price, Role, Sink, Usage},
    },
    failure::{Failure, FailureClass},
};

use super::Parts;

/// Makes the model.
pub(super) fn build(_parts: &Parts<'_>) -> Result<Arc<dyn Model>, String> {
    Ok(Arc::new(Offline))
}

struct Offline;

impl Model for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn endpoint(&self) -> String {
        "offline".to_owned()
    }

    fn price(&self) -> Price {
        Price::default()
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        _attempt: &'a Attempt,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        let reply = reply(request);
        if let Ok(reply) = &reply {
            sink.text(&reply.text);
        }
        Box::pin(std::future::ready(reply))
    }
}

/// A reply to a request. Tools are never asked for: there is nobody here who could decide to.
fn reply(request: &ChatRequest) -> Result<ChatReply, Failure> {
    let last = |role| request.messages.iter().rev().find(|message| message.role == role);
    let prompt = last(Role::User).map_or("", |message| message.content.as_str());
    let examples: Vec<Example<'_>> =
        request.examples.iter().map(|example| Example { input: &example.input, output: &example.output }).collect();
    let documents: Vec<Document<'_>> = request
        .documents
        .iter()
        .flatten()
        .map(|document| Document { id: &document.id, title: &document.title, text: &document.text })
        .collect();
    let ask = Ask {
        prompt,
        system: last(Role::System).map(|message| message.content.as_str()),
        input: request.input.as_deref().unwrap_or(prompt),
        schema: request.schema.as_deref(),
        labels: &request.labels,
        examples: &examples,
        documents: &documents,
        nothing_found: request.documents.as_ref().is_some_and(Vec::is_empty),
    };
    let reply = answer(&ask).map_err(|cause| {
        Failure::new(FailureClass::Invalid, "the offline model cannot fill this schema").because(cause)
    })?;
    let text = reply.value.as_str().map_or_else(|| reply.value.to_string(), str::to_owned);
    // Nobody counts tokens here; four bytes are taken for one, as for providers that do not count.
    let tokens = |bytes: usize| bytes.div_ceil(4) as u64;
    let usage = Usage { input_tokens: tokens(prompt.len()), output_tokens: tokens(text.len()) };
    Ok(ChatReply {
        text,
        tool_calls: vec![],
        model: "offline".to_owned(),
        usage,
        finish: Finish::Stop,
        sources: reply.sources,
    })
}

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
    /// Documents were looked for and there are none: a text about them is not to be made from the question itself.
    pub nothing_found: bool,
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
            let chosen = if documents.is_empty() && !ask.nothing_found {
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
