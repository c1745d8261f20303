//! What an answer or a call from outside records, if it may: pure, and the same whether somebody drives the run or not.

use serde_json::Value;
use uzel_core::{
    event::{Answer, Event, InstancePath, Resolution, Time, Wait},
    run::Run,
    schema::Schema,
    store::{Status, Task},
};

use super::{Error, Given};

/// What is sent is at most so large as JSON.
const LARGEST: usize = 1024 * 1024;

/// A person's answer to the question that an instance waits with, and the question's row once it is answered.
pub(crate) fn answered(run: &Run, instance: &InstancePath, given: Given, at: Time) -> Result<(Event, Task), Error> {
    let Some(mut row) = run.task(instance) else {
        let closed = match run.status(false) {
            Status::Running | Status::Waiting => "nobody waits for it any more".to_owned(),
            status => format!("the run is {}", status.as_str()),
        };
        return Err(Error::TaskClosed { task: format!("{}/{instance}", run.id()), closed });
    };
    if let Some(expected) = given.digest.filter(|digest| *digest != row.digest) {
        return Err(Error::TaskChanged { task: row.id, expected, found: row.digest });
    }
    let form = row.question.accept(&given.action, &given.form).map_err(Error::BadAnswer)?;
    let answer = Answer { action: given.action, form, by: given.by, at, digest: row.digest.clone() };
    row.closed = Some(format!("{} by {}", answer.action, answer.by));
    let resolution = Resolution::Answered(answer);
    Ok((Event::Resolved { instance: instance.clone(), resolution }, row))
}

/// A call from outside with this token, and what it sends with defaults filled in. Whether there ever was such a wait is
/// not known here: the log says.
pub(crate) fn called(run: &Run, token: &str, mut value: Value, at: Time) -> Result<(Event, Value), Error> {
    let open = run.waits().find_map(|(instance, wait, _)| match wait {
        Wait::Callback { token: open, due, payload } if open == token => Some((instance, *due, payload)),
        _ => None,
    });
    // A run that has ended waits for nothing, whatever its nodes were doing.
    let Some((instance, due, payload)) = open.filter(|_| run.end().is_none()) else {
        return Err(Error::UnknownCallback { name: token.to_owned() });
    };
    if due.is_some_and(|due| due <= at) {
        let name = format!("{}/{instance}", run.id());
        return Err(Error::CallbackClosed { name, closed: "its time is up".to_owned() });
    }
    accept(payload, &mut value).map_err(Error::BadPayload)?;
    Ok((Event::Resolved { instance, resolution: Resolution::Called { value: value.clone(), at } }, value))
}

/// Fills defaults in; everything that does not fit, in words.
fn accept(payload: &Value, value: &mut Value) -> Result<(), Vec<String>> {
    let size = value.to_string().len();
    if size > LARGEST {
        return Err(vec![format!("it is {size} bytes long; at most {LARGEST} are taken")]);
    }
    if payload.is_null() {
        return Ok(());
    }
    let schema = Schema::from_json_schema(payload.clone())
        .map_err(|cause| vec![format!("the payload's schema cannot be read: {cause}")])?;
    schema.fill_defaults(value);
    schema.check(value).map_err(|violations| violations.into_iter().map(|violation| violation.message).collect())
}
