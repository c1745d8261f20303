//! Types of the program and types of the app: functions that are nodes, inputs and outputs that are structs.

use std::fmt::Write as _;

use expect_test::expect;
use uzel::{App, Builder, Error, Failure, FailureClass, Node, Problems, Setup, Status, json, llm, model, seconds};

#[uzel::data]
#[derive(Clone, Debug, PartialEq)]
struct Ticket {
    message: String,
    order: Option<String>,
}

#[uzel::data]
#[derive(Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Tone {
    /// short and plain
    Plain,
    Warm,
}

#[uzel::data]
#[derive(Debug, PartialEq)]
struct Reply {
    text: String,
    tone: Tone,
}

/// Writes the reply.
#[uzel::node]
async fn draft_reply(
    /// what we promise
    policy: String,
    mut ticket: Ticket,
    tone: Tone,
    r#type: Option<i64>,
) -> Result<Reply, Failure> {
    ticket.message.truncate(5);
    if ticket.message.is_empty() {
        return Err(Failure::new(FailureClass::Invalid, "there is no message"));
    }
    Ok(Reply { text: format!("{policy}: {} ({type:?})", ticket.message), tone })
}

#[uzel::node]
async fn answer() -> Result<i64, Failure> {
    Ok(42)
}

mod shop {
    use uzel::Failure;

    #[uzel::node(name = "shop.twice")]
    pub(super) async fn twice(#[serde(default)] n: i64) -> Result<i64, Failure> {
        Ok(n * 2)
    }
}

fn app() -> Setup<Builder> {
    App::builder("typed").input::<Ticket>()
}

fn reply(ticket: &str) -> Node {
    draft_reply().policy("We pay").ticket(ticket).tone("warm").r#type(7).timeout(seconds(5))
}

#[tokio::test]
async fn functions_are_nodes() {
    let app = app()
        .node("reply", reply("${{ input }}"))
        .node("answer", answer())
        .node("twice", shop::twice().n("${{ answer }}"))
        .output("reply", "${{ reply }}")
        .output("n", "${{ twice }}")
        .build()
        .unwrap();
    let ticket = Ticket { message: "Hello there".to_owned(), order: None };
    let result = app.run(&ticket).await.unwrap();
    assert_eq!(result.status, Status::Succeeded, "{result:?}");
    let expected = json!({ "reply": { "text": "We pay: Hello (Some(7))", "tone": "warm" }, "n": 84 });
    assert_eq!(result.output, expected);
    let result = app.run(Ticket { message: String::new(), order: None }).await.unwrap();
    assert_eq!(result.why.as_deref(), Some("`reply`: there is no message"));

    // The functions are still functions.
    let reply = draft_reply::call("We".to_owned(), ticket, Tone::Plain, None).await;
    assert_eq!(reply, Ok(Reply { text: "We: Hello (None)".to_owned(), tone: Tone::Plain }));
    assert_eq!(shop::twice::call(4).await, Ok(8));
}

const FILE: &str = r#"
version: 1
name: file
inputs: { message: string, order: string | null }
nodes:
  reply:
    kind: code
    run: rust:draft_reply
    with: { policy: We pay, ticket: "${{ input }}", tone: plain }
  twice: { kind: code, run: "rust:shop.twice" }
output: { text: "${{ reply.text }}", tone: "${{ reply.tone }}", twice: "${{ twice }}" }
"#;

