//! What rules answer, and which mistakes in them are named.

use serde_json::json;
use uzel_core::capability::model::{Message, NoSink};

use super::*;

fn model(rules: Value) -> Scripted {
    Scripted::new(serde_json::from_value(rules).expect("rules")).expect("a model")
}

fn ask(model: &Scripted, tag: &str, number: u32, messages: &[(Role, &str)]) -> Result<String, String> {
    let messages = messages.iter().map(|(role, text)| Message::new(*role, *text)).collect();
    let request = ChatRequest { messages, ..ChatRequest::default() };
    let timeout = Duration::from_secs(10);
    let attempt = Attempt { number, key: "k".into(), timeout, tag: tag.into() };
    let (_, result) = model.answer(&request, &attempt);
    result.map(|reply| reply.text).map_err(|failure| failure.to_string())
}

#[test]
fn the_first_rule_that_fits_answers() {
    let model = model(json!([
        { "match": "refund", "reply": { "category": "refund" } },
        { "pattern": "(?i)order \\d+", "node": "classify", "reply": "an order" },
        { "node": "reply", "fail": { "class": "rate_limit", "message": "slow down", "retry_after": "2s" } },
        { "reply": "something" },
    ]));
    let user = |text| [(Role::User, text)];
    assert_eq!(ask(&model, "r/classify", 1, &user("a refund")), Ok(r#"{"category":"refund"}"#.into()));
    assert_eq!(ask(&model, "r/notes[3].classify", 1, &user("ORDER 12")), Ok("an order".into()));
    assert_eq!(ask(&model, "r/other", 1, &user("ORDER 12")), Ok("something".into()));
    assert_eq!(ask(&model, "r/reply", 1, &user("hi")), Err("rate_limit: slow down".into()));
}

#[test]
fn sequences_go_by_turn_and_try() {
    let model = model(json!([{ "sequence": [
        { "fail": { "class": "server_error" } },
        { "reply": "two" },
        { "reply": "three", "delay": "11s" },
    ] }]));
    let first = [(Role::User, "a")];
    let second = [(Role::User, "a"), (Role::Assistant, "?"), (Role::User, "b")];
    for _ in 0..2 {
        assert_eq!(ask(&model, "r/n", 1, &first), Err("server_error: the script says so".into()));
        assert_eq!(ask(&model, "r/n", 2, &first), Ok("two".into()));
        assert_eq!(ask(&model, "r/n", 1, &second), Ok("two".into()));
        assert_eq!(
            ask(&model, "r/n", 2, &second),
            Err("timeout: `scripted` did not finish its answer within 10s".into())
        );
    }
}

#[test]
fn mistakes_name_the_rule() {
    let error = |rules| Scripted::new(serde_json::from_value(rules).expect("rules")).err().expect("an error");
    assert_eq!(error(json!([{ "reply": 1 }, {}])), "rule 2 must have one of `reply`, `fail` and `sequence`");
    assert!(error(json!([{ "pattern": "(", "reply": 1 }])).starts_with("the pattern of rule 1 cannot be read"));
    let unknown = ask(&model(json!([{ "match": "x", "reply": 1 }])), "r/n", 1, &[(Role::User, "y")]);
    assert!(unknown.expect_err("no rule").contains("no rule of the scripted model fits `r/n`, asked: y"));
}

#[test]
fn questions_are_kept() {
    let model = Scripted::always("yes");
    let request = ChatRequest::default();
    let attempt = Attempt { number: 1, key: "k".into(), timeout: Duration::from_secs(1), tag: "r/n".into() };
    drop(model.chat(&request, &attempt, &NoSink));
    assert_eq!(model.asked().len(), 1);
}
