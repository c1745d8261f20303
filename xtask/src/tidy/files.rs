//! Rules about files and modules: size, place, name, first line. Called through `tidy::RULES`.

use super::{Problem, Repo};

const WARN_LINES: usize = 400;
const MAX_LINES: usize = 800;
const ALLOWED: &str = "xtask/tidy-allow.txt";
const MEASURED: &[&str] = &["rs", "js", "css", "sql", "py"];
/// Names that say nothing about what is inside, so that everything ends up there.
const BANNED: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types"];

/// No source file is long. The list of exceptions may only shrink: each number is the file's size today.
pub(crate) fn size(repo: &Repo, problems: &mut Vec<Problem>) {
    let allowed = allowed(repo, problems);
    for extension in MEASURED {
        for (path, text) in repo.with_extension(extension).filter(|(path, _)| !is_test(path)) {
            let lines = n_lines_without_tests(text);
            let entry = allowed.iter().find(|(_, found, _)| *found == path);
            let split = "split it by what its parts are for";
            match entry {
                Some((at, _, max)) if lines <= MAX_LINES => {
                    let what = format!("{path} is down from {max} to {lines} lines and needs no exception");
                    problems.push(Problem::error(ALLOWED, *at, what, "remove this line"));
                }
                Some((at, _, max)) if lines < *max => {
                    let what = format!("{path} is down from {max} to {lines} lines");
                    problems.push(Problem::error(ALLOWED, *at, what, format!("lower the number to {lines}")));
                }
                Some((_, _, max)) if lines == *max => {}
                Some((_, _, max)) => {
                    let what = format!("{lines} lines without tests, {max} allowed by {ALLOWED}");
                    problems.push(Problem::error(path, 0, what, split));
                }
                None if lines > MAX_LINES => {
                    let what = format!("{lines} lines without tests, at most {MAX_LINES}");
                    problems.push(Problem::error(path, 0, what, split));
                }
                None if lines > WARN_LINES => {
                    let what = format!("{lines} lines without tests, more than {WARN_LINES}");
                    problems.push(Problem::warning(path, 0, what, split));
                }
                None => {}
            }
        }
    }
}

/// Line number, path and size of each exception; reports the lines that say nothing.
fn allowed<'a>(repo: &'a Repo, problems: &mut Vec<Problem>) -> Vec<(usize, &'a str, usize)> {
    let mut entries = Vec::new();
    for (at, line) in numbered(repo.text(ALLOWED).unwrap_or_default()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once(' ').map(|(path, max)| (path, max.trim().parse())) {
            Some((path, Ok(max))) if repo.text(path).is_some() => entries.push((at, path, max)),
            Some((path, Ok(_))) => {
                problems.push(Problem::error(ALLOWED, at, format!("{path} does not exist"), "remove this line"));
            }
            _ if line.is_empty() => {}
            _ => problems.push(Problem::error(ALLOWED, at, "not an exception", "write `path lines  # why`")),
        }
    }
    entries
}

/// Lines outside `#[cfg(test)] mod name { … }`. Relies on rustfmt: such a module ends with `}` in its own column.
fn n_lines_without_tests(text: &str) -> usize {
    let mut n = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_module = |next: &&str| next.trim_start().starts_with("mod ") && next.ends_with('{');
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(opens_module) {
            let end = line.replace("#[cfg(test)]", "}");
            lines.by_ref().find(|line| *line == end);
        } else {
            n += 1;
        }
    }
    n
}

/// Every source file is named by its parent module; a file that no module names is never compiled.
pub(crate) fn forgotten(repo: &Repo, problems: &mut Vec<Problem>) {
    for (path, _) in repo.with_extension("rs") {
        let Some((root, below)) = crate_root(path) else { continue };
        let (folder, name) = below.rsplit_once('/').unwrap_or(("", below));
        let stem = name.trim_end_matches(".rs");
        // Roots of a binary or a library; `mod.rs` has its own rule.
        if (folder.is_empty() && ["lib", "main"].contains(&stem)) || folder == "bin" || stem == "mod" {
            continue;
        }
        let parents = match folder {
            "" => vec![format!("{root}/lib.rs"), format!("{root}/main.rs")],
            folder => vec![format!("{root}/{folder}.rs")],
        };
        let mut existing = parents.iter().filter_map(|parent| repo.text(parent)).peekable();
        if existing.peek().is_none() {
            let what = format!("its parent module {} does not exist", parents.join(" or "));
            problems.push(Problem::error(path, 0, what, "create it, or move this file"));
        } else if !existing.any(|text| names_module(text, stem)) {
            let remedy = format!("add `mod {stem};` to {}, or delete the file", parents.join(" or "));
            problems.push(Problem::error(path, 0, "no module names this file, so it is never compiled", remedy));
        }
    }
}

