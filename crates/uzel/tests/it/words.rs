//! Commands that need no store: `new`, `graph`, `explain`, `schema`, `completions`, help.

use expect_test::expect;
use serde_json::Value;
use uzel_core::diagnostic::Code;

use crate::scratch::Scratch;

#[test]
fn new_makes_an_app_that_runs() {
    let scratch = Scratch::new(&[]);
    scratch.check(
        &["new", "shop"],
        expect![[r#"
            exit 0
            --- stderr
            made: shop (3 files)
            next
              check it  uzel check shop
              run it once  uzel run shop --input 'message=Where is my invoice?'
              run it for each line of a file  uzel run shop --inputs shop/tickets.jsonl
              see its nodes  uzel graph shop
        "#]],
    );
    scratch.check(
        &["new", "shop"],
        expect![[r#"
        exit 2
        --- stderr
        error: `shop` exists already; nothing was written
        hint: choose another name
    "#]],
    );
    scratch.check(
        &["new", "a b"],
        expect![[r#"
        exit 2
        --- stderr
        error: `a b` cannot be the name of an app
        hint: use letters, digits, `-` and `_`, such as `uzel new my-app`
    "#]],
    );
    scratch.check(
        &["check", "shop"],
        expect![[r#"
        exit 0
        --- stdout
        shop/app.yaml is fine: 1 node
    "#]],
    );
    assert!(scratch.fine(&["run", "shop", "--inputs", "shop/tickets.jsonl", "--summary", "topic"]).contains("billing"));
}

#[test]
fn new_makes_the_support_desk() {
    let scratch = Scratch::new(&[]);
    scratch.fine(&["new", "desk", "--from", "support"]);
    for name in ["tickets.jsonl", "logic/refunds.js", "data/shop.sql", "prompts/reply.md"] {
        let original = std::fs::read_to_string(Scratch::example("support-triage").join(name)).unwrap();
        assert_eq!(scratch.read(&format!("desk/{name}")), original);
    }
    assert!(scratch.read("desk/app.yaml").contains("\nname: desk\n"));
}

#[test]
fn codes_are_explained() {
    let scratch = Scratch::new(&[]);
    scratch.check(
        &["explain", "UZ9999"],
        expect![[r#"
            exit 2
            --- stderr
            error: there is no code `UZ9999`
            hint: did you mean `UZ0009`, `UZ1009` or `UZ2009`?
        "#]],
    );
    let list = scratch.fine(&["explain"]);
    for (code, _, title) in Code::ALL {
        assert!(list.contains(&format!("{code}  {title}\n")), "{code}");
    }
    assert!(scratch.fine(&["explain", "uz2004"]).contains("UZ2004"));
}

#[test]
fn the_schema_takes_what_check_takes() {
    let scratch = Scratch::new(&[]);
    let schema: Value = serde_json::from_str(&scratch.fine(&["schema"])).unwrap();
    assert_eq!(dangling(&schema, &schema), Vec::<String>::new());
    let kinds = schema.pointer("/$defs/node/properties/kind/enum").and_then(Value::as_array).unwrap();
    assert!(kinds.iter().any(|kind| kind == "llm"), "{kinds:?}");
    assert!(schema.pointer("/$defs/node.llm/properties/prompt").is_some());
    assert!(schema.pointer("/$defs/node.llm/properties/retry").is_some(), "the keys of every node are there, too");
    scratch.fine(&["schema", "--output", "deep/schema.json"]);
    assert_eq!(serde_json::from_str::<Value>(&scratch.read("deep/schema.json")).unwrap(), schema);
}

/// References to definitions that do not exist.
fn dangling(schema: &Value, root: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields
                .get("$ref")
                .and_then(Value::as_str)
                .filter(|target| target.strip_prefix('#').is_none_or(|pointer| root.pointer(pointer).is_none()));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(|value| dangling(value, root))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| dangling(item, root)).collect(),
        _ => vec![],
    }
}

#[test]
fn completions_for_every_shell() {
    let scratch = Scratch::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(scratch.fine(&["completions", shell]).contains("completions"), "{shell}");
    }
}

#[test]
fn a_command_that_is_not_understood() {
    let scratch = Scratch::new(&[]);
    scratch.check(
        &["chekc"],
        expect![[r#"
        exit 2
        --- stderr
        error: unrecognized subcommand 'chekc'

          tip: some similar subcommands exist: 'schema', 'check'

        Usage: uzel [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]],
    );
    scratch.check(
        &["run", "--inputs", "a", "--input", "b=c"],
        expect![[r#"
        exit 2
        --- stderr
        error: the argument '--inputs <FILE.jsonl>' cannot be used with '--input <INPUT>'

        Usage: uzel run --inputs <FILE.jsonl> [APP]

        For more information, try '--help'.
    "#]],
    );
    scratch.check(
        &["runs", "--since", "yesterday"],
        expect![[r#"
        exit 2
        --- stderr
        error: `--since`: `yesterday` is not a duration: it must be a number and a unit, such as `30s`
        hint: write `--since 2h`
    "#]],
    );
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let scratch = Scratch::new(&[]);
    let mut child = scratch.spawn(&["schema"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()), (Some(0), String::new()));
}
