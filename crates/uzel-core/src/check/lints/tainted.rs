//! Texts that strangers may have written, where they could give orders: to an agent that may write, through a model to
//! what is written, in a statement of another language.

use super::{Findings, Place, Scene};
use crate::{
    capability::tool::EffectClass,
    check::taint::{Labels, Part, Step, may_hold_text, parts},
    diagnostic::{Code, Diagnostic},
    graph::{
        Input,
        facts::{Agent, Does, Origin, Sink},
    },
    yaml::Text,
};

pub(super) fn look(scene: &Scene<'_>, out: &mut Findings) {
    for (place, stand) in scene.places.iter().enumerate() {
        // One text that reaches an agent is enough to say.
        let orders = sinks(scene, place, Does::Orders).find_map(|(_, part)| ordered(scene, place, &part));
        let orders = orders.or_else(|| stand.node.facts.agent.as_ref().and_then(|agent| called(scene, place, agent)));
        if let Some(finding) = orders {
            out.node(place, finding);
        }
        for (input, part) in sinks(scene, place, Does::Writes) {
            if let Some(finding) = steered(scene, place, input, &part) {
                out.node(place, finding);
            }
        }
    }
}

pub(super) fn statements(scene: &Scene<'_>, out: &mut Findings) {
    for (place, stand) in scene.places.iter().enumerate() {
        for (input, part) in sinks(scene, place, Does::States) {
            let labels = scene.taint().part(scene, place, &part);
            let made = [Origin::Input, Origin::Retrieved, Origin::Tool, Origin::Model].into_iter();
            let Some(origin) = made.into_iter().find(|origin| labels.is_of(*origin)) else { continue };
            let steps = scene.taint().way(scene, place, &part.references, |labels| labels.is_of(origin));
            let message = format!("{} becomes part of a statement of `{}`", said(&steps, origin), stand.node.id);
            let help = "write the statement in a tool of the app with parameters, and pass the text as one: `:name`";
            let found = Diagnostic::new(Code::TAINTED_STATEMENT, at(input, &part), message).help(help);
            out.node(place, along(scene, found, &steps));
        }
    }
}

/// Parts of a node's inputs that do this.
fn sinks<'s>(scene: &'s Scene<'_>, place: Place, does: Does) -> impl Iterator<Item = (&'s Input, Part)> {
    let node = scene.node(place);
    let of = move |sink: &&Sink| sink.does == does;
    node.facts.sinks.iter().filter(of).flat_map(move |sink| {
        let inputs = node.inputs.iter().filter(|input| input.name == sink.input);
        inputs.flat_map(move |input| {
            let wanted = move |part: &Part| sink.field.is_none() || part.path.first() == sink.field.as_ref();
            parts(input).into_iter().filter(wanted).map(move |part| (input, part))
        })
    })
}

fn at(input: &Input, part: &Part) -> crate::source::Span {
    let field = part.path.first().and_then(|field| input.fields.iter().find(|(name, _)| name == field));
    field.map_or(input.at, |(_, at)| *at)
}

/// A text at which nobody has looked tells an agent what to do.
fn ordered(scene: &Scene<'_>, place: Place, part: &Part) -> Option<Diagnostic> {
    let node = scene.node(place);
    let origin = scene.taint().part(scene, place, part).unseen()?;
    let steps = scene.taint().way(scene, place, &part.references, |labels| labels.is_unseen(origin));
    let at = steps.last().map_or(node.at, |step| step.at);
    let tools = privileges(scene, node.facts.agent.as_ref());
    let message = format!("{} reaches `{}`{tools}, and nothing has looked at it", said(&steps, origin), node.id);
    let help = barrier(scene, node.facts.agent.as_ref());
    Some(along(scene, Diagnostic::new(Code::TAINTED_AGENT, at, message).help(help), &steps))
}

/// What a tool answers is read by the same agent that may write.
fn called(scene: &Scene<'_>, place: Place, agent: &Agent) -> Option<Diagnostic> {
    let declared = |name: &str| scene.about.declared.tools.get(name).map(|tool| &tool.ports);
    let writes = agent.tools.iter().find(|name| declared(name).is_some_and(|ports| ports.class.is_write()))?;
    let all = agent.tools.iter().chain(&agent.asks_first);
    let reads = all.into_iter().find(|name| {
        declared(name).is_some_and(|ports| ports.class == EffectClass::Read && may_hold_text(&ports.output))
    })?;
    let node = scene.node(place);
    let message = format!(
        "what `{}` gives reaches `{}`, which may call `{}`, and nothing has looked at it",
        reads.as_str(),
        node.id,
        writes.as_str()
    );
    let found = Diagnostic::new(Code::TAINTED_AGENT, writes.span, message).help(barrier(scene, Some(agent)));
    Some(found.label(reads.span, "this tool gives texts of others"))
}

