//! The book of semantics is true: every case of `docs/semantics` is played.

use std::path::Path;

use uzel_testkit::book::{Report, play, play_page};

#[test]
fn the_book_of_semantics_is_true() {
    let report = play(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/semantics"));
    let problems = report.problems.join("\n\n");
    assert!(report.problems.is_empty(), "{} of {} runs:\n\n{problems}", report.problems.len(), report.runs);
    assert!(report.cases >= 120, "the book has {} cases", report.cases);
}

/// A book that says what is not so is found out, whatever it says.
#[test]
fn what_is_not_so_is_found() {
    let page = |expect: &str| {
        let app = "nodes:\n  a: { kind: probe, on_error: skip }\n  b: { kind: probe, needs: [a], with: 1 }\n";
        format!("# One\n```yaml\n{app}```\n```script\na fails\n```\n```expect\n{expect}\n```\n")
    };
    let problems = |expect: &str| {
        let mut report = Report::default();
        play_page("page.md", &page(expect), &mut report);
        report.problems.len()
    };
    assert_eq!(problems("a failed\nb ok 1\nrun gives { b: 1 }\nrun calls a, b"), 0);
    for wrong in [
        "a failed",
        "a ok\nb ok",
        "a failed\nb ok 2",
        "a failed\nb ok\nc ok",
        "a failed\nb ok\nrun gives { b: 2 }",
        "a failed\nb ok\nrun calls b, a",
        "a failed\nb ok\nrun fails at a",
        "a failed\nb ok\nrun goes on",
        "a failed\nb ok\nrun waits",
        "a failed\nb ok\ncheck refuses UZ1004",
        "a failed\nb sleeps",
    ] {
        assert!(problems(wrong) > 0, "{wrong}");
    }
}
