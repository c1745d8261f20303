//! Puts a streamed chat completion together: text, refusals, tool calls from their pieces, and usage.

use serde_json::Value;
use uzel_core::{
    capability::model::Sink,
    failure::{Failure, FailureClass},
};

use super::{Choice, Endpoint, usage};
use crate::http::{Answer, failing, sse};

/// More calls in one answer than this are an error.
const MAX_CALLS: usize = 128;

/// Reads a stream to its end, passing text on as it comes.
pub(super) async fn read(endpoint: &Endpoint, mut answer: Answer, sink: &dyn Sink) -> Result<Choice, Failure> {
    let (mut events, mut choice) = (sse::Events::default(), Choice::default());
    loop {
        let piece = answer.chunk().await?;
        let is_end = piece.is_none();
        let found = match piece {
            Some(bytes) => events.push(&bytes),
            None => events.finish().into_iter().collect(),
        };
        for event in found {
            match event.data.trim() {
                "[DONE]" => return Ok(choice),
                "" => {}
                data => take(endpoint, &mut choice, data, sink)?,
            }
        }
        if is_end {
            // Some servers leave out the last word; one that also gave no reason to stop broke off.
            return if choice.finish.is_some() { Ok(choice) } else { Err(endpoint.cut_off()) };
        }
    }
}

fn take(endpoint: &Endpoint, choice: &mut Choice, data: &str, sink: &dyn Sink) -> Result<(), Failure> {
    let chunk: Value = serde_json::from_str(data).map_err(|error| endpoint.malformed(error))?;
    if chunk.get("error").is_some_and(|error| !error.is_null()) {
        return Err(error(endpoint, &chunk));
    }
    choice.usage = usage(&chunk).or(choice.usage);
    let Some(first) = chunk.pointer("/choices/0") else { return Ok(()) };
    if let Some(text) = first.pointer("/delta/content").and_then(Value::as_str).filter(|text| !text.is_empty()) {
        choice.text.push_str(text);
        sink.text(text);
    }
    if let Some(text) = first.pointer("/delta/refusal").and_then(Value::as_str) {
        choice.refusal.push_str(text);
    }
    for piece in first.pointer("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten() {
        take_call(endpoint, choice, piece)?;
    }
    if let Some(reason) = first.get("finish_reason").and_then(Value::as_str) {
        choice.finish = Some(reason.to_owned());
    }
    Ok(())
}

/// Pieces of one call share an index; its id and name come with the first, its arguments in parts.
fn take_call(endpoint: &Endpoint, choice: &mut Choice, piece: &Value) -> Result<(), Failure> {
    let text = |place: &str| piece.pointer(place).and_then(Value::as_str).unwrap_or("");
    let (id, name, arguments) = (text("/id"), text("/function/name"), text("/function/arguments"));
    let index = match piece.get("index").and_then(Value::as_u64) {
        Some(index) => usize::try_from(index).unwrap_or(usize::MAX),
        // Servers that leave the index out send whole calls, or go on with the last one.
        None if name.is_empty() => choice.calls.len().saturating_sub(1),
        None => choice.calls.len(),
    };
    if index >= MAX_CALLS {
        return Err(endpoint.malformed(format!("it asks for more than {MAX_CALLS} tool calls")));
    }
    while choice.calls.len() <= index {
        choice.calls.push(Default::default());
    }
    let call = &mut choice.calls[index];
    call.0.push_str(id);
    call.1.push_str(name);
    call.2.push_str(arguments);
    Ok(())
}

/// The failure of an error inside an answer that began well.
pub(super) fn error(endpoint: &Endpoint, chunk: &Value) -> Failure {
    let field = |name: &str| chunk.pointer(&format!("/error/{name}"));
    let word = |name: &str| field(name).and_then(Value::as_str).unwrap_or("").to_lowercase();
    let status = ["code", "status"].iter().find_map(|name| field(name)?.as_u64()).unwrap_or(0);
    let words = format!("{} {}", word("type"), word("code"));
    let class = if status == 429 || words.contains("rate_limit") || words.contains("overloaded") {
        FailureClass::RateLimit
    } else if words.contains("content_filter") || words.contains("content_policy") {
        FailureClass::Refused
    } else if (400..500).contains(&status) || words.contains("invalid_request") {
        FailureClass::Invalid
    } else {
        FailureClass::ServerError
    };
    let text: String = failing::message_in(chunk).chars().take(failing::MAX_BODY).collect();
    Failure::new(class, format!("`{}` failed in the middle of its answer: {text}", endpoint.name))
}
