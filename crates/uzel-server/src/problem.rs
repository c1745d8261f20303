//! What is wrong with a request, as a problem document (RFC 9457) with our code and what to do. Every route answers so,
//! except those that speak another API's language.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use uzel_core::{diagnostic::Code, store};
use uzel_runtime::{engine, runner};

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// A name of the code; `uzel explain` tells more.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What the code stands for.
    pub(crate) title: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// One sentence.
    pub(crate) detail: String,
    /// Our code, such as `UZ6001`.
    pub(crate) code: String,
    /// What does not fit, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) causes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// When to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:uzel:{code}"),
            title: code.title().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            causes: vec![],
            hint: None,
            retry_after_ms: None,
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn causes(self, causes: Vec<String>) -> Self {
        Self { causes, ..self }
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after_ms: Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)), ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Headers that say whether and when the same request may do better.
    pub(crate) fn retry_headers(&self) -> HeaderMap {
        retry_headers(self.status(), self.retry_after_ms)
    }
}

/// Headers that say whether and when the same request may do better.
pub(crate) fn retry_headers(status: StatusCode, after_ms: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    headers.insert("x-should-retry", HeaderValue::from_static(if again { "true" } else { "false" }));
    if let Some(ms) = after_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000).max(1)));
        headers.insert("retry-after-ms", HeaderValue::from(ms));
    }
    headers
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(serde_json::to_vec(&self).unwrap_or_default()));
        *response.status_mut() = self.status();
        response.headers_mut().extend(self.retry_headers());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

impl From<runner::Error> for Problem {
    fn from(error: runner::Error) -> Self {
        let said = error.to_string();
        match error {
            runner::Error::Busy { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, Code::TOO_BUSY, said).after(retry_after)
            }
            runner::Error::Draining => Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::TOO_BUSY, said)
                .after(Duration::from_secs(1))
                .hint("try again: another process takes over what was accepted"),
            runner::Error::Engine(error) => error.into(),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        engine::Error::from(error).into()
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        let said = error.to_string();
        let of = |status, code| Self::new(status, code, said.clone());
        match error {
            engine::Error::BadInput(causes) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BAD_INPUT, "the input does not fit").causes(causes)
            }
            engine::Error::BadFlags(causes) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BAD_INPUT, "the flags do not fit").causes(causes)
            }
            engine::Error::BadAnswer(causes) => {
                let detail = "the answer does not fit the question";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BAD_ANSWER, detail).causes(causes)
            }
            engine::Error::BadPayload(causes) => {
                let detail = "what was sent does not fit";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BAD_ANSWER, detail).causes(causes)
            }
            engine::Error::UnknownRun { near, .. } => {
                let problem = of(StatusCode::NOT_FOUND, Code::RUN_UNKNOWN);
                if near.is_empty() { problem } else { problem.hint(format!("did you mean `{}`?", near.join("` or `"))) }
            }
            engine::Error::Store(store::Error::UnknownRun(_)) => of(StatusCode::NOT_FOUND, Code::RUN_UNKNOWN),
            engine::Error::UnknownTask { .. } | engine::Error::UnknownCallback { .. } => {
                of(StatusCode::NOT_FOUND, Code::NOT_WAITED_FOR)
            }
            engine::Error::TaskClosed { .. } => {
                of(StatusCode::CONFLICT, Code::TASK_ANSWERED).hint("the first answer stands")
            }
            engine::Error::TaskChanged { .. } => {
                of(StatusCode::CONFLICT, Code::TASK_ANSWERED).hint("read the question again, and answer that")
            }
            engine::Error::CallbackClosed { .. } => of(StatusCode::CONFLICT, Code::NOT_WAITED_FOR),
            engine::Error::Ended { .. } => of(StatusCode::CONFLICT, Code::RUN_ENDED),
            engine::Error::Release(_) => of(StatusCode::CONFLICT, Code::BUILD_FAILED)
                .hint("runs are pinned to the app as it was; start a new run of the app as it is"),
            engine::Error::Store(store::Error::Conflict { .. }) => of(StatusCode::CONFLICT, Code::RUN_ENDED),
            engine::Error::Store(error) => {
                tracing::error!(%error, "the store failed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::STORE_FAILED, "the store failed")
                    .after(Duration::from_secs(1))
                    .hint("the server's log says more")
            }
        }
    }
}
