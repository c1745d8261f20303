//! The product: the uzel binary and the library a Rust program imports.
//!
//! A program loads an app file ([`App::load`]) or builds an app in code ([`App::builder`]), starts runs, watches their
//! events, answers the questions that they ask people, and takes runs up again after a crash. It needs a tokio runtime.
#![deny(missing_docs)]

mod api;

pub use api::{
    app::App,
    durations::{days, hours, minutes, seconds},
    error::{Error, Problem, Problems},
    excerpt::Excerpt,
    handle::{RunEvent, RunHandle},
    result::RunResult,
    setup::{File, Setup},
};
pub use uzel_core::{
    builder::{
        Body, Builder, Declaration, Node, On, Registered, Setting, agent, callback, code, code_fn, code_fn_as,
        connection, defaults, files, graph, guard, guard_value, http, human, limits, llm, loop_until, map_over,
        mcp_command, mcp_tool, mcp_url, model, node, reconcile, reduce, retrieve, retry, route, tool, uses, wait,
        wait_until,
    },
    diagnostic::{Code, Severity},
    event::{End, Event},
    failure::{Failure, FailureClass},
    graph::{Graph, ItemError, Join},
    source::Position,
    store::{Filter, Head, Status, Task},
};
pub use uzel_runtime::engine::{Callback, Start};

pub use uzel_macros::{data, node};

/// Types of Rust that apps know: [`data`](macro@data) derives what is in these two, and so may a program itself.
pub use schemars;
pub use serde;
/// JSON in Rust.
pub use serde_json::{self, Value, json};
