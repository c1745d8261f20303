//! What a program does with the library: load, run, follow, answer, resume, cancel.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use expect_test::expect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uzel::{
    App, Builder, Error, Event, Failure, FailureClass, Filter, RunEvent, Setup, Start, Status, code_fn_as, hours,
    human, json, llm, model,
};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Number {
    n: i64,
}

async fn double(Number { n }: Number) -> Result<Number, Failure> {
    if n < 0 {
        return Err(Failure::new(FailureClass::Invalid, format!("{n} is below zero")));
    }
    Ok(Number { n: n * 2 })
}

const YAML: &str = r#"
version: 1
name: doubled
inputs: { "n": integer }
models: { fast: { use: offline } }
nodes:
  double: { kind: code, run: "rust:double", with: { "n": "${{ input.n }}" } }
output: { "n": "${{ double.n }}" }
"#;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.yaml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn codes(error: &Error) -> Vec<&'static str> {
    let Error::App(problems) = error else { panic!("{error}") };
    problems.list.iter().map(|problem| problem.code.as_str()).collect()
}

#[tokio::test]
async fn a_file_runs_with_functions_of_the_program() {
    let (_folder, path) = file(YAML);
    let app = App::load(&path).function("double", double).build().unwrap();
    assert_eq!((app.graph().name.as_str(), app.warnings().len()), ("doubled", 0));
    let result = app.run(Number { n: 21 }).await.unwrap();
    assert_eq!((result.status, result.why.as_deref()), (Status::Succeeded, None));
    assert_eq!(result.output::<Number>().unwrap().n, 42);

    let error = app.run(json!({ "n": "x", "m": 1 })).await.unwrap_err().to_string();
    expect![[
        r#"the input does not fit: `n` must be an integer, found the text "x"; `m` is not a field that is known here"#
    ]]
    .assert_eq(&error);

    let result = app.run(Number { n: -1 }).await.unwrap();
    assert_eq!(result.status, Status::Failed);
    let error = result.output::<Number>().err().unwrap().to_string().replace(&result.id, "RUN");
    expect!["run `RUN` is failed: `double`: -1 is below zero"].assert_eq(&error);
    assert_eq!(app.runs(Filter::default()).await.unwrap().len(), 2);
    let same = app.result(&result.id[..6]).await.unwrap();
    assert_eq!((same.id, same.why), (result.id, result.why));
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_before_anything_runs() {
    let (_folder, path) = file(YAML);
    let error = App::load(&path).build().unwrap_err();
    assert_eq!(codes(&error), ["UZ4004"]);
    let error = App::load(&path).function("doubel", double).build().unwrap_err().to_string();
    expect![[r#"
        the app `APP` cannot run
        error[UZ4004]: no function `double` is registered
          --> APP:7:30
           |
         7 |   double: { kind: code, run: "rust:double", with: { "n": "${{ input.n }}" } }
           |                              ^^^^^^^^^^^^^
          help: did you mean `doubel`?"#]]
    .assert_eq(&error.replace(&path.display().to_string(), "APP"));
    let wrong = |_: Vec<String>| async { Ok::<_, Failure>(()) };
    let error = App::load(&path).function("double", wrong).build().unwrap_err();
    assert_eq!(codes(&error), ["UZ2005"], "{error}");
    let error = App::load(&path).function("double", double).model("fast", "opnai/x").build().unwrap_err();
    assert!(codes(&error).contains(&"UZ5002"), "{error}");
    let error = App::load(path.with_file_name("none.yaml")).build().unwrap_err();
    assert_eq!(codes(&error), ["UZ0013"], "{error}");
}

#[tokio::test]
async fn secrets_come_from_where_the_program_says() {
    let app = || {
        App::builder("secret")
            .secret("KEY")
            .model("fast", model("openai/gpt-5-mini").set("api_key", "${{ secrets.KEY }}"))
            .node("ask", llm("fast").prompt("x"))
    };
    let error = app().secrets(|_| None).build().unwrap_err();
    assert_eq!(codes(&error), ["UZ5001"], "{error}");
    app().secrets(|name| (name == "KEY").then(|| "sk-x".to_owned())).build().unwrap();
}

fn asking() -> Setup<Builder> {
    App::builder("asking")
        .input_type("n", "integer")
        .model("fast", model("offline"))
        .node("tell", llm("fast").prompt("Say this in one sentence: the number is {{ input.n }}.").stream())
        .node(
            "ask",
            human("Double ${{ input.n }}?").form_type("by", "integer").actions(["yes", "no"]).timeout(hours(1)),
        )
        .node("double", code_fn_as("double", double).when("ask.action == 'yes'").with("n", "${{ ask.form.by }}"))
        .output("n", "${{ double.n if double else 0 }}")
}

#[tokio::test]
async fn a_run_is_followed_answered_and_resumed() {
    let app = asking().build().unwrap();
    let mut run = app.start(json!({ "n": 4 })).await.unwrap();
    let (mut text, mut log) = (String::new(), vec![]);
    while let Some(event) = run.next().await {
        match event {
            RunEvent::Text { node, text: piece } => {
                assert_eq!(node, "tell");
                text.push_str(&piece);
            }
            RunEvent::Log(event) => log.push(event),
            other => panic!("{other:?}"),
        }
    }
    assert!(text.contains("number is 4"), "{text}");
    assert!(matches!(log.first(), Some(Event::Started { .. })), "{log:?}");
    assert!(log.iter().any(|event| matches!(event, Event::Waited { .. })), "{log:?}");
    assert!(run.next().await.is_none());
    let result = run.finish().await.unwrap();
    assert_eq!((result.status, result.why.as_deref()), (Status::Waiting, Some("it asks: Double 4?")));
    assert!(result.output::<Number>().is_err());

    let task = &app.tasks().await.unwrap()[0];
    assert_eq!((task, &app.task(&result.id).await.unwrap()), (&result.tasks[0], task));
    let error = app.answer(task, "yess", json!({ "by": "x" }), "anna").await.unwrap_err().to_string();
    expect![[r#"the answer does not fit: there is no action `yess`: did you mean `yes`?; `by` must be an integer, found the text "x""#]].assert_eq(&error);
    let mut changed = task.clone();
    changed.digest = "0".to_owned();
    assert!(app.answer(&changed, "yes", json!({ "by": 6 }), "anna").await.is_err());
    assert_eq!(app.unfinished().await.unwrap(), Vec::<String>::new());
    app.answer(task, "yes", json!({ "by": 6 }), "anna").await.unwrap();
    let error = app.answer(task, "no", json!({ "by": 6 }), "bert").await.unwrap_err().to_string();
    expect!["`RUN/ask` is closed: yes by anna"].assert_eq(&error.replace(&result.id, "RUN"));
    assert_eq!(app.unfinished().await.unwrap(), vec![result.id.clone()]);

    let result = app.resume(&result.id).await.unwrap().finish().await.unwrap();
    assert_eq!((result.status, &result.output), (Status::Succeeded, &json!({ "n": 12 })));
    assert!(app.tasks().await.unwrap().is_empty());
    assert!(app.resume(&result.id).await.unwrap_err().to_string().contains("has ended: succeeded"));
    let error = app.resume("zzz").await.unwrap_err().to_string();
    assert_eq!(error, "there is no run `zzz`");
    let near = format!("{}0", &result.id[..9]);
    let error = app.result(&near).await.map_or_else(|error| error.to_string(), |found| found.id);
    assert!(error.contains(&result.id), "{error}");
}

#[tokio::test]
async fn a_run_is_cancelled_while_it_works_and_while_it_waits() {
    let stuck = |_: Number| std::future::pending::<Result<Number, Failure>>();
    let app = App::builder("stuck").node("wait", code_fn_as("wait", stuck).with("n", 1)).build().unwrap();
    let run = app.start(json!({})).await.unwrap();
    let id = run.id().to_owned();
    assert!(matches!(app.resume(&id).await, Err(Error::Driven(_))));
    app.cancel(&id, "enough").await.unwrap();
    let result = run.finish().await.unwrap();
    assert_eq!((result.status, result.why.as_deref()), (Status::Cancelled, Some("enough")));
    let run = app.start(json!({})).await.unwrap();
    run.cancel("by its handle");
    assert_eq!(run.finish().await.unwrap().why.as_deref(), Some("by its handle"));

    let app = asking().build().unwrap();
    let result = app.run(json!({ "n": 4 })).await.unwrap();
    app.cancel(&result.id, "no more").await.unwrap();
    let after = app.result(&result.id).await.unwrap();
    assert_eq!((after.status, after.why.as_deref(), after.tasks.len()), (Status::Cancelled, Some("no more"), 0));
    assert!(app.answer(&result.tasks[0], "yes", json!({ "by": 1 }), "anna").await.is_err());
    assert!(app.cancel(&result.id, "again").await.is_err());
}

/// First one function, then another that never comes back unless `lets`.
fn two_steps(store: &Path, calls: &Arc<AtomicU32>, lets: bool) -> App {
    let calls = Arc::clone(calls);
    let first = move |Number { n }: Number| {
        calls.fetch_add(1, Ordering::SeqCst);
        async move { Ok(Number { n: n + 1 }) }
    };
    let second = move |number: Number| async move {
        if !lets {
            std::future::pending::<()>().await;
        }
        double(number).await
    };
    App::builder("steps")
        .input_type("n", "integer")
        .node("first", code_fn_as("first", first).with("n", "${{ input.n }}"))
        .node("second", code_fn_as("second", second).with("n", "${{ first.n }}"))
        .output("n", "${{ second.n }}")
        .store(store)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_run_that_was_left_goes_on_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let calls = Arc::new(AtomicU32::new(0));
    let app = two_steps(&store, &calls, false);
    let start = Start { id: Some("my-run".into()), input: json!({ "n": 4 }), ..Start::default() };
    let mut run = app.start_with(start.clone()).await.unwrap();
    while let Some(event) = run.next().await {
        if matches!(event, RunEvent::Log(Event::EffectReturned { .. })) {
            break;
        }
    }
    let error = App::builder("other").node("x", human("x")).store(&store).build().unwrap_err().to_string();
    assert!(error.contains("is in use by"), "{error}");
    drop((run, app));

    let app = two_steps(&store, &calls, true);
    assert_eq!(app.unfinished().await.unwrap(), ["my-run"]);
    let result = app.resume("my-run").await.unwrap().finish().await.unwrap();
    assert_eq!((result.status, result.output), (Status::Succeeded, json!({ "n": 10 })));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the first function's result is on record");
    assert!(app.start_with(start).await.is_err(), "an id is used once");
}

#[tokio::test]
async fn a_run_goes_on_with_the_app_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let app = |word: &str| {
        App::builder("greeter")
            .node("ask", human("Who is it?").form_type("name", "string"))
            .output("text", format!("{word} ${{{{ ask.form.name }}}}"))
            .store(folder.path())
            .build()
            .unwrap()
    };
    let old = app("Hello");
    let result = old.run(json!({})).await.unwrap();
    drop(old);
    let new = app("Good day");
    let task = new.task(&result.id).await.unwrap();
    new.answer(&task, "submit", json!({ "name": "Anna" }), "anna").await.unwrap();
    let result = new.resume(&result.id).await.unwrap().finish().await.unwrap();
    assert_eq!(result.output, json!({ "text": "Hello Anna" }));
}

#[test]
fn the_example_runs_to_its_end() {
    // Examples are built with the tests of their package, into a folder beside its binaries.
    let program = Path::new(env!("CARGO_BIN_EXE_uzel")).with_file_name("examples").join("rust-api");
    let output = Command::new(&program).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; run `cargo test -p uzel`", program.display()));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    // The two searches run side by side.
    let [first, second] = [0, 1].map(|item| format!("  logs[{item}].search is done\n"));
    let said = String::from_utf8_lossy(&output.stdout);
    let said = said.replace(&format!("{second}{first}"), &format!("{first}{second}"));
    expect![[r#"
        c-17: I was charged twice, the invoice shows a payment of 49 euros that I did not make.
          classify writes: {"topic":"billing"}
          classify is done
          route is done
          invoice is done
          draft is done
          approve waits
          a person is asked: Send this reply to c-17? {"reply":"We have corrected invoice 2041 and pay 49.00 back."}
          approve is done
          succeeded: We have corrected invoice 2041 and pay 49.00 back.
        c-18: The app crashes with an error when I log in.
          classify writes: {"topic":"technical"}
          classify is done
          route is done
          logs[0].search is done
          logs[1].search is done
          draft is done
          succeeded: We look into it. Your logs say: the token has expired.
    "#]]
    .assert_eq(&said);
    assert!(output.status.success());
}
