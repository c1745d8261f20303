//! Formatting: the layout of `uzel fmt`, as an edit of what is open.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{DESK, Editor};

/// The edits that are answered, made in the text.
fn formatted(editor: &mut Editor, file: &str, text: &str) -> Option<(String, usize)> {
    let params =
        json!({ "textDocument": { "uri": editor.uri(file) }, "options": { "tabSize": 8, "insertSpaces": false } });
    let said = editor.ask("textDocument/formatting", &params);
    let edits = said["result"].as_array()?.clone();
    assert!(edits.len() <= 1, "{said}");
    let Some(edit) = edits.first() else { return Some((text.to_owned(), 0)) };
    let at = |place: &Value| {
        let line = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        // Whole lines, or up to the end of a text whose last line is not ended.
        assert!(place["character"] == 0 || text.split_inclusive('\n').nth(line + 1).is_none(), "{said}");
        if place["character"] == 0 { start } else { text.len() }
    };
    let (start, end) = (at(&edit["range"]["start"]), at(&edit["range"]["end"]));
    let new = edit["newText"].as_str().unwrap();
    Some((format!("{}{new}{}", &text[..start], &text[end..]), end - start))
}

/// What the command makes of it.
fn by_command(editor: &Editor, text: &str) -> String {
    use std::io::Write as _;
    let mut child =
        editor.scratch.command(&["fmt", "--stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_document_is_put_into_the_layout_of_fmt() {
    let mut editor = Editor::open(&[("app.yaml", DESK), ("app.prod.yaml", "limits: {cost_usd: 1}\n")]);
    let text = DESK.replace("kind: llm", "kind:   llm   # łódź 🚣");
    assert_ne!(text, DESK);
    for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{feff}{text}"), text.trim_end().to_owned()] {
        editor.show("app.yaml", &text);
        let (result, _) = formatted(&mut editor, "app.yaml", &text).expect("it can be parsed");
        assert_eq!(result, by_command(&editor, &text), "{text:?}");
        // What is in the layout needs no edit.
        editor.change("app.yaml", &result);
        assert_eq!(formatted(&mut editor, "app.yaml", &result), Some((result.clone(), 0)));
    }
    // Only the lines that change are in the edit.
    let whole = by_command(&editor, &text);
    let line = "name: desk";
    assert!(whole.contains(line), "{whole}");
    let one = whole.replace(line, "name:    desk");
    editor.change("app.yaml", &one);
    assert_eq!(formatted(&mut editor, "app.yaml", &one), Some((whole, "name:    desk\n".len())));
    assert_eq!(editor.leave(), 0);
}

#[test]
fn what_cannot_be_parsed_or_is_no_app_is_left_as_it_is() {
    let mut editor = Editor::open(&[("app.yaml", DESK)]);
    for text in [
        "version: 1\nnodes:\n  a: { kind: human\n",
        "version: 1\n\tnodes: {}\n",
        "nodes: \"\n",
        "a: b: c\nversion: 1\n",
    ] {
        editor.show("app.yaml", text);
        assert_eq!(formatted(&mut editor, "app.yaml", text), None, "{text:?}");
    }
    // Mistakes that are none of the syntax keep nobody from formatting.
    let text = "version:   1\nnodes: { a: { kind: nonsense } }\n";
    editor.show("app.yaml", text);
    assert!(formatted(&mut editor, "app.yaml", text).is_some_and(|(result, _)| result.starts_with("version: 1\n")));
    for (file, text) in [("other.yaml", "a:   1\n"), ("prompts/note.md", "a:   {{ input.message }}\n")] {
        editor.show(file, text);
        assert_eq!(formatted(&mut editor, file, text), None, "{file}");
    }
    let nowhere = json!({ "textDocument": { "uri": "untitled:Untitled-1" }, "options": {} });
    assert_eq!(editor.ask("textDocument/formatting", &nowhere)["result"], Value::Null);
    assert_eq!(editor.leave(), 0);
}
