//! Runs one statement: parameters in, rows out. Used by the sqlite tool.

use rusqlite::{
    Connection, Statement,
    types::{Null, ValueRef},
};
use serde_json::{Map, Number, Value, json};
use uzel_core::failure::{Failure, FailureClass};

use super::{Operation, failure};

/// Most rows of one query, and most bytes of them.
const MAX_ROWS: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;
/// The parameter that the runtime fills.
const KEY: &str = "idempotency_key";

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureClass::Invalid, message)
}

/// The statement and its parameters.
pub(super) fn arguments(sql: Option<&str>, arguments: &Value) -> Result<(String, Map<String, Value>), Failure> {
    let object = |value: &Value| match value {
        Value::Object(fields) => Ok(fields.clone()),
        Value::Null => Ok(Map::new()),
        _ => Err(invalid("the parameters must be an object with a field for each `:name`")),
    };
    let given = object(arguments)?;
    if let Some(sql) = sql {
        return Ok((sql.to_owned(), given));
    }
    let sql = given.get("sql").and_then(Value::as_str).ok_or_else(|| invalid("the argument `sql` is missing"))?;
    if let Some(name) = given.keys().find(|name| !matches!(name.as_str(), "sql" | "params")) {
        return Err(invalid(format!("there is no argument `{name}`: give `sql` and `params`")));
    }
    Ok((sql.to_owned(), object(given.get("params").unwrap_or(&Value::Null))?))
}

/// Runs one statement. Errors name the parameter or what SQLite says.
pub(super) fn run(
    connection: &Connection,
    operation: Operation,
    sql: &str,
    params: &Map<String, Value>,
    key: &str,
) -> Result<Value, Failure> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| failure(&error))?;
    let reads = statement.readonly();
    match operation {
        Operation::Query if !reads => return Err(invalid("the statement writes: use `execute` for it")),
        Operation::Execute if reads => return Err(invalid("the statement writes nothing: use `query` for it")),
        _ => {}
    }
    bind(&mut statement, params, key)?;
    match operation {
        Operation::Query => rows(&mut statement),
        Operation::Execute => {
            let before = connection.total_changes();
            let mut rows = statement.raw_query();
            // A RETURNING clause gives rows; all are taken, or the statement would not be carried out.
            while rows.next().map_err(|error| failure(&error))?.is_some() {}
            drop(rows);
            let changed = connection.total_changes() != before;
            Ok(json!({ "changes": if changed { connection.changes() } else { 0 } }))
        }
    }
}

fn bind(statement: &mut Statement<'_>, params: &Map<String, Value>, key: &str) -> Result<(), Failure> {
    let mut names = vec![];
    for at in 1..=statement.parameter_count() {
        let name = statement.parameter_name(at).and_then(|name| name.strip_prefix([':', '@', '$'])).map(str::to_owned);
        let name = name.ok_or_else(|| invalid("a parameter has no name: write `:name` instead of `?`"))?;
        let bound = match params.get(&name) {
            Some(_) if name == KEY => return Err(invalid(format!("the parameter `{KEY}` is filled by the runtime"))),
            None if name == KEY => statement.raw_bind_parameter(at, key),
            None => return Err(invalid(format!("the parameter `{name}` is missing"))),
            Some(Value::Null) => statement.raw_bind_parameter(at, Null),
            Some(Value::Bool(value)) => statement.raw_bind_parameter(at, value),
            Some(Value::String(text)) => statement.raw_bind_parameter(at, text),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => statement.raw_bind_parameter(at, integer),
                (None, Some(float)) if !number.is_u64() => statement.raw_bind_parameter(at, float),
                _ => {
                    return Err(invalid(format!(
                        "the parameter `{name}` is too big for a SQLite integer: pass it as text"
                    )));
                }
            },
            Some(value) => statement.raw_bind_parameter(at, value.to_string()),
        };
        bound.map_err(|error| failure(&error))?;
        names.push(name);
    }
    if let Some(extra) = params.keys().find(|name| !names.contains(name)) {
        return Err(invalid(format!("the statement has no parameter `:{extra}`")));
    }
    Ok(())
}

fn rows(statement: &mut Statement<'_>) -> Result<Value, Failure> {
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    if let Some(double) = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name)) {
        return Err(invalid(format!("two columns are called `{}`: name one with AS", double.1)));
    }
    let (mut found, mut size) = (vec![], 0);
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| failure(&error))? {
        if found.len() == MAX_ROWS {
            return Err(Failure::new(FailureClass::Limit, format!("there are more than {MAX_ROWS} rows: add a LIMIT")));
        }
        let mut fields = Map::new();
        for (at, name) in columns.iter().enumerate() {
            let value = row.get_ref(at).map_err(|error| failure(&error))?;
            let value = match value {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(integer) => integer.into(),
                ValueRef::Real(float) => Number::from_f64(float).map_or(Value::Null, Value::Number),
                ValueRef::Text(text) => {
                    size += text.len();
                    let text = std::str::from_utf8(text)
                        .map_err(|_| invalid(format!("the column `{name}` is no UTF-8 text")))?;
                    text.into()
                }
                ValueRef::Blob(_) => {
                    return Err(invalid(format!("the column `{name}` is a blob: select hex({name}) instead")));
                }
            };
            size += name.len() + 16;
            fields.insert(name.clone(), value);
        }
        if size > MAX_BYTES {
            return Err(Failure::new(
                FailureClass::Limit,
                format!("the rows are over {} MB: select less", MAX_BYTES >> 20),
            ));
        }
        found.push(Value::Object(fields));
    }
    Ok(json!({ "row": found.first().cloned(), "rows": found }))
}
