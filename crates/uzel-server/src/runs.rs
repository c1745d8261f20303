//! The runs API: start, list, look, cancel, batches.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uzel_core::{
    diagnostic::Code,
    event::{Event, RunId, Time},
    store::{self, Filter, Head, Status},
};
use uzel_runtime::{
    engine::{self, Start, batch_run, check_input, keyed_run},
    runner,
};

use crate::{
    Served, Server, answer, events,
    problem::Problem,
    strict::Json,
    views::{BatchBody, BatchView, CancelBody, Mode, RunView, RunsView, StartBody},
};

/// Runs of one page, at most.
const MOST_ROWS: usize = 500;
/// Runs of one batch's start, at most.
const MOST_LINES: usize = 1_000;
/// A start waits so long for its end, at most.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// An idempotency key is at most so long.
const MOST_KEY: usize = 255;

/// A run that was started, or that the same request had started before.
pub(crate) struct Begun {
    pub(crate) run: RunId,
    pub(crate) is_known: bool,
}

pub(crate) async fn start(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Json(body): Json<StartBody>,
) -> Result<Response, Problem> {
    let served = app_of(&server, body.app.as_deref())?;
    let start = Start {
        id: None,
        input: Value::Object(body.input),
        by: Some(who(body.by)?),
        flags: body.flags,
        dry_run: body.dry_run,
        batch: None,
    };
    let begun = begin(&server, served, start, key_of(&headers)?).await?;
    let run = &begun.run;
    let is_stream = headers.get(header::ACCEPT).is_some_and(|accept| {
        accept.to_str().is_ok_and(|accept| accept.split(',').any(|kind| kind.trim().starts_with("text/event-stream")))
    });
    if is_stream {
        return Ok(marked(events::follow(&server, run, events::Place::default()).await?, &begun));
    }
    let wait = match body.mode {
        Mode::Async => Duration::ZERO,
        Mode::Sync => body.wait_ms.map_or(server.settings.wait, Duration::from_millis).min(LONGEST_WAIT),
    };
    let head = settled(&server, run, wait).await?;
    let status = if head.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(marked(answer::json(status, &view(&server, &head).await?), &begun))
}

fn marked(response: Response, begun: &Begun) -> Response {
    let response = answer::with(response, "x-run-id", begun.run.as_str());
    let response = answer::with(response, "location", &format!("/v1/runs/{}", begun.run));
    if begun.is_known { answer::with(response, "idempotent-replayed", "true") } else { response }
}

/// Starts a run; one with a key that was used before is the run of then, if it was started with the same.
pub(crate) async fn begin(
    server: &Server,
    served: &Served,
    mut start: Start,
    key: Option<String>,
) -> Result<Begun, Problem> {
    let graph = &served.app.graph;
    start.input = check_input(graph, start.input)?;
    let Some(key) = key else {
        let run = server.runner.start(Arc::clone(&served.app), served.release.clone(), start).await?;
        return Ok(Begun { run, is_known: false });
    };
    let run = keyed_run("", &key);
    start.id = Some(run.clone());
    match begin_named(server, served, &run, start).await? {
        Ok(()) => Ok(Begun { run, is_known: false }),
        Err(start) if is_same(server, &run, &graph.name, &start).await? => Ok(Begun { run, is_known: true }),
        Err(_) => {
            let message = "the idempotency key was used for a run that was started with something else";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Code::KEY_REUSED, message);
            Err(problem.hint("use a new key for a new request, and the same body for the same key"))
        }
    }
}

