//! What requests and answers of the runs API hold. Their comments become the OpenAPI document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uzel_core::store::{Head, Task};

/// Whether a start is answered when the run is accepted, or when it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// When it has ended, or waits for somebody, or the time is over.
    #[default]
    Sync,
    /// When it is accepted.
    Async,
}

/// What a run is started with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    /// The app; may be left out if only one is served.
    #[serde(default)]
    pub(crate) app: Option<String>,
    /// The app's input.
    #[serde(default)]
    pub(crate) input: Map<String, Value>,
    /// Flags that are not at their default.
    #[serde(default)]
    pub(crate) flags: BTreeMap<String, Value>,
    /// Whether tools that write are left out.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Who starts it.
    #[serde(default)]
    pub(crate) by: Option<String>,
    /// When the answer comes.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// How long a synchronous start waits, in milliseconds, at most ten minutes; then the answer is 202 and the run goes
    /// on.
    #[serde(default)]
    pub(crate) wait_ms: Option<u64>,
}

/// Several runs of one app.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// The app; may be left out if only one is served.
    #[serde(default)]
    pub(crate) app: Option<String>,
    /// Name of the batch: the same name and line are the same run.
    pub(crate) batch: String,
    /// One input for each run, at most 1000.
    pub(crate) inputs: Vec<Map<String, Value>>,
    /// Flags that are not at their default.
    #[serde(default)]
    pub(crate) flags: BTreeMap<String, Value>,
    /// Whether tools that write are left out.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Who starts them.
    #[serde(default)]
    pub(crate) by: Option<String>,
}

/// What came of a batch's start.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BatchView {
    /// Its name.
    pub(crate) batch: String,
    /// Runs by line.
    pub(crate) runs: Vec<String>,
    /// How many of them were there before.
    pub(crate) known: usize,
}

/// A reason to end a run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelBody {
    /// Who and why.
    #[serde(default)]
    pub(crate) why: Option<String>,
}

/// A person's answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerBody {
    /// One of the question's actions.
    pub(crate) action: String,
    /// The form, as far as it was filled.
    #[serde(default)]
    pub(crate) form: Map<String, Value>,
    /// Who answers.
    #[serde(default)]
    pub(crate) by: Option<String>,
    /// Digest of the question as it was shown; an answer to one that has changed since is refused.
    #[serde(default)]
    pub(crate) digest: Option<String>,
}

/// Where a run stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunView {
    /// Its id.
    pub(crate) run: String,
    /// The app's name.
    pub(crate) app: String,
    /// The release that it is pinned to.
    pub(crate) release: String,
    /// `running`, `waiting`, `quarantined`, `succeeded`, `failed`, `stopped` or `cancelled`.
    pub(crate) status: String,
    /// `output` of one that succeeded, `text` of one that a guard stopped, `failure` and `node` of one that failed, `why`
    /// of one that was cancelled.
    #[serde(flatten)]
    pub(crate) outcome: Map<String, Value>,
    /// Money so far.
    pub(crate) cost_usd: f64,
    /// Tokens read so far.
    pub(crate) input_tokens: u64,
    /// Tokens written so far.
    pub(crate) output_tokens: u64,
    /// When it was accepted, in milliseconds since 1970.
    pub(crate) created_ms: i64,
    /// When this was written.
    pub(crate) updated_ms: i64,
    /// When it goes on by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wake_ms: Option<i64>,
    /// The batch that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<String>,
    /// Its line there, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    /// Open questions to people, where one run was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tasks: Vec<TaskView>,
}

impl RunView {
    pub(crate) fn of(head: &Head) -> Self {
        let outcome = head.outcome.as_object().filter(|_| head.status.is_final()).cloned().unwrap_or_default();
        Self {
            run: head.run.to_string(),
            app: head.app.clone(),
            release: head.release.to_string(),
            status: head.status.as_str().to_owned(),
            outcome,
            cost_usd: head.cost_usd,
            input_tokens: head.input_tokens,
            output_tokens: head.output_tokens,
            created_ms: head.created.0,
            updated_ms: head.updated.0,
            wake_ms: head.wake.filter(|_| !head.status.is_final()).map(|wake| wake.0),
            batch: head.batch.as_ref().map(|(name, _)| name.clone()),
            line: head.batch.as_ref().map(|(_, line)| line + 1),
            tasks: vec![],
        }
    }

    pub(crate) fn with_tasks(self, tasks: &[Task]) -> Self {
        Self { tasks: tasks.iter().map(TaskView::of).collect(), ..self }
    }
}

/// A page of runs, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunsView {
    /// The runs.
    pub(crate) runs: Vec<RunView>,
    /// Give this as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// A question to a person.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TaskView {
    /// `RUN/NODE`.
    pub(crate) id: String,
    /// The run.
    pub(crate) run: String,
    /// The node.
    pub(crate) node: String,
    /// What is asked.
    pub(crate) title: String,
    /// What the person needs to see.
    pub(crate) show: Value,
    /// JSON Schema of the form.
    pub(crate) form: Value,
    /// Values that the form starts with.
    pub(crate) defaults: Value,
    /// What can be answered.
    pub(crate) actions: Vec<String>,
    /// Who should answer.
    pub(crate) assign: Value,
    /// Until when, in milliseconds since 1970.
    pub(crate) due_ms: Option<i64>,
    /// Since when.
    pub(crate) created_ms: i64,
    /// Send this with the answer, which is then bound to the question as it was shown.
    pub(crate) digest: String,
    /// How it was closed, and by whom; null while it is open.
    pub(crate) closed: Option<String>,
}

impl TaskView {
    pub(crate) fn of(task: &Task) -> Self {
        let question = &task.question;
        Self {
            id: task.id.clone(),
            run: task.run.to_string(),
            node: task.instance.to_string(),
            title: question.title.clone(),
            show: question.show.clone(),
            form: question.form.clone(),
            defaults: question.defaults.clone(),
            actions: question.actions.clone(),
            assign: question.assign.clone(),
            due_ms: question.due.map(|due| due.0),
            created_ms: task.created.0,
            digest: task.digest.clone(),
            closed: task.closed.clone(),
        }
    }
}

/// Open questions, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TasksView {
    /// The questions.
    pub(crate) tasks: Vec<TaskView>,
}

/// What a call from outside came to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CalledView {
    /// The run that goes on.
    pub(crate) run: String,
    /// What was recorded, with defaults.
    pub(crate) value: Value,
}
