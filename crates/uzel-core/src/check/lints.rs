//! What is known to go wrong in production with graphs that are otherwise right. Called when all types are known.
//!
//! Each lint is one function over the whole [`Scene`]; [`LINTS`] lists them. A finding belongs to a node or to the app,
//! which says whose waivers it falls under.

mod agents;
mod free_text;
mod prompts;
mod retries;
mod rollout;
mod scene;
mod tainted;
mod timeouts;
mod verdicts;
mod writes;

use crate::diagnostic::{Code, Diagnostic};
pub(super) use scene::{About, Inside, Place, Scene};

/// A lint: what it finds, and who looks.
struct Lint {
    /// What it finds.
    codes: &'static [Code],
    /// Who looks.
    look: fn(&Scene<'_>, &mut Findings),
}

/// All lints that look at finished nodes, in the order of their codes. Kinds find `NO_FAILURE_MODE` themselves.
const LINTS: [Lint; 10] = [
    Lint { codes: &[Code::UNGUARDED_WRITE], look: writes::look },
    Lint { codes: &[Code::RETRY_NOT_SAFE, Code::NO_BACKOFF], look: retries::look },
    Lint { codes: &[Code::NO_TIMEOUT], look: timeouts::look },
    Lint { codes: &[Code::FREE_TEXT], look: free_text::look },
    Lint { codes: &[Code::AGENT_UNBOUNDED], look: agents::look },
    Lint { codes: &[Code::MODEL_COMPUTES], look: prompts::look },
    Lint { codes: &[Code::NO_DOUBT], look: verdicts::look },
    Lint { codes: &[Code::NO_FLAG], look: rollout::look },
    Lint { codes: &[Code::TAINTED_AGENT, Code::TAINTED_WRITE], look: tainted::look },
    Lint { codes: &[Code::TAINTED_STATEMENT], look: tainted::statements },
];

/// Whether `check` may find this with a lint; such findings can be waived where they are no errors.
pub(super) fn is_lint(code: Code) -> bool {
    LINTS.iter().any(|lint| lint.codes.contains(&code))
}

/// A finding and the node that it is about; none if it is about the app.
pub(super) struct Finding {
    pub(super) diagnostic: Diagnostic,
    pub(super) about: Option<Place>,
}

/// What the lints found.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// About a node.
    fn node(&mut self, about: Place, diagnostic: Diagnostic) {
        self.0.push(Finding { diagnostic, about: Some(about) });
    }

    /// About the app.
    fn app(&mut self, diagnostic: Diagnostic) {
        self.0.push(Finding { diagnostic, about: None });
    }
}

/// Runs all lints.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    for lint in &LINTS {
        let before = findings.0.len();
        (lint.look)(scene, &mut findings);
        let news = findings.0.get(before..).unwrap_or_default();
        debug_assert!(
            news.iter().all(|found| lint.codes.contains(&found.diagnostic.code)),
            "a code that is not listed"
        );
    }
    findings.0
}
