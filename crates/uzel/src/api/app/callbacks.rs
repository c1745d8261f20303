//! Calls from outside that runs of an app wait for.

use std::sync::Arc;

use serde::Serialize;
use uzel_runtime::{
    driver::Nobody,
    engine::{Callback, Engine},
};

use super::{App, Error};

impl App {
    /// The calls from outside that a run waits for, each with its token.
    ///
    /// # Errors
    /// There is no such run, or the store failed.
    pub async fn callbacks(&self, id: &str) -> Result<Vec<Callback>, Error> {
        let engine = self.engine(Arc::new(Nobody));
        let head = engine.find_run(id).await?;
        let app = self.app_of(&engine, &head).await?;
        Ok(engine.callbacks(&app.graph, &head.run).await?)
    }

    /// Records what somebody outside sends with a token (or to `run/node`); the first call counts. Gives the run's id;
    /// [`App::resume`] goes on with it.
    ///
    /// # Errors
    /// Nobody waits for the call, or not any more; what is sent does not fit; or the run is being driven.
    pub async fn call_back(&self, token: &str, payload: impl Serialize) -> Result<String, Error> {
        let engine = self.engine(Arc::new(Nobody));
        let head = engine.find_run(Engine::run_of_callback(token)).await?;
        if self.inner.driven.asker(&head.run).is_some() {
            return Err(Error::Driven(head.run));
        }
        let app = self.app_of(&engine, &head).await?;
        let callback = engine.find_callback(&app.graph, &head.run, token).await?;
        engine.call_back(&app.graph, &callback, serde_json::to_value(payload)?).await?;
        Ok(head.run.as_str().to_owned())
    }
}
