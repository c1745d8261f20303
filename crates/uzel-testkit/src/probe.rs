//! A kind of node whose effects a test scripts and counts: `kind: probe`. Also `kind: timer`, which waits for a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::{Attempt, BoxFuture, model::Usage, tool::EffectClass},
    check::Check,
    diagnostic::Diagnostic,
    duration::DurationText,
    event::{Resolution, Wait},
    failure::{Failure, FailureClass},
    graph::Ports,
    kind::{Kind, KindExample},
    node::{Call, Effect, Endpoint, Function, Node, Outcome, Recorded, Spent, Tried, Work},
    schema::Type,
    yaml::Tree,
};

/// Name under which a [`Ledger`] is registered with an app.
pub const LEDGER: &str = "ledger";

/// One try of an effect, as the outside world saw it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Done {
    /// `run/instance`.
    pub tag: String,
    /// Name of the effect in the instance.
    pub effect: String,
    /// Idempotency key.
    pub key: String,
    /// Number of the try, from 1.
    pub attempt: u32,
    /// What the node was given.
    pub with: Value,
}

impl Done {
    /// The node.
    pub fn node(&self) -> &str {
        self.tag.split_once('/').map_or("", |(_, node)| node)
    }

    /// `node/effect`, as the log names it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.node(), self.effect)
    }
}

/// What a script says about a try.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This value, after this time.
    Value(Value, Duration),
    /// This failure, after this time.
    Fail(Failure, Duration),
    /// Nothing, ever.
    Hang,
    /// A bug in the node.
    Panic,
}

type Script = dyn Fn(&Done) -> Reply + Send + Sync;
type Sleep = dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync;

/// Everything that was done to the outside world, and what it answers.
pub struct Ledger {
    done: Mutex<Vec<Done>>,
    script: Box<Script>,
    sleep: Box<Sleep>,
}

impl Ledger {
    /// A ledger that answers by a script; `sleep` makes it slow.
    pub fn new(
        sleep: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static,
        script: impl Fn(&Done) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { done: Mutex::default(), script: Box::new(script), sleep: Box::new(sleep) })
    }

    /// Every try so far.
    pub fn done(&self) -> Vec<Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tries by `node/effect`.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for done in self.done() {
            *counts.entry(done.name()).or_default() += 1;
        }
        counts
    }

    /// The ledger as the function that probes call.
    pub fn function(self: &Arc<Self>) -> Arc<Function> {
        let ledger = Arc::clone(self);
        Arc::new(move |argument| {
            let ledger = Arc::clone(&ledger);
            Box::pin(async move { ledger.take(argument).await })
        })
    }

    async fn take(&self, argument: Value) -> Result<Value, Failure> {
        let done: Done = serde_json::from_value(argument).expect("a probe sends what a ledger reads");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(done.clone());
        match (self.script)(&done) {
            Reply::Value(value, time) => {
                (self.sleep)(time).await;
                Ok(value)
            }
            Reply::Fail(failure, time) => {
                (self.sleep)(time).await;
                Err(failure)
            }
            Reply::Hang => std::future::pending().await,
            Reply::Panic => panic!("the script says so"),
        }
    }
}

/// The kind `probe`.
pub struct Probe;

/// Does effects that a test scripts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What repeating an effect does.
    class: Option<EffectClass>,
    /// Handed to the script.
    with: Option<Tree>,
    /// How many effects, one after the other; the node's value is that of the last.
    effects: Option<u32>,
    /// Reserved before each effect, in USD.
    reserve_usd: Option<f64>,
    /// Tokens that each try uses up.
    tokens: Option<u64>,
    /// Tokens reserved before each effect: as many, unless this says otherwise.
    reserve_tokens: Option<u64>,
    /// What each try costs, in USD.
    cost_usd: Option<f64>,
    /// Whether it panics before it has done anything.
    panics: Option<bool>,
}

impl Kind for Probe {
    const NAME: &'static str = "probe";
    const SUMMARY: &'static str = "does what a test says";
    const EXAMPLES: &'static [KindExample] = &[];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        if let Some(with) = &config.with {
            cx.binding("with", with, None);
        }
        Ports::of(Type::Any)
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let at = config.with.as_ref().map_or_else(|| cx.graph.nodes[0].at, |with| with.span);
        let endpoint = Endpoint { id: LEDGER.to_owned(), timeout: Duration::from_secs(30), brown_out: false };
        Ok(Arc::new(Prober { ledger: cx.function(LEDGER, at)?, config, endpoint }))
    }
}

struct Prober {
    ledger: Arc<Function>,
    config: Config,
    endpoint: Endpoint,
}

impl Node for Prober {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        assert!(self.config.panics != Some(true), "the node says so");
        Box::pin(async move {
            let mut last: Option<Recorded> = None;
            for number in 1..=self.config.effects.unwrap_or(1) {
                let name = format!("effect{number}");
                let effect = Effect {
                    name: &name,
                    class: self.config.class.unwrap_or(EffectClass::Read),
                    endpoints: std::slice::from_ref(&self.endpoint),
                    reserve: Spent {
                        cost_usd: self.config.reserve_usd.unwrap_or(0.0),
                        tokens: self.config.reserve_tokens.or(self.config.tokens).unwrap_or(0),
                    },
                    until: None,
                    doubt: None,
                };
                let with = input.get("with").cloned().unwrap_or(Value::Null);
                last = Some(call.effect(effect, &Trying { prober: self, name: &name, with }).await?);
            }
            last.map(Recorded::into_outcome).ok_or_else(|| Failure::new(FailureClass::Bug, "a probe without effects"))
        })
    }
}

struct Trying<'p> {
    prober: &'p Prober,
    name: &'p str,
    with: Value,
}

impl Work for Trying<'_> {
    fn attempt<'a>(&'a self, _endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move {
            let result = (self.prober.ledger)(json!({
                "tag": attempt.tag, "effect": self.name, "key": attempt.key, "attempt": attempt.number, "with": self.with,
            }))
            .await;
            let cost_usd = self.prober.config.cost_usd.unwrap_or(0.0);
            let tokens = self.prober.config.tokens.unwrap_or(4);
            Tried { result, model: None, usage: Usage { input_tokens: tokens - 1, output_tokens: 1 }, cost_usd }
        })
    }
}

/// The kind `timer`.
pub struct Timer;

/// Waits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimerConfig {
    /// How long.
    r#for: DurationText,
    /// Only makes the node depend on another.
    after: Option<Tree>,
}

impl Kind for Timer {
    const NAME: &'static str = "timer";
    const SUMMARY: &'static str = "waits for a time";
    const EXAMPLES: &'static [KindExample] = &[];
    type Config = TimerConfig;

    fn check(config: &TimerConfig, cx: &mut Check<'_>) -> Ports {
        if let Some(after) = &config.after {
            cx.binding("after", after, None);
        }
        Ports::of(Type::Any)
    }

    fn build(config: TimerConfig, _cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        Ok(Arc::new(Ticking(config.r#for.0)))
    }
}

struct Ticking(Duration);

impl Node for Ticking {
    fn call<'a>(&'a self, _input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        let outcome = match &call.resolution {
            None => Ok(Outcome::Wait(Wait::Until(call.now.plus(self.0)))),
            Some(Resolution::Due(_)) => Ok(Outcome::value(json!("rang"))),
            Some(other) => Err(Failure::new(FailureClass::Bug, format!("a timer was resolved by {other:?}"))),
        };
        Box::pin(std::future::ready(outcome))
    }
}
