//! The Messages API of Anthropic. A structured answer is the input of a tool that the model must call.

use std::sync::Arc;

use serde_json::{Value, json};
use uzel_core::{
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Message, Model, Price, Role, Sink, ToolCall, Usage},
    },
    failure::Failure,
};

use super::{
    Parts,
    endpoint::{Defaults, Endpoint, estimated},
    structured::{self, Shape, plain},
};

mod stream;

/// The API wants a bound; this one is for nodes and models that give none.
const MAX_TOKENS: u32 = 4_096;

/// One model of the API.
pub struct Anthropic {
    endpoint: Endpoint,
}

/// `use: anthropic/MODEL`.
pub fn build(parts: &Parts<'_>) -> Result<Arc<dyn Model>, String> {
    let defaults = Defaults { base_url: Some("https://api.anthropic.com"), key_variable: Some("ANTHROPIC_API_KEY") };
    let mut endpoint = Endpoint::new(parts, &defaults)?;
    // Addresses with and without the version are both in use.
    if let Some(root) = endpoint.base_url.strip_suffix("/v1") {
        endpoint.base_url = root.into();
    }
    Ok(Arc::new(Anthropic { endpoint }))
}

impl Model for Anthropic {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    fn endpoint(&self) -> String {
        self.endpoint.id()
    }

    fn price(&self) -> Price {
        self.endpoint.price
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        attempt: &'a Attempt,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        Box::pin(self.ask(request, attempt, sink))
    }
}

/// A content block of an answer.
#[derive(Clone, Debug)]
enum Block {
    Text(String),
    /// Id, name and the text of the input.
    Call(String, String, String),
    /// Thinking and whatever comes later.
    Other,
}

/// An answer, streamed or not.
#[derive(Debug, Default)]
struct Content {
    blocks: Vec<Block>,
    stop: Option<String>,
    usage: Option<Usage>,
}

impl Anthropic {
    async fn ask(&self, request: &ChatRequest, attempt: &Attempt, sink: &dyn Sink) -> Result<ChatReply, Failure> {
        let shape = Shape::of(request);
        let tool = shape.as_ref().map(|shape| answer_tool(shape, request));
        let body = self.body(request, shape.as_ref(), tool.as_deref(), attempt);
        let key = |key: &str| ("x-api-key", key.to_owned());
        let headers = [("anthropic-version", "2023-06-01")];
        let answer = self.endpoint.post("/v1/messages", &body, attempt, &headers, key).await?;
        let content = if answer.is_event_stream() {
            stream::read(&self.endpoint, answer, tool.as_deref(), sink).await?
        } else {
            self.content(&self.endpoint.json(answer).await?)?
        };
        self.reply(request, shape.as_ref(), tool.as_deref(), content)
    }

