//! What an LLM endpoint is: a request, a reply, and one call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attempt, BoxFuture};
use crate::failure::Failure;

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The app's author.
    System,
    /// Whoever uses the app.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// Calls that an assistant's message asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool's message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message without tool calls.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: vec![], tool_call_id: None }
    }
}

/// A call that a model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// Arguments, checked against the tool's parameters before it is called. What the model wrote, as a text, where that
    /// is no JSON.
    pub arguments: Value,
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its parameters.
    pub parameters: Value,
}

/// An in-context example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// What was asked.
    pub input: String,
    /// The right answer: an object that fits the schema, or a text.
    pub output: Value,
}

/// A document given to a model as evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Where it comes from (a path and a part of it).
    pub id: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Its text.
    pub text: String,
    /// How well it fits the query; higher is better.
    #[serde(default)]
    pub score: f64,
}

/// What a model is asked. Providers send what they can express: examples become messages, documents are part of the
/// prompt already and are here for models that read them apart.
#[derive(Clone, Debug, Default)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// JSON Schema of the wanted answer; text if `None`.
    pub schema: Option<Arc<Value>>,
    /// Name of the schema for providers that want one.
    pub schema_name: String,
    /// What the labels of an enum mean, label by label.
    pub labels: Vec<(String, String)>,
    /// In-context examples.
    pub examples: Vec<Example>,
    /// Evidence. `None` where the node names none; empty where it does and nothing was found.
    pub documents: Option<Vec<Document>>,
    /// The text that the question is about, where the node says so.
    pub input: Option<String>,
    /// Tools the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// Tools may not be asked for any more: they are there because the conversation speaks of them.
    pub must_answer: bool,
    /// 0 to 2; the provider's default if `None`.
    pub temperature: Option<f64>,
    /// Bound on the answer's length, in tokens.
    pub max_tokens: Option<u32>,
    /// Whether tokens are wanted as they come.
    pub stream: bool,
}

/// Tokens, as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read.
    pub input_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done.
    Stop,
    /// It ran into `max_tokens`.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// The provider withheld the answer.
    ContentFilter,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The answer's text (JSON text when a schema was asked for).
    pub text: String,
    /// Calls it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which model answered, as `provider/model`, or `offline`.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// Why it stopped.
    pub finish: Finish,
    /// Ids of documents that the answer is made from, where the model says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// What a model costs, in USD for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// USD for a million tokens read.
    pub input_usd: f64,
    /// USD for a million tokens written.
    pub output_usd: f64,
}

impl Price {
    /// What this usage costs, in USD.
    pub fn cost(&self, usage: Usage) -> f64 {
        (usage.input_tokens as f64 * self.input_usd + usage.output_tokens as f64 * self.output_usd) / 1e6
    }
}

/// Takes tokens as they come. Streams are a side channel: nothing is decided by them.
pub trait Sink: Send + Sync {
    /// A piece of the answer's text.
    fn text(&self, piece: &str);
    /// Whether anything was sent to a watcher in this try.
    fn is_used(&self) -> bool {
        false
    }
}

/// A sink for nobody.
pub struct NoSink;

impl Sink for NoSink {
    fn text(&self, _piece: &str) {}
}

/// An LLM endpoint (provider, model and address). It does not retry: that is the layers' work.
pub trait Model: Send + Sync {
    /// `provider/model`, as shown to people.
    fn name(&self) -> &str;
    /// What breakers and limits are kept by: provider, model and address.
    fn endpoint(&self) -> String;
    /// What it costs.
    fn price(&self) -> Price;
    /// One try.
    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        attempt: &'a Attempt,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>>;
}
