//! JSON values as the engine sees them, without copying what is not read, and the way back.

use std::{fmt, sync::Arc};

use minijinja::{
    Error, State, Value as Seen,
    value::{Enumerator, Object, ObjectRepr, ValueKind},
};
use serde_json::{Map, Number, Value};

use super::engine::{ACCESS, access};

/// Nesting of a result.
const DEPTH: usize = 100;

/// A list or map inside a JSON document: the document and the way to it.
pub(super) struct Lazy {
    root: Arc<Value>,
    path: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Key(Arc<str>),
    Index(usize),
}

/// Shows a JSON value to the engine.
pub(super) fn expose(root: &Arc<Value>) -> Seen {
    shallow(root).unwrap_or_else(|| Seen::from_object(Lazy { root: Arc::clone(root), path: vec![] }))
}

/// Values that are not lists or maps.
fn shallow(value: &Value) -> Option<Seen> {
    Some(match value {
        Value::Null => Seen::from(()),
        Value::Bool(b) => Seen::from(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Seen::from(n),
            (None, Some(n)) => Seen::from(n),
            _ => Seen::from(n.as_f64().unwrap_or(0.0)),
        },
        Value::String(s) => Seen::from(s.as_str()),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

impl Lazy {
    fn value(&self) -> &Value {
        let mut value: &Value = &self.root;
        for step in &self.path {
            let next = match step {
                Step::Key(key) => value.get(&**key),
                Step::Index(index) => value.get(*index),
            };
            // The document is immutable and the path was taken from it.
            value = next.unwrap_or(&Value::Null);
        }
        value
    }

    fn child(&self, value: &Value, step: impl FnOnce() -> Step) -> Seen {
        shallow(value).unwrap_or_else(|| {
            let mut path = Vec::with_capacity(self.path.len() + 1);
            path.extend(self.path.iter().cloned());
            path.push(step());
            Seen::from_object(Self { root: Arc::clone(&self.root), path })
        })
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.value().is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Seen) -> Option<Seen> {
        match self.value() {
            Value::Object(_) => self.get_value_by_str(key.as_str()?),
            Value::Array(items) => {
                let index = key.as_usize()?;
                items.get(index).map(|value| self.child(value, || Step::Index(index)))
            }
            _ => None,
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Seen> {
        self.value().as_object()?.get(key).map(|value| self.child(value, || Step::Key(key.into())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.value() {
            Value::Array(items) => Enumerator::Seq(items.len()),
            Value::Object(map) => Enumerator::Values(map.keys().map(|key| Seen::from(key.as_str())).collect()),
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.value() {
            Value::Array(items) => Some(items.len()),
            Value::Object(map) => Some(map.len()),
            _ => Some(0),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Seen]) -> Result<Seen, Error> {
        match (method, args) {
            (ACCESS, [key]) => access(&Seen::from_dyn_object(Arc::clone(self)), key),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

/// Why a result is not a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Undefined, at the top.
    Undefined,
    /// Not a number, infinite, or beyond 64 bits.
    Number,
    /// More than the budget.
    TooLarge,
    /// Nested too deeply.
    TooDeep,
    /// A macro, a function and the like.
    NoValue,
    /// An iteration failed on the way, which is how the engine reports that fuel ran out.
    Broken,
}

/// A result as JSON, of at most about `budget` bytes.
pub(super) fn to_json(seen: &Seen, budget: usize) -> Result<Value, Unfit> {
    if seen.is_undefined() {
        return Err(Unfit::Undefined);
    }
    let mut left = budget;
    convert(seen, 0, &mut left)
}

fn convert(seen: &Seen, depth: usize, left: &mut usize) -> Result<Value, Unfit> {
    if depth > DEPTH {
        return Err(Unfit::TooDeep);
    }
    pay(8, left)?;
    if let Some(lazy) = seen.downcast_object_ref::<Lazy>() {
        pay_all(lazy.value(), left)?;
        return Ok(lazy.value().clone());
    }
    match seen.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(seen.is_true())),
        ValueKind::Number => number(seen).map(Value::Number).ok_or(Unfit::Number),
        ValueKind::String => {
            let text = seen.as_str().ok_or(Unfit::NoValue)?;
            pay(text.len(), left)?;
            Ok(Value::from(text))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = vec![];
            for item in seen.try_iter().map_err(|_| Unfit::NoValue)? {
                items.push(convert(&item, depth + 1, left)?);
            }
            Ok(Value::Array(items))
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in seen.try_iter().map_err(|_| Unfit::NoValue)? {
                let value = seen.get_item(&key).map_err(|_| Unfit::NoValue)?;
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                pay(name.len(), left)?;
                map.insert(name, convert(&value, depth + 1, left)?);
            }
            Ok(Value::Object(map))
        }
        ValueKind::Invalid => Err(Unfit::Broken),
        _ => Err(Unfit::NoValue),
    }
}

fn number(seen: &Seen) -> Option<Number> {
    if seen.is_integer() {
        let whole = i64::try_from(seen.clone()).map(Number::from);
        return whole.or_else(|_| u64::try_from(seen.clone()).map(Number::from)).ok();
    }
    f64::try_from(seen.clone()).ok().and_then(Number::from_f64)
}

fn pay(bytes: usize, left: &mut usize) -> Result<(), Unfit> {
    *left = left.checked_sub(bytes).ok_or(Unfit::TooLarge)?;
    Ok(())
}

fn pay_all(value: &Value, left: &mut usize) -> Result<(), Unfit> {
    match value {
        Value::String(s) => pay(s.len() + 8, left),
        Value::Array(items) => items.iter().try_for_each(|item| pay_all(item, left)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            pay(key.len(), left)?;
            pay_all(value, left)
        }),
        _ => pay(8, left),
    }
}
