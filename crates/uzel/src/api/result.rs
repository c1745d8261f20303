//! Where a run stands once nobody works on it: ended, or waiting for somebody. Given by `App::run` and `RunHandle::finish`.

use serde::de::DeserializeOwned;
use serde_json::Value;
use uzel_core::store::{Head, Status, Task};

use super::error::Error;

/// A run that ended or parked.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// Its name; with it, the run can be looked up, answered and resumed, also by another process.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// What the app gives: whole if the run succeeded, as far as it can be computed if it waits or was stopped.
    pub output: Value,
    /// Why there is no whole output, in words; `None` if it succeeded.
    pub why: Option<String>,
    /// Questions to people that are open.
    pub tasks: Vec<Task>,
    /// Money for models, in USD.
    pub cost_usd: f64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

impl RunResult {
    pub(crate) fn of(head: Head, tasks: Vec<Task>) -> Self {
        let why = why(&head, &tasks);
        let output = head.outcome.get("output").cloned().unwrap_or(Value::Null);
        Self {
            id: head.run.as_str().to_owned(),
            status: head.status,
            output,
            why,
            tasks,
            cost_usd: head.cost_usd,
            input_tokens: head.input_tokens,
            output_tokens: head.output_tokens,
        }
    }

    /// The output as a type of Rust: `result.output::<Reply>()?`. That the app gives such values can be checked before
    /// anything runs: [`Setup::gives`](crate::Setup::gives).
    ///
    /// # Errors
    /// The run did not succeed, or its output does not fit the type.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let failed = |why: String| Error::NoOutput { run: self.id.clone(), status: self.status, why };
        match &self.why {
            Some(why) => Err(failed(why.clone())),
            None => T::deserialize(&self.output).map_err(|error| failed(format!("the output does not fit: {error}"))),
        }
    }
}

fn why(head: &Head, tasks: &[Task]) -> Option<String> {
    let text = |key: &str| head.outcome.get(key).and_then(Value::as_str).map(str::to_owned);
    match head.status {
        Status::Succeeded => None,
        Status::Running => Some("it is not finished".to_owned()),
        Status::Quarantined => Some("too many processes died with it in hand".to_owned()),
        Status::Stopped => text("text"),
        Status::Cancelled => text("why"),
        Status::Failed => {
            let failure = head.outcome.get("failure");
            let message = failure.and_then(|failure| failure.get("message")).and_then(Value::as_str);
            let message = message.unwrap_or("it failed").to_owned();
            Some(text("node").map_or(message.clone(), |node| format!("`{node}`: {message}")))
        }
        Status::Waiting => {
            let titles: Vec<&str> = tasks.iter().map(|task| task.question.title.as_str()).collect();
            Some(if titles.is_empty() { "it waits".to_owned() } else { format!("it asks: {}", titles.join("; ")) })
        }
    }
}
