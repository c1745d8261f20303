//! One graph, twice: as an app for the engine, and as a bare loop that does the same calls and the same durable append.
//!
//! A ticket is sorted by a model, a route follows the answer, three models are asked side by side, their answers are
//! joined, looked at by a guard and summed up by a model, and the result is appended to a file.

use std::{
    error::Error,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use uzel::{App, Failure, FailureClass};

/// An error that can be sent between threads.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What happens to one ticket.
pub enum Way {
    /// The engine.
    Uzel(App),
    /// No engine.
    Floor(Floor),
}

impl Way {
    /// Takes one ticket from its text to the appended line.
    pub async fn run(&self, number: u64) -> Result<(), Fault> {
        match self {
            Self::Uzel(app) => match app.run(json!({ "ticket": ticket(number) })).await?.why {
                None => Ok(()),
                Some(why) => Err(format!("a run did not succeed: {why}").into()),
            },
            Self::Floor(floor) => floor.run(number).await,
        }
    }
}

fn ticket(number: u64) -> String {
    format!(
        "Ticket {number}: since the update on day {} my device shows the code {} when I log in, and the last invoice of \
         {}.{:02} EUR was charged twice. I have restarted the device and set a new password. What is to be done next, \
         and when does the money come back?",
        number % 31 + 1,
        number % 53 + 400,
        number % 89 + 10,
        number % 100
    )
}

/// What each model is asked for.
const ASKED: [(&str, &str); 3] = [
    ("facts", "List the technical facts in the ticket."),
    ("cause", "Name the most likely cause."),
    ("reply", "Draft a reply to the customer."),
];
const SORT: &str = "Sort the ticket.";
const SUM_UP: &str = "Sum up for the support agent in two sentences.";

/// The app, as it would be written.
pub fn app(url: &str) -> String {
    let asked = ASKED.iter().fold(String::new(), |all, (name, prompt)| {
        all + &format!("  {name}: {{ kind: llm, model: fast, prompt: \"{prompt}\\n{{{{ input.ticket }}}}\" }}\n")
    });
    let names = ASKED.map(|(name, _)| name);
    let cases = ["billing", "technical", "account", "other"].map(|case| format!("{case}: [{}]", names.join(", ")));
    let values = names.map(|name| format!("\"${{{{ {name}.text }}}}\""));
    format!(
        "version: 1
name: tickets
inputs: {{ ticket: string }}
models: {{ fast: {{ use: openai-compatible/mock, base_url: \"{url}/v1\", timeout: 30s }} }}
nodes:
  classify:
    kind: llm
    model: fast
    prompt: \"{SORT}\\n{{{{ input.ticket }}}}\"
    output: {{ category: {{ enum: [billing, technical, account, other] }} }}
  pick:
    kind: route
    by: classify.category
    cases: {{ {} }}
{asked}  joined:
    kind: code
    run: builtin:concat
    with: {{ values: [\"category: ${{{{ classify.category }}}}\", {}], separator: \"\\n\" }}
  screen:
    kind: guard
    text: \"${{{{ joined }}}}\"
    checks:
      - {{ length: {{ max: 4000 }}, on_failure: closed }}
      - {{ pii: {{ redact: [card, email] }}, on_failure: closed }}
  summary: {{ kind: llm, model: fast, prompt: \"{SUM_UP}\\n{{{{ screen.text }}}}\" }}
  keep:
    kind: code
    run: rust:append
    with: {{ category: \"${{{{ classify.category }}}}\", summary: \"${{{{ summary.text }}}}\" }}
output: {{ summary: \"${{{{ summary.text }}}}\" }}
",
        cases.join(", "),
        values.join(", ")
    )
}

/// What is appended.
#[uzel::data]
pub struct Line {
    category: String,
    summary: String,
}

/// The engine, with its store in a folder.
pub fn uzel(url: &str, folder: &Path) -> Result<Way, Fault> {
    let path = folder.join("app.yaml");
    std::fs::write(&path, app(url))?;
    let results = Arc::new(Results::open(folder)?);
    let append = move |line: Line| {
        let results = Arc::clone(&results);
        async move {
            let kept = results.append(json!({ "category": line.category, "summary": line.summary })).await;
            kept.map_err(|why| Failure::new(FailureClass::Connect, why.to_string()))
        }
    };
    Ok(Way::Uzel(App::load(path).function("append", append).store(folder.join("store")).build()?))
}

/// A file of lines, each on the disk before its writer goes on. The kernel puts syncs that wait together.
struct Results(Mutex<File>);

impl Results {
    fn open(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join("results.jsonl");
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    async fn append(self: Arc<Self>, line: Value) -> Result<bool, Fault> {
        tokio::task::spawn_blocking(move || {
            let file = {
                let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(format!("{line}\n").as_bytes())?;
                file.try_clone()?
            };
            file.sync_data()
        })
        .await??;
        Ok(true)
    }
}

/// The bare loop.
pub struct Floor {
    client: reqwest::Client,
    url: String,
    results: Arc<Results>,
}

/// The bare loop, with its file in a folder.
pub fn floor(url: &str, folder: &Path) -> Result<Way, Fault> {
    // As the engine's client has it; the second of two in a process finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).tcp_nodelay(true).no_proxy().build()?;
    Ok(Way::Floor(Floor {
        client,
        url: format!("{url}/v1/chat/completions"),
        results: Arc::new(Results::open(folder)?),
    }))
}

impl Floor {
    async fn run(&self, number: u64) -> Result<(), Fault> {
        let ticket = ticket(number);
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["category"],
            "properties": { "category": { "enum": ["billing", "technical", "account", "other"] } },
        });
        let answer = self.ask(SORT, &ticket, Some(schema)).await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let category = answer["category"].as_str().unwrap_or_default();
        let ask = |at: usize| self.ask(ASKED[at].1, &ticket, None);
        let (facts, cause, reply) = tokio::try_join!(ask(0), ask(1), ask(2))?;
        let joined = format!("category: {category}\n{facts}\n{cause}\n{reply}");
        if joined.len() > 4000 || joined.contains('@') {
            return Err("the mock's answers pass the guard".into());
        }
        let summary = self.ask(SUM_UP, &joined, None).await?;
        Arc::clone(&self.results).append(json!({ "category": category, "summary": summary })).await?;
        Ok(())
    }

    async fn ask(&self, prompt: &str, text: &str, schema: Option<Value>) -> Result<String, Fault> {
        let mut body =
            json!({ "model": "mock", "messages": [{ "role": "user", "content": format!("{prompt}\n{text}") }] });
        if let Some(schema) = schema {
            let format = json!({ "name": "output", "schema": schema, "strict": true });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": format });
        }
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body.to_string());
        let mut response = request.send().await?.error_for_status()?;
        let mut bytes = vec![];
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        let answer: Value = serde_json::from_slice(&bytes)?;
        Ok(answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
    }
}
