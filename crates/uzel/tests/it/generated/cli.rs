//! The page of the command line: what `--help` says, command by command. Called by the test of generated files.

use crate::scratch::Scratch;

pub(super) fn page() -> String {
    let scratch = Scratch::new(&[]);
    let help = |arguments: &[&str]| scratch.fine(arguments).lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let all = help(&["--help"]);
    let mut page = format!("# The command line\n\n{}\n\n```text\n{all}\n```\n", super::pages::NOTE);
    for command in commands(&all) {
        let text = help(&[command, "--help"]);
        page.push_str(&format!("\n## uzel {command}\n\n```text\n{text}\n```\n"));
        for below in commands(&text) {
            let text = help(&[command, below, "--help"]);
            page.push_str(&format!("\n### uzel {command} {below}\n\n```text\n{text}\n```\n"));
        }
    }
    page
}

/// The names in the list of commands, if there is one.
fn commands(help: &str) -> Vec<&str> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    // Names are indented by two; the rest of a long sentence by more.
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}