/// What may be written by an agent, as a part of a sentence.
fn privileges(scene: &Scene<'_>, agent: Option<&Agent>) -> String {
    let tools = agent.map(|agent| agent.tools.as_slice()).unwrap_or_default();
    let class = |name: &str| scene.about.declared.tools.get(name).map(|tool| tool.ports.class);
    let writes = tools.iter().filter(|name| class(name).is_some_and(EffectClass::is_write));
    let names: Vec<String> = writes.map(|name| format!("`{}`", name.as_str())).collect();
    if names.is_empty() { String::new() } else { format!(", which may call {}", names.join(", ")) }
}

fn barrier(scene: &Scene<'_>, agent: Option<&Agent>) -> String {
    let tools = agent.map(|agent| agent.tools.as_slice()).unwrap_or_default();
    let class = |name: &str| scene.about.declared.tools.get(name).map(|tool| tool.ports.class);
    let writes = tools.iter().filter(|name| class(name).is_some_and(EffectClass::is_write));
    let names: Vec<&str> = writes.map(Text::as_str).collect();
    format!(
        "let a person agree first (`approve: [{}]`), judge the text with a `guard` that has `prompt_injection`, or give on \
         only typed values of it",
        names.join(", ")
    )
}

/// A model that has read a text at which nobody has looked says what is written, and nothing stands between.
fn steered(scene: &Scene<'_>, place: Place, input: &Input, part: &Part) -> Option<Diagnostic> {
    let taint = scene.taint();
    let wanted = |labels: Labels| labels.is_of(Origin::Model) && labels.unseen().is_some() && !labels.is_free();
    let reference = part.references.iter().find(|reference| wanted(taint.reference(scene, place, reference)))?;
    let origin = taint.reference(scene, place, reference).unseen()?;
    let steps = taint.way(scene, place, std::slice::from_ref(reference), |labels| labels.is_unseen(origin));
    // Of an app that a node runs, the model in it.
    let asks = |step: &&Step| {
        let node = step.place.map(|place| scene.node(place));
        node.is_some_and(|node| node.facts.asks.is_some() || Scene::is_app(node))
    };
    let model = steps.iter().rev().find(asks)?.place?;
    if gate_between(scene, model, place) {
        return None;
    }
    let (id, model_id) = (&scene.node(place).id, &scene.node(model).id);
    let message = format!("{} steers what `{id}` writes, through `{model_id}`", said(&steps, origin));
    let help = format!(
        "put a `human` or a `guard` between `{model_id}` and `{id}`, or judge the text with `prompt_injection` before the \
         model reads it"
    );
    Some(along(scene, Diagnostic::new(Code::TAINTED_WRITE, at(input, part), message).help(help), &steps))
}

/// Whether something that can say no comes after one node and before the other.
fn gate_between(scene: &Scene<'_>, from: Place, to: Place) -> bool {
    let around: Vec<Place> = scene.outwards(to).collect();
    // What comes after the node that runs a body comes after the body's nodes.
    let from: Vec<Place> = scene.outwards(from).take_while(|place| !around.contains(place)).collect();
    let gates = scene.before(to).into_iter().filter(|place| *place != to && scene.node(*place).noted.gate);
    gates.into_iter().any(|gate| scene.before(gate).iter().any(|place| from.contains(place)))
}

/// The source of a way in words.
fn said(steps: &[Step], origin: Origin) -> String {
    let name = steps.first().map(|step| step.name.as_str()).unwrap_or_default();
    let through: Vec<String> = steps.iter().skip(1).map(|step| format!("`{}`", step.name)).collect();
    let through = if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
    match origin {
        Origin::Input => format!("`{name}`{through}"),
        Origin::Retrieved => format!("a document that `{name}` found{through}"),
        Origin::Tool => format!("what `{name}` was answered{through}"),
        Origin::Model => format!("what a model wrote in `{name}`{through}"),
        Origin::Person => format!("what a person wrote in `{name}`{through}"),
    }
}

/// Says at each step where the text goes on.
fn along(scene: &Scene<'_>, mut diagnostic: Diagnostic, steps: &[Step]) -> Diagnostic {
    for (index, step) in steps.iter().enumerate() {
        let to = steps.get(index + 1).and_then(|next| next.place).map(|place| scene.node(place).id.as_str());
        let text = match to {
            Some(to) => format!("`{}` goes to `{to}` here", step.name),
            None => format!("`{}` is used here", step.name),
        };
        diagnostic = diagnostic.label(step.at, text);
    }
    diagnostic
}
