//! What two graphs must have in common to be the same program: everything but places. Compared by tests of whatever
//! writes apps.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{Declaration, Graph, Inner, NodeDef, Plan, Reaction, Shape};
use crate::expr::{Binding, Expression, Reference};

impl Graph {
    /// Everything that the graph says, without places: two graphs of one shape are the same program.
    pub fn shape(&self) -> Value {
        let declared = &self.declared;
        let functions = declared
            .functions
            .iter()
            .map(|(name, def)| (name.clone(), json!([def.params.to_json_schema(), def.result.to_json_schema()])));
        json!({
            "name": self.name,
            "description": self.description,
            "inputs": **self.inputs.json(),
            "output": self.output.as_ref().map(binding),
            "gives": self.gives.to_json_schema(),
            "limits": format!("{:?}", self.limits),
            "flags": self.flags.iter()
                .map(|(name, flag)| (name.clone(), json!([**flag.schema.json(), flag.default])))
                .collect::<Map<_, _>>(),
            "secrets": self.secrets,
            "models": declarations(&declared.models, |def| def.name),
            "tools": declarations(&declared.tools, |def| def.name),
            "connections": declarations(&declared.connections, |def| def.name),
            "knowledge": declarations(&declared.knowledge, |def| def.name),
            "functions": functions.collect::<Map<_, _>>(),
            "nodes": nodes(&self.nodes),
        })
    }
}

fn declarations<D, P>(all: &IndexMap<String, Declaration<D, P>>, name: impl Fn(&D) -> &'static str) -> Value {
    let one = |(key, declared): (&String, &Declaration<D, P>)| {
        (key.clone(), json!([name(&declared.def), declared.tree.to_json()]))
    };
    all.iter().map(one).collect::<Map<_, _>>().into()
}

fn nodes(nodes: &IndexMap<String, Arc<NodeDef>>) -> Value {
    nodes.iter().map(|(id, def)| (id.clone(), node(def))).collect::<Map<_, _>>().into()
}

fn node(def: &NodeDef) -> Value {
    let parents = def.parents.iter().map(|edge| json!([edge.from, format!("{:?}", edge.via)]));
    let inputs = def.inputs.iter().map(|input| {
        let expect = input.expect.as_ref().map(|(ty, words)| json!([ty.to_json_schema(), words]));
        json!([input.name, references(input.program.references()), expect, input.nullable])
    });
    json!({
        "kind": def.kind.name,
        "description": def.description,
        "labels": def.labels,
        "config": def.config.to_json(),
        "when": def.when.as_ref().map(Expression::source),
        "inputs": inputs.collect::<Vec<_>>(),
        "output": def.output.to_json_schema(),
        "parents": parents.collect::<Vec<_>>(),
        "join": def.join.to_string(),
        "children": def.children,
        "below": def.plan.as_ref().map(|plan| {
            plan.inner.nodes().iter().map(|(id, def)| (id.clone(), node(def))).collect::<Map<_, _>>()
        }),
        "gated": def.gated,
        "on_error": reaction(&def.on_error),
        "on_block": reaction(&def.on_block),
        "policy": format!("{:?}", def.policy),
        "limits": format!("{:?}", def.limits),
        "plan": def.plan.as_ref().map(plan),
    })
}

fn plan(plan: &Plan) -> Value {
    let shape = match &plan.shape {
        // The condition knows its place.
        Shape::Loop { until, max_rounds, strict } => json!([until.source(), max_rounds, strict]),
        other => json!(format!("{other:?}")),
    };
    match &plan.inner {
        Inner::Nodes(body) => {
            json!([shape, nodes(&body.nodes), body.output.as_ref().map(binding), body.single])
        }
        Inner::App(graph) => json!([shape, graph.shape()]),
    }
}

fn reaction(reaction: &Reaction) -> Value {
    match reaction {
        Reaction::Fail => "fail".into(),
        Reaction::HandOn => "hand on".into(),
        Reaction::Skip => "skip".into(),
        Reaction::Use(value) => json!({ "use": binding(value) }),
        Reaction::Run(node) => json!({ "run": node }),
        Reaction::Stop(text) => json!({ "stop": binding(text) }),
    }
}

fn binding(binding: &Binding) -> Value {
    json!([binding.as_constant(), references(binding.references())])
}

fn references(references: &[Reference]) -> Value {
    references.iter().map(|reference| json!([reference.root, reference.path])).collect()
}
