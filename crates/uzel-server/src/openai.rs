//! The shapes of OpenAI's API: requests to ours, answers and errors to theirs. Used by `chat`.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    capability::model::{ChatReply, ChatRequest, Finish, Message, Role, ToolCall, ToolSpec, Usage},
    failure::{Failure, FailureClass},
};

use crate::{
    answer,
    problem::{Problem, retry_headers},
};

/// A chat request. Fields that are not known are left out, as OpenAI's own server grows new ones.
#[derive(Debug, Deserialize)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) messages: Vec<Said>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    pub(crate) stream_options: Option<StreamOptions>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    tools: Option<Vec<Value>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    response_format: Option<Value>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: Option<bool>,
}

/// One message.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

/// An error in OpenAI's shape.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) run: Option<String>,
    pub(crate) after_ms: Option<u64>,
    pub(crate) should_retry: Option<bool>,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { status, code, message, param: None, run: None, after_ms: None, should_retry: None }
    }

    pub(crate) fn bad(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, "invalid_value", message) }
    }

    pub(crate) fn json(&self) -> Value {
        let kind = match self.status.as_u16() {
            429 => "rate_limit_error",
            401 => "authentication_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        let mut error = json!({ "message": self.message, "type": kind, "param": self.param, "code": self.code });
        if let Some(run) = &self.run {
            error["run_id"] = json!(run);
        }
        json!({ "error": error })
    }

    /// Of a run or a model that failed.
    pub(crate) fn of(failure: &Failure) -> Self {
        let (status, retry) = match failure.class {
            FailureClass::RateLimit => (429, true),
            FailureClass::Timeout => (504, true),
            FailureClass::ServerError | FailureClass::Connect => (502, true),
            FailureClass::Invalid => (400, false),
            FailureClass::Refused | FailureClass::Limit | FailureClass::Cancelled => (422, false),
            FailureClass::Auth | FailureClass::Schema | FailureClass::Code | FailureClass::Bug => (500, false),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let after_ms = failure.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let should_retry = Some(failure.should_retry.unwrap_or(retry));
        Self { after_ms, should_retry, ..Self::new(status, failure.class.as_str(), failure.message.clone()) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let mut message = problem.detail.clone();
        for part in problem.causes.iter().chain(&problem.hint) {
            message.push_str("; ");
            message.push_str(part);
        }
        let after_ms = problem.retry_after_ms;
        Self { after_ms, ..Self::new(problem.status(), &problem.code, message) }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = answer::json(self.status, &self.json());
        response.headers_mut().extend(retry_headers(self.status, self.after_ms));
        if let Some(retry) = self.should_retry {
            response = answer::with(response, "x-should-retry", if retry { "true" } else { "false" });
        }
        match &self.run {
            Some(run) => answer::with(response, "x-run-id", run),
            None => response,
        }
    }
}

impl Ask {
    pub(crate) fn read(value: Value) -> Result<Self, Error> {
        let ask: Self = serde_json::from_value(value)
            .map_err(|error| Error::new(StatusCode::BAD_REQUEST, "invalid_value", error.to_string()))?;
        if ask.messages.is_empty() {
            return Err(Error::bad("messages", "`messages` is empty"));
        }
        if ask.n.is_some_and(|n| n != 1) {
            return Err(Error::bad("n", "there is one answer: leave `n` out"));
        }
        Ok(ask)
    }

    /// The conversation.
    pub(crate) fn conversation(&self) -> Result<Vec<Message>, Error> {
        self.messages.iter().map(Said::message).collect()
    }

    /// What a model is asked.
    pub(crate) fn request(&self) -> Result<ChatRequest, Error> {
        let (schema, schema_name) = self.schema()?;
        let tools = self.tools.iter().flatten().map(tool).collect::<Result<Vec<_>, _>>()?;
        let must_answer = self.tool_choice.as_ref().and_then(Value::as_str) == Some("none");
        if self.tool_choice.as_ref().is_some_and(|choice| !matches!(choice.as_str(), Some("auto" | "none"))) {
            return Err(Error::bad("tool_choice", "`tool_choice` is `auto` or `none` here"));
        }
        Ok(ChatRequest {
            messages: self.conversation()?,
            schema,
            schema_name,
            tools,
            must_answer,
            temperature: self.temperature,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            stream: self.stream.unwrap_or(false),
            ..ChatRequest::default()
        })
    }

    fn schema(&self) -> Result<(Option<Arc<Value>>, String), Error> {
        let Some(format) = &self.response_format else { return Ok((None, String::new())) };
        match format.get("type").and_then(Value::as_str) {
            Some("text") => Ok((None, String::new())),
            Some("json_schema") => {
                let name = format.pointer("/json_schema/name").and_then(Value::as_str).unwrap_or("answer");
                let schema = format.pointer("/json_schema/schema").cloned();
                let schema = schema.ok_or_else(|| Error::bad("response_format", "`json_schema.schema` is missing"))?;
                Ok((Some(Arc::new(schema)), name.to_owned()))
            }
            _ => Err(Error::bad("response_format", "`response_format` is `text` or `json_schema` here")),
        }
    }
}

impl Said {
    fn message(&self) -> Result<Message, Error> {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            role => return Err(Error::bad("messages", format!("there is no role `{role}`"))),
        };
        let tool_calls = self.tool_calls.iter().flatten().map(|call| {
            let text = |at: &str| call.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let arguments = text("/function/arguments");
            let arguments = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
            ToolCall { id: text("/id"), name: text("/function/name"), arguments }
        });
        Ok(Message {
            role,
            content: self.text()?,
            tool_calls: tool_calls.collect(),
            tool_call_id: self.tool_call_id.clone(),
        })
    }

    fn text(&self) -> Result<String, Error> {
        match &self.content {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            Value::Array(parts) => parts
                .iter()
                .map(|part| match part.get("type").and_then(Value::as_str) {
                    Some("text") => Ok(part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned()),
                    kind => {
                        let kind = kind.unwrap_or("?");
                        Err(Error::bad("messages", format!("content of type `{kind}` is not taken: send text")))
                    }
                })
                .collect(),
            _ => Err(Error::bad("messages", "`content` must be a text or a list of parts")),
        }
    }
}

fn tool(tool: &Value) -> Result<ToolSpec, Error> {
    let text = |at: &str| tool.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let name = text("/function/name").ok_or_else(|| Error::bad("tools", "a tool needs `function.name`"))?;
    let parameters = tool.pointer("/function/parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
    Ok(ToolSpec { name, description: text("/function/description").unwrap_or_default(), parameters })
}

/// What is the same in all parts of an answer.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) model: String,
}

impl Head {
    /// A whole answer.
    pub(crate) fn completion(&self, message: &Value, finish: &str, usage: Usage) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish, "logprobs": null }],
            "usage": used(usage),
        })
    }

    /// A part of one.
    pub(crate) fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish, "logprobs": null }],
        })
    }

    /// The last part, if it was asked for.
    pub(crate) fn usage_chunk(&self, usage: Usage) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [], "usage": used(usage),
        })
    }
}

fn used(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

/// Calls that a model asks for.
pub(crate) fn calls(reply: &ChatReply) -> Vec<Value> {
    let calls = (0..).zip(&reply.tool_calls).map(|(index, call): (u32, _)| {
        let arguments = match &call.arguments {
            Value::String(text) => text.clone(),
            arguments => arguments.to_string(),
        };
        let function = json!({ "name": call.name, "arguments": arguments });
        json!({ "index": index, "id": call.id, "type": "function", "function": function })
    });
    calls.collect()
}

/// Why it stopped, in their words.
pub(crate) fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}
