//! `tool`: calls a tool of the app, or an operation of a connection, as one effect.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uzel_core::{
    build::{BoundTool, Build},
    capability::{Attempt, BoxFuture},
    check::Check,
    diagnostic::Diagnostic,
    failure::{Failure, FailureClass},
    graph::{
        Declared, Ports,
        facts::{Does, Facts, Origin, Sink, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Doubt, Effect, Endpoint, Node, Outcome, Recorded, Spent, Tried, Until, Verdict, Work},
    reconcile::Probe,
    schema::Type,
    yaml::{Data, Text, Tree},
};

/// The kind.
pub struct Tool;

/// Calls a tool. In a dry run tools that write are left out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which of `tools`, or an operation of a connection: `shop.query`.
    #[schemars(extend("x-names" = "tools"))]
    pub tool: Text,
    /// Its arguments.
    pub with: Option<Tree>,
}

impl Kind for Tool {
    const NAME: &'static str = "tool";
    const SUMMARY: &'static str = "calls a tool: HTTP, a database";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "A row of a database",
        app: r#"
version: 1
inputs: { id: string }
connections: { shop: { use: sqlite, path: shop.db } }
tools:
  find_order:
    use: sqlite.query
    connection: shop
    sql: SELECT * FROM orders WHERE id = :id
    params: { id: string }
    effect: read
nodes:
  order: { kind: tool, tool: find_order, timeout: 5s, with: { id: "${{ input.id }}" } }
output: { order: "${{ order.row }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        if !cx.known("tools", &config.tool, |declared| &declared.tools) {
            return Ports::of(Type::Any);
        }
        let Some(ports) = cx.declared.tools.get(config.tool.as_str()).map(|tool| tool.ports.clone()) else {
            return Ports::of(Type::Any);
        };
        let empty = Tree { span: config.tool.span, data: Data::Map(vec![]) };
        cx.binding("with", config.with.as_ref().unwrap_or(&empty), Some((ports.params.ty, "the tool")));
        let facts = Facts {
            origins: &[Origin::Tool],
            texts: Texts::Own,
            sinks: sinks(cx.declared, config.tool.as_str()),
            tool: Some(config.tool.clone()),
            ..Facts::default()
        };
        Ports { effect: Some(ports.class), facts, ..Ports::of(ports.output) }
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        Ok(Arc::new(Caller { tool: cx.tool(&config.tool)? }))
    }
}

/// What the arguments of a tool do: some are statements, and all are written if the tool writes.
fn sinks(declared: &Declared, tool: &str) -> Vec<Sink> {
    let Some(tool) = declared.tools.get(tool) else { return vec![] };
    let sink = |field: Option<&str>, does| Sink { input: "with".to_owned(), field: field.map(str::to_owned), does };
    let open = tool.def.statements.iter().filter(|key| tool.tree.get(key).is_none());
    let mut sinks: Vec<Sink> = open.map(|key| sink(Some(*key), Does::States)).collect();
    if tool.ports.class.is_write() {
        sinks.push(sink(None, Does::Writes));
    }
    sinks
}

struct Caller {
    tool: Arc<BoundTool>,
}

impl Node for Caller {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let tool = &self.tool;
            if call.dry_run && tool.ports.class.is_write() {
                return Ok(Outcome::LeaveOut(format!("a dry run: `{}` writes", tool.name)));
            }
            let arguments = arguments(tool, &input)?;
            Ok(Calling { tool, arguments }.perform(call, "tool", None).await?.into_outcome())
        })
    }
}

/// The arguments of the node with defaults, or what does not fit.
fn arguments(tool: &BoundTool, input: &Value) -> Result<Value, Failure> {
    let arguments = match input.get("with") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(with) => with.clone(),
    };
    fit(tool, arguments).map_err(|violations| {
        let failure = Failure::new(FailureClass::Invalid, format!("the arguments of `{}` do not fit", tool.name));
        violations.into_iter().fold(failure, Failure::because)
    })
}

/// Arguments with defaults, or what does not fit.
pub(crate) fn fit(tool: &BoundTool, mut arguments: Value) -> Result<Value, Vec<String>> {
    tool.ports.params.fill_defaults(&mut arguments);
    let checked = tool.ports.params.check(&arguments);
    checked.map_err(|violations| violations.into_iter().map(|violation| violation.message).collect::<Vec<_>>())?;
    Ok(arguments)
}

/// One call of a tool with arguments that fit.
pub(crate) struct Calling<'t> {
    /// The tool.
    pub(crate) tool: &'t BoundTool,
    /// With defaults.
    pub(crate) arguments: Value,
}

impl Calling<'_> {
    /// Makes the call as the effect of this name.
    pub(crate) async fn perform(
        &self,
        call: &Call,
        name: &str,
        until: Option<Until<'_>>,
    ) -> Result<Recorded, Failure> {
        let effect = Effect {
            name,
            class: self.tool.ports.class,
            endpoints: std::slice::from_ref(&self.tool.endpoint),
            reserve: Spent::default(),
            until,
            doubt: Some(&InDoubt(self)),
        };
        call.effect(effect, self).await
    }
}

/// How to find out whether a call was made.
struct InDoubt<'c>(&'c Calling<'c>);

impl InDoubt<'_> {
    fn parts(&self) -> Option<(&Probe, &BoundTool)> {
        self.0.tool.ports.reconcile.as_ref().zip(self.0.tool.probe.as_deref())
    }
}

impl Doubt for InDoubt<'_> {
    fn show(&self) -> Value {
        let Calling { tool, arguments } = self.0;
        json!({ "tool": tool.name, "description": tool.ports.description, "arguments": arguments })
    }

    fn gives(&self) -> Value {
        self.0.tool.ports.output.to_json_schema()
    }

    fn probe(&self) -> Option<(&Endpoint, &dyn Work)> {
        self.parts().map(|(_, tool)| (&tool.endpoint, self as &dyn Work))
    }

    fn verdict(&self, answer: &Value, key: &str) -> Result<Verdict, Failure> {
        match self.parts() {
            Some((probe, _)) => probe.verdict(&self.0.arguments, key, answer),
            None => Ok(Verdict::Unknown),
        }
    }
}

impl Work for InDoubt<'_> {
    fn attempt<'a>(&'a self, _endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move {
            let asked = async {
                let nobody = || Failure::new(FailureClass::Bug, "a tool without a probe was asked");
                let (probe, tool) = self.parts().ok_or_else(nobody)?;
                let arguments = fit(tool, probe.ask(&self.0.arguments, &attempt.key)?).map_err(|violations| {
                    let message = format!("the arguments of the probe `{}` do not fit", tool.name);
                    violations.into_iter().fold(Failure::new(FailureClass::Invalid, message), Failure::because)
                })?;
                tool.tool.call(&arguments, attempt).await
            };
            asked.await.into()
        })
    }
}

impl Work for Calling<'_> {
    fn attempt<'a>(&'a self, _endpoint: usize, attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move { self.tool.tool.call(&self.arguments, attempt).await.into() })
    }
}
