//! Models, connections, knowledge bases, tools, limits, retries and defaults as Rust programs write them.

use std::{panic::Location, time::Duration};

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{
    block::Block,
    rust_type::{Contract, fields},
    setting::{self, Setting, names, number},
};
use crate::duration;

/// Settings of something that nodes use, or of the app's limits. A key that does not exist there is found by the check,
/// as in an app file.
#[derive(Clone, Debug)]
pub struct Declaration {
    pub(super) block: Block,
}

/// Something that names what it uses: `uses("sqlite.query")`.
#[track_caller]
pub fn uses(what: &str) -> Declaration {
    Declaration::new().set("use", what)
}

/// A model: `model("openai/gpt-5-mini")`, `model("offline")`.
#[track_caller]
pub fn model(name: &str) -> Declaration {
    uses(name)
}

/// A connection: `connection("sqlite").path("shop.db")`.
#[track_caller]
pub fn connection(sort: &str) -> Declaration {
    uses(sort)
}

/// A tool that sends an HTTP request: `http("POST https://example.com/refunds")`.
#[track_caller]
pub fn http(request: &str) -> Declaration {
    uses("http").set("request", request)
}

/// An MCP server that answers over HTTP: `mcp_url("https://search.example.com/mcp").tool("find", mcp_tool())`.
#[track_caller]
pub fn mcp_url(url: &str) -> Declaration {
    Declaration::new().set("url", url)
}

/// An MCP server that is started: the program and its arguments.
#[track_caller]
pub fn mcp_command(command: impl IntoIterator<Item = impl Into<String>>) -> Declaration {
    Declaration::new().set("command", names(command))
}

/// A tool of an MCP server, as the app relies on it: `mcp_tool().param("query", "string").effect("read")`.
#[track_caller]
pub fn mcp_tool() -> Declaration {
    Declaration::new()
}

/// A knowledge base of files: `files("docs/**/*.md")`.
#[track_caller]
pub fn files(pattern: impl Into<Value>) -> Declaration {
    Declaration::new().set("files", pattern)
}

/// Hard limits of a run, or of a node.
#[track_caller]
pub fn limits() -> Declaration {
    Declaration::new()
}

/// What every node starts from: `defaults().retry(2).timeout(seconds(20))`.
#[track_caller]
pub fn defaults() -> Declaration {
    Declaration::new()
}

/// How effects are tried again: so many tries in all, the first included.
#[track_caller]
pub fn retry(max: u32) -> Declaration {
    Declaration::new().set("max", max)
}

/// How to find out whether a call was made that must not be made twice: a tool that reads, and an expression over its
/// `answer` that is true, false or null.
#[track_caller]
pub fn reconcile(tool: &str, done: &str) -> Declaration {
    Declaration::new().set("tool", tool).set("done", done)
}

/// Settings of more than one sort.
impl Declaration {
    #[track_caller]
    fn new() -> Self {
        Self { block: Block::new(Location::caller()) }
    }

    /// Any setting, as in an app file.
    #[track_caller]
    pub fn set(mut self, key: &str, value: impl Into<Setting>) -> Self {
        self.block.put(key, value.into().0, Location::caller());
        self
    }

    #[track_caller]
    fn inside(mut self, section: &str, key: &str, value: impl Into<Setting>) -> Self {
        self.block.put_in(section, key, value.into().0, Location::caller());
        self
    }

    #[track_caller]
    fn time(self, key: &str, time: Duration) -> Self {
        self.set(key, duration::print(time))
    }

    /// What a tool does, for models that may call it.
    #[track_caller]
    pub fn description(self, text: &str) -> Self {
        self.set("description", text)
    }

    /// How long one try may take.
    #[track_caller]
    pub fn timeout(self, time: Duration) -> Self {
        self.time("timeout", time)
    }

    /// A header of every request.
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.inside("headers", name, value)
    }

    /// How effects are tried again, as a default: the number of tries in all, or `retry(3).base(…)`.
    #[track_caller]
    pub fn retry(mut self, policy: impl Into<Setting>) -> Self {
        setting::retry(policy.into(), &mut self.block, Location::caller());
        self
    }
}

/// Settings of models.
impl Declaration {
    /// The key: `"${{ secrets.OPENAI_API_KEY }}"`.
    #[track_caller]
    pub fn api_key(self, secret: &str) -> Self {
        self.set("api_key", secret)
    }

    /// Where the server is.
    #[track_caller]
    pub fn base_url(self, url: &str) -> Self {
        self.set("base_url", url)
    }

    /// Models to ask when this one cannot answer, in order.
    #[track_caller]
    pub fn fallback(self, models: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("fallback", names(models))
    }

    /// How long it may take to reach the server.
    #[track_caller]
    pub fn connect_timeout(self, time: Duration) -> Self {
        self.time("connect_timeout", time)
    }

    /// How long the first piece of an answer may take.
    #[track_caller]
    pub fn first_token_timeout(self, time: Duration) -> Self {
        self.time("first_token_timeout", time)
    }

    /// How long an answer may pause.
    #[track_caller]
    pub fn idle_timeout(self, time: Duration) -> Self {
        self.time("idle_timeout", time)
    }

    /// How freely it answers.
    #[track_caller]
    pub fn temperature(self, temperature: f64) -> Self {
        self.set("temperature", number(temperature))
    }

