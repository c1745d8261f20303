//! Calls from outside: which a run waits for, and what happens when one comes. The first call counts.

use std::sync::Arc;

use serde_json::Value;
use uzel_core::{
    event::{Event, InstancePath, Resolution, RunId, Time, Wait},
    graph::Graph,
    store::{self, Append, Status},
};

use super::{Engine, Error, resolve::called};
use crate::driver::record;

/// A call from outside that a run waits for.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Callback {
    /// Whoever knows this may call.
    pub token: String,
    /// The run.
    pub run: RunId,
    /// The node that waits.
    pub instance: InstancePath,
    /// Since when.
    pub created: Time,
    /// When it is no longer waited for.
    pub due: Option<Time>,
    /// JSON Schema of what must be sent; anything if null.
    pub payload: Value,
}

impl Engine {
    /// The name of the run that a token, or `RUN/NODE`, is about.
    pub fn run_of_callback(name: &str) -> &str {
        match name.split_once('/') {
            Some((run, _)) => run,
            None => name.rsplit_once('.').map_or(name, |(run, _)| run),
        }
    }

    /// The calls that a run waits for.
    pub async fn callbacks(&self, graph: &Arc<Graph>, id: &RunId) -> Result<Vec<Callback>, Error> {
        let (run, ..) = self.load(graph, id).await?;
        let open = run.waits().filter_map(|(instance, wait, created)| match wait {
            Wait::Callback { token, due, payload } => Some(Callback {
                token: token.clone(),
                run: id.clone(),
                instance,
                created,
                due: *due,
                payload: payload.clone(),
            }),
            _ => None,
        });
        Ok(open.collect())
    }

    /// The call that is waited for with this token, or by this node (`RUN/NODE`).
    ///
    /// # Errors
    /// Nobody waits for it, or not any more: the error says which.
    pub async fn find_callback(&self, graph: &Arc<Graph>, id: &RunId, name: &str) -> Result<Callback, Error> {
        let open = self.callbacks(graph, id).await?;
        let node = node_of(name);
        let is_it = |callback: &Callback| match node {
            Some(node) => callback.instance.as_str() == node,
            None => callback.token == name,
        };
        match open.into_iter().find(is_it) {
            Some(callback) => Ok(callback),
            None => Err(self.not_open(id, name).await?),
        }
    }

    /// Records what somebody outside sends; the first call counts. Gives what was recorded, with defaults.
    ///
    /// # Errors
    /// What is sent does not fit, or nobody waits for it any more.
    pub async fn call_back(&self, graph: &Arc<Graph>, callback: &Callback, value: Value) -> Result<Value, Error> {
        let closed = |closed: &str| Error::CallbackClosed { name: name_of(callback), closed: closed.to_owned() };
        let at = self.shared.world.now();
        let (run, seq, head) = self.load(graph, &callback.run).await?;
        let (event, value) = match called(&run, &callback.token, value, at) {
            Err(Error::UnknownCallback { .. }) => return Err(self.not_open(&callback.run, &name_of(callback)).await?),
            // A wait is spoken of by its place: tokens are secrets.
            Err(Error::CallbackClosed { closed: why, .. }) => return Err(closed(&why)),
            done => done?,
        };
        let mut after = run;
        after.apply(&event);
        let head = Some(after.head(Status::Running, at, head.batch));
        let (frames, blobs) = record::frames(vec![event.clone()]);
        let append = Append { frames, head, tasks: vec![], blobs };
        match self.store.append(callback.run.clone(), seq, append).await {
            Ok(_) => {
                self.watcher.event(&callback.run, &event);
                Ok(value)
            }
            Err(store::Error::Conflict { .. }) => Err(closed("somebody was faster")),
            Err(error) => Err(error.into()),
        }
    }

    /// Why nobody waits for this call: it came too late, or there never was such a wait.
    pub(crate) async fn not_open(&self, id: &RunId, name: &str) -> Result<Error, Error> {
        let (events, _) = self.store.load(id.clone()).await?;
        let node = node_of(name);
        let (mut waits, mut closed) = (None, None);
        for event in &events {
            match event {
                Event::Waited { instance, wait: Wait::Callback { token, .. }, .. }
                    if node.map_or(token == name, |node| instance.as_str() == node) =>
                {
                    (waits, closed) = (Some(instance), None);
                }
                Event::Resolved { instance, resolution } if waits == Some(instance) && closed.is_none() => {
                    closed = Some(match resolution {
                        Resolution::Called { .. } => "somebody has called back; the first call counts",
                        Resolution::Due(_) => "its time is up",
                        Resolution::Answered(_) => "it was answered",
                    });
                }
                Event::Ended { .. } if waits.is_some() && closed.is_none() => closed = Some("the run has ended"),
                _ => {}
            }
        }
        let name = name.to_owned();
        Ok(match waits {
            Some(_) => {
                Error::CallbackClosed { name, closed: closed.unwrap_or("nobody waits for it any more").to_owned() }
            }
            None => Error::UnknownCallback { name },
        })
    }
}

/// The node of `RUN/NODE`; a token has none.
fn node_of(name: &str) -> Option<&str> {
    name.split_once('/').map(|(_, node)| node)
}

fn name_of(callback: &Callback) -> String {
    format!("{}/{}", callback.run, callback.instance)
}
