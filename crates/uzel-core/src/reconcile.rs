//! `reconcile` of a tool: how to find out whether a call was made that must not be made twice. Read and checked with the
//! tool's declaration, asked by the runtime after a process died in the middle of such a call.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    diagnostic::Diagnostics,
    expr::{Binding, Expression, Scope, TypeScope},
    failure::{Failure, FailureClass},
    node::Verdict,
    schema::Type,
    yaml::{Data, Text, Tree},
};

/// How to find out whether a call was made, when a process died in the middle of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// A tool that reads, such as a list of what was sent: one of `tools`, or an operation of a connection.
    #[schemars(extend("x-names" = "tools"))]
    pub tool: Text,
    /// Its arguments. They see `arguments`, those of the call in doubt, and `key`, its idempotency key.
    pub with: Option<Tree>,
    /// An expression over `answer`, what that tool gives: true if the call was made, false if not, null if the answer
    /// does not tell, and then a person is asked. It sees `arguments` and `key`, too.
    pub done: Text,
    /// An expression for what the call gave, if it was made. Default: `answer`.
    pub result: Option<Text>,
}

/// A `reconcile` that was read.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The tool.
    pub tool: Text,
    /// Its arguments.
    pub with: Binding,
    /// As it is written, for places of what is wrong with it.
    pub(crate) written: Option<Tree>,
    /// Whether the call was made.
    pub done: Expression,
    /// What it gave.
    pub result: Option<Expression>,
}

impl Reconcile {
    /// Reads the expressions; what is wrong is pushed.
    pub fn parse(&self, out: &mut Diagnostics) -> Option<Probe> {
        let none = Tree { span: self.tool.span, data: Data::Map(vec![]) };
        let with = Binding::parse(self.with.as_ref().unwrap_or(&none), out);
        let done = Expression::parse(&self.done, out);
        let result = self.result.as_ref().map(|result| Expression::parse(result, out));
        let result = match result {
            Some(None) => return None,
            Some(result) => result,
            None => None,
        };
        Some(Probe { tool: self.tool.clone(), with: with?, written: self.with.clone(), done: done?, result })
    }
}

impl Probe {
    /// What its arguments see.
    fn before(arguments: &Value, key: &str) -> Scope {
        Scope::new().with("arguments", Arc::new(arguments.clone())).with("key", Arc::new(json!(key)))
    }

    /// The types of what its arguments see.
    pub(crate) fn types(arguments: &Type) -> TypeScope {
        TypeScope::new().with("arguments", arguments.clone(), None).with("key", Type::String, None)
    }

    /// The arguments of the probe for the call with these arguments.
    ///
    /// # Errors
    /// An expression that fails.
    pub fn ask(&self, arguments: &Value, key: &str) -> Result<Value, Failure> {
        self.with.evaluate(&Self::before(arguments, key))
    }

    /// What an answer means.
    ///
    /// # Errors
    /// An expression that fails, or a `done` that is neither a truth value nor null.
    pub fn verdict(&self, arguments: &Value, key: &str, answer: &Value) -> Result<Verdict, Failure> {
        let scope = Self::before(arguments, key).with("answer", Arc::new(answer.clone()));
        match self.done.evaluate(&scope)? {
            Value::Bool(true) => {
                let result = self.result.as_ref().map(|result| result.evaluate(&scope)).transpose()?;
                Ok(Verdict::Done(result.unwrap_or_else(|| answer.clone())))
            }
            Value::Bool(false) => Ok(Verdict::NotDone),
            Value::Null => Ok(Verdict::Unknown),
            other => Err(Failure::new(
                FailureClass::Code,
                format!("`done: {}` must be true, false or null, and is {other}", self.done.source()),
            )),
        }
    }
}
