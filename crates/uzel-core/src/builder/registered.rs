//! Functions of the host program, with the types of their arguments and results.

use std::{any::TypeId, fmt, future::Future, panic::Location, sync::Arc};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    block::Place,
    node::{self as builder_node, Node},
    rust_type::{self, Contract},
};
use crate::{
    failure::Failure,
    kind::FunctionDef,
    node::{self, Function},
};

/// A function that an app runs as `rust:NAME`.
#[derive(Clone)]
pub struct Registered {
    /// Its name.
    pub name: String,
    /// What it takes and gives.
    pub def: FunctionDef,
    /// The function.
    pub function: Arc<Function>,
    /// Its result's type, as an app file would say it.
    pub(super) output: Value,
    pub(super) at: Place,
    pub(super) id: TypeId,
}

impl Registered {
    /// A function under the name that it has in the program.
    #[track_caller]
    pub fn new<I, O, F, R>(function: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        Self::named(own_name(std::any::type_name::<F>()), function)
    }

    /// A function under a name.
    #[track_caller]
    pub fn named<I, O, F, R>(name: &str, function: F) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Fn(I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        let output = rust_type::short::<O>(Contract::Made);
        let def = FunctionDef {
            params: rust_type::type_of(&rust_type::short::<I>(Contract::Given)),
            result: rust_type::type_of(&output),
        };
        let function = node::function(function);
        Self { name: name.to_owned(), def, function, output, at: Location::caller(), id: TypeId::of::<F>() }
    }
}

impl Registered {
    /// A node that runs it, and brings it along.
    #[track_caller]
    pub fn node(self) -> Node {
        let mut node = builder_node::code(&format!("rust:{}", self.name)).set("output", self.output.clone());
        node.block.functions.push(self);
        node
    }
}

/// `draft_reply` of `shop::replies::draft_reply`. A closure's name is not one, and is found out when the app is checked.
fn own_name(path: &str) -> &str {
    let plain = path.split('<').next().unwrap_or(path);
    plain.rsplit("::").next().unwrap_or(plain)
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("name", &self.name).field("def", &self.def).finish_non_exhaustive()
    }
}