#[tokio::test]
async fn files_run_functions_and_are_checked_against_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.yaml");
    std::fs::write(&path, FILE).unwrap();
    let load = || App::load(&path).register(draft_reply::registered()).register(shop::twice::registered());
    let app = load().takes::<Ticket>().gives::<Reply>().build().unwrap();
    let ticket = Ticket { message: "Hello there".to_owned(), order: None };
    let reply = app.run(ticket).await.unwrap().output::<Reply>().unwrap();
    assert_eq!(reply, Reply { text: "We pay: Hello (None)".to_owned(), tone: Tone::Plain });

    let error = load().takes::<Reply>().gives::<Ticket>().build().unwrap_err();
    let (places, words) = report(&error);
    expect![[r#"
        UZ5010 `message` of the input is missing: string is wanted
          the app says it here
        UZ5010 `text` of the input is not among the app's inputs
        UZ5010 `tone` of the input is not among the app's inputs
        UZ5010 `message` of the output is missing: string is wanted
    "#]]
    .assert_eq(&words);
    assert!(places.starts_with("takes::<Reply>"), "{places}");
    assert!(places.contains("gives::<Ticket>"), "{places}");
}

fn problems(error: &Error) -> &Problems {
    let Error::App(problems) = error else { panic!("{error}") };
    problems
}

/// The source from each place on, and what is said.
fn report(error: &Error) -> (String, String) {
    let (mut places, mut words) = (String::new(), String::new());
    for problem in &problems(error).list {
        let excerpt = problem.excerpt.as_ref().unwrap_or_else(|| panic!("{problem}"));
        let _ = writeln!(places, "{}", excerpt.line.chars().skip(excerpt.start).collect::<String>());
        let _ = writeln!(words, "{} {}", problem.code, problem.message);
        for (_, note) in &problem.notes {
            let _ = writeln!(words, "  {note}");
        }
    }
    (places, words)
}

#[uzel::data]
struct Wrong {
    reply: String,
    tone: Tone,
    n: i64,
    more: Option<bool>,
}

#[test]
fn outputs_are_checked_against_types() {
    let app = app()
        .model("fast", model("offline"))
        .node("reply", reply("${{ input }}"))
        .node("maybe", llm("fast").prompt("x").when("input.order != none"))
        .output("reply", "${{ maybe.text if maybe else none }}")
        .output("tone", "${{ reply.text }}")
        .output("n", "${{ reply.tone }}")
        .gives::<Wrong>();
    let error = app.build().unwrap_err();
    let (places, words) = report(&error);
    expect![[r#"
        UZ5010 `reply` of the output is string | null, and string is wanted
          the app says it here
        UZ5010 `tone` of the output is string, and "warm" | "plain" is wanted
          the app says it here
        UZ5010 `n` of the output is "warm" | "plain", and integer is wanted
          the app says it here
    "#]]
    .assert_eq(&words);
    assert_eq!(places, "gives::<Wrong>();\n".repeat(3));
}

#[test]
fn what_a_function_is_given_is_checked() {
    let app = app()
        .node("reply", draft_reply().policy(5).ticket("${{ input.message }}").tone("cold").r#type(json!(null)))
        .node("twice", shop::twice().n("${{ reply.txt }}"));
    let error = app.build().unwrap_err();
    let (places, words) = report(&error);
    expect![[r#"
        UZ2005 `policy` must be string, and is 5
        UZ2005 `ticket` must be { message: string, order: string | null }, and is string
          `input.message` is declared here
        UZ2005 `tone` must be "warm" | "plain", and is "cold"
        UZ2004 `reply` has no field `txt`
          `reply` returns these fields
    "#]]
    .assert_eq(&words);
    expect![[r#"
        policy(5).ticket("${{ input.message }}").tone("cold").r#type(json!(null)))
        ticket("${{ input.message }}").tone("cold").r#type(json!(null)))
        tone("cold").r#type(json!(null)))
        n("${{ reply.txt }}"));
    "#]]
    .assert_eq(&places);
}

#[test]
fn an_error_shows_the_line_of_the_program() {
    let error = app().node("twice", shop::twice().n("${{ inptu.n }}")).build().unwrap_err();
    let Some(problem) = problems(&error).list.first() else { panic!("{error}") };
    let at = problem.at.clone().unwrap();
    assert!(at.file.ends_with("typed.rs"), "{at}");
    let (line, gutter) = (at.line.to_string(), " ".repeat(at.line.to_string().len()));
    let text = problem.to_string().replace(&at.to_string(), "PLACE");
    let text = text.replace(&format!(" {line} |"), " LINE |").replace(&format!("\n {gutter} |"), "\n |");
    expect![[r#"
        error[UZ1005]: there is no node `inptu`
          --> PLACE
         |
         LINE |     let error = app().node("twice", shop::twice().n("${{ inptu.n }}")).build().unwrap_err();
         |                                                   ^
          help: did you mean `input`?"#]]
    .assert_eq(&text);
}
