//! Rules about what is written for people: pages of error codes, links, examples. Called through `tidy::RULES`.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{is_test, is_word, numbered};
use super::{Problem, Repo};

const CODES: &str = "crates/uzel-core/src/diagnostic/codes.rs";

/// Every diagnostic code has a page that `uzel explain` shows, and every page a code.
pub(crate) fn error_pages(repo: &Repo, problems: &mut Vec<Problem>) {
    let codes = codes(repo.text(CODES).unwrap_or_default());
    for (code, at) in &codes {
        let page = format!("docs/errors/{code}.md");
        match repo.text(&page) {
            None => {
                let remedy = format!("write {page}: what it means, an example, how to fix it");
                problems.push(Problem::error(CODES, *at, format!("`{code}` has no page"), remedy));
            }
            Some(text) if !text.lines().next().unwrap_or_default().contains(code.as_str()) => {
                problems.push(Problem::error(&page, 1, "the heading does not name the code", format!("name `{code}`")));
            }
            Some(_) => {}
        }
    }
    for (path, _) in repo.with_extension("md") {
        let page = path.strip_prefix("docs/errors/").and_then(|name| name.strip_suffix(".md"));
        if page.is_some_and(|page| page != "README" && !codes.contains_key(page)) {
            let remedy = format!("add the code to {CODES}, or remove the page");
            problems.push(Problem::error(path, 0, "the page of no code", remedy));
        }
    }
    // Without this, moving the table would leave the rule with nothing to check.
    if codes.is_empty() {
        for (path, text) in repo.with_extension("rs").filter(|(path, _)| path.starts_with("crates/") && !is_test(path))
        {
            if let Some((code, at)) = self::codes(text).into_iter().next() {
                let remedy = format!("put the table of codes into {CODES}, or tell xtask/src/tidy/docs.rs where it is");
                problems.push(Problem::error(path, at, format!("`{code}` is in no table of codes"), remedy));
            }
        }
    }
}

/// Codes such as `UZ1002` outside comments and unit tests, each with the line where it first stands.
fn codes(text: &str) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for (at, line) in numbered(text).take_while(|(_, line)| line.trim() != "#[cfg(test)]") {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for word in line.split(|c: char| !is_word(c)) {
            let digits = word.strip_prefix("UZ").unwrap_or_default();
            if digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()) {
                codes.entry(word.to_owned()).or_insert(at);
            }
        }
    }
    codes
}

/// Links between our pages point at files and headings that exist.
pub(crate) fn links(repo: &Repo, problems: &mut Vec<Problem>) {
    for (path, text) in repo.with_extension("md").filter(|(path, _)| is_page(path)) {
        for (at, target) in targets(text) {
            let outside = target.contains("://") || target.starts_with("mailto:");
            if outside {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let Some(file) = resolve(path, file) else {
                let what = format!("`{target}` leads out of the repository");
                problems.push(Problem::error(path, at, what, "link to a file of the repository, or by https"));
                continue;
            };
            let folder = format!("{}/", file.trim_end_matches('/'));
            let is_folder = repo.files.keys().any(|path| path.starts_with(&folder));
            match repo.text(&file) {
                None if is_folder && anchor.is_empty() => {}
                None => {
                    problems.push(Problem::error(path, at, format!("`{target}` does not exist"), "correct the link"));
                }
                Some(text) if is_markdown(&file) && !anchor.is_empty() && !anchors(text).contains(anchor) => {
                    let what = format!("{file} has no heading `#{anchor}`");
                    problems.push(Problem::error(path, at, what, "correct the part after `#`"));
                }
                Some(_) => {}
            }
        }
    }
}

/// Pages for readers of this repository; the documents an example searches through are its data.
fn is_page(path: &str) -> bool {
    let data_of_example = path.starts_with("examples/") && path.split('/').count() > 3;
    !is_test(path) && !data_of_example
}

fn is_markdown(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extension == "md")
}

/// Targets of `[text](target)` and `[name]: target`, with their lines; fenced blocks and code spans have none.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, line) in prose(text) {
        // Every second piece is code. A link whose text is code ends in the piece after it.
        for piece in line.split('`').step_by(2) {
            for (start, _) in piece.match_indices("](") {
                let rest = piece.get(start + 2..).unwrap_or_default();
                found.push((at, rest.split([')', ' ']).next().unwrap_or_default()));
            }
        }
        if let Some((name, target)) = line.split_once("]: ").filter(|(name, _)| name.starts_with('['))
            && !name.starts_with("[^")
        {
            found.push((at, target.split(' ').next().unwrap_or_default()));
        }
    }
    found.into_iter().map(|(at, target)| (at, target.trim_matches(['<', '>']))).collect()
}

/// Lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    numbered(text).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The path that `link` means in the file at `from`; `None` if it leaves the repository.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if link.starts_with('/') {
        return None;
    }
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The anchors a page's headings get where it is read: lower case, words joined by `-`, repeated ones numbered.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        if !(1..=6).contains(&level) || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter(|c| is_word(*c) || *c == ' ' || *c == '-');
        let slug = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let n = seen.entry(slug.clone()).or_default();
        anchors.insert(if *n == 0 { slug } else { format!("{slug}-{n}") });
        *n += 1;
    }
    anchors
}