    fn body(&self, request: &ChatRequest, shape: Option<&Shape>, tool: Option<&str>, attempt: &Attempt) -> Value {
        let endpoint = &self.endpoint;
        let mut body = json!({
            "model": endpoint.model,
            "max_tokens": endpoint.max_tokens(request).unwrap_or(MAX_TOKENS),
            "messages": messages(request, shape),
        });
        let system: Vec<&str> = request.messages.iter().filter(|m| m.role == Role::System).map(|m| &*m.content).collect();
        if !system.is_empty() {
            body["system"] = system.join("\n\n").into();
        }
        if let Some(temperature) = endpoint.temperature(request) {
            body["temperature"] = temperature.into();
        }
        if !attempt.tag.is_empty() {
            body["metadata"] = json!({ "user_id": attempt.tag });
        }
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|t| json!({ "name": t.name, "description": t.description, "input_schema": plain(&t.parameters) }))
            .collect();
        if let (Some(shape), Some(tool)) = (shape, tool) {
            let about = "Gives the final answer.";
            tools.push(json!({ "name": tool, "description": about, "input_schema": shape.schema }));
            // With tools of the app the model must call one of them or answer; without, it must answer.
            body["tool_choice"] = if request.tools.is_empty() || request.must_answer {
                json!({ "type": "tool", "name": tool, "disable_parallel_tool_use": true })
            } else {
                json!({ "type": "any" })
            };
        } else if request.must_answer && !tools.is_empty() {
            body["tool_choice"] = json!({ "type": "none" });
        }
        if !tools.is_empty() {
            body["tools"] = tools.into();
        }
        if endpoint.is_streamed(request) {
            body["stream"] = true.into();
        }
        body
    }

    /// A whole answer.
    fn content(&self, answer: &Value) -> Result<Content, Failure> {
        let Some(blocks) = answer.get("content").and_then(Value::as_array) else {
            return Err(self.endpoint.malformed("it has no content"));
        };
        let block = |block: &Value| {
            let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
            match block.get("type").and_then(Value::as_str) {
                Some("text") => Block::Text(text("text")),
                Some("tool_use") => {
                    let input = block.get("input").map_or_else(String::new, Value::to_string);
                    Block::Call(text("id"), text("name"), input)
                }
                _ => Block::Other,
            }
        };
        Ok(Content {
            blocks: blocks.iter().map(block).collect(),
            stop: answer.get("stop_reason").and_then(Value::as_str).map(str::to_owned),
            usage: answer.get("usage").and_then(usage),
        })
    }

    fn reply(
        &self,
        request: &ChatRequest,
        shape: Option<&Shape>,
        tool: Option<&str>,
        content: Content,
    ) -> Result<ChatReply, Failure> {
        if content.stop.as_deref() == Some("refusal") {
            return Err(self.endpoint.refused(""));
        }
        let (mut text, mut answer, mut tool_calls) = (String::new(), None, vec![]);
        for block in content.blocks {
            match block {
                Block::Text(piece) => text.push_str(&piece),
                Block::Call(_, name, input) if Some(name.as_str()) == tool => answer = Some(input),
                Block::Call(id, name, input) => {
                    // Gateways that speak this protocol may leave the id out.
                    let id = if id.is_empty() { format!("call_{}", tool_calls.len()) } else { id };
                    tool_calls.push(ToolCall { id, name, arguments: structured::arguments(&input) });
                }
                Block::Other => {}
            }
        }
        let finish = match content.stop.as_deref() {
            Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
            _ if !tool_calls.is_empty() => Finish::ToolCalls,
            _ => Finish::Stop,
        };
        // What is said beside a structured answer is talk.
        let text = answer.unwrap_or(text);
        if text.is_empty() && tool_calls.is_empty() && finish != Finish::Length {
            return Err(self.endpoint.malformed("it is empty"));
        }
        let usage = content.usage.unwrap_or_else(|| estimated(request, &text));
        let text = shape.map_or_else(|| text.clone(), |shape| shape.unwrap(&text));
        Ok(ChatReply { text, tool_calls, model: self.endpoint.name.clone(), usage, finish, sources: vec![] })
    }
}

/// A name for the tool that takes the answer, other than the app's tools.
fn answer_tool(shape: &Shape, request: &ChatRequest) -> String {
    let mut name = shape.name.clone();
    while request.tools.iter().any(|tool| tool.name == name) {
        name.insert_str(0, "final_");
    }
    name
}

/// The conversation without system messages. Examples are pairs before the last thing the user says; neighbours of one
/// role become one message, because all results of one turn's calls must be in one.
fn messages(request: &ChatRequest, shape: Option<&Shape>) -> Vec<Value> {
    let said: Vec<&Message> = request.messages.iter().filter(|message| message.role != Role::System).collect();
    let last = said.iter().rposition(|message| message.role == Role::User).unwrap_or(said.len());
    let mut list: Vec<(&str, Vec<Value>)> = vec![];
    let mut add = |role: &'static str, blocks: Vec<Value>| match list.last_mut() {
        Some((before, all)) if *before == role => all.extend(blocks),
        _ => list.push((role, blocks)),
    };
    for (index, message) in said.iter().enumerate() {
        if index == last {
            for example in &request.examples {
                let output = match (shape, &example.output) {
                    (Some(shape), value) => shape.wrap(value),
                    (None, Value::String(text)) => text.clone(),
                    (None, value) => value.to_string(),
                };
                add("user", text_block(&example.input));
                add("assistant", text_block(&output));
            }
        }
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        add(role, blocks(message));
    }
    list.into_iter()
        .filter(|(_, blocks)| !blocks.is_empty())
        .map(|(role, blocks)| json!({ "role": role, "content": blocks }))
        .collect()
}

/// The API refuses empty text.
fn text_block(text: &str) -> Vec<Value> {
    if text.is_empty() { vec![] } else { vec![json!({ "type": "text", "text": text })] }
}

fn blocks(message: &Message) -> Vec<Value> {
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        return vec![json!({ "type": "tool_result", "tool_use_id": id, "content": message.content })];
    }
    let mut blocks = text_block(&message.content);
    let call = |call: &ToolCall| {
        // The API takes objects only; what was none is told in the call's result.
        let input = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
        json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
    };
    blocks.extend(message.tool_calls.iter().map(call));
    blocks
}

/// Tokens as counted; what was read from or written to the cache was read too.
fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"].iter().filter_map(|name| count(name));
    let input_tokens = count("input_tokens")? + cached.sum::<u64>();
    Some(Usage { input_tokens, output_tokens: count("output_tokens").unwrap_or(0) })
}
