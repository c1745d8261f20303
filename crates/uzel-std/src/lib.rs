//! What ships in the box and a user could have written: kinds of nodes, models, tools, retrievers.

use uzel_core::kind::{Catalog, KindDef};

pub mod http;
mod local;
pub mod models;
pub mod retrievers;
mod stop;
pub mod tools;

/// Declares the modules of the kinds and their list, which is also the order of the reference.
macro_rules! kinds {
    ($($module:ident::$kind:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// All kinds that ship.
        const KINDS: &[KindDef] = &[$(KindDef::of::<$module::$kind>()),*];
    };
}

kinds! {
    agent::Agent,
    code::Code,
    graph::Graph,
    guard::Guard,
    human::Human,
    llm::Llm,
    map::Map,
    reduce::Reduce,
    repeat::Loop,
    retrieve::Retrieve,
    route::Route,
    tool::Tool,
    wait::Wait,
}

/// Everything that ships, in the order of the reference.
pub fn catalog() -> Catalog {
    Catalog {
        kinds: KINDS.to_vec(),
        models: models::defs(),
        tools: tools::DEFS.to_vec(),
        connections: vec![tools::SQLITE, tools::POSTGRES, tools::REDIS, tools::MCP],
        retrievers: vec![retrievers::FILES],
        ..Catalog::default()
    }
}
