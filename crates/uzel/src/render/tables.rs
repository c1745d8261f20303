//! Lists of runs and what came of a batch, as tables and as JSON. Used by `runs` and by batches.

use std::{collections::BTreeMap, time::Duration};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};
use uzel_core::{
    event::Time,
    store::{Head, Status, Task},
};

use super::{BOLD, GREEN, RED, YELLOW, human, paint};

/// At most so many values of one field are counted apart.
const MOST_VALUES: usize = 20;

/// A table without lines; columns are two spaces apart.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A table's lines without spaces around them.
pub(crate) fn lines(table: &Table) -> String {
    // A cell begins with a space.
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        out.push('\n');
    }
    out
}

/// A status in its colour.
pub(crate) fn status(status: Status, colour: bool) -> String {
    let style = match status {
        Status::Succeeded => GREEN,
        Status::Failed | Status::Cancelled | Status::Quarantined => RED,
        Status::Waiting | Status::Running | Status::Stopped => YELLOW,
    };
    paint(colour, style, status.as_str())
}

/// What came of a run, in a line.
pub(crate) fn outcome(head: &Head, most: usize) -> String {
    let outcome = &head.outcome;
    let text = match head.status {
        Status::Succeeded => outcome.get("output").map(|output| human::value(output, most)),
        Status::Stopped => outcome.get("text").map(|text| human::value(text, most)),
        Status::Failed => {
            let message = outcome.pointer("/failure/message").and_then(Value::as_str).unwrap_or_default();
            let node =
                outcome.get("node").and_then(Value::as_str).map(|node| format!("`{node}`: ")).unwrap_or_default();
            Some(human::cut(&format!("{node}{message}"), most))
        }
        Status::Cancelled => outcome.get("why").map(|why| human::value(why, most)),
        Status::Running | Status::Waiting | Status::Quarantined => None,
    };
    text.unwrap_or_default()
}

/// Runs, one a line.
pub(crate) fn runs(heads: &[Head], now: Time, colour: bool) -> String {
    let mut table = table();
    table.set_header(["run", "app", "status", "began", "took", "cost", "tokens", "outcome"]);
    for head in heads {
        let tokens = head.input_tokens + head.output_tokens;
        table.add_row([
            head.run.to_string(),
            human::cut(&head.app, 24),
            head.status.as_str().to_owned(),
            human::relative(head.created, now),
            human::span(head.updated.since(head.created)),
            if head.cost_usd == 0.0 { "-".to_owned() } else { human::money(head.cost_usd) },
            if tokens == 0 { "-".to_owned() } else { human::count(tokens) },
            outcome(head, 60),
        ]);
    }
    // Colour comes after the layout, which would count its characters.
    let text = lines(&table);
    let mut out = String::new();
    for (i, line) in text.lines().enumerate() {
        match i.checked_sub(1).and_then(|i| heads.get(i)) {
            None => out.push_str(&paint(colour, BOLD, line)),
            Some(head) => out.push_str(&line.replacen(head.status.as_str(), &status(head.status, colour), 1)),
        }
        out.push('\n');
    }
    out
}

