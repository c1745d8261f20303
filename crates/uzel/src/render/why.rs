//! Reasons in words, each with the line of the app that decided. Used by `uzel why`.

use std::{fmt::Write as _, path::Path};

use uzel_core::run::why::{Because, Rule, Step, Why, WhyRun};

use super::{BOLD, CYAN, DIM, RED, YELLOW, human, paint, tables};

/// How reasons are shown.
pub(crate) struct Reasons<'a> {
    /// The app's folder, as it would be typed.
    pub(crate) folder: &'a Path,
    pub(crate) colour: bool,
}

impl Reasons<'_> {
    /// One node.
    pub(crate) fn node(&self, why: &Why) -> String {
        let mut out = format!(
            "{}  {}  {}  {}\n",
            paint(self.colour, BOLD, why.instance.as_str()),
            why.kind,
            why.state.replace('_', " "),
            paint(self.colour, DIM, &format!("at {}", self.place(&why.at))),
        );
        self.reasons(&why.because, &mut out);
        out
    }

    /// The run as a whole.
    pub(crate) fn run(&self, why: &WhyRun) -> String {
        let mut out = format!(
            "{}  {}\n",
            paint(self.colour, BOLD, &format!("run {}", why.run)),
            tables::status(why.status, self.colour)
        );
        self.reasons(&why.because, &mut out);
        if !why.path.is_empty() {
            let word = if why.status.is_final() { "the slowest path" } else { "the slowest path so far" };
            let _ = writeln!(out, "{}", paint(self.colour, BOLD, word));
            out += &Self::path(&why.path);
        }
        out
    }

    fn reasons(&self, because: &[Because], out: &mut String) {
        let words: Vec<&str> = because.iter().map(|because| word(because.rule)).collect();
        let width = words.iter().map(|word| word.len()).max().unwrap_or(0);
        for (because, word) in because.iter().zip(words) {
            let style = match because.rule {
                Rule::Failure | Rule::Limit => RED,
                Rule::Wait | Rule::Retry => YELLOW,
                Rule::When | Rule::Route | Rule::Join => CYAN,
                _ => DIM,
            };
            // The reason says it, too.
            let text =
                because.text.strip_prefix(word).and_then(|rest| rest.strip_prefix([':', ' '])).map(str::trim_start);
            let text = text.unwrap_or(&because.text).replace('\n', " ");
            let word = paint(self.colour, style, &format!("{word:width$}"));
            let at = because.at.as_ref().map(|at| format!("  ({})", self.place(at))).unwrap_or_default();
            let _ = writeln!(out, "  {word}  {text}{}", paint(self.colour, DIM, &at));
        }
    }

    fn path(steps: &[Step]) -> String {
        let name = |step: &Step| format!("{}{}", "  ".repeat(step.depth), step.instance);
        let width = steps.iter().map(|step| name(step).chars().count()).max().unwrap_or(0);
        let mut out = String::new();
        for step in steps {
            let waited = match step.waited {
                0 => String::new(),
                waited => format!(", {} of it waiting", human::span(waited)),
            };
            let state = if step.state == "ok" { String::new() } else { format!(", {}", step.state.replace('_', " ")) };
            let _ = writeln!(out, "  {:width$}  {}{waited}{state}", name(step), human::span(step.took));
        }
        out
    }

    fn place(&self, at: &uzel_core::source::Position) -> String {
        format!("{}:{}:{}", self.folder.join(&at.file).display(), at.line, at.column)
    }
}

const fn word(rule: Rule) -> &'static str {
    match rule {
        Rule::Parent => "after",
        Rule::Join => "join",
        Rule::When => "when",
        Rule::Route => "route",
        Rule::Wait => "waits",
        Rule::Answer => "answer",
        Rule::Failure => "failed",
        Rule::Reaction => "then",
        Rule::Retry => "retry",
        Rule::Limit => "limit",
        Rule::Time => "time",
        Rule::Body => "body",
        Rule::Reused => "reused",
        Rule::Run => "run",
    }
}
