//! Routes that obey a model's verdict although the model had no way to say that it does not know.

use super::{Findings, Place, Scene};
use crate::{
    check::taint::at_path,
    diagnostic::{Code, Diagnostic},
    expr::Reference,
    graph::Program,
    schema::Type,
};

/// Words by which a verdict says that there is none.
const DOUBT: [&str; 22] = [
    "unsure",
    "unknown",
    "unclear",
    "uncertain",
    "undecided",
    "ambiguous",
    "other",
    "others",
    "none",
    "neither",
    "mixed",
    "maybe",
    "escalate",
    "review",
    "human",
    "not_sure",
    "cannot_tell",
    "dont_know",
    "do_not_know",
    "default",
    "not_applicable",
    "na",
];

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    for (place, stand) in scene.places.iter().enumerate() {
        let node = stand.node;
        let by = node.inputs.iter().find(|input| node.facts.chooses == Some(input.name.as_str()));
        let Some(Program::Expression(by)) = by.map(|input| &input.program) else { continue };
        if words(&node.output).iter().any(|case| is_doubt(case)) {
            continue;
        }
        let Some((verdict, model)) = by.references().iter().find_map(|r| Some((r, verdict(scene, place, r)?))) else {
            continue;
        };
        // `sort.kind if sort.confidence >= 0.6 else …` has looked.
        let weighs = |reference: &Reference| {
            let ty = at_path(&scene.node(model).output, &reference.path).without_null();
            let weighed = matches!(ty, Type::Number | Type::Integer | Type::Boolean);
            scene.find(place, &reference.root) == Some(model) && weighed
        };
        if by.references().iter().any(weighs) {
            continue;
        }
        let model = scene.node(model);
        let written = std::iter::once(&verdict.root).chain(&verdict.path);
        let written = written.map(String::as_str).collect::<Vec<_>>().join(".");
        let message = format!("`{}` does what `{written}` says, also when the model is not sure", node.id);
        let help = format!(
            "ask for `confidence: number` too, write `by: {written} if {}.confidence >= 0.6 else \"unsure\"`, and add \
             a case `unsure`",
            model.id
        );
        let found = Diagnostic::new(Code::NO_DOUBT, by.span(), message).help(help);
        out.node(place, found.label(model.at, "this model must choose one of the values"));
    }
}

/// The model whose verdict a reference is: one of an enum's words, none of which says that it does not know.
fn verdict(scene: &Scene<'_>, place: Place, reference: &Reference) -> Option<Place> {
    let from = scene.find(place, &reference.root)?;
    let node = scene.node(from);
    node.facts.asks.as_ref()?;
    let ty = at_path(&node.output, &reference.path);
    let words = words(&ty);
    (words.len() > 1 && !ty.may_be_null() && !words.iter().any(|word| is_doubt(word))).then_some(from)
}

/// The texts that a value may be.
fn words(ty: &Type) -> Vec<String> {
    let values = ty.members().iter().filter_map(Type::enum_values).flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn is_doubt(word: &str) -> bool {
    let plain: String = word.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    DOUBT.contains(&plain.as_str())
}
