//! What a fork of a run takes over and what it does again, before it is made. Used by `uzel retry` and `uzel fork`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use uzel_core::{
    capability::tool::EffectClass,
    event::RunId,
    run::fork::{Fork, Known, Outcome},
};

use super::{BOLD, DIM, RED, human, paint};

/// So many names are listed.
const MOST: usize = 20;

/// For people.
pub(crate) fn text(run: &RunId, fork: &Fork, colour: bool) -> String {
    let at = fork.at.as_ref().map(|at| format!(" from `{at}`")).unwrap_or_default();
    let mut out = format!("{}\n", paint(colour, BOLD, &format!("run {run} again{at}")));
    for name in &fork.set {
        let _ = writeln!(out, "  set       what `{name}` gives");
    }
    let _ = writeln!(out, "  reused    {}{}", human::plural(fork.reused.len(), "effect"), cost(&fork.reused));
    names(&mut out, fork.reused.iter().map(|known| known.effect.to_string()));
    let _ = writeln!(out, "  repeated  {}{}", human::plural(fork.repeated.len(), "effect"), cost(&fork.repeated));
    // What may happen a second time first.
    let (writes, reads): (Vec<&Known>, Vec<&Known>) = fork.repeated.iter().partition(|known| known.is_write());
    for known in writes {
        let line = format!("  ! {}  {}  {}", known.effect, class(known.class), warning(known));
        let _ = writeln!(out, "  {}", paint(colour, RED, &line));
    }
    names(&mut out, reads.iter().map(|known| format!("{}  {}", known.effect, class(known.class))));
    for answered in &fork.answers {
        let _ = writeln!(out, "  answer    `{}`: {} by {} is reused", answered.instance, answered.action, answered.by);
    }
    for answered in &fork.asked_again {
        let text = format!("`{}` is asked again (was {} by {})", answered.instance, answered.action, answered.by);
        let _ = writeln!(out, "  answer    {text}");
    }
    for name in &fork.changed {
        let _ = writeln!(out, "  note      `{name}` is otherwise in the other app; what it gave is reused");
    }
    if !fork.repeated.is_empty() {
        let note = "effects that are done again have new idempotency keys, as the run has another name";
        let _ = writeln!(out, "  note      {}", paint(colour, DIM, note));
    }
    out
}

fn names(out: &mut String, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    for name in names.iter().take(MOST) {
        let _ = writeln!(out, "    {name}");
    }
    if names.len() > MOST {
        let _ = writeln!(out, "    … and {} more", names.len() - MOST);
    }
}

fn cost(known: &[Known]) -> String {
    let usd: f64 = known.iter().map(|known| known.cost_usd).fold(0.0, |sum, usd| sum + usd);
    if usd > 0.0 { format!(", which cost {}", human::money(usd)) } else { String::new() }
}

const fn class(class: EffectClass) -> &'static str {
    match class {
        EffectClass::Read => "read",
        EffectClass::Idempotent => "idempotent",
        EffectClass::Keyed => "keyed",
        EffectClass::Once => "once",
    }
}

fn warning(known: &Known) -> &'static str {
    match (known.result, known.class) {
        (Outcome::Acknowledged, EffectClass::Once) => "HAS BEEN DONE, and must not be done twice",
        (Outcome::Acknowledged, EffectClass::Keyed) => {
            "HAS BEEN DONE, and will be done a second time: its key is another"
        }
        (Outcome::Acknowledged, _) => "has been done; doing it again should change nothing",
        (Outcome::Failed, _) => "failed; it may have been done all the same",
        (Outcome::InDoubt, _) => "MAY HAVE BEEN DONE: a process died while doing it",
    }
}

/// For programs.
pub(crate) fn json(run: &RunId, fork: &Fork) -> Value {
    let mut value = json!(fork);
    value["run"] = json!(run);
    value["repeats_writes"] = json!(fork.repeated_writes().next().is_some());
    value
}
