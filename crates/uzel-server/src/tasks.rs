//! Questions to people, and calls from outside.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::Value;
use uzel_core::{
    event::{InstancePath, RunId},
    store::{self, Task},
};
use uzel_runtime::engine::{self, Engine, Given};

use crate::{
    Server, answer,
    problem::Problem,
    runs::who,
    strict::{Any, Json},
    views::{AnswerBody, CalledView, TaskView, TasksView},
};

pub(crate) async fn list(State(server): State<Arc<Server>>) -> Result<Response, Problem> {
    let tasks = server.runner.engine().store.tasks(true, None).await?;
    Ok(answer::json(StatusCode::OK, &TasksView { tasks: tasks.iter().map(TaskView::of).collect() }))
}

pub(crate) async fn one(
    State(server): State<Arc<Server>>,
    Path((run, node)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let task = find(&server, &RunId::from(run), &node).await?;
    Ok(answer::json(StatusCode::OK, &TaskView::of(&task)))
}

/// A question, open or closed.
pub(crate) async fn find(server: &Server, run: &RunId, node: &str) -> Result<Task, Problem> {
    let store = &server.runner.engine().store;
    if store.head(run.clone()).await?.is_none() {
        return Err(store::Error::UnknownRun(run.clone()).into());
    }
    let tasks = store.tasks(false, Some(run.clone())).await?;
    let name = || format!("{run}/{node}");
    let found = tasks.into_iter().find(|task| task.instance.as_str() == node);
    Ok(found.ok_or_else(|| engine::Error::UnknownTask { name: name(), near: vec![] })?)
}

pub(crate) async fn answer(
    State(server): State<Arc<Server>>,
    Path((run, node)): Path<(String, String)>,
    Json(body): Json<AnswerBody>,
) -> Result<Response, Problem> {
    let run = RunId::from(run);
    let given = Given { action: body.action, form: Value::Object(body.form), by: who(body.by)?, digest: body.digest };
    give(&server, &run, &node, given).await?;
    let task = find(&server, &run, &node).await?;
    Ok(answer::json(StatusCode::OK, &TaskView::of(&task)))
}

/// Records an answer; the run goes on.
pub(crate) async fn give(server: &Server, run: &RunId, node: &str, given: Given) -> Result<(), Problem> {
    let task = find(server, run, node).await?;
    if let Some(closed) = task.closed {
        return Err(engine::Error::TaskClosed { task: task.id, closed }.into());
    }
    Ok(server.runner.answer(run, &InstancePath::from(node), given).await?)
}

pub(crate) async fn call(
    State(server): State<Arc<Server>>,
    Path(token): Path<String>,
    Any(value): Any,
) -> Result<Response, Problem> {
    let run = RunId::from(Engine::run_of_callback(&token));
    // Whoever does not know the token does not learn which runs there are.
    let unknown = || engine::Error::UnknownCallback { name: token.chars().take(100).collect() };
    if token.contains('/') || server.runner.engine().store.head(run.clone()).await?.is_none() {
        return Err(unknown().into());
    }
    let value = server.runner.call_back(&run, &token, value).await?;
    Ok(answer::json(StatusCode::OK, &CalledView { run: run.to_string(), value }))
}
