//! Agents: what they ask and call, in which order, what ends them, and that a crash repeats nothing.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::{
    event::Event,
    failure::{Failure, FailureClass},
    store::{Head, Status},
};
use uzel_runtime::{
    engine::{Given, Start},
    store::memory::Memory,
    world::World,
};
use uzel_testkit::{
    crash::{Case, after_every_event, at_random},
    lab::{Answers, Lab, app, nobody_asks},
    probe::{Done, Ledger, Reply},
    sim::{self, EPOCH, SimWorld},
};

mod approvals;
mod limits;

/// An app with one agent; `keys` are added to it.
fn agent(keys: &str) -> &'static str {
    format!(
        "
version: 1
models: {{ m: {{ use: played, price: {{ input_usd: 1000, output_usd: 1000 }} }} }}
tools:
  find: {{ use: played, params: {{ id: string }}, description: Finds a thing. }}
  list: {{ use: played }}
  set: {{ use: played, effect: idempotent, params: {{ to: {{ type: integer, default: 1 }} }} }}
  pay: {{ use: played, effect: keyed, params: {{ amount: integer, memo: string | null }} }}
  mail: {{ use: played, effect: once }}
nodes:
  agent:
    kind: agent
    model: m
    prompt: Do it.
    tools: [find, list, set, pay, mail]
    max_tokens: 10
    {keys}
"
    )
    .leak()
}

/// A turn of the model: tools by name and arguments.
fn calls(calls: &[(&str, Value)]) -> Value {
    let call = |(index, (name, arguments)): (usize, &(&str, Value))| json!({ "id": format!("c{index}"), "name": name, "arguments": arguments });
    let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
    json!({ "text": "Let me see.", "tool_calls": calls })
}

/// A value after 20 ms.
fn soon(value: Value) -> Reply {
    Reply::Value(value, Duration::from_millis(20))
}

fn fail(class: FailureClass) -> Reply {
    Reply::Fail(Failure::new(class, "the script says so"), Duration::from_millis(5))
}

/// What tools say when nothing else is said.
fn tool(done: &Done) -> Reply {
    soon(json!({ "from": done.effect, "with": done.with }))
}

struct Ran {
    lab: Lab,
    ledger: Arc<Ledger>,
    world: Arc<SimWorld>,
    head: Head,
}

impl Ran {
    /// The agent's output.
    async fn output(&self) -> Value {
        let states = self.lab.states("r1").await;
        states["agent"].1.clone().unwrap_or_else(|| panic!("no output: {}", self.head.outcome))
    }

    fn effects(&self) -> Vec<String> {
        self.ledger.done().into_iter().map(|done| done.effect).collect()
    }

    /// What the agent was given in an effect, the last time.
    fn given(&self, effect: &str) -> Value {
        let done = self.ledger.done().into_iter().rev().find(|done| done.effect == effect);
        done.unwrap_or_else(|| panic!("{effect} was not done: {:?}", self.effects())).with
    }

    fn failure(&self) -> &str {
        assert_eq!(self.head.status, Status::Failed, "{}", self.head.outcome);
        self.head.outcome["failure"]["message"].as_str().unwrap()
    }
}

fn lab(world: &Arc<SimWorld>, text: &str, script: fn(&Done) -> Reply) -> (Lab, Arc<Ledger>) {
    let clock = Arc::clone(world);
    let ledger = Ledger::new(move |time| clock.sleep(time), script);
    (Lab::new(app(text, &ledger), Arc::new(Memory::new()), Arc::clone(world) as Arc<dyn World>), ledger)
}

async fn started(world: Arc<SimWorld>, text: &str, dry_run: bool, script: fn(&Done) -> Reply) -> Ran {
    let (lab, ledger) = lab(&world, text, script);
    let start = Start { id: Some("r1".into()), dry_run, ..Start::default() };
    let driver = lab.engine.start(&lab.app, &"lab".into(), start).await.unwrap();
    let head = driver.drive(nobody_asks()).await.unwrap();
    Ran { lab, ledger, world, head }
}

/// Runs an app to where it ends or parks, and looks at it.
fn run<T, F: Future<Output = T>>(text: &str, script: fn(&Done) -> Reply, look: impl FnOnce(Ran) -> F) -> T {
    sim::run(3, |world| async move { look(started(world, text, false, script).await).await })
}

