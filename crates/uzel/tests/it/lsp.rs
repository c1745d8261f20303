//! The language server, as an editor speaks with it: the real binary over pipes.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use expect_test::expect;
use serde_json::{Value, json};

use crate::scratch::{DESK, Scratch};

mod layout;
mod nasty;

/// An editor with a folder.
pub(crate) struct Editor {
    pub(crate) scratch: Scratch,
    child: Child,
    output: BufReader<ChildStdout>,
    next: i64,
    /// What came while something else was waited for.
    told: Vec<Value>,
}

impl Editor {
    /// Starts the server; nothing has been said yet.
    pub(crate) fn start(files: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new(files);
        let command = scratch.command(&["lsp"]);
        Self::with(scratch, command)
    }

    /// Starts a server.
    pub(crate) fn with(scratch: Scratch, mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { scratch, child, output, next: 1, told: vec![] }
    }

    /// Starts the server and introduces itself.
    pub(crate) fn open(files: &[(&str, &str)]) -> Self {
        let mut editor = Self::start(files);
        editor.introduce(&json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } }));
        editor
    }

    pub(crate) fn introduce(&mut self, capabilities: &Value) -> Value {
        let said = self.ask("initialize", &json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        self.tell("initialized", &json!({}));
        said["result"].clone()
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub(crate) fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and gives its response.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.answer(&json!(id))
    }

    /// The response to a request; what comes before it is kept.
    pub(crate) fn answer(&mut self, id: &Value) -> Value {
        let is = |message: &Value| message.get("method").is_none() && message["id"] == *id;
        if let Some(at) = self.told.iter().position(is) {
            return self.told.remove(at);
        }
        loop {
            let message = self.read().expect("the server went away");
            if is(&message) {
                return message;
            }
            self.told.push(message);
        }
    }

    pub(crate) fn read(&mut self) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                _ => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        Some(serde_json::from_slice(&body).unwrap())
    }

    pub(crate) fn uri(&self, file: &str) -> String {
        format!("file://{}", self.scratch.path().join(file).display())
    }

    pub(crate) fn show(&mut self, file: &str, text: &str) {
        let document = json!({ "uri": self.uri(file), "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// The whole text becomes another one.
    pub(crate) fn change(&mut self, file: &str, text: &str) {
        let params =
            json!({ "textDocument": { "uri": self.uri(file), "version": 2 }, "contentChanges": [{ "text": text }] });
        self.tell("textDocument/didChange", &params);
    }

    /// A part of the text, which stands in it once, becomes another.
    pub(crate) fn edit(&mut self, file: &str, text: &mut String, old: &str, new: &str) {
        let start = text.find(old).unwrap();
        let range = json!({ "start": position(text, start), "end": position(text, start + old.len()) });
        let change = json!({ "range": range, "text": new });
        let params = json!({ "textDocument": { "uri": self.uri(file), "version": 2 }, "contentChanges": [change] });
        self.tell("textDocument/didChange", &params);
        text.replace_range(start..start + old.len(), new);
    }

    /// The next problems that are told of a file.
    pub(crate) fn problems(&mut self, file: &str) -> Vec<Value> {
        let uri = self.uri(file);
        let of = |message: &Value| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == json!(uri)
        };
        let message = match self.told.iter().position(of) {
            Some(at) => self.told.remove(at),
            None => loop {
                let message = self.read().expect("the server went away");
                if of(&message) {
                    break message;
                }
                self.told.push(message);
            },
        };
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Asks about the place of a text, which stands once in `text`, where `$0` is in it or else at its end.
    pub(crate) fn at(&mut self, method: &str, file: &str, text: &str, place: &str, more: Value) -> Value {
        let plain = place.replace("$0", "");
        assert_eq!(text.matches(&plain).count(), 1, "{plain}");
        let at = text.find(&plain).unwrap() + place.find("$0").unwrap_or(plain.len());
        let mut params = json!({ "textDocument": { "uri": self.uri(file) }, "position": position(text, at) });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.ask(method, &params)
    }

    /// Says goodbye; gives the exit code.
    pub(crate) fn leave(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", &Value::Null)["result"], Value::Null);
        self.tell("exit", &Value::Null);
        self.child.wait().unwrap().code().unwrap()
    }

    /// Goes away without a word; gives the exit code.
    pub(crate) fn vanish(mut self) -> i32 {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code().unwrap()
    }

    pub(crate) fn exit_code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// What is said, with the folder taken out.
    pub(crate) fn plain(&self, value: &Value) -> String {
        let text = serde_json::to_string_pretty(value).unwrap();
        text.replace(&format!("file://{}", self.scratch.path().display()), "[DIR]") + "\n"
    }
}

/// Lines and columns in units of UTF-16.
fn position(text: &str, at: usize) -> Value {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    json!({ "line": before.matches('\n').count(), "character": before[start..].encode_utf16().count() })
}

pub(crate) fn short(problems: &[Value]) -> Vec<String> {
    let line = |problem: &Value| {
        let message = problem["message"].as_str().unwrap().lines().next().unwrap();
        format!(
            "{}:{} {} {message}",
            problem["range"]["start"]["line"], problem["range"]["start"]["character"], problem["code"]
        )
    };
    problems.iter().map(line).collect()
}

pub(crate) fn labels(answer: &Value) -> Vec<&str> {
    answer["result"]["items"].as_array().into_iter().flatten().map(|item| item["label"].as_str().unwrap()).collect()
}

/// Every file below a folder.
fn files(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(path.clone(), fs::read(path).unwrap());
        }
    }
}

