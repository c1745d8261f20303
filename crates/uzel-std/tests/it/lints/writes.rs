//! Tools that write: who stands before them, and whether they may be tried again.

use super::{said, says, silent};

const HEAD: &str = r#"inputs: { id: string, k: integer }
connections: { shop: { use: sqlite, path: shop.db } }
tools:
  pay: { use: sqlite.execute, connection: shop, sql: "INSERT INTO p VALUES (:k)", params: { k: integer }, effect: idempotent }
  once: { use: sqlite.execute, connection: shop, sql: "INSERT INTO p VALUES (:k)", params: { k: integer } }
nodes:
"#;

fn app(nodes: &str) -> String {
    format!("{HEAD}{nodes}")
}

const PAY: &str = "kind: tool, tool: pay, with: { k: \"${{ input.k }}\" }";
const GUARD: &str = "kind: guard, text: \"${{ input.id }}\", checks: [{ length: { max: 9 }, on_failure: closed }]";

const NOBODY: &str = "`w` writes, and no guard and no person stands before it";

#[track_caller]
fn open(nodes: &str) {
    let said = said(&app(nodes));
    assert!(said.lines().count() == 1 && said.contains(NOBODY), "{said}{nodes}");
}

#[test]
fn something_must_be_able_to_say_no() {
    open(&format!("  w: {{ {PAY} }}"));
    silent(&app(&format!("  g: {{ {GUARD} }}\n  w: {{ {PAY}, needs: [g] }}")));
    silent(&app(&format!(
        "  g: {{ {GUARD} }}\n  a: {{ kind: human, title: Go, needs: [g] }}\n  w: {{ {PAY}, needs: [a] }}"
    )));
    // A guard without checks, and one whose block changes nothing.
    open(&format!("  g: {{ kind: guard, text: \"${{{{ input.id }}}}\", checks: [] }}\n  w: {{ {PAY}, needs: [g] }}"));
    open(&format!("  g: {{ {GUARD}, on_block: skip }}\n  w: {{ {PAY}, needs: [g] }}"));
    open(&format!("  g: {{ {GUARD}, on_block: {{ use: {{ text: none }} }} }}\n  w: {{ {PAY}, needs: [g] }}"));
}

#[test]
fn what_runs_because_of_a_block_or_an_error_is_not_behind_it() {
    open(&format!(
        "  g: {{ {GUARD}, on_block: {{ run: w }} }}\n  w: {{ {PAY} }}\n  z: {{ kind: human, title: A, needs: [g] }}"
    ));
    open(&format!("  h: {{ kind: human, title: A, timeout: 1h, on_error: {{ run: w }} }}\n  w: {{ {PAY} }}"));
    // What is before the node that fails is before what runs instead.
    silent(&app(&format!(
        "  g: {{ {GUARD} }}\n  first: {{ {PAY}, needs: [g], on_error: {{ run: w }} }}\n  w: {{ {PAY} }}"
    )));
}

#[test]
fn each_of_several_ways_needs_its_own() {
    let route = "  r: { kind: route, by: input.id, cases: { x: [g], default: [w] } }\n";
    open(&format!("{route}  g: {{ {GUARD} }}\n  w: {{ {PAY} }}"));
    let both = "  r: { kind: route, by: input.id, cases: { x: [g], default: [h] } }\n";
    let gates = format!("  g: {{ {GUARD} }}\n  h: {{ kind: human, title: A }}\n");
    silent(&app(&format!("{both}{gates}  w: {{ {PAY}, needs: [g, h] }}")));
    // One way has no gate, and the other need not be taken.
    let one = format!("  g: {{ {GUARD} }}\n  h: {{ kind: retrieve, from: k, query: a }}\n");
    let text = app(&format!("{both}{one}  w: {{ {PAY}, needs: [g, h] }}"));
    let said = said(&text.replace("nodes:", "knowledge: { k: { files: '*.md' } }\nnodes:"));
    assert!(said.contains(NOBODY), "{said}");
}

#[test]
fn an_answer_must_be_looked_at() {
    let ask = "  ask: { kind: human, title: Pay?, actions: [yes, no], form: { k: integer } }\n"
        .replace("yes, no", "pay, keep");
    let with = |more: &str| app(&format!("{ask}  w: {{ {PAY}{more} }}"));
    says(
        &with(", needs: [ask]"),
        "UZ3004 9 `w` writes whatever `ask` answers: nothing on the way looks at `ask.action`",
    );
    says(
        &app(&format!("{ask}  w: {{ kind: tool, tool: pay, with: {{ k: \"${{{{ ask.form.k }}}}\" }} }}")),
        "UZ3004 9 `w` writes whatever `ask` answers: nothing on the way looks at `ask.action`",
    );
    silent(&with(", when: ask.action == \"pay\""));
    // A route or code may look at it.
    silent(&app(&format!(
        "{ask}  r: {{ kind: route, by: ask.action, cases: {{ pay: [w], keep: [] }} }}\n  w: {{ {PAY} }}"
    )));
    silent(&app(&format!(
        "{ask}  c: {{ kind: code, run: \"builtin:pick\", with: {{ from: \"${{{{ ask }}}}\", fields: [action] }} }}\n  w: {{ {PAY}, needs: [c] }}"
    )));
    // With one button, who answers agrees.
    silent(&app(&format!("  ask: {{ kind: human, title: Pay? }}\n  w: {{ {PAY}, needs: [ask] }}")));
}

#[test]
fn what_must_not_be_repeated() {
    let once = "kind: tool, tool: once, with: { k: \"${{ input.k }}\" }";
    let with = |more: &str| app(&format!("  g: {{ {GUARD} }}\n  w: {{ {once}, needs: [g]{more} }}"));
    silent(&with(""));
    says(
        &with(", retry: { max: 2, errors: [timeout] }"),
        "UZ3005 9 `w` must not be repeated, and after `timeout` nobody knows whether it was done",
    );
    silent(&with(", retry: { max: 2, errors: [connect] }"));
    silent(&with(", retry: { max: 1 }"));
    // What `defaults` asks for is obeyed where it is safe, which is worth knowing.
    let defaults = |text: String| text.replace("nodes:", "defaults: { retry: { max: 3, errors: [timeout] } }\nnodes:");
    let reading = super::check(&defaults(with("")), &uzel_core::check::Choices::default());
    assert!(!reading.diagnostics.has_errors());
    assert_eq!(
        super::lines(&reading),
        "UZ3005 10 `w` must not be repeated: after `timeout` it is not tried again, whatever `defaults` says\n"
    );
    silent(&defaults(with(", retry: { errors: [connect] }")));
}