/// Starts a run whose id is known before; gives back with what, if there is such a run.
async fn begin_named(
    server: &Server,
    served: &Served,
    run: &RunId,
    start: Start,
) -> Result<Result<(), Start>, Problem> {
    let store = &server.runner.engine().store;
    if store.head(run.clone()).await?.is_some() {
        return Ok(Err(start));
    }
    let begun = server.runner.start(Arc::clone(&served.app), served.release.clone(), start.clone()).await;
    match begun {
        Ok(_) => Ok(Ok(())),
        Err(runner::Error::Engine(engine::Error::Store(store::Error::Conflict { .. }))) => {
            // The other request with this id may not be durable yet.
            let mut watching = server.runner.watch(run);
            while store.head(run.clone()).await?.is_none() {
                if !server.runner.is_driven(run) {
                    return Err(runner::Error::Busy { retry_after: Duration::from_millis(100) }.into());
                }
                let _ = watching.next().await;
            }
            Ok(Err(start))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a run was started with this.
async fn is_same(server: &Server, run: &RunId, name: &str, start: &Start) -> Result<bool, Problem> {
    let records = server.runner.engine().records(run, 0).await?;
    let first = records.into_iter().flat_map(|(_, events)| events).next();
    Ok(matches!(first, Some(Event::Started { app, input, flags, dry_run, .. })
        if app == name && *input == start.input && flags == start.flags && dry_run == start.dry_run))
}

/// The run's row once it has ended or waits, or as it is when the time is over.
pub(crate) async fn settled(server: &Server, run: &RunId, wait: Duration) -> Result<Head, Problem> {
    let over = server.runner.engine().shared.world.sleep(wait);
    tokio::select! {
        biased;
        head = server.runner.settled(run) => Ok(head?),
        () = over => head_of(server, run).await,
    }
}

async fn head_of(server: &Server, run: &RunId) -> Result<Head, Problem> {
    let head = server.runner.engine().store.head(run.clone()).await?;
    Ok(head.ok_or_else(|| store::Error::UnknownRun(run.clone()))?)
}

async fn view(server: &Server, head: &Head) -> Result<RunView, Problem> {
    let view = RunView::of(head);
    if head.status.is_final() {
        return Ok(view);
    }
    let tasks = server.runner.engine().store.tasks(true, Some(head.run.clone())).await?;
    Ok(view.with_tasks(&tasks))
}

pub(crate) fn app_of<'s>(server: &'s Server, name: Option<&str>) -> Result<&'s Served, Problem> {
    server.app(name).map_err(|hint| {
        let detail = name.map_or("which app is not said".to_owned(), |name| format!("there is no app `{name}`"));
        let status = if name.is_some() { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Problem::new(status, Code::APP_UNKNOWN, detail).hint(hint)
    })
}

/// Who asks, as they say.
pub(crate) fn who(by: Option<String>) -> Result<String, Problem> {
    let by = by.unwrap_or_else(|| "somebody".to_owned());
    if by.is_empty() || by.len() > 200 || by.chars().any(char::is_control) {
        let detail = "`by` must be a text of 1 to 200 bytes on one line";
        return Err(Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, detail));
    }
    Ok(by)
}

pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if !key.trim().is_empty() && key.len() <= MOST_KEY => Ok(Some(key.to_owned())),
        _ => {
            let detail = format!("`Idempotency-Key` must be 1 to {MOST_KEY} characters of ASCII");
            Err(Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, detail))
        }
    }
}

pub(crate) async fn batch(State(server): State<Arc<Server>>, Json(body): Json<BatchBody>) -> Result<Response, Problem> {
    let served = app_of(&server, body.app.as_deref())?;
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, detail);
    if body.inputs.is_empty() || body.inputs.len() > MOST_LINES {
        return Err(bad(format!("a batch has 1 to {MOST_LINES} inputs, found {}", body.inputs.len())));
    }
    if body.batch.trim().is_empty() || body.batch.len() > 200 {
        return Err(bad("`batch` must be a name of 1 to 200 bytes".to_owned()));
    }
    let by = who(body.by)?;
    let mut inputs = vec![];
    let mut wrong = vec![];
    for (at, input) in body.inputs.into_iter().enumerate() {
        match check_input(&served.app.graph, Value::Object(input)) {
            Ok(input) => inputs.push(input),
            Err(error) => wrong.push(format!("input {}: {error}", at + 1)),
        }
    }
    if !wrong.is_empty() {
        wrong.truncate(20);
        let detail = "nothing was started: inputs do not fit";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BAD_INPUT, detail).causes(wrong));
    }
    if inputs.len() > server.runner.room() {
        return Err(runner::Error::Busy { retry_after: Duration::from_secs(2) }.into());
    }
    let (mut runs, mut known) = (vec![], 0);
    for (line, input) in (0..).zip(inputs) {
        let run = batch_run(&body.batch, line);
        let start = Start {
            id: Some(run.clone()),
            input,
            by: Some(by.clone()),
            flags: body.flags.clone(),
            dry_run: body.dry_run,
            batch: Some((body.batch.clone(), line)),
        };
        if let Err(start) = begin_named(&server, served, &run, start).await? {
            if !is_same(&server, &run, &served.app.graph.name, &start).await? {
                let detail = format!("line {} of batch `{}` was started with something else", line + 1, body.batch);
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, Code::KEY_REUSED, detail);
                return Err(problem.hint("use a new name for a new batch; the lines before this one go on"));
            }
            known += 1;
        }
        runs.push(run.to_string());
    }
    Ok(answer::json(StatusCode::ACCEPTED, &BatchView { batch: body.batch, runs, known }))
}

