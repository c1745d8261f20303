//! What a status that is no success means, as a failure. Called by the sender and by streams that carry errors.

use std::time::SystemTime;

use reqwest::header::HeaderMap;
use serde_json::Value;
use uzel_core::failure::{Failure, FailureClass};

use super::retry_after::{retry_after, should_retry};

/// So much of an error's body is read.
pub const MAX_BODY: usize = 2_048;

/// An answer that says no.
pub struct Refusal<'a> {
    /// Who was called.
    pub who: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The start of the body.
    pub body: &'a [u8],
    /// Values that must not be shown.
    pub secrets: &'a [&'a str],
    /// Which key was sent and where it comes from.
    pub key_hint: &'a str,
    /// To read dates against.
    pub now: SystemTime,
}

/// The failure of a status. 529 is how some providers say that they are overloaded.
pub fn of_status(refusal: &Refusal<'_>) -> Failure {
    use FailureClass::{Auth, Invalid, RateLimit, ServerError, Timeout};
    let Refusal { who, status, .. } = refusal;
    let (class, what) = match status {
        401 => (Auth, format!("`{who}` refused the key (401)")),
        403 => (Auth, format!("`{who}` does not allow this with the key it was given (403)")),
        408 => (Timeout, format!("`{who}` gave up waiting (408)")),
        429 => (RateLimit, format!("`{who}` asks to slow down (429)")),
        529 => (RateLimit, format!("`{who}` is overloaded (529)")),
        300..=399 => (Invalid, format!("`{who}` redirects elsewhere ({status}); give the final address")),
        404 => (Invalid, format!("`{who}` knows no such address or model (404)")),
        400..=499 => (Invalid, format!("`{who}` refused the request ({status})")),
        _ => (ServerError, format!("`{who}` failed ({status})")),
    };
    let text = redact(&message(refusal.body), refusal.secrets);
    let mut failure = Failure::new(class, if text.is_empty() { what } else { format!("{what}: {text}") });
    failure.retry_after = retry_after(refusal.headers, refusal.now);
    failure.should_retry = should_retry(refusal.headers);
    if class == Auth && !refusal.key_hint.is_empty() {
        failure = failure.because(refusal.key_hint);
    }
    if is_out_of_credit(refusal.body) {
        // It comes as a 429, but waiting does not fill an account.
        failure.should_retry = Some(false);
        failure = failure.because("the account has no credit left");
    }
    failure
}

fn is_out_of_credit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("\"insufficient_quota\"") || text.contains("\"billing_hard_limit_reached\"")
}

/// The sentence in an error's body, in the shapes that servers use, on one line.
pub fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => message_in(&json),
        // A web page says less than the status.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentence in a JSON error.
pub fn message_in(json: &Value) -> String {
    let places = ["/error/message", "/message", "/error", "/detail", "/errors/0/message"];
    match places.iter().find_map(|place| json.pointer(place).filter(|found| !found.is_null())) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => json.to_string(),
    }
}

/// Without secrets, and without words that begin as a secret does (providers echo keys partly hidden).
fn redact(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    // A header such as `Bearer KEY` holds the key as its last word.
    for secret in secrets.iter().filter_map(|secret| secret.split_whitespace().last()).filter(|s| s.len() >= 6) {
        text = text.replace(secret, "[hidden]");
        let start: String = secret.chars().take(6).collect();
        let hide = |word: &str| if word.contains(&start) { "[hidden]".to_owned() } else { word.to_owned() };
        text = text.split(' ').map(hide).collect::<Vec<_>>().join(" ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Failure {
        let headers = HeaderMap::new();
        of_status(&Refusal {
            who: "openai/x",
            status,
            headers: &headers,
            body: body.as_bytes(),
            secrets: &["Bearer sk-abcdef123456"],
            key_hint: "the key comes from `OPENAI_API_KEY`",
            now: SystemTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn messages_are_found_in_all_shapes() {
        let text = |body: &str| of(400, body).message;
        let expected = "`openai/x` refused the request (400): bad";
        assert_eq!(text(r#"{"error":{"message":"bad"}}"#), expected);
        assert_eq!(text(r#"{"error":"bad"}"#), expected);
        assert_eq!(text(r#"{"detail":"bad"}"#), expected);
        assert_eq!(text(r#"{"message":" bad\n"}"#), expected);
        assert_eq!(text("bad"), expected);
        assert_eq!(text("<html>bad</html>"), "`openai/x` refused the request (400)");
        assert_eq!(text(""), "`openai/x` refused the request (400)");
    }

    #[test]
    fn keys_are_never_echoed() {
        let failure = of(401, r#"{"error":{"message":"Incorrect key: sk-abcdef123456 or sk-abc***3456."}}"#);
        assert_eq!(failure.class, FailureClass::Auth);
        assert_eq!(
            failure.to_string(),
            "auth: `openai/x` refused the key (401): Incorrect key: [hidden] or [hidden] (because the key comes from \
             `OPENAI_API_KEY`)"
        );
    }

    #[test]
    fn an_empty_account_is_not_tried_again() {
        let failure = of(429, r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#);
        assert_eq!((failure.class, failure.should_retry), (FailureClass::RateLimit, Some(false)));
    }
}