#[test]
fn tools_are_called_until_the_model_answers() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("find", json!({ "id": "a" })), ("list", json!({}))])),
        "chat#2" => soon(calls(&[("set", json!({}))])),
        "chat#3" => soon(json!("It is done.")),
        _ => tool(done),
    };
    run(agent(""), script, |ran| async move {
        assert_eq!(ran.head.status, Status::Succeeded, "{}", ran.head.outcome);
        let output = ran.output().await;
        assert_eq!((&output["text"], &output["model"]), (&json!("It is done."), &json!("played")));
        assert_eq!(
            output["steps"],
            json!([
                { "step": 1, "call": 1, "tool": "find", "arguments": { "id": "a" },
                  "result": { "from": "tool:find#1", "with": { "id": "a" } }, "error": null, "by": null },
                { "step": 1, "call": 2, "tool": "list", "arguments": {},
                  "result": { "from": "tool:list#2", "with": {} }, "error": null, "by": null },
                { "step": 2, "call": 3, "tool": "set", "arguments": { "to": 1 },
                  "result": { "from": "tool:set#3", "with": { "to": 1 } }, "error": null, "by": null },
            ])
        );
        assert_eq!(output.as_object().unwrap().len(), 3);
        let given = ran.given("chat#1");
        assert_eq!(
            (&given["tools"], &given["must_answer"]),
            (&json!(["find", "list", "set", "pay", "mail"]), &json!(false))
        );
        assert_eq!(ran.given("chat#3")["told"].as_array().map(Vec::len), Some(3));
        assert_eq!(ran.given("chat#2")["last"], json!(r#"{"from":"tool:list#2","with":{}}"#));
    });
}

#[test]
fn reads_of_a_turn_go_at_the_same_time_and_writes_in_order() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => Reply::Value(
            calls(&[
                ("find", json!({ "id": "a" })),
                ("find", json!({ "id": "b" })),
                ("set", json!({})),
                ("pay", json!({ "amount": 1 })),
                ("list", json!({})),
                ("find", json!({ "id": "c" })),
            ]),
            Duration::ZERO,
        ),
        "chat#2" => Reply::Value(json!("done"), Duration::ZERO),
        _ => tool(done),
    };
    run(agent(""), script, |ran| async move {
        // Twenty each: two reads, a write, a write, two reads.
        assert_eq!(ran.world.now(), EPOCH.plus(Duration::from_millis(80)), "{}", ran.head.outcome);
        let output = ran.output().await;
        let order: Vec<u64> = output["steps"].as_array().unwrap().iter().map(|s| s["call"].as_u64().unwrap()).collect();
        assert_eq!(order, [1, 2, 3, 4, 5, 6], "in the model's order, whichever was done first");
    });
}

#[test]
fn what_the_model_gets_wrong_it_is_told() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[
            ("fnid", json!({ "id": "a" })),
            ("find", json!({ "name": 7 })),
            ("find", json!("{\"id\": ")),
            ("list", json!([])),
        ])),
        "chat#2" => soon(calls(&[("list", json!({}))])),
        "tool:list#5" => fail(FailureClass::Invalid),
        _ => soon(json!("I give up.")),
    };
    run(agent(""), script, |ran| async move {
        assert_eq!(ran.effects(), ["chat#1", "chat#2", "tool:list#5", "chat#3"]);
        let told: Vec<String> = serde_json::from_value(ran.given("chat#3")["told"].clone()).unwrap();
        assert_eq!(
            told,
            [
                "Error: there is no tool `fnid`: did you mean `find`?",
                "Error: the arguments do not fit: `name` is not a field that is known here; `id` is missing",
                "Error: the arguments are not JSON: {\"id\": ",
                "Error: the arguments do not fit: the value must be a map, found a list of 0",
                "Error: invalid: the script says so",
            ]
        );
        let output = ran.output().await;
        assert_eq!(output["steps"][0]["error"], "there is no tool `fnid`: did you mean `find`?");
        assert_eq!(output["steps"][4]["result"], Value::Null);
    });
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again() {
    let script = |done: &Done| match (done.effect.as_str(), done.attempt) {
        ("chat#1", _) => soon(calls(&[("list", json!({}))])),
        ("chat#2", 1) => soon(json!({ "total": "many" })),
        ("chat#2", _) => soon(json!({ "total": 3 })),
        _ => tool(done),
    };
    run(agent("output: { total: integer }"), script, |ran| async move {
        let output = ran.output().await;
        assert_eq!((&output["total"], output["steps"].as_array().map(Vec::len)), (&json!(3), Some(1)));
        let again = ran.given("chat#2")["last"].as_str().unwrap().to_owned();
        assert!(again.starts_with("That answer does not fit: `total` must be an integer"), "{again}");
        assert_eq!(ran.effects(), ["chat#1", "tool:list#1", "chat#2", "chat#2"]);
    });
}

