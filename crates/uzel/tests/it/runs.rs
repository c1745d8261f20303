//! Single runs: input, output, `runs`, `show`, `inbox`, `answer`, `cancel`, `resume`.

use expect_test::expect;

use crate::scratch::{DESK, Scratch};

fn desk() -> Scratch {
    Scratch::new(&[("app.yaml", DESK)])
}

#[test]
fn a_run_gives_its_output() {
    let scratch = desk();
    scratch.check(&["run", "--id", "r-1", "-i", "message=My invoice is wrong"], expect![[r#"
        exit 0
        --- stdout
        {
          "topic": "billing",
          "note": null
        }
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        run: r-1
        succeeded: run r-1 in [T]
    "#]]);
    scratch.check(&["run", "--id", "r-2", "-i", r#"{"message": "Hello"}"#, "--json", "-q"], expect![[r#"
        exit 0
        --- stdout
        {"run":"r-2","app":"desk","status":"succeeded","output":{"topic":"billing","note":null},"cost_usd":0.0,"input_tokens":7,"output_tokens":5,"created":"[DATE]","created_ms":[MS],"updated_ms":[MS]}
    "#]]);
    // The same id again is the same run.
    scratch.check(
        &["run", "--id", "r-1", "-i", "message=My invoice is wrong"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "topic": "billing",
          "note": null
        }
        --- stderr
        run: r-1 has ended before; nothing is repeated
        succeeded: run r-1 in [T]
    "#]],
    );
}

#[test]
fn a_guard_stops_a_run() {
    desk().check(&["run", "--id", "r-1", "-i", "message="], expect![[r#"
        exit 0
        --- stdout
        {
          "topic": null,
          "note": null
        }
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        run: r-1
        stopped: by `screen`: Please write something, but not a novel.
        stopped: run r-1 in [T]
    "#]]);
}

#[test]
fn bad_input_names_the_field() {
    let scratch = desk();
    scratch.check(
        &["run", "-i", "mesage=hi", "-i", "urgent=perhaps"],
        expect![[r#"
            exit 2
            --- stderr
            error[UZ6001]: the input does not fit `desk`
              `urgent` must be true or false, found the text "perhaps"
              `mesage` is not a field that is known here
              `message` is missing
            hint: the app takes
              message  string
              urgent  boolean, false if not given
        "#]],
    );
    scratch.check(
        &["run", "-i", "hello"],
        expect![[r#"
        exit 2
        --- stderr
        error: `--input hello` is not understood
        hint: write `--input NAME=VALUE`, `--input '{"NAME": …}'` or `--input @FILE.json`
    "#]],
    );
    scratch.check(
        &["run", "-i", "@missing.json"],
        expect![[r#"
        exit 2
        --- stderr
        error: `--input`: `missing.json` cannot be read: there is no such file
    "#]],
    );
    scratch.check(
        &["run", "-i", "message=hi", "--flag", "polit=false"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no flag `polit`
        hint: did you mean `polite`?
    "#]],
    );
    scratch.check(
        &["run", "-i", "message=hi", "--model", "fast=opnai/gpt"],
        expect![[r#"
            exit 1
            --- stderr
            error[UZ5002]: there is no model provider `opnai`
             --> app.yaml:4:17
              |
            4 | models: { fast: { use: offline } }
              |  ^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `openai`?
                      run `uzel explain UZ5002`

            error: the app cannot run: 1 error
        "#]],
    );
    assert!(!scratch.exists(".uzel"), "a run that cannot begin leaves no store");
}

#[test]
fn unknown_names_suggest_near_ones() {
    let scratch = desk();
    scratch.fine(&["run", "--id", "march-report", "-i", "message=hi"]);
    scratch.check(
        &["show", "march-raport"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6002]: there is no run `march-raport`
        hint: did you mean `march-report`?
    "#]],
    );
    scratch.check(
        &["show", "april"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6002]: there is no run `april`
        hint: `uzel runs` lists the runs of a store
    "#]],
    );
    scratch.check(
        &["show", "march", "--node", "srot"],
        expect![[r#"
        exit 2
        --- stderr
        error: the run has no node `srot`
        hint: did you mean `sort`?
    "#]],
    );
    scratch.check(
        &["answer", "march", "done"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no question `march`
        hint: `uzel inbox` lists the open questions of a store
    "#]],
    );
}

#[test]
fn without_a_store() {
    let scratch = desk();
    scratch.check(
        &["runs"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no `.uzel` folder here or above
        hint: give the store with `--store DIR`; `uzel run` makes it beside the app file
    "#]],
    );
    scratch.check(
        &["show", "x", "--store", "nowhere"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no store in `nowhere`
        hint: `uzel run` makes one beside the app file; `--store DIR` names one
    "#]],
    );
    assert!(!scratch.exists("nowhere"), "a question about runs makes no store");
}

#[test]
fn a_person_answers() {
    let scratch = desk();
    scratch.check(&["run", "--id", "r-1", "-i", "message=My invoice is wrong", "-i", "urgent=true"], expect![[r#"
        exit 0
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        run: r-1
        waiting: `look` asks: Look at this billing message?
        next
          see what is asked  uzel inbox
          answer  uzel answer r-1/look done
    "#]]);
    scratch.check(
        &["show", "r-1"],
        expect![[r#"
            exit 0
            --- stdout
            run r-1  desk  waiting
              began  [DATE] ([T] ago) by tester
              so far  [T], $0.00, 15 tokens
              release  2f550cb4e1b5
              input
                message  My invoice is wrong
                urgent  true
              output
                topic  billing
                note  null

            timeline  began  took  tries  tokens  cost
            screen  [T]  [T]  -  -  -
            sort  [T]  [T]  -  15  -
            look  [T]  …  -  -  -  waiting

            ✓ screen  guard  ok, [T]
              ├ got  text  My invoice is wrong
              └ gave
                  text  My invoice is wrong
                  findings  []
            ✓ sort  llm  ok, [T], 15 tokens
              ├ got  prompt  What is this about? My invoice is wrong
              ├ chat  [T], 15 tokens, offline
              └ gave  topic  billing
            ? look  human  waiting
              ├ why  asks: Look at this billing message?
              ├ got
              │  title  Look at this billing message?
              │  show  {"message":"My invoice is wrong"}
              └ task  r-1/look  done | drop
        "#]],
    );
    scratch.check(
        &["inbox"],
        expect![[r#"
        exit 0
        --- stdout
        r-1/look  Look at this billing message?
          asked [T] ago
          message  My invoice is wrong
          --form note=…  string = none
          --form stars=…  integer | null
          actions: done, drop
        --- stderr
        next
          answer the first one  uzel answer r-1/look done
    "#]],
    );
    scratch.check(
        &["answer", "r-1/look", "don"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6004]: the answer does not fit the question
          there is no action `don`: did you mean `done` or `drop`?
    "#]],
    );
    scratch.check(
        &["answer", "r-1/look", "done", "--form", "stars=many"],
        expect![[r#"
        exit 2
        --- stderr
        error[UZ6004]: the answer does not fit the question
          `stars` must be null or an integer, found the text "many"
    "#]],
    );
    scratch.check(&["answer", "r-1/look", "done", "--digest", "0000"], expect![[r#"
        exit 1
        --- stderr
        error: `r-1/look` is not what was shown any more (digest 0af6a250e8d95ba80d761ad3466b32e4f6989e3ad6bec47b711e8c78785f13fb, not 0000): look at it again
        hint: `uzel inbox` shows it as it is now
    "#]]);
    scratch.check(&["answer", "r-1", "done", "--form", "note=called them", "--by", "ann"], expect![[r#"
        exit 0
        --- stdout
        {
          "topic": "billing",
          "note": "called them"
        }
        --- stderr
        answered: done by ann: Look at this billing message?
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        succeeded: run r-1 in [T]
    "#]]);
    scratch.check(
        &["answer", "r-1/look", "drop"],
        expect![[r#"
        exit 1
        --- stderr
        error[UZ6005]: `r-1/look` is closed: done by ann
    "#]],
    );
    scratch.check(
        &["inbox"],
        expect![[r#"
        exit 0
        --- stderr
        nothing waits for a person
    "#]],
    );
    scratch.check(
        &["runs"],
        expect![[r#"
            exit 0
            --- stdout
            run  app  status  began  took  cost  tokens  outcome
            r-1  desk  succeeded  [T] ago  [T]  -  15  {"topic":"billing","note":"called them"}
        "#]],
    );
    scratch.check(
        &["show", "r-1", "--node", "look"],
        expect![[r#"
            exit 0
            --- stdout
            ✓ look  human  ok, [T]
              ├ got
              │  {
              │  "title": "Look at this billing message?",
              │  "show": {
              │  "message": "My invoice is wrong"
              │  }
              │  }
              ├ gave
              │  {
              │  "action": "done",
              │  "form": {
              │  "note": "called them",
              │  "stars": null
              │  },
              │  "by": "ann",
              │  "at": [MS]
              │  }
              └ answered  done by ann at [DATE]
        "#]],
    );
}

#[test]
fn an_answer_can_wait_for_its_run() {
    let scratch = desk();
    scratch.fine(&["run", "--id", "r-1", "-i", "message=hi", "-i", "urgent=true"]);
    scratch.check(
        &["answer", "r-1/look", "done", "--no-run"],
        expect![[r#"
        exit 0
        --- stderr
        answered: done by tester: Look at this billing message?
        next
          go on with the run  uzel resume r-1
    "#]],
    );
    scratch.check(&["resume"], expect![[r#"
        exit 0
        --- stdout
        r-1  succeeded  {"topic":"billing","note":"none"}
        --- stderr
        note: model `fast` is offline: built-in text functions, not an LLM; choose one with `--model fast=openai/gpt-5-mini`
        1/1 100%  [T]  1 succeeded
    "#]]);
    scratch.check(
        &["resume"],
        expect![[r#"
        exit 0
        --- stderr
        nothing to go on with: no run was cut off, and none is due
    "#]],
    );
}

#[test]
fn a_run_is_cancelled() {
    let scratch = desk();
    scratch.fine(&["run", "--id", "r-1", "-i", "message=hi", "-i", "urgent=true"]);
    scratch.check(
        &["cancel", "r-1", "--why", "no need"],
        expect![[r#"
        exit 0
        --- stderr
        cancelled: run r-1
    "#]],
    );
    scratch.check(
        &["cancel", "r-1"],
        expect![[r#"
        exit 1
        --- stderr
        error: run `r-1` has ended: cancelled
        hint: `uzel show r-1` shows what happened
    "#]],
    );
    scratch.check(
        &["inbox"],
        expect![[r#"
        exit 0
        --- stderr
        nothing waits for a person
    "#]],
    );
    scratch.check(
        &["runs", "--status", "cancelled"],
        expect![[r#"
            exit 0
            --- stdout
            run  app  status  began  took  cost  tokens  outcome
            r-1  desk  cancelled  [T] ago  [T]  -  11  by tester: no need
        "#]],
    );
}

#[test]
fn a_run_goes_on_as_the_app_was() {
    let scratch = desk();
    scratch.fine(&["run", "--id", "r-1", "-i", "message=Where is my invoice?", "-i", "urgent=true"]);
    scratch.write("app.yaml", "version: 1\nnodes: {}\n");
    assert_eq!(
        scratch.fine(&["answer", "r-1/look", "done", "-q"]),
        "{\n  \"topic\": \"billing\",\n  \"note\": \"none\"\n}\n"
    );
}

#[test]
fn a_missing_key_is_the_surroundings_fault() {
    let app =
        DESK.replace("{ use: offline }", "{ use: openai/gpt-5-mini, api_key: \"${{ secrets.KEY }}\", timeout: 5s }");
    let scratch = Scratch::new(&[("app.yaml", &app.replace("version: 1\n", "version: 1\nsecrets: [KEY]\n"))]);
    scratch.check(
        &["run", "-i", "message=hi"],
        expect![[r#"
            exit 3
            --- stderr
            error[UZ5001]: the secret `KEY` has no value
             --> app.yaml:5:53
              |
            5 | models: { fast: { use: openai/gpt-5-mini, api_key: "${{ secrets.KEY }}", timeout: 5s } }
              |  ^^^^^^^^^^^^^^^^^^
              |
              = help: set the environment variable `KEY`, or `KEY_FILE` to a file that holds the value; `--model fast=offline` needs no key
                      run `uzel explain UZ5001`

            error: the app `desk` could not be prepared: 1 error
            hint: set the variable in the environment, or NAME_FILE to a file that holds the value
        "#]],
    );
}

#[test]
fn a_store_is_found_upwards() {
    let scratch = desk();
    scratch.fine(&["run", "--id", "r-1", "-i", "message=hi"]);
    std::fs::create_dir_all(scratch.path().join("a/b")).unwrap();
    let output = scratch.command(&["runs", "--json"]).current_dir(scratch.path().join("a/b")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"run\":\"r-1\""), "{output:?}");
}
