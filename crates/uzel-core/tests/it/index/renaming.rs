//! A node gets another name, and the app means the same afterwards.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use uzel_core::index::{Edit, rename};

use super::{DESK, Desk, PROMPT, language};

fn edits(desk: &Desk, to: &str) -> Result<Vec<Edit>, String> {
    let found = rename("app.yaml", &desk.files, &language(), (&desk.file, desk.offset), to);
    found.map_err(|refused| {
        let help = refused.help.map_or_else(String::new, |help| format!("\n  help: {help}"));
        format!("{}: {}{help}\n", refused.code, refused.message)
    })
}

/// The changed lines of all files.
fn applied(desk: &Desk, edits: &[Edit]) -> BTreeMap<String, Vec<u8>> {
    let mut files = desk.files.clone();
    for edit in edits.iter().rev() {
        let mut text = String::from_utf8(files[&edit.at.file].clone()).unwrap();
        text.replace_range(edit.at.start..edit.at.end, &edit.text);
        files.insert(edit.at.file.clone(), text.into_bytes());
    }
    files
}

fn check(desk: &Desk, to: &str, expected: Expect) {
    let shown = match edits(desk, to) {
        Err(refused) => refused,
        Ok(edits) => {
            let mut out = String::new();
            for (file, bytes) in applied(desk, &edits) {
                let (old, new) = (desk.text(&file), String::from_utf8(bytes).unwrap());
                let changed = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
                changed.for_each(|(_, new)| out.push_str(&format!("{file}: {new}\n")));
            }
            out
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn everywhere_in_the_app_file_and_its_prompts() {
    check(
        &Desk::at("  so$0rt:"),
        "classify",
        expect![[r#"
        app.yaml:   classify:
        app.yaml:     by: classify.topic
        app.yaml:     with: { id: "${{ classify.order or 'none' }}" }
        app.yaml:     title: "Look at ${{ classify.topic }}?"
        app.yaml:   topic: "${{ classify.topic }}"
        app.yaml:   text: "${{ reply.text or nodes.classify.status }}"
        prompts/reply.md: {% if classify.order %}The order is {{ classify.order }}.{% endif %}
    "#]],
    );
    check(
        &Desk::at("{% if so$0rt.order"),
        "classify",
        expect![[r#"
        app.yaml:   classify:
        app.yaml:     by: classify.topic
        app.yaml:     with: { id: "${{ classify.order or 'none' }}" }
        app.yaml:     title: "Look at ${{ classify.topic }}?"
        app.yaml:   topic: "${{ classify.topic }}"
        app.yaml:   text: "${{ reply.text or nodes.classify.status }}"
        prompts/reply.md: {% if classify.order %}The order is {{ classify.order }}.{% endif %}
    "#]],
    );
    check(
        &Desk::at("needs: [sea$0rch]"),
        "find_pages",
        expect![[r#"
        app.yaml:   find_pages: { kind: retrieve, from: pages, query: "${{ input.message }}" }
        app.yaml:     needs: [find_pages]
        prompts/reply.md: {% for page in find_pages.documents %}{{ page.title }}: {{ page.text }}
    "#]],
    );
    check(
        &Desk::at("{ run: lo$0ok }"),
        "ask",
        expect![[r#"
        app.yaml:     on_error: { run: ask }
        app.yaml:   ask:
    "#]],
    );
    check(
        &Desk::at("billing: [or$0der]"),
        "load",
        expect![[r#"
        app.yaml:     cases: { billing: [load], other: [reply] }
        app.yaml:   load:
    "#]],
    );
}

#[test]
fn names_in_quotes_and_in_brackets() {
    let app = DESK.replace("  sort:\n", "  \"so$0rt\":\n").replace("nodes.sort.status", "nodes['sort'].status");
    check(
        &Desk::of(&app, PROMPT),
        "classify",
        expect![[r#"
        app.yaml:   "classify":
        app.yaml:     by: classify.topic
        app.yaml:     with: { id: "${{ classify.order or 'none' }}" }
        app.yaml:     title: "Look at ${{ classify.topic }}?"
        app.yaml:   topic: "${{ classify.topic }}"
        app.yaml:   text: "${{ reply.text or nodes['classify'].status }}"
        prompts/reply.md: {% if classify.order %}The order is {{ classify.order }}.{% endif %}
    "#]],
    );
}

#[test]
fn names_that_cannot_be_given() {
    let sort = Desk::at("  so$0rt:");
    check(
        &sort,
        "a-b",
        expect![[r#"
        UZ6031: `a-b` is not a name that expressions can use
          help: a name has letters, digits and `_`, at most 64, and does not begin with a digit
    "#]],
    );
    check(
        &sort,
        "",
        expect![[r#"
        UZ6031: `` is not a name that expressions can use
          help: a name has letters, digits and `_`, at most 64, and does not begin with a digit
    "#]],
    );
    check(
        &sort,
        "2nd",
        expect![[r#"
        UZ6031: `2nd` is not a name that expressions can use
          help: a name has letters, digits and `_`, at most 64, and does not begin with a digit
    "#]],
    );
    check(
        &sort,
        "input",
        expect![[r#"
        UZ6031: a node cannot be called `input`: expressions use that name
          help: choose a name that says what the node does
    "#]],
    );
    check(
        &sort,
        "reply",
        expect![[r#"
        UZ6031: there is a node `reply` already, in line 35
          help: choose another name
    "#]],
    );
    check(
        &sort,
        "none",
        expect![[r#"
        UZ6031: with this name there is no case for `null`
          help: choose another name
    "#]],
    );
    check(
        &sort,
        "yes",
        expect![[r#"
        UZ6031: with this name the key `yes` is a boolean for programs that read YAML 1.1
          help: choose another name
    "#]],
    );
    assert_eq!(edits(&sort, "sort"), Ok(vec![]));
}

#[test]
fn a_name_that_a_template_sets_is_not_taken_away() {
    // In the prompt `page` would be the loop's.
    check(
        &Desk::with("{{ page.title }}: {{ page.text }}", "{{ page.title }} {{ so$0rt.topic }}"),
        "page",
        expect![[r#"
        UZ6031: with this name `page` has no field `topic`
          help: choose another name
    "#]],
    );
}

#[test]
fn places_that_are_no_node() {
    check(
        &Desk::at("tool: fi$0nd"),
        "other",
        expect![[r#"
        UZ6031: there is no node's name here
          help: only nodes can be renamed
    "#]],
    );
    check(
        &Desk::at("{{ pa$0ge.title"),
        "other",
        expect![[r#"
        UZ6031: there is no node's name here
          help: only nodes can be renamed
    "#]],
    );
    check(
        &Desk::at("name: de$0sk"),
        "other",
        expect![[r#"
        UZ6031: there is no node's name here
          help: only nodes can be renamed
    "#]],
    );
}

#[test]
fn files_that_cannot_be_read() {
    check(
        &Desk::of(&DESK.replace("  sort:\n", "  so$0rt:\n").replace("name: desk", "name: [desk"), PROMPT),
        "a",
        expect![[r#"
        UZ6031: the app file cannot be read as it is: the `[` that opens here is not closed
          help: correct that first
    "#]],
    );
    let cycle = DESK.replace("{{ input.message }}\"\n", "{{ input.message }}{{ look.form }}\"\n");
    check(
        &Desk::of(&cycle.replace("  sort:\n", "  so$0rt:\n"), PROMPT),
        "a",
        expect![[r#"
        UZ6031: what expressions refer to is not known while nodes wait for each other
          help: correct that first
    "#]],
    );
    // An escape inside the name is the author's own affair.
    let escaped = DESK
        .replace("text: \"${{ reply.text", "text: \"${{ \\u0073ort.topic }}${{ reply.text")
        .replace("  sort:\n", "  so$0rt:\n");
    check(
        &Desk::of(&escaped, PROMPT),
        "a",
        expect![[r#"
        UZ6031: `sort` is not written plainly in `app.yaml`, line 42
          help: write that place without escapes first
    "#]],
    );
}

#[test]
fn what_cannot_be_checked_is_renamed_too() {
    let broken = DESK.replace("by: sort.topic", "by: sort.topic ==").replace("    kind: human\n", "");
    check(
        &Desk::of(&broken.replace("  sort:\n", "  so$0rt:\n"), PROMPT),
        "classify",
        expect![[r#"
        app.yaml:   classify:
        app.yaml:     by: classify.topic ==
        app.yaml:     with: { id: "${{ classify.order or 'none' }}" }
        app.yaml:     title: "Look at ${{ classify.topic }}?"
        app.yaml:   topic: "${{ classify.topic }}"
        app.yaml:   text: "${{ reply.text or nodes.classify.status }}"
        prompts/reply.md: {% if classify.order %}The order is {{ classify.order }}.{% endif %}
    "#]],
    );
    check(
        &Desk::of(&DESK.replace("  sort:\n", "  so$0rt:\n"), &PROMPT.replace("{% endif %}", "")),
        "classify",
        expect![[r#"
        app.yaml:   classify:
        app.yaml:     by: classify.topic
        app.yaml:     with: { id: "${{ classify.order or 'none' }}" }
        app.yaml:     title: "Look at ${{ classify.topic }}?"
        app.yaml:   topic: "${{ classify.topic }}"
        app.yaml:   text: "${{ reply.text or nodes.classify.status }}"
        prompts/reply.md: {% if classify.order %}The order is {{ classify.order }}.
    "#]],
    );
}