#[test]
fn a_dry_run_leaves_writes_out_and_asks_nobody_about_them() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("pay", json!({ "amount": 1 })), ("list", json!({})), ("mail", json!({}))])),
        "chat#2" => soon(json!("done")),
        _ => tool(done),
    };
    sim::run(3, |world| async move {
        let ran = started(world, agent("approve: [pay]"), true, script).await;
        assert_eq!(ran.effects(), ["chat#1", "tool:list#2", "chat#2"], "{}", ran.head.outcome);
        let output = ran.output().await;
        assert_eq!(output["steps"][0]["error"], "left out: this is a dry run, and `pay` writes");
        assert_eq!(output["steps"][2]["error"], "left out: this is a dry run, and `mail` writes");
    });
}

#[test]
fn a_write_that_nobody_knows_about_ends_the_agent() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("pay", json!({ "amount": 1 }))])),
        "tool:pay#1" => fail(FailureClass::ServerError),
        _ => soon(json!("I will pay again.")),
    };
    run(agent(""), script, |ran| async move {
        assert_eq!(ran.effects(), ["chat#1", "tool:pay#1", "tool:pay#1", "tool:pay#1"], "tried again with one key");
        assert_eq!(ran.failure(), "the script says so");
        assert_eq!(ran.head.outcome["failure"]["causes"], json!(["`pay` was called by the model"]));
    });
    // What the other side surely refused is told to the model.
    let refused = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("pay", json!({ "amount": 1 }))])),
        "tool:pay#1" => fail(FailureClass::Invalid),
        _ => soon(json!("I cannot pay.")),
    };
    run(agent(""), refused, |ran| async move {
        assert_eq!(ran.output().await["text"], "I cannot pay.");
    });
}

/// What was being done once when the process died is not done again, under no other name either.
#[test]
fn a_once_call_in_doubt_is_asked_about() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("mail", json!({}))])),
        // In the letter, and then in the model's second turn.
        _ => Reply::Hang,
    };
    sim::run(3, |world| async move {
        let (first, ledger) = lab(&world, agent(""), script);
        let start = Start { id: Some("r1".into()), ..Start::default() };
        let driver = first.engine.start(&first.app, &"lab".into(), start).await.unwrap();
        tokio::select! {
            () = world.sleep(Duration::from_secs(1)) => {}
            head = driver.drive(nobody_asks()) => panic!("{head:?}"),
        }
        let again = Lab::new(Arc::clone(&first.app), Arc::clone(&first.engine.store), world.clone());
        let head = again.resume("r1").await.unwrap();
        assert_eq!(ledger.counts()["agent/tool:mail#1"], 1);
        assert_eq!(head.status, Status::Waiting);
        assert_eq!(ledger.counts().get("agent/chat#2"), None, "the model was not asked what to do");
        again.answer("r1", "agent", "done", json!({ "result": "sent" })).await.unwrap();
        let driver = again.engine.resume(&again.app, &"r1".into()).await.unwrap();
        tokio::select! {
            () = world.sleep(Duration::from_secs(1)) => {}
            head = driver.drive(nobody_asks()) => panic!("{head:?}"),
        }
        let told = ledger.done().into_iter().find(|done| done.effect == "chat#2").unwrap();
        assert_eq!(told.with["told"], json!(["sent"]), "the model is told what the person said");
        assert_eq!(ledger.counts()["agent/tool:mail#1"], 1);
    });
}

#[test]
fn records_do_not_grow_with_the_conversation() {
    let script = |done: &Done| match done.effect.as_str() {
        "chat#30" => soon(json!("done")),
        chat if chat.starts_with("chat") => soon(calls(&[("list", json!({}))])),
        _ => soon(json!("x".repeat(500))),
    };
    run(agent("limits: { steps: 40 }"), script, |ran| async move {
        assert_eq!(ran.head.status, Status::Succeeded, "{}", ran.head.outcome);
        let mut sizes = vec![];
        for event in ran.lab.log("r1").await {
            if let Event::EffectReturned { .. } = event {
                sizes.push(serde_json::to_string(&event).unwrap().len());
            }
        }
        assert_eq!(sizes.len(), 59);
        assert!(sizes.iter().all(|size| *size < 1_200), "{sizes:?}");
    });
}

