//! The rules of this repository, one function each; called by `xtask tidy` and by this crate's tests.

mod crates;
mod docs;
mod files;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::Value;

/// One rule: looks at the repository and adds what it finds.
type Rule = fn(&Repo, &mut Vec<Problem>);

const RULES: &[Rule] = &[
    files::size,
    files::forgotten,
    files::one_test_binary,
    files::module_names,
    files::first_sentence,
    crates::edges,
    crates::pure_core,
    crates::workspace_table,
    crates::dependency_reasons,
    docs::error_pages,
    docs::links,
    docs::examples_named,
    words::reasons_for_todos,
    words::foreign_places,
    words::yaml_tabs,
];

/// What the rules look at. Tests make one from a few texts instead of reading a disk.
#[derive(Default)]
pub(crate) struct Repo {
    /// Path from the root, with `/`, to the text; bytes that are not UTF-8 are replaced.
    files: BTreeMap<String, String>,
    /// The answer of `cargo metadata`; null in a made-up tree that has no packages.
    metadata: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Warning,
    Error,
}

/// Something that breaks a rule, or soon will.
#[derive(Debug)]
pub(crate) struct Problem {
    severity: Severity,
    file: String,
    /// From 1; 0 when the whole file is meant.
    line: usize,
    what: String,
    /// What to type or change, imperative.
    remedy: String,
}

impl Problem {
    fn error(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        let (what, remedy) = (what.into(), remedy.into());
        Problem { severity: Severity::Error, file: file.to_owned(), line, what, remedy }
    }

    fn warning(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(file, line, what, remedy) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { severity, file, line, what, remedy } = self;
        let prefix = if *severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{prefix}{file}:{}: {what}: {remedy}", (*line).max(1))
    }
}

impl Repo {
    /// Reads the repository at `root`: every file git knows or would add, and what cargo says about the packages.
    ///
    /// # Errors
    /// A sentence for a person: a file cannot be read, or cargo cannot describe the workspace.
    fn load(root: &Path) -> Result<Repo, String> {
        let mut files = BTreeMap::new();
        for path in listed_by_git(root).map_or_else(|| walk(root), Ok)? {
            let full = root.join(&path);
            // A path may be a file just deleted, or a link to a folder.
            if full.is_file() {
                let bytes = std::fs::read(&full).map_err(|error| format!("cannot read {path}: {error}"))?;
                files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        Ok(Repo { files, metadata: metadata(root)? })
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Files whose name ends in `.extension`.
    fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(move |(path, _)| path.rsplit_once('.').is_some_and(|(_, found)| found == extension))
    }
}

/// Runs every rule over the repository at `root`: the text to print, and whether it holds.
pub(crate) fn report(root: &Path) -> (String, ExitCode) {
    match Repo::load(root) {
        Ok(repo) => {
            let problems = check(&repo);
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let (n_files, warnings) = (repo.files.len(), problems.len() - errors);
            lines.push(format!("tidy: {errors} problems, {warnings} warnings, {n_files} files\n"));
            (lines.join("\n"), if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(why) => (format!("tidy: {why}\n"), ExitCode::FAILURE),
    }
}

fn check(repo: &Repo) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in RULES {
        rule(repo, &mut problems);
    }
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    problems
}

/// `None` outside git, or without git. New files count too, so that a problem shows before the commit.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(args).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

/// Every file under `root`, without what git would ignore as well: build output, run data, hidden folders of tools.
fn walk(root: &Path) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                let skipped = ["target", "node_modules", "__pycache__", "corpus", "artifacts", ".git", ".uzel"];
                if !skipped.iter().any(|skip| name == *skip) {
                    folders.push(path);
                }
            } else if let Ok(below) = path.strip_prefix(root) {
                paths.push(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(paths)
}

/// What cargo knows about the packages, for this machine's platform only: those of others need not be downloaded.
fn metadata(root: &Path) -> Result<Value, String> {
    let rustc = output(Command::new("rustc").arg("-vV"))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("x86_64-unknown-linux-gnu");
    let args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", host];
    let text = output(Command::new("cargo").args(args).current_dir(root))?;
    serde_json::from_str(&text).map_err(|error| format!("`cargo metadata` printed no JSON: {error}"))
}

fn output(command: &mut Command) -> Result<String, String> {
    let found = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if found.status.success() {
        Ok(String::from_utf8_lossy(&found.stdout).into_owned())
    } else {
        Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&found.stderr)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Repo {
        /// A made-up tree.
        pub(crate) fn of(files: &[(&str, &str)]) -> Repo {
            let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
            Repo { files, metadata: Value::Null }
        }
    }

    /// What one rule says about a tree, one line per problem.
    pub(crate) fn found(rule: Rule, repo: &Repo) -> Vec<String> {
        let mut problems = Vec::new();
        rule(repo, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_repository_is_tidy() {
        let repo = Repo::load(&crate::root()).expect("the repository can be read");
        let mut errors = Vec::new();
        for problem in check(&repo) {
            match problem.severity {
                Severity::Error => errors.push(problem.to_string()),
                Severity::Warning => println!("{problem}"),
            }
        }
        assert!(errors.is_empty(), "{} problems:\n{}", errors.len(), errors.join("\n"));
    }

    #[test]
    fn the_repository_is_seen_with_and_without_git() {
        let known = ["Cargo.toml", "xtask/src/tidy.rs", "crates/uzel-core/src/lib.rs"];
        let walked = walk(&crate::root()).expect("the repository can be walked");
        for path in known {
            assert!(walked.iter().any(|found| found == path), "the walk misses {path}");
        }
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
        if let Some(listed) = listed_by_git(&crate::root()) {
            for path in known {
                assert!(listed.iter().any(|found| found == path), "git misses {path}");
            }
        }
    }

    #[test]
    fn a_folder_that_is_no_workspace_is_an_error_and_not_an_empty_success() {
        let (text, _) = report(Path::new("/nonexistent-folder"));
        assert!(text.contains("cannot read /nonexistent-folder"), "{text}");
    }

    #[test]
    fn a_problem_names_place_fault_and_remedy() {
        let problem = Problem::error("a.rs", 3, "tab", "use spaces");
        assert_eq!(problem.to_string(), "a.rs:3: tab: use spaces");
        assert_eq!(Problem::warning("a.rs", 0, "long", "split").to_string(), "warning: a.rs:1: long: split");
    }
}
