//! `/v1/models` and `/v1/chat/completions`: an app is a model (`uzel/APP`), and a model of an app can be asked directly,
//! with all that stands in front of it.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use uzel_core::{
    build::ModelChain,
    capability::model::{ChatReply, Message, NoSink, Role, Sink, Usage},
    diagnostic::did_you_mean,
    event::RunId,
    failure::{Failure, FailureClass},
    schema::{ObjectType, Type},
    store::{self, Status},
};
use uzel_runtime::{direct, engine::Start};

use crate::{
    Served, Server, answer,
    openai::{Ask, Error, Head, calls, finish},
    runs::{begin, key_of, settled, who},
    strict::Json,
};

/// An answer takes at most so long.
const LONGEST: Duration = Duration::from_mins(10);
/// What is said before an answer comes, so often, so that those in between keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Pieces of a streamed answer that the client is behind.
const PIECES: usize = 4_096;
/// What the apps' names begin with.
const PREFIX: &str = "uzel/";
/// Inputs that a message is given to, if an app has several texts.
const NAMES: [&str; 3] = ["message", "text", "question"];

/// What a name stands for.
enum Found<'s> {
    App(&'s Served),
    Model(&'s Arc<ModelChain>),
}

pub(crate) async fn models(State(server): State<Arc<Server>>) -> Response {
    let model = |name: &String| json!({ "id": name, "object": "model", "created": 0, "owned_by": "uzel" });
    let data: Vec<Value> = names(&server).keys().map(model).collect();
    answer::json(StatusCode::OK, &json!({ "object": "list", "data": data }))
}

/// All names: apps, models with their app, and models whose name one app has.
fn names(server: &Server) -> BTreeMap<String, Found<'_>> {
    let mut names = BTreeMap::new();
    let mut shared: BTreeMap<&str, Vec<&Arc<ModelChain>>> = BTreeMap::new();
    for (app, served) in &server.apps {
        names.insert(format!("{PREFIX}{app}"), Found::App(served));
        for (model, chain) in &served.models {
            names.insert(format!("{app}/{model}"), Found::Model(chain));
            shared.entry(model).or_default().push(chain);
        }
    }
    for (model, chains) in shared {
        if let [chain] = chains[..] {
            names.insert(model.to_owned(), Found::Model(chain));
        }
    }
    names
}

pub(crate) async fn completions(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Result<Json<Value>, crate::problem::Problem>,
) -> Response {
    let said = async {
        let Json(body) = body.map_err(Error::from)?;
        let ask = Ask::read(body)?;
        let mut names = names(&server);
        match names.remove(&ask.model) {
            Some(Found::App(served)) => app(&server, served, &ask, &headers).await,
            Some(Found::Model(chain)) => model(&server, Arc::clone(chain), &ask).await,
            None => {
                let near = did_you_mean(&ask.model, names.keys().map(String::as_str));
                let near = near.unwrap_or_else(|| "`GET /v1/models` lists what there is".to_owned());
                let message = format!("there is no model `{}`; {near}", ask.model);
                let error = Error::new(StatusCode::NOT_FOUND, "model_not_found", message);
                Err(Error { param: Some("model"), ..error })
            }
        }
    };
    said.await.unwrap_or_else(IntoResponse::into_response)
}

fn head(server: &Server, id: &str, model: &str) -> Head {
    let created = server.runner.engine().shared.world.now().0 / 1_000;
    Head { id: format!("chatcmpl-{id}"), created, model: model.to_owned() }
}

/// Runs an app.
async fn app(server: &Arc<Server>, served: &Served, ask: &Ask, headers: &HeaderMap) -> Result<Response, Error> {
    let input = inputs(&served.app.graph.inputs.ty, &ask.conversation()?)?;
    let by = Some(who(ask.user.clone())?);
    let start = Start { input: Value::Object(input), by, ..Start::default() };
    let run = begin(server, served, start, key_of(headers)?).await?.run;
    let head = head(server, run.as_str(), &ask.model);
    let response = if ask.stream.unwrap_or(false) {
        let with_usage = ask.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false);
        let (sender, pieces) = mpsc::channel(8);
        sender.try_send(head.chunk(&json!({ "role": "assistant", "content": "" }), None)).ok();
        let (asked, run) = (Arc::clone(server), run.clone());
        let work = async move {
            // Text that a failed try has said cannot be taken back here, so what is sent is what the run came to.
            let last = match outcome(&asked, &run).await {
                Ok((content, finish, usage)) => {
                    let mut last =
                        vec![head.chunk(&json!({ "content": content }), None), head.chunk(&json!({}), Some(finish))];
                    last.extend(with_usage.then(|| head.usage_chunk(usage)));
                    last
                }
                Err(error) => vec![error.json()],
            };
            for chunk in last {
                // The client has gone; the run has not.
                let _ = sender.send(chunk).await;
            }
        };
        streamed(server, Box::pin(work), pieces)
    } else {
        let (content, finish, usage) = outcome(server, &run).await?;
        let message = json!({ "role": "assistant", "content": content, "refusal": null });
        answer::json(StatusCode::OK, &head.completion(&message, finish, usage))
    };
    Ok(answer::with(response, "x-run-id", run.as_str()))
}

