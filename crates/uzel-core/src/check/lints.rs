//! What is known to go wrong in production with graphs that are otherwise right. Called when the edges are known.

use super::{
    bodies::DraftPlan,
    edges::{Linked, LinkedNode},
};
use crate::{
    capability::tool::EffectClass,
    diagnostic::{Code, Diagnostic, Diagnostics},
    failure::FailureClass,
};

/// Looks at every node that calls a tool.
pub(super) fn reliability(linked: &Linked, out: &mut Diagnostics) {
    in_body(linked, false, out);
}

/// Looks at nodes that all stand behind a gate, or not.
fn in_body(linked: &Linked, gated: bool, out: &mut Diagnostics) {
    let mut behind = vec![gated; linked.nodes.len()];
    for idx in &linked.order {
        let node = &linked.nodes[*idx];
        // One gate among all that must come before is enough; of several ways here, each needs its own.
        let (control, flow): (Vec<_>, Vec<_>) = node.parents.iter().partition(|edge| edge.via.is_control());
        let after = |from: usize| behind[from] || linked.nodes[from].draft.gate;
        let by_flow = flow.iter().any(|edge| after(edge.from));
        let by_control = !control.is_empty() && control.iter().all(|edge| after(edge.from));
        behind[*idx] = gated || by_flow || by_control;
        unguarded(node, behind[*idx], out);
        unsafe_retry(node, out);
        if let Some(body) = node.draft.plan.as_ref().and_then(DraftPlan::nodes) {
            in_body(body, behind[*idx], out);
        }
    }
}

fn unguarded(node: &LinkedNode, behind: bool, out: &mut Diagnostics) {
    let draft = &node.draft;
    if behind || !draft.effect.is_some_and(EffectClass::is_write) {
        return;
    }
    let message = format!("`{}` writes, and no guard and no person stands before it", draft.id);
    let help = "put a `guard` or a `human` node before it, and refer to that one or name it in `needs`";
    out.push(Diagnostic::new(Code::UNGUARDED_WRITE, draft.at, message).help(help));
}

/// An effect that must not be repeated is tried again only when the other side was not reached at all.
fn unsafe_retry(node: &LinkedNode, out: &mut Diagnostics) {
    let draft = &node.draft;
    let Some((retry, at)) = draft.retry.as_ref().filter(|(retry, _)| retry.max > 1) else { return };
    let harmful = retry.classes.iter().find(|class| **class != FailureClass::Connect);
    let (Some(EffectClass::Once), Some(class)) = (draft.effect, harmful) else { return };
    let message =
        format!("`{}` must not be repeated, and after `{}` nobody knows whether it was done", draft.id, class.as_str());
    let help = "write `retry: { errors: [connect] }`, or make the tool safe to repeat and give it `effect: keyed`";
    out.push(Diagnostic::new(Code::RETRY_NOT_SAFE, *at, message).help(help));
}
