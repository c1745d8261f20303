//! Who may ask: which names of this server are known, and that no page of another site asks in a person's name.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use uzel_core::diagnostic::Code;

use crate::{Server, problem::Problem};

/// Names under which the server is asked.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Only names of this machine: a page whose name was turned to this machine's address does not get in.
    #[default]
    ThisMachine,
    /// Any name.
    Anyone,
}

/// Names that mean this machine.
const OURS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Refuses requests for other hosts, and requests that a page of another site makes.
pub(crate) async fn check(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let refused = refusal(&server.settings.access, request.method(), request.headers(), request.uri().authority());
    match refused {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(access: &Access, method: &Method, headers: &HeaderMap, asked: Option<&Authority>) -> Option<Problem> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(host) = asked.cloned().or(named) else {
        let detail = "the request does not say for which host it is";
        return Some(Problem::new(StatusCode::BAD_REQUEST, Code::HOST_REFUSED, detail));
    };
    let is_ours = OURS.iter().any(|name| host.host().eq_ignore_ascii_case(name));
    if matches!(access, Access::ThisMachine) && !is_ours {
        let detail = "the server answers for `localhost` only";
        let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, Code::HOST_REFUSED, detail);
        return Some(problem.hint("ask it by `127.0.0.1` or `localhost`"));
    }
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    // Browsers say from which page they ask; programs say nothing.
    let origin = headers.get(header::ORIGIN)?;
    let is_same = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host.as_str()));
    (!is_same).then(|| {
        let detail = "a page of another site may not ask this";
        Problem::new(StatusCode::FORBIDDEN, Code::HOST_REFUSED, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(access: &Access, method: &Method, host: &str, origin: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        refusal(access, method, &headers, None).map_or(200, |problem| problem.status)
    }

    #[test]
    fn other_hosts_and_other_sites_are_refused() {
        let (get, post) = (Method::GET, Method::POST);
        let ours = Access::ThisMachine;
        for host in ["localhost:7070", "127.0.0.1", "LOCALHOST", "[::1]:7070"] {
            assert_eq!(status(&ours, &post, host, None), 200, "{host}");
        }
        for host in ["evil.example:7070", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"] {
            assert_eq!(status(&ours, &get, host, None), 421, "{host}");
            assert_eq!(status(&Access::Anyone, &get, host, None), 200, "{host}");
        }
        assert_eq!(status(&ours, &post, "localhost:7070", Some("http://localhost:7070")), 200);
        for origin in ["http://evil.example", "http://localhost:8080", "null", "http://localhost:7070.evil.example"] {
            assert_eq!(status(&ours, &post, "localhost:7070", Some(origin)), 403, "{origin}");
            assert_eq!(status(&Access::Anyone, &post, "a.example", Some(origin)), 403, "{origin}");
        }
        assert_eq!(
            status(&ours, &get, "localhost:7070", Some("http://evil.example")),
            200,
            "it cannot read the answer"
        );
    }
}
