//! A model's answer that fits no schema, where a program or a database needs a value that was checked.

use super::{Findings, Place, Scene};
use crate::{
    check::taint::{Labels, Step, at_path, may_hold_text, parts},
    diagnostic::{Code, Diagnostic},
    expr::{Expression, Reference},
    graph::{Program, Shape, facts::Does},
    schema::Type,
    source::Span,
};

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    for place in 0..scene.places.len() {
        for (seen_from, references, at, what) in uses(scene, place) {
            if let Some(finding) = free(scene, seen_from, &references, at, &what) {
                out.node(place, finding);
            }
        }
    }
}

/// A use of texts that must not be free: the node that sees them, what it refers to, the place, and the end of a sentence.
type Use = (Place, Vec<Reference>, Span, String);

fn uses(scene: &Scene<'_>, place: Place) -> Vec<Use> {
    let node = scene.node(place);
    let mut found: Vec<Use> = vec![];
    let mut decides = |seen_from: Place, expression: &Expression, what: String| {
        let all = compared(expression);
        found.extend(all.map(|reference| (seen_from, vec![reference.clone()], reference.span, what.clone())));
    };
    if let Some(when) = &node.when {
        decides(place, when, format!("decides whether `{}` runs", node.id));
    }
    if let (Some(Shape::Loop { until, .. }), Some(inside)) =
        (node.plan.as_ref().map(|plan| &plan.shape), &scene.places[place].body)
        && let Some(last) = inside.order.last()
    {
        decides(*last, until, format!("decides whether `{}` goes on", node.id));
    }
    for input in &node.inputs {
        if node.facts.chooses == Some(input.name.as_str())
            && let Program::Expression(by) = &input.program
        {
            let chosen = || format!("chooses what runs after `{}`", node.id);
            if may_hold_text(&input.found) {
                found.push((place, by.references().to_vec(), by.span(), chosen()));
            } else {
                let all = compared(by);
                found.extend(all.map(|reference| (place, vec![reference.clone()], reference.span, chosen())));
            }
        }
        let sinks = node.facts.sinks.iter().filter(|sink| sink.input == input.name);
        for sink in sinks {
            let what = match sink.does {
                // A function that gives a text again only changes its form.
                Does::Logic if !only_text(&node.output) => format!("is what `{}` computes with", node.id),
                Does::Writes => format!("is written by `{}`", node.id),
                _ => continue,
            };
            let parts = parts(input).into_iter();
            let wanted = |path: &[String]| sink.field.is_none() || path.first() == sink.field.as_ref();
            found.extend(parts.filter(|part| wanted(&part.path)).map(|part| {
                let field = part.path.first();
                let at = field.and_then(|field| input.fields.iter().find(|(name, _)| name == field));
                (place, part.references, at.map_or(input.at, |(_, at)| *at), what.clone())
            }));
        }
    }
    found
}

/// References whose text an expression compares.
fn compared(expression: &Expression) -> impl Iterator<Item = &Reference> {
    let paths = expression.compared();
    expression.references().iter().filter(move |reference| {
        paths.iter().any(|path| {
            path.first() == Some(&reference.root) && path.get(1..).is_some_and(|rest| rest == reference.path)
        })
    })
}

/// Whether a value is a text or a list of texts, and nothing else is known to be in it.
fn only_text(ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::List(item) => only_text(item),
        Type::Union(members) => members.iter().all(|member| *member == Type::Null || only_text(member)),
        _ => false,
    }
}

fn free(scene: &Scene<'_>, place: Place, references: &[Reference], at: Span, what: &str) -> Option<Diagnostic> {
    let taint = scene.taint();
    let free = references.iter().find(|reference| taint.reference(scene, place, reference).is_free())?;
    let steps = taint.way(scene, place, std::slice::from_ref(free), Labels::is_free);
    // The model that wrote it: the last on the way, since a schema on the way would have ended it.
    let asks = |step: &&Step| {
        let node = step.place.map(|place| scene.node(place));
        node.is_some_and(|node| node.facts.asks.as_ref().is_some_and(|asks| asks.free) || Scene::is_app(node))
    };
    let model = scene.node(steps.iter().rev().find(asks)?.place?);
    let message = format!("the free text of `{}` {what}", model.id);
    let field = match at_path(&model.output, &free.path) {
        Type::String | Type::Any => "such as `output: { amount: number }`",
        _ => "with the fields that are needed",
    };
    let help = format!("give `{}` an `output` {field}: what does not fit is asked again", model.id);
    let mut diagnostic = Diagnostic::new(Code::FREE_TEXT, at, message).help(help);
    if model.at != at {
        diagnostic = diagnostic.label(model.at, "this model may answer anything");
    }
    Some(diagnostic)
}
