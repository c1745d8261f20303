//! Tests of the sqlite tool.

use expect_test::expect;
use serde_json::{Map, json};

use super::*;

const INIT: &str =
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, who TEXT NOT NULL, total REAL, tags TEXT, key TEXT UNIQUE);
    INSERT INTO orders VALUES (1, 'Ada', 9.5, '[]', NULL), (2, 'Béla', NULL, NULL, NULL);
    CREATE VIRTUAL TABLE notes USING fts5(text); INSERT INTO notes VALUES ('late parcel');";

fn database(dir: &Path, init: &str) -> Arc<Database> {
    Database::new(Config { path: "shop.db".into(), init: Some(init.into()) }, dir)
}

async fn run(database: &Arc<Database>, operation: Operation, sql: &str, params: Value) -> String {
    let tool = Sqlite::new(database.clone(), operation, Some(sql));
    let attempt = Attempt { number: 1, key: "k-1".into(), timeout: Duration::from_millis(700), tag: "t".into() };
    match tool.call(&params, &attempt).await {
        Ok(value) => value.to_string(),
        Err(failure) => format!("{}: {}", failure.class.as_str(), failure.message),
    }
}

fn cases() -> Vec<(Operation, &'static str, Value)> {
    use Operation::{Execute, Query};
    vec![
        (Query, "SELECT id, who, total FROM orders WHERE id < :max ORDER BY id", json!({"max": 9})),
        (Query, "SELECT who FROM orders WHERE who = :who", json!({"who": "' OR 1=1 --"})),
        (Query, "SELECT text FROM notes WHERE notes MATCH :q", json!({"q": "parcel"})),
        (
            Query,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT json_group_array(i) AS all_of FROM n",
            json!({}),
        ),
        (
            Execute,
            "INSERT INTO orders(who, tags, key) VALUES (:who, :tags, :idempotency_key) ON CONFLICT(key) DO NOTHING",
            json!({"who": "Cy", "tags": ["a", {"b": 1}]}),
        ),
        (
            Execute,
            "INSERT INTO orders(who, tags, key) VALUES (:who, :tags, :idempotency_key) ON CONFLICT(key) DO NOTHING",
            json!({"who": "Cy", "tags": []}),
        ),
        (Query, "SELECT who, tags, key FROM orders WHERE id = 3", json!({})),
        (Execute, "UPDATE orders SET total = :t WHERE id < 3 RETURNING id", json!({"t": true})),
        (Execute, "UPDATE orders SET total = 1 WHERE id = 77", json!({})),
        (Execute, "INSERT INTO orders(who) VALUES (:who)", json!({"who": null})),
        (Query, "DELETE FROM orders", json!({})),
        (Query, "DELETE FROM orders RETURNING id", json!({})),
        (Execute, "SELECT 1", json!({})),
        (Query, "SELECT 1; DELETE FROM orders", json!({})),
        (Query, "SELECT :a", json!({})),
        (Query, "SELECT :a AS a", json!({"a": 1, "b": 2})),
        (Query, "SELECT :a AS a", json!({"a": u64::MAX})),
        (Query, "SELECT ?1 AS a", json!({})),
        (Query, "SELECT :idempotency_key AS a", json!({"idempotency_key": "mine"})),
        (Query, "SELECT 1 AS a, 2 AS a", json!({})),
        (Query, "SELECT x'00ff' AS data", json!({})),
        (Query, "SELECT 9e999 AS inf, 9223372036854775807 AS big", json!({})),
        (Query, "SELEC 1", json!({})),
        (Query, "SELECT * FROM none", json!({})),
        (Query, "ATTACH '/tmp/other.db' AS other", json!({})),
        (Query, "PRAGMA journal_mode = off", json!({})),
        (Query, "SELECT load_extension('x')", json!({})),
        (
            Query,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n",
            json!({}),
        ),
        (
            Query,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10001) SELECT i FROM n",
            json!({}),
        ),
        (Query, "SELECT count(*) AS left FROM orders", json!({})),
    ]
}

