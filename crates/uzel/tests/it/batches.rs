//! A run for each line of a file: once, again, with bad lines, from a pipe.

use std::io::Write;

use expect_test::expect;

use crate::scratch::{DESK, Scratch};

const LINES: &str = r#"{"message": "My invoice is wrong"}
{"message": "Hello", "urgent": true}

{"message": ""}
{"message": "I paid twice"}
"#;

const RUN: [&str; 7] = ["run", "--inputs", "in.jsonl", "--batch", "b", "--summary", "topic"];

#[test]
fn a_batch_runs_once() {
    let scratch = Scratch::new(&[("app.yaml", DESK), ("in.jsonl", LINES)]);
    let arguments = [&RUN[..], &["--parallel", "1"]].concat();
    scratch.check(&arguments, expect![[r#"
        exit 0
        --- stdout
        runs  all  4  100 %
        status  waiting  1  25 %
                            succeeded  2  50 %
                            stopped  1  25 %
        topic  billing  3  75 %
                            -  1  25 %
        waits for a person  look  1  25 %

        cost $0.00, 40 tokens; 4 runs in [T], [T]
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        1/4 25%  [T], [T] left  1 succeeded
        2/4 50%  [T], [T] left  1 waiting, 1 succeeded
        3/4 75%  [T], [T] left  1 waiting, 1 succeeded, 1 stopped
        4/4 100%  [T]  1 waiting, 2 succeeded, 1 stopped
        next
          look at one run  uzel show 505shzrn0n
          see what waits for a person  uzel inbox
          answer one  uzel answer 505shzrn0n/look done
    "#]]);
    scratch.check(&arguments, expect![[r#"
        exit 0
        --- stdout
        runs  all  4  100 %
        status  waiting  1  25 %
                            succeeded  2  50 %
                            stopped  1  25 %
        topic  billing  3  75 %
                            -  1  25 %
        waits for a person  look  1  25 %

        cost $0.00, 40 tokens; nothing was left to do
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        going on: 4 of 4 lines were done before and are not repeated
        next
          look at one run  uzel show 505shzrn0n
          see what waits for a person  uzel inbox
          answer one  uzel answer 505shzrn0n/look done
    "#]]);
    // One more line: the others are not repeated.
    scratch.write("in.jsonl", format!("{LINES}{{\"message\": \"Bye\"}}\n"));
    scratch.check(&[&arguments[..], &["--json", "-q"]].concat(), expect![[r#"
        exit 0
        --- stdout
        {"run":"7m0zang33r","app":"desk","status":"succeeded","output":{"topic":"billing","note":null},"cost_usd":0.0,"input_tokens":6,"output_tokens":5,"created":"[DATE]","created_ms":[MS],"updated_ms":[MS],"batch":"b","line":6}
    "#]]);
    assert_eq!(scratch.fine(&["runs", "--batch", "b", "--json"]).lines().count(), 5);
}

#[test]
fn bad_lines_are_named_and_the_others_go_on() {
    let lines = "{\"message\": \"Hello\"}\n{\"message\": 3}\nnope\n[1]\n{\"message\": \"I paid twice\"}\n";
    let scratch = Scratch::new(&[("app.yaml", DESK), ("in.jsonl", lines)]);
    scratch.check(&[&RUN[..], &["--parallel", "1"]].concat(), expect![[r#"
        exit 1
        --- stdout
        runs  all  2  100 %
        status  succeeded  2  100 %
        left out  bad lines  3  150 %
        topic  billing  2  100 %

        cost $0.00, 25 tokens; 2 runs in [T], [T]
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        error: in.jsonl:2: the input does not fit: `message` must be a text, found the number 3
        error: in.jsonl:3: the line is not JSON: expected ident (column 2)
        error: in.jsonl:4: the line must be a JSON object
        warning: 3 lines left out; the others go on
        1/2 50%  [T], [T] left  1 succeeded
        2/2 100%  [T]  2 succeeded
        next
          look at one run  uzel show jwzm8whya1
    "#]]);
}

#[test]
fn the_same_app_and_lines_are_the_same_batch() {
    let scratch = Scratch::new(&[("app.yaml", DESK), ("in.jsonl", LINES)]);
    let count = |arguments: &[&str]| {
        scratch.fine(&[&["run", "--inputs", "in.jsonl", "-q", "--json"], arguments].concat()).lines().count()
    };
    assert_eq!([count(&[]), count(&[]), count(&["--dry-run"]), count(&["--flag", "polite=false"])], [4, 0, 4, 4]);
    scratch.write("app.yaml", DESK.replace("What is this about", "About what is this"));
    assert_eq!(count(&[]), 4, "another prompt is another release");
}

#[test]
fn lines_from_a_pipe() {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    let mut command = scratch.command(&["run", "--inputs", "-", "--json", "-q"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LINES.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 4, "{output:?}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_file_that_is_not_there() {
    let scratch = Scratch::new(&[("app.yaml", DESK)]);
    scratch.check(
        &RUN,
        expect![[r#"
        exit 2
        --- stderr
        error: `--inputs`: `in.jsonl` cannot be read: there is no such file
    "#]],
    );
    scratch.write("in.jsonl", b"{\"message\": \"ok\"}\n\xff\n");
    scratch.check(
        &RUN,
        expect![[r#"
        exit 2
        --- stderr
        error: `in.jsonl` is not UTF-8 text in line 2
    "#]],
    );
}
