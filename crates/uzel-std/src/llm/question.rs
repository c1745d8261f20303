//! What a model is asked: `system`, and either `prompt` or `messages`. Used by every kind whose author writes that.

use serde_json::Value;
use uzel_core::{
    capability::model::{Message, Role},
    check::Check,
    diagnostic::{Code, Diagnostic},
    failure::{Failure, FailureClass},
    schema::{Field, ObjectType, Type},
    source::Span,
    yaml::{Data, Spanned, Text, Tree},
};

/// Registers the question of a node of this kind; `at` is where a missing one is reported.
pub(crate) fn check(
    kind: &str,
    system: Option<&Text>,
    prompt: Option<&Text>,
    messages: Option<&Tree>,
    at: Span,
    cx: &mut Check<'_>,
) {
    if let Some(system) = system {
        cx.prompt("system", system);
    }
    match (prompt, messages) {
        (Some(prompt), None) => cx.prompt("prompt", prompt),
        (None, Some(messages)) => check_messages(messages, cx),
        (Some(_), Some(messages)) => {
            let message = "a node has either a `prompt` or `messages`";
            cx.report(Diagnostic::new(Code::BAD_KIND_CONFIG, messages.span, message).help("remove one of them"));
        }
        (None, None) => {
            let message = format!("an `{kind}` node needs a `prompt` or `messages`");
            let help = "add `prompt: \"… {{ input.message }}\"`";
            cx.report(Diagnostic::new(Code::MISSING_KEY, at, message).help(help));
        }
    }
}

/// Reports models that are not declared.
pub(crate) fn check_models(model: &Text, fallback: &[Text], cx: &mut Check<'_>) {
    for name in std::iter::once(model).chain(fallback) {
        cx.known("models", name, |declared| &declared.models);
    }
}

/// Reports a temperature that no model takes.
pub(crate) fn check_temperature(temperature: Option<&Spanned<f64>>, cx: &mut Check<'_>) {
    if let Some(temperature) = temperature.filter(|temperature| !(0.0..=2.0).contains(&temperature.value)) {
        let message = format!("`temperature: {}` is not between 0 and 2", temperature.value);
        let help = "write `temperature: 0` for the most likely answer, up to 2 for variety";
        cx.report(Diagnostic::new(Code::BAD_LIMIT, temperature.span, message).help(help));
    }
}

fn check_messages(messages: &Tree, cx: &mut Check<'_>) {
    let Some(list) = messages.as_list() else {
        // A whole conversation from elsewhere: `messages: ${{ input.messages }}`.
        let mut message = ObjectType { open: true, ..ObjectType::default() };
        for name in ["role", "content"] {
            message.fields.insert(name.to_owned(), Field::required(Type::String));
        }
        let wanted = Type::list(Type::Object(message.into()));
        cx.binding("messages", messages, Some((wanted, "a list of `{ role, content }`")));
        return;
    };
    if list.is_empty() {
        let help = "add one, such as `- { role: user, content: \"{{ input.message }}\" }`";
        cx.report(Diagnostic::new(Code::MISSING_KEY, messages.span, "there is no message to send").help(help));
    }
    for (index, item) in list.iter().enumerate() {
        if item.as_str().is_some_and(|text| text.trim_start().starts_with("${{")) {
            let message = "a list among messages is not taken apart";
            let help = "write `messages: ${{ before + [{ \"role\": \"user\", \"content\": … }] }}`, one expression for all";
            cx.report(Diagnostic::new(Code::WRONG_SHAPE, item.span, message).help(help));
            continue;
        }
        let role = item.get("role").and_then(Tree::as_str);
        if !matches!(role, Some("system" | "user" | "assistant")) {
            let at = item.get("role").map_or(item.span, |role| role.span);
            let message = "a message needs a `role`: `system`, `user` or `assistant`";
            cx.report(Diagnostic::new(Code::UNKNOWN_VALUE, at, message));
        }
        match item.get("content").map(|content| &content.data) {
            Some(Data::Text(text)) => cx.prompt(&input_name(index, role.unwrap_or("user")), text),
            _ => cx.report(Diagnostic::new(Code::MISSING_KEY, item.span, "a message needs `content`, a text")),
        }
    }
}

/// Inputs of messages are named so that their order and role can be told from the name.
fn input_name(index: usize, role: &str) -> String {
    format!("message_{index:04}_{role}")
}

/// The conversation that a node's input holds.
pub(crate) fn messages(input: &Value) -> Result<Vec<Message>, Failure> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let mut messages: Vec<Message> = vec![];
    messages.extend(text("system").map(|text| Message::new(Role::System, text)));
    messages.extend(text("prompt").map(|text| Message::new(Role::User, text)));
    if let Some(given) = input.get("messages") {
        let given: Vec<Message> = serde_json::from_value(given.clone()).map_err(|e| {
            Failure::new(FailureClass::Code, "`messages` must be a list of `{ role, content }`").because(e)
        })?;
        messages.extend(given);
    }
    // Names of inputs are ordered as the messages are.
    for (name, value) in input.as_object().into_iter().flatten() {
        if let (Some(name), Some(content)) = (name.strip_prefix("message_"), value.as_str()) {
            let role = match name.rsplit('_').next() {
                Some("system") => Role::System,
                Some("assistant") => Role::Assistant,
                _ => Role::User,
            };
            messages.push(Message::new(role, content));
        }
    }
    Ok(messages)
}
