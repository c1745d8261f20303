//! The conversation of an agent so far, and what came of it. Made again from records each time the node is called.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uzel_core::{
    capability::model::{ChatReply, Message, Role, ToolCall},
    node::Spent,
};

/// Of each result the model sees so many bytes.
const MOST_SHOWN: usize = 16_000;

/// The conversation.
pub(super) struct Talk {
    /// What is sent to the model.
    pub(super) messages: Vec<Message>,
    /// The node's `steps`.
    pub(super) steps: Vec<Value>,
    /// How often the model was asked.
    pub(super) turns: u32,
    /// Calls that count.
    pub(super) made: u32,
    /// Tokens and money so far.
    pub(super) used: Spent,
    /// Calls that the model asked for, of any sort.
    numbered: u32,
    ids: BTreeSet<String>,
}

/// A call that the model asks for, with its number in the agent. Numbers follow the model's own order.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) number: u32,
    pub(super) call: ToolCall,
}

/// What a call came to.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) wanted: Wanted,
    /// As they were used.
    pub(super) arguments: Value,
    pub(super) result: Result<Value, String>,
    /// Who approved or rejected it.
    pub(super) by: Option<String>,
    /// What the model is told before the result.
    pub(super) note: Option<String>,
}

impl Talk {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        Self {
            messages,
            steps: vec![],
            turns: 0,
            made: 0,
            used: Spent::default(),
            numbered: 0,
            ids: BTreeSet::new(),
        }
    }

    /// Takes the model's reply into the conversation; gives the calls that it asks for.
    pub(super) fn take(&mut self, reply: ChatReply) -> Vec<Wanted> {
        let mut wanted = vec![];
        for mut call in reply.tool_calls {
            self.numbered += 1;
            let number = self.numbered;
            // Results are told apart by these ids, which some servers leave out or use again.
            if call.id.is_empty() || !self.ids.insert(call.id.clone()) {
                call.id = format!("call_{number}_{}", self.turns);
                self.ids.insert(call.id.clone());
            }
            wanted.push(Wanted { number, call });
        }
        let tool_calls = wanted.iter().map(|wanted| wanted.call.clone()).collect();
        self.messages.push(Message { tool_calls, ..Message::new(Role::Assistant, reply.text) });
        wanted
    }

    /// Tells the model what a call came to.
    pub(super) fn tell(&mut self, told: Told) {
        let Told { wanted: Wanted { number, call }, arguments, result, by, note } = told;
        let mut text = note.map(|note| note + "\n").unwrap_or_default();
        match &result {
            Ok(value) => text.push_str(&shown(value)),
            Err(error) => text.push_str(&format!("Error: {error}")),
        }
        self.result(call.id, text);
        let (result, error) = result.map_or_else(|error| (Value::Null, Some(error)), |value| (value, None));
        self.steps.push(json!({
            "step": self.turns, "call": number, "tool": call.name, "arguments": arguments, "result": result,
            "error": error, "by": by,
        }));
    }

    fn result(&mut self, id: String, text: String) {
        self.messages.push(Message { tool_call_id: Some(id), ..Message::new(Role::Tool, text) });
    }

    /// Gives a result to calls that have none: no provider takes a conversation in which one is open.
    pub(super) fn close(&mut self, why: &str) {
        let answered: BTreeSet<String> =
            self.messages.iter().filter_map(|message| message.tool_call_id.clone()).collect();
        let open: Vec<String> = self
            .messages
            .iter()
            .flat_map(|message| message.tool_calls.iter().map(|call| call.id.clone()))
            .filter(|id| !answered.contains(id))
            .collect();
        for id in open {
            self.result(id, format!("Error: {why}"));
        }
    }

    /// How far it came, for failures.
    pub(super) fn progress(&self) -> String {
        let plural = |n: u32, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        format!("{} and {} were made", plural(self.turns, "step"), plural(self.made, "tool call"))
    }
}

/// A result as the model sees it.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.len() <= MOST_SHOWN {
        return text;
    }
    let start = &text[..text.floor_char_boundary(MOST_SHOWN)];
    format!("{start}\n[cut off: this was the start of {} bytes]", text.len())
}

#[cfg(test)]
mod tests {
    use uzel_core::capability::model::{Finish, Usage};

    use super::*;

    fn reply(calls: &[&str]) -> ChatReply {
        let call = |id: &&str| ToolCall { id: (*id).to_owned(), name: "find".to_owned(), arguments: json!({}) };
        ChatReply {
            text: String::new(),
            tool_calls: calls.iter().map(call).collect(),
            model: "m".to_owned(),
            usage: Usage::default(),
            finish: Finish::ToolCalls,
            sources: vec![],
        }
    }

    #[test]
    fn ids_that_are_missing_or_used_again_are_replaced() {
        let mut talk = Talk::new(vec![]);
        talk.turns = 1;
        let ids = |wanted: &[Wanted]| wanted.iter().map(|w| (w.number, w.call.id.clone())).collect::<Vec<_>>();
        let first = talk.take(reply(&["a", "", "a"]));
        assert_eq!(ids(&first), [(1, "a".to_owned()), (2, "call_2_1".to_owned()), (3, "call_3_1".to_owned())]);
        talk.turns = 2;
        assert_eq!(ids(&talk.take(reply(&["a", "b"]))), [(4, "call_4_2".to_owned()), (5, "b".to_owned())]);
    }

    #[test]
    fn calls_without_a_result_get_one() {
        let mut talk = Talk::new(vec![]);
        let mut wanted = talk.take(reply(&["a", "b"])).into_iter();
        let wanted = wanted.next().expect("a call");
        talk.tell(Told { wanted, arguments: json!({}), result: Ok(json!("x")), by: None, note: None });
        talk.close("too late");
        let results: Vec<_> =
            talk.messages.iter().filter_map(|m| Some((m.tool_call_id.as_deref()?, m.content.as_str()))).collect();
        assert_eq!(results, [("a", "x"), ("b", "Error: too late")]);
    }

    #[test]
    fn long_results_are_cut_for_the_model_only() {
        let mut talk = Talk::new(vec![]);
        let wanted = talk.take(reply(&["a"])).pop().expect("a call");
        let long = "ä".repeat(20_000);
        talk.tell(Told { wanted, arguments: json!({}), result: Ok(json!(long)), by: None, note: None });
        let shown = &talk.messages[1].content;
        assert!(shown.len() < 16_100 && shown.ends_with("[cut off: this was the start of 40000 bytes]"), "{shown}");
        assert_eq!(talk.steps[0]["result"], json!(long));
    }
}
