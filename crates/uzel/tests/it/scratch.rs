//! A scratch folder with apps, and commands in it whose output is made comparable. Used by every test here.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use expect_test::Expect;
use tempfile::TempDir;

/// A folder that goes away with the test.
pub(crate) struct Scratch {
    dir: TempDir,
}

impl Scratch {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let scratch = Self { dir: TempDir::new().unwrap() };
        for (path, text) in files {
            scratch.write(path, text);
        }
        scratch
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The binary, in this folder, with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uzel"));
        command.args(arguments).current_dir(self.path()).env_clear().env("USER", "tester");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that must end well.
    pub(crate) fn fine(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Compares what a command gives with a snapshot.
    pub(crate) fn check(&self, arguments: &[&str], expected: Expect) {
        expected.assert_eq(&self.shown(&self.output(arguments)));
    }

    /// Exit code, standard output and standard error; what differs each time is replaced.
    pub(crate) fn shown(&self, output: &Output) -> String {
        let mut text = format!("exit {}\n", output.status.code().unwrap_or(-1));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                let _ = write!(text, "--- {name}\n{}", self.comparable(&String::from_utf8_lossy(bytes)));
            }
        }
        text
    }

    /// A text without what differs each time: times, dates, the folder.
    pub(crate) fn comparable(&self, text: &str) -> String {
        let dir = self.path().canonicalize().unwrap();
        let text = text.replace(env!("CARGO_BIN_EXE_uzel"), "uzel").replace(&dir.display().to_string(), "[DIR]");
        let text = text.replace(&self.path().display().to_string(), "[DIR]");
        let mut out: String = text.lines().map(|line| without_times(line) + "\n").collect();
        if !text.ends_with('\n') {
            out.push_str("(no newline)\n");
        }
        out
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn example(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
    }
}

/// Lengths of time, rates and dates differ each time; the column after them moves.
fn without_times(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let fresh = !out.ends_with(|c: char| c.is_alphanumeric() || "-./".contains(c));
        let number: usize = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').map(char::len_utf8).sum();
        let after = &rest[number..];
        // Sizes of records move with every field that an event gets.
        let unit = [" ms", " s", " min", "/s", " B", " kB"]
            .into_iter()
            .find(|unit| after.strip_prefix(unit).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)));
        if fresh && rest.get(10..11) == Some(" ") && rest.get(19..23) == Some(" UTC") {
            out.push_str("[DATE]");
            rest = &rest[23..];
        } else if fresh && number == 13 && rest.bytes().take(13).all(|b| b.is_ascii_digit()) {
            // Milliseconds since 1970.
            out.push_str("[MS]");
            rest = after;
        } else if let (true, true, Some(unit)) = (fresh, number > 0, unit) {
            out.push_str(if unit.ends_with('B') { "[SIZE]" } else { "[T]" });
            rest = &after[unit.len()..];
        } else if rest.starts_with("  ") && !out.trim().is_empty() {
            // Columns after a time move with its width, and so do their heads.
            out.push_str("  ");
            rest = rest.trim_start_matches(' ');
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Sorts a message; a person looks at what is urgent. Built-in model, no network.
pub(crate) const DESK: &str = r#"version: 1
name: desk
inputs: { message: string, urgent: { type: boolean, default: false } }
models: { fast: { use: offline } }
flags: { polite: { type: boolean, default: true } }
nodes:
  screen:
    kind: guard
    text: "${{ input.message }}"
    checks: [{ length: { min: 1, max: 200 }, on_failure: closed }]
    on_block: { stop: "${{ 'Please write' if flags.polite else 'Write' }} something, but not a novel." }
  sort:
    kind: llm
    model: fast
    prompt: "What is this about? {{ screen.text }}"
    output: { topic: { enum: { billing: "invoice, payment, price or money", other: "anything else" } } }
  look:
    kind: human
    when: input.urgent
    title: "Look at this ${{ sort.topic }} message?"
    show: { message: "${{ screen.text }}" }
    form: { note: { type: string, default: "none" }, stars: integer | null }
    actions: [done, drop]
output:
  topic: "${{ sort.topic }}"
  note: "${{ look.form.note if look else none }}"
"#;
