//! One run, node by node: state, time, tokens, cost, what each got and gave, why it did not run. Used by `uzel show`.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::Value;
use uzel_core::{
    event::{EffectMeta, Time, Wait},
    run::{EffectView, NodeView, Run},
    store::{Head, Task},
};

use super::{BOLD, CYAN, DIM, GREEN, RED, YELLOW, human, paint, tables};

/// How much of values is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    /// Whole values, as JSON over several lines.
    pub(crate) full: bool,
    pub(crate) colour: bool,
    pub(crate) now: Time,
}

/// The longest value in one line.
const MOST: usize = 100;

impl Show {
    /// The run itself: status, times, cost, input, outcome.
    pub(crate) fn head(self, head: &Head, run: &Run) -> String {
        let mut out = String::new();
        let title = paint(self.colour, BOLD, &format!("run {}", head.run));
        let _ = writeln!(out, "{title}  {}  {}", head.app, tables::status(head.status, self.colour));
        let begin = run.begin();
        let by = begin.and_then(|begin| begin.by.as_ref()).map(|by| format!(" by {by}")).unwrap_or_default();
        let dry = if begin.is_some_and(|begin| begin.dry_run) { ", dry run" } else { "" };
        let took = human::span(head.updated.since(head.created));
        let _ = writeln!(
            out,
            "  began    {} ({}){by}{dry}",
            human::utc(head.created),
            human::relative(head.created, self.now)
        );
        let end = if head.status.is_final() { "took" } else { "so far" };
        let _ = writeln!(
            out,
            "  {end:<7}  {took}, {}, {} tokens",
            human::money(head.cost_usd),
            human::count(head.input_tokens + head.output_tokens),
        );
        if let Some(wake) = head.wake {
            let _ = writeln!(out, "  wakes    {} ({})", human::utc(wake), human::relative(wake, self.now));
        }
        if let Some((batch, line)) = &head.batch {
            let _ = writeln!(out, "  batch    {batch}, line {}", line + 1);
        }
        if let Some(from) = begin.and_then(|begin| begin.forked_from.as_ref()) {
            let at = from.at.as_ref().map(|at| format!(", again from `{at}`")).unwrap_or_default();
            let set: String = from.set.iter().map(|name| format!(", `{name}` set by hand")).collect();
            let _ = writeln!(out, "  forked   from {}{at}{set}", from.run);
        }
        let short: String = head.release.as_str().chars().take(12).collect();
        let _ = writeln!(out, "  release  {short}");
        if let Some(begin) = begin {
            self.value(&mut out, "  ", "input", &begin.input);
        }
        match head.outcome.get("output").filter(|output| !output.is_null()) {
            Some(output) => self.value(&mut out, "  ", "output", output),
            None if head.status.is_final() => {
                let _ = writeln!(out, "  outcome  {}", tables::outcome(head, if self.full { 10_000 } else { 200 }));
            }
            None => {}
        }
        out
    }

    /// Nodes, each as a small tree.
    pub(crate) fn nodes(self, views: &[NodeView], tasks: &[Task]) -> String {
        let width = views.iter().map(|view| view.instance.as_str().chars().count()).max().unwrap_or(0);
        let kinds = views.iter().map(|view| view.kind.len()).max().unwrap_or(0);
        views.iter().map(|view| self.node(view, tasks, width, kinds)).collect()
    }

