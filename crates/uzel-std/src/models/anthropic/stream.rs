//! Puts a streamed message together from its events.

use serde_json::Value;
use uzel_core::{
    capability::model::{Sink, Usage},
    failure::{Failure, FailureClass},
};

use super::{Block, Content, Endpoint, usage};
use crate::http::{Answer, failing, sse};

/// More blocks in one answer than this are an error.
const MAX_BLOCKS: usize = 1_024;

/// Reads a stream to its end. Text goes to the sink as it comes, and so does the input of the answering tool `tool`.
pub(super) async fn read(
    endpoint: &Endpoint,
    mut answer: Answer,
    tool: Option<&str>,
    sink: &dyn Sink,
) -> Result<Content, Failure> {
    let (mut events, mut content) = (sse::Events::default(), Content::default());
    while let Some(bytes) = answer.chunk().await? {
        for event in events.push(&bytes) {
            let data: Value = serde_json::from_str(&event.data).map_err(|error| endpoint.malformed(error))?;
            match data.get("type").and_then(Value::as_str).unwrap_or(&event.name) {
                "message_stop" => return Ok(content),
                "error" => return Err(error(endpoint, &data)),
                kind => take(endpoint, &mut content, kind, &data, tool, sink)?,
            }
        }
    }
    Err(endpoint.cut_off())
}

fn take(
    endpoint: &Endpoint,
    content: &mut Content,
    kind: &str,
    data: &Value,
    tool: Option<&str>,
    sink: &dyn Sink,
) -> Result<(), Failure> {
    match kind {
        "message_start" => content.usage = data.pointer("/message/usage").and_then(usage),
        "content_block_start" => {
            if content.blocks.len() >= MAX_BLOCKS {
                return Err(endpoint.malformed(format!("it has more than {MAX_BLOCKS} parts")));
            }
            let text = |place: &str| data.pointer(place).and_then(Value::as_str).unwrap_or("").to_owned();
            content.blocks.push(match data.pointer("/content_block/type").and_then(Value::as_str) {
                Some("text") => Block::Text(text("/content_block/text")),
                Some("tool_use") => Block::Call(text("/content_block/id"), text("/content_block/name"), String::new()),
                _ => Block::Other,
            });
        }
        "content_block_delta" => {
            let index = data.get("index").and_then(Value::as_u64).unwrap_or(0);
            let block = usize::try_from(index).ok().and_then(|index| content.blocks.get_mut(index));
            let piece = |name: &str| data.pointer(name).and_then(Value::as_str).unwrap_or("");
            match block {
                Some(Block::Text(text)) => {
                    text.push_str(piece("/delta/text"));
                    // Beside a structured answer text is talk, and not a part of it.
                    if tool.is_none() {
                        sink.text(piece("/delta/text"));
                    }
                }
                Some(Block::Call(_, name, input)) => {
                    input.push_str(piece("/delta/partial_json"));
                    if tool == Some(name.as_str()) {
                        sink.text(piece("/delta/partial_json"));
                    }
                }
                Some(Block::Other) => {}
                None => return Err(endpoint.malformed(format!("it goes on with a part {index} that never began"))),
            }
        }
        "message_delta" => {
            if let Some(reason) = data.pointer("/delta/stop_reason").and_then(Value::as_str) {
                content.stop = Some(reason.to_owned());
            }
            if let Some(written) = data.pointer("/usage/output_tokens").and_then(Value::as_u64) {
                let read = content.usage.map_or(0, |usage| usage.input_tokens);
                content.usage = Some(Usage { input_tokens: read, output_tokens: written });
            }
        }
        // `ping`, `content_block_stop` and events that are added later.
        _ => {}
    }
    Ok(())
}

fn error(endpoint: &Endpoint, data: &Value) -> Failure {
    let class = match data.pointer("/error/type").and_then(Value::as_str) {
        Some("overloaded_error" | "rate_limit_error") => FailureClass::RateLimit,
        Some("authentication_error" | "permission_error") => FailureClass::Auth,
        Some("invalid_request_error" | "not_found_error" | "request_too_large") => FailureClass::Invalid,
        _ => FailureClass::ServerError,
    };
    let text: String = failing::message_in(data).chars().take(failing::MAX_BODY).collect();
    Failure::new(class, format!("`{}` failed in the middle of its answer: {text}", endpoint.name))
}
