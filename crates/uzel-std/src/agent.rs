//! `agent`: a model that calls tools in a loop until it answers. Bounded; each model call and each tool call is an effect of
//! its own, so that a crash in the middle repeats nothing that has a result.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::{Build, ModelChain},
    capability::{
        BoxFuture,
        model::{ChatRequest, Message, Role},
        tool::EffectClass,
    },
    chat::{Answered, Chat, Within},
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    event::Time,
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Agent as AgentFacts, Asks, Does, Facts, Origin, Sink},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome, Until},
    schema::{Field, Schema, Type},
    yaml::{Spanned, Text, Tree},
};

use crate::{llm::question, local};

mod approval;
mod calls;
mod limits;
mod talk;
mod tools;

use approval::Decisions;
use limits::{Bounds, Limits, OnLimit};
use talk::Talk;
use tools::Toolbox;

/// The kind.
pub struct Agent;

/// Lets a model call tools until it answers. The output has the fields of `output`, or `text` and `model` without it, and
/// `steps`: the tool calls in order, each with `step` (which turn of the model), `call`, `tool`, `arguments`, `result` or
/// `error`, and `by` (who approved or rejected it). With `on_limit: answer` it has `limit` too: the limit that was
/// reached, or null.
///
/// Arguments are checked against the tool's parameters; what does not fit is told to the model, and so is a read that
/// fails. A write that fails so that nobody knows whether it was done ends the agent. Calls of one turn that only read
/// run at the same time, others one after the other. Of each result the model sees the first 16,000 bytes. A dry
/// run leaves tools that write out, and tells the model so.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which of `models`.
    #[schemars(extend("x-names" = "models"))]
    pub model: Text,
    /// Models to ask when that one cannot answer, in order, instead of those that it names itself.
    #[serde(default)]
    #[schemars(extend("x-names" = "models"))]
    pub fallback: Vec<Text>,
    /// The task: a template with `{{ }}`, or the name of a file that holds one.
    pub prompt: Option<Text>,
    /// What stands before everything: who the model is and what it must obey. A template or a file.
    pub system: Option<Text>,
    /// A whole conversation instead of `prompt`: a list of `{ role, content }`.
    pub messages: Option<Tree>,
    /// Tools that the model may call, and no others: names from `tools`, or operations of a connection such as
    /// `shop.query`. It is told their descriptions and parameters.
    #[schemars(extend("x-names" = "tools"))]
    pub tools: Spanned<Vec<Text>>,
    /// Those of `tools` that a person is asked about before each call. The person approves the call, perhaps with other
    /// arguments, or rejects it with a note; the model is told.
    #[serde(default)]
    #[schemars(extend("x-names" = "tools"))]
    pub approve: Vec<Text>,
    /// Fields of the final answer: a map of names to types. The answer is checked, and the model is told what was
    /// wrong when it is asked again.
    pub output: Option<Tree>,
    /// Hard limits of one run of this node.
    pub limits: Option<Spanned<Limits>>,
    /// What reaching a limit does. Default: `fail`.
    #[serde(default)]
    pub on_limit: OnLimit,
    /// 0 to 2; the model's own if not set.
    pub temperature: Option<Spanned<f64>>,
    /// Bound on each answer of the model, in tokens. So much is reserved of the limits before each call; 4,096 if not
    /// set.
    pub max_tokens: Option<u32>,
    /// Whether the model's text is passed on as it comes.
    #[serde(default)]
    pub stream: bool,
}

impl Kind for Agent {
    const NAME: &'static str = "agent";
    const SUMMARY: &'static str = "lets a model call tools until it answers";
    const EXAMPLES: &'static [KindExample] = &[
        KindExample { title: "Answers from a database", app: include_str!("agent/example-read.yaml") },
        KindExample { title: "A person approves each refund", app: include_str!("agent/example-approve.yaml") },
    ];
    const TAKES: &'static [&'static str] = &["limits"];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        let Config { system, prompt, messages, model, .. } = config;
        question::check_models(model, &config.fallback, cx);
        question::check(Self::NAME, system.as_ref(), prompt.as_ref(), messages.as_ref(), model.span, cx);
        question::check_temperature(config.temperature.as_ref(), cx);
        check_tools(config, cx);
        if let Some(limits) = &config.limits {
            limits.value.check(cx);
        }
        let schema = config.output.as_ref().and_then(|output| Schema::read_fields(output, cx.out));
        check_fields(config, cx);
        let ty = match (schema, &config.output) {
            (Some(schema), _) => schema.ty,
            (None, Some(_)) => Type::Any,
            (None, None) => Type::object([("text", Type::String), ("model", Type::String)]),
        };
        let (facts, effect) = facts(config, cx);
        Ports { effect, facts, ..Ports::of(with_steps(ty, config.on_limit)) }
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let mut out = Diagnostics::default();
        Ok(Arc::new(Looper {
            chain: cx.model(&config.model, &config.fallback)?,
            tools: Toolbox::build(&config, cx)?,
            schema: config.output.as_ref().and_then(|output| Schema::read_fields(output, &mut out)),
            bounds: config.limits.map(|limits| limits.value).unwrap_or_default().bounds(),
            on_limit: config.on_limit,
            temperature: config.temperature.map(|temperature| temperature.value),
            max_tokens: config.max_tokens,
            stream: config.stream,
        }))
    }
}

