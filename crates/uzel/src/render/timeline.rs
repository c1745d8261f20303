//! When each node of a run was at work, as a table with bars where a person looks at a terminal. Used by `uzel show`.

use comfy_table::{Cell, CellAlignment};
use uzel_core::{
    event::Time,
    run::timeline::{Folded, Lane, Row, Took},
};

use super::{
    BLUE, DIM, GREEN, RED, YELLOW, human, paint,
    tables::{lines, table},
};

/// What is known beside the rows.
pub(crate) struct Timeline<'r> {
    /// The rows, from the core.
    pub(crate) rows: &'r [Row],
    /// When the run began.
    pub(crate) begun: Time,
    /// When it ended, or now.
    pub(crate) until: Time,
    /// Columns of the terminal; no bars without one.
    pub(crate) width: Option<usize>,
    pub(crate) colour: bool,
}

/// Bars have at least and at most so many columns.
const BARS: (usize, usize) = (10, 60);

impl Timeline<'_> {
    /// The table; empty if no node has begun.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| began(row).is_some()).collect();
        if rows.is_empty() {
            return String::new();
        }
        let mut shown = table();
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let heads = ["began", "took", "tries", "tokens", "cost"];
        shown.set_header(
            std::iter::once(Cell::new("timeline"))
                .chain(heads.map(|head| right(head.to_owned())))
                .chain([Cell::new("")]),
        );
        for row in &rows {
            shown.add_row(self.cells(row));
        }
        let text = lines(&shown);
        let columns = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let room = self.width.and_then(|width| width.checked_sub(columns + 2)).filter(|room| *room >= BARS.0);
        let mut out = String::new();
        for (i, line) in text.lines().enumerate() {
            let Some(row) = i.checked_sub(1).and_then(|i| rows.get(i)) else {
                out += &format!("{}\n", paint(self.colour, super::BOLD, line));
                continue;
            };
            match room {
                None => out += line,
                Some(room) => {
                    let (bar, style) = self.bar(row, room.min(BARS.1));
                    out += &format!("{line:columns$}  {}", paint(self.colour, style, &bar));
                }
            }
            out = out.trim_end().to_owned() + "\n";
        }
        out
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let (name, started, ended, took, note) = match row {
            Row::Node(lane) => {
                let name = format!("{}{}", "  ".repeat(lane.depth), lane.instance);
                (name, lane.started, lane.ended, lane.took, note(lane))
            }
            Row::Folded(folded) => {
                let name = format!("{}{}", "  ".repeat(folded.depth), folded_name(folded));
                (name, folded.started, folded.ended, folded.took, states(folded))
            }
        };
        let began = started.map_or_else(String::new, |started| {
            if started < self.begun { "-".to_owned() } else { human::span(started.since(self.begun)) }
        });
        let length = match (started, ended) {
            (Some(started), Some(ended)) => human::span(ended.since(started)),
            (Some(_), None) => "…".to_owned(),
            _ => String::new(),
        };
        let Took { effects, attempts, tokens, cost_usd } = took;
        let or_dash = |is: bool, text: String| if is { text } else { "-".to_owned() };
        vec![
            Cell::new(name),
            right(began),
            right(length),
            right(or_dash(attempts > effects, attempts.to_string())),
            right(or_dash(tokens > 0, human::count(tokens))),
            right(or_dash(cost_usd > 0.0, human::money(cost_usd))),
            Cell::new(note),
        ]
    }

    fn bar(&self, row: &Row, room: usize) -> (String, anstyle::Style) {
        let (started, ended, state) = match row {
            Row::Node(lane) => (lane.started, lane.ended, lane.state),
            Row::Folded(folded) => (folded.started, folded.ended, "ok"),
        };
        let style = match state {
            "ok" => GREEN,
            "failed" => RED,
            "waiting" | "blocked" => YELLOW,
            "running" => BLUE,
            _ => DIM,
        };
        let total = self.until.since(self.begun).max(1);
        let Some(started) = started else { return (String::new(), style) };
        let ended = ended.unwrap_or(self.until);
        if ended < self.begun {
            return (String::new(), style);
        }
        let at =
            |time: Time| usize::try_from(time.since(self.begun).saturating_mul(room as u64) / total).unwrap_or(room);
        let from = at(started).min(room - 1);
        let length = at(ended).min(room).saturating_sub(from).max(1);
        let mark = if matches!(state, "waiting") { "░" } else { "█" };
        (format!("{}{}", " ".repeat(from), mark.repeat(length)), style)
    }
}

fn began(row: &Row) -> Option<Time> {
    match row {
        Row::Node(lane) => lane.started,
        Row::Folded(folded) => folded.started,
    }
}

fn note(lane: &Lane) -> String {
    if lane.reused {
        return "reused".to_owned();
    }
    if lane.state == "ok" { String::new() } else { lane.state.replace('_', " ") }
}

fn folded_name(folded: &Folded) -> String {
    let plural = match folded.word {
        "batch" => "batches".to_owned(),
        word => format!("{word}s"),
    };
    format!("… {} more {plural}", human::count(folded.count as u64))
}

fn states(folded: &Folded) -> String {
    let states = folded.states.iter().map(|(state, n)| format!("{n} {}", state.replace('_', " ")));
    states.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn lane(name: &str, depth: usize, state: &'static str, from: i64, to: Option<i64>) -> Row {
        let took = Took { effects: 1, attempts: 2, tokens: 1_200, cost_usd: 0.004 };
        let (started, ended) = (Some(Time(from)), to.map(Time));
        Row::Node(Lane { instance: name.into(), kind: "llm", depth, state, started, ended, took, reused: false })
    }

    #[test]
    fn bars_stand_only_on_a_terminal_that_is_wide_enough() {
        let folded = Folded {
            of: "notes".into(),
            depth: 1,
            word: "item",
            count: 998,
            states: [("ok", 997), ("failed", 1)].into(),
            started: Some(Time(1_400)),
            ended: Some(Time(1_900)),
            took: Took::default(),
        };
        let rows = [
            lane("sort", 0, "ok", 1_000, Some(1_500)),
            lane("notes", 0, "failed", 1_500, Some(2_000)),
            Row::Folded(folded),
            lane("ask", 0, "waiting", 1_750, None),
        ];
        let timeline =
            |width| Timeline { rows: &rows, begun: Time(1_000), until: Time(2_000), width, colour: false }.text();
        expect![[r#"
            timeline             began    took  tries  tokens     cost
            sort                  0 ms  500 ms      2   1,200  $0.0040
            notes               500 ms  500 ms      2   1,200  $0.0040  failed
              … 998 more items  400 ms  500 ms      -       -        -  1 failed, 997 ok
            ask                 750 ms       …      2   1,200  $0.0040  waiting
        "#]]
        .assert_eq(&timeline(None));
        assert_eq!(timeline(Some(40)), timeline(None), "no room");
        expect![[r#"
            timeline             began    took  tries  tokens     cost
            sort                  0 ms  500 ms      2   1,200  $0.0040                    █████████████
            notes               500 ms  500 ms      2   1,200  $0.0040  failed                         █████████████
              … 998 more items  400 ms  500 ms      -       -        -  1 failed, 997 ok            █████████████
            ask                 750 ms       …      2   1,200  $0.0040  waiting                              ░░░░░░░
        "#]]
        .assert_eq(&timeline(Some(104)));
    }
}