    fn node(self, view: &NodeView, tasks: &[Task], width: usize, kinds: usize) -> String {
        let (mark, style) = mark(view.state);
        let state = view.state.replace('_', " ");
        let mut facts = vec![paint(self.colour, style, &state)];
        if let (Some(started), Some(ended)) = (view.started, view.ended) {
            facts.push(human::span(ended.since(started)));
        }
        facts.extend(costs(view.effects.iter().map(|effect| &effect.meta)));
        if let Some(port) = &view.port {
            facts.push(format!("chose `{port}`"));
        }
        let (name, kind) = (view.instance.as_str(), view.kind);
        let mut out = String::new();
        let mark = paint(self.colour, style, mark);
        let bold = paint(self.colour, BOLD, &format!("{name:width$}"));
        let _ = writeln!(out, "{mark} {bold}  {kind:kinds$}  {}", facts.join(", "));
        let parts = self.parts(view, tasks);
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            for (j, line) in part.lines().enumerate() {
                let branch = match (j, last) {
                    (0, false) => "├",
                    (0, true) => "└",
                    (_, false) => "│",
                    (_, true) => " ",
                };
                let _ = writeln!(out, "  {} {line}", paint(self.colour, DIM, branch));
            }
        }
        out
    }

    fn parts(self, view: &NodeView, tasks: &[Task]) -> Vec<String> {
        let mut parts = vec![];
        let timer = match &view.wait {
            Some(Wait::Until(time)) => {
                Some(format!("until {} ({})", human::utc(*time), human::relative(*time, self.now)))
            }
            _ => None,
        };
        if !view.labels.is_empty() {
            let labels: Vec<String> = view.labels.iter().map(|(name, text)| format!("{name}: {text}")).collect();
            parts.push(format!("labels  {{ {} }}", labels.join(", ")));
        }
        if let Some(why) = timer.as_ref().or(view.why.as_ref()) {
            parts.push(format!("why   {}", if self.full { why.clone() } else { human::cut(why, MOST) }));
        }
        if let Some(failure) = &view.failure {
            let mut text = format!("failed  {}: {}", failure.class.as_str(), failure.message);
            for cause in &failure.causes {
                let _ = write!(text, "\n  {cause}");
            }
            parts.push(paint(self.colour, RED, &text));
        }
        let mut add = |name: &str, value: &Value| {
            let mut text = String::new();
            self.value(&mut text, "", name, value);
            parts.push(text);
        };
        if let Some(input) = view.input.as_ref().filter(|input| input.as_object().is_none_or(|map| !map.is_empty())) {
            add("got ", input);
        }
        for effect in &view.effects {
            parts.push(effect_lines(effect));
        }
        let mut add = |name: &str, value: &Value| {
            let mut text = String::new();
            self.value(&mut text, "", name, value);
            parts.push(text);
        };
        if let Some(output) = &view.output {
            add("gave", output);
        }
        if let Some(answer) = &view.answer {
            parts.push(format!("answered  {} by {} at {}", answer.action, answer.by, human::utc(answer.at)));
        }
        if let Some(Wait::Callback { token, due, .. }) = &view.wait {
            let due = due.map(|due| format!(", due {}", human::relative(due, self.now))).unwrap_or_default();
            parts.push(format!("call  {}{due}", paint(self.colour, CYAN, token)));
        }
        if let Some(task) = tasks.iter().find(|task| task.instance == view.instance && task.closed.is_none()) {
            let due =
                task.question.due.map(|due| format!(", due {}", human::relative(due, self.now))).unwrap_or_default();
            let id = paint(self.colour, CYAN, &task.id);
            parts.push(format!("task  {id}  {}{due}", task.question.actions.join(" | ")));
        }
        parts
    }

    /// A named value: in one line, or field by field, or as it is.
    fn value(self, out: &mut String, indent: &str, name: &str, value: &Value) {
        if self.full {
            let text = match value {
                Value::String(text) => text.clone(),
                other => human::pretty(other),
            };
            let _ = writeln!(out, "{indent}{}\n{}", name.trim_end(), human::indent(&text, indent.len() + 2));
            return;
        }
        match value {
            Value::Object(map) if map.len() > 1 => {
                let width = map.keys().map(|key| key.chars().count()).max().unwrap_or(0).min(20);
                let _ = writeln!(out, "{indent}{}", name.trim_end());
                for (key, value) in map {
                    let _ = writeln!(out, "{indent}  {key:width$}  {}", human::value(value, MOST));
                }
            }
            Value::Object(map) if map.len() == 1 => {
                let line = map.iter().map(|(key, value)| format!("{key}  {}", human::value(value, MOST)));
                let _ = writeln!(out, "{indent}{name}  {}", line.collect::<String>());
            }
            other => {
                let _ = writeln!(out, "{indent}{name}  {}", human::value(other, MOST));
            }
        }
    }
}

fn effect_lines(effect: &EffectView) -> String {
    let meta = &effect.meta;
    let name = effect.name.as_str().rsplit('/').next().unwrap_or_default();
    let mut facts = vec![human::span(meta.ended.since(meta.started))];
    facts.extend(costs([meta]));
    if let Some(model) = meta.model.as_ref().or(meta.endpoint.as_ref()) {
        facts.push(model.clone());
    }
    if meta.attempts > 1 {
        facts.push(format!("{} tries", meta.attempts));
    }
    if meta.brown_out {
        facts.push("a lesser one answered".to_owned());
    }
    let mut out = format!("{name}  {}", facts.join(", "));
    for tried in &meta.tries {
        let _ = write!(out, "\n  tried: {}: {}", tried.class.as_str(), human::cut(&tried.message, MOST));
    }
    if let Some(failure) = &effect.failure {
        let _ = write!(out, "\n  {}: {}", failure.class.as_str(), human::cut(&failure.message, MOST));
    }
    out
}

fn mark(state: &str) -> (&'static str, Style) {
    match state {
        "ok" => ("✓", GREEN),
        "failed" => ("✗", RED),
        "blocked" => ("■", YELLOW),
        "waiting" => ("?", YELLOW),
        "running" => ("▸", CYAN),
        "stepped_over" => ("↷", DIM),
        _ => ("·", DIM),
    }
}

/// Tokens and money, where there are any.
fn costs<'m>(metas: impl IntoIterator<Item = &'m EffectMeta>) -> Vec<String> {
    let (mut tokens, mut cost) = (0, 0.0);
    for meta in metas {
        tokens += meta.input_tokens + meta.output_tokens;
        cost += meta.cost_usd;
    }
    let mut out = vec![];
    if tokens > 0 {
        out.push(format!("{} tokens", human::count(tokens)));
    }
    if cost > 0.0 {
        out.push(human::money(cost));
    }
    out
}
