//! The one way out to the network: a POST or GET with timeouts, limits and plain failures. Used by models and tools.
//!
//! It never retries and never follows redirects (layers above decide, and a redirected POST may be sent twice).
//! Requests to loopback by plain HTTP go straight there; all others obey `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of
//! the process.
#![expect(clippy::disallowed_methods, reason = "limits on a call that is under way: they are no part of its result")]

use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};
use uzel_core::{
    duration,
    failure::{Failure, FailureClass},
    secret::Secret,
};

pub mod failing;
pub mod retry_after;
pub mod sse;

/// An answer that is larger than this is an error.
pub const MAX_ANSWER: usize = 16 << 20;

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the request to the first byte of the body.
    pub first: Duration,
    /// Between any two pieces of the body.
    pub idle: Duration,
    /// For everything.
    pub total: Duration,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Who is called, as people know it: `openai/gpt-5-mini`, `refund`. Failures begin with it.
    pub who: &'a str,
    /// `POST`, `GET` and so on.
    pub method: reqwest::Method,
    /// Where.
    pub url: &'a str,
    /// Names and values that may be shown.
    pub headers: Vec<(&'a str, String)>,
    /// Names and values that are marked sensitive and cut out of failures.
    pub secret_headers: Vec<(&'a str, Secret)>,
    /// The body, already encoded.
    pub body: Option<Vec<u8>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What to say when the key is refused: which key, and where it comes from.
    pub key_hint: &'a str,
}

/// An answer whose status says success; its body is still to be read.
pub struct Answer {
    who: String,
    response: reqwest::Response,
    timeouts: Timeouts,
    /// When everything must be there.
    deadline: Instant,
    /// When the next piece must be there.
    next: Instant,
    read: usize,
}

/// Sends a request and waits for the head of the answer. A status that is not a success becomes a failure here.
pub async fn send(request: Request<'_>) -> Result<Answer, Failure> {
    let start = Instant::now();
    let times = request.timeouts;
    let deadline = start + times.total;
    let next = deadline.min(start + times.first);
    let who = request.who;
    let client = client(request.url, times.connect)?;
    let mut builder = client.request(request.method.clone(), request.url);
    for (name, value) in &request.headers {
        builder = builder.header(*name, header_value(who, name, value)?);
    }
    for (name, value) in &request.secret_headers {
        let mut value = header_value(who, name, value.reveal())?;
        value.set_sensitive(true);
        builder = builder.header(*name, value);
    }
    if let Some(body) = request.body.clone() {
        builder = builder.body(body);
    }
    let response = match timeout_at(next, builder.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(broken(who, &error, times)),
        Err(_) => return Err(late(who, "did not begin to answer", times.first.min(times.total))),
    };
    let mut answer = Answer { who: who.to_owned(), response, timeouts: times, deadline, next, read: 0 };
    if answer.response.status().is_success() {
        return Ok(answer);
    }
    let body = answer.start_of_body(failing::MAX_BODY).await;
    let secrets: Vec<&str> = request.secret_headers.iter().map(|(_, value)| value.reveal()).collect();
    let (status, headers) = (answer.response.status().as_u16(), answer.response.headers());
    Err(failing::of_status(&failing::Refusal {
        who,
        status,
        headers,
        body: &body,
        secrets: &secrets,
        key_hint: request.key_hint,
        now: SystemTime::now(),
    }))
}

impl Answer {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Whether the body is an event stream (some servers answer a request for one with plain JSON).
    pub fn is_event_stream(&self) -> bool {
        let kind = self.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("");
        kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let piece = match timeout_at(self.next, self.response.chunk()).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => {
                let failure =
                    Failure::new(FailureClass::ServerError, format!("the answer of `{}` was cut off", self.who));
                return Err(with_causes(failure, &error));
            }
            Err(_) if Instant::now() >= self.deadline => {
                return Err(late(&self.who, "did not finish its answer", self.timeouts.total));
            }
            Err(_) if self.read == 0 => return Err(late(&self.who, "did not begin to answer", self.timeouts.first)),
            Err(_) => {
                return Err(late(
                    &self.who,
                    "stopped in the middle of its answer: nothing more came",
                    self.timeouts.idle,
                ));
            }
        };
        let Some(piece) = piece else { return Ok(None) };
        self.read += piece.len();
        self.next = self.deadline.min(Instant::now() + self.timeouts.idle);
        if self.read > MAX_ANSWER {
            let what = format!("the answer of `{}` is larger than {} MiB", self.who, MAX_ANSWER >> 20);
            return Err(Failure::new(FailureClass::ServerError, what));
        }
        Ok(Some(piece.to_vec()))
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Failure> {
        let mut body = vec![];
        while let Some(piece) = self.chunk().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// What can be had of an error's body; that it breaks off does not matter.
    async fn start_of_body(&mut self, limit: usize) -> Vec<u8> {
        let mut body = vec![];
        while body.len() < limit {
            match self.chunk().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(limit);
        body
    }
}

/// The client for an address, made on first use: reading the system's TLS roots takes time that runs without a network
/// must not pay. Clients share nothing but are few: one per connect timeout.
pub(crate) fn client(url: &str, connect: Duration) -> Result<reqwest::Client, Failure> {
    static CLIENTS: Mutex<BTreeMap<(bool, Duration), reqwest::Client>> = Mutex::new(BTreeMap::new());
    let url = reqwest::Url::parse(url)
        .map_err(|error| Failure::new(FailureClass::Invalid, format!("`{url}` is not an address")).because(error))?;
    let host = url.host_str().unwrap_or("");
    let is_direct = url.scheme() == "http" && (host == "localhost" || host == "[::1]" || host.starts_with("127."));
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = clients.get(&(is_direct, connect)) {
        return Ok(client.clone());
    }
    // An error means that the program installed a provider before, and that one is fine too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_idle_timeout(Duration::from_mins(1))
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("uzel/", env!("CARGO_PKG_VERSION")));
    // Plain HTTP needs no roots, and a machine without any must still reach its own model server.
    let builder = if is_direct { builder.no_proxy().tls_certs_only([]) } else { builder };
    let client = builder.build().map_err(|error| {
        with_causes(
            Failure::new(FailureClass::Connect, "the HTTP client cannot be set up (are CA certificates installed?)"),
            &error,
        )
    })?;
    clients.insert((is_direct, connect), client.clone());
    Ok(client)
}

fn header_value(who: &str, name: &str, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value).map_err(|_| {
        let what = format!("the header `{name}` for `{who}` holds a character that headers cannot carry");
        Failure::new(FailureClass::Invalid, what).because("a line break at the end of a key is the usual cause")
    })
}

fn late(who: &str, what: &str, after: Duration) -> Failure {
    Failure::new(FailureClass::Timeout, format!("`{who}` {what} within {}", duration::print(after)))
}

/// The failure of a request that got no answer.
fn broken(who: &str, error: &reqwest::Error, times: Timeouts) -> Failure {
    let failure = if error.is_builder() {
        Failure::new(
            FailureClass::Invalid,
            format!("the request to `{who}` cannot be made; look at its address and headers"),
        )
    } else if error.is_timeout() {
        return late(who, "could not be connected to", times.connect);
    } else if error.is_connect() {
        Failure::new(FailureClass::Connect, format!("there is no connection to `{who}`"))
    } else {
        Failure::new(FailureClass::ServerError, format!("`{who}` broke the connection before it answered"))
    };
    with_causes(failure, error)
}

/// Adds the chain of causes below reqwest's own sentence, which holds the address and nothing else of use.
fn with_causes(mut failure: Failure, error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause.filter(|_| failure.causes.len() < 4) {
        let text = error.to_string();
        // Some errors print their cause as well as themselves.
        if failure.causes.last().is_none_or(|last| !last.contains(&text)) {
            failure = failure.because(text);
        }
        cause = error.source();
    }
    failure
}
