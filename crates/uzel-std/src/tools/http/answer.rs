//! Reads answers and sorts what goes wrong into failure classes. Used by the http tool.

use std::{error::Error as _, time::Duration, time::SystemTime};

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use serde_json::Value;
use uzel_core::failure::{Failure, FailureClass};

use super::plain;
use crate::code::calendar::Moment;

/// Biggest answer, and how much of an error's body is kept, in bytes.
const MAX_ANSWER: usize = 16 << 20;
const MAX_ERROR: usize = 2 << 10;

/// The value of an answer: its JSON if it is JSON, else `{ status, text }`.
pub(super) async fn read(mut response: Response, endpoint: &str) -> Result<Value, Failure> {
    let status = response.status();
    let headers = response.headers().clone();
    let most = if status.is_success() { MAX_ANSWER } else { MAX_ERROR };
    let mut body: Vec<u8> = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error, endpoint))? {
        if body.len() + chunk.len() > most {
            if status.is_success() {
                let message = format!("the answer of {endpoint} is over {} MB", MAX_ANSWER >> 20);
                return Err(Failure::new(FailureClass::Limit, message));
            }
            body.extend_from_slice(&chunk[..most - body.len()]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        return Err(refused(status, &headers, &text, endpoint));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
    if is_json && !text.trim().is_empty() {
        return serde_json::from_str(&text).map_err(|error| {
            let message = format!("{endpoint} answered with broken JSON");
            Failure::new(FailureClass::ServerError, message).because(error)
        });
    }
    Ok(plain(status.as_u16(), &text))
}

fn refused(status: StatusCode, headers: &HeaderMap, text: &str, endpoint: &str) -> Failure {
    let class = match status.as_u16() {
        429 | 529 => FailureClass::RateLimit,
        408 | 504 => FailureClass::Timeout,
        401 | 403 | 407 => FailureClass::Auth,
        500.. => FailureClass::ServerError,
        _ => FailureClass::Invalid,
    };
    let mut failure = Failure::new(class, format!("{endpoint} answered {status}")).retry_after(wait(headers));
    failure.should_retry = headers.get("x-should-retry").and_then(|value| match value.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    });
    if text.trim().is_empty() { failure } else { failure.because(text.trim()) }
}

/// How long the other side asks to wait: milliseconds, seconds, or until a date.
#[expect(clippy::disallowed_methods, reason = "a date in an answer means the clock of the outside world")]
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| (0.0..1e9).contains(n));
    if let Some(millis) = text("retry-after-ms").and_then(number) {
        return Some(Duration::from_secs_f64(millis / 1000.0));
    }
    let after = text(RETRY_AFTER.as_str())?;
    if let Some(seconds) = number(after) {
        return Some(Duration::from_secs_f64(seconds));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let at = u64::try_from(Moment::parse_http(after)?.seconds).ok()?;
    Some(Duration::from_secs(at.saturating_sub(now)))
}

/// What went wrong before or while the answer came.
pub(super) fn failed(error: &reqwest::Error, endpoint: &str) -> Failure {
    let (class, what) = if error.is_connect() {
        (FailureClass::Connect, "cannot be reached")
    } else if error.is_timeout() {
        (FailureClass::Timeout, "did not answer in time")
    } else if error.is_builder() {
        (FailureClass::Invalid, "got no request: it cannot be built")
    } else {
        (FailureClass::ServerError, "broke the connection off")
    };
    let mut failure = Failure::new(class, format!("{endpoint} {what}"));
    // The outermost error has the address with its query in it, which may hold what must not be logged.
    let mut cause = error.source();
    while let Some(inner) = cause.filter(|_| failure.causes.len() < 5) {
        failure = failure.because(inner);
        cause = inner.source();
    }
    failure
}
