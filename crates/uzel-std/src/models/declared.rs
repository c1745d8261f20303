//! A model's declaration in an app file: checked with the document, built with its secrets. Called through the catalog.

use std::sync::Arc;

use uzel_core::{
    build::Build,
    capability::model::Model,
    check::Check,
    diagnostic::{Code, Diagnostic, Diagnostics},
    kind::{ModelPorts, config_again},
    secret::Secret,
    source::Sources,
    yaml::{self, Text, Tree},
};

use super::ModelConfig;

/// Checks a declaration.
pub(super) fn check(tree: &Tree, cx: &mut Check<'_>) -> Option<ModelPorts> {
    let config: ModelConfig = yaml::from_tree(tree, cx.out)?;
    if let Some(responses) = tree.get("responses").and_then(Tree::as_text) {
        cx.file(responses);
    }
    address(&config, tree, cx);
    let fallback = tree.get("fallback").and_then(Tree::as_list).unwrap_or_default();
    Some(ModelPorts {
        fallback: fallback.iter().filter_map(Tree::as_text).map(Text::clone).collect(),
        brown_out: config.use_ == "offline",
        timeout: config.timeout.map(|timeout| timeout.0),
        price: config.known_price(),
        max_tokens: config.max_tokens,
    })
}

/// Whether the declaration says which model is asked, and where.
fn address(config: &ModelConfig, tree: &Tree, cx: &mut Check<'_>) {
    let at = tree.get("use").map_or(tree.span, |uses| uses.span);
    let (provider, model) = super::split(&config.use_);
    let served = match provider {
        "openai" => "gpt-5-mini",
        "anthropic" => "claude-sonnet-4-5",
        "openai-compatible" => "qwen3-8b",
        _ => return,
    };
    if model.trim().is_empty() {
        let message = format!("`use: {}` does not say which model", config.use_);
        cx.report(Diagnostic::new(Code::WRONG_SHAPE, at, message).help(format!("write `use: {provider}/{served}`")));
    }
    if provider == "openai-compatible" && config.base_url.is_none() {
        let message = "`openai-compatible` needs the address of the server";
        let help = "add `base_url:`, such as `base_url: http://127.0.0.1:11434/v1` for Ollama";
        cx.report(Diagnostic::new(Code::MISSING_KEY, at, message).help(help));
    }
}

/// Makes the model.
pub(super) fn build(tree: &Tree, cx: &mut Build<'_>) -> Result<Arc<dyn Model>, Diagnostic> {
    let config: ModelConfig = config_again(tree)?;
    let use_ = config.use_.as_str();
    let key = super::provider(use_).ok().and_then(|provider| provider.key_variable);
    let key = key.filter(|_| config.api_key.is_none()).and_then(|name| (cx.surroundings.secret)(name));
    let graph = cx.graph;
    let read = |path: &str| {
        let text = graph.file(path).ok_or_else(|| format!("`{path}` cannot be read"))?;
        let (mut sources, mut out) = (Sources::default(), Diagnostics::default());
        let source = sources.add_text(path, Arc::clone(&text));
        let tree = yaml::parse(source, &text, &mut out);
        tree.map(|tree| tree.to_json()).ok_or_else(|| {
            let first = out.iter().next();
            first.map_or_else(
                || format!("`{path}` is empty"),
                |d| format!("{}: {}", d.at.map(|at| sources.position(at).to_string()).unwrap_or_default(), d.message),
            )
        })
    };
    let name = tree.get("use").map_or(tree.span, |uses| uses.span);
    super::build(cx.making(), &config, key.map(Secret::new), &read).map_err(|message| {
        let code = if message.contains("has no key") { Code::SECRET_MISSING } else { Code::BUILD_FAILED };
        Diagnostic::new(code, name, message)
    })
}
