//! The models that ship with uzel: one file per protocol, one line per name in `use:`. Called when an app is built.

use std::sync::Arc;

use serde_json::Value;
use uzel_core::{capability::model::Model, diagnostic::did_you_mean, kind::ModelDef, secret::Secret};

pub mod config;
mod declared;
pub mod endpoint;
pub mod price;
pub mod structured;

pub use config::ModelConfig;

/// What a model is built from.
pub struct Parts<'a> {
    /// The model's name in the app.
    pub name: &'a str,
    /// What follows the provider in `use:`; empty if nothing does.
    pub model: &'a str,
    /// Its settings.
    pub config: &'a ModelConfig,
    /// The key, if there is one.
    pub api_key: Option<Secret>,
    /// Reads a file of the app as data (YAML or JSON); the error says what is wrong with it.
    pub read: &'a dyn Fn(&str) -> Result<Value, String>,
}

/// A provider of models: what stands before the `/` in `use:`.
pub struct Provider {
    /// The word.
    pub name: &'static str,
    /// One line for the reference.
    pub about: &'static str,
    /// Whether it is asked over a network.
    pub remote: bool,
    /// Where its key comes from if the app does not say.
    pub key_variable: Option<&'static str>,
    /// Makes a model; the error says what to do.
    pub build: fn(&Parts<'_>) -> Result<Arc<dyn Model>, String>,
}

/// Declares the modules and the list: each module, whether it is asked over a network, and its names. Names that share a
/// module are different settings of one protocol.
macro_rules! models {
    ($($module:ident { remote $remote:literal; $($name:literal key $key:expr, $build:ident: $about:literal;)* })*) => {
        $(pub mod $module;)*

        /// All providers, in the order of the reference.
        pub const PROVIDERS: &[Provider] =
            &[$($(Provider {
                name: $name, about: $about, remote: $remote, key_variable: $key, build: $module::$build,
            },)*)*];
    };
}

models! {
    openai {
        remote true;
        "openai" key Some("OPENAI_API_KEY"), build: "Chat completions of OpenAI.";
        "openai-compatible" key None, build_compatible: "Servers that speak the same: Ollama, vLLM, llama.cpp, LM Studio, gateways.";
    }
    anthropic {
        remote true;
        "anthropic" key Some("ANTHROPIC_API_KEY"), build: "The Messages API of Anthropic.";
    }
    offline {
        remote false;
        "offline" key None, build: "Built in: text functions without network or weights; not an LLM.";
    }
    scripted {
        remote false;
        "scripted" key None, build: "Answers from a list of rules, for tests.";
    }
}

/// The providers as an app file's checker sees them.
pub fn defs() -> Vec<ModelDef> {
    let def = |provider: &Provider| ModelDef {
        name: provider.name,
        summary: provider.about,
        remote: provider.remote,
        schema: || schemars::schema_for!(ModelConfig),
        check: declared::check,
        build: declared::build,
    };
    PROVIDERS.iter().map(def).collect()
}

/// The provider's word and the model of a text such as `openai/gpt-5-mini`; models may hold `/` themselves.
pub fn split(use_: &str) -> (&str, &str) {
    use_.split_once('/').unwrap_or((use_, ""))
}

/// The provider that a `use:` names, or what to write instead.
pub fn provider(use_: &str) -> Result<&'static Provider, String> {
    let (word, model) = split(use_);
    if let Some(provider) = PROVIDERS.iter().find(|provider| provider.name == word) {
        return Ok(provider);
    }
    let names = || PROVIDERS.iter().map(|provider| provider.name);
    let hint = did_you_mean(word, names()).unwrap_or_else(|| {
        format!("write `PROVIDER/MODEL`; the providers are {}", names().collect::<Vec<_>>().join(", "))
    });
    let word = if word.is_empty() { model } else { word };
    Err(format!("there is no model provider `{word}`: {hint}"))
}

/// Makes the model `name` of an app.
///
/// `api_key` is the value of the key that `config.api_key` names (or of the provider's usual variable). The error is a
/// sentence that says what to do. Nothing is connected and nothing is loaded from the network here.
pub fn build(
    name: &str,
    config: &ModelConfig,
    api_key: Option<Secret>,
    read: &dyn Fn(&str) -> Result<Value, String>,
) -> Result<Arc<dyn Model>, String> {
    let provider = provider(&config.use_).map_err(|error| format!("model `{name}`: {error}"))?;
    let (_, model) = split(&config.use_);
    (provider.build)(&Parts { name, model, config, api_key: api_key.or_else(|| config.literal_key()), read })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(config: Value) -> String {
        let config: ModelConfig = serde_json::from_value(config).expect("settings");
        let read = |path: &str| Err(format!("there is no file `{path}`"));
        build("fast", &config, None, &read).err().expect("an error")
    }

    #[test]
    fn mistakes_say_what_to_do() {
        use serde_json::json;
        assert_eq!(
            error(json!({ "use": "opneai/gpt-5-mini" })),
            "model `fast`: there is no model provider `opneai`: did you mean `openai`?"
        );
        assert_eq!(
            error(json!({ "use": "gpt-5-mini" })),
            "model `fast`: there is no model provider `gpt-5-mini`: write `PROVIDER/MODEL`; the providers are openai, \
             openai-compatible, anthropic, offline, scripted"
        );
        assert_eq!(
            error(json!({ "use": "openai/gpt-5-mini", "api_key": "${{ secrets.MY_KEY }}" })),
            "model `fast` has no key: set `MY_KEY`, or run with `--model fast=offline` to use no network"
        );
        assert_eq!(
            error(json!({ "use": "anthropic/claude-sonnet-4-5" })),
            "model `fast` has no key: set `ANTHROPIC_API_KEY`, or run with `--model fast=offline` to use no network"
        );
        assert_eq!(
            error(json!({ "use": "openai-compatible/qwen3-8b" })),
            "model `fast` needs `base_url`, such as `http://127.0.0.1:11434/v1` for Ollama"
        );
        assert_eq!(
            error(json!({ "use": "openai", "base_url": "http://127.0.0.1:1" })),
            "model `fast` says `use: openai` but not which model; write `use: openai/gpt-5-mini`"
        );
        assert_eq!(
            error(json!({ "use": "openai-compatible/x", "base_url": "localhost:11434" })),
            "model `fast` has the `base_url` `localhost:11434`, which is not an http or https address"
        );
        assert_eq!(
            error(json!({ "use": "openai-compatible/x", "base_url": "https://me:secret@host/v1" })),
            "model `fast` has a user or password in its `base_url`; send it as a secret header instead, such as \
             `headers: { authorization: \"Basic ${{ secrets.NAME }}\" }`"
        );
        assert_eq!(
            error(json!({ "use": "scripted", "responses": "tests/answers.yaml" })),
            "model `fast`: there is no file `tests/answers.yaml`"
        );
    }
}
