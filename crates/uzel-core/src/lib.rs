//! The language and the engine of uzel: text to tree to graph, and a run as a fold over its log.
//!
//! Nothing here does I/O, starts a task, or reads a clock; files come through a lookup, time and ids arrive in
//! events. In reading order:
#![deny(missing_docs)]

pub mod build;
pub mod builder;
pub mod capability;
pub mod chat;
pub mod check;
pub mod date;
pub mod diagnostic;
pub mod difference;
pub mod document;
pub mod duration;
pub mod event;
pub mod expr;
pub mod failure;
pub mod graph;
pub mod hash;
pub mod index;
pub mod interpolate;
pub mod kind;
pub mod node;
pub mod policy;
pub mod question;
pub mod reconcile;
pub mod redact;
pub mod run;
pub mod schema;
pub mod secret;
pub mod source;
pub mod store;
pub mod yaml;
