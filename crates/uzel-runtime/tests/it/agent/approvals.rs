//! A person before a call: approves, rejects, changes the arguments; several in a row; nobody in time.

use std::collections::BTreeMap;

use uzel_core::event::Resolution;
use uzel_runtime::engine::Error;

use super::*;

/// Pays twice, and says so.
fn twice(done: &Done) -> Reply {
    match done.effect.as_str() {
        "chat#1" => soon(calls(&[("list", json!({})), ("pay", json!({ "amount": 5 }))])),
        "chat#2" => soon(calls(&[("pay", json!({ "amount": 6, "memo": "again" }))])),
        "chat#3" => soon(json!("paid")),
        _ => tool(done),
    }
}

#[test]
fn a_person_sees_what_is_to_be_called() {
    run(agent("approve: [pay]"), twice, |ran| async move {
        assert_eq!(ran.head.status, Status::Waiting);
        assert_eq!(ran.effects(), ["chat#1", "tool:list#1"], "nothing is paid before");
        let task = ran.lab.engine.find_task("r1/agent").await.unwrap();
        let question = &task.question;
        assert_eq!(
            (question.title.as_str(), &question.actions[..]),
            ("May `agent` call `pay`?", &["approve".to_owned(), "reject".to_owned()][..])
        );
        assert_eq!(
            question.show,
            json!({ "tool": "pay", "call": 2, "description": "", "arguments": { "amount": 5, "memo": null }, "said": "Let me see." })
        );
        assert_eq!(question.defaults, json!({ "amount": 5, "memo": null }));
        let fields: Vec<&String> = question.form["properties"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["amount", "memo", "note"]);
        let refused = ran.lab.answer("r1", "agent", "approve", json!({ "amount": "all" })).await;
        assert!(matches!(refused, Err(Error::BadAnswer(_))), "{refused:?}");
    });
}

#[test]
fn two_approvals_in_a_row_are_both_remembered() {
    run(agent("approve: [pay]"), twice, |ran| async move {
        ran.lab.answer("r1", "agent", "approve", json!({})).await.unwrap();
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Waiting);
        // A process that takes the run up meanwhile asks the same, and does nothing.
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Waiting);
        let task = ran.lab.engine.find_task("r1/agent").await.unwrap();
        assert_eq!(task.question.show["arguments"]["amount"], 6);
        ran.lab.answer("r1", "agent", "approve", json!({ "amount": 4 })).await.unwrap();
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Succeeded);
        let counts: BTreeMap<String, usize> = ran.ledger.counts();
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");
        assert_eq!(ran.given("tool:pay#2"), json!({ "amount": 5, "memo": null }));
        assert_eq!(ran.given("tool:pay#3"), json!({ "amount": 4, "memo": "again" }), "as the person changed it");
        let last = ran.given("chat#3")["last"].as_str().unwrap().to_owned();
        assert!(last.starts_with("A person changed the arguments to {\"amount\":4,\"memo\":\"again\"}.\n{"), "{last}");
        let output = ran.output().await;
        assert_eq!((&output["steps"][1]["by"], &output["steps"][2]["arguments"]["amount"]), (&json!("ann"), &json!(4)));
        let recorded: Vec<String> = ran
            .lab
            .log("r1")
            .await
            .iter()
            .filter_map(|event| match event {
                Event::EffectReturned { effect, .. } => Some(effect.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(
            recorded,
            [
                "agent/chat#1",
                "agent/tool:list#1",
                "agent/approve:pay#2",
                "agent/tool:pay#2",
                "agent/chat#2",
                "agent/approve:pay#3",
                "agent/tool:pay#3",
                "agent/chat#3"
            ]
        );
    });
}

#[test]
fn a_rejection_is_told_to_the_model() {
    run(agent("approve: [pay]"), twice, |ran| async move {
        ran.lab.answer("r1", "agent", "reject", json!({ "note": "Too much." })).await.unwrap();
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Waiting);
        assert_eq!(ran.given("chat#2")["last"], "Error: a person rejected this call: Too much.");
        ran.lab.answer("r1", "agent", "reject", json!({})).await.unwrap();
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Succeeded);
        assert_eq!(ran.given("chat#3")["last"], "Error: a person rejected this call");
        assert!(ran.effects().iter().all(|effect| !effect.starts_with("tool:pay")), "{:?}", ran.effects());
        let output = ran.output().await;
        assert_eq!(
            (&output["steps"][1]["by"], &output["steps"][1]["error"]),
            (&json!("ann"), &json!("a person rejected this call: Too much."))
        );
    });
}

#[test]
fn a_decision_is_not_taken_for_the_next_call_after_a_crash() {
    // The process dies after the first payment was made: the run's last answer is about that one still.
    run(agent("approve: [pay]"), twice, |ran| async move {
        ran.lab.answer("r1", "agent", "approve", json!({})).await.unwrap();
        let driver = ran.lab.engine.resume(&ran.lab.app, &"r1".into()).await.unwrap();
        tokio::select! {
            biased;
            head = driver.drive(nobody_asks()) => panic!("{head:?}"),
            // Inside of the second question to the model.
            () = ran.world.sleep(Duration::from_millis(30)) => {}
        }
        assert_eq!(ran.lab.resume("r1").await.unwrap().status, Status::Waiting, "the second payment is asked about");
        assert_eq!(ran.effects().last().unwrap(), "chat#2");
    });
}

#[test]
fn nobody_decides_in_time() {
    for (keys, end) in [("", Status::Failed), ("on_limit: answer\n    ", Status::Succeeded)] {
        let keys = format!("approve: [pay]\n    {keys}limits: {{ duration: 2h }}");
        let script = |done: &Done| match done.effect.as_str() {
            "answer" => soon(json!("Nobody let me pay.")),
            _ => twice(done),
        };
        run(agent(&keys), script, |ran| async move {
            let due = EPOCH.plus(Duration::from_hours(2));
            assert_eq!((ran.head.status, ran.head.wake), (Status::Waiting, Some(due)));
            ran.world.skip_to(due);
            let head = ran.lab.resume("r1").await.unwrap();
            assert_eq!(head.status, end, "{}", head.outcome);
            if end == Status::Failed {
                assert_eq!(head.outcome["failure"]["message"], "the agent reached `limits.duration: 2h`");
                return;
            }
            let output = ran.output().await;
            assert_eq!((&output["text"], &output["limit"]), (&json!("Nobody let me pay."), &json!("duration")));
            assert_eq!(ran.given("answer")["told"][1], "Error: not called: the agent reached `limits.duration: 2h`");
            let ended = ran
                .lab
                .log("r1")
                .await
                .into_iter()
                .any(|event| matches!(event, Event::Resolved { resolution: Resolution::Due(_), .. }));
            assert!(ended);
        });
    }
}

#[test]
fn a_crash_around_approvals_repeats_nothing() {
    for (action, form) in [("approve", json!({ "amount": 2 })), ("reject", json!({ "note": "no" }))] {
        let answers = Answers::from([("agent".to_owned(), (action.to_owned(), form))]);
        let case = Case { answers, ..case("approvals", "approve: [pay]\n    limits: { duration: 3d }", twice) };
        let cuts = after_every_event(&case);
        assert!(cuts >= 11, "{action}: only {cuts} cuts");
        assert!(at_random(&case, 0..10) >= 5);
    }
    // Nobody answers: the time of the agent ends it.
    let keys = "approve: [pay]\n    on_limit: answer\n    limits: { duration: 3d }";
    let script = |done: &Done| if done.effect == "answer" { soon(json!("no")) } else { twice(done) };
    assert!(after_every_event(&case("too late", keys, script)) >= 8);
}
