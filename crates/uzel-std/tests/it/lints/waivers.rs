//! Waivers in the file, and levels that the caller sets.

use uzel_core::{
    check::{Choices, Level, Levels, Reading},
    diagnostic::Code,
};

use super::{check, lines};

const NODE: &str = "inputs: { m: string }\nmodels: { fast: { use: openai/gpt-5-mini } }\nnodes:\n  \
                    a: { kind: llm, model: fast, prompt: \"{{ input.m }}\"";

fn on(day: Option<&str>, app: &str) -> Reading {
    let today = day.map(|day| day.parse().expect("a day"));
    check(app, &Choices { today, ..Choices::default() })
}

fn in_node(waiver: &str) -> String {
    format!("{NODE}, waive: [{waiver}] }}\n")
}

fn in_app(waiver: &str) -> String {
    format!("{NODE} }}\nwaive: [{waiver}]\n")
}

const GOOD: &str = "{ code: UZ3006, reason: Nobody waits., until: 2027-01-31 }";

#[test]
fn a_waiver_holds_in_its_node_and_in_the_app() {
    for app in [in_node(GOOD), in_app(GOOD)] {
        for day in [None, Some("2026-06-01"), Some("2027-01-31")] {
            let reading = on(day, &app);
            assert_eq!(lines(&reading), "", "{app}");
            let [waived] = reading.waived.as_slice() else { panic!("{:?}", reading.waived) };
            assert_eq!((waived.diagnostic.code, waived.reason.as_str()), (Code::NO_TIMEOUT, "Nobody waits."));
            assert_eq!(waived.until.to_string(), "2027-01-31");
        }
    }
    // The nearest one is used, and the other is left over.
    let both = format!("{NODE}, waive: [{GOOD}] }}\nwaive: [{GOOD}]\n");
    assert_eq!(lines(&on(None, &both)), "UZ3021 6 UZ3006 is waived, and `check` does not find it in this app\n");
    // Another node's does not count.
    let other = format!("{NODE} }}\n  b: {{ kind: human, title: \"${{{{ a.text }}}}\", waive: [{GOOD}] }}\n");
    let text = lines(&on(None, &other));
    assert!(text.contains("UZ3006") && text.contains("UZ3021 6 UZ3006 is waived"), "{text}");
}

#[test]
fn after_its_day_it_is_an_error() {
    let reading = on(Some("2027-02-01"), &in_node(GOOD));
    let text = lines(&reading);
    assert!(
        text.contains("UZ3006 3 ") && text.contains("UZ3020 5 the waiver of UZ3006 held until 2027-01-31"),
        "{text}"
    );
    assert!(reading.graph.is_none() && reading.waived.is_empty());
    // What is not there any more need not be decided again.
    let app = in_node(GOOD).replace("openai/gpt-5-mini }", "offline }");
    assert!(lines(&on(Some("2027-02-01"), &app)).starts_with("UZ3021 5 "));
}

#[test]
fn waivers_of_nothing_are_told_only_if_everything_was_looked_at() {
    let offline = in_node(GOOD).replace("openai/gpt-5-mini }", "offline }");
    assert_eq!(lines(&on(None, &offline)), "UZ3021 5 UZ3006 is waived, and `check` does not find it in this node\n");
    // Another model was chosen from outside.
    let chosen = Choices { models: [("*".to_owned(), "offline".to_owned())].into(), ..Choices::default() };
    assert_eq!(lines(&check(&in_node(GOOD), &chosen)), "");
    // Nobody asked what is new.
    let flag = in_app(&format!("{GOOD}, {{ code: UZ3012, reason: All of it is new., until: 2027-01-31 }}"));
    assert_eq!(lines(&on(None, &flag)), "");
    // What is wrong elsewhere may be why.
    let wrong = offline.replace("input.m }}", "input.x }}");
    assert!(!lines(&on(None, &wrong)).contains("UZ3021"));
}

#[test]
fn waivers_that_cannot_hold() {
    for (waiver, wanted) in [
        ("{ code: UZ2004, reason: Later., until: 2027-01-31 }", "UZ3022 6 UZ2004 cannot be waived: it is an error"),
        ("{ code: UZ3005, reason: Later., until: 2027-01-31 }", "UZ3022 6 UZ3005 cannot be waived: it is an error"),
        (
            "{ code: UZ2007, reason: Later., until: 2027-01-31 }",
            "UZ3022 6 UZ2007 cannot be waived: it is no warning about reliability",
        ),
        ("{ code: UZ9999, reason: Later., until: 2027-01-31 }", "UZ3022 6 there is no code `UZ9999`"),
        ("{ code: UZ3006, reason: \" \", until: 2027-01-31 }", "UZ3022 6 the waiver gives no reason"),
        ("{ code: UZ3006, reason: Later., until: soon }", "UZ3022 6 `soon` is not a day; write it like `2027-01-31`"),
        (
            "{ code: UZ3006, reason: Later., until: 2027-02-30 }",
            "UZ3022 6 there is no day `2027-02-30` in the calendar",
        ),
        ("{ code: UZ3006, until: 2027-01-31 }", "UZ1002 6 "),
        ("{ code: UZ3006, reason: Later. }", "UZ1002 6 "),
        ("{ code: UZ3006, reason: Later., until: 2027-01-31, why: x }", "UZ1001 6 "),
        ("UZ3006", "UZ1003 6 "),
    ] {
        let reading = on(None, &in_app(waiver));
        let text = lines(&reading);
        assert!(text.contains(wanted), "{waiver}: {text}");
        assert!(reading.graph.is_none(), "{waiver}");
    }
}

#[test]
fn levels_change_warnings_and_nothing_else() {
    let app = format!("{NODE} }}\n");
    let with = |codes: &[(Code, Level)], deny_warnings| {
        let levels = Levels { codes: codes.iter().copied().collect(), deny_warnings };
        check(&app, &Choices { levels, ..Choices::default() })
    };
    assert!(with(&[], false).graph.is_some());
    assert!(with(&[(Code::NO_TIMEOUT, Level::Deny)], false).graph.is_none());
    assert!(with(&[(Code::NO_BACKOFF, Level::Deny)], false).graph.is_some());
    assert!(with(&[], true).graph.is_none());
    let allowed = with(&[(Code::NO_TIMEOUT, Level::Allow)], true);
    assert!(allowed.graph.is_some() && allowed.diagnostics.is_empty());
    // An error stays one.
    let wrong = app.replace("input.m }}", "input.x }}");
    let levels = Levels { codes: [(Code::UNKNOWN_FIELD, Level::Allow)].into(), deny_warnings: false };
    assert!(check(&wrong, &Choices { levels, ..Choices::default() }).graph.is_none());
    // What the file accepts is not a warning any more.
    let levels = Levels { deny_warnings: true, ..Levels::default() };
    assert!(check(&in_node(GOOD), &Choices { levels, ..Choices::default() }).graph.is_some());
}
