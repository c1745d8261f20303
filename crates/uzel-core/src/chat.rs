//! Asking a chain of models as one effect: checks the answer against its schema and tells the model what was wrong.
//! Used by every kind that asks a model.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::{
    build::ModelChain,
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Message, Model, Role, Sink, Usage},
        tool::EffectClass,
    },
    failure::{Failure, FailureClass},
    node::{Call, Effect, LastViolation, Recorded, Spent, Tried, Until, Work},
    schema::Schema,
};

/// What is asked, and of whom.
pub struct Chat<'a> {
    /// The model and its fallbacks.
    pub chain: &'a ModelChain,
    /// The request.
    pub request: &'a ChatRequest,
    /// What the answer must fit.
    pub schema: Option<&'a Schema>,
    /// What bounds the question beside the run's own limits, if anything does.
    pub within: Option<Within<'a>>,
}

/// Limits of a node that asks several times: what is allowed in all, and what is used of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Within<'a> {
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// USD.
    pub cost_usd: Option<f64>,
    /// What was used before.
    pub used: Spent,
    /// When it must be over.
    pub until: Option<Until<'a>>,
}

impl Within<'_> {
    /// Whether a try that may use up so much more is within the limits.
    fn allows(&self, before: Spent, next: Spent) -> Result<(), Failure> {
        let mut used = self.used;
        used.add(before);
        if let Some(limit) = self.tokens.filter(|limit| used.tokens + next.tokens > *limit) {
            let Spent { tokens, .. } = next;
            let message =
                format!("the call may take {tokens} tokens, and {} of `limits.tokens: {limit}` are used", used.tokens);
            return Err(Failure::new(FailureClass::Limit, message).because(RESERVED));
        }
        if let Some(limit) = self.cost_usd.filter(|limit| used.cost_usd + next.cost_usd > *limit) {
            let Spent { cost_usd, .. } = next;
            let spent = used.cost_usd;
            let message =
                format!("the call may cost ${cost_usd:.4}, and ${spent:.4} of `limits.cost_usd: {limit}` is spent");
            return Err(Failure::new(FailureClass::Limit, message).because(RESERVED));
        }
        Ok(())
    }
}

/// An answer as it stands in the log: the reply, and its value when a schema was asked for. The question is not there:
/// a node that is called again asks the same.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Answered {
    /// What the model said.
    pub reply: ChatReply,
    /// The value that fits the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What all tries used up, where limits of the node bound them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

impl Chat<'_> {
    /// Asks under the effect name `name`.
    pub async fn ask(&self, call: &Call, name: &str) -> Result<Answered, Failure> {
        let effect = Effect {
            name,
            class: EffectClass::Read,
            endpoints: &self.chain.endpoints,
            reserve: self.reserve(),
            until: self.within.and_then(|within| within.until),
            doubt: None,
        };
        let work = Asking {
            chat: self,
            call,
            violation: LastViolation::default(),
            is_heard: AtomicBool::new(false),
            spent: Mutex::default(),
        };
        let Recorded { value, .. } = call.effect(effect, &work).await?;
        serde_json::from_value(Value::clone(&value))
            .map_err(|e| Failure::new(FailureClass::Bug, "a recorded answer cannot be read").because(e))
    }

    /// An upper bound of what one try takes, at the dearest model of the chain.
    fn reserve(&self) -> Spent {
        let usage = most(self.request);
        let links = self.chain.links.iter().map(|model| spent(&**model, usage));
        links.reduce(|a, b| Spent { cost_usd: a.cost_usd.max(b.cost_usd), ..a }).unwrap_or_default()
    }
}

/// Tokens that are reserved for an answer which nothing bounds.
const ANSWER: u32 = 4_096;
/// Why a call is refused although there is something left.
pub const RESERVED: &str =
    "before a call its question and `max_tokens` of answer are reserved, or 4096 without `max_tokens`";

/// An upper bound of what one try takes: four bytes are taken for a token.
fn most(request: &ChatRequest) -> Usage {
    let calls = |message: &Message| -> usize {
        message.tool_calls.iter().map(|call| call.name.len() + call.arguments.to_string().len()).sum()
    };
    let said: usize = request.messages.iter().map(|message| message.content.len() + calls(message)).sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len())
        .sum();
    Usage {
        input_tokens: (said + tools) as u64 / 4 + 1,
        output_tokens: u64::from(request.max_tokens.unwrap_or(ANSWER)),
    }
}

