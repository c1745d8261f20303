//! Limits that can be read but make no sense: of the app, of retries, of times. Called while a document is checked.

use super::App;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    document::Limits,
    duration,
    policy::RetryPolicy,
    yaml::{self, Tree},
};

impl App<'_, '_> {
    /// The app's limits and the defaults of its nodes.
    pub(super) fn limits(&mut self, tree: &Tree) {
        limits(tree.get("limits"), self.out);
        let defaults = tree.get("defaults");
        retry(defaults.and_then(|defaults| defaults.get("retry")), self.out);
        time("timeout", defaults.and_then(|defaults| defaults.get("timeout")), self.out);
    }
}

/// Limits, of an app or of a node, that let nothing happen.
pub(super) fn limits(tree: Option<&Tree>, out: &mut Diagnostics) {
    let Some(tree) = tree else { return };
    // What cannot be read has been reported with the rest.
    let read = yaml::from_tree::<Limits>(tree, &mut Diagnostics::default()).unwrap_or_default();
    let at = |key: &str| tree.get(key).map_or(tree.span, |tree| tree.span);
    if let Some(cost) = read.cost_usd.filter(|cost| !cost.is_finite() || *cost <= 0.0) {
        let message = format!("`cost_usd: {cost}` lets nothing run");
        let help = "write an amount above 0, such as `cost_usd: 0.25`";
        out.push(Diagnostic::new(Code::BAD_LIMIT, at("cost_usd"), message).help(help));
    }
    for (key, limit, usual) in [("tokens", read.tokens, 20_000), ("calls", read.calls, 50)] {
        if limit == Some(0) {
            let help = format!("write a number above 0, such as `{key}: {usual}`");
            out.push(Diagnostic::new(Code::BAD_LIMIT, at(key), format!("`{key}: 0` lets nothing run")).help(help));
        }
    }
    time("duration", tree.get("duration"), out);
    time("active", tree.get("active"), out);
}

/// A bound of no time lets nothing happen.
pub(super) fn time(key: &str, tree: Option<&Tree>, out: &mut Diagnostics) {
    let Some((text, at)) = tree.and_then(|tree| Some((tree.as_str()?, tree.span))) else { return };
    if duration::parse(text).is_ok_and(|bound| bound.is_zero()) {
        let message = format!("`{key}: {text}` leaves no time");
        let help = format!("write a time above 0, such as `{key}: 30s`");
        out.push(Diagnostic::new(Code::BAD_LIMIT, at, message).help(help));
    }
}

/// A retry policy that can be read and does not make sense, each problem at its key.
pub(super) fn retry(tree: Option<&Tree>, out: &mut Diagnostics) {
    let Some(tree) = tree else { return };
    // What cannot be read has been reported with the rest of the node.
    let Some(policy) = yaml::from_tree::<RetryPolicy>(tree, &mut Diagnostics::default()) else { return };
    for (key, message) in policy.problems() {
        // `cap` is the problem also when only `base` is written.
        let other = if key == "cap" { tree.get("base") } else { None };
        let at = tree.get(key).or(other).map_or(tree.span, |tree| tree.span);
        out.push(Diagnostic::new(Code::BAD_LIMIT, at, message).help(retry_help(key)));
    }
}

fn retry_help(key: &str) -> String {
    let usual = RetryPolicy::default();
    match key {
        "max" => format!("write `max: {}`, or another number from 1 to {}", usual.max, RetryPolicy::MAX),
        "base" => format!("write `base: {}`", usual.base),
        "cap" => "write a `cap` that is longer than `base`, or a shorter `base`".to_owned(),
        _ => "remove it from `errors`".to_owned(),
    }
}
