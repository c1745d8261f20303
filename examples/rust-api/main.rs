//! A support desk in one Rust program: a graph built in code, functions as nodes, events as they happen, and a question
//! to a person. Runs offline: `cargo run -p uzel --example rust-api`.
#![allow(clippy::print_stdout, reason = "the program talks to the person who runs it")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uzel::{
    App, Error, Event, Failure, FailureClass, RunEvent, Status, code_fn, hours, human, limits, llm, model, route,
};

/// What a run is given.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Ticket {
    customer: String,
    message: String,
}

/// What the model must answer. The comments tell it what the topics mean.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Topic {
    /// an invoice, a payment or a price
    Billing,
    /// an error, a crash or a login that fails
    Technical,
    /// anything else, such as thanks or a greeting
    Other,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Verdict {
    topic: Topic,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Customer {
    customer: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Invoice {
    number: String,
    cents: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Question {
    verdict: Verdict,
    // Each of the two is there if the route chose its node.
    invoice: Option<Invoice>,
    summary: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Draft {
    reply: String,
    promises_money: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Sent {
    reply: Option<String>,
}

/// Business logic is ordinary Rust. What it returns is recorded: after a crash it is not asked again.
async fn find_invoice(Customer { customer }: Customer) -> Result<Invoice, Failure> {
    match customer.as_str() {
        "c-17" => Ok(Invoice { number: "2041".into(), cents: 4_900 }),
        _ => Err(Failure::new(FailureClass::Invalid, format!("there is no customer `{customer}`"))),
    }
}

async fn draft_reply(Question { verdict, invoice, summary }: Question) -> Result<Draft, Failure> {
    let (reply, promises_money) = match (verdict.topic, invoice) {
        (Topic::Billing, Some(Invoice { number, cents })) => {
            (format!("We have corrected invoice {number} and pay {}.{:02} back.", cents / 100, cents % 100), true)
        }
        (Topic::Technical, _) => {
            (format!("We look into it: \"{}\" Please send us the log.", summary.unwrap_or_default()), false)
        }
        _ => ("Thank you for your message.".to_owned(), false),
    };
    Ok(Draft { reply, promises_money })
}

fn support_desk() -> Result<App, Error> {
    App::builder("support-desk")
        .description("Answers tickets; what costs money is asked first.")
        .input::<Ticket>()
        .model("fast", model("offline"))
        .limits(limits().cost_usd(0.10))
        .node("classify", llm("fast").prompt("What is this message about? {{ input.message }}").output::<Verdict>())
        .node("route", route("classify.topic").case("billing", ["invoice"]).default(["summary"]))
        .node("invoice", code_fn(find_invoice).with("customer", "${{ input.customer }}"))
        .node("summary", llm("fast").prompt("Summarise in one sentence: {{ input.message }}").stream())
        .node(
            "draft",
            code_fn(draft_reply)
                .with("verdict", "${{ classify }}")
                .with("invoice", "${{ invoice }}")
                .with("summary", "${{ summary.text }}"),
        )
        .node(
            "approve",
            human("Send this reply to ${{ input.customer }}?")
                .when("draft.promises_money")
                .show("reply", "${{ draft.reply }}")
                .actions(["approve", "reject"])
                .timeout(hours(24))
                .on_timeout("reject"),
        )
        .output("reply", "${{ draft.reply if not approve or approve.action == 'approve' else none }}")
        .build()
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
    let app = support_desk()?;
    let tickets = [
        ("c-17", "I was charged twice, the invoice shows a payment of 49 euros that I did not make."),
        ("c-18", "The app crashes with an error when I log in."),
    ];
    for (customer, message) in tickets {
        println!("{customer}: {message}");
        let ticket = Ticket { customer: customer.into(), message: message.into() };
        let mut result = follow(app.start(ticket).await?).await?;
        // A run that waits uses no memory and may wait for days. Here the person is quick.
        if result.status == Status::Waiting {
            for task in &result.tasks {
                println!("  a person is asked: {} {}", task.question.title, task.question.show);
                app.answer(task, "approve", uzel::json!({}), "anna").await?;
            }
            result = follow(app.resume(&result.id).await?).await?;
        }
        let sent: Sent = result.output()?;
        println!("  {}: {}", result.status.as_str(), sent.reply.as_deref().unwrap_or("nothing was sent"));
    }
    Ok(())
}