/// An example nobody can find is no example.
pub(crate) fn examples_named(repo: &Repo, problems: &mut Vec<Problem>) {
    let list = "examples/README.md";
    let folders: BTreeSet<&str> = repo
        .files
        .keys()
        .filter_map(|path| path.strip_prefix("examples/")?.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    for folder in folders {
        let in_list = |text: &str| text.split(|c: char| !is_word(c) && c != '-').any(|word| word == folder);
        let in_readme = |text: &str| {
            let full = format!("examples/{folder}");
            text.match_indices(&full).any(|(at, _)| {
                let after = text.get(at + full.len()..).unwrap_or_default();
                !after.starts_with(|c: char| is_word(c) || c == '-')
            })
        };
        if !repo.text(list).is_some_and(in_list) && !repo.text("README.md").is_some_and(in_readme) {
            let file = format!("examples/{folder}");
            let remedy = format!("name it, with a sentence, in README.md or {list}");
            problems.push(Problem::error(&file, 0, "no page names this example", remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn codes_and_pages_match() {
        let table =
            "//! Codes; UZ0000 is only prose.\nTAB: \"UZ0001\";\nUZ1002 => \"x\"\n#[cfg(test)]\nmod t { UZ9999 }\n";
        let good = [(CODES, table), ("docs/errors/UZ0001.md", "# UZ0001: tabs"), ("docs/errors/UZ1002.md", "# UZ1002")];
        assert_eq!(found(error_pages, &Repo::of(&good)), [""; 0]);
        let bad = [(CODES, table), ("docs/errors/UZ0001.md", "# Tabs\n"), ("docs/errors/UZ3000.md", "# UZ3000\n")];
        assert_eq!(
            found(error_pages, &Repo::of(&bad)),
            [
                "docs/errors/UZ0001.md:1: the heading does not name the code: name `UZ0001`",
                "crates/uzel-core/src/diagnostic/codes.rs:3: `UZ1002` has no page: write docs/errors/UZ1002.md: what it \
             means, an example, how to fix it",
                "docs/errors/UZ3000.md:1: the page of no code: add the code to crates/uzel-core/src/diagnostic/codes.rs, or \
             remove the page",
            ]
        );
        let moved = [("crates/uzel-core/src/codes.rs", table)];
        let problems = found(error_pages, &Repo::of(&moved));
        assert_eq!(problems.len(), 1, "a table elsewhere must not switch the rule off: {problems:?}");
    }

    #[test]
    fn links_lead_somewhere() {
        let pages = |text| {
            let other =
                ("docs/b/c.md", "# One thing\n## `run` and *two*, really\n# One thing\n```\n# not a heading\n```\n");
            Repo::of(&[("docs/a.md", text), other, ("src/lib.rs", "")])
        };
        for good in [
            "[c](b/c.md) [here](#top-of-page)\n# Top of page\n",
            "[c](b/c.md#one-thing-1), [c](./b/c.md#run-and-two-really)",
            "[code](../src/lib.rs) and [`code`](../src/lib.rs) and [folder](b) and [folder](../src/)",
            "[out](https://example.com/x.md) [mail](mailto:a@b) `[not](a-link.md)`",
            "```\n[not](a-link.md)\n```\n[name]: b/c.md\n[^1]: note\n",
        ] {
            assert_eq!(found(links, &pages(good)), [""; 0], "{good}");
        }
        for (bad, what) in [
            ("x\n[c](c.md)", "docs/a.md:2: `c.md` does not exist: correct the link"),
            ("[a][n]\n\n[n]: d.md", "docs/a.md:3: `d.md` does not exist: correct the link"),
            ("[`c`](c.md)", "docs/a.md:1: `c.md` does not exist: correct the link"),
            ("[c](b/c.md#two)", "docs/a.md:1: docs/b/c.md has no heading `#two`: correct the part after `#`"),
            (
                "[c](b/c.md#not-a-heading)",
                "docs/a.md:1: docs/b/c.md has no heading `#not-a-heading`: correct the part after `#`",
            ),
            (
                "[up](../../x.md)",
                "docs/a.md:1: `../../x.md` leads out of the repository: link to a file of the repository, or by https",
            ),
        ] {
            assert_eq!(found(links, &pages(bad)), [what], "{bad}");
        }
        let data = [("examples/shop/pages/returns.md", "[form](/returns)"), ("crates/x/tests/it/a.md", "[x](y)")];
        assert_eq!(found(links, &Repo::of(&data)), [""; 0]);
    }

    #[test]
    fn every_example_is_named() {
        let example = ("examples/hello/app.yaml", "");
        assert_eq!(
            found(examples_named, &Repo::of(&[example])),
            [
                "examples/hello:1: no page names this example: name it, with a sentence, in README.md or examples/README.md"
            ]
        );
        for (file, text, n) in [
            ("README.md", "run examples/hello/app.yaml", 0),
            ("README.md", "run examples/hello-again", 1),
            ("README.md", "hello", 1),
            ("examples/README.md", "[hello](hello): ten lines", 0),
            ("examples/README.md", "hello-again, othello", 1),
        ] {
            assert_eq!(found(examples_named, &Repo::of(&[example, (file, text)])).len(), n, "{file}: {text}");
        }
    }
}
