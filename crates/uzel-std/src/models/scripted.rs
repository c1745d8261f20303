//! A model that answers from a list of rules: for tests of apps and of the engine. It neither waits nor guesses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use uzel_core::{
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Model, Price, Role, Sink, ToolCall},
    },
    duration::{self, DurationText},
    failure::{Failure, FailureClass},
};

use super::{Parts, endpoint::estimated};

/// How a scripted model answers some questions. The first rule whose conditions all hold is used.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Holds if the last message contains this text.
    #[serde(rename = "match")]
    pub contains: Option<String>,
    /// Holds if this regular expression is found in the last message.
    pub pattern: Option<String>,
    /// Holds for this node, wherever it runs: `classify`, or `notes[3].classify` for one instance.
    pub node: Option<String>,
    /// What it answers, in order: the first turn of a conversation (and its first try) gets the first, and the last
    /// one stays. Which one it is depends on the request alone, so parallel nodes cannot take each other's answers.
    pub sequence: Vec<Step>,
    /// The one answer, instead of `sequence`: a text, or data that becomes JSON text.
    pub reply: Option<Value>,
    /// The one failure, instead of `sequence`.
    pub fail: Option<Fail>,
}

/// One answer or failure of a rule.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// A text, or data that becomes JSON text.
    pub reply: Option<Value>,
    /// Tools to ask for, as name and arguments. A request in which no tool may be asked for gets the rest of the answer.
    pub tool_calls: Vec<Call>,
    /// A failure instead of an answer.
    pub fail: Option<Fail>,
    /// How long the answer takes. Nothing waits for it; a try whose timeout is shorter fails.
    pub delay: Option<DurationText>,
}

/// A tool that the model asks for.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Value,
}

/// A failure to give.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// What kind of failure.
    pub class: FailureClass,
    /// What it says.
    #[serde(default)]
    pub message: String,
    /// How long it asks to wait.
    #[serde(default)]
    pub retry_after: Option<DurationText>,
}

/// A question that a scripted model was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub request: ChatRequest,
    /// The try.
    pub attempt: Attempt,
}

/// The model.
pub struct Scripted {
    name: String,
    rules: Vec<(Rule, Option<Regex>)>,
    price: Price,
    asked: Mutex<VecDeque<Asked>>,
}

/// `use: scripted` with `responses: FILE`, a list of rules.
pub fn build(parts: &Parts<'_>) -> Result<Arc<dyn Model>, String> {
    let name = parts.name;
    let Some(path) = &parts.config.responses else {
        return Err(format!("model `{name}` is scripted and needs `responses: FILE`, a list of rules"));
    };
    let rules = (parts.read)(path).map_err(|error| format!("model `{name}`: {error}"))?;
    let rules = serde_json::from_value::<Vec<Rule>>(rules)
        .map_err(|error| format!("model `{name}`: `{path}` is not a list of rules: {error}"))?;
    let mut model = Scripted::new(rules).map_err(|error| format!("model `{name}`: `{path}`: {error}"))?;
    model.name.clone_from(&parts.config.use_);
    model.price = parts.config.price.unwrap_or_default();
    Ok(Arc::new(model))
}

impl Scripted {
    /// So many questions are kept for [`Scripted::asked`].
    const KEPT: usize = 1_000;

    /// A model with these rules; the error names the rule, counted from 1.
    pub fn new(rules: Vec<Rule>) -> Result<Self, String> {
        let mut read = vec![];
        for (index, rule) in rules.into_iter().enumerate() {
            let number = index + 1;
            let kinds = [rule.reply.is_some(), rule.fail.is_some(), !rule.sequence.is_empty()];
            if kinds.iter().filter(|is_there| **is_there).count() != 1 {
                return Err(format!("rule {number} must have one of `reply`, `fail` and `sequence`"));
            }
            let pattern = rule.pattern.as_deref().map(Regex::new).transpose();
            let pattern = pattern.map_err(|error| format!("the pattern of rule {number} cannot be read: {error}"))?;
            read.push((rule, pattern));
        }
        Ok(Self { name: "scripted".into(), rules: read, price: Price::default(), asked: Mutex::default() })
    }

    /// A model that always says the same.
    pub fn always(reply: impl Into<Value>) -> Self {
        let rule = Rule { reply: Some(reply.into()), ..Rule::default() };
        let rules = vec![(rule, None)];
        Self { name: "scripted".into(), rules, price: Price::default(), asked: Mutex::default() }
    }

