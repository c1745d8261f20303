//! Values with `${{ }}` in their texts, as `with`, `show` and `output` hold.

use std::{ops::Range, sync::Arc};

use serde_json::{Map, Value};

use super::{OUTPUT_LIMIT, Reference, Scope, TypeScope, closing, infer, program::Program};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    failure::{Failure, FailureClass},
    schema::{Field, ObjectType, Type, type_of_value},
    source::Span,
    yaml::{Data, Text, Tree},
};

/// A value whose texts may hold expressions. A text that is exactly one `${{ }}` takes the expression's JSON type;
/// others become texts. `$${{` stands for the characters `${{`.
#[derive(Clone, Debug)]
pub struct Binding {
    node: Arc<Node>,
    references: Arc<[Reference]>,
}

#[derive(Debug)]
enum Node {
    Constant(Value),
    Whole(Arc<Program>),
    Joined(Vec<Part>),
    List(Vec<Node>),
    Map(Vec<(String, Span, Node)>),
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Expression(Arc<Program>),
}

impl Binding {
    /// Parses a value. What is wrong in any of its texts is pushed.
    pub fn parse(tree: &Tree, out: &mut Diagnostics) -> Option<Self> {
        let node = parse(tree, out)?;
        let mut references = vec![];
        collect(&node, &mut references);
        Some(Self { node: Arc::new(node), references: references.into() })
    }

    /// A value without expressions.
    pub fn constant(value: Value) -> Self {
        Self { node: Arc::new(Node::Constant(value)), references: Arc::from([]) }
    }

    /// The value, if there are no expressions in it.
    pub fn as_constant(&self) -> Option<&Value> {
        match &*self.node {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The value with its expressions, as it could be written: read again, it is the same.
    pub fn written(&self) -> Value {
        written(&self.node)
    }

    /// What it refers to.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Its parts that hold expressions: the keys that lead to each, and what it refers to. Items of lists share a path.
    pub(crate) fn parts(&self) -> Vec<(Vec<String>, Vec<Reference>)> {
        let mut found = vec![];
        parts(&self.node, &mut vec![], &mut found);
        found
    }

    /// Its value; `Code` when an expression fails or is undefined, `Limit` when one takes too much.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, Failure> {
        evaluate(&self.node, scope)
    }

    /// Its type; what certainly or probably goes wrong is pushed.
    pub fn infer(&self, types: &TypeScope, out: &mut Diagnostics) -> Type {
        infer_node(&self.node, types, out)
    }

    /// Where its value or one of its fields comes from, and in words what that place has to do with it.
    pub(crate) fn origin(&self, field: Option<&str>, types: &TypeScope) -> Option<(Span, String)> {
        let node = match (&*self.node, field) {
            (node, None) => node,
            (Node::Map(entries), Some(name)) => &entries.iter().find(|(key, ..)| key == name)?.2,
            _ => return None,
        };
        match node {
            Node::Whole(program) => infer::origin(program, types),
            _ => None,
        }
    }
}

fn written(node: &Node) -> Value {
    let braces = |program: &Program| format!("${{{{ {} }}}}", program.source().trim());
    match node {
        Node::Constant(value) => constant_written(value),
        Node::Whole(program) => braces(program).into(),
        Node::Joined(parts) => {
            let part = |part: &Part| match part {
                Part::Literal(text) => text.replace("${{", "$${{"),
                Part::Expression(program) => braces(program),
            };
            parts.iter().map(part).collect::<String>().into()
        }
        Node::List(items) => items.iter().map(written).collect(),
        Node::Map(entries) => entries.iter().map(|(key, _, value)| (key.clone(), written(value))).collect(),
    }
}

fn constant_written(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${{", "$${{").into(),
        Value::Array(items) => items.iter().map(constant_written).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), constant_written(value))).collect(),
        other => other.clone(),
    }
}

fn collect(node: &Node, into: &mut Vec<Reference>) {
    let mut add = |program: &Program| {
        for reference in &program.references {
            if !into.iter().any(|known| known.root == reference.root && known.path == reference.path) {
                into.push(reference.clone());
            }
        }
    };
    match node {
        Node::Constant(_) => {}
        Node::Whole(program) => add(program),
        Node::Joined(parts) => {
            for part in parts {
                if let Part::Expression(program) = part {
                    add(program);
                }
            }
        }
        Node::List(items) => items.iter().for_each(|item| collect(item, into)),
        Node::Map(entries) => entries.iter().for_each(|(_, _, value)| collect(value, into)),
    }
}

fn parts(node: &Node, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, Vec<Reference>)>) {
    match node {
        Node::Constant(_) => {}
        Node::Whole(_) | Node::Joined(_) => {
            let mut references = vec![];
            collect(node, &mut references);
            found.push((path.clone(), references));
        }
        Node::List(items) => items.iter().for_each(|item| parts(item, path, found)),
        Node::Map(entries) => {
            for (key, _, value) in entries {
                path.push(key.clone());
                parts(value, path, found);
                path.pop();
            }
        }
    }
}

