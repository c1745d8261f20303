//! The programs of the guide's chapter `docs/book/src/from-rust.md` run, and the chapter shows these very programs.

use std::fs;

use uzel::{Error, Position, Severity};

mod load {
    // The chapter begins.
    use std::path::Path;

    use uzel::{App, Error, Failure};

    #[uzel::data]
    struct Order {
        id: String,
        items: Vec<f64>,
    }

    #[uzel::data]
    struct Bill {
        text: String,
    }

    /// What an order costs, in cents.
    #[uzel::node]
    async fn price(items: Vec<f64>) -> Result<i64, Failure> {
        Ok(items.iter().map(|item| (item * 100.0).round() as i64).sum())
    }

    async fn bill(app: &Path, order: Order) -> Result<Bill, Error> {
        let app = App::load(app).register(price::registered()).takes::<Order>().gives::<Bill>().build()?;
        app.run(order).await?.output()
    }
    // The chapter ends.

    #[tokio::test]
    async fn it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.yaml");
        std::fs::write(&path, super::blocks("yaml").remove(0)).unwrap();
        let bill = bill(&path, Order { id: "o-1".to_owned(), items: vec![1.5, 2.25] }).await.unwrap();
        assert_eq!(bill.text, "Order o-1 costs 375 cents.");
    }
}

mod build {
    // The chapter begins.
    use uzel::{App, Builder, Failure, On, Setup, code, hours, human, llm, model, retry, route, seconds};

    #[uzel::data]
    #[serde(rename_all = "snake_case")]
    enum Topic {
        /// an invoice, a payment or a price
        Billing,
        /// anything else, such as thanks or a greeting
        Other,
    }

    #[uzel::data]
    struct Verdict {
        topic: Topic,
    }

    /// The customer's open invoices. `None` where the customer is not known.
    #[uzel::node]
    async fn invoices(customer: String, most: i64) -> Result<Option<Vec<String>>, Failure> {
        Ok((customer == "c-17").then(|| (1..=most).map(|n| format!("2026-{n}")).collect()))
    }

    fn desk() -> Setup<Builder> {
        App::builder("desk")
            .input_type("customer", "string")
            .input_type("message", "string")
            .model("fast", model("offline"))
            .node("classify", llm("fast").prompt("What is this about? {{ input.message }}").output::<Verdict>())
            .node("route", route("classify.topic").case("billing", ["invoices"]).default(["answer"]))
            .node(
                "invoices",
                invoices()
                    .customer("${{ input.customer }}")
                    .most(3)
                    .timeout(seconds(5))
                    .retry(retry(2).backoff("fixed"))
                    .on_error(On::use_value(uzel::json!([]))),
            )
            .node("answer", human("Answer ${{ input.message }}").form_type("text", "string").timeout(hours(8)))
            .node("due", code("builtin:date_add").with("date", "2026-01-31").with("amount", 14).with("unit", "days"))
            .output("invoices", "${{ invoices or [] }}")
            .output("due", "${{ due }}")
    }
    // The chapter ends.

    pub(super) fn app() -> Setup<Builder> {
        desk()
    }

    #[tokio::test]
    async fn it_runs() {
        let app = desk().build().unwrap();
        let ticket = uzel::json!({ "customer": "c-17", "message": "The invoice and the payment are wrong" });
        let result = app.run(ticket).await.unwrap();
        let invoices = &result.output["invoices"];
        assert_eq!(invoices, &uzel::json!(["2026-1", "2026-2", "2026-3"]), "{:?} {:?}", result.output, result.why);
    }

    #[test]
    fn the_chapter_shows_its_file() {
        let yaml = desk().to_yaml();
        assert_eq!(super::blocks("yaml")[1], yaml);
    }
}

mod bodies {
    // The chapter begins.
    use uzel::{App, Builder, ItemError, Setup, llm, loop_until, map_over, model, reduce};

