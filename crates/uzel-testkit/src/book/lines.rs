//! The lines of a case: what happens (`script`), and what comes of it (`expect`).

use std::time::Duration;

use serde_json::Value;
use uzel_core::{
    diagnostic::Diagnostics,
    duration::DurationText,
    source::Sources,
    yaml::{decode, parse},
};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `a ok {"x": 1}`: the call ends with a value; without one it says what it was given.
    Ok(String, Option<Value>),
    /// `a fails`, perhaps with a sentence.
    Fails(String, String),
    /// `a blocks {"x": 1}`: what it found.
    Blocks(String, Value),
    /// `a left out`
    LeftOut(String),
    /// `a asks`: it waits for a person.
    Asks(String),
    /// `a answered approve`
    Answered(String, String),
    /// `a called { paid: true }`: somebody calls back.
    Called(String, Value),
    /// `a sleeps 10s`: it waits for a time.
    Sleeps(String, Duration),
    /// `a hangs`: it does not answer; where the line stands does not matter.
    Hangs(String),
    /// `a is running`: looks at a state in between.
    Is(String, String),
    /// `10s pass`
    Pass(Duration),
    /// `the process dies`
    Crash,
    /// `somebody cancels`
    Cancel,
}

impl Step {
    /// The instance that the line is about, if the line says how its call ends.
    pub(super) fn directs(&self) -> Option<&str> {
        match self {
            Self::Is(..) | Self::Pass(_) | Self::Crash | Self::Cancel => None,
            Self::Ok(path, _)
            | Self::Fails(path, _)
            | Self::Blocks(path, _)
            | Self::LeftOut(path)
            | Self::Asks(path)
            | Self::Answered(path, _)
            | Self::Called(path, _)
            | Self::Sleeps(path, _)
            | Self::Hangs(path) => Some(path),
        }
    }

