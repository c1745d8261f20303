//! The tools of an agent: what the model is told of them, and which one a call names.

use std::sync::Arc;

use serde_json::Value;
use uzel_core::{
    build::{BoundTool, Build},
    capability::model::{ToolCall, ToolSpec},
    diagnostic::{Diagnostic, did_you_mean},
};

use super::Config;
use crate::tool;

/// Providers take names of at most so many letters.
const LONGEST_NAME: usize = 64;

/// The tools in the order of the file.
pub(super) struct Toolbox(Vec<Item>);

/// One of them.
pub(super) struct Item {
    pub(super) tool: Arc<BoundTool>,
    /// What the model sees.
    spec: ToolSpec,
    /// Whether a person is asked before each call.
    pub(super) is_asked: bool,
}

impl Toolbox {
    pub(super) fn build(config: &Config, cx: &mut Build<'_>) -> Result<Self, Diagnostic> {
        let mut items: Vec<Item> = vec![];
        for name in &config.tools.value {
            let tool = cx.tool(name)?;
            let spec = ToolSpec {
                name: plain_name(&tool.name, &items),
                description: tool.ports.description.clone(),
                parameters: Value::clone(tool.ports.params.json()),
            };
            let is_asked = config.approve.iter().any(|asked| asked.as_str() == name.as_str());
            items.push(Item { tool, spec, is_asked });
        }
        Ok(Self(items))
    }

    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        self.0.iter().map(|item| item.spec.clone()).collect()
    }

    /// The tool that a call names and its arguments with defaults, or what to tell the model.
    pub(super) fn find(&self, call: &ToolCall) -> Result<(&Item, Value), String> {
        let item = self.0.iter().find(|item| item.spec.name == call.name || item.tool.name == call.name);
        let Some(item) = item else {
            let names = || self.0.iter().map(|item| item.spec.name.as_str());
            let help = did_you_mean(&call.name, names())
                .unwrap_or_else(|| format!("the tools are {}", names().collect::<Vec<_>>().join(", ")));
            return Err(format!("there is no tool `{}`: {help}", call.name));
        };
        if let Some(text) = call.arguments.as_str() {
            let start: String = text.chars().take(200).collect();
            return Err(format!("the arguments are not JSON: {start}"));
        }
        let arguments = tool::fit(&item.tool, call.arguments.clone())
            .map_err(|violations| format!("the arguments do not fit: {}", violations.join("; ")))?;
        Ok((item, arguments))
    }
}

/// Providers take letters, digits, `_` and `-`: `shop.query` becomes `shop_query`.
fn plain_name(name: &str, before: &[Item]) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let plain: String = name.chars().map(keep).take(LONGEST_NAME - 3).collect();
    let is_free = |name: &String| before.iter().all(|item| item.spec.name != *name);
    let numbered = (2..).map(|n| format!("{plain}_{n}"));
    std::iter::once(plain.clone()).chain(numbered).find(is_free).unwrap_or(plain)
}
