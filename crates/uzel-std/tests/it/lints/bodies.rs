//! Nodes in bodies and apps in apps: what is around them counts for them, and what they do counts outside.

use std::collections::BTreeMap;

use uzel_core::check::{Choices, read};

use super::{lines, said, says, silent};

const HEAD: &str = r#"inputs: { m: string, parts: [string] }
models: { fast: { use: offline } }
connections: { shop: { use: sqlite, path: shop.db } }
tools:
  note: { use: sqlite.execute, connection: shop, sql: "INSERT INTO m VALUES (:t)", params: { t: string }, effect: idempotent }
nodes:
"#;

const SHORT: &str =
    "  g: { kind: guard, text: \"${{ input.m }}\", checks: [{ length: { max: 9 }, on_failure: closed }] }\n";

fn app(nodes: &[&str]) -> String {
    format!("{HEAD}{}", nodes.concat())
}

#[test]
fn a_write_in_a_body_needs_a_gate() {
    let each = |more: &str, inner: &str| {
        format!("  each: {{ kind: map, for_each: input.parts, as: part{more}, do: {{ {inner} }} }}\n")
    };
    let write = "kind: tool, tool: note, with: { t: fixed }";
    says(&app(&[&each("", write)]), "UZ3004 8 `do` writes, and no guard and no person stands before it");
    // Before the map, or in its body.
    silent(&app(&[SHORT, &each(", needs: [g]", write)]));
    let inside = "look: { kind: guard, text: \"${{ part }}\", checks: [{ length: { max: 9 }, on_failure: closed }] }, \
                  w: { kind: tool, tool: note, needs: [look], with: { t: fixed } }";
    silent(&app(&[&each("", inside)]));
    // A map over nothing has looked at nothing; a body that runs has.
    let looks = "kind: guard, text: \"${{ part }}\", checks: [{ length: { max: 9 }, on_failure: closed }]";
    let after = |id: &str| format!("  w: {{ kind: tool, tool: note, needs: [{id}], with: {{ t: fixed }} }}\n");
    let said = said(&app(&[&each("", looks), &after("each")]));
    assert!(said.contains("`w` writes"), "{said}");
    let again = "  again: { kind: loop, until: \"true\", max_rounds: 2, do: { kind: human, title: Go } }\n";
    silent(&app(&[again, &after("again")]));
}

#[test]
fn texts_go_into_bodies_and_come_out() {
    let write =
        |from: &str| format!("  w: {{ kind: tool, tool: note, needs: [g], with: {{ t: \"${{{{ {from} }}}}\" }} }}\n");
    let each = "  each: { kind: map, for_each: input.parts, as: part, \
                do: { kind: llm, model: fast, prompt: \"{{ part }}\", output: { who: string } } }\n";
    says(
        &app(&[SHORT, each, &write("each.items[0].who")]),
        "UZ3014 10 `input.parts` through `part`, `do`, `each.items.0.who` steers what `w` writes, through `do`",
    );
    // Free text of a body.
    let free = each.replace(", output: { who: string }", "");
    let said = said(&app(&[SHORT, &free, &write("each.items[0].text")]));
    assert!(said.contains("UZ3008 10 the free text of `do` is written by `w`"), "{said}");
    // A batch of a reduce.
    let fold = "  all: { kind: reduce, over: input.parts, as: batch, \
                do: { kind: llm, model: fast, prompt: \"{{ batch }}\", output: { who: string } } }\n";
    let said = super::said(&app(&[SHORT, fold, &write("all.who")]));
    assert!(said.contains("`input.parts` through `batch`"), "{said}");
    // One of two words that the author wrote holds no orders.
    silent(&app(&[SHORT, each, &write("'few' if (each.items | length) < 3 else 'many'")]));
}

#[test]
fn what_a_round_gives_is_read_in_the_next() {
    let again = "  again:\n    kind: loop\n    until: check.good\n    max_rounds: 3\n    output: \"${{ draft }}\"\n    do:\n      \
                 draft: { kind: llm, model: fast, prompt: \"{{ loop.previous.who }}\", output: { who: string } }\n      \
                 check: { kind: llm, model: fast, prompt: \"{{ draft.who }} {{ input.m }}\", output: { good: boolean } }\n";
    let write = "  w: { kind: tool, tool: note, needs: [g], with: { t: \"${{ again.who }}\" } }\n";
    // The draft reads only itself; the check reads the input and says a boolean.
    silent(&app(&[SHORT, again, write]));
    let told = again.replace("loop.previous.who }}\", output", "loop.previous.who }}\", needs: [note], output").replace(
        "    do:\n",
        "    do:\n      note: { kind: llm, model: fast, prompt: \"{{ loop.previous.who }} {{ input.m }}\", output: { who: string } }\n",
    );
    let told = told.replace("\"${{ draft }}\"", "\"${{ note }}\"");
    let said = said(&app(&[SHORT, &told, write]));
    assert!(said.contains("UZ3014"), "{said}");
    // The end of a loop is a decision like another.
    let free = again.replace("check.good", "check.text == \"good\"").replace(", output: { good: boolean }", "");
    says(&app(&[&free]), "UZ3008 10 the free text of `check` decides whether `again` goes on");
}

