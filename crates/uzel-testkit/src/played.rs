//! A model and a sort of tool that a test's script plays, through the ledger: `use: played` under `models` and `tools`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::{
        Attempt, BoxFuture,
        model::{ChatReply, ChatRequest, Finish, Model, Price, Sink, ToolCall, Usage},
        tool::{EffectClass, Tool},
    },
    check::Check,
    diagnostic::Diagnostic,
    failure::Failure,
    hash,
    kind::{ModelDef, ModelPorts, ToolDef, ToolPorts},
    node::Function,
    reconcile::Reconcile,
    schema::{Schema, Type},
    yaml::{self, Tree},
};

use crate::probe::LEDGER;

/// A model: the script gives a text, or `{ text, tool_calls }`. It sees `{ last, told, tools, must_answer }`: the last
/// message and the results of tools. Each reply took 10 tokens to read and 5 to write. `price` may be set.
pub const MODEL: ModelDef = ModelDef {
    name: "played",
    summary: "answers as a test says",
    remote: false,
    schema: || schemars::json_schema!({ "type": "object" }),
    check: |_, _| Some(ModelPorts::default()),
    build: build_model,
};

/// A tool: the script gives its result, and sees its arguments.
pub const TOOL: ToolDef = ToolDef {
    name: "played",
    summary: "does what a test says",
    remote: false,
    statements: &[],
    schema: || schemars::json_schema!({ "type": "object" }),
    check: check_tool,
    build: |tree, cx| Ok(Arc::new(Player { ledger: cx.function(LEDGER, tree.span)?, price: Price::default() })),
};

struct Player {
    ledger: Arc<Function>,
    price: Price,
}

fn build_model(tree: &Tree, cx: &mut Build<'_>) -> Result<Arc<dyn Model>, Diagnostic> {
    let price = tree.get("price").map(Tree::to_json).unwrap_or_default();
    let price = serde_json::from_value(price).unwrap_or_default();
    Ok(Arc::new(Player { ledger: cx.function(LEDGER, tree.span)?, price }))
}

fn check_tool(tree: &Tree, cx: &mut Check<'_>) -> Option<ToolPorts> {
    let params = tree.get("params").and_then(|params| Schema::read_fields(params, cx.out));
    let class = match tree.get("effect").and_then(Tree::as_str) {
        Some("idempotent") => EffectClass::Idempotent,
        Some("keyed") => EffectClass::Keyed,
        Some("once") => EffectClass::Once,
        _ => EffectClass::Read,
    };
    let reconcile = tree.get("reconcile").and_then(|tree| yaml::from_tree::<Reconcile>(tree, cx.out));
    let reconcile = reconcile.and_then(|reconcile| reconcile.parse(cx.out));
    Some(ToolPorts {
        params: params.unwrap_or_else(|| Schema::of(Type::object(std::iter::empty()))),
        output: Type::Any,
        class,
        timeout: None,
        description: tree.get("description").and_then(Tree::as_str).unwrap_or_default().to_owned(),
        reconcile,
    })
}

impl Player {
    async fn play(&self, attempt: &Attempt, with: Value) -> Result<Value, Failure> {
        (self.ledger)(json!({
            "tag": attempt.tag, "effect": name_of(attempt), "key": attempt.key, "attempt": attempt.number, "with": with,
        }))
        .await
    }
}

/// Names of effects by their keys, for one instance.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, String>,
    /// Numbers up to this one are among them.
    numbers: usize,
}

impl Names {
    fn add(&mut self, tag: &str, name: String) {
        let (run, instance) = tag.split_once('/').unwrap_or_default();
        self.known.insert(hash::effect_key(run, &format!("{instance}/{name}")), name);
    }
}

/// The effect's name, which models and tools are not told: found by its key.
fn name_of(attempt: &Attempt) -> String {
    const TOOLS: [&str; 6] = ["find", "list", "pay", "mail", "shop.query", "set"];
    static KNOWN: Mutex<BTreeMap<String, Names>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let names = known.entry(attempt.tag.clone()).or_default();
    loop {
        if let Some(name) = names.known.get(&attempt.key) {
            return name.clone();
        }
        assert!(names.numbers < 1_000, "an effect of a name that is not known here: {attempt:?}");
        if names.numbers == 0 {
            for name in ["chat", "tool", "answer"] {
                names.add(&attempt.tag, name.to_owned());
            }
        }
        names.numbers += 1;
        let number = names.numbers;
        for tool in TOOLS {
            names.add(&attempt.tag, format!("tool:{tool}#{number}"));
        }
        names.add(&attempt.tag, format!("chat#{number}"));
    }
}

impl Tool for Player {
    fn endpoint(&self) -> String {
        "played tool".to_owned()
    }

    fn call<'a>(&'a self, arguments: &'a Value, attempt: &'a Attempt) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(self.play(attempt, arguments.clone()))
    }
}

impl Model for Player {
    fn name(&self) -> &'static str {
        "played"
    }

    fn endpoint(&self) -> String {
        "played model".to_owned()
    }

    fn price(&self) -> Price {
        self.price
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        attempt: &'a Attempt,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        let tools: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
        let last = request.messages.last().map(|message| message.content.as_str());
        let told: Vec<&str> = request
            .messages
            .iter()
            .filter(|message| message.tool_call_id.is_some())
            .map(|message| message.content.as_str())
            .collect();
        let with = json!({ "last": last, "told": told, "tools": tools, "must_answer": request.must_answer });
        Box::pin(async move { Ok(reply(&self.play(attempt, with).await?)) })
    }
}

fn reply(said: &Value) -> ChatReply {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (words, calls) = match said.get("tool_calls").and_then(Value::as_array) {
        Some(calls) => (said.get("text").map(text).unwrap_or_default(), calls.as_slice()),
        None => (text(said), &[][..]),
    };
    let field = |call: &Value, name: &str| call.get(name).cloned().unwrap_or_default();
    let call = |call: &Value| ToolCall {
        id: text(&field(call, "id")),
        name: text(&field(call, "name")),
        arguments: field(call, "arguments"),
    };
    let tool_calls: Vec<ToolCall> = calls.iter().map(call).collect();
    let finish = if tool_calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    let usage = Usage { input_tokens: 10, output_tokens: 5 };
    ChatReply { text: words, tool_calls, model: "played".to_owned(), usage, finish, sources: vec![] }
}