fn check_tools(config: &Config, cx: &mut Check<'_>) {
    let tools = &config.tools;
    if tools.value.is_empty() {
        let message = "an agent without tools has nothing to do";
        let help = "list the tools that it may call, or write `kind: llm`";
        cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, tools.span, message).help(help));
    }
    let mut names: Vec<&str> = vec![];
    for tool in &tools.value {
        cx.known("tools", tool, |declared| &declared.tools);
        if names.contains(&tool.as_str()) {
            let message = format!("the tool `{}` is listed twice", tool.as_str());
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, tool.span, message).help("remove one of them"));
        } else {
            names.push(tool.as_str());
        }
    }
    for tool in config.approve.iter().filter(|tool| !names.contains(&tool.as_str())) {
        let help = did_you_mean(tool.as_str(), names.iter().copied())
            .unwrap_or_else(|| format!("the agent's tools are {}", names.join(", ")));
        let message = format!("`{}` is not one of the agent's tools", tool.as_str());
        cx.report(Diagnostic::new(Code::UNKNOWN_VALUE, tool.span, message).help(help));
    }
}

/// What lints need to know, and what repeating a write that nobody is asked about does.
fn facts(config: &Config, cx: &Check<'_>) -> (Facts, Option<EffectClass>) {
    let is_asked = |name: &Text| config.approve.iter().any(|asked| asked.as_str() == name.as_str());
    let (asks_first, tools): (Vec<Text>, Vec<Text>) = config.tools.value.iter().cloned().partition(is_asked);
    let class = |name: &Text| cx.declared.tools.get(name.as_str()).map(|tool| tool.ports.class);
    let effect = tools.iter().filter_map(class).find(|class| class.is_write());
    // What reaches a model that may write tells it what to write.
    let inputs = cx.inputs().filter(|_| effect.is_some());
    let sinks = inputs.map(|input| Sink { input: input.to_owned(), field: None, does: Does::Orders }).collect();
    let limits = config.limits.as_ref();
    let agent = AgentFacts { tools, asks_first, at: limits.map(|limits| limits.span), ..limits::facts(limits) };
    let facts = Facts {
        // What its tools gave is among its steps, and in what it says.
        origins: &[Origin::Model, Origin::Tool],
        sinks,
        asks: Some(Asks {
            fallback: config.fallback.clone(),
            model: config.model.clone(),
            free: config.output.is_none(),
            max_tokens: config.max_tokens,
        }),
        agent: Some(agent),
        plain: if config.output.is_none() { &["model", "limit"] } else { &[] },
        ..Facts::default()
    };
    (facts, effect)
}

/// Fields that the kind gives itself.
fn check_fields(config: &Config, cx: &mut Check<'_>) {
    for name in ["steps", "limit"] {
        if let Some(entry) = config.output.as_ref().and_then(|output| output.entry(name)) {
            let message = format!("the agent gives `{name}` itself");
            let help = format!("give the answer's field another name, such as `{name}_found`");
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, entry.key.span, message).help(help));
        }
    }
}

/// What an agent gives beside its answer.
fn with_steps(ty: Type, on_limit: OnLimit) -> Type {
    let Type::Object(mut object) = ty else { return ty };
    let step = Type::object([
        ("step", Type::Integer),
        ("call", Type::Integer),
        ("tool", Type::String),
        ("arguments", Type::Any),
        ("result", Type::Any),
        ("error", Type::String.or_null()),
        ("by", Type::String.or_null()),
    ]);
    let fields = &mut Arc::make_mut(&mut object).fields;
    fields.insert("steps".to_owned(), Field::required(Type::list(step)));
    if on_limit == OnLimit::Answer {
        fields.insert("limit".to_owned(), Field::required(Type::texts(limits::NAMES).or_null()));
    }
    Type::Object(object)
}

/// The built node.
struct Looper {
    chain: Arc<ModelChain>,
    tools: Toolbox,
    schema: Option<Schema>,
    bounds: Bounds,
    on_limit: OnLimit,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    stream: bool,
}

impl Node for Looper {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(self.work(input, call))
    }
}

