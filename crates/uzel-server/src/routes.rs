//! Every route, with what the OpenAPI document says about it: one table, so that the two cannot differ.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware,
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde_json::Value;

use crate::{
    Server, access, answer, chat, events, health, metrics, openapi,
    openapi::{Operation, Schemas},
    runs, tasks, views,
};

/// The table.
pub(crate) struct Routes {
    routes: Vec<(Operation, MethodRouter<Arc<Server>>)>,
    schemas: Schemas,
}

impl Routes {
    /// All routes.
    pub(crate) fn all() -> Self {
        let mut all = Self { routes: vec![], schemas: Schemas::default() };
        all.runs();
        all.people();
        all.models();
        all.operators();
        all
    }

    fn add(&mut self, operation: Operation, route: MethodRouter<Arc<Server>>) {
        self.routes.push((operation, route));
    }

    fn runs(&mut self) {
        let run = self.schemas.of::<views::RunView>();
        let start = self.schemas.of::<views::StartBody>();
        self.add(
            Operation::new("POST", "/v1/runs", "startRun", "Start a run")
                .body(start)
                .header("Idempotency-Key", "The same key with the same body is the same run.")
                .gives(200, "The run has ended. With `Accept: text/event-stream`, its events.", Some(&run))
                .gives(202, "The run goes on, or waits for somebody.", Some(&run))
                .fails(&[400, 404, 413, 415, 422, 429, 503]),
            post(runs::start),
        );
        let list = self.schemas.of::<views::RunsView>();
        let query = self.schemas.parameters::<runs::ListQuery>();
        self.add(
            Operation::new("GET", "/v1/runs", "listRuns", "List runs, newest first")
                .query(query)
                .gives(200, "A page of runs.", Some(&list))
                .fails(&[400, 404, 503]),
            get(runs::list),
        );
        self.add(
            Operation::new("GET", "/v1/runs/{run}", "getRun", "Tell where a run stands")
                .gives(200, "The run.", Some(&run))
                .fails(&[404, 503]),
            get(runs::one),
        );
        self.add(
            Operation::new("GET", "/v1/runs/{run}/events", "followRun", "Follow a run")
                .header("Last-Event-ID", "Go on after this event, in this process or the next.")
                .gives(
                    200,
                    "Server-sent events: `log` with ids, `text` and `void` without, `run` when it is left.",
                    None,
                )
                .fails(&[400, 404, 503]),
            get(events::events),
        );
        let cancel = self.schemas.of::<views::CancelBody>();
        self.add(
            Operation::new("POST", "/v1/runs/{run}/cancel", "cancelRun", "End a run")
                .body(cancel)
                .gives(200, "The run.", Some(&run))
                .fails(&[400, 404, 409, 413, 415, 503]),
            post(runs::cancel),
        );
        let (body, batch) = (self.schemas.of::<views::BatchBody>(), self.schemas.of::<views::BatchView>());
        self.add(
            Operation::new("POST", "/v1/batches", "startBatch", "Start a run for each input")
                .body(body)
                .gives(202, "All runs are accepted.", Some(&batch))
                .fails(&[400, 404, 413, 415, 422, 429, 503]),
            post(runs::batch),
        );
    }

    fn people(&mut self) {
        let (list, task) = (self.schemas.of::<views::TasksView>(), self.schemas.of::<views::TaskView>());
        self.add(
            Operation::new("GET", "/v1/tasks", "listTasks", "List open questions to people, oldest first")
                .gives(200, "The questions.", Some(&list))
                .fails(&[503]),
            get(tasks::list),
        );
        self.add(
            Operation::new("GET", "/v1/runs/{run}/tasks/{node}", "getTask", "Look at a question")
                .gives(200, "The question.", Some(&task))
                .fails(&[404, 503]),
            get(tasks::one),
        );
        let answer = self.schemas.of::<views::AnswerBody>();
        self.add(
            Operation::new("POST", "/v1/runs/{run}/tasks/{node}/answer", "answerTask", "Answer a question")
                .body(answer)
                .gives(200, "The question as it was closed.", Some(&task))
                .fails(&[400, 404, 409, 413, 415, 422, 503]),
            post(tasks::answer),
        );
        let called = self.schemas.of::<views::CalledView>();
        self.add(
            Operation::new("POST", "/v1/callbacks/{token}", "callBack", "Call back a run that waits for it")
                .body(Value::Bool(true))
                .gives(200, "What was recorded.", Some(&called))
                .fails(&[400, 404, 409, 413, 415, 422, 503]),
            post(tasks::call),
        );
    }

    fn models(&mut self) {
        self.add(
            Operation::new("GET", "/v1/models", "listModels", "List apps and models, as OpenAI's API does").gives(
                200,
                "The models.",
                Some(&Value::Bool(true)),
            ),
            get(chat::models),
        );
        self.add(
            Operation::new("POST", "/v1/chat/completions", "chat", "Ask an app or a model, as OpenAI's API does")
                .body(Value::Bool(true))
                .gives(200, "The answer, or server-sent events.", Some(&Value::Bool(true)))
                .speaks_openai(&[400, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504]),
            post(chat::completions),
        );
    }

    fn operators(&mut self) {
        for (path, id, what) in [
            ("/healthz", "lives", "Whether the process lives"),
            ("/startupz", "hasStarted", "Whether the process has started"),
        ] {
            let operation = Operation::new("GET", path, id, what).gives(200, "Yes.", Some(&Value::Bool(true)));
            self.add(operation, get(health::lives));
        }
        self.add(
            Operation::new("GET", "/readyz", "isReady", "Whether the process takes work")
                .gives(200, "Yes.", Some(&Value::Bool(true)))
                .gives(503, "Not now.", Some(&Value::Bool(true))),
            get(health::is_ready),
        );
        self.add(
            Operation::new("GET", "/metrics", "metrics", "Counts, in the OpenMetrics text format").gives(
                200,
                "The counts.",
                None,
            ),
            get(metrics::metrics),
        );
        self.add(
            Operation::new("GET", "/openapi.json", "openapi", "This document").gives(
                200,
                "It.",
                Some(&Value::Bool(true)),
            ),
            get(document),
        );
    }

    /// The OpenAPI document.
    pub(crate) fn document(self) -> Value {
        openapi::document(self.routes.iter().map(|(operation, _)| operation), self.schemas)
    }

    /// What answers requests.
    pub(crate) fn router(self, server: &Arc<Server>) -> Router {
        let routes = self.routes.into_iter();
        let router = routes.fold(Router::new(), |router, (operation, route)| router.route(operation.path, route));
        router
            .fallback(runs::nothing_here)
            .method_not_allowed_fallback(runs::other_method)
            .layer(middleware::from_fn_with_state(Arc::clone(server), access::check))
            .layer(middleware::from_fn_with_state(Arc::clone(server), metrics::measure))
            .with_state(Arc::clone(server))
    }
}

async fn document() -> Response {
    answer::json(StatusCode::OK, &Routes::all().document())
}
