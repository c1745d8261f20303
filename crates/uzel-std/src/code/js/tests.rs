//! Tests of the JavaScript sandbox.

use expect_test::expect;
use serde_json::json;

use super::*;

fn load(source: &str) -> Result<Script, Failure> {
    let files = |path: &str| match path {
        "logic/prices.js" => {
            Some("import { tax } from '../rates/tax.js';\nexport const gross = (n) => n + tax(n);".to_owned())
        }
        "rates/tax.js" => Some("import '../logic/prices.js';\nexport function tax(n) { return n / 4 }".to_owned()),
        "logic/broken.js" => Some("export let x = ;".to_owned()),
        _ => None,
    };
    let limits = Limits { time: Duration::from_millis(400), ..Limits::default() };
    Script::load("logic/orders.js", source, files, limits)
}

/// What `export function f(x)` with this body gives for an argument.
fn body(body: &str, argument: &Value) -> Result<Value, Failure> {
    load(&format!("export async function other() {{}}\nexport function f(x) {{ {body} }}"))?.call("f", argument)
}

fn shown(result: Result<Value, Failure>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(failure) => format!("{} {}", failure.class.as_str(), failure.message),
    }
}

#[test]
fn values_go_in_and_out() {
    let value = json!({"b": [1, 2.5, null, true, "é\u{0}\u{1F600}"], "a": {"": {}}, "big": 9_007_199_254_740_991_u64, "__proto__": 1});
    assert_eq!(body("return x", &value).unwrap().to_string(), value.to_string());
    let cases = [
        ("return undefined", "null"),
        ("return NaN", "null"),
        ("return { d: new Date('2024-02-29T12:00:00Z'), u: undefined }", r#"{"d":"2024-02-29T12:00:00.000Z"}"#),
        ("return Promise.resolve(1).then((n) => n + 1)", "2"),
        ("return new Map([[1, 2]])", "{}"),
        ("return () => 1", "code `f` returned a function, a result must be JSON"),
        ("const a = {}; a.a = a; return a", "code logic/orders.js:2: TypeError: circular reference"),
        ("return 1n", "code logic/orders.js:2: TypeError: BigInt are forbidden in JSON.stringify"),
        ("return 'x'.repeat(2e6)", "limit the result of `f` has 2000002 bytes, at most 1048576 are allowed"),
        ("return new Promise(() => {})", "code it waits for a promise that nothing settles"),
    ];
    for (source, want) in cases {
        let got = shown(body(source, &Value::Null));
        // Exceptions out of `JSON.stringify` have no line.
        assert_eq!(got.replace("code TypeError", "code logic/orders.js:2: TypeError"), want, "{source}");
    }
}

#[test]
fn modules_and_exports() {
    let script = load("import { gross } from './prices.js';\nexport const limit = 3;\nexport default function () {}\nexport function total(order) { return order.items.reduce((n, i) => n + gross(i.price), 0); }").unwrap();
    assert_eq!(script.exports(), ["default", "total"]);
    assert_eq!(script.call("total", &json!({"items": [{"price": 4}, {"price": 8}]})).unwrap(), json!(15));
    assert_eq!(
        script.files().map(|(path, _)| path).collect::<Vec<_>>(),
        ["logic/orders.js", "logic/prices.js", "rates/tax.js"]
    );
    expect!["invalid there is no function `totl` in logic/orders.js; did you mean `total`?"]
        .assert_eq(&shown(script.call("totl", &Value::Null)));
    let error = shown(script.call("total", &json!({"items": [9_007_199_254_740_993_u64]})));
    expect!["invalid the integer at /items/0 is too big for a JavaScript number: pass it as text"].assert_eq(&error);
}

#[test]
fn errors_name_file_and_line() {
    let sources = [
        "export function f( {\n",
        "\nimport x from 'fs';",
        "import x from './none.js';",
        "import x from '../../none.js';",
        "import { x } from './broken.js';",
        "import { y } from './prices.js';",
        "\n\nthrow new RangeError('top');",
        "const a = 1;\nexport function f() { return inner() }\nfunction inner() { return null.x }",
        "export function f() { throw 'no such order' }",
        "export function f() { throw { code: 7 } }",
        "export async function f() { await 1; throw new Error('late') }",
        "export async function f() { await import('./none.js') }",
    ];
    let table: String =
        sources.iter().map(|source| shown(load(source).and_then(|s| s.call("f", &Value::Null))) + "\n").collect();
    expect![[r#"
        code logic/orders.js:2: SyntaxError: invalid property name
        code ReferenceError: Error resolving module 'fs' from 'logic/orders.js': only files can be imported: begin the path with `./` or `../`
        code ReferenceError: Error loading module 'logic/none.js': there is no such file
        code ReferenceError: Error resolving module '../../none.js' from 'logic/orders.js': the path leaves the folder of the app
        code logic/broken.js:1: SyntaxError: unexpected token in expression: ';'
        code SyntaxError: Could not find export 'y' in module 'logic/prices.js'
        code logic/orders.js:3: RangeError: top
        code logic/orders.js:3: TypeError: cannot read property 'x' of null
        code thrown: no such order
        code thrown: {"code":7}
        code logic/orders.js:1: Error: late
        code ReferenceError: Error loading module 'logic/none.js': there is no such file
    "#]].assert_eq(&table);
    let failure = load(sources[7]).unwrap().call("f", &Value::Null).unwrap_err();
    assert!(failure.causes[0].contains("at inner (logic/orders.js:3"), "{failure:?}");
}

#[test]
fn there_is_no_way_out() {
    let sources = [
        "return Date.now()",
        "return new Date()",
        "return Date()",
        "return Math.random()",
        "return eval('1')",
        "return Function('return 1')()",
        "return (() => {}).constructor('return 1')()",
        "return (async () => {}).constructor('return 1')()",
        "return Object.getPrototypeOf(function*(){}).constructor('return 1')()",
        "return (class extends Function {}).constructor('return 1')()",
        "return new (new Date(0).constructor)()",
        "return [typeof require, typeof process, typeof std, typeof os, typeof fetch, typeof setTimeout, typeof console, typeof performance, typeof Atomics, typeof WeakRef].join()",
        "return (() => {}) instanceof Function && [] instanceof Object && new Date(0) instanceof Date",
        "return [new Date(2024, 0, 31, 5).toISOString(), new Date('2024-01-31T05:00').getHours(), new Date('Jan 31 2024 05:00').getTime(), new Date(0).getTimezoneOffset(), `${new Date(0)}`, new Date(new Date(5)).valueOf()]",
        "class D extends Date { y() { return this.getFullYear() } } return new D(0).y()",
    ];
    let table: String = sources.iter().map(|source| shown(body(source, &Value::Null)) + "\n").collect();
    expect![[r#"
        code logic/orders.js:2: TypeError: there is no clock here: pass the time in
        code logic/orders.js:2: TypeError: there is no clock here: pass the time in
        code logic/orders.js:2: TypeError: there is no clock here: pass the time in
        code logic/orders.js:2: TypeError: there is no randomness here: pass the value in
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: no code from text here: `eval` and the Function constructor are switched off
        code logic/orders.js:2: TypeError: there is no clock here: pass the time in
        "undefined,undefined,undefined,undefined,undefined,undefined,undefined,undefined,undefined,undefined"
        true
        ["2024-01-31T05:00:00.000Z",5,1706677200000,0,"Thu, 01 Jan 1970 00:00:00 GMT",5]
        1970
    "#]]
    .assert_eq(&table);
}

#[test]
fn limits_hold() {
    let sources = [
        "for (;;) {}",
        "try { for (;;) {} } catch { return 1 } finally { for (;;) {} }",
        "return Promise.resolve().then(function again() { return Promise.resolve().then(again) })",
        "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
        "const a = []; for (;;) a.push('x'.repeat(100000))",
        "return 'x'.repeat(5e8).length",
        "const a = []; for (;;) a.push(new Uint8Array(1e6))",
        "return f(x) + 1",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a",
        "return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        "const a = []; a.length = 4e9; return a.includes(1)",
        "const a = []; a.length = 4e9; return [a].flat().length",
        "return new Set(Array.prototype.values.call({ length: 2 ** 53 - 1 })).size",
        "const a = []; a.length = 4e9; return new Set(a).size",
        "const a = []; a.length = 4e9; return JSON.stringify(a).length",
        "return 'a'.repeat(1e7).indexOf('a'.repeat(5e6) + 'b')",
    ];
    let start = now();
    let table: String = sources.iter().map(|source| shown(body(source, &Value::Null)) + "\n").collect();
    expect![[r"
        limit the code took longer than 400ms: do less, or raise its limit
        limit the code took longer than 400ms: do less, or raise its limit
        limit the code took longer than 400ms: do less, or raise its limit
        limit the code took longer than 400ms: do less, or raise its limit
        limit the code needs more than 64 MB of memory: keep less, or raise its limit
        limit the code needs more than 64 MB of memory: keep less, or raise its limit
        limit the code needs more than 64 MB of memory: keep less, or raise its limit
        limit the code calls itself too deeply: its stack is 512 KB
        limit the code calls itself too deeply: its stack is 512 KB
        code logic/orders.js:2: RangeError: a list is too long: at most 10000000 places
        code logic/orders.js:2: RangeError: a list is too long: at most 10000000 places
        code logic/orders.js:2: RangeError: a list is too long: at most 10000000 places
        code logic/orders.js:2: RangeError: a list is too long: at most 10000000 places
        code logic/orders.js:2: RangeError: a list is too long: at most 10000000 places
        limit the code needs more than 64 MB of memory: keep less, or raise its limit
        code logic/orders.js:2: RangeError: the texts are too long to search one in the other
    "]]
    .assert_eq(&table);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn nothing_stays_between_calls() {
    let script =
        load("let n = 0; export function f() { globalThis.m = (globalThis.m ?? 0) + 1; return [++n, m] }").unwrap();
    for _ in 0..3 {
        assert_eq!(script.call("f", &Value::Null).unwrap(), json!([1, 1]));
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(script.call("f", &Value::Null).unwrap(), json!([1, 1])));
        }
    });
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
    #[test]
    fn any_text_passes_unchanged(text in ".{0,40}", number in proptest::num::f64::NORMAL) {
        let value = json!({ "t": text, "n": number, text.clone(): [text.clone()] });
        proptest::prop_assert_eq!(body("return x", &value).unwrap(), value);
    }

    #[test]
    fn any_source_is_an_error_or_a_script(source in "(export |function |f|\\(|\\)|\\{|\\}|=>|`|\\$|x|1|;|\\PC){0,30}") {
        let _ = load(&source);
    }
}

/// A function without an end, with all the time in the world: it ends when nobody waits for it.
#[tokio::test]
async fn a_function_that_nobody_waits_for_ends() {
    let limits = Limits { time: Duration::from_hours(1), ..Limits::default() };
    let source = "export function f(x) { while (true) {} }";
    let script = Script::load("logic/endless.js", source, |_| None, limits).unwrap();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (ended, has_ended) = tokio::sync::oneshot::channel();
    let work = stop::blocking(move || {
        begun.send(()).unwrap();
        let done = script.call("f", &json!(1));
        ended.send(done.is_err()).unwrap();
        done
    });
    tokio::select! {
        done = work => panic!("{done:?}"),
        begun = has_begun => begun.unwrap(),
    }
    assert!(has_ended.await.unwrap());
}