#[test]
fn a_conversation() {
    let mut editor = Editor::start(&[("app.yaml", DESK)]);
    let mut before = BTreeMap::new();
    files(editor.scratch.path(), &mut before);
    let said = editor.introduce(&json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } }));
    expect![[r#"
        {
          "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": {
              "openClose": true,
              "change": 2,
              "save": true
            },
            "hoverProvider": true,
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "documentSymbolProvider": true,
            "documentFormattingProvider": true,
            "completionProvider": {
              "triggerCharacters": [
                ".",
                "{",
                "[",
                " ",
                "|",
                "\""
              ]
            },
            "renameProvider": {
              "prepareProvider": true
            }
          },
          "serverInfo": {
            "name": "uzel",
            "version": "0.1.0"
          }
        }
    "#]]
    .assert_eq(&editor.plain(&said));
    // Opened with a mistake in it, which the file on disk does not have.
    let mut text = DESK.replace("title: \"Look at this ${{ sort.topic }}", "title: \"Look at this ${{ sort.topik }}");
    editor.show("app.yaml", &text);
    let problems = editor.problems("app.yaml");
    expect![[r#"
        [
          {
            "range": {
              "start": {
                "line": 19,
                "character": 34
              },
              "end": {
                "line": 19,
                "character": 39
              }
            },
            "severity": 1,
            "code": "UZ2004",
            "source": "uzel",
            "message": "`sort` has no field `topik`\nhelp: did you mean `topic`?\nmore: uzel explain UZ2004",
            "relatedInformation": [
              {
                "location": {
                  "uri": "[DIR]/app.yaml",
                  "range": {
                    "start": {
                      "line": 11,
                      "character": 2
                    },
                    "end": {
                      "line": 11,
                      "character": 6
                    }
                  }
                },
                "message": "`sort` returns these fields"
              }
            ]
          }
        ]
    "#]]
    .assert_eq(&editor.plain(&json!(problems)));
    let about = editor.at("textDocument/hover", "app.yaml", &text, "sort.top$0ik", json!({}));
    expect![[r#"
        **UZ2004**: a field that the value does not have

        The type of the value is known (from `inputs`, from a node's `output`, from what a kind gives) and it has no such field.
        Without this check the field would be empty at run time, and a prompt with a hole in it would go to the model.

        `uzel explain UZ2004` has an example."#]].assert_eq(about["result"]["contents"]["value"].as_str().unwrap());
    let offered = editor.at("textDocument/completion", "app.yaml", &text, "sort.top$0ik", json!({}));
    expect![[r#"
        {
          "isIncomplete": false,
          "items": [
            {
              "label": "topic",
              "kind": 5,
              "sortText": "00000",
              "textEdit": {
                "range": {
                  "start": {
                    "line": 19,
                    "character": 34
                  },
                  "end": {
                    "line": 19,
                    "character": 39
                  }
                },
                "newText": "topic"
              },
              "detail": "\"billing\" | \"other\""
            }
          ]
        }
    "#]]
    .assert_eq(&editor.plain(&offered["result"]));
    editor.edit("app.yaml", &mut text, "topik", "topic");
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    let about = editor.at("textDocument/hover", "app.yaml", &text, "this ${{ so$0rt.topic", json!({}));
    expect![[r#"
        ```text
        sort: {
          topic: "billing" | "other"
        }
        ```

        node of kind `llm`: asks a model

        declared in `app.yaml`, line 12"#]]
    .assert_eq(about["result"]["contents"]["value"].as_str().unwrap());
    let place = editor.at("textDocument/definition", "app.yaml", &text, "this ${{ so$0rt.topic", json!({}));
    expect![[r#"
        {
          "uri": "[DIR]/app.yaml",
          "range": {
            "start": {
              "line": 11,
              "character": 2
            },
            "end": {
              "line": 11,
              "character": 6
            }
          }
        }
    "#]]
    .assert_eq(&editor.plain(&place["result"]));
    let more = json!({ "context": { "includeDeclaration": true } });
    let places = editor.at("textDocument/references", "app.yaml", &text, "  so$0rt:", more);
    assert_eq!(places["result"].as_array().unwrap().len(), 3);
    let places = editor.at("textDocument/documentHighlight", "app.yaml", &text, "  so$0rt:", json!({}));
    assert_eq!(places["result"].as_array().unwrap().len(), 3);
    let uri = editor.uri("app.yaml");
    let outline = editor.ask("textDocument/documentSymbol", &json!({ "textDocument": { "uri": uri } }));
    let names = |symbols: &Value| -> Vec<String> {
        symbols.as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&outline["result"]), ["version", "name", "inputs", "models", "flags", "nodes", "output"]);
    assert_eq!(names(&outline["result"][5]["children"]), ["screen", "sort", "look"]);
    let asked = editor.at("textDocument/prepareRename", "app.yaml", &text, "  so$0rt:", json!({}));
    assert_eq!(asked["result"]["placeholder"], "sort");
    let edits = editor.at("textDocument/rename", "app.yaml", &text, "  so$0rt:", json!({ "newName": "classify" }));
    expect![[r#"
        {
          "changes": {
            "[DIR]/app.yaml": [
              {
                "range": {
                  "start": {
                    "line": 11,
                    "character": 2
                  },
                  "end": {
                    "line": 11,
                    "character": 6
                  }
                },
                "newText": "classify"
              },
              {
                "range": {
                  "start": {
                    "line": 19,
                    "character": 29
                  },
                  "end": {
                    "line": 19,
                    "character": 33
                  }
                },
                "newText": "classify"
              },
              {
                "range": {
                  "start": {
                    "line": 24,
                    "character": 14
                  },
                  "end": {
                    "line": 24,
                    "character": 18
                  }
                },
                "newText": "classify"
              }
            ]
          }
        }
    "#]]
    .assert_eq(&editor.plain(&edits["result"]));
    let refused = editor.at("textDocument/rename", "app.yaml", &text, "  so$0rt:", json!({ "newName": "look" }));
    expect![[r#"
        {
          "code": -32803,
          "message": "UZ6031: there is a node `look` already, in line 17 (choose another name)"
        }
    "#]]
    .assert_eq(&editor.plain(&refused["error"]));
    let refused = editor.at("textDocument/prepareRename", "app.yaml", &text, "name: de$0sk", json!({}));
    assert_eq!(refused["error"]["code"], -32803);
    let mut after = BTreeMap::new();
    files(editor.scratch.path(), &mut after);
    assert!(before == after, "something was written");
    assert_eq!(editor.leave(), 0);
}

/// The desk with its prompt in a file.
fn with_prompt() -> String {
    let line = |key: &str| DESK.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
    DESK.replace(line("prompt:"), "    prompt: prompts/sort.md")
}

#[test]
fn a_prompt_is_checked_as_it_stands_in_the_editor() {
    let app = with_prompt();
    let mut editor = Editor::open(&[("app.yaml", &app), ("prompts/sort.md", "About? {{ screen.text }}")]);
    // Only the prompt is open: its app is found above it.
    let mut prompt = "About? {{ screen.txt }}".to_owned();
    editor.show("prompts/sort.md", &prompt);
    assert_eq!(short(&editor.problems("prompts/sort.md")), ["0:17 \"UZ2004\" `screen` has no field `txt`"]);
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    let offered = editor.at("textDocument/completion", "prompts/sort.md", &prompt, "screen.t$0xt", json!({}));
    assert_eq!(labels(&offered), ["text", "findings"]);
    editor.edit("prompts/sort.md", &mut prompt, "txt", "text");
    assert_eq!(editor.problems("prompts/sort.md"), Vec::<Value>::new());
    let place = editor.at("textDocument/definition", "prompts/sort.md", &prompt, "scr$0een", json!({}));
    assert_eq!(place["result"]["uri"], json!(editor.uri("app.yaml")));
    let edits =
        editor.at("textDocument/rename", "prompts/sort.md", &prompt, "scr$0een", json!({ "newName": "guarded" }));
    let changes = edits["result"]["changes"].as_object().unwrap();
    let counts: Vec<usize> = changes.values().map(|edits| edits.as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1], "{changes:?}");
    // The app is edited: the prompt's problems follow, though nothing is saved.
    editor.show("app.yaml", &app);
    editor.change("app.yaml", &app.replace("  screen:", "  shield:").replace("screen.text", "shield.text"));
    let problems = loop {
        let problems = editor.problems("prompts/sort.md");
        if !problems.is_empty() {
            break problems;
        }
    };
    assert_eq!(short(&problems), ["0:10 \"UZ1005\" there is no node `screen`"]);
    // Closed, the file on disk counts, which says the same; the app too, and it knows `screen`.
    let uri = editor.uri("app.yaml");
    editor.tell("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    while !editor.problems("prompts/sort.md").is_empty() {}
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_prompt_that_is_not_on_disk_yet() {
    let mut editor = Editor::open(&[("app.yaml", &with_prompt())]);
    editor.show("app.yaml", &with_prompt());
    let problems = short(&editor.problems("app.yaml"));
    assert!(problems.len() == 1 && problems[0].contains("`prompts/sort.md` cannot be read"), "{problems:?}");
    editor.show("prompts/sort.md", "About? {{ screen.text }}");
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_file_on_disk_that_changed() {
    let mut editor = Editor::open(&[("app.yaml", &with_prompt())]);
    editor.show("app.yaml", &with_prompt());
    assert_eq!(editor.problems("app.yaml").len(), 1);
    editor.scratch.write("prompts/sort.md", "About? {{ screen.text }}");
    let changes = json!({ "changes": [{ "uri": editor.uri("prompts/sort.md"), "type": 1 }] });
    editor.tell("workspace/didChangeWatchedFiles", &changes);
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    assert_eq!(editor.leave(), 0);
}

#[test]
fn columns_are_counted_as_the_client_wants() {
    let app = DESK.replace("Look at this ${{ sort.topic }} message?", "😀 ${{ sort.topik }}");
    for (encodings, positions, column) in
        [(json!(["utf-8", "utf-16"]), "utf-8", 26), (json!(["utf-16"]), "utf-16", 24), (json!(null), "utf-16", 24)]
    {
        let mut editor = Editor::start(&[]);
        let said = editor.introduce(&json!({ "general": { "positionEncodings": encodings } }));
        assert_eq!(said["capabilities"]["positionEncoding"], positions);
        editor.show("app.yaml", &app);
        assert_eq!(editor.problems("app.yaml")[0]["range"]["start"]["character"], column);
        assert_eq!(editor.leave(), 0);
    }
}

#[test]
fn a_file_that_cannot_be_parsed_is_known_from_before() {
    let mut editor = Editor::open(&[]);
    let mut text = DESK.to_owned();
    editor.show("app.yaml", &text);
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    editor.edit("app.yaml", &mut text, "name: desk\n", "name: [desk\n# more\n");
    assert_eq!(editor.problems("app.yaml").len(), 1);
    let place = editor.at("textDocument/definition", "app.yaml", &text, "this ${{ so$0rt.topic", json!({}));
    let line = text[..text.find("  sort:").unwrap()].matches('\n').count();
    assert_eq!(place["result"]["range"]["start"]["line"], line, "moved with the text");
    let about = editor.at("textDocument/hover", "app.yaml", &text, "kind: gua$0rd", json!({}));
    assert!(about["result"]["contents"]["value"].as_str().unwrap().contains("judges a text"), "{about}");
    let refused = editor.at("textDocument/rename", "app.yaml", &text, "  so$0rt:", json!({ "newName": "other" }));
    assert!(refused["error"]["message"].as_str().unwrap().contains("cannot be read as it is"), "{refused}");
    editor.edit("app.yaml", &mut text, "sort.topic }} message", "sort. }} message");
    let offered = editor.at("textDocument/completion", "app.yaml", &text, "sort.$0 }} message", json!({}));
    assert_eq!(labels(&offered), ["topic"]);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn other_documents_are_left_alone() {
    let mut editor = Editor::open(&[]);
    editor.show("compose.yaml", "services:\n  web: { image: x }\n");
    editor.show("notes.md", "{{ nothing }}");
    let uri = editor.uri("compose.yaml");
    let about = editor.ask(
        "textDocument/hover",
        &json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 1 } }),
    );
    assert_eq!(about["result"], Value::Null);
    let untitled = json!({ "uri": "untitled:Untitled-1", "languageId": "yaml", "version": 1, "text": DESK });
    editor.tell("textDocument/didOpen", &json!({ "textDocument": untitled }));
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_closed_app_has_no_problems() {
    let mut editor = Editor::open(&[]);
    editor.show("app.yaml", "version: 1\nnodes: 3\n");
    assert_eq!(editor.problems("app.yaml").len(), 1);
    let uri = editor.uri("app.yaml");
    editor.tell("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    assert_eq!(editor.leave(), 0);
}
