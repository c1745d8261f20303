//! What no editor should say, and what is answered.

use std::{io::Write, process::Stdio};

use expect_test::expect;
use serde_json::{Value, json};

use super::{DESK, Editor, Scratch, short};

#[test]
fn what_is_no_message_is_answered_and_the_next_is_heard() {
    let mut editor = Editor::open(&[]);
    for body in ["{]}", "", "[]", "3", "\u{feff}{}", "{\"id\": 1"] {
        editor.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        let said = editor.answer(&Value::Null);
        assert_eq!(said["error"]["code"], -32700, "{body:?}: {said}");
    }
    editor
        .bytes(b"Content-Length: 4\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n\xff\xfe\x00\x01");
    assert_eq!(editor.answer(&Value::Null)["error"]["code"], -32700);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn what_comes_at_the_wrong_time_is_refused() {
    let mut editor = Editor::start(&[]);
    assert_eq!(editor.ask("textDocument/hover", &json!({}))["error"]["code"], -32002);
    assert_eq!(editor.ask("shutdown", &json!({}))["error"]["code"], -32002);
    // Notifications that come too early are dropped.
    editor.show("app.yaml", "version: 1\n");
    editor.introduce(&json!({}));
    assert_eq!(editor.ask("initialize", &json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(editor.ask("shutdown", &Value::Null)["result"], Value::Null);
    assert_eq!(editor.ask("textDocument/hover", &json!({}))["error"]["code"], -32600);
    assert_eq!(editor.ask("shutdown", &Value::Null)["error"]["code"], -32600);
    editor.tell("exit", &Value::Null);
    assert_eq!(editor.exit_code(), 0);
}

#[test]
fn leaving_without_goodbye_is_told_by_the_exit_code() {
    let mut editor = Editor::open(&[]);
    editor.tell("exit", &Value::Null);
    assert_eq!(editor.exit_code(), 1);
    assert_eq!(Editor::open(&[]).vanish(), 1);
    let mut editor = Editor::open(&[]);
    assert_eq!(editor.ask("shutdown", &Value::Null)["result"], Value::Null);
    assert_eq!(editor.vanish(), 0);
}

#[test]
fn what_is_not_known_or_does_not_fit() {
    let mut editor = Editor::open(&[]);
    editor.show("app.yaml", DESK);
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    for method in ["textDocument/onTypeFormatting", "uzel/none", "", "$/something"] {
        assert_eq!(editor.ask(method, &json!({}))["error"]["code"], -32601, "{method}");
    }
    let uri = editor.uri("app.yaml");
    for method in ["hover", "definition", "references", "completion", "rename", "prepareRename", "documentHighlight"] {
        let method = format!("textDocument/{method}");
        for params in [
            json!(null),
            json!([]),
            json!({ "textDocument": 3 }),
            json!({ "textDocument": { "uri": uri } }),
            json!({ "textDocument": { "uri": uri }, "position": { "line": -1, "character": 0 } }),
        ] {
            assert_eq!(editor.ask(&method, &params)["error"]["code"], -32602, "{method} {params}");
        }
        // Places that are not there, documents that are not there.
        for (uri, line) in [(uri.as_str(), u32::MAX), ("file:///none.yaml", 0), ("untitled:a", 0), ("%", 0)] {
            let params = json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": u32::MAX } });
            let said = editor.ask(&method, &params);
            assert!(said.get("result").is_some() || said["error"]["code"] == -32803, "{method} {uri}: {said}");
        }
    }
    // Notifications that do not fit, and responses to nothing.
    for params in [json!(null), json!({}), json!({ "textDocument": { "uri": uri } })] {
        for method in ["didOpen", "didChange", "didClose", "didSave"] {
            if method != "didClose" || params.get("textDocument").is_none() {
                editor.tell(&format!("textDocument/{method}"), &params);
            }
        }
    }
    editor.tell(
        "textDocument/didChange",
        &json!({ "textDocument": { "uri": "file:///never-opened" }, "contentChanges": [{ "text": "" }] }),
    );
    editor.tell("no/such/notification", &json!(3));
    editor.send(&json!({ "jsonrpc": "2.0", "id": 99, "result": null }));
    editor.send(&json!({ "jsonrpc": "2.0", "id": "x", "error": { "code": 1, "message": "" } }));
    editor.send(&json!({ "jsonrpc": "2.0", "id": 98 }));
    assert_eq!(editor.answer(&json!(98))["error"]["code"], -32600);
    editor.send(&json!({ "jsonrpc": "2.0", "id": "text", "method": "shutdown" }));
    assert_eq!(editor.answer(&json!("text"))["result"], Value::Null);
}

#[test]
fn edits_that_lie_about_their_place() {
    let mut editor = Editor::open(&[]);
    editor.show("app.yaml", DESK);
    assert_eq!(editor.problems("app.yaml"), Vec::<Value>::new());
    let uri = editor.uri("app.yaml");
    let at = |line: u32, character: u32| json!({ "line": line, "character": character });
    for (start, end) in [(at(9, 9), at(0, 0)), (at(99, 99), at(9_999, 0)), (at(0, 99), at(1, 0))] {
        let change = json!({ "range": { "start": start, "end": end }, "text": "# 😀\n" });
        let params = json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": [change] });
        editor.tell("textDocument/didChange", &params);
    }
    editor.change("app.yaml", DESK);
    while !editor.problems("app.yaml").is_empty() {}
    assert_eq!(editor.leave(), 0);
}

#[test]
fn documents_that_are_too_much() {
    let mut editor = Editor::open(&[]);
    // Larger than an app may be.
    let large = format!("version: 1\nnodes: {{}}\n# {}", "x".repeat(11_000_000));
    editor.show("app.yaml", &large);
    let problems = short(&editor.problems("app.yaml"));
    assert!(problems.len() == 1 && problems[0].contains("UZ0002"), "{problems:?}");
    // Deeper, and with every sort of bracket open.
    for text in [
        "nodes: ".to_owned() + &"[".repeat(100_000),
        "nodes:\n  a: {{{{{{{{".to_owned(),
        "\u{0}\u{1}nodes: \t".to_owned(),
    ] {
        editor.change("app.yaml", &text);
        assert!(!editor.problems("app.yaml").is_empty());
        let uri = editor.uri("app.yaml");
        for character in [0, 3, 8, 20] {
            let params = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": character } });
            assert!(editor.ask("textDocument/completion", &params).get("result").is_some());
            assert!(editor.ask("textDocument/hover", &params).get("result").is_some());
        }
    }
    // A message that is longer than any is passed over.
    let length = 64_000_001;
    editor.bytes(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    let blank = vec![b' '; 1_000_000];
    for _ in 0..64 {
        editor.bytes(&blank);
    }
    editor.bytes(b" ");
    assert_eq!(editor.answer(&Value::Null)["error"]["code"], -32700);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_request_that_is_taken_back() {
    let mut editor = Editor::open(&[]);
    editor.show("app.yaml", DESK);
    // In one piece, so that the second is there when the first is looked at; either way both are answered.
    let request = |id: i64| json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/documentSymbol", "params": { "textDocument": { "uri": editor.uri("app.yaml") } } });
    let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": 502 } });
    let frame = |message: &Value| format!("Content-Length: {}\r\n\r\n{message}", message.to_string().len());
    let all = format!("{}{}{}", frame(&request(501)), frame(&request(502)), frame(&cancel));
    editor.bytes(all.as_bytes());
    assert!(editor.answer(&json!(501))["result"].is_array());
    let second = editor.answer(&json!(502));
    assert!(second["result"].is_array() || second["error"]["code"] == -32800, "{second}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn every_place_of_a_text_can_be_asked_about() {
    let mut editor = Editor::open(&[("app.yaml", DESK)]);
    // Cut off at each byte of a stretch that has a bit of everything, and asked at its end.
    let from = DESK.find("  sort:").unwrap();
    for end in from..DESK.find("  look:").unwrap() {
        let text = &DESK[..end];
        if end == from {
            editor.show("app.yaml", text);
        } else {
            editor.change("app.yaml", text);
        }
        let line = text.matches('\n').count();
        let character = text.len() - text.rfind('\n').map_or(0, |i| i + 1);
        let params = json!({ "textDocument": { "uri": editor.uri("app.yaml") }, "position": { "line": line, "character": character } });
        for method in ["textDocument/completion", "textDocument/hover", "textDocument/definition"] {
            let said = editor.ask(method, &params);
            assert!(said.get("result").is_some(), "{method} after {:?}: {said}", &text[from..]);
        }
    }
    assert_eq!(editor.leave(), 0);
}

#[test]
fn a_person_is_told_what_this_is() {
    let scratch = Scratch::new(&[]);
    let mut child = scratch.command(&["lsp"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    expect![[r#"
        exit 2
        --- stdout
        Content-Length: 84

        {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"`hello` is no header"}}
        (no newline)
        --- stderr
        error[UZ6030]: standard input does not speak the language server protocol: `hello` is no header
        hint: an editor starts this command; the guide says how to set one up
    "#]]
    .assert_eq(&scratch.shown(&output));
}
