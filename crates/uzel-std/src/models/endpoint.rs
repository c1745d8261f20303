//! What all models behind HTTP have in common: address, key, timeouts, price. Used by each protocol's file.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use uzel_core::{
    capability::{
        Attempt,
        model::{ChatRequest, Message, Price, Usage},
    },
    failure::{Failure, FailureClass},
    secret::Secret,
};

use super::{Parts, split};
use crate::http::{self, Answer, Timeouts};

/// A model's address and the settings for calls to it.
#[derive(Debug)]
pub struct Endpoint {
    /// `provider/model`.
    pub name: String,
    /// The model as the provider knows it.
    pub model: String,
    /// Without a slash at its end.
    pub base_url: String,
    /// What it costs.
    pub price: Price,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    stream: Option<bool>,
    key: Option<Secret>,
    key_hint: String,
    headers: Vec<(String, Secret)>,
    timeouts: Timeouts,
}

/// How a protocol differs.
pub struct Defaults {
    /// Base URL when the app gives none; `None` if it must.
    pub base_url: Option<&'static str>,
    /// Variable with the key when the app names none; `None` if there may be no key.
    pub key_variable: Option<&'static str>,
}

impl Endpoint {
    /// Reads the settings; the error says what to do.
    pub fn new(parts: &Parts<'_>, defaults: &Defaults) -> Result<Self, String> {
        let (name, config) = (parts.name, parts.config);
        let (provider, _) = split(&config.use_);
        if parts.model.trim().is_empty() {
            let example = if provider == "anthropic" { "claude-sonnet-4-5" } else { "gpt-5-mini" };
            return Err(format!(
                "model `{name}` says `use: {provider}` but not which model; write `use: {provider}/{example}`"
            ));
        }
        let Some(base_url) = config.base_url.as_deref().or(defaults.base_url) else {
            return Err(format!("model `{name}` needs `base_url`, such as `http://127.0.0.1:11434/v1` for Ollama"));
        };
        check_address(name, base_url)?;
        let variable = config.key_name().or(defaults.key_variable);
        // An own header may carry the key (gateways do that).
        let is_authorized = config.headers.keys().any(|header| {
            ["authorization", "x-api-key", "api-key"].iter().any(|known| header.eq_ignore_ascii_case(known))
        });
        if let Some(variable) = variable.filter(|_| parts.api_key.is_none() && !is_authorized) {
            return Err(format!(
                "model `{name}` has no key: set `{variable}`, or run with `--model {name}=offline` to use no network"
            ));
        }
        let key_hint = match (variable, is_authorized) {
            (Some(variable), false) => format!("the key of model `{name}` comes from `{variable}`"),
            _ => format!("the key of model `{name}` comes from its settings"),
        };
        let or = |text: Option<uzel_core::duration::DurationText>, seconds| {
            text.map_or(Duration::from_secs(seconds), |text| text.0)
        };
        let timeouts = Timeouts {
            connect: or(config.connect_timeout, 3),
            first: or(config.first_token_timeout, 60),
            idle: or(config.idle_timeout, 30),
            total: config.timeout.map_or(Duration::MAX, |text| text.0),
        };
        Ok(Self {
            name: config.use_.clone(),
            model: parts.model.to_owned(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            price: config.known_price().unwrap_or_default(),
            temperature: config.temperature,
            max_tokens: config.max_tokens,
            stream: config.stream,
            key: parts.api_key.clone(),
            key_hint,
            headers: config.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            timeouts,
        })
    }

    /// What breakers and limits are kept by.
    pub fn id(&self) -> String {
        format!("{} at {}", self.name, self.base_url)
    }

    /// The request's, else the model's.
    pub fn temperature(&self, request: &ChatRequest) -> Option<f64> {
        request.temperature.or(self.temperature)
    }

    /// The request's, else the model's.
    pub fn max_tokens(&self, request: &ChatRequest) -> Option<u32> {
        request.max_tokens.or(self.max_tokens)
    }

    /// Whether the answer is to be streamed.
    pub fn is_streamed(&self, request: &ChatRequest) -> bool {
        request.stream || self.stream == Some(true)
    }

    /// Sends one request. `authorize` makes the key's header.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        attempt: &Attempt,
        headers: &[(&'static str, &str)],
        authorize: impl Fn(&str) -> (&'static str, String),
    ) -> Result<Answer, Failure> {
        let mut timeouts = self.timeouts;
        // No wait is longer than ten years, whatever the caller has left: instants do not overflow.
        timeouts.total = timeouts.total.min(attempt.timeout).min(uzel_core::duration::LONGEST);
        if body["stream"] != true {
            // A whole answer comes at once, after all of the model's work.
            timeouts.first = timeouts.total;
        }
        let mut plain = vec![("content-type", "application/json".to_owned()), ("idempotency-key", attempt.key.clone())];
        plain.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let mut secret_headers: Vec<(&str, Secret)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if let Some(key) = &self.key {
            let (name, value) = authorize(key.reveal());
            // A header that the app sets itself goes before.
            if !self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
                secret_headers.push((name, Secret::new(value)));
            }
        }
        let url = format!("{}{path}", self.base_url);
        http::send(http::Request {
            who: &self.name,
            method: reqwest::Method::POST,
            url: &url,
            headers: plain,
            secret_headers,
            body: Some(body.to_string().into_bytes()),
            timeouts,
            key_hint: &self.key_hint,
        })
        .await
    }

    /// The whole answer as JSON.
    pub async fn json(&self, answer: Answer) -> Result<Value, Failure> {
        let bytes = answer.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| self.malformed(error))
    }

    /// The failure of an answer that is not what the protocol says.
    pub fn malformed(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(FailureClass::ServerError, format!("`{}` gave a malformed answer", self.name)).because(why)
    }

    /// The failure of a stream that ended before the answer did.
    pub fn cut_off(&self) -> Failure {
        Failure::new(FailureClass::ServerError, format!("the stream was cut off by `{}`", self.name))
    }

    /// The failure of an answer that the provider withheld.
    pub fn refused(&self, why: &str) -> Failure {
        let failure = Failure::new(FailureClass::Refused, format!("`{}` refused to answer", self.name));
        if why.is_empty() { failure } else { failure.because(why) }
    }
}

fn check_address(name: &str, base_url: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(base_url).ok();
    let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        return Err(format!("model `{name}` has the `base_url` `{base_url}`, which is not an http or https address"));
    };
    // Addresses are shown in lists and logs.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "model `{name}` has a user or password in its `base_url`; send it as a secret header instead, such as \
             `headers: {{ authorization: \"Basic ${{{{ secrets.NAME }}}}\" }}`"
        ));
    }
    Ok(())
}

/// An estimate for providers that do not count: four characters are about a token.
pub fn estimated(request: &ChatRequest, answer: &str) -> Usage {
    let tokens = |characters: usize| (characters as u64).div_ceil(4);
    let schema = request.schema.as_ref().map_or(0, |schema: &Arc<Value>| schema.to_string().len());
    let calls =
        |message: &Message| -> usize { message.tool_calls.iter().map(|call| call.arguments.to_string().len()).sum() };
    let read: usize = request
        .messages
        .iter()
        .map(|message| message.content.chars().count() + calls(message))
        .sum::<usize>()
        + request.tools.iter().map(|tool| tool.description.len() + tool.parameters.to_string().len()).sum::<usize>();
    let examples: usize = request.examples.iter().map(|e| e.input.len() + e.output.to_string().len()).sum();
    Usage { input_tokens: tokens(read + examples + schema), output_tokens: tokens(answer.chars().count()) }
}
