//! What names mean, and what nodes and bodies make of them.

use serde_json::{Map, Value};

use super::{super::print::key, Place, World};

impl World<'_> {
    /// What a body gives.
    pub(super) fn value(&self, number: usize) -> Value {
        let frame = &self.frames[number];
        if let Some(names) = frame.output {
            return Value::Object(names.iter().map(|name| (key(name), self.see(number, None, name))).collect());
        }
        if frame.single {
            return frame.slots[0].value.clone();
        }
        let last = (0..frame.nodes.len()).filter(|node| frame.behind(*node).is_empty());
        Value::Object(last.map(|node| (frame.nodes[node].id.clone(), frame.slots[node].value.clone())).collect())
    }

    /// What a name means, for a node or for the body itself.
    pub(super) fn see(&self, number: usize, node: Option<usize>, name: &str) -> Value {
        let frame = &self.frames[number];
        let (root, field) = name.split_once('.').unwrap_or((name, ""));
        if let Some(value) = frame.names.get(root) {
            return if field.is_empty() { value.clone() } else { value[field].clone() };
        }
        if let Some(found) = frame.nodes.iter().position(|node| node.id == root) {
            let hidden = node.is_some_and(|node| frame.slots[node].unseen.contains(&found));
            return if hidden { Value::Null } else { frame.slots[found].value.clone() };
        }
        match frame.outer {
            Some(((number, node), _)) if !frame.app => self.see(number, Some(node), name),
            _ => Value::Null,
        }
    }

    /// What a node is given.
    pub(super) fn given(&self, place: Place) -> Value {
        let (number, node) = place;
        let mut with = Map::new();
        for name in &self.node(place).reads {
            with.insert(key(name), self.see(number, Some(node), name));
        }
        for name in &self.node(place).asks {
            let frame = &self.frames[number];
            let of = frame.nodes.iter().position(|node| node.id == *name);
            let hidden = of.is_some_and(|of| frame.slots[node].unseen.contains(&of));
            let state = of.map_or("", |of| frame.slots[of].state);
            with.insert(format!("{name}_is"), Value::from(if hidden { "running" } else { state }));
        }
        Value::Object(with)
    }
}