    /// Tokens of one answer.
    #[track_caller]
    pub fn max_tokens(self, most: u32) -> Self {
        self.set("max_tokens", most)
    }

    /// What a million tokens cost, read and written, in USD.
    #[track_caller]
    pub fn price(self, input_usd: f64, output_usd: f64) -> Self {
        self.set("price", json!({ "input_usd": number(input_usd), "output_usd": number(output_usd) }))
    }

    /// The file with the answers of the `scripted` model.
    #[track_caller]
    pub fn responses(self, file: &str) -> Self {
        self.set("responses", file)
    }

    /// Whether answers are asked for piece by piece.
    #[track_caller]
    pub fn stream(self, stream: bool) -> Self {
        self.set("stream", stream)
    }
}

/// Settings of tools, connections and knowledge bases.
impl Declaration {
    /// What it is given: the fields of a Rust struct.
    #[track_caller]
    pub fn params<T: JsonSchema>(self) -> Self {
        // The program writes the argument, but nobody has to give what has a default.
        self.set("params", fields::<T>(Contract::Given))
    }

    /// One field of what it is given, with its type as in an app file.
    #[track_caller]
    pub fn param(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("params", name, ty.into())
    }

    /// How the parameters are sent: `"json"`, `"form"` and so on.
    #[track_caller]
    pub fn body(self, encoding: &str) -> Self {
        self.set("body", encoding)
    }

    /// What it answers: the fields of a Rust struct.
    #[track_caller]
    pub fn output<T: JsonSchema>(self) -> Self {
        self.set("output", fields::<T>(Contract::Given))
    }

    /// One field of what it answers, with its type as in an app file.
    #[track_caller]
    pub fn output_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("output", name, ty.into())
    }

    /// A tool of an MCP server that may be used, as `mcp.SERVER.NAME`.
    #[track_caller]
    pub fn tool(self, name: &str, tool: Self) -> Self {
        self.inside("tools", name, tool)
    }

    /// How to find out whether a call of it was made that must not be made twice: `reconcile("sent", "answer.row != none")`.
    #[track_caller]
    pub fn reconcile(self, probe: impl Into<Setting>) -> Self {
        self.set("reconcile", probe)
    }

    /// An argument of the tool that finds out; it may see `arguments` and `key`.
    #[track_caller]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("with", name, value.into())
    }

    /// What a call gave that was made after all: an expression over `answer`.
    #[track_caller]
    pub fn result(self, expression: &str) -> Self {
        self.set("result", expression)
    }

    /// What doing it twice does: `"read"`, `"idempotent"`, `"keyed"` or `"once"`.
    #[track_caller]
    pub fn effect(self, class: &str) -> Self {
        self.set("effect", class)
    }

    /// The connection that it uses.
    #[track_caller]
    pub fn connection(self, name: &str) -> Self {
        self.set("connection", name)
    }

    /// The statement that it runs.
    #[track_caller]
    pub fn sql(self, statement: &str) -> Self {
        self.set("sql", statement)
    }

    /// Where a database is: `"${{ secrets.DATABASE_URL }}"`.
    #[track_caller]
    pub fn url(self, url: &str) -> Self {
        self.set("url", url)
    }

    /// The file of a database.
    #[track_caller]
    pub fn path(self, path: &str) -> Self {
        self.set("path", path)
    }

    /// The file with the statements that make a new database.
    #[track_caller]
    pub fn init(self, file: &str) -> Self {
        self.set("init", file)
    }

    /// The language of the documents, whose endings search looks past.
    #[track_caller]
    pub fn language(self, language: &str) -> Self {
        self.set("language", language)
    }
}

/// Limits.
impl Declaration {
    /// Money for models in one run, in USD.
    #[track_caller]
    pub fn cost_usd(self, most: f64) -> Self {
        self.set("cost_usd", number(most))
    }

    /// Tokens read and written in one run.
    #[track_caller]
    pub fn tokens(self, most: u64) -> Self {
        self.set("tokens", most)
    }

    /// Calls of models, tools and other servers; each try is one.
    #[track_caller]
    pub fn calls(self, most: u64) -> Self {
        self.set("calls", most)
    }

    /// Time in which something is worked on: waits for people, timers and callbacks are not counted.
    #[track_caller]
    pub fn active(self, most: Duration) -> Self {
        self.time("active", most)
    }

    /// From start to end, waits included.
    #[track_caller]
    pub fn duration(self, most: Duration) -> Self {
        self.time("duration", most)
    }

    /// Rounds of an agent.
    #[track_caller]
    pub fn steps(self, most: u32) -> Self {
        self.set("steps", most)
    }

    /// Calls of tools by an agent.
    #[track_caller]
    pub fn tool_calls(self, most: u32) -> Self {
        self.set("tool_calls", most)
    }
}

/// Settings of a retry.
impl Declaration {
    /// How waits between tries grow: `"exponential"` or `"fixed"`.
    #[track_caller]
    pub fn backoff(self, growth: &str) -> Self {
        self.set("backoff", growth)
    }

    /// Bound of the first wait.
    #[track_caller]
    pub fn base(self, time: Duration) -> Self {
        self.time("base", time)
    }

    /// No bound is longer.
    #[track_caller]
    pub fn cap(self, time: Duration) -> Self {
        self.time("cap", time)
    }

    /// Kinds of failures that are tried again: `["timeout", "rate_limit"]`.
    #[track_caller]
    pub fn errors(self, classes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("errors", names(classes))
    }
}
