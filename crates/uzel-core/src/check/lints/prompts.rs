//! Prompts that ask a model for what `code` does exactly: sums, dates, rules with thresholds. A model is right about them
//! most of the time, which is what makes it hard to notice when it is not.
//!
//! A heuristic on English words, one sentence at a time: see [`sentence`] for what a sentence becomes, [`asks`] for what is
//! asked. It would rather be silent than wrong.

mod asks;
mod sentence;
#[cfg(test)]
mod tests;

use super::{Findings, Scene};
use crate::{
    diagnostic::{Code, Diagnostic},
    expr::Template,
    graph::Program,
};

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    for (place, stand) in scene.places.iter().enumerate() {
        let node = stand.node;
        if node.facts.asks.is_none() {
            continue;
        }
        for input in &node.inputs {
            if let Program::Template(template) = &input.program
                && let Some(finding) = look_at(template, &node.id)
            {
                out.node(place, finding);
            }
        }
    }
}

/// The first thing in a prompt that code should do. One finding says enough.
fn look_at(template: &Template, id: &str) -> Option<Diagnostic> {
    let sentences = sentence::sentences(template.source(), &template.pieces());
    let (asked, bytes) =
        sentences.iter().find_map(|sentence| Some((asks::asked(sentence)?, sentence.bytes.clone())))?;
    let (what, help) = match asked {
        asks::Asked::Sum => ("compute", "`builtin:sum` and `builtin:round_money` count exactly"),
        asks::Asked::Dates => ("count or compare days", "`builtin:date_diff` counts exactly"),
        asks::Asked::Rule => {
            ("apply a rule", "an expression in `when`, a `route` or a `code` node applies it the same each time")
        }
    };
    let message = format!("`{id}` asks a model to {what}, which it does right only most of the time");
    let help = format!("{help}; let the model find the facts, and give it what code made of them");
    Some(Diagnostic::new(Code::MODEL_COMPUTES, template.at(bytes), message).help(help))
}