    /// The last questions, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// How long the answer to this would take, and the answer. The same question always gets the same.
    pub fn answer(&self, request: &ChatRequest, attempt: &Attempt) -> (Duration, Result<ChatReply, Failure>) {
        let last = request.messages.last().map_or("", |message| &message.content);
        let fits = |(rule, pattern): &&(Rule, Option<Regex>)| {
            rule.contains.as_deref().is_none_or(|text| last.contains(text))
                && pattern.as_ref().is_none_or(|pattern| pattern.is_match(last))
                && rule.node.as_deref().is_none_or(|node| is_node(&attempt.tag, node))
        };
        let Some((rule, _)) = self.rules.iter().find(fits) else {
            let short: String = last.chars().take(80).collect();
            let what = format!("no rule of the scripted model fits `{}`, asked: {short}", attempt.tag);
            let failure = Failure::new(FailureClass::Invalid, what).because("add a rule without conditions at the end");
            return (Duration::ZERO, Err(failure));
        };
        let turns = request.messages.iter().filter(|message| message.role == Role::Assistant).count();
        let index = turns + attempt.number.saturating_sub(1) as usize;
        let whole = Step { reply: rule.reply.clone(), fail: rule.fail.clone(), ..Step::default() };
        let step = rule.sequence.get(index).or_else(|| rule.sequence.last()).unwrap_or(&whole);
        let delay = step.delay.map_or(Duration::ZERO, |text| text.0);
        if delay > attempt.timeout {
            let what = format!("`{}` did not finish its answer within {}", self.name, duration::print(attempt.timeout));
            return (attempt.timeout, Err(Failure::new(FailureClass::Timeout, what)));
        }
        (delay, self.result(request, step))
    }

    fn result(&self, request: &ChatRequest, step: &Step) -> Result<ChatReply, Failure> {
        if let Some(fail) = &step.fail {
            let message = if fail.message.is_empty() { "the script says so" } else { &fail.message };
            return Err(Failure::new(fail.class, message).retry_after(fail.retry_after.map(|text| text.0)));
        }
        let text = match &step.reply {
            None => String::new(),
            Some(Value::String(text)) if !wants_bare_text(request, text) => text.clone(),
            Some(value) => value.to_string(),
        };
        let call = |(index, call): (usize, &Call)| ToolCall {
            id: format!("call_{index}"),
            name: call.name.clone(),
            arguments: if call.arguments.is_null() { Value::Object(serde_json::Map::default()) } else { call.arguments.clone() },
        };
        let calls = if request.must_answer { &[][..] } else { &step.tool_calls };
        let tool_calls: Vec<ToolCall> = calls.iter().enumerate().map(call).collect();
        let finish = if tool_calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
        let usage = estimated(request, &text);
        Ok(ChatReply { text, tool_calls, model: self.name.clone(), usage, finish, sources: vec![] })
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn endpoint(&self) -> String {
        self.name.clone()
    }

    fn price(&self) -> Price {
        self.price
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        attempt: &'a Attempt,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        let (_, result) = self.answer(request, attempt);
        if let Ok(reply) = &result
            && request.stream
        {
            reply.text.split_inclusive(' ').for_each(|piece| sink.text(piece));
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push_back(Asked { request: request.clone(), attempt: attempt.clone() });
        while asked.len() > Self::KEPT {
            asked.pop_front();
        }
        Box::pin(std::future::ready(result))
    }
}

/// Whether a text stands for a JSON text: `yes` where the schema wants `"yes"`. Where it wants an object, a text is given
/// as it is, so that scripts can play a model that answers with something else.
fn wants_bare_text(request: &ChatRequest, text: &str) -> bool {
    let schema = request.schema.as_deref();
    schema.is_some_and(|schema| schema["type"] != "object") && serde_json::from_str::<Value>(text).is_err()
}

/// Whether the instance of a tag (`run/instance`) is this node or this very instance.
fn is_node(tag: &str, node: &str) -> bool {
    let instance = tag.split_once('/').map_or(tag, |(_, instance)| instance);
    let last = instance.rsplit('.').next().unwrap_or(instance);
    instance == node || last == node || last.split('[').next() == Some(node)
}

#[cfg(test)]
mod tests;
