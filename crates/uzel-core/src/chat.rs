//! Asking a chain of models as one effect: checks the answer against its schema and tells the model what was wrong.
//! Used by every kind that asks a model.

use serde_json::Value;

use crate::{
    build::ModelChain,
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Message, Role, Sink, Usage},
        tool::EffectClass,
    },
    failure::{Failure, FailureClass},
    node::{Call, Effect, LastViolation, Recorded, Tried, Work},
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
}

/// An answer as it stands in the log: the reply, and its value when a schema was asked for.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Answered {
    /// What the model said.
    pub reply: ChatReply,
    /// The value that fits the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl Chat<'_> {
    /// Asks under the effect name `name`.
    pub async fn ask(&self, call: &Call, name: &str) -> Result<Answered, Failure> {
        let effect = Effect {
            name,
            class: EffectClass::Read,
            endpoints: &self.chain.endpoints,
            reserve_usd: self.most_expensive(),
        };
        let work = Asking { chat: self, call, violation: LastViolation::default() };
        let Recorded { value, .. } = call.effect(effect, &work).await?;
        serde_json::from_value(Value::clone(&value))
            .map_err(|e| Failure::new(FailureClass::Bug, "a recorded answer cannot be read").because(e))
    }

    /// An upper bound of one try's cost at the dearest model of the chain: four bytes are taken for a token, and an answer
    /// of 4,096 tokens if unbounded.
    fn most_expensive(&self) -> f64 {
        let bytes: usize = self.request.messages.iter().map(|message| message.content.len()).sum();
        let usage = Usage {
            input_tokens: bytes as u64 / 4 + 1,
            output_tokens: u64::from(self.request.max_tokens.unwrap_or(4_096)),
        };
        self.chain.links.iter().map(|model| model.price().cost(usage)).fold(0.0, f64::max)
    }
}

struct Asking<'a> {
    chat: &'a Chat<'a>,
    call: &'a Call,
    violation: LastViolation,
}

impl Sink for Asking<'_> {
    fn text(&self, piece: &str) {
        self.call.emit(piece);
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
            match model.chat(&request, attempt, self).await {
                Err(failure) => Err(failure).into(),
                Ok(reply) => {
                    let (usage, name) = (reply.usage, reply.model.clone());
                    let cost_usd = model.price().cost(usage);
                    let result = self.checked(reply).and_then(|answered| {
                        serde_json::to_value(answered)
                            .map_err(|e| Failure::new(FailureClass::Bug, "an answer that is not JSON").because(e))
                    });
                    Tried { result, model: Some(name), usage, cost_usd }
                }
            }
        })
    }
}

impl Asking<'_> {
    fn checked(&self, reply: ChatReply) -> Result<Answered, Failure> {
        if reply.finish == Finish::ContentFilter {
            return Err(Failure::new(FailureClass::Refused, format!("`{}` withheld its answer", reply.model)));
        }
        let Some(schema) = self.chat.schema.filter(|_| reply.tool_calls.is_empty()) else {
            return Ok(Answered { reply, value: None });
        };
        match fit(schema, &reply.text) {
            Ok(value) => Ok(Answered { reply, value: Some(value) }),
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
