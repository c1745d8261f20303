//! A run's events as they happen, as server-sent events.
//!
//! What stands in the log is read from the store, so that nothing is shown that a crash could take back; its place there
//! is the event's id, and `Last-Event-ID` goes on behind it, in this process or another. Text of models is not in the log
//! and has no id: after a reconnect the text so far of calls that are not done comes again, after a `void`.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use uzel_core::{
    diagnostic::Code,
    event::{RunId, Seq},
    store::{self, Head, Status},
};
use uzel_runtime::runner::{Message, Next, Watching};

use crate::{Server, answer, problem::Problem, views::RunView};

/// A comment is sent so often, so that those in between keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A place in a run's log: the record, and how many of its events are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    record: Seq,
    event: usize,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (record, event) = text.split_once('.')?;
        Some(Self { record: record.parse().ok()?, event: event.parse().ok()? })
    }
}

pub(crate) async fn events(
    State(server): State<Arc<Server>>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = match headers.get("last-event-id") {
        None => Place::default(),
        Some(id) => id.to_str().ok().and_then(Place::parse).ok_or_else(|| {
            let detail = "`Last-Event-ID` is not the id of an event of this server, such as `12.1`";
            Problem::new(StatusCode::BAD_REQUEST, Code::BAD_REQUEST, detail)
        })?,
    };
    follow(&server, &RunId::from(run), after).await
}

/// A stream of what happens after this place.
pub(crate) async fn follow(server: &Arc<Server>, run: &RunId, after: Place) -> Result<Response, Problem> {
    let mut follow = Follow {
        server: Arc::clone(server),
        run: run.clone(),
        // Before the first look at the log, so that nothing is missed between the two.
        watching: server.runner.watch(run),
        place: after,
        queue: VecDeque::new(),
        has_ended: false,
    };
    follow.begin().await?;
    let pieces = stream::unfold(follow, |mut follow| async move {
        let piece = follow.next().await?;
        Some((Ok::<_, Infallible>(piece), follow))
    });
    let response = answer::of(StatusCode::OK, "text/event-stream", Body::from_stream(pieces));
    let response = answer::with(response, "x-run-id", run.as_str());
    Ok(answer::with(response, "x-accel-buffering", "no"))
}

struct Follow {
    server: Arc<Server>,
    run: RunId,
    watching: Watching,
    place: Place,
    queue: VecDeque<String>,
    has_ended: bool,
}

impl Follow {
    /// Sends what there is. What is sent to watchers counts from the first line on, so that an end between two looks is
    /// not missed.
    async fn begin(&mut self) -> Result<(), Problem> {
        self.texts();
        let store = &self.server.runner.engine().store;
        let head = store.head(self.run.clone()).await?;
        let head = head.ok_or_else(|| store::Error::UnknownRun(self.run.clone()))?;
        self.read().await?;
        if head.status.is_final() || head.status == Status::Waiting {
            self.left(&head);
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Some(piece);
            }
            if self.has_ended {
                return None;
            }
            let quiet = self.server.runner.engine().shared.world.sleep(KEEP_ALIVE);
            tokio::select! {
                next = self.watching.next() => {
                    if let Err(problem) = self.take(next).await {
                        self.send("error", None, &problem);
                        self.has_ended = true;
                    }
                }
                () = quiet => self.queue.push_back(": still here\n\n".to_owned()),
            }
        }
    }

    async fn take(&mut self, next: Next) -> Result<(), Problem> {
        match next {
            Next::Message(Message::Log) => self.read().await?,
            Next::Message(Message::Text(node, text)) => self.send("text", None, &json!({ "node": node, "text": text })),
            Next::Message(Message::Void(node)) => self.send("void", None, &json!({ "node": node })),
            Next::Message(Message::Left(head)) => {
                self.read().await?;
                self.left(&head);
            }
            Next::Message(Message::Lost(why)) => self.send("stuck", None, &json!({ "why": why })),
            // That it ended may be among what was missed.
            Next::Missed => self.begin().await?,
        }
        Ok(())
    }

    /// Sends what the log has that was not sent.
    async fn read(&mut self) -> Result<(), Problem> {
        let engine = self.server.runner.engine();
        // The record that was sent in part is read again.
        let records = engine.records(&self.run, self.place.record.saturating_sub(1)).await?;
        for (record, events) in records {
            let known = if record == self.place.record { self.place.event } else { 0 };
            for (event, fact) in (1..).zip(&events).skip(known) {
                self.place = Place { record, event };
                self.send("log", Some(self.place), fact);
            }
        }
        Ok(())
    }

    /// Sends the text so far of calls that are not done.
    fn texts(&mut self) {
        for (node, text) in self.watching.texts() {
            self.send("void", None, &json!({ "node": node }));
            self.send("text", None, &json!({ "node": node, "text": text }));
        }
    }

    fn left(&mut self, head: &Head) {
        self.send("run", None, &RunView::of(head));
        self.has_ended = head.status.is_final();
    }

    fn send(&mut self, name: &str, id: Option<Place>, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_default();
        let id = id.map(|Place { record, event }| format!("id: {record}.{event}\n")).unwrap_or_default();
        self.queue.push_back(format!("event: {name}\n{id}data: {data}\n\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_or_not() {
        assert_eq!(Place::parse("12.3"), Some(Place { record: 12, event: 3 }));
        for text in ["", "12", "a.b", "1.-1", "1.2.3", "99999999999999999999.1"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
