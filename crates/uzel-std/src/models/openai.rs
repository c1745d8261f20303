//! Chat completions as OpenAI defines them and many servers copy (Ollama, vLLM, llama.cpp, LM Studio, gateways).

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use serde_json::{Value, json};
use uzel_core::{
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Message, Model, Price, Role, Sink, ToolCall, ToolSpec, Usage},
    },
    failure::{Failure, FailureClass},
};

use super::{
    Parts,
    endpoint::{Defaults, Endpoint, estimated},
    structured::{self, Shape, plain},
};

mod stream;

/// Who is on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// OpenAI itself, which has renamed `max_tokens`.
    OpenAi,
    /// A server that copies it.
    Compatible,
}

/// How a structured answer is asked for, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Structure {
    /// By `json_schema`.
    Schema,
    /// By `json_object` and an instruction.
    Object,
    /// By an instruction alone.
    Prompt,
}

impl Structure {
    const ALL: [Self; 3] = [Self::Schema, Self::Object, Self::Prompt];
}

/// One model of one server.
pub struct OpenAi {
    endpoint: Endpoint,
    dialect: Dialect,
    /// Index in [`Structure::ALL`] of the best way that this server is known to take.
    structure: AtomicU8,
}

/// `use: openai/MODEL`.
pub fn build(parts: &Parts<'_>) -> Result<Arc<dyn Model>, String> {
    let defaults = Defaults { base_url: Some("https://api.openai.com/v1"), key_variable: Some("OPENAI_API_KEY") };
    make(parts, &defaults, Dialect::OpenAi)
}

/// `use: openai-compatible/MODEL`, which needs a `base_url` and may have no key.
pub fn build_compatible(parts: &Parts<'_>) -> Result<Arc<dyn Model>, String> {
    make(parts, &Defaults { base_url: None, key_variable: None }, Dialect::Compatible)
}

fn make(parts: &Parts<'_>, defaults: &Defaults, dialect: Dialect) -> Result<Arc<dyn Model>, String> {
    let endpoint = Endpoint::new(parts, defaults)?;
    Ok(Arc::new(OpenAi { endpoint, dialect, structure: AtomicU8::new(0) }))
}

impl Model for OpenAi {
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

/// The first choice of an answer, streamed or not.
#[derive(Debug, Default)]
struct Choice {
    text: String,
    refusal: String,
    /// Id, name and the text of the arguments.
    calls: Vec<(String, String, String)>,
    finish: Option<String>,
    usage: Option<Usage>,
}

impl OpenAi {
    /// One try. A server that does not know the way in which structure is asked for refuses before it does any work,
    /// so asking once more in a simpler way is part of the same try; what worked is remembered for the server.
    #[expect(clippy::disallowed_methods, reason = "what is left of a try's time; it is no part of its result")]
    async fn ask(&self, request: &ChatRequest, attempt: &Attempt, sink: &dyn Sink) -> Result<ChatReply, Failure> {
        let shape = Shape::of(request);
        let mut known = usize::from(self.structure.load(Ordering::Relaxed)).min(Structure::ALL.len() - 1);
        if self.dialect == Dialect::Compatible && !request.tools.is_empty() {
            // Servers that hold the model to a grammar then leave it no way to ask for a tool.
            known = Structure::ALL.len() - 1;
        }
        let start = tokio::time::Instant::now();
        let mut first = None;
        for (index, structure) in Structure::ALL.into_iter().enumerate().skip(known) {
            let mut attempt = attempt.clone();
            if index > known {
                attempt.timeout = attempt.timeout.saturating_sub(start.elapsed());
            }
            match self.send(request, shape.as_ref(), structure, &attempt, sink).await {
                Err(failure) if shape.is_some() && is_about_structure(&failure) => {
                    first.get_or_insert(failure);
                }
                result => {
                    // OpenAI itself knows schemas: what it refuses is one schema, and the next may be fine.
                    if result.is_ok() && self.dialect == Dialect::Compatible && request.tools.is_empty() {
                        self.structure.fetch_max(index as u8, Ordering::Relaxed);
                    }
                    return result;
                }
            }
        }
        Err(first.unwrap_or_else(|| self.endpoint.malformed("no way to ask for structure is left")))
    }

