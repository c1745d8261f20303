//! `retrieve`: finds documents of a knowledge base for a query.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::Build,
    capability::{
        Attempt, BoxFuture,
        model::Document,
        retriever::Retriever,
        tool::EffectClass,
    },
    check::Check,
    diagnostic::{Code, Diagnostic},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Facts, Origin, Texts},
    },
    kind::{Kind, KindExample},
    node::{Call, Effect, Endpoint, Node, Outcome, Spent, Tried, Work},
    schema::Type,
    yaml::{Spanned, Text},
};

/// The kind.
pub struct Retrieve;

/// Finds documents of a knowledge base for a query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which of `knowledge`.
    #[schemars(extend("x-names" = "knowledge"))]
    pub from: Text,
    /// What to look for.
    pub query: Text,
    /// At most so many documents, 1 to 100. Default: 5.
    pub top_k: Option<Spanned<usize>>,
    /// None with a lower score.
    pub min_score: Option<f64>,
}

const MOST: usize = 100;

impl Kind for Retrieve {
    const NAME: &'static str = "retrieve";
    const SUMMARY: &'static str = "finds documents of a knowledge base for a query";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "Pages for a question",
        app: r#"
version: 1
inputs: { question: string }
knowledge: { pages: { files: docs/**/*.md } }
nodes:
  find: { kind: retrieve, from: pages, query: "${{ input.question }}", top_k: 3 }
output: { text: "${{ find.text }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        cx.known("knowledge", &config.from, |declared| &declared.knowledge);
        cx.text("query", &config.query);
        if let Some(top_k) = &config.top_k
            && !(1..=MOST).contains(&top_k.value)
        {
            let message = format!("`top_k: {}` is not between 1 and {MOST}", top_k.value);
            cx.report(Diagnostic::new(Code::BAD_LIMIT, top_k.span, message).help("write `top_k: 5`"));
        }
        let document = Type::object([
            ("id", Type::String),
            ("title", Type::String),
            ("text", Type::String),
            ("score", Type::Number),
        ]);
        let output = Type::object([("documents", Type::list(document)), ("text", Type::String)]);
        let facts = Facts { origins: &[Origin::Retrieved], texts: Texts::Own, ..Facts::default() };
        Ports { facts, ..Ports::of(output) }
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let retriever = cx.retriever(&config.from)?;
        let endpoint = Endpoint {
            id: format!("knowledge:{}", config.from.as_str()),
            timeout: uzel_core::build::TOOL_TIMEOUT,
            brown_out: false,
        };
        Ok(Arc::new(Searcher {
            retriever,
            endpoints: [endpoint],
            top_k: config.top_k.map_or(5, |top_k| top_k.value),
            min_score: config.min_score.unwrap_or(0.0),
        }))
    }
}

struct Searcher {
    retriever: Arc<dyn Retriever>,
    endpoints: [Endpoint; 1],
    top_k: usize,
    min_score: f64,
}

impl Node for Searcher {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let query = input.get("query").and_then(Value::as_str).unwrap_or_default().to_owned();
            let effect = Effect {
                name: "search",
                class: EffectClass::Read,
                endpoints: &self.endpoints,
                reserve: Spent::default(),
                until: None,
                doubt: None,
            };
            Ok(call.effect(effect, &Search { searcher: self, query }).await?.into_outcome())
        })
    }
}

struct Search<'s> {
    searcher: &'s Searcher,
    query: String,
}

impl Work for Search<'_> {
    fn attempt<'a>(&'a self, _endpoint: usize, _attempt: &'a Attempt) -> BoxFuture<'a, Tried> {
        Box::pin(async move { self.search().await.into() })
    }
}

impl Search<'_> {
    async fn search(&self) -> Result<Value, Failure> {
        let Searcher { retriever, top_k, min_score, .. } = self.searcher;
        let documents = retriever.search(&self.query, *top_k, *min_score).await?;
        let text = documents.iter().map(section).collect::<Vec<_>>().join("\n\n");
        let documents = serde_json::to_value(documents)
            .map_err(|e| Failure::new(FailureClass::Bug, "documents that are not JSON").because(e))?;
        Ok(json!({ "documents": documents, "text": text }))
    }
}

/// A document as a prompt shows it.
fn section(document: &Document) -> String {
    let title = if document.title.is_empty() { &document.id } else { &document.title };
    format!("## {title}\n\n{}", document.text.trim())
}