/// Which runs a list shows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Any of these, with commas between.
    #[serde(default)]
    status: Option<String>,
    /// Of this app.
    #[serde(default)]
    app: Option<String>,
    /// Of this batch.
    #[serde(default)]
    batch: Option<String>,
    /// Accepted at or after, in milliseconds since 1970.
    #[serde(default)]
    since_ms: Option<i64>,
    /// The page after this run: `next` of the page before.
    #[serde(default)]
    after: Option<String>,
    /// At most so many, 50 if nobody says, at most 500.
    #[serde(default)]
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, detail);
    let Query(query) = query.map_err(|error| bad(error.body_text()))?;
    let words = query.status.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let statuses = words.map(|word| {
        let all = || Status::ALL.map(Status::as_str).join(", ");
        Status::find(word).ok_or_else(|| bad(format!("there is no status `{word}`: there are {}", all())))
    });
    let statuses = statuses.collect::<Result<Vec<_>, _>>()?;
    let limit = query.limit.unwrap_or(50);
    if limit == 0 || limit > MOST_ROWS {
        return Err(bad(format!("`limit` is 1 to {MOST_ROWS}")));
    }
    let after = query.after.map(RunId::from);
    if let Some(after) = &after {
        head_of(&server, after).await?;
    }
    let filter = Filter {
        statuses,
        app: query.app,
        batch: query.batch,
        since: query.since_ms.map(Time),
        after,
        limit: limit + 1,
    };
    let mut heads = server.runner.engine().store.heads(filter).await?;
    let is_more = heads.len() > limit;
    heads.truncate(limit);
    let next = heads.last().filter(|_| is_more).map(|head| head.run.to_string());
    Ok(answer::json(StatusCode::OK, &RunsView { runs: heads.iter().map(RunView::of).collect(), next }))
}

pub(crate) async fn one(State(server): State<Arc<Server>>, Path(run): Path<String>) -> Result<Response, Problem> {
    let head = head_of(&server, &RunId::from(run)).await?;
    Ok(answer::json(StatusCode::OK, &view(&server, &head).await?))
}

pub(crate) async fn cancel(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
    Json(body): Json<CancelBody>,
) -> Result<Response, Problem> {
    let why = who(body.why.or_else(|| Some("by a request".to_owned())))?;
    let head = server.runner.cancel(&RunId::from(run), &why).await?;
    Ok(answer::json(StatusCode::OK, &RunView::of(&head)))
}

/// What no route has.
pub(crate) async fn nothing_here(request: axum::extract::Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let detail = format!("there is no `{} {path}`", request.method());
    let problem = Problem::new(StatusCode::NOT_FOUND, Code::NO_SUCH_ROUTE, detail);
    problem.hint("`GET /openapi.json` lists what there is").into_response()
}

/// A path that has other methods.
pub(crate) async fn other_method(request: axum::extract::Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    let detail = format!("`{path}` is not asked with {}", request.method());
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::NO_SUCH_ROUTE, detail);
    problem.hint("`GET /openapi.json` lists what there is").into_response()
}
