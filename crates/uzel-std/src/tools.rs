//! Tools that ship with uzel: what `tools` and `connections` in an app file build.

use uzel_core::{
    kind::{ConnectionDef, ToolDef},
    yaml,
};

mod declared;
pub mod http;
pub mod sqlite;

/// Sorts of tools, in the order of the reference.
pub const DEFS: &[ToolDef] = &[
    ToolDef {
        name: "http",
        summary: "one HTTP request",
        remote: true,
        statements: &[],
        schema: || schemars::schema_for!(declared::HttpTool),
        check: declared::check_http,
        build: declared::build_http,
    },
    ToolDef {
        name: "sqlite.query",
        summary: "reads rows of a SQLite database",
        remote: false,
        statements: &["sql"],
        schema: || schemars::schema_for!(declared::SqliteTool),
        check: |tree, cx| declared::check_sqlite(sqlite::Operation::Query, tree, cx),
        build: |tree, cx| declared::build_sqlite(sqlite::Operation::Query, tree, cx),
    },
    ToolDef {
        name: "sqlite.execute",
        summary: "changes a SQLite database",
        remote: false,
        statements: &["sql"],
        schema: || schemars::schema_for!(declared::SqliteTool),
        check: |tree, cx| declared::check_sqlite(sqlite::Operation::Execute, tree, cx),
        build: |tree, cx| declared::build_sqlite(sqlite::Operation::Execute, tree, cx),
    },
];

/// A SQLite database.
pub const SQLITE: ConnectionDef = ConnectionDef {
    name: "sqlite",
    summary: "a SQLite database",
    schema: || schemars::schema_for!(declared::Connection),
    operations: &["query", "execute"],
    check: |tree, cx| {
        if let Some(connection) = yaml::from_tree::<declared::Connection>(tree, cx.out)
            && let Some(init) = &connection.init
        {
            cx.file(init);
        }
    },
};
