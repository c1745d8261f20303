//! A run without an engine: commands are answered by a script, and the states of all nodes are looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use uzel_core::{
    check::{Choices, read},
    event::{Answer, End, Event, InstancePath, Question, Resolution, RunId, Stored, Time, Wait},
    failure::{Failure, FailureClass},
    graph::Graph,
    run::{Command, Run},
};

/// How a node's call ends.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Value(Value),
    Port(&'static str),
    Fails,
    Blocks,
    Waits,
}

pub(crate) type Script = BTreeMap<&'static str, Says>;

pub(crate) fn graph(text: &str) -> Arc<Graph> {
    let files = BTreeMap::from([("app.yaml".to_owned(), text.as_bytes().to_vec())]);
    let reading = read("app.yaml", &files, &uzel_testkit::lab::catalog(), &Choices::default());
    let problems: Vec<String> = reading.diagnostics.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
    reading.graph.unwrap_or_else(|| panic!("{problems:#?}"))
}

/// A run that was walked to where it ends or waits.
pub(crate) struct Walked {
    pub(crate) run: Run,
    /// Inputs of the calls, by node.
    pub(crate) called: BTreeMap<String, Value>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn walk(graph: &Arc<Graph>, input: Value, script: &Script) -> Walked {
    let mut walked =
        Walked { run: Run::new(RunId::from("r"), Arc::clone(graph)), called: BTreeMap::new(), events: vec![] };
    let start = Event::Started {
        app: graph.name.clone(),
        release: "0".into(),
        input: Arc::new(input),
        at: Time(0),
        by: None,
        flags: BTreeMap::new(),
        dry_run: false,
        forked_from: None,
    };
    walked.happens(start);
    walked.go_on(script);
    walked
}

impl Walked {
    fn happens(&mut self, event: Event) {
        self.run.apply(&event);
        self.events.push(event);
    }

    /// Answers commands, the last one first: no result may depend on the order.
    pub(crate) fn go_on(&mut self, script: &Script) {
        let mut calls = vec![];
        loop {
            calls.extend(self.run.next());
            let Some(command) = calls.pop() else { break };
            match command {
                Command::End(end) => return self.happens(Event::Ended { end, at: Time(9) }),
                Command::Cancel { instance, .. } => {
                    calls.retain(|call| !matches!(call, Command::Call { instance: other, .. } if *other == instance));
                }
                Command::Park { instance, after } => {
                    let wait = Wait::Until(Time(1).plus(after));
                    self.happens(Event::Waited { instance, wait, at: Time(1) });
                }
                Command::Fail { instance, failure } => {
                    self.happens(Event::Failed { instance, failure, started: Time(1), at: Time(2) });
                }
                Command::Call { instance, input, resolution, .. } => {
                    let node = instance.to_string();
                    if resolution.is_none() {
                        assert!(self.called.insert(node.clone(), Value::clone(&input)).is_none(), "`{node}` twice");
                    }
                    self.happens(result(instance, script.get(node.as_str()), resolution));
                }
            }
        }
    }

    /// A person answers.
    pub(crate) fn answer(&mut self, node: &str, action: &str, form: Value, script: &Script) {
        let answer = Answer { action: action.into(), form, by: "ann".into(), at: Time(5), digest: String::new() };
        self.happens(Event::Resolved { instance: node.into(), resolution: Resolution::Answered(answer) });
        self.go_on(script);
    }

    /// States in a line, in the order of the file: `a ok, b inactive`.
    pub(crate) fn states(&self) -> String {
        let state = |id: &String| self.run.state(&InstancePath::from(id.as_str())).unwrap().as_str();
        let all: Vec<String> = self.run.graph().nodes.keys().map(|id| format!("{id} {}", state(id))).collect();
        all.join(", ")
    }

    /// Nodes in this state.
    pub(crate) fn in_state(&self, state: &str) -> BTreeSet<String> {
        let is = |id: &&String| self.run.state(&InstancePath::from(id.as_str())).unwrap().as_str() == state;
        self.run.graph().nodes.keys().filter(is).cloned().collect()
    }

    pub(crate) fn output(&self) -> Value {
        match self.run.end() {
            Some(End::Succeeded(Stored::Here(value)) | End::Stopped { output: Stored::Here(value), .. }) => {
                Value::clone(value)
            }
            other => panic!("{other:?} {}", self.states()),
        }
    }
}

fn result(instance: InstancePath, says: Option<&Says>, resolution: Option<Resolution>) -> Event {
    let (started, at) = (Time(1), Time(2));
    if let Some(Resolution::Answered(answer)) = resolution {
        let value = json!({ "action": answer.action, "form": answer.form, "by": answer.by });
        return Event::Returned { instance, port: None, value: Stored::Here(Arc::new(value)), started, at };
    }
    let here = |value: &Value| Stored::Here(Arc::new(value.clone()));
    match says {
        None => Event::Returned { value: here(&json!(instance.as_str())), instance, port: None, started, at },
        Some(Says::Value(value)) => Event::Returned { instance, port: None, value: here(value), started, at },
        Some(Says::Port(port)) => {
            Event::Returned { instance, port: Some((*port).to_owned()), value: here(&json!(port)), started, at }
        }
        Some(Says::Fails) => {
            let failure = Failure::new(FailureClass::ServerError, "the script says so");
            Event::Failed { instance, failure, started, at }
        }
        Some(Says::Blocks) => {
            Event::Blocked { instance, reason: "the script says so".into(), value: here(&Value::Null), started, at }
        }
        Some(Says::Waits) => {
            let question = Question {
                title: "?".into(),
                show: Value::Null,
                form: Value::Null,
                defaults: Value::Null,
                actions: vec!["approve".into(), "reject".into(), "send".into()],
                assign: Value::Null,
                due: None,
                on_timeout: None,
                about: None,
            };
            Event::Waited { instance, wait: Wait::Answer(Box::new(question)), at }
        }
    }
}
