//! What the tests of models share: a model at an address, a question, an attempt, a sink that remembers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use uzel_core::{
    capability::{
        Attempt,
        model::{ChatReply, ChatRequest, Message, Model, Role, Sink},
    },
    failure::Failure,
    secret::Secret,
};
use uzel_std::models::{ModelConfig, build};

pub(crate) const KEY: &str = "sk-test-0123456789";

pub(crate) fn model(settings: Value) -> Arc<dyn Model> {
    let config: ModelConfig = serde_json::from_value(settings).expect("settings");
    build("fast", &config, Some(Secret::new(KEY)), &|_| Err("no files".into())).expect("a model")
}

pub(crate) fn openai(url: &str) -> Arc<dyn Model> {
    model(json!({ "use": "openai/gpt-5-mini", "base_url": format!("{url}/v1/") }))
}

pub(crate) fn question(text: &str) -> ChatRequest {
    let messages = vec![Message::new(Role::System, "Be brief."), Message::new(Role::User, text)];
    ChatRequest { messages, ..ChatRequest::default() }
}

pub(crate) fn structured(text: &str) -> ChatRequest {
    let schema = json!({
        "type": "object", "required": ["label"],
        "properties": { "label": { "enum": ["a", "b"] }, "note": { "type": "string" } },
    });
    ChatRequest { schema: Some(Arc::new(schema)), schema_name: "verdict".into(), ..question(text) }
}

pub(crate) fn attempt(timeout: Duration) -> Attempt {
    Attempt { number: 1, key: "key-of-effect".into(), timeout, tag: "run-1/classify".into() }
}

#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(crate) fn pieces(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl Sink for Heard {
    fn text(&self, piece: &str) {
        self.0.lock().expect("not poisoned").push(piece.to_owned());
    }
}

pub(crate) async fn ask(model: &Arc<dyn Model>, request: &ChatRequest) -> Result<ChatReply, Failure> {
    model.chat(request, &attempt(Duration::from_secs(10)), &Heard::default()).await
}
