//! Agents decide by themselves how long they go on: each needs a bound on turns, on spending and on time.

use super::{Findings, Scene};
use crate::{
    capability::tool::EffectClass,
    diagnostic::{Code, Diagnostic},
    document::Limits,
    graph::facts::Agent,
};

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    for (place, stand) in scene.places.iter().enumerate() {
        let Some(agent) = &stand.node.facts.agent else { continue };
        let writes = agent.tools.iter().filter_map(|name| scene.about.declared.tools.get(name.as_str()));
        let writes = writes.map(|tool| tool.ports.class).any(EffectClass::is_write);
        let missing = missing(agent, scene.about.limits, writes);
        let Some((first, _)) = missing.first() else { continue };
        let names: Vec<String> = missing.iter().map(|(key, _)| format!("`{key}`")).collect();
        let message = format!("the agent `{}` has no limit of {}", stand.node.id, names.join(", "));
        let all: Vec<String> = missing.iter().map(|(key, such_as)| format!("{key}: {such_as}")).collect();
        let written = if agent.at.is_some() { "to its `limits`" } else { "in `limits`" };
        let help = match all.as_slice() {
            [one] => format!("add `{one}` {written}"),
            _ if agent.at.is_some() => format!("add `{}` to its `limits`", all.join(", ")),
            _ => format!("add `limits: {{ {} }}`", all.join(", ")),
        };
        debug_assert!(!first.is_empty());
        out.node(place, Diagnostic::new(Code::AGENT_UNBOUNDED, agent.at.unwrap_or(stand.node.at), message).help(help));
    }
}

/// Limits that nobody has set, and what they may look like.
fn missing(agent: &Agent, app: &Limits, writes: bool) -> Vec<(&'static str, &'static str)> {
    let mut missing = vec![];
    if agent.steps.is_none() {
        missing.push(("steps", "10"));
    }
    // A turn may call many tools at once.
    if agent.tool_calls.is_none() && writes {
        missing.push(("tool_calls", "20"));
    }
    if agent.cost_usd.or(app.cost_usd).is_none() && agent.tokens.or(app.tokens).is_none() {
        missing.push(("cost_usd", "0.50"));
    }
    if agent.duration.is_none() {
        missing.push(("duration", "5m"));
    }
    missing
}
