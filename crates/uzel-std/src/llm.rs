//! `llm`: asks a model, with in-context examples and documents; what comes back is checked against a schema.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uzel_core::{
    build::{Build, ModelChain},
    capability::{
        BoxFuture,
        model::{ChatRequest, Document, Example},
    },
    chat::{Answered, Chat},
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics},
    failure::{Failure, FailureClass},
    graph::{
        Ports,
        facts::{Asks, Facts, Origin},
    },
    kind::{Kind, KindExample},
    node::{Call, Node, Outcome},
    schema::{Schema, Type},
    yaml::{Spanned, Text, Tree},
};

mod examples;
pub(crate) mod question;

/// The kind.
pub struct Llm;

/// Asks a model. The output's fields are the node's fields; without `output` the answer is `text`.
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
    /// The question: a template with `{{ }}`, or the name of a file that holds one.
    pub prompt: Option<Text>,
    /// What stands before everything: who the model is and what it must obey. A template or a file.
    pub system: Option<Text>,
    /// A whole conversation instead of `prompt`: a list of `{ role, content }`.
    pub messages: Option<Tree>,
    /// Fields of the answer: a map of names to types. The answer is checked, whatever the provider promises, and the
    /// model is told what was wrong when it is asked again.
    pub output: Option<Tree>,
    /// In-context examples: a file with lines `{ "input": TEXT, "output": VALUE }`.
    pub examples: Option<Text>,
    /// Documents that the answer is made from, as `retrieve` gives them; for models that read them apart.
    pub documents: Option<Tree>,
    /// The text that the question is about, for models that read it apart.
    pub input: Option<Text>,
    /// 0 to 2; the model's own if not set.
    pub temperature: Option<Spanned<f64>>,
    /// Bound on the answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Whether the text is passed on as it comes.
    #[serde(default)]
    pub stream: bool,
}

impl Kind for Llm {
    const NAME: &'static str = "llm";
    const SUMMARY: &'static str = "asks a model";
    const EXAMPLES: &'static [KindExample] = &[KindExample {
        title: "A verdict with meanings for its labels",
        app: r#"
version: 1
inputs: { message: string }
models: { fast: { use: offline } }
nodes:
  sort:
    kind: llm
    model: fast
    prompt: "What is this message about? {{ input.message }}"
    output:
      topic: { enum: { billing: "an invoice or a payment", technical: "an error or a crash", other: "anything else" } }
      confidence: number
output: { topic: "${{ sort.topic }}" }
"#,
    }];
    type Config = Config;

    fn check(config: &Config, cx: &mut Check<'_>) -> Ports {
        question::check_models(&config.model, &config.fallback, cx);
        let Config { system, prompt, messages, model, .. } = config;
        question::check(Self::NAME, system.as_ref(), prompt.as_ref(), messages.as_ref(), model.span, cx);
        if let Some(documents) = &config.documents {
            cx.binding("documents", documents, Some((document_list(), "a list of documents")));
        }
        if let Some(input) = &config.input {
            cx.text("input", input);
        }
        question::check_temperature(config.temperature.as_ref(), cx);
        let schema = config.output.as_ref().and_then(|output| Schema::read_fields(output, cx.out));
        if let Some(path) = &config.examples
            && let Some(file) = cx.file(path)
        {
            examples::read(&file, schema.as_ref(), cx.out);
        }
        let asks =
            Asks { model: config.model.clone(), fallback: config.fallback.clone(), free: config.output.is_none(), max_tokens: config.max_tokens };
        let facts = Facts { origins: &[Origin::Model], asks: Some(asks), ..Facts::default() };
        let text = || Type::object([("text", Type::String), ("model", Type::String)]);
        match (schema, &config.output) {
            (Some(schema), _) => Ports { facts, ..Ports::of(schema.ty) },
            (None, Some(_)) => Ports { facts, ..Ports::of(Type::Any) },
            (None, None) => Ports { facts: Facts { plain: &["model"], ..facts }, ..Ports::of(text()) },
        }
    }

    fn build(config: Config, cx: &mut Build<'_>) -> Result<Arc<dyn Node>, Diagnostic> {
        let mut out = Diagnostics::default();
        let schema = config.output.as_ref().and_then(|output| Schema::read_fields(output, &mut out));
        let examples = match &config.examples {
            None => vec![],
            Some(path) => {
                let text = cx.graph.file(path.as_str()).ok_or_else(|| {
                    Diagnostic::new(Code::FILE_UNREADABLE, path.span, format!("`{}` cannot be read", path.as_str()))
                })?;
                examples::read(&Text::synthetic(text, path.span), schema.as_ref(), &mut out)
            }
        };
        Ok(Arc::new(Asker {
            chain: cx.model(&config.model, &config.fallback)?,
            schema,
            examples,
            temperature: config.temperature.map(|temperature| temperature.value),
            max_tokens: config.max_tokens,
            stream: config.stream,
        }))
    }
}

fn document_list() -> Type {
    let document = Type::object([
        ("id", Type::String),
        ("title", Type::String),
        ("text", Type::String),
        ("score", Type::Number),
    ]);
    Type::list(document)
}

struct Asker {
    chain: Arc<ModelChain>,
    schema: Option<Schema>,
    examples: Vec<Example>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    stream: bool,
}

impl Node for Asker {
    fn call<'a>(&'a self, input: Arc<Value>, call: &'a Call) -> BoxFuture<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let request = self.request(&input)?;
            let chat = Chat { chain: &self.chain, request: &request, schema: self.schema.as_ref(), within: None };
            let Answered { reply, value, .. } = chat.ask(call, "chat").await?;
            Ok(Outcome::value(value.unwrap_or_else(|| json!({ "text": reply.text, "model": reply.model }))))
        })
    }
}

impl Asker {
    fn request(&self, input: &Value) -> Result<ChatRequest, Failure> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let messages = question::messages(input)?;
        let documents: Option<Vec<Document>> = match input.get("documents") {
            None | Some(Value::Null) => None,
            Some(documents) => serde_json::from_value(documents.clone()).map(Some).map_err(|e| {
                Failure::new(FailureClass::Code, "`documents` must be a list of `{ id, title, text }`").because(e)
            })?,
        };
        let schema = self.schema.as_ref().map(|schema| Arc::clone(schema.json()));
        Ok(ChatRequest {
            messages,
            labels: schema.as_ref().map(|schema| labels(schema)).unwrap_or_default(),
            schema,
            schema_name: "answer".to_owned(),
            examples: self.examples.clone(),
            documents,
            input: text("input").map(str::to_owned),
            tools: vec![],
            must_answer: false,
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            stream: self.stream,
        })
    }
}

/// What the labels of the schema's enums mean.
fn labels(schema: &Value) -> Vec<(String, String)> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let meanings = properties.filter_map(|(_, property)| property.get("x-labels")?.as_object());
    let pairs = meanings.flatten().filter_map(|(label, meaning)| Some((label.clone(), meaning.as_str()?.to_owned())));
    pairs.collect()
}
