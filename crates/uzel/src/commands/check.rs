//! `uzel check`: everything that is wrong with an app. Pure: nothing is built, opened or asked.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use uzel_core::{
    check::{Choices, Level, Levels, Reading},
    date::Date,
    diagnostic::{Code, Severity, did_you_mean},
    graph::{
        Graph,
        cost::{Cost, cost},
    },
};
use uzel_runtime::world::{RealWorld, World};

use crate::{
    cli::{AppChoice, OutsideChoice},
    exit::{Error, Exit},
    project::Project,
    render::{self, Terminal, diagnostics::Report, human::plural},
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    app: AppChoice,
    #[command(flatten)]
    outside: OutsideChoice,
    /// Take a warning for an error: a code such as UZ3006, or `warnings` for all of them
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    deny: Vec<String>,
    /// Do not report a warning
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    allow: Vec<String>,
    /// The app that is in use: new branches need a flag
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Tell too what one run costs, at worst and as expected: calls of models, tokens, money; and what makes it unbounded
    #[arg(long)]
    cost: bool,
    /// How to print what there is to say
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines of the file
    Text,
    /// A JSON list of {code, severity, message, file, line, column, help, labels}; what the file accepts has {waived} too.
    /// With --cost {findings, cost}, cost being null for an app that cannot be read
    Json,
}

pub(crate) fn run(terminal: &Terminal, arguments: &Arguments) -> Result<Exit, Error> {
    let project = Project::find(&arguments.app.app)?;
    let mut choices = project.choices(&arguments.outside)?;
    choices.today = Some(Date::of(RealWorld::default().now()));
    choices.levels = levels(&arguments.deny, &arguments.allow)?;
    choices.against = arguments.against.as_ref().map(|old| in_use(old, &choices)).transpose()?;
    let reading = project.read(&choices);
    let report = Report {
        diagnostics: reading.diagnostics.iter().collect(),
        left_out: reading.diagnostics.left_out(),
        sources: &reading.sources,
        folder: &project.folder,
        colour: terminal.colour_out,
    };
    let cost = reading.graph.as_ref().filter(|_| arguments.cost).map(|graph| cost(graph));
    let text = match arguments.format {
        Format::Json => {
            let mut all = report.json();
            all.extend(report.waived_json(&reading.waived));
            let findings = Value::Array(all);
            let cost = || json!({ "findings": findings, "cost": cost.as_ref().map(Cost::json) });
            let said = if arguments.cost { cost() } else { findings.clone() };
            serde_json::to_string_pretty(&said).unwrap_or_default()
        }
        Format::Text => {
            let cost =
                cost.map(|cost| format!("\n\n{}", render::cost::text(&cost, &project.folder))).unwrap_or_default();
            format!("{}{}{cost}", report.text(), verdict(&project, &report, &reading))
        }
    };
    terminal.data(&text)?;
    let exit = if reading.graph.is_some() { Exit::Fine } else { Exit::Failed };
    // The process ends here, and taking a large graph apart would take longer than writing the answer.
    std::mem::forget(reading);
    Ok(exit)
}

/// The app that is in use. Its models are not chosen: which node is new does not depend on them.
fn in_use(old: &std::path::Path, choices: &Choices) -> Result<Arc<Graph>, Error> {
    let project = Project::find(old)?;
    let reading = project.read(&Choices { models: choices.models.clone(), ..Choices::default() });
    reading.graph.ok_or_else(|| {
        let path = project.path();
        let heading = format!("the app in use, `{}`, has mistakes itself", path.display());
        Error::new(Exit::Failed, heading).hint(format!("run `uzel check {}`", path.display()))
    })
}

fn levels(deny: &[String], allow: &[String]) -> Result<Levels, Error> {
    let mut levels = Levels::default();
    for (option, words, level) in [("--deny", deny, Level::Deny), ("--allow", allow, Level::Allow)] {
        for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
            if level == Level::Deny && word == "warnings" {
                levels.deny_warnings = true;
                continue;
            }
            let code = code(option, word)?;
            if levels.codes.insert(code, level).is_some_and(|before| before != level) {
                return Err(Error::usage(format!("{code} is denied and allowed")).hint("remove one of the two"));
            }
        }
    }
    Ok(levels)
}

/// The code of a warning.
fn code(option: &str, word: &str) -> Result<Code, Error> {
    let Some(code) = Code::find(word) else {
        let codes = Code::ALL.iter().map(|(code, ..)| code.as_str()).chain(["warnings"]);
        let hint = did_you_mean(word, codes).unwrap_or_else(|| "`uzel explain` lists all codes".to_owned());
        return Err(Error::usage(format!("there is no code `{word}` for `{option}`")).hint(hint));
    };
    // Some errors are warnings in places, and those can be allowed.
    if option == "--allow" && code.severity() == Severity::Error && !SOMETIMES.contains(&code) {
        let hint = format!("correct what it says; `uzel explain {code}` says how");
        return Err(Error::usage(format!("{code} is an error, which cannot be allowed")).hint(hint));
    }
    Ok(code)
}

/// Errors that are only warnings in places.
const SOMETIMES: [Code; 2] = [Code::MISSING_KEY, Code::RETRY_NOT_SAFE];

fn verdict(project: &Project, report: &Report<'_>, reading: &Reading) -> String {
    let path = project.path();
    let waived = match reading.waived.len() {
        0 => String::new(),
        n => format!(", {n} waived"),
    };
    match &reading.graph {
        None => format!("{}: {}{waived}", path.display(), report.summary()),
        Some(graph) => {
            let but = if report.diagnostics.is_empty() { String::new() } else { format!(", {}", report.summary()) };
            format!("{} is fine: {}{but}{waived}", path.display(), plural(graph.nodes.len(), "node"))
        }
    }
}
