//! Events, heads and tasks to store; used by the checks and by tests of single stores.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use uzel_core::{
    capability::tool::EffectClass,
    event::{
        Answer, EffectMeta, EffectName, End, Event, ForkedFrom, InstancePath, Question, Resolution, RunId, Stored,
        Time, Wait,
    },
    failure::{Failure, FailureClass},
    store::{Append, Frame, Head, Status, Task},
};

/// A head of a running run, created at `created` ms.
pub fn head(run: &RunId, created: i64) -> Head {
    Head {
        run: run.clone(),
        app: "triage".into(),
        release: "0f".into(),
        status: Status::Running,
        created: Time(created),
        updated: Time(created),
        wake: None,
        batch: None,
        cost_usd: 0.1 + 0.2,
        input_tokens: 7,
        output_tokens: 11,
        outcome: Value::Null,
    }
}

/// An open task of a run.
pub fn task(run: &RunId, instance: &str, created: i64) -> Task {
    Task {
        id: format!("{run}/{instance}"),
        run: run.clone(),
        instance: instance.into(),
        question: question(),
        digest: "d1".into(),
        created: Time(created),
        closed: None,
    }
}

/// A frame of one event that tells `number` back.
pub fn frame(number: u64) -> Frame {
    Frame { effect: None, events: vec![event(number)] }
}

/// A frame with an effect's result.
pub fn result(effect: &str, value: Value) -> Frame {
    let effect = EffectName::from(effect);
    let event = Event::EffectReturned {
        effect: effect.clone(),
        class: EffectClass::Read,
        result: Ok(Stored::Here(Arc::new(value))),
        meta: EffectMeta::default(),
    };
    Frame { effect: Some(effect), events: vec![event] }
}

/// An event that carries a number.
pub fn event(number: u64) -> Event {
    Event::Returned {
        instance: format!("notes[{number}].summarise").into(),
        port: None,
        value: Stored::Here(Arc::new(json!({ "number": number }))),
        started: Time(1),
        at: Time(2),
    }
}

/// The number that [`event`] was given.
pub fn number(event: &Event) -> Option<u64> {
    match event {
        Event::Returned { value: Stored::Here(value), .. } => value["number"].as_u64(),
        _ => None,
    }
}

/// The first append of a run.
pub fn first(run: &RunId, frames: Vec<Frame>) -> Append {
    Append { frames, head: Some(head(run, 1)), ..Append::default() }
}

/// A later append.
pub fn next(frames: Vec<Frame>) -> Append {
    Append { frames, ..Append::default() }
}

/// A question with every field.
pub fn question() -> Question {
    Question {
        title: "Refund 12,50 €?".into(),
        show: json!({"z": 1, "a": [1.5, null, "x"]}),
        form: json!({"type": "object"}),
        defaults: json!({}),
        actions: vec!["approve".into(), "decline".into()],
        assign: json!("finance"),
        due: Some(Time(99)),
        on_timeout: Some("decline".into()),
        about: None,
    }
}

/// Every kind of event, with every kind of part.
pub fn every_event() -> Vec<Event> {
    let instance = InstancePath::from("notes[17].summarise");
    let effect = EffectName::of(&instance, "chat");
    let here = || Stored::Here(Arc::new(json!({"b": 1, "a": [0.1, -0.0, 1e300, u64::MAX, i64::MIN, true, null, ""]})));
    let mut failure = Failure::new(FailureClass::RateLimit, "slow down").because("429").because("busy");
    failure.retry_after = Some(Duration::new(3, 7));
    failure.should_retry = Some(true);
    let meta = EffectMeta {
        started: Time(-5),
        ended: Time(i64::MAX),
        attempts: 3,
        endpoint: Some("openai/gpt@eu".into()),
        model: Some("openai/gpt".into()),
        input_tokens: u64::MAX,
        output_tokens: 1,
        cost_usd: 0.1 + 0.2,
        tries: vec![failure.clone()],
        brown_out: true,
    };
    let answer =
        Answer { action: "approve".into(), form: json!({"x": "y"}), by: "ann".into(), at: Time(5), digest: "d".into() };
    let at = Time(3);
    let mut events = about_runs(&instance, at);
    events.extend([
        Event::EffectIntended { effect: effect.clone(), at },
        Event::Returned { instance: instance.clone(), port: Some("spam".into()), value: here(), started: at, at },
        Event::Failed { instance: instance.clone(), failure: failure.clone(), started: at, at },
        Event::Blocked { instance: instance.clone(), reason: "PII".into(), value: here(), started: at, at },
        Event::LeftOut { instance: instance.clone(), why: "dry run".into(), at },
    ]);
    for class in [EffectClass::Read, EffectClass::Idempotent, EffectClass::Keyed, EffectClass::Once] {
        for result in
            [Ok(here()), Ok(Stored::Effect(effect.clone())), Ok(Stored::Blob("ab".into())), Err(failure.clone())]
        {
            events.push(Event::EffectReturned { effect: effect.clone(), class, result, meta: meta.clone() });
        }
    }
    for wait in [
        Wait::Until(Time(9)),
        Wait::Answer(Box::new(question())),
        Wait::Callback { token: "t".into(), due: Some(Time(8)), payload: json!({ "type": "integer" }) },
    ] {
        events.push(Event::Waited { instance: instance.clone(), wait, at });
    }
    for resolution in
        [Resolution::Answered(answer), Resolution::Due(Time(9)), Resolution::Called { value: json!([1, "2"]), at }]
    {
        events.push(Event::Resolved { instance: instance.clone(), resolution });
    }
    for end in [
        End::Succeeded(here()),
        End::Failed { instance: Some(instance.clone()), failure },
        End::Stopped { instance, text: "no".into(), output: Stored::Here(Arc::new(Value::Null)) },
        End::Cancelled { why: "ann".into() },
    ] {
        events.push(Event::Ended { end, at });
    }
    events
}

/// What happens to a run as a whole, but its end.
fn about_runs(instance: &InstancePath, at: Time) -> Vec<Event> {
    let from = ForkedFrom { run: "r0".into(), at: Some(instance.clone()), reused: 2, set: vec!["sort".into()] };
    vec![
        Event::Started {
            app: "triage".into(),
            release: "0f".into(),
            input: Arc::new(json!({"text": "hi"})),
            at,
            by: Some("ann".into()),
            flags: BTreeMap::from([("fast".to_owned(), json!(true))]),
            dry_run: true,
            forked_from: Some(Box::new(from)),
        },
        Event::Resumed { at, crashes: 0 },
        Event::Resumed { at, crashes: 2 },
        Event::LetGo { at },
        Event::SetAside { crashes: 3, at },
        Event::Migrated { release: "1f".into(), by: Some("ann".into()), at },
    ]
}