fn spent(model: &dyn Model, usage: Usage) -> Spent {
    Spent { tokens: usage.input_tokens + usage.output_tokens, cost_usd: model.price().cost(usage) }
}

struct Asking<'a> {
    chat: &'a Chat<'a>,
    call: &'a Call,
    violation: LastViolation,
    /// Whether text was sent on in this try.
    is_heard: AtomicBool,
    /// What the tries so far used up.
    spent: Mutex<Spent>,
}

impl Sink for Asking<'_> {
    fn text(&self, piece: &str) {
        self.is_heard.store(true, Ordering::Relaxed);
        self.call.emit(piece);
    }
}

/// Takes back what was heard of a try, unless the try came to something. A try that is dropped (a timeout, a cancel)
/// came to nothing.
struct Heard<'a>(&'a Asking<'a>);

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        if self.0.is_heard.swap(false, Ordering::Relaxed) {
            self.0.call.void();
        }
    }
}

impl Work for Asking<'_> {
    fn attempt<'a>(&'a self, endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move {
            let Some(model) = self.chat.chain.links.get(endpoint) else {
                return Err(Failure::new(FailureClass::Bug, "an endpoint without a model")).into();
            };
            let mut request = self.chat.request.clone();
            if let Some((answer, violation)) = self.violation.get() {
                request.messages.push(Message::new(Role::Assistant, answer));
                let again =
                    format!("That answer does not fit: {violation}. Answer again with JSON that fits the schema.");
                request.messages.push(Message::new(Role::User, again));
            }
            if let Some(within) = &self.chat.within
                && let Err(failure) = within.allows(self.spent(), spent(&**model, most(&request)))
            {
                return Err(failure).into();
            }
            let heard = Heard(self);
            let tried = match model.chat(&request, attempt, self).await {
                Err(failure) => Err(failure).into(),
                Ok(reply) => {
                    let (usage, name) = (reply.usage, reply.model.clone());
                    let Spent { cost_usd, .. } = self.spend(spent(&**model, usage));
                    let result = self.checked(reply).and_then(|answered| {
                        serde_json::to_value(answered)
                            .map_err(|e| Failure::new(FailureClass::Bug, "an answer that is not JSON").because(e))
                    });
                    Tried { result, model: Some(name), usage, cost_usd }
                }
            };
            if tried.result.is_ok() {
                self.is_heard.store(false, Ordering::Relaxed);
            }
            drop(heard);
            tried
        })
    }
}

impl Asking<'_> {
    fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spend(&self, more: Spent) -> Spent {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).add(more);
        more
    }

    fn checked(&self, mut reply: ChatReply) -> Result<Answered, Failure> {
        if self.chat.request.must_answer {
            reply.tool_calls.clear();
        }
        let spent = self.chat.within.map(|_| self.spent());
        if reply.finish == Finish::ContentFilter {
            return Err(Failure::new(FailureClass::Refused, format!("`{}` withheld its answer", reply.model)));
        }
        let Some(schema) = self.chat.schema.filter(|_| reply.tool_calls.is_empty()) else {
            return Ok(Answered { reply, value: None, spent });
        };
        match fit(schema, &reply.text) {
            Ok(value) => Ok(Answered { reply, value: Some(value), spent }),
            Err(violation) => {
                let message = format!("the answer of `{}` does not fit the schema: {violation}", reply.model);
                self.violation.set(reply.text, violation);
                Err(Failure::new(FailureClass::Schema, message))
            }
        }
    }
}

/// The value in a model's text that fits the schema. Models like to put JSON into a fence or a sentence.
fn fit(schema: &Schema, text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    let inner = match (trimmed.find('{'), trimmed.rfind('}')) {
        (Some(start), Some(end)) if start < end => trimmed.get(start..=end).unwrap_or(trimmed),
        _ => trimmed,
    };
    let parsed = serde_json::from_str(trimmed).or_else(|_| serde_json::from_str(inner));
    let mut value: Value = parsed.map_err(|e| format!("it is not JSON ({e})"))?;
    schema.fill_defaults(&mut value);
    schema
        .check(&value)
        .map_err(|violations| violations.iter().take(5).map(|v| v.message.clone()).collect::<Vec<_>>().join("; "))?;
    Ok(value)
}
