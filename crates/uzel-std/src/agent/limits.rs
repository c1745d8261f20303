//! What bounds an agent. Used by its check and its loop.

use schemars::JsonSchema;
use serde::Deserialize;
use uzel_core::{
    check::Check,
    diagnostic::{Code, Diagnostic},
    duration::DurationText,
    failure::{Failure, FailureClass},
    graph::facts::Agent,
    yaml::Spanned,
};

/// The limits, in the order of the reference.
pub(super) const NAMES: [&str; 5] = ["steps", "tool_calls", "tokens", "cost_usd", "duration"];

/// Nothing may ask a model more often.
const MOST_STEPS: u32 = 1_000;
/// Nothing may call tools more often.
const MOST_CALLS: u32 = 10_000;

/// Hard limits of an agent. Before each call of the model what it may take is reserved; a call that does not fit is not
/// made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How often the model is asked. Default: 20; at most 1,000.
    pub steps: Option<Spanned<u32>>,
    /// How many tool calls are made, or rejected by a person. Calls that the model got wrong do not count: they take a
    /// step. A turn that asks for more than are left gets none. Default: 50; at most 10,000.
    pub tool_calls: Option<Spanned<u32>>,
    /// Tokens read and written. Each step reads the whole conversation again.
    pub tokens: Option<Spanned<u64>>,
    /// Money for the model, in USD.
    pub cost_usd: Option<Spanned<f64>>,
    /// From start to end, with the time in which a person is asked.
    pub duration: Option<Spanned<DurationText>>,
}

/// What reaching a limit does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// The node fails, and says which limit it was.
    #[default]
    Fail,
    /// The model is asked once more, without tools, for an answer from what it has. That one call is not counted: only
    /// the run's own limits hold for it.
    Answer,
}

impl Limits {
    /// Reports limits that let nothing happen, or too much.
    pub(super) fn check(&self, cx: &mut Check<'_>) {
        let mut bad = |at, message: String, help: &str| {
            cx.report(Diagnostic::new(Code::BAD_LIMIT, at, message).help(help));
        };
        let counts = [("steps", &self.steps, MOST_STEPS, 10), ("tool_calls", &self.tool_calls, MOST_CALLS, 20)];
        for (name, limit, most, usual) in counts {
            let Some(Spanned { value, span }) = limit else { continue };
            let help = format!("write a number from 1 to {most}, such as `{name}: {usual}`");
            if *value == 0 {
                bad(*span, format!("`{name}: 0` lets nothing happen"), &help);
            } else if *value > most {
                bad(*span, format!("`{name}: {value}` is more than {most}"), &help);
            }
        }
        if let Some(tokens) = self.tokens.as_ref().filter(|tokens| tokens.value == 0) {
            bad(tokens.span, "`tokens: 0` lets nothing happen".to_owned(), "write a number, such as `tokens: 50000`");
        }
        if let Some(cost) = self.cost_usd.as_ref().filter(|cost| !cost.value.is_finite() || cost.value <= 0.0) {
            let message = format!("`cost_usd: {}` lets nothing happen", cost.value);
            bad(cost.span, message, "write an amount above 0, such as `cost_usd: 0.25`");
        }
        if let Some(duration) = self.duration.as_ref().filter(|duration| duration.value.0.is_zero()) {
            let message = format!("`duration: {}` leaves no time", duration.value);
            bad(duration.span, message, "write a time above 0, such as `duration: 5m`");
        }
    }

    /// What holds, with defaults.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            steps: self.steps.as_ref().map_or(20, |steps| steps.value).min(MOST_STEPS),
            tool_calls: self.tool_calls.as_ref().map_or(50, |calls| calls.value).min(MOST_CALLS),
            tokens: self.tokens.as_ref().map(|tokens| tokens.value),
            cost_usd: self.cost_usd.as_ref().map(|cost| cost.value),
            duration: self.duration.as_ref().map(|duration| duration.value),
        }
    }
}

/// The limits that the file sets.
pub(super) fn facts(limits: Option<&Spanned<Limits>>) -> Agent {
    let usual = Limits::default();
    let limits = limits.map_or(&usual, |limits| &limits.value);
    Agent {
        usual_steps: limits.bounds().steps.into(),
        steps: limits.steps.as_ref().map(|steps| steps.value.into()),
        tool_calls: limits.tool_calls.as_ref().map(|calls| calls.value.into()),
        tokens: limits.tokens.as_ref().map(|tokens| tokens.value),
        cost_usd: limits.cost_usd.as_ref().map(|cost| cost.value),
        duration: limits.duration.as_ref().map(|duration| duration.value.0),
        ..Agent::default()
    }
}

/// What holds for one run of an agent.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) steps: u32,
    pub(super) tool_calls: u32,
    pub(super) tokens: Option<u64>,
    pub(super) cost_usd: Option<f64>,
    pub(super) duration: Option<DurationText>,
}

impl Bounds {
    /// The limit as the file has it: `limits.steps: 20`.
    pub(super) fn text(&self, name: &str) -> String {
        let value = match name {
            "steps" => Some(self.steps.to_string()),
            "tool_calls" => Some(self.tool_calls.to_string()),
            "tokens" => self.tokens.map(|tokens| tokens.to_string()),
            "cost_usd" => self.cost_usd.map(|cost| cost.to_string()),
            _ => self.duration.map(|duration| duration.to_string()),
        };
        value.map_or_else(|| format!("limits.{name}"), |value| format!("limits.{name}: {value}"))
    }

    /// Which of these limits kept a call from being made: the recorded failure names it.
    pub(super) fn named_by(&self, failure: &Failure) -> Option<&'static str> {
        let set = [false, false, self.tokens.is_some(), self.cost_usd.is_some(), self.duration.is_some()];
        let named = |name: &str| failure.message.contains(&format!("`{}`", self.text(name)));
        let mut names = NAMES.into_iter().zip(set).filter(|(_, set)| *set).map(|(name, _)| name);
        names.find(|name| failure.class == FailureClass::Limit && named(name))
    }
}
