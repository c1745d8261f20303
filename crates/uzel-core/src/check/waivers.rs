//! Findings that the app's author accepts for a time, and levels that the caller sets. Called when all lints have looked.

use std::collections::BTreeMap;

use super::{
    Choices, Waived,
    lints::{Finding, Scene, is_lint},
};
use crate::{
    date::Date,
    diagnostic::{Code, Diagnostic, Diagnostics, Severity, did_you_mean},
    document::Waiver,
    source::Span,
};

/// What a caller makes of findings, beside what they are.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// Codes that are errors, and codes that are not reported; errors stay errors.
    pub codes: BTreeMap<Code, Level>,
    /// Whether every warning that is not allowed is an error.
    pub deny_warnings: bool,
}

/// What a caller makes of the findings of one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An error.
    Deny,
    /// Nothing.
    Allow,
}

impl Levels {
    /// Applies them; what is an error by itself stays one.
    pub(super) fn apply(&self, out: &mut Diagnostics) {
        out.retain(|diagnostic| {
            if diagnostic.severity == Severity::Error {
                return true;
            }
            match self.codes.get(&diagnostic.code) {
                Some(Level::Allow) => return false,
                Some(Level::Deny) => diagnostic.severity = Severity::Error,
                None if self.deny_warnings && diagnostic.severity == Severity::Warning => {
                    diagnostic.severity = Severity::Error;
                }
                None => {}
            }
            true
        });
    }
}

/// A waiver that can hold.
struct Held<'w> {
    waiver: &'w Waiver,
    code: Code,
    until: Date,
    /// The node that it is written in.
    node: Option<Span>,
    used: bool,
}

/// Takes out what is waived, and reports waivers that do not hold. `is_whole`: everything has been looked at.
pub(super) fn apply(
    findings: Vec<Finding>,
    scene: &Scene<'_>,
    app: &[Waiver],
    choices: &Choices,
    is_whole: bool,
    out: &mut Diagnostics,
) -> Vec<Waived> {
    // Those of nodes come first: a finding is accepted as near to it as it can be.
    let of_nodes = scene
        .places
        .iter()
        .flat_map(|stand| stand.node.noted.waivers.iter().map(|waiver| (waiver, Some(stand.node.at))));
    let all = of_nodes.chain(app.iter().map(|waiver| (waiver, None)));
    let mut held: Vec<Held<'_>> = all.filter_map(|(waiver, node)| hold(waiver, node, out)).collect();
    let mut waived = vec![];
    for Finding { diagnostic, about } in findings {
        let nodes: Vec<Span> =
            about.iter().flat_map(|place| scene.outwards(*place)).map(|place| scene.node(place).at).collect();
        let found = held
            .iter_mut()
            .find(|held| held.code == diagnostic.code && held.node.is_none_or(|node| nodes.contains(&node)));
        match found {
            Some(held) if diagnostic.severity != Severity::Error => {
                held.used = true;
                if choices.today.is_some_and(|today| today > held.until) {
                    out.push(diagnostic);
                } else {
                    let reason = held.waiver.reason.as_str().to_owned();
                    waived.push(Waived { diagnostic, reason, until: held.until });
                }
            }
            _ => out.push(diagnostic),
        }
    }
    for held in &held {
        if held.used && choices.today.is_some_and(|today| today > held.until) {
            let message = format!("the waiver of {} held until {}", held.code, held.until);
            let help = "correct what it waives, or decide again and write a later day";
            out.push(Diagnostic::new(Code::WAIVER_EXPIRED, held.waiver.until.span, message).help(help));
        }
        // Other models may lack what this one is accepted for, and some lints look only when they are asked to.
        let looked = choices.models.is_empty() && (held.code != Code::NO_FLAG || choices.against.is_some());
        if !held.used && is_whole && looked {
            let whom = if held.node.is_some() { "this node" } else { "this app" };
            let message = format!("{} is waived, and `check` does not find it in {whom}", held.code);
            let found = Diagnostic::new(Code::WAIVER_UNUSED, held.waiver.code.span, message);
            out.push(found.help("remove the waiver: it would hide the next finding of this sort"));
        }
    }
    waived
}

/// A waiver that can hold; one that cannot is reported.
fn hold<'w>(waiver: &'w Waiver, node: Option<Span>, out: &mut Diagnostics) -> Option<Held<'w>> {
    let mut bad = |at: Span, message: String, help: String| {
        out.push(Diagnostic::new(Code::BAD_WAIVER, at, message).help(help));
    };
    let code = Code::find(waiver.code.as_str());
    let fits = match code {
        Some(code) if !is_lint(code) || code.severity() == Severity::Error => {
            let what = if code.severity() == Severity::Error { "an error" } else { "no warning about reliability" };
            let message = format!("{code} cannot be waived: it is {what}");
            let help = format!("correct what it says; `uzel explain {code}` says how");
            bad(waiver.code.span, message, help);
            false
        }
        Some(_) => true,
        None => {
            let codes = Code::ALL.iter().filter(|(code, ..)| is_lint(*code)).map(|(code, ..)| code.as_str());
            let help = did_you_mean(waiver.code.as_str(), codes);
            let help = help.unwrap_or_else(|| "write a code that `uzel check` gave, such as `UZ3006`".to_owned());
            bad(waiver.code.span, format!("there is no code `{}`", waiver.code.as_str()), help);
            false
        }
    };
    let said = waiver.reason.as_str().split_whitespace().count() > 0;
    if !said {
        let help = "write in a sentence why this is right here, for whoever reads it next".to_owned();
        bad(waiver.reason.span, "the waiver gives no reason".to_owned(), help);
    }
    let until = waiver.until.as_str().parse::<Date>();
    if let Err(why) = &until {
        bad(waiver.until.span, why.clone(), "write the last day on which it holds: `until: 2027-01-31`".to_owned());
    }
    Some(Held { waiver, code: code.filter(|_| fits && said)?, until: until.ok()?, node, used: false })
}