fn everything(done: &Done) -> Reply {
    match done.effect.as_str() {
        "chat#1" => soon(calls(&[("find", json!({ "id": "a" })), ("list", json!({})), ("nothing", json!({}))])),
        "chat#2" if done.attempt == 1 => fail(FailureClass::ServerError),
        "chat#2" => soon(calls(&[("pay", json!({ "amount": 5 })), ("pay", json!({ "amount": 6 }))])),
        "chat#3" => soon(calls(&[("find", json!({})), ("set", json!({}))])),
        "chat#4" if done.attempt == 1 => soon(json!({ "sum": "eleven" })),
        "chat#4" => soon(json!({ "sum": 11 })),
        "tool:list#2" => fail(FailureClass::Refused),
        _ => tool(done),
    }
}

fn case(name: &'static str, keys: &str, script: fn(&Done) -> Reply) -> Case {
    Case { name, app: agent(keys), input: json!({}), answers: Answers::new(), script }
}

#[test]
fn a_crash_anywhere_repeats_nothing() {
    let case = case("agent", "output: { sum: integer }\n    limits: { steps: 9, duration: 1h }", everything);
    // The start, the time, four questions, five tools, the value; the end is not cut.
    let cuts = after_every_event(&case);
    assert!(cuts >= 12, "only {cuts} cuts");
    assert!(at_random(&case, 0..20) >= 10);
}

/// An agent for each item of a list: each has its own effects, its own question, its own limits.
#[test]
fn agents_in_a_map_are_apart() {
    let text = "
version: 1
models: { m: { use: played } }
tools: { pay: { use: played, effect: keyed, params: { amount: integer } } }
nodes:
  all:
    kind: map
    for_each: '[1, 2, 3]'
    do: { kind: agent, model: m, prompt: 'Pay {{ item }}', tools: [pay], approve: [pay], limits: { steps: 3 } }
output: '${{ all.items }}'
";
    let script = |done: &Done| match done.effect.as_str() {
        "chat#1" => soon(calls(&[("pay", json!({ "amount": 1 }))])),
        "chat#2" => soon(json!(format!("paid by {}", done.node()))),
        _ => tool(done),
    };
    run(text, script, |ran| async move {
        let mut tasks = ran.lab.engine.store.tasks(true, None).await.unwrap();
        assert_eq!((ran.head.status, tasks.len()), (Status::Waiting, 3), "{}", ran.head.outcome);
        tasks.reverse();
        for task in tasks {
            let given = Given {
                action: "approve".into(),
                form: json!({}),
                by: "ann".into(),
                digest: Some(task.digest.clone()),
            };
            ran.lab.engine.answer(&ran.lab.app.graph, &task, given).await.unwrap();
            ran.lab.resume("r1").await.unwrap();
        }
        let head = ran.lab.engine.find_run("r1").await.unwrap();
        let items = head.outcome["output"].as_array().unwrap_or_else(|| panic!("{}", head.outcome)).clone();
        let texts: Vec<&str> = items.iter().filter_map(|item| item["text"].as_str()).collect();
        assert_eq!(texts, ["paid by all[0]", "paid by all[1]", "paid by all[2]"]);
        assert!(ran.ledger.counts().values().all(|count| *count == 1), "{:?}", ran.ledger.counts());
    });
}

#[test]
fn a_crash_at_a_limit_comes_to_the_same_answer() {
    let script = |done: &Done| match done.effect.as_str() {
        "answer" => soon(json!("That is all I know.")),
        "chat#3" => Reply::Hang,
        chat if chat.starts_with("chat") => soon(calls(&[("list", json!({})), ("find", json!({ "id": "a" }))])),
        _ => tool(done),
    };
    for limits in ["steps: 2", "tool_calls: 3", "duration: 9s", "tokens: 180", "cost_usd: 0.18"] {
        let keys = format!("on_limit: answer\n    limits: {{ {limits} }}");
        let case = case(limits.to_owned().leak(), &keys, script);
        let cuts = after_every_event(&case);
        assert!(cuts >= 6, "{limits}: only {cuts} cuts");
    }
}
