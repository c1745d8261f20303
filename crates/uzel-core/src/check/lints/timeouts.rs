//! Calls over a network for which nobody has said how long they may take. The engine's bound holds, but it is nobody's
//! choice: a user may have waited for the whole of it, and so may everything that waits for this call.

use std::collections::BTreeMap;

use super::{Findings, Place, Scene};
use crate::{
    build::{MODEL_TIMEOUT, TOOL_TIMEOUT},
    diagnostic::{Code, Diagnostic},
    duration,
    source::Span,
};

/// What is called: a section of the app and a name in it.
type Called = (&'static str, String);

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    // One finding for each declaration, however many nodes use it.
    let mut found: BTreeMap<Called, (Span, Vec<Place>)> = BTreeMap::new();
    for (place, stand) in scene.places.iter().enumerate() {
        // A node's own timeout, or that of `defaults`, bounds each of its calls.
        if stand.node.policy.timeout.is_none() {
            for (called, at) in calls(scene, place) {
                found.entry(called).or_insert_with(|| (at, vec![])).1.push(place);
            }
        }
    }
    for ((section, name), (at, places)) in found {
        let (usual, what, such_as) = match section {
            "models" => (MODEL_TIMEOUT, "the model", "20s"),
            _ => (TOOL_TIMEOUT, "the tool", "5s"),
        };
        let usual = duration::print(usual);
        let message = format!("nobody says how long a call of {what} `{name}` may take: it is cut off after {usual}");
        let help = format!("add `timeout: {such_as}` to it, to the nodes that call it, or to `defaults`");
        let mut diagnostic = Diagnostic::new(Code::NO_TIMEOUT, at, message).help(help);
        for place in places.iter().take(3) {
            let node = scene.node(*place);
            diagnostic = diagnostic.label(node.at, format!("`{}` calls it", node.id));
        }
        match places.as_slice() {
            // What one node alone does can be accepted there.
            [only] => out.node(*only, diagnostic),
            _ => out.app(diagnostic),
        }
    }
}

/// What a node calls over a network without a bound of the app.
fn calls(scene: &Scene<'_>, place: Place) -> Vec<(Called, Span)> {
    let (facts, declared) = (&scene.node(place).facts, scene.about.declared);
    let mut found = vec![];
    if let Some(asks) = &facts.asks {
        for (name, model) in declared.chain(asks.model.as_str(), &asks.fallback) {
            if model.def.remote && model.ports.timeout.is_none() {
                found.push((("models", name.to_owned()), model.at));
            }
        }
    }
    let agent = facts.agent.iter().flat_map(|agent| agent.tools.iter().chain(&agent.asks_first));
    for name in facts.tool.iter().chain(agent) {
        let Some(tool) = declared.tools.get(name.as_str()) else { continue };
        if tool.def.remote && tool.ports.timeout.is_none() {
            found.push((("tools", name.as_str().to_owned()), tool.at));
        }
    }
    found
}