/// What a run came to, as a message.
async fn outcome(server: &Server, run: &RunId) -> Result<(String, &'static str, Usage), Error> {
    let failed = |error: Error| Error { run: Some(run.to_string()), ..error };
    let row = settled(server, run, LONGEST).await.map_err(|problem| failed(problem.into()))?;
    let usage = Usage { input_tokens: row.input_tokens, output_tokens: row.output_tokens };
    let text = |name: &str| row.outcome.get(name).map(words).unwrap_or_default();
    match row.status {
        Status::Succeeded => Ok((text("output"), "stop", usage)),
        Status::Stopped => Ok((text("text"), "content_filter", usage)),
        Status::Failed => {
            let failure = row.outcome.get("failure").cloned().and_then(|value| serde_json::from_value(value).ok());
            let failure = failure.unwrap_or_else(|| Failure::new(FailureClass::Bug, "the run failed"));
            // The run has ended so: asked again with the same key it is the same run.
            Err(Error { should_retry: Some(false), ..failed(Error::of(&failure)) })
        }
        Status::Cancelled => {
            let message = format!("the run was cancelled: {}", text("why"));
            Err(failed(Error::new(StatusCode::CONFLICT, "cancelled", message)))
        }
        Status::Waiting => {
            let tasks = server.runner.engine().store.tasks(true, Some(run.clone())).await;
            let tasks = tasks.map_err(|error: store::Error| failed(crate::problem::Problem::from(error).into()))?;
            let (code, message) = match tasks.first() {
                Some(task) => ("human_input_required", format!("a person is asked: {}", task.question.title)),
                None => ("run_waiting", "the run waits for a time or a call from outside".to_owned()),
            };
            let message = format!("{message}; `GET /v1/runs/{run}` tells how it goes on");
            Err(failed(Error { should_retry: Some(false), ..Error::new(StatusCode::CONFLICT, code, message) }))
        }
        Status::Running | Status::Quarantined => {
            let message = format!("the run goes on; `GET /v1/runs/{run}` tells where it stands");
            let error = Error::new(StatusCode::GATEWAY_TIMEOUT, "run_goes_on", message);
            Err(failed(Error { should_retry: Some(false), ..error }))
        }
    }
}

/// A text is itself, and so is the only text of a map; anything else is JSON.
fn words(output: &Value) -> String {
    match output {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.len() == 1 => match fields.values().next() {
            Some(Value::String(text)) => text.clone(),
            _ => output.to_string(),
        },
        _ => output.to_string(),
    }
}

/// A conversation as an app's input: all of it is `messages`, if there is such an input, and the last thing that the user
/// said is the only text, or the one that is named so.
fn inputs(ty: &Type, conversation: &[Message]) -> Result<Map<String, Value>, Error> {
    let none = ObjectType::default();
    let fields = match ty {
        Type::Object(object) => &object.fields,
        _ => &none.fields,
    };
    let mut input = Map::new();
    let is_list = |ty: &Type| matches!(ty.without_null(), Type::List(_) | Type::Any);
    if fields.get("messages").is_some_and(|field| is_list(&field.ty)) {
        let said = conversation.iter().map(|message| json!({ "role": message.role, "content": message.content }));
        input.insert("messages".to_owned(), said.collect());
    }
    let texts = fields.iter().filter(|(_, field)| matches!(field.ty.without_null(), Type::String));
    let texts: Vec<&str> = texts.map(|(name, _)| name.as_str()).collect();
    let named = NAMES.into_iter().find(|name| texts.contains(name));
    let target = match (&texts[..], named) {
        ([only], _) => Some(*only),
        (_, named) => named,
    };
    let last = conversation.iter().rev().find(|message| message.role == Role::User);
    match (target, last) {
        (Some(name), Some(last)) => {
            input.insert(name.to_owned(), json!(last.content));
        }
        (Some(_), None) if input.is_empty() => {
            return Err(Error::bad("messages", "no message is of the role `user`"));
        }
        _ => {}
    }
    if input.is_empty() {
        let names: Vec<String> = fields.iter().map(|(name, field)| format!("`{name}` ({})", field.ty)).collect();
        let message = format!(
            "a conversation does not fit the inputs of this app: {}. It needs a list `messages`, a single text, or a \
             text named `message`, `text` or `question`; start it with `POST /v1/runs`",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") },
        );
        return Err(Error::bad("messages", message));
    }
    Ok(input)
}

