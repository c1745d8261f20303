//! A person's decision before a call. Each one is on record under a name of its own, so that several in a row are all
//! remembered when the node is called again.

use serde_json::{Value, json};
use uzel_core::{
    event::{Answer, Question, Resolution, Time, Wait},
    failure::Failure,
    node::{Call, Outcome},
};

use super::{talk::Wanted, tools::Item};
use crate::local;

/// What the node was told by the wait that it was called again for.
pub(super) struct Decisions {
    /// Until it is on record.
    given: Option<Value>,
}

/// What was decided.
pub(super) enum Decision {
    /// The call may be made, with these arguments.
    Approved { arguments: Value, by: String },
    /// It may not.
    Rejected { note: Option<String>, by: String },
    /// Nobody decided before the agent's time was over.
    TooLate,
}

impl Decisions {
    pub(super) fn of(call: &Call) -> Self {
        let given = match &call.resolution {
            Some(Resolution::Answered(answer)) => serde_json::to_value(answer).ok(),
            Some(Resolution::Due(at)) => Some(json!({ "due": at })),
            Some(Resolution::Called { .. }) | None => None,
        };
        Self { given }
    }

    /// The decision about this call; `None` if a person must be asked first.
    pub(super) async fn about(
        &mut self,
        call: &Call,
        item: &Item,
        wanted: &Wanted,
        arguments: &Value,
    ) -> Result<Option<Decision>, Failure> {
        let name = format!("approve:{}#{}", item.tool.name, wanted.number);
        let value = match call.recorded(&name) {
            Some(recorded) => {
                let value = recorded?;
                // After a crash the node is called with a decision that it took before: it is not about the next call.
                self.given.take_if(|given| *given == *value);
                value
            }
            None => match self.given.take() {
                // The first call without a decision is the one that was asked about.
                Some(given) => local::note(call, &name, |_| given.clone()).await?,
                None => return Ok(None),
            },
        };
        let Ok(answer) = serde_json::from_value::<Answer>(Value::clone(&value)) else {
            return Ok(Some(Decision::TooLate));
        };
        Ok(Some(decided(answer, item, arguments)))
    }
}

fn decided(answer: Answer, item: &Item, arguments: &Value) -> Decision {
    let Answer { action, mut form, by, .. } = answer;
    let (_, note) = form_of(item);
    let fields = form.as_object_mut();
    let note = fields.and_then(|fields| fields.shift_remove(&note));
    if action != "approve" {
        let note = note.as_ref().and_then(Value::as_str).map(str::to_owned).filter(|note| !note.trim().is_empty());
        return Decision::Rejected { note, by };
    }
    let is_whole = item.tool.ports.params.json().get("properties").is_some();
    Decision::Approved { arguments: if is_whole { form } else { arguments.clone() }, by }
}

/// The form: the tool's parameters, which begin with what the model wrote, and a note. Gives the note's name too.
fn form_of(item: &Item) -> (Value, String) {
    let mut form = Value::clone(item.tool.ports.params.json());
    if form.get("properties").is_none() {
        form = json!({ "type": "object", "properties": {} });
    }
    let mut note = "note".to_owned();
    while form["properties"].get(&note).is_some() {
        note.push('_');
    }
    let about = "Told to the model when the call is rejected.";
    form["properties"][&note] = json!({ "type": ["string", "null"], "description": about });
    (form, note)
}

/// Asks a person about a call.
pub(super) fn ask(
    call: &Call,
    item: &Item,
    wanted: &Wanted,
    arguments: Value,
    said: &str,
    due: Option<Time>,
) -> Outcome {
    let tool = &item.tool.name;
    let mut show = json!({
        "tool": tool, "call": wanted.number, "description": item.tool.ports.description, "arguments": arguments,
    });
    if !said.trim().is_empty() {
        show["said"] = said.into();
    }
    Outcome::Wait(Wait::Answer(Box::new(Question {
        title: format!("May `{}` call `{tool}`?", call.instance),
        show,
        form: form_of(item).0,
        defaults: arguments,
        actions: vec!["approve".to_owned(), "reject".to_owned()],
        assign: Value::Null,
        due,
        on_timeout: None,
        about: None,
    })))
}
