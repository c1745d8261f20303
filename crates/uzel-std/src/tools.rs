//! Tools that ship with uzel: what `tools` and `connections` in an app file build.

use uzel_core::{
    kind::{ConnectionDef, ToolDef},
    yaml,
};

mod announced;
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
        schema: || schemars::schema_for!(declared::SqlTool),
        check: |tree, cx| declared::check_sql(sqlite::Operation::Query, tree, cx),
        build: |tree, cx| declared::build_sqlite(sqlite::Operation::Query, tree, cx),
    },
    ToolDef {
        name: "sqlite.execute",
        summary: "changes a SQLite database",
        remote: false,
        statements: &["sql"],
        schema: || schemars::schema_for!(declared::SqlTool),
        check: |tree, cx| declared::check_sql(sqlite::Operation::Execute, tree, cx),
        build: |tree, cx| declared::build_sqlite(sqlite::Operation::Execute, tree, cx),
    },
    ToolDef {
        name: "postgres.query",
        summary: "reads rows of a Postgres database (declared and checked; not run by this version)",
        remote: true,
        statements: &["sql"],
        schema: || schemars::schema_for!(declared::SqlTool),
        check: |tree, cx| declared::check_sql(sqlite::Operation::Query, tree, cx),
        build: announced::build,
    },
    ToolDef {
        name: "postgres.execute",
        summary: "changes a Postgres database (declared and checked; not run by this version)",
        remote: true,
        statements: &["sql"],
        schema: || schemars::schema_for!(declared::SqlTool),
        check: |tree, cx| declared::check_sql(sqlite::Operation::Execute, tree, cx),
        build: announced::build,
    },
    ToolDef {
        name: "redis.get",
        summary: "reads a key of Redis (declared and checked; not run by this version)",
        remote: true,
        statements: &[],
        schema: || schemars::schema_for!(announced::RedisTool),
        check: |tree, cx| announced::check_redis(announced::Command::Get, tree, cx),
        build: announced::build,
    },
    ToolDef {
        name: "redis.set",
        summary: "writes a key of Redis (declared and checked; not run by this version)",
        remote: true,
        statements: &[],
        schema: || schemars::schema_for!(announced::RedisTool),
        check: |tree, cx| announced::check_redis(announced::Command::Set, tree, cx),
        build: announced::build,
    },
    ToolDef {
        name: "redis.delete",
        summary: "removes a key of Redis (declared and checked; not run by this version)",
        remote: true,
        statements: &[],
        schema: || schemars::schema_for!(announced::RedisTool),
        check: |tree, cx| announced::check_redis(announced::Command::Delete, tree, cx),
        build: announced::build,
    },
    ToolDef {
        name: "mcp",
        summary: "a tool of an MCP server (declared and checked; not run by this version)",
        remote: true,
        statements: &[],
        schema: || schemars::schema_for!(announced::McpTool),
        check: announced::check_mcp_tool,
        build: announced::build,
    },
];

/// An MCP server. As [`POSTGRES`]; declared under `mcp`.
pub const MCP: ConnectionDef = ConnectionDef {
    name: "mcp",
    summary: "an MCP server, declared under `mcp` (declared and checked; not run by this version)",
    schema: || schemars::schema_for!(announced::McpServer),
    operations: &[],
    check: announced::check_mcp_server,
};

/// A Postgres database. Declared and checked; this version has no client for it, and says so when a run is asked for.
pub const POSTGRES: ConnectionDef = ConnectionDef {
    name: "postgres",
    summary: "a Postgres database (declared and checked; not run by this version)",
    schema: || schemars::schema_for!(announced::Server),
    operations: &["query", "execute"],
    check: announced::check_server,
};

/// A Redis server. As [`POSTGRES`].
pub const REDIS: ConnectionDef = ConnectionDef {
    name: "redis",
    summary: "a Redis server (declared and checked; not run by this version)",
    schema: || schemars::schema_for!(announced::Server),
    operations: &["get", "set", "delete"],
    check: announced::check_server,
};

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
