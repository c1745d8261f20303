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