    /// The same step elsewhere.
    pub(super) fn map(self, to: &dyn Fn(String) -> String) -> Self {
        match self {
            Self::Ok(path, value) => Self::Ok(to(path), value),
            Self::Fails(path, text) => Self::Fails(to(path), text),
            Self::Blocks(path, value) => Self::Blocks(to(path), value),
            Self::LeftOut(path) => Self::LeftOut(to(path)),
            Self::Asks(path) => Self::Asks(to(path)),
            Self::Answered(path, action) => Self::Answered(to(path), action),
            Self::Called(path, value) => Self::Called(to(path), value),
            Self::Sleeps(path, time) => Self::Sleeps(to(path), time),
            Self::Hangs(path) => Self::Hangs(to(path)),
            Self::Is(path, state) => Self::Is(to(path), state),
            Self::Pass(_) | Self::Crash | Self::Cancel => self,
        }
    }
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expect {
    /// `a, b  ok {"x": 1}`: the state of instances, and perhaps their value.
    State(String, String, Option<Value>),
    /// `run gives {"x": 1}`
    Gives(Value),
    /// `run fails`, perhaps `at a`, perhaps `: part of the sentence`
    Fails(Option<String>, String),
    /// `run stops at a: text`
    Stops(String, String),
    /// `run is cancelled`
    Cancelled,
    /// `run goes on`: a call has not ended.
    GoesOn,
    /// `run waits`: nothing goes on until a person answers or a time comes.
    Waits,
    /// `run calls a, b`: in this order, and nothing else.
    Calls(Vec<String>),
    /// `check refuses UZ1016`
    Refused(String),
}

impl Expect {
    /// The same elsewhere.
    pub(super) fn map(self, to: &dyn Fn(String) -> String) -> Self {
        match self {
            Self::State(path, state, value) => Self::State(to(path), state, value),
            Self::Fails(path, text) => Self::Fails(path.map(to), text),
            Self::Stops(path, text) => Self::Stops(to(path), text),
            Self::Calls(paths) => Self::Calls(paths.into_iter().map(to).collect()),
            other => other,
        }
    }
}

/// The words of states.
pub(super) const STATES: [&str; 9] =
    ["ok", "stepped_over", "inactive", "failed", "blocked", "cancelled", "pending", "running", "waiting"];

/// A value as it is written in an app.
pub(super) fn value(text: &str) -> Result<Value, String> {
    let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
    let decoded = decode("value", text.as_bytes(), &mut sources, &mut out);
    let tree = decoded.and_then(|(source, text)| parse(source, &text, &mut out));
    tree.filter(|_| !out.has_errors()).map(|tree| tree.to_json()).ok_or_else(|| format!("`{text}` is no value"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<DurationText, _> = serde_json::from_value(Value::from(text));
    parsed.map(|duration| duration.0).map_err(|cause| format!("`{text}` is no duration: {cause}"))
}

/// The first word and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim()))
}

/// One line of a script.
pub(super) fn step(line: &str) -> Result<Step, String> {
    match line.trim() {
        "the process dies" => return Ok(Step::Crash),
        "somebody cancels" => return Ok(Step::Cancel),
        _ => {}
    }
    let (first, rest) = word(line);
    let (verb, rest) = word(rest);
    let path = || first.to_owned();
    Ok(match (verb, rest) {
        ("pass" | "passes", "") => Step::Pass(duration(first)?),
        ("ok", "") => Step::Ok(path(), None),
        ("ok", rest) => Step::Ok(path(), Some(value(rest)?)),
        ("fails", rest) => Step::Fails(path(), rest.to_owned()),
        ("blocks", "") => Step::Blocks(path(), Value::Null),
        ("blocks", rest) => Step::Blocks(path(), value(rest)?),
        ("left", "out") => Step::LeftOut(path()),
        ("asks", "") => Step::Asks(path()),
        ("answered", action) if !action.is_empty() => Step::Answered(path(), action.to_owned()),
        ("called", rest) if !rest.is_empty() => Step::Called(path(), value(rest)?),
        ("sleeps", time) => Step::Sleeps(path(), duration(time)?),
        ("hangs", "") => Step::Hangs(path()),
        ("is", state) if STATES.contains(&state) => Step::Is(path(), state.to_owned()),
        _ => return Err(format!("`{line}` is no line of a script")),
    })
}

/// One line of what comes of it; several instances before a state are several expectations.
pub(super) fn expect(line: &str) -> Result<Vec<Expect>, String> {
    let (first, rest) = word(line);
    if first == "run" {
        let (verb, rest) = word(rest);
        let one = match (verb, rest) {
            ("gives", rest) => Expect::Gives(value(rest)?),
            ("fails:", text) => Expect::Fails(None, text.to_owned()),
            ("fails", rest) => {
                let (place, text) = rest.split_once(": ").unwrap_or((rest, ""));
                Expect::Fails(place.strip_prefix("at ").map(str::to_owned), text.to_owned())
            }
            ("stops", rest) => {
                let place = rest.strip_prefix("at ").and_then(|rest| rest.split_once(": "));
                let (place, text) = place.ok_or_else(|| format!("`{line}` does not say where and with what"))?;
                Expect::Stops(place.to_owned(), text.to_owned())
            }
            ("is", "cancelled") => Expect::Cancelled,
            ("goes", "on") => Expect::GoesOn,
            ("waits", "") => Expect::Waits,
            ("calls", "nothing") => Expect::Calls(vec![]),
            ("calls", rest) => Expect::Calls(rest.split(',').map(|name| name.trim().to_owned()).collect()),
            _ => return Err(format!("`{line}` says nothing about a run")),
        };
        return Ok(vec![one]);
    }
    if let Some(code) = line.trim().strip_prefix("check refuses ") {
        return Ok(vec![Expect::Refused(code.trim().to_owned())]);
    }
    // `a, b  ok {"x": 1}`: names up to the first word that no comma follows.
    let mut names = vec![];
    let mut rest = line.trim();
    loop {
        let (name, after) = word(rest);
        rest = after;
        names.push(name.trim_end_matches(',').to_owned());
        if !name.ends_with(',') {
            break;
        }
    }
    let (state, rest) = word(rest);
    if !STATES.contains(&state) {
        return Err(format!("`{line}` does not end with a state"));
    }
    let value = if rest.is_empty() { None } else { Some(value(rest)?) };
    Ok(names.into_iter().map(|name| Expect::State(name, state.to_owned(), value.clone())).collect())
}
