//! What is offered where something is typed: in whole files, and in files as they are while somebody types.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use uzel_core::index::{Index, complete};

use super::{DESK, Desk, PROMPT, language};

fn offered(desk: &Desk, known: Option<&Index>) -> String {
    let Some(found) = complete("app.yaml", &desk.files, &language(), (&desk.file, desk.offset), known) else {
        return "nothing\n".to_owned();
    };
    let mut out = format!("for `{}`\n", &desk.text(&found.replace.file)[found.replace.start..found.replace.end]);
    for item in &found.items {
        let insert = if item.insert == item.label { String::new() } else { format!(" -> {:?}", item.insert) };
        let _ = writeln!(out, "{:?} {}{insert}  {}", item.sort, item.label, item.detail);
    }
    out
}

fn check(desk: &Desk, expected: Expect) {
    expected.assert_eq(&offered(desk, None));
}

/// What is offered, without what comes after the first word of each line.
fn labels(desk: &Desk, known: Option<&Index>) -> String {
    let lines = offered(desk, known);
    lines.lines().skip(1).filter_map(|line| line.split(' ').nth(1)).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_and_fields_in_a_value() {
    check(
        &Desk::with("title: \"Look at ${{ sort.topic }}?\"", "title: \"Look at ${{ $0 }}?\""),
        expect![[r#"
        for ``
        Node sort  llm { topic: "billing" | "other", order: string | null }
        Node search  retrieve { documents: [{ id: string, title: string, text: string, score: number }], text: string }
        Node reply  llm { text: string, model: string } | null
        Node way  route "billing" | "other"
        Node order  tool { rows: [any], row: any } | null
        Root input  { message: string, urgent: boolean }
        Root flags  { polite: boolean }
        Root run  { id: string, app: string, started_by: string | null, started_at: integer, dry_run: boolean }
        Root node  { id: string, path: string }
        Root nodes  { sort: { status: "pending" | "running" | "waiting" | "ok" | "stepped_over" | "inactive" | "failed"…
        Function dict  
        Function range  
    "#]],
    );
    check(
        &Desk::with("title: \"Look at ${{ sort.topic }}?\"", "title: \"Look at ${{ sort.$0 }}?\""),
        expect![[r#"
        for ``
        Field topic  "billing" | "other"
        Field order  string | null
    "#]],
    );
    check(
        &Desk::with("title: \"Look at ${{ sort.topic }}?\"", "title: \"Look at ${{ sort.to$0p }}?\""),
        expect![[r#"
        for `top`
        Field topic  "billing" | "other"
        Field order  string | null
    "#]],
    );
    check(
        &Desk::with("by: sort.topic", "by: so$0"),
        expect![[r#"
        for `so`
        Node sort  llm { topic: "billing" | "other", order: string | null }
        Node search  retrieve { documents: [{ id: string, title: string, text: string, score: number }], text: string }
        Node reply  llm { text: string, model: string } | null
        Node order  tool { rows: [any], row: any } | null
        Node look  human { action: "submit", form: { note: string }, by: string, at: integer } | null
        Root input  { message: string, urgent: boolean }
        Root flags  { polite: boolean }
        Root run  { id: string, app: string, started_by: string | null, started_at: integer, dry_run: boolean }
        Root node  { id: string, path: string }
        Root nodes  { sort: { status: "pending" | "running" | "waiting" | "ok" | "stepped_over" | "inactive" | "failed"…
        Function dict  
        Function range  
    "#]],
    );
    check(
        &Desk::with("by: sort.topic", "by: sort.$0"),
        expect![[r#"
        for ``
        Field topic  "billing" | "other"
        Field order  string | null
    "#]],
    );
}

#[test]
fn names_and_fields_in_a_prompt_file() {
    check(
        &Desk::with("{{ page.title }}", "{{ page.$0 }}"),
        expect![[r#"
        for ``
        Field id  string
        Field title  string
        Field text  string
        Field score  number
    "#]],
    );
    check(
        &Desk::with("Answer {{ input.message }}", "Answer {{ input.$0 }}"),
        expect![[r#"
        for ``
        Field message  string
        Field urgent  boolean
    "#]],
    );
    assert_eq!(offered(&Desk::with("Answer ", "Ans$0wer "), None), "nothing\n");
}

/// Each is a text of the desk and what somebody has typed instead; what is offered is what is offered in a whole file.
#[test]
fn unfinished_expressions() {
    let fields = "topic order";
    let title = "title: \"Look at ${{ sort.topic }}?\"";
    for typed in [
        "title: \"Look at ${{ sort.$0 and }}?\"",
        "title: \"Look at ${{ (sort.$0 }}?\"",
        "title: \"Look at ${{ sort.$0",
        "title: \"Look at ${{ sort.$0\"",
        "title: \"Look at ${{ input.message if sort.$0 }}?\"",
        "title: \"Look at ${{ 1 + + sort.$0 }}?\"",
        "title: \"Look at ${{ sort.$0 | }}?\"",
        "title: Look at ${{ sort.$0",
        "title: 'Look at ${{ sort.$0 }}'",
        "title: |\n      Look at\n      ${{ sort.$0 }}",
        "title: >-\n      Look at\n      ${{ sort.$0",
    ] {
        assert_eq!(labels(&Desk::with(title, typed), None), fields, "{typed}");
    }
    for typed in ["by: sort.$0 ==", "by: (sort.$0", "by: \"sort.$0", "by: ${{ sort.$0", "by: sort.topic if sort.$0"] {
        assert_eq!(labels(&Desk::with("by: sort.topic", typed), None), fields, "{typed}");
    }
    let with = "with: { id: \"${{ sort.order or 'none' }}\" }";
    for typed in ["with: { id: \"${{ sort.$0", "with: { id: \"${{ sort.$0 }}\" }", "with: { id: ${{ sort.$0 }} }"] {
        assert_eq!(labels(&Desk::with(with, typed), None), fields, "{typed}");
    }
    let prompt = "{% if sort.order %}The order is {{ sort.order }}.{% endif %}";
    for typed in [
        "{% if sort.$0 %}",
        "{% if sort.$0",
        "{% if sort.order %}{{ sort.$0",
        "{{ sort.$0",
        "{{ sort.$0 {{ x }}",
        "{{ ) }}{{ sort.$0 }}",
    ] {
        assert_eq!(labels(&Desk::with(prompt, typed), None), fields, "{typed}");
    }
    // What a loop sets is known as soon as the loop is there.
    let typed = "{% for page in search.documents %}{{ page.$0";
    let found = labels(&Desk::of(DESK, typed), None);
    assert!(found.contains("title"), "{found}");
}

#[test]
fn one_mistake_elsewhere_takes_nothing_away() {
    let typed = DESK.replace("title: \"Look at ${{ sort.topic }}?\"", "title: \"Look at ${{ sort.$0 }}?\"");
    for (right, wrong) in [
        ("by: sort.topic", "by: sort.topik =="),
        ("    tool: find\n", ""),
        ("    kind: tool\n", ""),
        ("needs: [search]", "needs: [serch]"),
        ("prompts/reply.md", "prompts/gone.md"),
        ("effect: read }", "efect: read }"),
        // The line cannot be parsed.
        ("    timeout: 5s", "    timeout 5s"),
        ("name: desk", "name: \"desk"),
        ("  search: {", "  search: [{"),
    ] {
        assert!(typed.contains(right), "{right}");
        assert_eq!(labels(&Desk::of(&typed.replace(right, wrong), PROMPT), None), "topic order", "{wrong}");
    }
}

#[test]
fn what_was_known_helps_where_nothing_can_be_parsed() {
    let known = Desk::of(DESK, PROMPT).index();
    let broken = DESK
        .replace("title: \"Look at ${{ sort.topic }}?\"", "title: \"Look at ${{ sort.$0 }}?\"")
        .replace("nodes:\n", "nodes:\n]]]\n  - {{{\n\t@\n ? [\n");
    assert_eq!(labels(&Desk::of(&broken, PROMPT), Some(&known)), "topic order");
    // Nodes that wait for each other have no types, but they had.
    let cycle = DESK
        .replace("{{ input.message }}\"\n", "{{ input.message }}{{ look.form }}\"\n")
        .replace("Look at ${{ sort.topic }}?", "Look at ${{ sort.$0 }} ${{ sort.topic }}?");
    assert_eq!(labels(&Desk::of(&cycle, PROMPT), Some(&known)), "topic order");
    // A prompt is completed while the app file is broken.
    let desk =
        Desk::of(&DESK.replace("name: desk", "name: [desk"), &PROMPT.replace("{{ sort.order }}", "{{ sort.$0 }}"));
    assert_eq!(labels(&desk, Some(&known)), "topic order");
}

#[test]
fn texts_that_are_compared_filters_and_tests() {
    check(
        &Desk::with("by: sort.topic", "by: sort.topic == \"$0\""),
        expect![[r#"
        for ``
        Word billing  
        Word other  
    "#]],
    );
    check(
        &Desk::with("by: sort.topic", "by: sort.topic == \"bi$0"),
        expect![[r#"
        for `bi`
        Word billing  
        Word other  
    "#]],
    );
    let found = labels(&Desk::with("by: sort.topic", "by: sort.topic | up$0"), None);
    assert!(found.contains("upper") && found.contains("default"), "{found}");
    let found = labels(&Desk::with("by: sort.topic", "by: sort.topic is no$0"), None);
    assert!(found.contains("none") && !found.contains('<'), "{found}");
}

/// What is offered has these and not those.
fn has(desk: &Desk, wanted: &[&str], unwanted: &[&str]) {
    let found = labels(desk, None);
    let found: Vec<&str> = found.split(' ').collect();
    assert!(wanted.iter().all(|label| found.contains(label)), "{wanted:?}: {found:?}");
    assert!(!unwanted.iter().any(|label| found.contains(label)), "{unwanted:?}: {found:?}");
}

#[test]
fn keys_of_a_kind() {
    // Those of every node and those of the kind, without those that are there.
    let (wanted, unwanted) = (["description", "needs", "retry", "timeout", "join"], ["kind", "tool", "with", "prompt"]);
    has(&Desk::with("    timeout: 5s\n", "    $0\n"), &wanted, &unwanted);
    has(&Desk::with("    timeout: 5s\n", "    ti$0\n"), &wanted, &unwanted);
    has(&Desk::with("    timeout: 5s\n", "    ti$0meout: 5s\n"), &wanted, &unwanted);
    has(&Desk::with("from: pages,", "from: pages, $0"), &["query", "top_k", "needs"], &["kind", "from", "sql"]);
    let retry = Desk::with("    timeout: 5s\n", "    timeout: 5s\n    retry: { ma$0 }\n");
    has(&retry, &["max", "backoff", "errors"], &["timeout"]);
    // What must be there comes first, and what is written leads on.
    let offered = offered(&Desk::with("from: pages,", "from: pages, $0"), None);
    assert!(offered.starts_with("for ``\nKey query -> \"query: \"  required\n"), "{offered}");
    assert!(offered.contains("Key retry -> \"retry:\""), "{offered}");
}

#[test]
fn keys_of_the_document_and_of_a_node_without_a_kind() {
    has(&Desk::with("name: desk\n", "$0\n"), &["name", "description", "limits", "defaults"], &["nodes", "kind"]);
    has(&Desk::of("$0", ""), &["version", "nodes"], &[]);
    assert_eq!(labels(&Desk::with("  way:\n", "  new:\n    $0\n  way:\n"), None), "kind");
    assert_eq!(labels(&Desk::with("  way:\n", "  new: { $0 }\n  way:\n"), None), "kind");
}

#[test]
fn keys_that_a_tool_takes() {
    check(
        &Desk::with("with: { id: \"${{ sort.order or 'none' }}\" }", "with: { $0 }"),
        expect![[r#"
        for ``
        Key id -> "id: "  string
        Key limit -> "limit: "  integer | null
    "#]],
    );
    check(
        &Desk::with("with: { id: \"${{ sort.order or 'none' }}\" }", "with: { id: a, li$0 }"),
        expect![[r#"
        for `li`
        Key limit -> "limit: "  integer | null
    "#]],
    );
}

#[test]
fn kinds_and_words() {
    has(&Desk::with("kind: human", "kind: $0"), &["llm", "route", "map", "human"], &["timer", "probe"]);
    check(
        &Desk::with("on_error: { run: look }", "on_error: $0"),
        expect![[r#"
        for ``
        Word fail  
        Word skip  
    "#]],
    );
    check(
        &Desk::with("effect: read", "effect: $0"),
        expect![[r#"
        for ``
        Word read  
        Word idempotent  
        Word keyed  
        Word once  
    "#]],
    );
    check(
        &Desk::with("slow: { use: openai/gpt-5-mini", "slow: { use: o$0"),
        expect![[r#"
        for `o`
        Word openai  
        Word openai-compatible  
        Word anthropic  
        Word offline  
        Word scripted  
    "#]],
    );
}

#[test]
fn names_of_what_is_declared() {
    check(
        &Desk::with("tool: find", "tool: $0"),
        expect![[r#"
        for ``
        Name find  sqlite.query
        Name shop.query  sqlite
        Name shop.execute  sqlite
    "#]],
    );
    check(
        &Desk::with("    needs: [search]", "    needs: [$0]"),
        expect![[r#"
        for ``
        Name sort  llm
        Name way  route
        Name order  tool
        Name look  human
        Name search  retrieve
    "#]],
    );
    check(
        &Desk::with("    needs: [search]", "    needs: $0"),
        expect![[r#"
        for ``
        Name sort -> "[sort]"  llm
        Name way -> "[way]"  route
        Name order -> "[order]"  tool
        Name look -> "[look]"  human
        Name search -> "[search]"  retrieve
    "#]],
    );
    check(
        &Desk::with("{ run: look }", "{ run: lo$0 }"),
        expect![[r#"
        for `lo`
        Name sort  llm
        Name way  route
        Name look  human
        Name search  retrieve
        Name reply  llm
    "#]],
    );
    check(
        &Desk::with("from: pages", "from: $0"),
        expect![[r#"
        for ``
        Name pages  
    "#]],
    );
    check(
        &Desk::with("connection: shop", "connection: $0"),
        expect![[r#"
        for ``
        Name shop  sqlite
    "#]],
    );
    check(
        &Desk::with("secrets.DESK_KEY", "secrets.$0"),
        expect![[r#"
        for ``
        Name DESK_KEY  secret
    "#]],
    );
    assert_eq!(labels(&Desk::with("other: [reply]", "other: [$0]"), None), "sort order look search reply");
    assert_eq!(labels(&Desk::with("fallback: [slow]", "fallback: [$0]"), None), "fast slow");
    // The kind is not there yet, so the schema of no kind holds, but the rest of the file does.
    assert_eq!(labels(&Desk::with("  way:\n", "  new:\n    kind: llm\n    model: $0\n  way:\n"), None), "fast slow");
}

#[test]
fn names_and_keys_inside_of_nodes() {
    const APP: &str = "version: 1\ninputs: { messages: [string] }\nmodels: { fast: { use: offline } }\nnodes:\n  before: { kind: llm, model: fast, prompt: hello }\n  each:\n    kind: map\n    for_each: input.messages\n    as: message\n    do:\n      read: { kind: llm, model: fast, prompt: \"{{ message }}\" }\n      answer: { kind: llm, model: fast, prompt: \"{{ read.text }}\" }\n    output: \"${{ answer.text }}\"\n";
    let found = |old: &str, new: &str| {
        assert_eq!(APP.matches(old).count(), 1, "{old}");
        labels(&Desk::of(&APP.replace(old, new), ""), None)
    };
    let names = found("{{ read.text }}", "{{ $0 }}");
    assert!(names.starts_with("message ") && names.contains(" read ") && names.contains("before "), "{names}");
    assert!(!names.contains("answer"), "{names}");
    assert_eq!(found("{{ read.text }}", "{{ read.$0 }}"), "text model");
    assert_eq!(found("{{ read.text }}", "{{ loop.$0 }}"), "index index0 first last length");
    assert_eq!(found("${{ answer.text }}", "${{ answer.$0 }}"), "text model");
    assert!(found("read: { kind: llm, model: fast,", "read: { kind: llm, model: fast, $0").contains("max_tokens"));
    assert_eq!(found("read: { kind: llm, model: fast,", "read: { kind: llm, model: $0,"), "fast");
    assert!(found("    as: message\n", "    as: message\n    $0\n").contains("max_parallel"));
}

#[test]
fn nothing_is_offered_where_nothing_is_known() {
    for (old, new) in
        [("name: desk", "name: de$0sk"), ("version: 1", "version: 1 # no$0te"), ("SELECT 1", "SELECT $0 1")]
    {
        assert_eq!(labels(&Desk::with(old, new), None), "", "{new}");
    }
}