#[tokio::test]
async fn statements() {
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path(), INIT);
    let mut table = String::new();
    for (operation, sql, params) in cases() {
        table += &(run(&database, operation, sql, params).await + "\n");
    }
    expect![[r#"
        {"row":{"id":1,"who":"Ada","total":9.5},"rows":[{"id":1,"who":"Ada","total":9.5},{"id":2,"who":"Béla","total":null}]}
        {"row":null,"rows":[]}
        {"row":{"text":"late parcel"},"rows":[{"text":"late parcel"}]}
        {"row":{"all_of":"[1,2,3]"},"rows":[{"all_of":"[1,2,3]"}]}
        {"changes":1}
        {"changes":0}
        {"row":{"who":"Cy","tags":"[\"a\",{\"b\":1}]","key":"k-1"},"rows":[{"who":"Cy","tags":"[\"a\",{\"b\":1}]","key":"k-1"}]}
        {"changes":2}
        {"changes":0}
        invalid: NOT NULL constraint failed: orders.who
        invalid: the statement writes: use `execute` for it
        invalid: the statement writes: use `execute` for it
        invalid: the statement writes nothing: use `query` for it
        invalid: Multiple statements provided
        invalid: the parameter `a` is missing
        invalid: the statement has no parameter `:b`
        invalid: the parameter `a` is too big for a SQLite integer: pass it as text
        invalid: a parameter has no name: write `:name` instead of `?`
        invalid: the parameter `idempotency_key` is filled by the runtime
        invalid: two columns are called `a`: name one with AS
        invalid: the column `data` is a blob: select hex(data) instead
        {"row":{"inf":null,"big":9223372036854775807},"rows":[{"inf":null,"big":9223372036854775807}]}
        invalid: near "SELEC": syntax error in SELEC 1 at offset 0
        invalid: no such table: none
        invalid: ATTACH, DETACH, PRAGMA and extensions are not allowed here
        invalid: ATTACH, DETACH, PRAGMA and extensions are not allowed here
        invalid: not authorized to use function: load_extension in SELECT load_extension('x') at offset 7
        timeout: the statement did not end in time
        limit: there are more than 10000 rows: add a LIMIT
        {"row":{"left":3},"rows":[{"left":3}]}
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn sql_may_come_in_the_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let tool = Sqlite::new(database(dir.path(), INIT), Operation::Query, None);
    let attempt = Attempt { number: 1, key: "k".into(), timeout: Duration::from_secs(5), tag: "t".into() };
    let found = tool.call(&json!({"sql": "SELECT :n AS n", "params": {"n": 1}}), &attempt).await.unwrap();
    assert_eq!(found, json!({"row": {"n": 1}, "rows": [{"n": 1}]}));
    let error = tool.call(&json!({"sql": "SELECT 1", "n": 1}), &attempt).await.unwrap_err();
    assert!(error.message.contains("no argument `n`"));
}

#[tokio::test]
async fn init_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bad = database(dir.path(), "CREATE TABLE a(x); CREATE TABLE a(x);");
    let tool = Sqlite::new(bad, Operation::Query, Some("SELECT 1"));
    let attempt = Attempt { number: 1, key: "k".into(), timeout: Duration::from_secs(5), tag: "t".into() };
    let error = tool.call(&Value::Null, &attempt).await.unwrap_err();
    assert!(error.causes[0].contains("table a already exists"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    assert!(
        run(&database(dir.path(), INIT), Operation::Query, "SELECT count(*) AS n FROM orders", json!({}))
            .await
            .contains("\"n\":2")
    );
    // A second start does not run it again.
    assert!(
        run(&database(dir.path(), INIT), Operation::Query, "SELECT count(*) AS n FROM orders", json!({}))
            .await
            .contains("\"n\":2")
    );
    let nowhere = Database::new(Config { path: "none/shop.db".into(), init: Some(INIT.into()) }, dir.path());
    let error = run(&nowhere, Operation::Query, "SELECT 1 AS a", json!({})).await;
    assert!(error.contains("none/shop.db cannot be made"), "{error}");
}

#[test]
fn many_start_and_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let dir = dir.path();
            scope.spawn(move || {
                let database = database(dir, INIT);
                let tool = Sqlite::new(database, Operation::Execute, Some("INSERT INTO orders(who) VALUES (:who)"));
                let attempt = Attempt { number: 1, key: "k".into(), timeout: Duration::from_secs(20), tag: "t".into() };
                for n in 0..5 {
                    let done =
                        runtime().block_on(tool.call(&json!({ "who": format!("{worker}.{n}") }), &attempt)).unwrap();
                    assert_eq!(done, json!({"changes": 1}));
                }
            });
        }
    });
    let count = runtime().block_on(run(
        &database(dir.path(), INIT),
        Operation::Query,
        "SELECT count(*) AS n FROM orders",
        json!({}),
    ));
    assert!(count.contains("\"n\":32"), "{count}");
}

/// A statement without an end, and one that waits for another's lock: both end when nobody waits for them.
#[tokio::test]
#[expect(clippy::await_holding_invalid_type, reason = "it holds the lock that a statement waits for")]
async fn a_statement_that_nobody_waits_for_ends() {
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path(), INIT);
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    let insert = "INSERT INTO orders VALUES (9, 'late', 1, NULL, NULL)";
    run(&database, Operation::Query, "SELECT 1 AS one", json!({})).await;
    let other = Connection::open(dir.path().join("shop.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (operation, sql) in [(Operation::Query, endless), (Operation::Execute, insert)] {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let database = Arc::clone(&database);
        let work = stop::blocking(move || {
            begun.send(()).unwrap();
            let end = now() + Duration::from_hours(1);
            let done = database.with(end, |connection| statement::run(connection, operation, sql, &Map::new(), "k"));
            ended.send(done.is_err()).unwrap();
            done
        });
        tokio::select! {
            done = work => panic!("{done:?}"),
            begun = has_begun => begun.unwrap(),
        }
        assert!(has_ended.await.unwrap(), "{sql}");
    }
    other.execute_batch("COMMIT").unwrap();
    let late = run(&database, Operation::Query, "SELECT count(*) AS n FROM orders WHERE id = 9", json!({})).await;
    assert_eq!(late, r#"{"row":{"n":0},"rows":[{"n":0}]}"#);
}