/// Splits `crates/x/src/a/b.rs` into `crates/x/src` and `a/b.rs`; `None` for files that are in no crate's tree.
fn crate_root(path: &str) -> Option<(&str, &str)> {
    let package = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next());
    let package = package.map_or("xtask".len(), |name| "crates/".len() + name.len());
    let in_package = path.starts_with("crates/") || path.starts_with("xtask/");
    let below = path.get(package..).filter(|_| in_package)?;
    let tree = ["/src/", "/tests/it/"].into_iter().find(|tree| below.starts_with(tree))?;
    let end = package + tree.len();
    Some((path.get(..end - 1)?, path.get(end..)?))
}

/// Whether a module's text declares `stem`, by `mod stem` or inside a list macro such as `kinds! { stem::Type, … }`.
fn names_module(text: &str, stem: &str) -> bool {
    let mut in_list = false;
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        // A macro that declares modules is an item of its own, so rustfmt puts it in the first column.
        let name = line.split('!').next().unwrap_or_default();
        let starts_list = line.contains('!') && !name.is_empty() && name.chars().all(is_word);
        in_list |= starts_list;
        if word_at(line, stem, |before, after| {
            let declared = before.ends_with("mod ") && after.trim_start().starts_with([';', '{']);
            let begins = before.trim().is_empty() && after.trim_start().starts_with('{');
            declared || (in_list && (begins || after.starts_with("::") && !before.ends_with(':')))
        }) {
            return true;
        }
        in_list &= !(line.starts_with(['}', ')', ']']) || (starts_list && line.ends_with(['}', ';'])));
    }
    false
}

/// A crate has one integration test binary: each further one links everything again.
pub(crate) fn one_test_binary(repo: &Repo, problems: &mut Vec<Problem>) {
    for (path, _) in repo.with_extension("rs") {
        let parts: Vec<&str> = path.split('/').collect();
        if let ["crates", package, "tests", name] = parts[..] {
            let remedy = format!("move it to crates/{package}/tests/it/{name} and name it in main.rs there");
            problems.push(Problem::error(path, 0, "a second integration test binary", remedy));
        }
        if let ["crates", package, "tests", "it", ..] = parts[..]
            && repo.text(&format!("crates/{package}/tests/it/main.rs")).is_none()
        {
            let what = format!("crates/{package}/tests/it/main.rs does not exist, so this file is never compiled");
            problems.push(Problem::error(path, 0, what, "create it, with a `mod` line for each file beside it"));
        }
    }
}

/// A module says what it holds, and its file is `name.rs` beside `name/`.
pub(crate) fn module_names(repo: &Repo, problems: &mut Vec<Problem>) {
    for (path, text) in repo.with_extension("rs") {
        if path.ends_with("/mod.rs") {
            let remedy = format!("rename it to {}.rs", path.trim_end_matches("/mod.rs"));
            problems.push(Problem::error(path, 0, "mod.rs", remedy));
        }
        for part in path.split('/').map(|part| part.trim_end_matches(".rs")) {
            if BANNED.contains(&part) {
                let what = format!("`{part}` does not say what is inside");
                problems.push(Problem::error(path, 0, what, "name the module after what it holds"));
            }
        }
        for (at, line) in numbered(text) {
            if let Some(name) = BANNED.iter().find(|name| line.contains(&format!("mod {name} {{"))) {
                let what = format!("`mod {name}` does not say what is inside");
                problems.push(Problem::error(path, at, what, "name the module after what it holds"));
            }
        }
    }
}

/// Each Rust file begins by saying what it is for.
pub(crate) fn first_sentence(repo: &Repo, problems: &mut Vec<Problem>) {
    for (path, text) in repo.with_extension("rs") {
        let sentence = text.strip_prefix("//!").and_then(|rest| rest.lines().next()).unwrap_or_default();
        if sentence.trim().is_empty() {
            let remedy = "begin with one sentence: what this file is for and who calls it";
            problems.push(Problem::error(path, 1, "the file does not begin with `//!`", remedy));
        }
    }
}

/// Lines with their numbers, from 1.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

