//! Declarations of tools and connections in an app file: checked with the document, built with their secrets. Called through
//! the catalog.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uzel_core::{
    build::Build,
    capability::tool::{EffectClass, Tool},
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics},
    duration::DurationText,
    kind::{ToolPorts, config_again},
    reconcile::Reconcile,
    schema::{Schema, Type},
    source::Span,
    yaml::{self, Spanned, Text, Tree},
};

use super::{
    http::{Body, Config as HttpConfig, Http},
    sqlite::{Config as SqliteConfig, Database, Operation, Sqlite},
};

/// A tool that is one HTTP request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTool {
    /// `http`.
    #[serde(rename = "use")]
    _use: Text,
    /// What it does, for people and for models that may call it.
    description: Option<Text>,
    /// Method and address: `POST https://api.example.com/orders/{id}/refunds`.
    request: Text,
    /// Headers; values may hold secrets.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its parameters: a map of names to types.
    params: Option<Tree>,
    /// How the body is written: `json` or `form`.
    #[serde(default)]
    body: Body,
    /// What it gives: a type. Without it nothing is known of the answer.
    output: Option<Tree>,
    /// What repeating it does: `read`, `idempotent`, `keyed` (an idempotency key is sent) or `once`. Default: `read` for
    /// GET and HEAD, `idempotent` for PUT and DELETE, `once` for the others.
    effect: Option<Spanned<EffectClass>>,
    /// How long one try may take. Default: 30s.
    timeout: Option<DurationText>,
    /// How to find out whether a call was made, when a process died in the middle of one with `effect: once`. Without it
    /// a person is asked.
    reconcile: Option<Reconcile>,
}

/// A tool that is one SQL statement.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlTool {
    /// The operation: `query` reads, `execute` writes.
    #[serde(rename = "use")]
    uses: Text,
    /// What it does, for people and for models that may call it.
    description: Option<Text>,
    /// Which of `connections`.
    #[schemars(extend("x-names" = "connections"))]
    connection: Text,
    /// The statement, with named parameters such as `:id`. Without it, it is an argument. `:idempotency_key` is the
    /// effect's key, the same for every try.
    sql: Option<Text>,
    /// Its parameters: a map of names to types.
    params: Option<Tree>,
    /// What repeating it does: `read`, `idempotent`, `keyed` or `once`. Default: `read` for a query, else `keyed` if the
    /// statement uses `:idempotency_key`, else `once`.
    effect: Option<Spanned<EffectClass>>,
    /// How long one try may take. Default: 30s.
    timeout: Option<DurationText>,
    /// How to find out whether a call was made, when a process died in the middle of one with `effect: once`. Without it
    /// a person is asked.
    reconcile: Option<Reconcile>,
}

/// A SQLite database.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    /// `sqlite`.
    #[serde(rename = "use")]
    _use: Text,
    /// The file, relative to the app's folder.
    path: Text,
    /// A file of SQL that makes the tables. It is run once, when the database does not exist, all of it or nothing.
    pub(super) init: Option<Text>,
}

fn params(tree: Option<&Tree>, out: &mut Diagnostics) -> Schema {
    let schema = tree.and_then(|tree| Schema::read_fields(tree, out));
    schema.unwrap_or_else(|| Schema::of(Type::object(std::iter::empty())))
}

fn text(text: Option<Text>) -> String {
    text.map(|text| text.as_str().to_owned()).unwrap_or_default()
}

/// Checks an HTTP tool.
pub(super) fn check_http(tree: &Tree, cx: &mut Check<'_>) -> Option<ToolPorts> {
    let tool: HttpTool = yaml::from_tree(tree, cx.out)?;
    let params = params(tool.params.as_ref(), cx.out);
    let output = tool.output.as_ref().and_then(|tree| Schema::read(tree, cx.out));
    check_key(&tool, cx.out);
    match http(&tool) {
        Err(cause) => {
            let help = "write it like `request: POST https://api.example.com/orders/{id}`";
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, tool.request.span, cause).help(help));
        }
        Ok(http) => {
            for hole in http.holes() {
                if matches!(&params.ty, Type::Object(object) if !object.fields.contains_key(hole)) {
                    let message = format!("the address needs `{hole}`, which is not one of `params`");
                    let help = format!("add `{hole}: string` to `params`");
                    cx.report(Diagnostic::new(Code::UNKNOWN_REFERENCE, tool.request.span, message).help(help));
                }
            }
        }
    }
    Some(ToolPorts {
        params,
        output: output.map_or(Type::Any, |schema| schema.ty),
        class: http_class(&tool),
        timeout: tool.timeout.map(|timeout| timeout.0),
        description: text(tool.description),
        reconcile: tool.reconcile.and_then(|reconcile| reconcile.parse(cx.out)),
    })
}

/// The key goes out in a header, which the app must not write itself.
fn check_key(tool: &HttpTool, out: &mut Diagnostics) {
    let own = tool.headers.keys().find(|name| name.eq_ignore_ascii_case("idempotency-key"));
    if let (EffectClass::Keyed, Some(name)) = (http_class(tool), own) {
        let message = format!("`{name}` is sent by the runtime, with the effect's own key");
        let at = tool.effect.as_ref().map_or(tool.request.span, |effect| effect.span);
        let help = format!("remove `{name}` from `headers`: a fixed key would make all calls one");
        out.push(Diagnostic::new(Code::KEY_NOT_SENT, at, message).help(help));
    }
}

