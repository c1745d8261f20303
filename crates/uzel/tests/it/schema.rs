//! The JSON Schema of the app file, as an editor uses it: good apps fit, misspelt ones do not, and every key says what
//! it is.

use std::fs;

use jsonschema::Validator;
use serde_json::Value;
use uzel_core::{diagnostic::Diagnostics, source::Sources, yaml};

use crate::scratch::{DESK, Scratch};

/// What `uzel schema` prints.
pub(crate) fn printed() -> String {
    Scratch::new(&[]).fine(&["schema"])
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&printed()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The document as an editor sees it: aliases and merge keys done.
fn document(text: &str) -> Value {
    let mut out = Diagnostics::default();
    let source = Sources::default().add_text("app.yaml", text);
    let tree = yaml::parse(source, text, &mut out);
    assert!(!out.has_errors(), "{out:?}");
    tree.unwrap().to_json()
}

/// What does not fit: the place and the sentence.
fn problems(validator: &Validator, text: &str) -> Vec<String> {
    let document = document(text);
    validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn good_apps_fit() {
    let validator = validator();
    let mut apps = vec![("the desk".to_owned(), DESK.to_owned())];
    for kind in uzel_std::catalog().kinds {
        apps.extend(kind.examples.iter().map(|example| (format!("kind {}", kind.name), example.app.to_owned())));
    }
    for folder in fs::read_dir(Scratch::example("")).unwrap() {
        let path = folder.unwrap().path().join("app.yaml");
        if path.is_file() {
            apps.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
        }
    }
    assert!(apps.len() > 8, "examples are missing");
    for (name, text) in apps {
        assert_eq!(problems(&validator, &text), Vec::<String>::new(), "{name}");
    }
}

/// Each is DESK with one thing changed; the place is where an editor draws its line.
const WRONG: &[(&str, &str, &str)] = &[
    ("name: desk", "nmae: desk", ""),
    ("version: 1", "version: 2", "/version"),
    ("inputs: {", "input: {", ""),
    ("use: offline", "use: oflfine", "/models/fast/use"),
    ("use: offline", "uses: offline", "/models/fast"),
    ("use: offline", "use: offline, temprature: 1", "/models/fast"),
    ("use: offline", "use: offline, timeout: 30", "/models/fast/timeout"),
    ("kind: guard", "kind: gard", "/nodes/screen/kind"),
    ("kind: guard", "kinds: guard", "/nodes/screen"),
    ("length:", "lenght:", "/nodes/screen/checks/0"),
    ("max: 200", "mx: 200", "/nodes/screen/checks/0/length"),
    (", on_failure: closed", "", "/nodes/screen/checks/0"),
    ("on_failure: closed", "on_failure: close", "/nodes/screen/checks/0/on_failure"),
    ("stop: \"${{", "stp: \"${{", "/nodes/screen/on_block"),
    ("    model: fast\n", "", "/nodes/sort"),
    ("    model: fast\n", "    model: fast\n    promt: hello\n", "/nodes/sort"),
    ("    model: fast\n", "    model: fast\n    temperature: hot\n", "/nodes/sort/temperature"),
    ("    model: fast\n", "    model: fast\n    retry: { max: 2, backof: fixed }\n", "/nodes/sort/retry"),
    ("    model: fast\n", "    model: fast\n    retry: { errors: [time_out] }\n", "/nodes/sort/retry"),
    ("    model: fast\n", "    model: fast\n    on_error: skp\n", "/nodes/sort/on_error"),
    ("actions: [done, drop]", "action: [done, drop]", "/nodes/look"),
    ("actions: [done, drop]", "actions: done", "/nodes/look/actions"),
    ("actions: [done, drop]", "timeout: 5 minutes", "/nodes/look/timeout"),
];

#[test]
fn what_is_misspelt_does_not_fit() {
    let validator = validator();
    for (right, wrong, place) in WRONG {
        assert!(DESK.contains(right), "{right}");
        let found = problems(&validator, &DESK.replacen(right, wrong, 1));
        assert!(!found.is_empty(), "`{wrong}` fits");
        // One mistake must not light up the whole file.
        let elsewhere = |problem: &&String| !problem.starts_with(&format!("{place}: "));
        let others: Vec<&String> = found.iter().filter(elsewhere).collect();
        assert!(others.len() < found.len() && others.is_empty(), "`{wrong}`: expected at {place}, found {found:?}");
    }
}

#[test]
fn keys_for_other_programs_fit_wherever_the_reader_takes_them() {
    let validator = validator();
    let text = DESK
        .replacen("name: desk", "name: desk\nx-team: support", 1)
        .replacen("use: offline", "use: offline, x-why: cheap", 1)
        .replacen("    model: fast\n", "    model: fast\n    x-owner: ann\n    retry: { max: 2, x-since: may }\n", 1);
    assert_eq!(problems(&validator, &text), Vec::<String>::new());
    Scratch::new(&[("app.yaml", &text)]).fine(&["check"]);
}

#[test]
fn every_key_and_every_choice_says_what_it_is() {
    let schema: Value = serde_json::from_str(&printed()).unwrap();
    let mut mute = vec![];
    let mut keys = 0;
    listen(&schema, "", &mut keys, &mut mute);
    assert_eq!(mute, Vec::<String>::new());
    assert!(keys > 100, "only {keys} keys were looked at");
}

/// Gathers keys without a description, and lists of choices that are not described.
fn listen(schema: &Value, at: &str, keys: &mut usize, mute: &mut Vec<String>) {
    let described = |schema: &Value| schema["description"].as_str().is_some_and(|text| !text.trim().is_empty());
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        *keys += 1;
        // Under `if` a key is compared, not offered.
        if !at.ends_with("/if") && !described(property) {
            mute.push(format!("{at}/{key}"));
        }
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        mute.extend(
            choices
                .iter()
                .filter(|choice| choice["const"].is_string() && !described(choice))
                .map(|choice| format!("{at}: {}", choice["const"])),
        );
    }
    match schema {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| listen(value, &format!("{at}/{key}"), keys, mute));
        }
        Value::Array(items) => items.iter().for_each(|value| listen(value, at, keys, mute)),
        _ => {}
    }
}

#[test]
fn references_have_definitions_and_definitions_references() {
    let text = printed();
    let schema: Value = serde_json::from_str(&text).unwrap();
    for name in schema["$defs"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("\"#/$defs/{name}\"")), "`{name}` is not used");
    }
    for target in text.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schema["$defs"].get(target).is_some(), "`{target}` is not defined");
    }
}

#[test]
fn the_file_is_written_where_it_is_wanted() {
    let scratch = Scratch::new(&[]);
    assert_eq!(scratch.fine(&["schema", "--output", "a/b/schema.json"]), "");
    assert_eq!(scratch.read("a/b/schema.json"), printed());
}