/// Sends text on as it comes.
struct Pieces {
    head: Head,
    sender: mpsc::Sender<Value>,
    is_whole: AtomicBool,
}

impl Sink for Pieces {
    fn text(&self, piece: &str) {
        // A client that is so far behind misses text: the answer's end says so.
        if self.sender.try_send(self.head.chunk(&json!({ "content": piece }), None)).is_err() {
            self.is_whole.store(false, Ordering::Relaxed);
        }
    }
}

/// Asks a model without a run.
async fn model(server: &Arc<Server>, chain: Arc<ModelChain>, ask: &Ask) -> Result<Response, Error> {
    let request = ask.request()?;
    let world = &server.runner.engine().shared.world;
    let head = head(server, &world.id(), &ask.model);
    if !request.stream {
        let shared = &server.runner.engine().shared;
        let (reply, _) = direct::ask(shared, &chain, &request, &NoSink, LONGEST).await;
        let reply = reply.map_err(|failure| Error::of(&failure))?;
        let mut message = json!({ "role": "assistant", "content": reply.text, "refusal": null });
        if !reply.tool_calls.is_empty() {
            message["tool_calls"] = json!(calls(&reply));
        }
        return Ok(answer::json(StatusCode::OK, &head.completion(&message, finish(reply.finish), reply.usage)));
    }
    let with_usage = ask.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false);
    let (sender, pieces) = mpsc::channel(PIECES);
    sender.try_send(head.chunk(&json!({ "role": "assistant", "content": "" }), None)).ok();
    let shared = Arc::clone(&server.runner.engine().shared);
    let work = async move {
        let sink = Pieces { head: head.clone(), sender: sender.clone(), is_whole: AtomicBool::new(true) };
        let (mut reply, _) = direct::ask(&shared, &chain, &request, &sink, LONGEST).await;
        if !sink.is_whole.load(Ordering::Relaxed) {
            reply =
                Err(Failure::new(FailureClass::Limit, "the client took the answer too slowly, and missed some of it"));
        }
        for chunk in last(&head, reply, with_usage) {
            let _ = sender.send(chunk).await;
        }
    };
    Ok(streamed(server, Box::pin(work), pieces))
}

/// Work whose pieces are sent as they come. It ends with the connection.
fn streamed(
    server: &Arc<Server>,
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    pieces: mpsc::Receiver<Value>,
) -> Response {
    struct Streaming {
        server: Arc<Server>,
        work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
        pieces: mpsc::Receiver<Value>,
        is_done: bool,
    }
    async fn next(streaming: &mut Streaming) -> Option<String> {
        loop {
            if streaming.is_done {
                return None;
            }
            let quiet = streaming.server.runner.engine().shared.world.sleep(KEEP_ALIVE);
            let work = async {
                match &mut streaming.work {
                    Some(work) => work.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                piece = streaming.pieces.recv() => match piece {
                    Some(piece) => return Some(format!("data: {piece}\n\n")),
                    None => {
                        streaming.is_done = true;
                        return Some("data: [DONE]\n\n".to_owned());
                    }
                },
                () = work => streaming.work = None,
                () = quiet => return Some(": still here\n\n".to_owned()),
            }
        }
    }
    let streaming = Streaming { server: Arc::clone(server), work: Some(work), pieces, is_done: false };
    let body = stream::unfold(streaming, |mut streaming| async move {
        let piece = next(&mut streaming).await?;
        Some((Ok::<_, Infallible>(piece), streaming))
    });
    answer::of(StatusCode::OK, "text/event-stream", Body::from_stream(body))
}

/// How a streamed answer of a model ends.
fn last(head: &Head, reply: Result<ChatReply, Failure>, with_usage: bool) -> Vec<Value> {
    match reply {
        Err(failure) => vec![Error::of(&failure).json()],
        Ok(reply) => {
            let mut last = vec![];
            if !reply.tool_calls.is_empty() {
                last.push(head.chunk(&json!({ "tool_calls": calls(&reply) }), None));
            }
            last.push(head.chunk(&json!({}), Some(finish(reply.finish))));
            last.extend(with_usage.then(|| head.usage_chunk(reply.usage)));
            last
        }
    }
}
