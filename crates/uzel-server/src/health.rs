//! Whether the process lives, has started, and takes work.

use std::sync::{Arc, atomic::Ordering};

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::json;

use crate::{Server, answer};

pub(crate) async fn lives() -> Response {
    answer::json(StatusCode::OK, &json!({ "status": "ok" }))
}

pub(crate) async fn is_ready(State(server): State<Arc<Server>>) -> Response {
    if server.is_draining.load(Ordering::Relaxed) {
        return answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "draining" }));
    }
    if server.runner.room() == 0 {
        return answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "busy" }));
    }
    // A store that fails takes nothing.
    match server.runner.engine().store.head("ready".into()).await {
        Ok(_) => answer::json(StatusCode::OK, &json!({ "status": "ok" })),
        Err(_) => answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "store" })),
    }
}