    async fn send(
        &self,
        request: &ChatRequest,
        shape: Option<&Shape>,
        structure: Structure,
        attempt: &Attempt,
        sink: &dyn Sink,
    ) -> Result<ChatReply, Failure> {
        let body = self.body(request, shape, structure, attempt);
        let bearer = |key: &str| ("authorization", format!("Bearer {key}"));
        let answer = self.endpoint.post("/chat/completions", &body, attempt, &[], bearer).await?;
        let choice = if answer.is_event_stream() {
            stream::read(&self.endpoint, answer, sink).await?
        } else {
            let choice = self.choice(&self.endpoint.json(answer).await?)?;
            if request.stream && !choice.text.is_empty() {
                sink.text(&choice.text);
            }
            choice
        };
        self.reply(request, shape, choice)
    }

    fn body(&self, request: &ChatRequest, shape: Option<&Shape>, structure: Structure, attempt: &Attempt) -> Value {
        let endpoint = &self.endpoint;
        let mut body = json!({ "model": endpoint.model, "messages": messages(request, shape, structure) });
        let limit = if self.dialect == Dialect::OpenAi { "max_completion_tokens" } else { "max_tokens" };
        if let Some(tokens) = endpoint.max_tokens(request) {
            body[limit] = tokens.into();
        }
        if let Some(temperature) = endpoint.temperature(request) {
            body["temperature"] = temperature.into();
        }
        if !attempt.tag.is_empty() {
            body["user"] = attempt.tag.as_str().into();
        }
        if !request.tools.is_empty() {
            let spec = |tool: &ToolSpec| {
                json!({ "type": "function", "function": {
                    "name": tool.name, "description": tool.description, "parameters": plain(&tool.parameters),
                } })
            };
            body["tools"] = request.tools.iter().map(spec).collect();
            if request.must_answer {
                body["tool_choice"] = "none".into();
            }
        }
        match (shape, structure) {
            (Some(shape), Structure::Schema) => {
                let strict = shape.strict();
                let is_strict = strict.is_some();
                let schema = strict.unwrap_or_else(|| shape.schema.clone());
                body["response_format"] = json!({
                    "type": "json_schema",
                    "json_schema": { "name": shape.name, "schema": schema, "strict": is_strict },
                });
            }
            (Some(_), Structure::Object) => body["response_format"] = json!({ "type": "json_object" }),
            _ => {}
        }
        if endpoint.is_streamed(request) {
            body["stream"] = true.into();
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    /// The first choice of a whole answer.
    fn choice(&self, answer: &Value) -> Result<Choice, Failure> {
        if answer.get("error").is_some_and(|error| !error.is_null()) {
            return Err(stream::error(&self.endpoint, answer));
        }
        let Some(first) = answer.pointer("/choices/0") else {
            return Err(self.endpoint.malformed("it has no choices"));
        };
        let text = |place: &str| first.pointer(place).and_then(Value::as_str).unwrap_or("").to_owned();
        let calls = first.pointer("/message/tool_calls").and_then(Value::as_array).into_iter().flatten();
        let call = |call: &Value| {
            let text = |place: &str| call.pointer(place).and_then(Value::as_str).unwrap_or("").to_owned();
            // Some servers give the arguments as an object.
            let arguments = match call.pointer("/function/arguments") {
                Some(object @ Value::Object(_)) => object.to_string(),
                _ => text("/function/arguments"),
            };
            (text("/id"), text("/function/name"), arguments)
        };
        Ok(Choice {
            text: text("/message/content"),
            refusal: text("/message/refusal"),
            calls: calls.map(call).collect(),
            finish: first.get("finish_reason").and_then(Value::as_str).map(str::to_owned),
            usage: usage(answer),
        })
    }

    fn reply(&self, request: &ChatRequest, shape: Option<&Shape>, choice: Choice) -> Result<ChatReply, Failure> {
        if choice.finish.as_deref() == Some("content_filter") {
            return Err(self.endpoint.refused("its content filter stopped the answer"));
        }
        if !choice.refusal.is_empty() {
            return Err(self.endpoint.refused(&choice.refusal));
        }
        let mut tool_calls = vec![];
        for (index, (id, name, arguments)) in choice.calls.into_iter().enumerate() {
            let arguments = structured::arguments(&arguments);
            // Servers without ids still need one in the answer to the call.
            let id = if id.is_empty() { format!("call_{index}") } else { id };
            tool_calls.push(ToolCall { id, name, arguments });
        }
        let finish = match choice.finish.as_deref() {
            Some("length") => Finish::Length,
            _ if !tool_calls.is_empty() => Finish::ToolCalls,
            _ => Finish::Stop,
        };
        if choice.text.is_empty() && tool_calls.is_empty() && finish != Finish::Length {
            return Err(self.endpoint.malformed("it is empty"));
        }
        let usage = choice.usage.unwrap_or_else(|| estimated(request, &choice.text));
        let text = shape.map_or_else(|| choice.text.clone(), |shape| shape.unwrap(&choice.text));
        Ok(ChatReply { text, tool_calls, model: self.endpoint.name.clone(), usage, finish, sources: vec![] })
    }
}

/// The conversation, with examples as pairs before the last thing the user says.
fn messages(request: &ChatRequest, shape: Option<&Shape>, structure: Structure) -> Vec<Value> {
    let is_user = |message: &Message| message.role == Role::User;
    let last = request.messages.iter().rposition(is_user).unwrap_or(request.messages.len());
    let mut list = vec![];
    if let Some(shape) = shape.filter(|_| structure != Structure::Schema) {
        list.push(json!({ "role": "system", "content": shape.instruction(!request.tools.is_empty()) }));
    }
    list.extend(request.messages.iter().take(last).map(message));
    for example in &request.examples {
        let output = match (shape, &example.output) {
            (Some(shape), value) => shape.wrap(value),
            (None, Value::String(text)) => text.clone(),
            (None, value) => value.to_string(),
        };
        list.push(json!({ "role": "user", "content": example.input }));
        list.push(json!({ "role": "assistant", "content": output }));
    }
    list.extend(request.messages.iter().skip(last).map(message));
    list
}

fn message(message: &Message) -> Value {
    let mut json = json!({ "role": message.role, "content": message.content });
    if let Some(id) = &message.tool_call_id {
        json["tool_call_id"] = id.as_str().into();
    }
    if !message.tool_calls.is_empty() {
        let call = |call: &ToolCall| {
            // What was no JSON goes back as it came.
            let arguments = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
            json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
        };
        json["tool_calls"] = message.tool_calls.iter().map(call).collect();
        if message.content.is_empty() {
            json["content"] = Value::Null;
        }
    }
    json
}

/// Tokens as counted; `None` where the server does not say.
fn usage(answer: &Value) -> Option<Usage> {
    let usage = answer.get("usage")?;
    Some(Usage {
        input_tokens: usage.get("prompt_tokens")?.as_u64()?,
        output_tokens: usage.get("completion_tokens").and_then(Value::as_u64).unwrap_or(0),
    })
}

/// Whether a server refused the way in which structure was asked for, and not the request as such.
fn is_about_structure(failure: &Failure) -> bool {
    let text = failure.message.to_lowercase();
    failure.class == FailureClass::Invalid
        && ["response_format", "json_schema", "json_object", "response format", "schema", "structured output", "grammar"]
            .iter()
            .any(|word| text.contains(word))
}