pub(super) fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `word` stands in `line`, not as a part of a longer one, with `fits` true of the text before and after it.
pub(super) fn word_at(line: &str, word: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let (before, rest) = line.split_at(start);
        let after = rest.strip_prefix(word).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word) && fits(before, after)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    fn check(rule: super::super::Rule, files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(found(rule, &Repo::of(files)), expected);
    }

    fn lines(n: usize) -> String {
        "x\n".repeat(n)
    }

    #[test]
    fn long_files_are_found_and_tests_do_not_count() {
        check(size, &[("a.rs", &lines(400)), ("crates/x/src/a/tests.rs", &lines(900))], &[]);
        check(
            size,
            &[("a.js", &lines(401))],
            &["warning: a.js:1: 401 lines without tests, more than 400: split it by what its parts are for"],
        );
        check(
            size,
            &[("a.rs", &lines(801))],
            &["a.rs:1: 801 lines without tests, at most 800: split it by what its parts are for"],
        );
        let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(400), lines(900));
        check(size, &[("a.rs", &with_tests)], &[]);
        let code_after_tests = format!("{with_tests}{}", lines(401));
        assert_eq!(n_lines_without_tests(&code_after_tests), 801);
    }

    #[test]
    fn the_list_of_exceptions_only_shrinks() {
        let list = |text| (ALLOWED, text);
        check(size, &[("a.rs", &lines(850)), list("# why\na.rs 850  # one table\n")], &[]);
        check(
            size,
            &[("a.rs", &lines(851)), list("a.rs 850\n")],
            &[
                "a.rs:1: 851 lines without tests, 850 allowed by xtask/tidy-allow.txt: split it by what its parts are for",
            ],
        );
        check(
            size,
            &[("a.rs", &lines(849)), list("a.rs 850\n")],
            &["xtask/tidy-allow.txt:1: a.rs is down from 850 to 849 lines: lower the number to 849"],
        );
        check(
            size,
            &[("a.rs", &lines(800)), list("\na.rs 850\n")],
            &["xtask/tidy-allow.txt:2: a.rs is down from 850 to 800 lines and needs no exception: remove this line"],
        );
        check(
            size,
            &[list("a.rs 850\nb.rs\n")],
            &[
                "xtask/tidy-allow.txt:1: a.rs does not exist: remove this line",
                "xtask/tidy-allow.txt:2: not an exception: write `path lines  # why`",
            ],
        );
    }

    #[test]
    fn a_file_in_no_module_is_found() {
        let lib = ("crates/x/src/lib.rs", "//! X.\npub mod a;\nmod b {\n    use c::D;\n}\n// mod c;\nuse std::d::E;\n");
        check(forgotten, &[lib, ("crates/x/src/a.rs", ""), ("crates/x/src/b.rs", "")], &[]);
        for stem in ["c", "d"] {
            let path = format!("crates/x/src/{stem}.rs");
            let expected = format!(
                "{path}:1: no module names this file, so it is never compiled: add `mod {stem};` to \
                 crates/x/src/lib.rs or crates/x/src/main.rs, or delete the file"
            );
            check(forgotten, &[lib, (&path, "")], &[&expected]);
        }
        check(
            forgotten,
            &[lib, ("crates/x/src/e/f.rs", "")],
            &[
                "crates/x/src/e/f.rs:1: its parent module crates/x/src/e.rs does not exist: create it, or move this file",
            ],
        );
        check(forgotten, &[lib, ("crates/x/src/bin/tool.rs", ""), ("examples/y/main.rs", "")], &[]);
    }

    #[test]
    fn a_list_macro_names_modules() {
        let lib =
            ("crates/x/src/lib.rs", "kinds! { one::One, two::Two }\nkinds! {\n    three::Three,\n}\nuse four::Four;\n");
        for stem in ["one", "two", "three"] {
            check(forgotten, &[lib, (&format!("crates/x/src/{stem}.rs"), "")], &[]);
        }
        for stem in ["four", "hree", "three_more"] {
            assert_eq!(
                found(forgotten, &Repo::of(&[lib, (&format!("crates/x/src/{stem}.rs"), "")])).len(),
                1,
                "{stem}"
            );
        }
    }

    #[test]
    fn integration_tests_are_listed_in_one_binary() {
        let main = ("crates/x/tests/it/main.rs", "//! X.\nmod a;\n");
        check(forgotten, &[main, ("crates/x/tests/it/a.rs", "")], &[]);
        assert_eq!(found(forgotten, &Repo::of(&[main, ("crates/x/tests/it/b.rs", "")])).len(), 1);
        check(
            one_test_binary,
            &[main, ("crates/x/tests/other.rs", "")],
            &[
                "crates/x/tests/other.rs:1: a second integration test binary: move it to crates/x/tests/it/other.rs and \
             name it in main.rs there",
            ],
        );
        assert_eq!(found(one_test_binary, &Repo::of(&[("crates/x/tests/it/a.rs", "")])).len(), 1);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        check(module_names, &[("crates/x/src/a.rs", "mod utility {}\n"), ("crates/x/src/prototypes.rs", "")], &[]);
        check(
            module_names,
            &[("crates/x/src/a/mod.rs", "")],
            &["crates/x/src/a/mod.rs:1: mod.rs: rename it to crates/x/src/a.rs"],
        );
        let remedy = "name the module after what it holds";
        check(
            module_names,
            &[("crates/x/src/misc/a.rs", "")],
            &[&format!("crates/x/src/misc/a.rs:1: `misc` does not say what is inside: {remedy}")],
        );
        check(
            module_names,
            &[("crates/x/src/a.rs", concat!("//! A.\npub(crate) mod ", "helpers {\n}\n"))],
            &[&format!("crates/x/src/a.rs:2: `mod helpers` does not say what is inside: {remedy}")],
        );
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        check(first_sentence, &[("a.rs", "//! A thing.\n#![no_main]\n")], &[]);
        for text in ["", "//!\nfn f() {}", "// A.", "fn f() {}\n//! Late."] {
            assert_eq!(found(first_sentence, &Repo::of(&[("a.rs", text)])).len(), 1, "{text:?}");
        }
    }
}
