//! A support desk in one Rust program: a graph built in code, functions as nodes, events as they happen, and a question
//! to a person. Runs offline: `cargo run -p uzel --example rust-api`. With `-- --yaml` it prints the app file that means
//! the same.
#![allow(clippy::print_stdout, reason = "the program talks to the person who runs it")]

use uzel::{
    App, Builder, Error, Event, Failure, FailureClass, ItemError, On, RunEvent, Setup, Status, defaults, hours, human,
    limits, llm, map_over, model, retry, route, seconds,
};

/// What a run is given.
#[uzel::data]
struct Ticket {
    customer: String,
    message: String,
    logs: Vec<String>,
}

/// What the model must answer. The comments tell it what the topics mean.
#[uzel::data]
#[serde(rename_all = "snake_case")]
enum Topic {
    /// an invoice, a payment or a price
    Billing,
    /// an error, a crash or a login that fails
    Technical,
    /// anything else, such as thanks or a greeting
    Other,
}

#[uzel::data]
struct Verdict {
    topic: Topic,
}

#[uzel::data]
struct Invoice {
    number: String,
    cents: i64,
}

#[uzel::data]
struct Draft {
    reply: String,
    promises_money: bool,
}

/// What a run gives.
#[uzel::data]
struct Sent {
    reply: Option<String>,
}

/// Business logic is ordinary Rust. What it returns is recorded: after a crash it is not asked again.
#[uzel::node]
async fn find_invoice(customer: String) -> Result<Invoice, Failure> {
    match customer.as_str() {
        "c-17" => Ok(Invoice { number: "2041".into(), cents: 4_900 }),
        _ => Err(Failure::new(FailureClass::Invalid, format!("there is no customer `{customer}`"))),
    }
}

/// The first line of a log that tells of an error.
#[uzel::node]
async fn first_error(log: String) -> Result<Option<String>, Failure> {
    Ok(log.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned))
}

/// An invoice is there if the route chose the node that finds it.
#[uzel::node]
async fn draft_reply(verdict: Verdict, invoice: Option<Invoice>, errors: Vec<String>) -> Result<Draft, Failure> {
    let (reply, promises_money) = match (verdict.topic, invoice) {
        (Topic::Billing, Some(Invoice { number, cents })) => {
            (format!("We have corrected invoice {number} and pay {}.{:02} back.", cents / 100, cents % 100), true)
        }
        (Topic::Technical, _) => (format!("We look into it. Your logs say: {}.", errors.join("; ")), false),
        _ => ("Thank you for your message.".to_owned(), false),
    };
    Ok(Draft { reply, promises_money })
}

fn support_desk() -> Setup<Builder> {
    App::builder("support-desk")
        .description("Answers tickets; what costs money is asked first.")
        .input::<Ticket>()
        .model("fast", model("offline"))
        .limits(limits().cost_usd(0.10).duration(hours(48)))
        .defaults(defaults().timeout(seconds(20)).retry(retry(3).base(seconds(1))))
        .node("classify", llm("fast").prompt("What is this message about? {{ input.message }}").output::<Verdict>())
        .node("route", route("classify.topic").case("billing", ["invoice"]).default(["logs"]))
        .node("invoice", find_invoice().customer("${{ input.customer }}"))
        // One run of the body for each log, side by side.
        .node(
            "logs",
            map_over("input.logs")
                .as_("log")
                .on_item_error(ItemError::Skip)
                .body(|body| body.node("search", first_error().log("${{ log }}")).output_value("${{ search }}")),
        )
        .node(
            "draft",
            draft_reply()
                .verdict("${{ classify }}")
                .invoice("${{ invoice }}")
                .errors("${{ logs.items | select | list if logs else [] }}"),
        )
        .node(
            "approve",
            human("Send this reply to ${{ input.customer }}?")
                .when("draft.promises_money")
                .show("reply", "${{ draft.reply }}")
                .actions(["approve", "reject"])
                .timeout(hours(24))
                .on_timeout("reject")
                .on_error(On::Skip),
        )
        .output("reply", "${{ draft.reply if not approve or approve.action == 'approve' else none }}")
        .gives::<Sent>()
}

/// Follows a run until it ends or waits, and says what happens.
async fn follow(mut run: uzel::RunHandle) -> Result<uzel::RunResult, Error> {
    while let Some(event) = run.next().await {
        match event {
            RunEvent::Text { node, text } => println!("  {node} writes: {}", text.trim()),
            RunEvent::Log(Event::Returned { instance, .. }) => println!("  {instance} is done"),
            RunEvent::Log(Event::Waited { instance, .. }) => println!("  {instance} waits"),
            _ => {}
        }
    }
    run.finish().await
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::args().any(|argument| argument == "--yaml") {
        print!("{}", support_desk().to_yaml());
        return Ok(());
    }
    let app = support_desk().build()?;
    let logs = vec!["start\nerror: the token has expired\nstop".to_owned(), "all is well".to_owned()];
    let tickets = [
        ("c-17", "I was charged twice, the invoice shows a payment of 49 euros that I did not make.", vec![]),
        ("c-18", "The app crashes with an error when I log in.", logs),
    ];
    for (customer, message, logs) in tickets {
        println!("{customer}: {message}");
        let ticket = Ticket { customer: customer.into(), message: message.into(), logs };
        let mut result = follow(app.start(ticket).await?).await?;
        // A run that waits uses no memory and may wait for days. Here the person is quick.
        if result.status == Status::Waiting {
            for task in &result.tasks {
                println!("  a person is asked: {} {}", task.question.title, task.question.show);
                app.answer(task, "approve", uzel::json!({}), "anna").await?;
            }
            result = follow(app.resume(&result.id).await?).await?;
        }
        let reply = result.output::<Sent>()?.reply;
        println!("  {}: {}", result.status.as_str(), reply.as_deref().unwrap_or("nothing was sent"));
    }
    Ok(())
}