fn parse(tree: &Tree, out: &mut Diagnostics) -> Option<Node> {
    match &tree.data {
        Data::Text(value) => text(value, out),
        Data::List(items) => {
            let nodes: Vec<Option<Node>> = items.iter().map(|item| parse(item, out)).collect();
            let nodes: Vec<Node> = nodes.into_iter().collect::<Option<_>>()?;
            if nodes.iter().all(|node| matches!(node, Node::Constant(_))) {
                return Some(Node::Constant(nodes.into_iter().filter_map(constant).collect()));
            }
            Some(Node::List(nodes))
        }
        Data::Map(entries) => {
            let nodes: Vec<Option<_>> = entries
                .iter()
                .map(|e| parse(&e.value, out).map(|node| (e.key.as_str().to_owned(), e.key.span, node)))
                .collect();
            let nodes: Vec<_> = nodes.into_iter().collect::<Option<_>>()?;
            if nodes.iter().all(|(_, _, node)| matches!(node, Node::Constant(_))) {
                let map = nodes.into_iter().filter_map(|(key, _, node)| Some((key, constant(node)?)));
                return Some(Node::Constant(Value::Object(map.collect())));
            }
            Some(Node::Map(nodes))
        }
        _ => Some(Node::Constant(tree.to_json())),
    }
}

fn constant(node: Node) -> Option<Value> {
    match node {
        Node::Constant(value) => Some(value),
        _ => None,
    }
}

/// A text: literal pieces and expressions in turn.
fn text(text: &Text, out: &mut Diagnostics) -> Option<Node> {
    let source = text.as_str();
    let mut parts = vec![];
    let mut literal = String::new();
    let (mut at, mut whole) = (0, true);
    while let Some(found) = source.get(at..).and_then(|rest| rest.find("${{")).map(|i| at + i) {
        let before = source.get(at..found).unwrap_or("");
        if before.ends_with('$') {
            whole &= braces(text, at..found, out);
            literal.push_str(before.strip_suffix('$').unwrap_or(before));
            literal.push_str("${{");
            at = found + 3;
            continue;
        }
        whole &= braces(text, at..found, out);
        literal.push_str(before);
        let start = found + 3;
        let Some((inner, end)) = closing(source.get(start..).unwrap_or("")) else {
            let span = text.at(found..source.len());
            let diagnostic = Diagnostic::new(Code::EXPRESSION_SYNTAX, span, "`${{` is not closed by `}}`");
            out.push(diagnostic.help("add `}}` after the expression, or write `$${{` for the characters themselves"));
            return None;
        };
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        match Program::expression(text, start..start + inner, out) {
            Some(program) => parts.push(Part::Expression(program)),
            None => whole = false,
        }
        at = start + end;
    }
    whole &= braces(text, at..source.len(), out);
    literal.push_str(source.get(at..).unwrap_or(""));
    if !whole {
        return None;
    }
    if parts.is_empty() {
        return Some(Node::Constant(Value::String(literal)));
    }
    if literal.is_empty() && parts.len() == 1 {
        if let Some(Part::Expression(program)) = parts.pop() {
            return Some(Node::Whole(program));
        }
        return None;
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Some(Node::Joined(parts))
}

/// `{{ }}` in a literal piece is a template's notation. False when it is there.
fn braces(text: &Text, range: Range<usize>, out: &mut Diagnostics) -> bool {
    let piece = text.as_str().get(range.clone()).unwrap_or("");
    let Some(start) = piece.find("{{") else { return true };
    let end = piece.get(start..).and_then(|rest| rest.find("}}")).map_or(piece.len(), |i| start + i + 2);
    // After an escaped `$${{`, the rest of it is plain text.
    let span = text.at(range.start + start..range.start + end);
    let written = piece.get(start..end).unwrap_or("{{ }}");
    let diagnostic = Diagnostic::new(Code::WRONG_BRACES, span, "`{{ }}` is for prompts; a value has `${{ }}`");
    out.push(diagnostic.help(format!("write `${written}`")));
    false
}

fn evaluate(node: &Node, scope: &Scope) -> Result<Value, Failure> {
    match node {
        Node::Constant(value) => Ok(value.clone()),
        Node::Whole(program) => program.value(scope),
        Node::List(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        Node::Map(entries) => {
            let values = entries.iter().map(|(key, _, node)| Ok((key.clone(), evaluate(node, scope)?)));
            values.collect::<Result<Map<_, _>, Failure>>().map(Value::Object)
        }
        Node::Joined(parts) => {
            let mut joined = String::new();
            for part in parts {
                match part {
                    Part::Literal(literal) => joined.push_str(literal),
                    Part::Expression(program) => joined.push_str(&program.printed(scope)?),
                }
                if joined.len() > OUTPUT_LIMIT {
                    return Err(Failure::new(FailureClass::Limit, "a text with `${{ }}` becomes longer than 1 MB"));
                }
            }
            Ok(Value::String(joined))
        }
    }
}

fn infer_node(node: &Node, types: &TypeScope, out: &mut Diagnostics) -> Type {
    match node {
        Node::Constant(value) => type_of_value(value),
        Node::Whole(program) => infer::expression(program, types, infer::Use::Value, out),
        Node::Joined(parts) => {
            for part in parts {
                if let Part::Expression(program) = part {
                    infer::expression(program, types, infer::Use::Print, out);
                }
            }
            Type::String
        }
        Node::List(items) => {
            let items: Vec<Type> = items.iter().map(|item| infer_node(item, types, out)).collect();
            Type::list(Type::union_of(items).unwrap_or(Type::Any))
        }
        Node::Map(entries) => {
            let mut object = ObjectType::default();
            for (key, at, node) in entries {
                let field = Field { at: Some(*at), ..Field::required(infer_node(node, types, out)) };
                object.fields.insert(key.clone(), field);
            }
            Type::Object(Arc::new(object))
        }
    }
}
