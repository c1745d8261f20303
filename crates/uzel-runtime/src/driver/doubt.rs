//! Effects that were being done when a process died and must not be done twice: a probe tells whether they were, or a
//! person does. Called by the host before such an effect is done.

use std::sync::Arc;

use serde_json::{Value, json};
use uzel_core::{
    capability::tool::EffectClass,
    event::{DONE, EffectMeta, EffectName, Event, NOT_DONE, Question, Stored, Time},
    failure::{Failure, FailureClass},
    hash,
    node::{Doubt, Effect, Recorded, Spent, Verdict},
};

use super::{Message, host::Host};

impl Host {
    /// What an effect gave that was begun before; `None` if it was not done and may be done now. While nobody knows, its
    /// node waits for a person, and this is an error that ends the node's call.
    pub(super) async fn reconcile(
        &self,
        name: &EffectName,
        effect: &Effect<'_>,
        begun: Time,
    ) -> Result<Option<Recorded>, Failure> {
        let why = match effect.doubt {
            Some(doubt) => match self.probe(name, effect, doubt).await {
                Ok((Verdict::Done(value), meta)) => return self.found(name, effect, value, meta).await.map(Some),
                // Nothing is put on record: another crash before the effect's intent leaves the same to find out.
                Ok((Verdict::NotDone, _)) => return Ok(None),
                Ok((Verdict::Unknown, _)) if doubt.probe().is_none() => None,
                Ok((Verdict::Unknown, _)) => Some("the probe cannot tell".to_owned()),
                Err(failure) if failure.class == FailureClass::Cancelled => return Err(failure),
                Err(failure) => Some(format!("the probe failed: {failure}")),
            },
            None => None,
        };
        let question = Box::new(question(name, effect.doubt, begun, why));
        let message = Message::Doubt { instance: self.instance.clone(), question };
        let stopped = FailureClass::Cancelled;
        self.sender.send(message).await.map_err(|_| Failure::new(stopped, "the run is being stopped"))?;
        Err(Failure::new(stopped, format!("a person must say first whether `{name}` was done")))
    }

    /// Asks the probe, through all layers, with the key of the effect in doubt.
    async fn probe(
        &self,
        name: &EffectName,
        effect: &Effect<'_>,
        doubt: &dyn Doubt,
    ) -> Result<(Verdict, EffectMeta), Failure> {
        let Some((endpoint, work)) = doubt.probe() else { return Ok((Verdict::Unknown, EffectMeta::default())) };
        let asking = Effect {
            name: effect.name,
            class: EffectClass::Read,
            endpoints: std::slice::from_ref(endpoint),
            reserve: Spent::default(),
            until: effect.until,
            doubt: None,
        };
        let (answer, meta) = self.through_layers(name, &asking, self.until(effect.until), work).await?;
        let key = hash::effect_key(self.run.as_str(), name.as_str());
        Ok((doubt.verdict(&answer?, &key)?, meta))
    }

    /// Puts on record what an effect gave that was done before.
    async fn found(
        &self,
        name: &EffectName,
        effect: &Effect<'_>,
        value: Value,
        meta: EffectMeta,
    ) -> Result<Recorded, Failure> {
        let value = Arc::new(value);
        let result = Ok(Stored::Here(Arc::clone(&value)));
        self.durable(Event::EffectReturned { effect: name.clone(), class: effect.class, result, meta }).await?;
        Ok(Recorded { effect: name.clone(), value })
    }
}

/// What a person is asked.
fn question(name: &EffectName, doubt: Option<&dyn Doubt>, begun: Time, why: Option<String>) -> Question {
    let mut show = json!({ "effect": name, "begun": begun });
    if let Value::Object(more) = doubt.map(Doubt::show).unwrap_or_default() {
        show.as_object_mut().into_iter().for_each(|show| show.extend(more.clone()));
    }
    if let Some(why) = why {
        show["probe"] = why.into();
    }
    let gives = doubt.map_or_else(|| json!({}), Doubt::gives);
    Question {
        title: format!("Was `{name}` done?"),
        show,
        form: json!({
            "type": "object",
            "properties": { "result": gives, "note": { "type": ["string", "null"] } },
            "additionalProperties": false,
        }),
        defaults: Value::Null,
        actions: vec![DONE.to_owned(), NOT_DONE.to_owned()],
        assign: Value::Null,
        due: None,
        on_timeout: None,
        about: Some(name.clone()),
    }
}