/// What a turn of the model came to.
enum Turn {
    /// All its calls have a result.
    Done,
    /// A person must be asked first.
    Waits(Outcome),
    /// It asks for more than this limit allows.
    Reached(&'static str),
}

impl Looper {
    /// The loop. After a crash or a wait it is gone through again: everything that it decides by is the input or the
    /// recorded result of an effect, so it comes to where it was.
    async fn work(&self, input: Arc<Value>, call: &Call) -> Result<Outcome, Failure> {
        let mut talk = Talk::new(question::messages(&input)?);
        let mut decisions = Decisions::of(call);
        let limit = self.bounds.text("duration");
        let until = self.until(call).await?.map(|at| Until { at, limit: &limit });
        loop {
            if talk.turns == self.bounds.steps {
                return self.stop(call, talk, "steps", None).await;
            }
            talk.turns += 1;
            let Bounds { tokens, cost_usd, .. } = self.bounds;
            let within = Within { tokens, cost_usd, used: talk.used, until };
            let answered = match self.ask(call, &talk, &format!("chat#{}", talk.turns), Some(within)).await {
                Ok(answered) => answered,
                Err(failure) => match self.bounds.named_by(&failure) {
                    Some(limit) => return self.stop(call, talk, limit, Some(failure)).await,
                    None => return Err(failure),
                },
            };
            talk.used.add(answered.spent.unwrap_or_default());
            if answered.reply.tool_calls.is_empty() {
                return Ok(Outcome::value(self.output(answered, talk, None)));
            }
            let wanted = talk.take(answered.reply);
            if talk.turns == self.bounds.steps && self.on_limit == OnLimit::Fail {
                // What these calls would give could not be used any more.
                return self.stop(call, talk, "steps", None).await;
            }
            match self.turn(call, &mut talk, wanted, &mut decisions, until).await? {
                Turn::Done => {}
                Turn::Waits(outcome) => return Ok(outcome),
                Turn::Reached(limit) => return self.stop(call, talk, limit, None).await,
            }
        }
    }

    /// When the agent must be over: counted from its beginning, which is on record.
    async fn until(&self, call: &Call) -> Result<Option<Time>, Failure> {
        let Some(duration) = self.bounds.duration else { return Ok(None) };
        let began = local::note(call, "start", |_| json!(call.now)).await?;
        Ok(began.as_i64().map(|began| Time(began).plus(duration.0)))
    }

    /// One question to the model; without `within` it is the last one, to which no tool calls come back.
    async fn ask(
        &self,
        call: &Call,
        talk: &Talk,
        name: &str,
        within: Option<Within<'_>>,
    ) -> Result<Answered, Failure> {
        let request = ChatRequest {
            messages: talk.messages.clone(),
            schema: self.schema.as_ref().map(|schema| Arc::clone(schema.json())),
            schema_name: "answer".to_owned(),
            tools: self.tools.specs(),
            must_answer: within.is_none(),
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            stream: self.stream,
            ..ChatRequest::default()
        };
        let chat = Chat { chain: &self.chain, request: &request, schema: self.schema.as_ref(), within };
        chat.ask(call, name).await
    }

    /// The end at a limit: a failure that names it, or one last question without tools.
    async fn stop(
        &self,
        call: &Call,
        mut talk: Talk,
        limit: &'static str,
        why: Option<Failure>,
    ) -> Result<Outcome, Failure> {
        let text = self.bounds.text(limit);
        let mut failure = Failure::new(FailureClass::Limit, format!("the agent reached `{text}`"));
        failure.causes.extend(why.into_iter().flat_map(|why| [vec![why.message], why.causes].concat()));
        let failure = failure.because(talk.progress());
        if self.on_limit == OnLimit::Fail {
            return Err(failure);
        }
        talk.close(&format!("not called: the agent reached `{text}`"));
        let last = "No more tools can be called. Give your final answer now, from what you have.";
        talk.messages.push(Message::new(Role::User, last));
        let answered = self.ask(call, &talk, "answer", None).await.map_err(|last| last.because(&failure))?;
        if answered.value.is_none() && answered.reply.text.trim().is_empty() {
            return Err(failure.because("asked for a final answer, the model gave none"));
        }
        Ok(Outcome::value(self.output(answered, talk, Some(limit))))
    }

    fn output(&self, answered: Answered, talk: Talk, limit: Option<&str>) -> Value {
        let Answered { reply, value, .. } = answered;
        let mut value = value.unwrap_or_else(|| json!({ "text": reply.text, "model": reply.model }));
        if let Value::Object(fields) = &mut value {
            fields.insert("steps".to_owned(), talk.steps.into());
            if self.on_limit == OnLimit::Answer {
                fields.insert("limit".to_owned(), limit.into());
            }
        }
        value
    }
}
