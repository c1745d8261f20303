//! A tool that is one HTTP request: `tools: { refund: { use: http, request: POST https://… } }`.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uzel_core::{
    capability::{Attempt, BoxFuture, tool::Tool},
    failure::{Failure, FailureClass},
};

use crate::http::client;

mod address;
mod answer;

use address::Address;

/// Bound on making a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How often a request is sent on to another path of the same host.
const MAX_REDIRECTS: usize = 5;

/// One HTTP request with holes for arguments. It can be neither printed nor written: `headers` may have secrets.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Method and address: `POST https://api.example.com/orders/{id}/refunds`. A `{name}` in the path or the query is
    /// filled from the arguments, percent-encoded.
    pub request: String,
    /// Headers, their values already complete.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON Schema of the arguments, an object. Arguments without a hole go to the query (GET, HEAD, DELETE) or to the
    /// body.
    #[serde(default)]
    pub params: Option<Value>,
    /// How the body is written.
    #[serde(default)]
    pub body: Body,
    /// JSON Schema of the answer.
    #[serde(default)]
    pub output: Option<Value>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`; objects and lists as `a[b]` and `a[0]`.
    Form,
}

/// A tool made from a [`Config`].
#[derive(Clone, Debug)]
pub struct Http {
    method: Method,
    address: Address,
    headers: HeaderMap,
    body: Body,
    keyed: bool,
}

impl Http {
    /// Checks a config. `keyed`: the effect is keyed, so every request carries `Idempotency-Key`.
    /// Errors are sentences that name the field and what to write.
    pub fn new(config: &Config, keyed: bool) -> Result<Self, String> {
        let wrong = || format!("`request: {}` must be a method and an address: GET https://host/path", config.request);
        let (method, address) = config.request.trim().split_once(char::is_whitespace).ok_or_else(wrong)?;
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        let name = known.into_iter().find(|name| *name == method);
        let name = name.ok_or_else(|| format!("`request` has the method {method}, it must be {}", known.join(", ")))?;
        let method = Method::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let address = Address::new(address.trim())?;
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let key: HeaderName = name.parse().map_err(|_| format!("`headers`: {name} is no name of a header"))?;
            // The value may be a secret: it stays out of the message and of debug output.
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| format!("`headers`: the value of {name} has a character that headers cannot have"))?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        Ok(Self { method, address, headers, body: config.body, keyed })
    }

    /// The names in braces: arguments that the address needs.
    pub fn holes(&self) -> Vec<&str> {
        self.address.holes()
    }

    async fn send(&self, arguments: &Value, attempt: &Attempt) -> Result<Value, Failure> {
        let mut rest = match arguments {
            Value::Object(fields) => fields.clone(),
            Value::Null => Map::new(),
            _ => return Err(Failure::new(FailureClass::Invalid, "the arguments must be an object")),
        };
        let mut url = self.address.fill(&mut rest)?;
        let in_query = matches!(self.method, Method::GET | Method::HEAD | Method::DELETE);
        let mut body = None;
        if in_query && !rest.is_empty() {
            address::write_pairs(&mut url, &rest);
        } else if !in_query {
            body = Some(match self.body {
                Body::Json => ("application/json", Value::Object(rest).to_string()),
                Body::Form => ("application/x-www-form-urlencoded", address::form(&rest)),
            });
        }
        let mut method = self.method.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request =
                client(url.as_str(), CONNECT)?.request(method.clone(), url.clone()).headers(self.headers.clone());
            if let Some((kind, text)) = &body {
                if !self.headers.contains_key(CONTENT_TYPE) {
                    request = request.header(CONTENT_TYPE, *kind);
                }
                request = request.body(text.clone());
            }
            if self.keyed {
                request = request.header("idempotency-key", &attempt.key);
            }
            let response = request.send().await.map_err(|error| answer::failed(&error, &self.endpoint()))?;
            if !response.status().is_redirection() || !response.headers().contains_key(LOCATION) {
                return answer::read(response, &self.endpoint()).await;
            }
            url = next(&url, &method, response.headers().get(LOCATION), response.status().as_u16())?;
            if response.status().as_u16() == 303 && method != Method::HEAD {
                (method, body) = (Method::GET, None);
            }
        }
        let message = format!("{} redirects more than {MAX_REDIRECTS} times", self.endpoint());
        Err(Failure::new(FailureClass::Invalid, message))
    }
}

/// Where a redirect leads, if it may be followed: only on the same host, so that headers with secrets stay there.
fn next(url: &Url, method: &Method, location: Option<&HeaderValue>, status: u16) -> Result<Url, Failure> {
    let refuse = |message: String| Failure::new(FailureClass::Invalid, message);
    let target = location.and_then(|value| value.to_str().ok()).and_then(|text| url.join(text).ok());
    let Some(target) = target else { return Err(refuse(format!("{status}: redirected to no address"))) };
    let safe_method = matches!(*method, Method::GET | Method::HEAD) || matches!(status, 303 | 307 | 308);
    let secure = target.scheme() == url.scheme() || target.scheme() == "https";
    let same_port = target.port_or_known_default() == url.port_or_known_default() || target.scheme() != url.scheme();
    if target.host_str() != url.host_str() || !same_port || !secure {
        let host = target.host_str().unwrap_or("nowhere");
        return Err(refuse(format!(
            "{status}: redirected to another host ({host}): write the new address into `request`"
        )));
    }
    if !safe_method {
        return Err(refuse(format!("{status}: {method} was redirected: write the new address into `request`")));
    }
    Ok(target)
}

impl Tool for Http {
    fn endpoint(&self) -> String {
        self.address.origin()
    }

    fn call<'a>(&'a self, arguments: &'a Value, attempt: &'a Attempt) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let done = tokio::time::timeout(attempt.timeout, self.send(arguments, attempt)).await;
            done.unwrap_or_else(|_| {
                let message = format!("no answer from {} within {:?}", self.endpoint(), attempt.timeout);
                Err(Failure::new(FailureClass::Timeout, message))
            })
        })
    }
}

/// What an answer that is no JSON becomes.
fn plain(status: u16, text: &str) -> Value {
    json!({ "status": status, "text": text })
}

#[cfg(test)]
mod tests;
