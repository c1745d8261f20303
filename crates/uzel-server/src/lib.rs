//! One port that applications, clients of models, people and operators can all talk to: HTTP over a runner. The binary
//! makes a [`Server`] and gives it a listener. In reading order:

#![expect(clippy::result_large_err, reason = "a problem is made once for a request, and says much")]

mod access;
mod answer;
mod chat;
mod events;
mod health;
mod listen;
mod metrics;
mod openai;
mod openapi;
mod problem;
mod routes;
mod runs;
mod strict;
mod tasks;
mod views;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use uzel_core::{
    build::{App, ModelChain},
    diagnostic::did_you_mean,
    event::ReleaseId,
};
use uzel_runtime::runner::Runner;

pub use access::Access;
pub use listen::serve;
use metrics::Metrics;

/// An app that can be started.
pub struct Served {
    /// The app.
    pub app: Arc<App>,
    /// The release that new runs are pinned to; it is in the store.
    pub release: ReleaseId,
    /// Its models that can be asked directly, by name.
    pub models: BTreeMap<String, Arc<ModelChain>>,
}

/// What the server does beyond its runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may ask.
    pub access: Access,
    /// A body may be so long, in bytes.
    pub most_body: usize,
    /// A head must have come, and a body must have come, within this time each.
    pub patience: Duration,
    /// A start that waits for its end waits so long if nobody says.
    pub wait: Duration,
    /// What is in flight when the server is to end has so long.
    pub drain: Duration,
    /// Connections at a time.
    pub connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access: Access::default(),
            most_body: 4 * 1024 * 1024,
            patience: Duration::from_secs(10),
            wait: Duration::from_secs(30),
            drain: Duration::from_secs(25),
            connections: 20_000,
        }
    }
}

/// The server's state, shared by all requests.
pub struct Server {
    runner: Runner,
    apps: BTreeMap<String, Served>,
    settings: Settings,
    metrics: Metrics,
    is_draining: AtomicBool,
}

impl Server {
    /// A server of these apps.
    pub fn new(runner: Runner, apps: Vec<Served>, settings: Settings) -> Arc<Self> {
        let apps = apps.into_iter().map(|served| (served.app.graph.name.clone(), served)).collect();
        Arc::new(Self { runner, apps, settings, metrics: Metrics::default(), is_draining: AtomicBool::new(false) })
    }

    /// The app of this name; the only one if none is named. An error says which there are.
    fn app(&self, name: Option<&str>) -> Result<&Served, String> {
        match (name, self.apps.len()) {
            (None, 1) => self.apps.values().next().ok_or_else(String::new),
            (None, _) => Err(format!("name one of the apps: {}", self.app_names())),
            (Some(name), _) => self.apps.get(name).ok_or_else(|| {
                did_you_mean(name, self.apps.keys().map(String::as_str))
                    .unwrap_or_else(|| format!("the apps are {}", self.app_names()))
            }),
        }
    }

    fn app_names(&self) -> String {
        self.apps.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

/// The description of all routes, as it is served at `/openapi.json`.
pub fn openapi() -> serde_json::Value {
    routes::Routes::all().document()
}
