//! Rules about what the text of a file may say. Called through `tidy::RULES`.

use super::files::{is_test, is_word, numbered, word_at};
use super::{Problem, Repo};

/// Files in which a note to oneself would be work left undone, not prose about such notes.
const CODE: &[&str] = &["rs", "js", "css", "html", "py", "sh", "sql", "toml", "yaml", "yml"];
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// Hosts that hand out packages: how a machine reaches them is its owner's setting. Written in two parts, so that this
/// file passes its own rule.
const HOSTS: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
];
/// Words that mean one author's desk: nothing a reader of the repository could find.
const DESK: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("../sha", "red"), concat!("this ", "session"), concat!("work", "place")];

/// A note to come back says why it is not done now.
pub(crate) fn reasons_for_todos(repo: &Repo, problems: &mut Vec<Problem>) {
    for extension in CODE {
        for (path, text) in repo.with_extension(extension) {
            for (at, line) in numbered(text) {
                for note in NOTES {
                    let reasonless = |_: &str, after: &str| {
                        let reason = after.strip_prefix('(').and_then(|rest| rest.split(')').next());
                        reason.is_none_or(|reason| reason.trim().is_empty())
                    };
                    if word_at(line, note, reasonless) {
                        let remedy = format!("write `{note}(why it is not done now)`, or do it");
                        problems.push(Problem::error(path, at, format!("{note} without a reason"), remedy));
                    }
                }
            }
        }
    }
}

/// No file names a package host or a place that only its author has.
pub(crate) fn foreign_places(repo: &Repo, problems: &mut Vec<Problem>) {
    // Cargo writes lock files, and they name the host.
    for (path, text) in repo.iter().filter(|(path, _)| !path.ends_with("Cargo.lock")) {
        for (at, line) in numbered(text) {
            let line = line.to_lowercase();
            for host in HOSTS {
                if line.contains(host) {
                    let remedy = "name the package, not the host; where packages come from is each machine's setting";
                    problems.push(Problem::error(path, at, format!("names `{host}`"), remedy));
                }
            }
            for word in DESK {
                if line.match_indices(word).any(|(start, _)| stands_alone(&line, start)) {
                    let remedy = "say it so that a reader who has only this repository understands";
                    problems.push(Problem::error(path, at, format!("says `{word}`"), remedy));
                }
            }
        }
    }
}

/// Whether what starts there is not the tail of something longer, as in `frame/work/a` or `network/work`.
fn stands_alone(line: &str, start: usize) -> bool {
    !line.get(..start).is_some_and(|before| before.ends_with(is_word))
}

/// YAML has no tabs in its indentation. Broken files that tests read are allowed to be broken.
pub(crate) fn yaml_tabs(repo: &Repo, problems: &mut Vec<Problem>) {
    for extension in ["yaml", "yml"] {
        for (path, text) in repo.with_extension(extension) {
            if is_test(path) || path.starts_with("fuzz/") {
                continue;
            }
            for (at, _) in numbered(text).filter(|(_, line)| line.contains('\t')) {
                problems.push(Problem::error(path, at, "a tab in YAML", "use spaces"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn a_note_needs_a_reason() {
        for note in NOTES {
            let n_found = |text: String| found(reasons_for_todos, &Repo::of(&[("a.rs", &text)])).len();
            assert_eq!(n_found(format!("// {note}: later")), 1);
            assert_eq!(n_found(format!("// {note}( ): later")), 1);
            assert_eq!(n_found(format!("// {note}(the parser has no spans yet): label it")), 0);
            assert_eq!(n_found(format!("const {note}S: u8 = 1;")), 0);
            let prose = found(reasons_for_todos, &Repo::of(&[("a.md", note)]));
            assert!(prose.is_empty(), "prose may speak of such notes: {prose:?}");
        }
    }

    #[test]
    fn hosts_and_private_places_are_found_in_any_file() {
        for word in HOSTS.into_iter().chain(DESK) {
            let text = format!("fine\nsee {}\n", word.to_uppercase());
            let problems = found(foreign_places, &Repo::of(&[("docs/a.md", &text)]));
            assert_eq!(problems.len(), 1, "{word}");
            assert!(problems[0].starts_with("docs/a.md:2: "), "{problems:?}");
            assert!(found(foreign_places, &Repo::of(&[("Cargo.lock", &text)])).is_empty());
        }
        assert!(
            found(foreign_places, &Repo::of(&[("a.md", concat!("a/frame/wo", "rk/b; shared; session"))])).is_empty()
        );
    }

    #[test]
    fn tabs_in_yaml_are_found_outside_tests() {
        let text = "a:\n\tb: 1\n";
        assert_eq!(
            found(yaml_tabs, &Repo::of(&[("examples/a/app.yaml", text)])),
            ["examples/a/app.yaml:2: a tab in YAML: use spaces"]
        );
        assert_eq!(found(yaml_tabs, &Repo::of(&[("a.yml", text)])).len(), 1);
        assert!(
            found(yaml_tabs, &Repo::of(&[("crates/x/tests/broken/tab.yaml", text), ("Makefile", text)])).is_empty()
        );
    }
}
