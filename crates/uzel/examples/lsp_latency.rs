//! Prints how long an editor waits for the language server in an app of 300 lines: for problems after a letter was typed,
//! for what could stand there, for what something means. Fails when problems take longer than 20 ms; run it by hand.
//!
//! `cargo build --release -p uzel && cargo run --release -p uzel --example lsp_latency`
#![expect(clippy::disallowed_methods, reason = "it measures time")]
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Letters that are typed, one at a time.
const LETTERS: usize = 300;
/// What an editor may wait for problems, nineteen times of twenty.
const BOUND: Duration = Duration::from_millis(20);
/// Where the app would be; nothing is read from there.
const URI: &str = "file:///nowhere/app.yaml";

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
}

impl Server {
    /// The binary beside this example.
    fn start() -> Result<Self, Box<dyn Error>> {
        let here = std::env::current_exe()?;
        let folder = here.parent().and_then(|examples| examples.parent()).ok_or("no folder above")?;
        let program = folder.join(format!("uzel{}", std::env::consts::EXE_SUFFIX));
        let mut child = Command::new(&program)
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}; build it first", program.display()))?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output, next: 0 })
    }

    fn send(&mut self, message: &Value) -> std::io::Result<()> {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        self.input.flush()
    }

    fn tell(&mut self, method: &str, params: &Value) -> std::io::Result<()> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Box<dyn Error>> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        self.wait(|message| message["id"] == id)
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if self.output.read_line(&mut line)? == 0 {
                    return Err("the server went away".into());
                }
                match line.trim().split_once(": ") {
                    Some((_, value)) => length = value.parse()?,
                    None => break,
                }
            }
            let mut body = vec![0; length];
            self.output.read_exact(&mut body)?;
            let message: Value = serde_json::from_slice(&body)?;
            if wanted(&message) {
                return Ok(message);
            }
        }
    }
}

/// An app of 300 lines: nodes that refer to each other, a route for every ten, prompts of some lines.
fn app() -> String {
    let mut text = "version: 1\nname: large\ninputs: { message: string, urgent: boolean }\n\
                    models: { fast: { use: offline } }\nknowledge: { pages: { files: docs/*.md } }\nnodes:\n"
        .to_owned();
    let mut node = 0;
    while text.lines().count() < 292 {
        let before = if node == 0 { "input.message".to_owned() } else { format!("sort_{}.topic", node - 1) };
        let _ = writeln!(
            text,
            "  sort_{node}:\n    kind: llm\n    description: What is it about, the {node}th time?\n    model: fast\n    \
             timeout: 30s\n    prompt: |\n      What is this about? {{{{ {before} }}}}\n      {{% if input.urgent %}}It \
             cannot wait.{{% endif %}}\n    output:\n      topic: {{ enum: [billing, technical, other] }}\n      order: \
             string | null"
        );
        let _ = writeln!(
            text,
            "  ask_{node}:\n    kind: human\n    when: sort_{node}.topic == \"other\" and input.urgent\n    title: \"Look \
             at ${{{{ sort_{node}.topic }}}}?\"\n    show: {{ order: \"${{{{ sort_{node}.order or 'none' }}}}\" }}\n    \
             form: {{ note: string }}"
        );
        node += 1;
    }
    let _ = writeln!(text, "output:\n  last: \"${{{{ sort_{}.topic }}}}\"", node - 1);
    text
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut text = app();
    println!("{} lines, {} bytes", text.lines().count(), text.len());
    let mut server = Server::start()?;
    server.ask("initialize", &json!({ "capabilities": {} }))?;
    server.tell("initialized", &json!({}))?;
    let problems = |message: &Value| message["method"] == "textDocument/publishDiagnostics";
    let document = json!({ "uri": URI, "languageId": "yaml", "version": 0, "text": text });
    let begun = Instant::now();
    server.tell("textDocument/didOpen", &json!({ "textDocument": document }))?;
    let first = server.wait(problems)?;
    println!("opened in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    if let Some(wrong) =
        first["params"]["diagnostics"].as_array().and_then(|list| list.iter().find(|d| d["severity"] == 1))
    {
        return Err(format!("the app has a mistake: {wrong}").into());
    }
    let (mut typed, mut offered, mut meant) = (vec![], vec![], vec![]);
    // Somebody types a word into the title in the middle, letter by letter, and takes it out again.
    let line = text.lines().enumerate().skip(140).find(|(_, line)| line.contains("title:")).map_or(0, |(at, _)| at);
    let start: usize = text.lines().take(line).map(|line| line.len() + 1).sum();
    let inside = text[start..].find("${{ ").ok_or("no expression")? + 4;
    for letter in 0..LETTERS {
        let erase = letter % 2 == 1;
        let at = |character: usize| json!({ "line": line, "character": character });
        let (end, new) = if erase { (inside + 1, "") } else { (inside, "x") };
        let change = json!({ "range": { "start": at(inside), "end": at(end) }, "text": new });
        text.replace_range(start + inside..start + end, new);
        let params = json!({ "textDocument": { "uri": URI, "version": letter + 1 }, "contentChanges": [change] });
        let begun = Instant::now();
        server.tell("textDocument/didChange", &params)?;
        server.wait(problems)?;
        typed.push(begun.elapsed());
        if letter % 10 == 9 {
            let here = json!({ "textDocument": { "uri": URI }, "position": at(inside + 2) });
            let begun = Instant::now();
            server.ask("textDocument/completion", &here)?;
            offered.push(begun.elapsed());
            let begun = Instant::now();
            server.ask("textDocument/hover", &here)?;
            meant.push(begun.elapsed());
        }
    }
    let slow = report("problems after a letter", typed);
    report("completion", offered);
    report("hover", meant);
    server.ask("shutdown", &Value::Null)?;
    server.tell("exit", &Value::Null)?;
    server.child.wait()?;
    if slow > BOUND {
        println!("slower than {} ms", BOUND.as_millis());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what was measured; gives what nineteen of twenty are below.
fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).or(times.last()).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{what:<24} median {:>6.2} ms, 95% {:>6.2} ms, longest {:>6.2} ms",
        ms(at(0.5)),
        ms(at(0.95)),
        ms(at(1.0))
    );
    at(0.95)
}
