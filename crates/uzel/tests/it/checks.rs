//! `check`: reports of mistakes, as text and as JSON.

use expect_test::expect;

use crate::scratch::{DESK, Scratch};

const BROKEN: &str = r#"version: 1
inputs: { message: string }
models: { fast: { use: offline } }
nodes:
  sort:
    kind: lllm
    model: fast
  answer:
    kind: llm
    model: fst
    prompt: "Answer: {{ input.mesage }}"
"#;

#[test]
fn a_good_app() {
    Scratch::new(&[("app.yaml", DESK)]).check(
        &["check"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 3 nodes
    "#]],
    );
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let scratch = Scratch::new(&[("apps/app.yaml", BROKEN)]);
    scratch.check(
        &["check", "apps"],
        expect![[r#"
            exit 1
            --- stdout
            error[UZ1004]: there is no kind `lllm`
             --> apps/app.yaml:6:11
              |
            6 |  kind: lllm
              |  ^^^^
              |
              = help: did you mean `llm`?
                      run `uzel explain UZ1004`

            error[UZ1010]: `fst` is not declared under `models`
              --> apps/app.yaml:10:12
               |
            10 |  model: fst
               |  ^^^
               |
               = help: did you mean `fast`?
                       run `uzel explain UZ1010`

            error[UZ2004]: `input` has no field `mesage`
              --> apps/app.yaml:11:31
               |
            11 |  prompt: "Answer: {{ input.mesage }}"
               |  ^^^^^^
               |
               = help: did you mean `message`?
                       run `uzel explain UZ2004`

            apps/app.yaml: 3 errors
        "#]],
    );
    scratch.check(
        &["check", "apps/app.yaml", "--format", "json"],
        expect![[r#"
        exit 1
        --- stdout
        [
          {
            "code": "UZ1004",
            "severity": "error",
            "message": "there is no kind `lllm`",
            "file": "apps/app.yaml",
            "line": 6,
            "column": 11,
            "help": "did you mean `llm`?",
            "labels": []
          },
          {
            "code": "UZ1010",
            "severity": "error",
            "message": "`fst` is not declared under `models`",
            "file": "apps/app.yaml",
            "line": 10,
            "column": 12,
            "help": "did you mean `fast`?",
            "labels": []
          },
          {
            "code": "UZ2004",
            "severity": "error",
            "message": "`input` has no field `mesage`",
            "file": "apps/app.yaml",
            "line": 11,
            "column": 31,
            "help": "did you mean `message`?",
            "labels": []
          }
        ]
    "#]],
    );
}

#[test]
fn an_app_that_is_not_there() {
    let scratch = Scratch::new(&[("app.yaml", DESK), ("empty/README.md", "")]);
    scratch.check(
        &["check", "ap.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app file `ap.yaml`
        hint: did you mean `app.yaml`?
    "#]],
    );
    scratch.check(
        &["check", "empty"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app.yaml in `empty`
        hint: name the app file, or make an app with `uzel new NAME`
    "#]],
    );
}

#[test]
fn a_far_place_in_a_large_file() {
    let mut text = "# A comment that fills the file with bytes that nobody reads twice.\n".repeat(100_000);
    text.push_str("version: 1\nnodes: { a: { kind: nothing } }\n");
    Scratch::new(&[("app.yaml", &text)]).check(
        &["check"],
        expect![[r#"
            exit 1
            --- stdout
            error[UZ1004]: there is no kind `nothing`
                  --> app.yaml:100002:21
                   |
            100002 | nodes: { a: { kind: nothing } }
                   |  ^^^^^^^
                   |
                   = help: known are agent, code, graph, guard, human, llm, map, reduce, loop, retrieve, route, tool, wait
                           run `uzel explain UZ1004`

            app.yaml: 1 error
        "#]],
    );
}

#[test]
fn an_app_with_mistakes_does_not_run() {
    let scratch = Scratch::new(&[("app.yaml", "version: 1\nnodes: {}\n")]);
    scratch.check(
        &["run"],
        expect![[r#"
            exit 1
            --- stderr
            error[UZ1012]: the app has no nodes
             --> app.yaml:2:8
              |
            2 | nodes: {}
              |  ^^
              |
              = help: add at least one node: `nodes: { answer: { kind: llm, … } }`
                      run `uzel explain UZ1012`

            error: the app cannot run: 1 error
        "#]],
    );
    assert!(!scratch.exists(".uzel"), "a run that cannot begin leaves no store");
}

const REMOTE: &str = r#"version: 1
inputs: { message: string }
models: { fast: { use: openai/gpt-5-mini } }
nodes:
  sort: { kind: llm, model: fast, prompt: "{{ input.message }}" }
"#;

#[test]
fn warnings_can_be_denied_and_allowed() {
    let scratch = Scratch::new(&[("app.yaml", REMOTE)]);
    scratch.check(
        &["check"],
        expect![[r#"
        exit 0
        --- stdout
        warning[UZ3006]: nobody says how long a call of the model `fast` may take: it is cut off after 1m
         --> app.yaml:3:11
          |
        3 | models: { fast: { use: openai/gpt-5-mini } }
          |  ^^^^
        4 | nodes:
        5 |  sort: { kind: llm, model: fast, prompt: "{{ input.message }}" }
          |  ---- `sort` calls it
          |
          = help: add `timeout: 20s` to it, to the nodes that call it, or to `defaults`
                  run `uzel explain UZ3006`

        app.yaml is fine: 1 node, 1 warning
    "#]],
    );
    scratch.check(
        &["check", "--deny", "warnings", "--format", "json"],
        expect![[r#"
        exit 1
        --- stdout
        [
          {
            "code": "UZ3006",
            "severity": "error",
            "message": "nobody says how long a call of the model `fast` may take: it is cut off after 1m",
            "file": "app.yaml",
            "line": 3,
            "column": 11,
            "help": "add `timeout: 20s` to it, to the nodes that call it, or to `defaults`",
            "labels": [
              {
                "file": "app.yaml",
                "line": 5,
                "column": 3,
                "text": "`sort` calls it"
              }
            ]
          }
        ]
    "#]],
    );
    scratch.check(
        &["check", "--deny", "UZ3006"],
        expect![[r#"
        exit 1
        --- stdout
        error[UZ3006]: nobody says how long a call of the model `fast` may take: it is cut off after 1m
         --> app.yaml:3:11
          |
        3 | models: { fast: { use: openai/gpt-5-mini } }
          |  ^^^^
        4 | nodes:
        5 |  sort: { kind: llm, model: fast, prompt: "{{ input.message }}" }
          |  ---- `sort` calls it
          |
          = help: add `timeout: 20s` to it, to the nodes that call it, or to `defaults`
                  run `uzel explain UZ3006`

        app.yaml: 1 error
    "#]],
    );
    scratch.check(
        &["check", "--deny", "warnings", "--allow", "uz3006"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 1 node
    "#]],
    );
    scratch.check(
        &["check", "--deny", "UZ3306"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no code `UZ3306` for `--deny`
        hint: did you mean `UZ3006`, `UZ0006` or `UZ1006`?
    "#]],
    );
    scratch.check(
        &["check", "--allow", "UZ2004"],
        expect![[r#"
        exit 2
        --- stderr
        error: UZ2004 is an error, which cannot be allowed
        hint: correct what it says; `uzel explain UZ2004` says how
    "#]],
    );
    scratch.check(
        &["check", "--allow", "UZ3006", "--deny", "UZ3006"],
        expect![[r#"
        exit 2
        --- stderr
        error: UZ3006 is denied and allowed
        hint: remove one of the two
    "#]],
    );
}

#[test]
fn what_the_file_accepts() {
    let waived = |until: &str| format!("{REMOTE}waive: [{{ code: UZ3006, reason: A pilot., until: {until} }}]\n");
    let scratch = Scratch::new(&[("app.yaml", &waived("2999-12-31")), ("old/app.yaml", &waived("2020-12-31"))]);
    scratch.check(
        &["check", "--deny", "warnings"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 1 node, 1 waived
    "#]],
    );
    scratch.check(
        &["check", "--format", "json"],
        expect![[r#"
        exit 0
        --- stdout
        [
          {
            "code": "UZ3006",
            "severity": "warning",
            "message": "nobody says how long a call of the model `fast` may take: it is cut off after 1m",
            "file": "app.yaml",
            "line": 3,
            "column": 11,
            "help": "add `timeout: 20s` to it, to the nodes that call it, or to `defaults`",
            "labels": [
              {
                "file": "app.yaml",
                "line": 5,
                "column": 3,
                "text": "`sort` calls it"
              }
            ],
            "waived": {
              "reason": "A pilot.",
              "until": "2999-12-31"
            }
          }
        ]
    "#]],
    );
    scratch.check(
        &["check", "old"],
        expect![[r#"
        exit 1
        --- stdout
        warning[UZ3006]: nobody says how long a call of the model `fast` may take: it is cut off after 1m
         --> old/app.yaml:3:11
          |
        3 | models: { fast: { use: openai/gpt-5-mini } }
          |  ^^^^
        4 | nodes:
        5 |  sort: { kind: llm, model: fast, prompt: "{{ input.message }}" }
          |  ---- `sort` calls it
          |
          = help: add `timeout: 20s` to it, to the nodes that call it, or to `defaults`
                  run `uzel explain UZ3006`

        error[UZ3020]: the waiver of UZ3006 held until 2020-12-31
         --> old/app.yaml:6:50
          |
        6 | waive: [{ code: UZ3006, reason: A pilot., until: 2020-12-31 }]
          |  ^^^^^^^^^^
          |
          = help: correct what it waives, or decide again and write a later day
                  run `uzel explain UZ3020`

        old/app.yaml: 1 error, 1 warning
    "#]],
    );
    // What runs does not stop because a day has passed.
    scratch.check(
        &["graph", "old", "--format", "mermaid"],
        expect![[r#"
        exit 0
        --- stdout
        flowchart TD
            n0["sort<br/><small>llm</small>"]
    "#]],
    );
}

#[test]
fn against_the_app_that_is_in_use() {
    let new = DESK.replace("  look:", "  extra: { kind: human, title: Look }\n  look:");
    let scratch = Scratch::new(&[("app.yaml", &new), ("old.yaml", DESK), ("bad.yaml", BROKEN)]);
    scratch.check(
        &["check"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 4 nodes
    "#]],
    );
    scratch.check(
        &["check", "--against", "old.yaml"],
        expect![[r#"
        exit 0
        --- stdout
        warning[UZ3012]: `extra` is new, and every run that the old app could have had reaches it at once
          --> app.yaml:17:3
           |
        17 |  extra: { kind: human, title: Look }
           |  ^^^^^
           |
           = help: add `when: flags.NAME` to it, or choose `extra` by a flag, and switch it on for some runs first
                   run `uzel explain UZ3012`

        app.yaml is fine: 4 nodes, 1 warning
    "#]],
    );
    scratch.check(
        &["check", "--against", "app.yaml"],
        expect![[r#"
        exit 0
        --- stdout
        app.yaml is fine: 4 nodes
    "#]],
    );
    scratch.check(
        &["check", "--against", "bad.yaml"],
        expect![[r#"
        exit 1
        --- stderr
        error: the app in use, `bad.yaml`, has mistakes itself
        hint: run `uzel check bad.yaml`
    "#]],
    );
    scratch.check(
        &["check", "--against", "none.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no app file `none.yaml`
        hint: did you mean `old.yaml`, `app.yaml` or `bad.yaml`?
    "#]],
    );
}
