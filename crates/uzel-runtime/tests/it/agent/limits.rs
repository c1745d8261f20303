//! Each limit ends the agent, says so, and lets nothing happen beyond it.

use super::*;

/// Never answers by itself.
fn restless(done: &Done) -> Reply {
    match done.effect.as_str() {
        "answer" => soon(json!("That is all I know.")),
        chat if chat.starts_with("chat") => soon(calls(&[("list", json!({})), ("find", json!({ "id": "a" }))])),
        _ => tool(done),
    }
}

fn failed(limits: &str, look: fn(&Ran)) {
    run(agent(&format!("limits: {{ {limits} }}")), restless, |ran| async move {
        let said = ran.failure();
        assert_eq!(said, format!("the agent reached `limits.{limits}`"));
        assert!(!ran.effects().contains(&"answer".to_owned()), "{:?}", ran.effects());
        look(&ran);
    });
}

fn causes(ran: &Ran) -> Vec<String> {
    serde_json::from_value(ran.head.outcome["failure"]["causes"].clone()).unwrap()
}

#[test]
fn steps() {
    failed("steps: 2", |ran| {
        assert_eq!(
            ran.effects(),
            ["chat#1", "tool:list#1", "tool:find#2", "chat#2"],
            "what the last step asks for is of no use, and is not called"
        );
        assert_eq!(causes(ran), ["2 steps and 2 tool calls were made"]);
    });
}

#[test]
fn tool_calls() {
    failed("tool_calls: 3", |ran| {
        assert_eq!(ran.effects(), ["chat#1", "tool:list#1", "tool:find#2", "chat#2"], "a turn is made whole or not");
    });
}

#[test]
fn tokens() {
    // A call is reckoned with at most 10 tokens written and about 100 read, and takes 15.
    failed("tokens: 160", |ran| {
        let causes = causes(ran);
        assert!(causes[0].ends_with(" of `limits.tokens: 160` are used"), "{causes:?}");
        assert!(causes[1].ends_with("or 4096 without `max_tokens`"), "{causes:?}");
        let asked = ran.effects().iter().filter(|effect| effect.starts_with("chat")).count();
        assert!((1..6).contains(&asked), "{:?}", ran.effects());
        assert!(ran.head.input_tokens + ran.head.output_tokens <= 160);
    });
}

#[test]
fn money() {
    failed("cost_usd: 0.2", |ran| {
        let causes = causes(ran);
        assert!(causes[0].ends_with(" of `limits.cost_usd: 0.2` is spent"), "{causes:?}");
        assert!(ran.head.cost_usd > 0.0 && ran.head.cost_usd <= 0.2, "{}", ran.head.cost_usd);
    });
}

#[test]
fn tries_of_one_question_are_within_the_limit_too() {
    let script = |_: &Done| soon(json!("not what is wanted"));
    let keys = "output: { sum: integer }\n    retry: { max: 20, base: 1ms }\n    limits: { tokens: 260 }";
    run(agent(keys), script, |ran| async move {
        assert_eq!(ran.failure(), "the agent reached `limits.tokens: 260`");
        assert!((2..9).contains(&ran.effects().len()), "{:?}", ran.effects());
    });
}

#[test]
fn time() {
    failed("duration: 50ms", |ran| {
        // 20 for the first question, 20 for its tools; the second question is left in the middle.
        assert_eq!(ran.world.now(), EPOCH.plus(Duration::from_millis(50)));
        assert_eq!(ran.effects(), ["chat#1", "tool:list#1", "tool:find#2", "chat#2"]);
        assert!(causes(ran)[0].starts_with("the time of `limits.duration: 50ms` is over"), "{:?}", causes(ran));
    });
}

#[test]
fn a_tool_that_takes_too_long_is_left() {
    let script = |done: &Done| match done.effect.as_str() {
        "tool:list#1" => Reply::Hang,
        _ => restless(done),
    };
    run(agent("limits: { duration: 3s }"), script, |ran| async move {
        assert_eq!(ran.failure(), "the agent reached `limits.duration: 3s`");
        assert_eq!(ran.world.now(), EPOCH.plus(Duration::from_secs(3)));
    });
}

#[test]
fn at_a_limit_the_model_may_answer_from_what_it_has() {
    let lists = [
        ("steps: 2", "steps", 4),
        ("tool_calls: 3", "tool_calls", 2),
        ("tokens: 160", "tokens", 0),
        ("cost_usd: 0.2", "cost_usd", 0),
        ("duration: 50ms", "duration", 2),
    ];
    for (limits, name, steps) in lists {
        let keys = format!("on_limit: answer\n    limits: {{ {limits} }}");
        run(agent(&keys), restless, |ran| async move {
            assert_eq!(ran.head.status, Status::Succeeded, "{limits}: {}", ran.head.outcome);
            let output = ran.output().await;
            assert_eq!((&output["text"], &output["limit"]), (&json!("That is all I know."), &json!(name)));
            if steps > 0 {
                assert_eq!(output["steps"].as_array().map(Vec::len), Some(steps), "{limits}");
            }
            let given = ran.given("answer");
            assert_eq!((&given["must_answer"], given["tools"].as_array().map(Vec::len)), (&json!(true), Some(5)));
            let asked = ran.effects().iter().filter(|effect| *effect == "answer").count();
            assert_eq!(asked, 1, "once");
        });
    }
    // Without reaching one it says so too.
    let script = |_: &Done| soon(json!("easy"));
    run(agent("on_limit: answer"), script, |ran| async move {
        assert_eq!(ran.output().await, json!({ "text": "easy", "model": "played", "steps": [], "limit": null }));
    });
}

#[test]
fn the_last_answer_fits_the_schema_too() {
    let script = |done: &Done| match (done.effect.as_str(), done.attempt) {
        ("answer", 1) => soon(json!({ "tool_calls": [{ "name": "list" }], "text": "" })),
        ("answer", _) => soon(json!({ "sum": 1 })),
        _ => restless(done),
    };
    run(agent("on_limit: answer\n    output: { sum: integer }\n    limits: { steps: 1 }"), script, |ran| async move {
        assert_eq!(ran.output().await["sum"], 1);
    });
}

#[test]
fn a_model_that_says_nothing_in_the_end_fails() {
    let script = |done: &Done| match done.effect.as_str() {
        "answer" => soon(json!({ "tool_calls": [{ "name": "list" }], "text": "" })),
        _ => restless(done),
    };
    run(agent("on_limit: answer\n    limits: { steps: 1 }"), script, |ran| async move {
        assert_eq!(ran.failure(), "the agent reached `limits.steps: 1`");
        assert_eq!(causes(&ran).last().unwrap(), "asked for a final answer, the model gave none");
    });
}

/// The run's own budget is not the agent's: it ends the agent whatever `on_limit` says.
#[test]
fn the_runs_limits_hold_too() {
    let text = format!("{}limits: {{ tokens: 160 }}\n", agent("on_limit: answer")).leak();
    run(text, restless, |ran| async move {
        let failure = ran.failure();
        assert!(failure.ends_with("of `limits.tokens: 160` are used"), "{failure}");
        assert!(!failure.contains(" 0 of"), "it was asked before: {failure}");
    });
}

#[test]
fn without_limits_there_still_are_some() {
    run(agent(""), restless, |ran| async move {
        assert_eq!(ran.failure(), "the agent reached `limits.steps: 20`");
        assert_eq!(causes(&ran), ["20 steps and 38 tool calls were made"]);
    });
}