#[test]
fn an_app_in_an_app() {
    let inner = "version: 1\ninputs: { text: string }\nmodels: { fast: { use: offline } }\nnodes:\n  \
                 read: { kind: llm, model: fast, prompt: \"{{ input.text }}\", output: { who: string } }\n\
                 output: { who: \"${{ read.who }}\", sure: true }\n";
    let check = |inner: &str, outer: &str| {
        let files = BTreeMap::from([
            ("app.yaml".to_owned(), format!("version: 1\n{outer}").into_bytes()),
            ("sub/read.yaml".to_owned(), inner.as_bytes().to_vec()),
        ]);
        lines(&read("app.yaml", &files, &uzel_std::catalog(), &Choices::default()))
    };
    let outer = app(&[
        SHORT,
        "  sub: { kind: graph, use: sub/read.yaml, with: { text: \"${{ g.text }}\" } }\n",
        "  w: { kind: tool, tool: note, needs: [g], with: { t: \"${{ sub.who }}\" } }\n",
    ]);
    // The model is in the other app: the way is told as far as it goes in this one.
    let steered = "UZ3014 10 `input.m` through `g.text`, `sub.who` steers what `w` writes, through `sub`\n";
    assert_eq!(check(inner, &outer), steered);
    assert_eq!(check(&inner.replace("who: \"${{ read.who }}\"", "who: fixed"), &outer), "");
    // What the other app lacks is told in its file, once.
    let waived = inner.replace("use: offline", "use: openai/a");
    let found = check(&waived, &outer);
    assert_eq!(found.matches("UZ3006 3 ").count(), 1, "{found}");
    let waived = format!("{waived}waive: [{{ code: UZ3006, reason: A pilot., until: 2090-01-01 }}]\n");
    assert_eq!(check(&waived, &outer), steered);
    // A person in the other app stands before what follows it.
    let asks = "version: 1\ninputs: { text: string }\nnodes: { ask: { kind: human, title: \"${{ input.text }}\" } }\n";
    let outer = app(&[
        "  sub: { kind: graph, use: sub/read.yaml, with: { text: \"${{ input.m }}\" } }\n",
        "  w: { kind: tool, tool: note, needs: [sub], with: { t: fixed } }\n",
    ]);
    assert_eq!(check(asks, &outer), "");
    assert!(check(inner, &outer).contains("`w` writes"));
}

#[test]
fn who_starts_early_may_start_without_the_gate() {
    let parents = "  other: { kind: human, title: Go, timeout: 1h, on_error: skip }\n  \
                   k: { kind: retrieve, from: pages, query: a }\n";
    let with = |join: &str| {
        let write = format!("  w: {{ kind: tool, tool: note, needs: [other, k]{join}, with: {{ t: fixed }} }}\n");
        app(&[parents, &write]).replace("nodes:", "knowledge: { pages: { files: '*.md' } }\nnodes:")
    };
    silent(&with(""));
    for join in [", join: any", ", join: settle", ", join: { quorum: 1 }", ", join: { deadline: 5s }"] {
        let said = said(&with(join));
        assert!(said.contains("`w` writes, and no guard"), "{join}: {said}");
    }
}

#[test]
fn new_nodes_in_bodies() {
    let old =
        app(&["  again: { kind: loop, until: \"true\", max_rounds: 2, do: { a: { kind: human, title: Go } } }\n"]);
    let choices = Choices { against: super::check(&old, &Choices::default()).graph, ..Choices::default() };
    assert!(choices.against.is_some());
    let found = |new: &str| lines(&super::check(new, &choices));
    assert_eq!(found(&old), "");
    let new = old.replace("title: Go }", "title: Go }, b: { kind: human, title: Stop }");
    assert!(found(&new).starts_with("UZ3012 8 `b` is new"), "{}", found(&new));
    // A new node stands for its body.
    let whole = format!(
        "{old}  more: {{ kind: loop, until: \"true\", max_rounds: 2, do: {{ c: {{ kind: human, title: A }} }} }}\n"
    );
    assert_eq!(found(&whole).lines().count(), 1);
    assert!(found(&whole).contains("`more` is new"));
}
