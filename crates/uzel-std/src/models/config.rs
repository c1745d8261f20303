//! What an app says about a model: the settings under `models:`. Read from documents, given to [`super::build`].

use std::collections::BTreeMap;

use serde::Deserialize;
use uzel_core::{capability::model::Price, duration::DurationText, secret::Secret};

/// A model of the app. Only `use` is required.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Provider and model: `openai/gpt-5-mini`, `openai-compatible/qwen3-8b`, `anthropic/claude-sonnet-4-5`, `offline`
    /// (built in, needs no network) or `scripted` (answers from a file).
    #[serde(rename = "use")]
    pub use_: String,
    /// The key: `${{ secrets.OPENAI_API_KEY }}`. If not set, the provider's usual variable is read.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// Address of the API, without the last part: `http://127.0.0.1:11434/v1`. Default: the provider's own.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Bound on one try in all. The node's own timeout holds too. Default: the node's.
    #[serde(default)]
    pub timeout: Option<DurationText>,
    /// Bound on making a connection. Default: 3s.
    #[serde(default)]
    pub connect_timeout: Option<DurationText>,
    /// Bound on the wait for the first token of a streamed answer. Default: 60s.
    #[serde(default)]
    pub first_token_timeout: Option<DurationText>,
    /// Bound on the wait between two pieces of a streamed answer. Default: 30s.
    #[serde(default)]
    pub idle_timeout: Option<DurationText>,
    /// Models of the app that are asked, in this order, when this one fails.
    #[serde(default)]
    #[schemars(extend("x-names" = "models"))]
    pub fallback: Vec<String>,
    /// 0 to 2, for nodes that do not say. Default: the provider's.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// Bound on an answer's length in tokens, for nodes that do not say.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// Price, in USD for a million tokens. Default: an estimate from a built-in list, 0 for models not in it.
    #[serde(default)]
    pub price: Option<Price>,
    /// Headers sent with each request; values may hold secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// File with rules, for `scripted`.
    #[serde(default)]
    pub responses: Option<String>,
    /// Whether answers are streamed from the provider even if nobody watches (a stalled one is noticed sooner).
    /// Default: as the node wants.
    #[serde(default)]
    pub stream: Option<bool>,
}

impl ModelConfig {
    /// Names the secret that `api_key` refers to, if it is still the text of the document.
    pub fn key_name(&self) -> Option<&str> {
        let inner = self.api_key.as_ref()?.reveal().trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
        let name = inner.strip_prefix("secrets.")?.trim();
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
    }

    /// What it costs: as the app says, nothing for what needs no provider, else as in the list; `None` if nobody knows.
    pub fn known_price(&self) -> Option<Price> {
        let (provider, model) = super::split(&self.use_);
        let free = matches!(provider, "offline" | "scripted").then(Price::default);
        self.price.or(free).or_else(|| super::price::list_price(provider, model))
    }

    /// The key if its value was put in already.
    pub(crate) fn literal_key(&self) -> Option<Secret> {
        self.api_key.clone().filter(|key| !key.reveal().contains("${{") && !key.reveal().trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_read_and_unknown_ones_are_named() {
        let config: ModelConfig = serde_json::from_value(json!({
            "use": "openai/gpt-5-mini", "api_key": "${{ secrets.OPENAI_API_KEY }}", "timeout": "20s",
            "fallback": ["local"], "price": { "input_usd": 0.25, "output_usd": 2 },
        }))
        .expect("settings");
        assert_eq!(config.key_name(), Some("OPENAI_API_KEY"));
        assert!(config.literal_key().is_none());
        let error = serde_json::from_value::<ModelConfig>(json!({ "use": "openai/x", "time_out": "20s" }));
        assert!(error.expect_err("unknown").to_string().starts_with("unknown field `time_out`"));
    }

    #[test]
    fn keys_do_not_show() {
        let config = ModelConfig { api_key: Some(Secret::new("sk-1234")), ..ModelConfig::default() };
        assert!(!format!("{config:?}").contains("1234"));
    }

    #[test]
    fn every_setting_is_documented() {
        let schema = serde_json::to_value(schemars::schema_for!(ModelConfig)).expect("a schema");
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["description"].is_string(), "{name}");
        }
    }
}