/// A run's row for programs: one flat object.
pub(crate) fn head_json(head: &Head) -> Value {
    let mut fields = Map::new();
    fields.insert("run".to_owned(), json!(head.run));
    fields.insert("app".to_owned(), json!(head.app));
    fields.insert("status".to_owned(), json!(head.status));
    if let Value::Object(outcome) = &head.outcome {
        // `output`, `text`, `node`, `failure`, `why`, whichever there are.
        fields.extend(outcome.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    fields.insert("cost_usd".to_owned(), json!(head.cost_usd));
    fields.insert("input_tokens".to_owned(), json!(head.input_tokens));
    fields.insert("output_tokens".to_owned(), json!(head.output_tokens));
    fields.insert("created".to_owned(), json!(human::utc(head.created)));
    fields.insert("created_ms".to_owned(), json!(head.created));
    fields.insert("updated_ms".to_owned(), json!(head.updated));
    if let Some((batch, line)) = &head.batch {
        fields.insert("batch".to_owned(), json!(batch));
        // As editors count.
        fields.insert("line".to_owned(), json!(line + 1));
    }
    Value::Object(fields)
}

/// What came of a batch.
pub(crate) struct Summary<'a> {
    /// All runs of the batch, earlier ones too.
    pub(crate) heads: &'a [Head],
    /// Its open questions.
    pub(crate) tasks: &'a [Task],
    /// Fields of the output to count by.
    pub(crate) fields: &'a [String],
    /// Lines that could not be run.
    pub(crate) bad: usize,
    /// Runs that this command drove.
    pub(crate) ran: usize,
    /// How long this command took.
    pub(crate) took: Duration,
}

impl Summary<'_> {
    /// Counts by status, by field, by question; cost and time.
    pub(crate) fn table(&self) -> String {
        let mut table = table();
        let total = self.heads.len();
        let mut group = |name: &str, counts: Vec<(String, usize)>| {
            for (i, (value, n)) in counts.into_iter().enumerate() {
                let share =
                    if total == 0 { String::new() } else { format!("{:.0} %", n as f64 * 100.0 / total as f64) };
                table.add_row([
                    Cell::new(if i == 0 { name.to_owned() } else { String::new() }),
                    Cell::new(value),
                    Cell::new(n).set_alignment(CellAlignment::Right),
                    Cell::new(share).set_alignment(CellAlignment::Right),
                ]);
            }
        };
        group("runs", vec![("all".to_owned(), total)]);
        let statuses =
            Status::ALL.into_iter().map(|status| (status, self.heads.iter().filter(|h| h.status == status).count()));
        group("status", statuses.filter(|(_, n)| *n > 0).map(|(s, n)| (s.as_str().to_owned(), n)).collect());
        if self.bad > 0 {
            group("left out", vec![("bad lines".to_owned(), self.bad)]);
        }
        for field in self.fields {
            group(field, self.counts_of(field));
        }
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        for task in self.tasks {
            *waiting.entry(task.instance.as_str()).or_default() += 1;
        }
        group("waits for a person", sorted(waiting.into_iter().map(|(node, n)| (node.to_owned(), n)).collect()));
        format!("{}\n{}\n", lines(&table), self.totals())
    }

    fn counts_of(&self, field: &str) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for head in self.heads {
            let value = head.outcome.get("output").and_then(|output| output.get(field));
            let value = value.filter(|value| !value.is_null());
            let value = value.map_or_else(|| "-".to_owned(), |value| human::value(value, 40));
            *counts.entry(value).or_default() += 1;
        }
        let mut counts = sorted(counts.into_iter().collect());
        if counts.len() > MOST_VALUES {
            let rest = counts.split_off(MOST_VALUES);
            let n = rest.iter().map(|(_, n)| n).sum();
            counts.push((format!("{} other values", rest.len()), n));
        }
        counts
    }

    fn totals(&self) -> String {
        // An empty sum of floats is -0.
        let cost: f64 = self.heads.iter().map(|head| head.cost_usd).fold(0.0, |sum, cost| sum + cost);
        let tokens: u64 = self.heads.iter().map(|head| head.input_tokens + head.output_tokens).sum();
        let seconds = self.took.as_secs_f64();
        let now = if self.ran == 0 {
            "nothing was left to do".to_owned()
        } else {
            let rate = self.ran as f64 / seconds.max(0.001);
            format!("{} in {seconds:.1} s, {rate:.1}/s", human::plural(self.ran, "run"))
        };
        format!("cost {}, {} tokens; {now}", human::money(cost), human::count(tokens))
    }
}

/// Most frequent first.
fn sorted(mut counts: Vec<(String, usize)>) -> Vec<(String, usize)> {
    counts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    counts
}