    fn report(sections: &[&str]) -> Setup<Builder> {
        App::builder("report")
            .input_type("parts", "[string]")
            .model("fast", model("offline"))
            .node(
                "notes",
                map_over("input.parts").as_("part").max_parallel(4).on_item_error(ItemError::SkipUpTo(0.1)).body(
                    |body| {
                        sections
                            .iter()
                            .fold(body, |body, section| {
                                body.node(
                                    section,
                                    llm("fast").prompt(&format!("Write the {section} of: {{{{ part }}}}")),
                                )
                            })
                            .node("last", llm("fast").prompt("End with: {{ part }}").needs(sections.iter().copied()))
                            .output("text", "${{ last.text }}")
                    },
                ),
            )
            .node(
                "summary",
                reduce("notes.items | select | map(attribute='text') | list")
                    .batch(8)
                    .do_(llm("fast").prompt("Make one text of: {{ batch }}"))
                    .output_value("${{ do.text }}"),
            )
            .node(
                "polished",
                loop_until("judge.good").max_rounds(3).body(|body| {
                    body.node("write", llm("fast").prompt("Improve: {{ loop.previous.text or summary or '' }}"))
                        .node(
                            "judge",
                            llm("fast").prompt("Is it good? {{ write.text }}").output_type("good", "boolean"),
                        )
                        .output("text", "${{ write.text }}")
                }),
            )
            .output_value("${{ polished.text }}")
    }
    // The chapter ends.

    #[tokio::test]
    async fn it_runs() {
        let app = report(&["head", "tail"]).build().unwrap_or_else(|error| panic!("{error}"));
        let result = app.run(uzel::json!({ "parts": ["One part.", "Another part."] })).await.unwrap();
        assert!(result.why.is_none(), "{result:?}");
    }
}

mod follow {
    // The chapter begins.
    use uzel::{App, Error, RunEvent, RunResult, Status, json};

    async fn follow(app: &App, message: &str) -> Result<RunResult, Error> {
        let mut run = app.start(json!({ "customer": "c-17", "message": message })).await?;
        while let Some(event) = run.next().await {
            if let RunEvent::Text { node, text } = event {
                println!("{node}: {text}");
            }
        }
        let result = run.finish().await?;
        if result.status != Status::Waiting {
            return Ok(result);
        }
        for task in &result.tasks {
            app.answer(task, "submit", json!({ "text": "Thank you." }), "anna").await?;
        }
        app.resume(&result.id).await?.finish().await
    }
    // The chapter ends.

    #[tokio::test]
    async fn it_runs() {
        let app = super::build::app().build().unwrap();
        let result = follow(&app, "Thanks for your greeting").await.unwrap();
        assert_eq!((result.status, &result.output["invoices"]), (Status::Succeeded, &json!([])), "{result:?}");
    }
}

fn chapter() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/book/src/from-rust.md")).unwrap()
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let chapter = chapter();
    let fence = format!("```{language}\n");
    let parts = chapter.split(&fence).skip(1);
    parts.map(|part| part.split_once("```").unwrap_or_else(|| panic!("a block is not closed")).0.to_owned()).collect()
}

#[test]
fn the_chapter_shows_these_programs() {
    let source = include_str!("from_rust.rs");
    let programs = source.split("    // The chapter begins.\n").skip(1);
    let programs = programs.map(|part| part.split_once("    // The chapter ends.\n").unwrap_or_default().0);
    let programs = programs.filter(|program| program.starts_with("    use "));
    let programs: Vec<String> = programs
        .map(|program| program.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect())
        .collect();
    assert_eq!(programs.len(), 4);
    let shown = blocks("rust");
    assert_eq!(shown.len(), programs.len());
    for (shown, program) in shown.iter().zip(&programs) {
        assert_eq!(shown, program, "the chapter shows another program than the one that is tested here");
    }
}

#[test]
#[rustfmt::skip]
fn the_chapter_shows_what_a_mistake_looks_like() {
    let app = build::app()
        .output("topic", "${{ classify.topci }}");
    let Err(Error::App(problems)) = app.build() else { panic!("nothing was found") };
    let mut problem = problems.list.into_iter().find(|problem| problem.severity == Severity::Error).unwrap();
    problem.at = Some(Position { file: "src/main.rs".to_owned(), line: 42, column: 10 });
    problem.notes.clear();
    assert_eq!(blocks("text"), [format!("{problem}\n")]);
}
