//! The pages of what expressions can do and of diagnostics. Called by the test of generated files.

use uzel_core::{
    diagnostic::{Code, Severity},
    expr::table::{FILTERS, FUNCTIONS, Operation, TESTS},
};

use super::pages::NOTE;

pub(super) fn expressions() -> String {
    let mut page = format!(
        "# Filters, tests and functions\n\n{NOTE}\n\n\
         What [expressions](../book/src/expressions.md) can use. An argument with `?` may be left out; one that is \
         *named* is written `name=value`. Each example runs as a test.\n"
    );
    let part =
        |page: &mut String, title: &str, about: &str, list: &[Operation], heading: &dyn Fn(&Operation) -> String| {
            page.push_str(&format!("\n## {title}\n\n{about}\n"));
            for operation in list.iter().filter(|operation| operation.alias.is_none()) {
                let others = list.iter().filter(|other| other.alias == Some(operation.name));
                let others: Vec<String> = others.map(|other| format!("`{}`", other.name)).collect();
                let others =
                    if others.is_empty() { String::new() } else { format!(" Also written {}.", others.join(", ")) };
                let (source, value) = operation.example;
                page.push_str(&format!(
                    "\n### {}\n\n{}\n\n{}{others}\n\n```jinja\n{{{{ {source} }}}} {{# {value} #}}\n```\n",
                    operation.name,
                    heading(operation),
                    operation.about,
                ));
            }
        };
    let filter = |operation: &Operation| {
        format!("`{}` takes: {} · gives: {}", operation.signature(), operation.takes.words(), operation.gives.words())
    };
    part(&mut page, "Filters", "Written `value | filter` or `value | filter(arguments)`.", FILTERS, &filter);
    let about = "Written `value is test`, `value is not test` or `value is test(argument)`. `select` and its like name \
                 them: `select(\"odd\")`.";
    part(&mut page, "Tests", about, TESTS, &|operation| format!("`{}`", operation.signature()));
    let function = |operation: &Operation| format!("`{}` gives: {}", operation.signature(), operation.gives.words());
    let about = "In a `for` of a template there are also `loop.cycle(…)` and `loop.changed(…)`.";
    part(&mut page, "Functions", about, FUNCTIONS, &function);
    page
}

/// First digit of codes, and what they are about.
const RANGES: [(char, &str); 7] = [
    ('0', "Text and YAML"),
    ('1', "Names and shape"),
    ('2', "Types and expressions"),
    ('3', "Policy and limits"),
    ('4', "Kinds of nodes"),
    ('5', "Before a run"),
    ('6', "Runs"),
];

pub(super) fn diagnostics() -> String {
    let mut page = format!(
        "# Diagnostics\n\n{NOTE}\n\n\
         Everything that `uzel check` and the other commands can report, with a page for each. `uzel explain UZ2004` \
         shows the same page in a terminal. Errors keep an app from running; warnings and notes do not. A code is for \
         ever.\n"
    );
    for (digit, about) in RANGES {
        let codes: Vec<_> = Code::ALL.iter().filter(|(code, ..)| code.as_str().chars().nth(2) == Some(digit)).collect();
        if codes.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {about}\n\n| code | severity | what |\n| --- | --- | --- |\n"));
        for (code, severity, title) in codes {
            let severity = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            page.push_str(&format!("| [{code}](../errors/{code}.md) | {severity} | {title} |\n"));
        }
    }
    let listed = page.matches("](../errors/").count();
    assert_eq!(listed, Code::ALL.len(), "every code is in a range");
    page
}
