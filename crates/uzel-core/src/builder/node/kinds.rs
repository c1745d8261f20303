//! Keys of single kinds.

use std::panic::Location;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::Node;
use crate::builder::{
    block::Part,
    rust_type::{Contract, fields},
    setting::{Setting, names, number},
};

/// Keys of `llm` and `agent`.
impl Node {
    /// The question to a model: a template with `{{ }}`, or the name of a file that holds one.
    #[track_caller]
    pub fn prompt(self, template: &str) -> Self {
        self.set("prompt", template)
    }

    /// What stands before everything that a model reads.
    #[track_caller]
    pub fn system(self, template: &str) -> Self {
        self.set("system", template)
    }

    /// One message of a conversation, instead of a prompt: `message("user", "…")`.
    #[track_caller]
    pub fn message(mut self, role: &str, template: &str) -> Self {
        let message = json!({ "role": role, "content": template });
        self.block.push_to("messages", Part::Value(message), Location::caller());
        self
    }

    /// What the node gives: the fields of a Rust struct. Doc comments of an enum's values tell a model what they mean.
    #[track_caller]
    pub fn output<T: JsonSchema>(self) -> Self {
        self.set("output", fields::<T>(Contract::Given))
    }

    /// One field of what the node gives, with its type as in an app file.
    #[track_caller]
    pub fn output_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("output", name, ty)
    }

    /// The file with answers to learn from.
    #[track_caller]
    pub fn examples(self, file: &str) -> Self {
        self.set("examples", file)
    }

    /// Documents to answer from, with `${{ }}`.
    #[track_caller]
    pub fn documents(self, value: impl Into<Value>) -> Self {
        self.set("documents", value.into())
    }

    /// The text that the question is about, with `${{ }}`, for models that are no LLM.
    #[track_caller]
    pub fn input(self, text: &str) -> Self {
        self.set("input", text)
    }

    /// How freely the model answers.
    #[track_caller]
    pub fn temperature(self, temperature: f64) -> Self {
        self.set("temperature", number(temperature))
    }

    /// Tokens of one answer.
    #[track_caller]
    pub fn max_tokens(self, most: u32) -> Self {
        self.set("max_tokens", most)
    }

    /// Passes text on as it comes.
    #[track_caller]
    pub fn stream(self) -> Self {
        self.set("stream", true)
    }

    /// The tools that an agent may call.
    #[track_caller]
    pub fn tools(self, tools: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("tools", names(tools))
    }

    /// Models to ask when the node's own cannot answer, in order.
    #[track_caller]
    pub fn fallback(self, models: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("fallback", names(models))
    }

    /// Those of an agent's tools that a person is asked about before each call.
    #[track_caller]
    pub fn approve(self, tools: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("approve", names(tools))
    }

    /// What an agent does when a limit is reached, as in an app file.
    #[track_caller]
    pub fn on_limit(self, reaction: &str) -> Self {
        self.set("on_limit", reaction)
    }
}

/// Keys of `route`.
impl Node {
    /// Nodes to run for a value.
    #[track_caller]
    pub fn case(self, value: &str, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.inside("cases", value, names(nodes))
    }

    /// Nodes to run for all other values.
    #[track_caller]
    pub fn default(self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.case("default", nodes)
    }
}

/// Keys of `human` and `wait`.
impl Node {
    /// The buttons of a question.
    #[track_caller]
    pub fn actions(self, actions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.set("actions", names(actions))
    }

    /// The action that is taken when nobody answers in time; the payload, when nobody calls back.
    #[track_caller]
    pub fn on_timeout(self, instead: impl Into<Value>) -> Self {
        self.set("on_timeout", instead.into())
    }

    /// Something that a person needs to see, with `${{ }}`.
    #[track_caller]
    pub fn show(self, name: &str, value: impl Into<Value>) -> Self {
        self.inside("show", name, value)
    }

    /// Fields that a person fills: those of a Rust struct.
    #[track_caller]
    pub fn form<T: JsonSchema>(self) -> Self {
        self.set("form", fields::<T>(Contract::Given))
    }

    /// One field that a person fills, with its type as in an app file.
    #[track_caller]
    pub fn form_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("form", name, ty)
    }

    /// What is sent with a callback: the fields of a Rust struct.
    #[track_caller]
    pub fn payload<T: JsonSchema>(self) -> Self {
        self.set("payload", fields::<T>(Contract::Given))
    }

    /// One field of what is sent with a callback, with its type as in an app file.
    #[track_caller]
    pub fn payload_type(self, name: &str, ty: impl Into<Value>) -> Self {
        self.inside("payload", name, ty)
    }

    /// Who is asked: `json!({ "group": "support-leads" })`.
    #[track_caller]
    pub fn assign(self, to: impl Into<Value>) -> Self {
        self.set("assign", to.into())
    }
}

/// Keys of `retrieve`.
impl Node {
    /// How many documents are found at most.
    #[track_caller]
    pub fn top_k(self, most: u32) -> Self {
        self.set("top_k", most)
    }

    /// Documents that fit less than this are left out.
    #[track_caller]
    pub fn min_score(self, least: f64) -> Self {
        self.set("min_score", number(least))
    }
}

/// Keys of `guard`.
impl Node {
    /// A check. When the check itself breaks, the text does not pass.
    #[track_caller]
    pub fn check(self, name: &str, settings: impl Into<Setting>) -> Self {
        self.checked(name, settings.into(), "closed")
    }

    /// A check. When the check itself breaks, the text passes.
    #[track_caller]
    pub fn check_open(self, name: &str, settings: impl Into<Setting>) -> Self {
        self.checked(name, settings.into(), "open")
    }

    #[track_caller]
    fn checked(mut self, name: &str, settings: Setting, on_failure: &str) -> Self {
        let at = Location::caller();
        let mut check = crate::builder::block::Block::new(at);
        check.put(name, settings.0, at);
        check.set("on_failure", on_failure, at);
        self.block.push_to("checks", Part::Block(check), at);
        self
    }
}
