//! Texts of strangers that steer what is written, or become a statement.

use super::{said, says, silent};

const HEAD: &str = r#"inputs: { m: string, k: integer }
models: { fast: { use: offline } }
knowledge: { pages: { files: "*.md" } }
connections: { shop: { use: sqlite, path: shop.db } }
tools:
  note: { use: sqlite.execute, connection: shop, sql: "INSERT INTO m VALUES (:t, :k)", params: { t: string, k: integer }, effect: idempotent }
nodes:
"#;

const SHORT: &str =
    "  g: { kind: guard, text: \"${{ input.m }}\", checks: [{ length: { max: 9 }, on_failure: closed }] }\n";
const READ: &str = "  read: { kind: llm, model: fast, prompt: \"{{ g.text }}\", output: { who: string, sure: boolean, k: integer } }\n";
const NOTE: &str = "  w: { kind: tool, tool: note, needs: [g], with: { t: \"${{ read.who }}\", k: 1 } }\n";

fn app(parts: &[&str]) -> String {
    format!("{HEAD}{}", parts.concat())
}

const STEERED: &str = "UZ3014 11 `input.m` through `g.text`, `read.who` steers what `w` writes, through `read`";

#[test]
fn models_pass_on_what_they_read() {
    says(&app(&[SHORT, READ, NOTE]), STEERED);
    // A model after a model.
    let second = "  more: { kind: llm, model: fast, prompt: \"{{ read.who }}\", output: { who: string } }\n";
    let said = said(&app(&[SHORT, READ, second, &NOTE.replace("read.who", "more.who")]));
    assert!(said.contains("steers what `w` writes, through `more`"), "{said}");
    // Through code that gives it on.
    let pick = "  c: { kind: code, run: \"builtin:pick\", with: { value: \"${{ read }}\", fields: [who] } }\n";
    let said = super::said(&app(&[SHORT, READ, pick, &NOTE.replace("read.who", "c.who")]));
    assert!(said.contains("steers what `w` writes, through `read`"), "{said}");
    // A document.
    let search = "  s: { kind: retrieve, from: pages, query: a }\n";
    let said = super::said(&app(&[SHORT, search, &READ.replace("g.text", "s.text"), NOTE]));
    assert!(said.contains("a document that `s.text` found"), "{said}");
}

#[test]
fn what_ends_it() {
    // A guard against orders before the model, or on the very value.
    silent(&app(&[&SHORT.replace("length: { max: 9 }", "prompt_injection: {}"), READ, NOTE]));
    silent(
        &app(&[&SHORT.replace("length: { max: 9 }", "prompt_injection: {}"), &READ.replace("g.text", "input.m"), NOTE])
            .replace("prompt: \"{{ input.m", "needs: [g], prompt: \"{{ input.m"),
    );
    // A person or a guard between the model and the tool.
    let ask = "  ask: { kind: human, title: \"${{ read.who }}\", actions: [go, stop] }\n";
    silent(&app(&[SHORT, READ, ask, &NOTE.replace("needs: [g]", "when: ask.action == \"go\"")]));
    let look =
        "  look: { kind: guard, text: \"${{ read.who }}\", checks: [{ length: { max: 9 }, on_failure: closed }] }\n";
    silent(&app(&[SHORT, READ, look, &NOTE.replace("read.who", "look.text")]));
    // Numbers, booleans and words of an enum.
    silent(&app(&[SHORT, READ, &NOTE.replace("t: \"${{ read.who }}\", k: 1", "t: fixed, k: \"${{ read.k }}\"")]));
    silent(&app(&[SHORT, &READ.replace("who: string", "who: { enum: [a, b] }"), NOTE]));
    // What nobody made a model of is what it is: a row that is copied.
    silent(&app(&[SHORT, &NOTE.replace("read.who", "g.text")]));
    // A model that reads nothing of others.
    silent(&app(&[SHORT, &READ.replace("{{ g.text }}", "Tell a joke"), NOTE]));
}

#[test]
fn a_replacement_counts_too() {
    let replaced =
        READ.replace("output:", "on_error: { use: { who: \"${{ input.m }}\", sure: false, k: 1 } }, output:");
    says(
        &app(&[SHORT, &replaced.replace("{{ g.text }}", "Tell a joke"), NOTE]),
        "UZ3014 11 `input.m` through `read.who` steers what `w` writes, through `read`",
    );
}

#[test]
fn statements_hold_no_texts() {
    let query = |sql: &str| format!("  q: {{ kind: tool, tool: shop.query, with: {{ sql: {sql} }} }}\n");
    says(
        &app(&[&query("\"SELECT * FROM m WHERE t = '${{ input.m }}'\"")]),
        "UZ3015 9 `input.m` becomes part of a statement of `q`",
    );
    // A guard for prompts is none for SQL.
    let text =
        app(&[&SHORT.replace("length: { max: 9 }", "prompt_injection: {}"), &query("\"SELECT '${{ g.text }}'\"")]);
    says(&text, "UZ3015 10 `input.m` through `g.text` becomes part of a statement of `q`");
    let made = said(&app(&["  s: { kind: llm, model: fast, prompt: Write SQL }\n", &query("\"${{ s.text }}\"")]));
    assert!(made.starts_with("UZ3015 10 what a model wrote in `s.text` becomes part of a statement of `q`"), "{made}");
    silent(&app(&[&query("\"SELECT * FROM m LIMIT ${{ input.k }}\"")]));
    silent(&app(&[
        "  q: { kind: tool, tool: shop.query, with: { sql: \"SELECT :t\", params: { t: \"${{ input.m }}\" } } }\n",
    ]));
}
