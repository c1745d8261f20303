//! `--overlay`: files over the app file, on the command line and from Rust, and in the release that a run is pinned to.

use expect_test::expect;
use uzel::{App, Start, Status, human, json, model};

use crate::scratch::Scratch;

const APP: &str = r#"version: 1
name: shop
models: { fast: { use: openai/gpt-5-mini } }
flags: { place: { type: string, default: nowhere } }
nodes:
  sort: { kind: llm, model: fast, prompt: "A refund", output: { topic: { enum: [refund, other] } } }
  ask: { kind: human, title: "Really ${{ sort.topic }}?", actions: ["yes", "no"] }
output: { place: "${{ flags.place }}", answer: "${{ ask.action }}" }
"#;

const PROD: &str = "models: { fast: { use: offline } }\nflags: { place: { default: production } }\n";

#[test]
fn a_run_is_pinned_to_its_overlays() {
    let scratch = Scratch::new(&[
        ("shop/app.yaml", APP),
        ("shop/app.prod.yaml", PROD),
        ("eu.yaml", "flags: { place: { default: europe } }"),
    ]);
    let run = ["run", "shop", "--overlay", "shop/app.prod.yaml", "--overlay", "eu.yaml", "--id", "one", "--quiet"];
    scratch.fine(&run);
    // The overlays of the run that began are in its release, wherever they are now.
    std::fs::remove_file(scratch.path().join("eu.yaml")).unwrap();
    std::fs::remove_file(scratch.path().join("shop/app.prod.yaml")).unwrap();
    scratch.check(
        &["answer", "one/ask", "yes", "--store", "shop/.uzel", "--quiet"],
        expect![[r#"
        exit 0
        --- stdout
        {
          "place": "europe",
          "answer": "yes"
        }
    "#]],
    );
}

#[test]
fn mistakes_are_shown_in_the_overlay() {
    let prod = "models:\n  fats: { use: offline }\n  fast: { timeout: soon }\n";
    let scratch = Scratch::new(&[("app.yaml", APP), ("app.prod.yaml", prod)]);
    scratch.check(
        &["check", "--overlay", "app.prod.yaml"],
        expect![[r#"
        exit 1
        --- stdout
        error[UZ1021]: the app file has no `fats` under `models`
         --> app.prod.yaml:2:3
          |
        2 |  fats: { use: offline }
          |  ^^^^
          |
          = help: did you mean `fast`?
                  run `uzel explain UZ1021`

        error[UZ3001]: `timeout: soon` is not a duration
         --> app.prod.yaml:3:20
          |
        3 |  fast: { timeout: soon }
          |  ^^^^
          |
          = help: it must be a number and a unit, such as `30s`
                  run `uzel explain UZ3001`

        app.yaml: 2 errors
    "#]],
    );
    scratch.check(
        &["graph", "--overlay", "app.prd.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no overlay `app.prd.yaml`
        hint: did you mean `app.prod.yaml` or `app.yaml`?
    "#]],
    );
    let away = Scratch::new(&[("shop/app.yaml", APP), ("shop/app.prod.yaml", PROD)]);
    away.check(
        &["check", "shop", "--overlay", "app.prod.yaml"],
        expect![[r#"
        exit 2
        --- stderr
        error: there is no overlay `app.prod.yaml`
        hint: write `--overlay shop/app.prod.yaml`
    "#]],
    );
    away.check(
        &["check", "shop", "--overlay", "shop/../shop/app.prod.yaml"],
        expect![[r#"
        exit 0
        --- stdout
        shop/app.yaml is fine: 2 nodes
    "#]],
    );
}

#[tokio::test]
async fn programs_put_overlays_over_files_and_over_code() {
    let scratch =
        Scratch::new(&[("app.yaml", APP), ("app.prod.yaml", PROD), ("more.yaml", "limits: { tokens: 9000 }")]);
    let setup = App::load(scratch.path().join("app.yaml")).overlay("app.prod.yaml").overlay("more.yaml");
    let app = setup.build().unwrap();
    assert_eq!(app.graph().limits.tokens, Some(9_000));
    let result = app.start_with(Start::default()).await.unwrap().finish().await.unwrap();
    assert_eq!(result.status, Status::Waiting);
    let code = App::builder("ask")
        .folder(scratch.path())
        .model("fast", model("openai/gpt-5-mini"))
        .flag("place", "string", "nowhere")
        .node("ask", human("From ${{ flags.place }}?").actions(["yes"]))
        .overlay("app.prod.yaml");
    let app = code.build().unwrap();
    assert_eq!(app.graph().flags["place"].default, json!("production"));
    let error = App::load(scratch.path().join("app.yaml")).overlay("app.prd.yaml").build().unwrap_err().to_string();
    assert!(error.contains("did you mean `app.prod.yaml` or `app.yaml`?"), "{error}");
}
