//! The tool calls of one turn of the model: reads at the same time, others in order, each as an effect of its own.

use futures_util::future::join_all;
use serde_json::Value;
use uzel_core::{
    capability::tool::EffectClass,
    failure::{Failure, FailureClass},
    node::{Call, Until},
};

use super::{
    Looper, Turn,
    approval::{self, Decision, Decisions},
    talk::{Talk, Told, Wanted},
    tools::Item,
};
use crate::tool::{Calling, fit};

/// More calls in one turn are not made.
const MOST_CALLS: usize = 64;

/// A call that is to be made, or what the model is told instead.
struct Planned<'a> {
    wanted: Wanted,
    plan: Result<(&'a Item, Value), String>,
}

impl Planned<'_> {
    /// Whether it may be made while others are: it changes nothing, and nobody must be asked.
    fn is_free(&self) -> bool {
        self.plan.as_ref().map_or(true, |(item, _)| item.tool.ports.class == EffectClass::Read && !item.is_asked)
    }
}

impl Looper {
    /// Makes the calls of a turn, and tells the model what came of them.
    pub(super) async fn turn(
        &self,
        call: &Call,
        talk: &mut Talk,
        wanted: Vec<Wanted>,
        decisions: &mut Decisions,
        until: Option<Until<'_>>,
    ) -> Result<Turn, Failure> {
        let planned = self.plan(wanted);
        let count = planned.iter().filter(|planned| planned.plan.is_ok()).count() as u32;
        if talk.made + count > self.bounds.tool_calls {
            return Ok(Turn::Reached("tool_calls"));
        }
        talk.made += count;
        let said = talk.messages.last().map(|message| message.content.clone()).unwrap_or_default();
        let mut left = planned.into_iter().peekable();
        while let Some(first) = left.next() {
            if first.is_free() {
                let mut group = vec![first];
                while let Some(next) = left.next_if(Planned::is_free) {
                    group.push(next);
                }
                for told in join_all(group.into_iter().map(|planned| self.make(call, planned, until))).await {
                    talk.tell(told?);
                }
                continue;
            }
            let Planned { wanted, plan } = first;
            let (item, arguments) = match plan {
                // In a dry run nobody is asked about what is left out.
                Ok((item, arguments)) if item.is_asked && !is_left_out(call, item) => (item, arguments),
                plan => {
                    talk.tell(self.make(call, Planned { wanted, plan }, until).await?);
                    continue;
                }
            };
            match decisions.about(call, item, &wanted, &arguments).await? {
                None => {
                    let due = until.map(|until| until.at);
                    return Ok(Turn::Waits(approval::ask(call, item, &wanted, arguments, &said, due)));
                }
                Some(Decision::TooLate) => return Ok(Turn::Reached("duration")),
                Some(decision) => talk.tell(self.decided(call, wanted, item, arguments, decision, until).await?),
            }
        }
        Ok(Turn::Done)
    }

    fn plan(&self, wanted: Vec<Wanted>) -> Vec<Planned<'_>> {
        let plan = |(index, wanted): (usize, Wanted)| {
            let plan = if index < MOST_CALLS {
                self.tools.find(&wanted.call)
            } else {
                Err(format!("at most {MOST_CALLS} tools can be called at once"))
            };
            Planned { wanted, plan }
        };
        wanted.into_iter().enumerate().map(plan).collect()
    }

    /// Does what a person decided.
    async fn decided(
        &self,
        call: &Call,
        wanted: Wanted,
        item: &Item,
        proposed: Value,
        decision: Decision,
        until: Option<Until<'_>>,
    ) -> Result<Told, Failure> {
        match decision {
            Decision::Approved { arguments, by } => {
                let plan = fit(&item.tool, arguments)
                    .map(|arguments| (item, arguments))
                    .map_err(|violations| format!("the arguments do not fit: {}", violations.join("; ")));
                let mut told = self.make(call, Planned { wanted, plan }, until).await?;
                if told.arguments != proposed {
                    told.note = Some(format!("A person changed the arguments to {}.", told.arguments));
                }
                Ok(Told { by: Some(by), ..told })
            }
            Decision::Rejected { note, by } => {
                let note = note.map(|note| format!(": {note}")).unwrap_or_default();
                let result = Err(format!("a person rejected this call{note}"));
                Ok(Told { wanted, arguments: proposed, result, by: Some(by), note: None })
            }
            Decision::TooLate => Err(Failure::new(FailureClass::Bug, "a decision that came too late was used")),
        }
    }

    /// Makes one call, unless there is something else to tell.
    async fn make(&self, call: &Call, planned: Planned<'_>, until: Option<Until<'_>>) -> Result<Told, Failure> {
        let Planned { wanted, plan } = planned;
        let (item, arguments) = match plan {
            Ok(plan) => plan,
            Err(error) => {
                let arguments = wanted.call.arguments.clone();
                return Ok(Told { wanted, arguments, result: Err(error), by: None, note: None });
            }
        };
        if is_left_out(call, item) {
            let result = Err(format!("left out: this is a dry run, and `{}` writes", item.tool.name));
            return Ok(Told { wanted, arguments, result, by: None, note: None });
        }
        let (tool, class) = (&item.tool, item.tool.ports.class);
        let work = Calling { tool, arguments };
        let result = match work.perform(call, &format!("tool:{}#{}", tool.name, wanted.number), until).await {
            Ok(recorded) => Ok(Value::clone(&recorded.value)),
            Err(failure) if may_go_on(class, &failure) => Err(failure.to_string()),
            Err(failure) => return Err(failure.because(format!("`{}` was called by the model", tool.name))),
        };
        Ok(Told { wanted, arguments: work.arguments, result, by: None, note: None })
    }
}

fn is_left_out(call: &Call, item: &Item) -> bool {
    call.dry_run && item.tool.ports.class.is_write()
}

/// Whether the model may be told of a failure and go on. Told of a payment that timed out it would pay again, under
/// another name: what may have been done, and must not be done twice, ends the agent.
fn may_go_on(class: EffectClass, failure: &Failure) -> bool {
    use FailureClass::{Auth, Bug, Cancelled, Connect, Invalid, RateLimit, Refused};
    match (class, failure.class) {
        (_, Cancelled | Bug) => false,
        (EffectClass::Read | EffectClass::Idempotent, _) => true,
        // The other side said no. Of what must not be repeated, only what never arrived is tried again.
        (_, Invalid | Auth | Refused | RateLimit) => failure.should_retry != Some(false),
        (EffectClass::Once, Connect) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_that_are_sure_let_the_model_go_on() {
        let of = |class, failure| may_go_on(class, &Failure::new(failure, "no"));
        assert!(of(EffectClass::Read, FailureClass::Timeout));
        assert!(of(EffectClass::Keyed, FailureClass::Invalid));
        assert!(of(EffectClass::Once, FailureClass::Connect));
        // An earlier try of the same call may have arrived.
        assert!(!of(EffectClass::Keyed, FailureClass::Connect));
        assert!(!of(EffectClass::Keyed, FailureClass::Timeout));
        assert!(!of(EffectClass::Once, FailureClass::ServerError));
        assert!(!of(EffectClass::Read, FailureClass::Cancelled));
        let doubt = Failure { should_retry: Some(false), ..Failure::new(FailureClass::Invalid, "perhaps") };
        assert!(!may_go_on(EffectClass::Once, &doubt));
    }
}
