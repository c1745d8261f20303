//! What a kind tells about a node that only lints and estimates need: where texts come from, what is done with them, what
//! bounds it. Filled by the kinds' checks, read by `check`.

use std::time::Duration;

use crate::{capability::tool::EffectClass, document::Waiver, source::Span, yaml::Text};

/// Where a text comes from that the app's author did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Whoever starts a run.
    Input,
    /// A document of a knowledge base.
    Retrieved,
    /// The other side of a tool.
    Tool,
    /// A model.
    Model,
    /// A person who was asked.
    Person,
}

/// What the texts of a node's output have to do with those of its inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// Each may hold any of them.
    #[default]
    Joined,
    /// They are the texts of the input with this name, after a look at them.
    Judged {
        /// The input.
        input: &'static str,
        /// Texts that give orders to a model do not pass.
        orders: bool,
        /// Texts that do not fit a schema do not pass.
        shape: bool,
    },
    /// Nothing: they come from elsewhere.
    Own,
}

/// An input that does something with texts which not every text may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The input.
    pub input: String,
    /// One field of it, or all.
    pub field: Option<String>,
    /// What it does.
    pub does: Does,
}

/// What an input does with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It is computed with.
    Logic,
    /// It is written somewhere outside.
    Writes,
    /// It is a statement of another language, such as SQL.
    States,
    /// It tells a model what to do that may write.
    Orders,
}

/// A model that a node asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Asks {
    /// Its name in the app.
    pub model: Text,
    /// Models that the node names to stand in for it, instead of those that the model names itself.
    pub fallback: Vec<Text>,
    /// Whether its answer is any text, and not checked against a schema.
    pub free: bool,
    /// Bound on the answer, in tokens, if the node sets one.
    pub max_tokens: Option<u32>,
}

/// What bounds a node that decides by itself what to do next, and what it may do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Where its limits are written, or its name.
    pub at: Option<Span>,
    /// Turns of its model.
    pub steps: Option<u64>,
    /// Turns of its model if the file does not say.
    pub usual_steps: u64,
    /// Calls of tools.
    pub tool_calls: Option<u64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// Money.
    pub cost_usd: Option<f64>,
    /// Time in all.
    pub duration: Option<Duration>,
    /// Tools that it may call without asking anybody.
    pub tools: Vec<Text>,
    /// Tools that it may call when a person has agreed.
    pub asks_first: Vec<Text>,
}

/// What a kind tells about a node for lints and estimates. A kind that tells nothing gives on what it is given.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who made the texts of its output, beside those of its inputs.
    pub origins: &'static [Origin],
    /// What becomes of its inputs' texts.
    pub texts: Texts,
    /// Fields of its output that hold no text of others: a time, a name.
    pub plain: &'static [&'static str],
    /// What its inputs do.
    pub sinks: Vec<Sink>,
    /// The model that it asks.
    pub asks: Option<Asks>,
    /// The tool that it calls.
    pub tool: Option<Text>,
    /// What bounds it, if it decides what to do next.
    pub agent: Option<Agent>,
    /// The input whose value chooses its way on.
    pub chooses: Option<&'static str>,
    /// For a gate that stops nothing by itself: the field of its output that says whether to go on.
    pub answer: Option<&'static str>,
}

/// What the document says of a node for lints and estimates, whatever its kind.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// What repeating what it does outside does.
    pub effect: Option<EffectClass>,
    /// Whether it keeps what comes after it from happening when somebody or something says no.
    pub gate: bool,
    /// Where its own `retry` is written.
    pub retry: Option<Span>,
    /// Findings about it that are accepted.
    pub waivers: Vec<Waiver>,
}