fn http_class(tool: &HttpTool) -> EffectClass {
    tool.effect.as_ref().map_or_else(
        || match tool.request.as_str().split_whitespace().next() {
            Some("GET" | "HEAD") => EffectClass::Read,
            Some("PUT" | "DELETE") => EffectClass::Idempotent,
            _ => EffectClass::Once,
        },
        |effect| effect.value,
    )
}

fn http(tool: &HttpTool) -> Result<Http, String> {
    let config = HttpConfig {
        request: tool.request.as_str().to_owned(),
        headers: tool.headers.clone(),
        params: None,
        body: tool.body,
        output: None,
    };
    Http::new(&config, http_class(tool) == EffectClass::Keyed)
}

/// Makes an HTTP tool.
pub(super) fn build_http(tree: &Tree, _cx: &mut Build<'_>) -> Result<Arc<dyn Tool>, Diagnostic> {
    let tool: HttpTool = config_again(tree)?;
    let at = tool.request.span;
    Ok(Arc::new(http(&tool).map_err(|cause| Build::problem(at, cause))?))
}

/// Checks a SQL tool of any database.
pub(super) fn check_sql(operation: Operation, tree: &Tree, cx: &mut Check<'_>) -> Option<ToolPorts> {
    let tool: SqlTool = yaml::from_tree(tree, cx.out)?;
    cx.known("connections", &tool.connection, |declared| &declared.connections);
    let params = match &tool.sql {
        Some(_) => params(tool.params.as_ref(), cx.out),
        // Without a statement of its own it takes one: `with: { sql: …, params: … }`.
        None => Schema::from_json_schema(json!({
            "type": "object", "required": ["sql"], "additionalProperties": false,
            "properties": { "sql": { "type": "string" }, "params": { "type": ["object", "null"] } },
        }))
        .unwrap_or_else(|_| Schema::any()),
    };
    let class = sql_class(operation, &tool, cx.out);
    let output = match operation {
        Operation::Query => Type::object([("rows", Type::list(Type::Any)), ("row", Type::Any)]),
        Operation::Execute => Type::object([("changes", Type::Integer)]),
    };
    let timeout = tool.timeout.map(|timeout| timeout.0);
    let reconcile = tool.reconcile.and_then(|reconcile| reconcile.parse(cx.out));
    Some(ToolPorts { params, output, class, timeout, description: text(tool.description), reconcile })
}

fn sql_class(operation: Operation, tool: &SqlTool, out: &mut Diagnostics) -> EffectClass {
    let database = tool.uses.as_str().split('.').next().unwrap_or_default();
    let keyed = tool.sql.as_ref().is_some_and(|sql| sql.as_str().contains(":idempotency_key"));
    let mut refuse = |at: Span, message: &str, help: &str| {
        out.push(Diagnostic::new(Code::BAD_KIND_CONFIG, at, message).help(help));
    };
    match (operation, tool.effect.as_ref().map(|effect| (effect.value, effect.span))) {
        (Operation::Query, None | Some((EffectClass::Read, _))) => EffectClass::Read,
        (Operation::Query, Some((_, at))) => {
            refuse(at, "a query reads only", &format!("write `effect: read`, or use `{database}.execute`"));
            EffectClass::Read
        }
        (Operation::Execute, Some((EffectClass::Read, at))) => {
            let help = format!("write `effect: keyed`, or use `{database}.query`");
            refuse(at, &format!("`{database}.execute` writes"), &help);
            EffectClass::Once
        }
        (Operation::Execute, Some((EffectClass::Keyed, at))) if !keyed => {
            let help =
                "write it into a column with a unique index: `… VALUES (:idempotency_key, …) ON CONFLICT DO NOTHING`";
            refuse(at, "a keyed statement must use `:idempotency_key`", help);
            EffectClass::Keyed
        }
        (Operation::Execute, Some((class, _))) => class,
        (Operation::Execute, None) if keyed => EffectClass::Keyed,
        (Operation::Execute, None) => EffectClass::Once,
    }
}

/// Makes a SQLite tool.
pub(super) fn build_sqlite(operation: Operation, tree: &Tree, cx: &mut Build<'_>) -> Result<Arc<dyn Tool>, Diagnostic> {
    let tool: SqlTool = config_again(tree)?;
    let connection: Connection = config_again(&cx.connection(&tool.connection)?)?;
    let init = match &connection.init {
        None => None,
        Some(path) => Some(cx.graph.file(path.as_str()).ok_or_else(|| {
            Diagnostic::new(Code::FILE_UNREADABLE, path.span, format!("`{}` cannot be read", path.as_str()))
        })?),
    };
    let config = SqliteConfig { path: connection.path.as_str().to_owned(), init: init.map(|text| text.to_string()) };
    let database = Database::new(config, cx.surroundings.folder);
    Ok(Arc::new(Sqlite::new(database, operation, tool.sql.as_ref().map(Text::as_str))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_methods() {
        let class = |request: &str| {
            http_class(&HttpTool {
                _use: Text::synthetic("http", Span::new(uzel_core::source::SourceId(0), 0..0)),
                description: None,
                request: Text::synthetic(request, Span::new(uzel_core::source::SourceId(0), 0..0)),
                headers: BTreeMap::new(),
                params: None,
                body: Body::Json,
                output: None,
                effect: None,
                timeout: None,
                reconcile: None,
            })
        };
        assert_eq!(class("GET https://x"), EffectClass::Read);
        assert_eq!(class("PUT https://x"), EffectClass::Idempotent);
        assert_eq!(class("POST https://x"), EffectClass::Once);
    }
}
