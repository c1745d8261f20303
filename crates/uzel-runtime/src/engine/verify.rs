//! Whether a run's row and questions are what its log says. Called when a store is checked.

use std::{collections::BTreeSet, sync::Arc};

use uzel_core::{
    event::Event,
    graph::Graph,
    run::Run,
    store::{Head, Status, Task},
};

/// What does not fit, in words; nothing if all does. `events` have their large values; `open` are the run's questions
/// that nobody has answered.
pub fn disagreements(graph: &Arc<Graph>, head: &Head, events: &[Event], open: &[&Task]) -> Vec<String> {
    let run = Run::fold(head.run.clone(), Arc::clone(graph), events);
    let Some(begin) = run.begin() else { return vec!["its log does not begin with its start".to_owned()] };
    let mut wrong = vec![];
    let mut compare = |what: &str, row: String, log: String| {
        if row != log {
            wrong.push(format!("its {what} is {row} in its row, and {log} by its log"));
        }
    };
    compare("release", head.release.to_string(), begin.release.to_string());
    compare("beginning", head.created.0.to_string(), begin.at.0.to_string());
    if run.end().is_some() || head.status.is_final() {
        compare("status", head.status.as_str().to_owned(), run.status(true).as_str().to_owned());
    }
    // The row of a run that is being driven is written again when it parks or ends.
    if head.status != Status::Running {
        let fold = run.head(head.status, head.updated, head.batch.clone());
        compare("cost", head.cost_usd.to_string(), fold.cost_usd.to_string());
        compare("count of input tokens", head.input_tokens.to_string(), fold.input_tokens.to_string());
        compare("count of output tokens", head.output_tokens.to_string(), fold.output_tokens.to_string());
        if run.end().is_some() && head.outcome != fold.outcome {
            wrong.push("its outcome in its row is not that of its log".to_owned());
        }
        let asked: BTreeSet<String> =
            run.waits().filter_map(|(instance, ..)| run.task(&instance)).map(|task| task.id).collect();
        let listed: BTreeSet<String> = open.iter().map(|task| task.id.clone()).collect();
        for id in asked.symmetric_difference(&listed) {
            let (here, there) = if asked.contains(id) { ("its log", "the inbox") } else { ("the inbox", "its log") };
            wrong.push(format!("the question `{id}` is open in {here}, and not in {there}"));
        }
    }
    wrong
}
