//! Rules about packages: who depends on whom, what stays out of the core, where versions are written. Called through
//! `tidy::RULES`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::files::numbered;
use super::{Problem, Repo};

/// Each of our crates and those it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("uzel-core", &[]),
    ("uzel-std", &["uzel-core"]),
    ("uzel-runtime", &["uzel-core"]),
    ("uzel-server", &["uzel-runtime", "uzel-core"]),
    ("uzel-macros", &[]),
    ("uzel", &["uzel-server", "uzel-runtime", "uzel-std", "uzel-core", "uzel-macros"]),
    ("uzel-testkit", &["uzel-runtime", "uzel-std", "uzel-core"]),
    // Measures; nothing depends on it.
    ("uzel-bench", &["uzel", "uzel-core"]),
    ("xtask", &[]),
];
const FOR_TESTS: &str = "uzel-testkit";
const CORE: &str = "uzel-core";
/// Runtimes, HTTP, SQL, sandboxes, sockets, TLS: each would let the core wait for something or reach outside.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "async-io",
    "mio",
    "socket2",
    "rayon", // tasks and sockets
    "hyper",
    "hyper-util",
    "reqwest",
    "ureq",
    "axum",
    "tower",
    "h2",
    "isahc",
    "curl", // HTTP
    "rustls",
    "ring",
    "openssl",
    "native-tls",
    "aws-lc-rs", // TLS
    "rusqlite",
    "libsqlite3-sys",
    "sqlx",
    "redb",
    "fjall",
    "tantivy", // stores
    "rquickjs",
    "rquickjs-core",
    "wasmtime", // sandboxes
    "chrono",
    "time",
    "rand",
    "tempfile",
    "notify", // clock, randomness, files
];
const REASONS: &str = "docs/decisions/0010-dependencies.md";

/// Our crates depend on each other only in the allowed direction; tests may use the test kit besides.
pub(crate) fn edges(repo: &Repo, problems: &mut Vec<Problem>) {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let packages = members(&repo.metadata);
    let ours: BTreeSet<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    for package in &packages {
        let name = text(&package["name"]);
        let manifest = manifest(name);
        let Some(allowed) = allowed.get(name) else {
            let remedy = "give it a row in EDGES in xtask/src/tidy/crates.rs, and a decision in docs/decisions";
            problems.push(Problem::error(&manifest, 0, format!("{name} has no place among the crates"), remedy));
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let on = text(&dependency["name"]);
            let for_tests = text(&dependency["kind"]) == "dev" && on == FOR_TESTS;
            if ours.contains(on) && !allowed.contains(&on) && !for_tests {
                let what = format!("{name} may not depend on {on}");
                let remedy = "move the code to the crate that may have it: see the invariants in ARCHITECTURE.md";
                problems.push(Problem::error(&manifest, line_of(repo, &manifest, on), what, remedy));
            }
        }
    }
}

/// Nothing under the core can wait, store or reach outside.
pub(crate) fn pure_core(repo: &Repo, problems: &mut Vec<Problem>) {
    let names: BTreeMap<&str, &str> = array(&repo.metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&repo.metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    let Some((start, _)) = names.iter().find(|(_, name)| **name == CORE) else { return };
    // From each package to the one that brought it, to print how it got in.
    let mut parents: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = vec![*start];
    while let Some(id) = queue.pop() {
        let name = names.get(id).copied().unwrap_or_default();
        if IMPURE.contains(&name) {
            let mut path = vec![name];
            let mut at = id;
            while let Some(parent) = parents.get(at) {
                at = parent;
                path.insert(0, names.get(at).copied().unwrap_or_default());
            }
            let direct = path.get(1).copied().unwrap_or_default();
            let file = manifest(CORE);
            let remedy = "leave it out, or turn off the feature that brings it: the core does no I/O";
            problems.push(Problem::error(&file, line_of(repo, &file, direct), path.join(" → "), remedy));
            continue;
        }
        for dependency in nodes.get(id).map_or(&[][..], |node| array(&node["deps"])) {
            let normal = array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let on = text(&dependency["pkg"]);
            if normal && on != *start && !parents.contains_key(on) {
                parents.insert(on, id);
                queue.push(on);
            }
        }
    }
}

/// Members take version and features of a dependency from the workspace table. A feature declared in one member would
/// make `cargo test -p x` build another set of dependencies than `--workspace`.
pub(crate) fn workspace_table(repo: &Repo, problems: &mut Vec<Problem>) {
    let is_member = |path: &str| path == "xtask/Cargo.toml" || path.starts_with("crates/");
    for (path, text) in repo.with_extension("toml").filter(|(path, _)| path.ends_with("/Cargo.toml") && is_member(path))
    {
        for (at, table, line) in dependency_lines(text) {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let name = name.trim().trim_end_matches(".workspace");
            let inherited = line.contains("workspace = true");
            let own = ["features", "version", "path", "git", "branch"].into_iter().find(|key| value.contains(key));
            let remedy = format!("write `{name}.workspace = true` and the rest in the root Cargo.toml");
            if table.contains("dependencies.") {
                problems.push(Problem::error(path, at, format!("a table of its own in [{table}]"), remedy));
            } else if !inherited {
                problems.push(Problem::error(path, at, format!("`{name}` is not taken from the workspace"), remedy));
            } else if let Some(own) = own {
                problems.push(Problem::error(path, at, format!("`{name}` sets its own {own}"), remedy));
            }
        }
    }
}

/// Every dependency of the workspace has a reason, in a table that names nothing else.
pub(crate) fn dependency_reasons(repo: &Repo, problems: &mut Vec<Problem>) {
    let root = "Cargo.toml";
    let mut declared = BTreeSet::new();
    for (at, table, line) in dependency_lines(repo.text(root).unwrap_or_default()) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim();
        if table == "workspace.dependencies" && !value.contains("path =") {
            declared.insert(name);
            let row = format!("| `{name}` |");
            if !repo.text(REASONS).unwrap_or_default().lines().any(|line| line.starts_with(&row)) {
                let remedy = format!("add a row `{row} for what | why this one |` to {REASONS}");
                problems.push(Problem::error(root, at, format!("`{name}` has no reason"), remedy));
            }
        }
    }
    for (at, line) in numbered(repo.text(REASONS).unwrap_or_default()) {
        let name = line.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        if let Some(name) = name.filter(|name| !declared.contains(name)) {
            problems.push(Problem::error(REASONS, at, format!("`{name}` is no dependency"), "remove this row"));
        }
    }
}

/// Line number, table and text of each entry in a manifest's tables of dependencies.
fn dependency_lines(manifest: &str) -> Vec<(usize, &str, &str)> {
    let mut table = "";
    let mut lines = Vec::new();
    for (at, line) in numbered(manifest) {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = header;
        } else if table.contains("dependencies") && !line.is_empty() && !line.starts_with('#') {
            lines.push((at, table, line));
        }
    }
    lines
}

fn members(metadata: &Value) -> Vec<&Value> {
    let ids: BTreeSet<&str> = array(&metadata["workspace_members"]).iter().map(text).collect();
    array(&metadata["packages"]).iter().filter(|package| ids.contains(text(&package["id"]))).collect()
}

fn manifest(name: &str) -> String {
    if name == "xtask" { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") }
}

/// Where a manifest names a dependency; 0 if it does not.
fn line_of(repo: &Repo, manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        let rest = line.strip_prefix(dependency).unwrap_or("x");
        rest.starts_with(['.', ' ', '='])
    };
    numbered(repo.text(manifest).unwrap_or_default()).find(|(_, line)| names(line)).map_or(0, |(at, _)| at)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::found;
    use super::*;

    /// Packages as (name, dependencies as (name, kind)).
    fn workspace(packages: &[(&str, &[(&str, Value)])], files: &[(&str, &str)]) -> Repo {
        let dependency = |(name, kind): &(&str, Value)| json!({"name": name, "kind": kind});
        let edge = |(name, kind): &(&str, Value)| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let package = |(name, on): &(&str, &[(&str, Value)])| json!({"id": name, "name": name, "dependencies": on.iter().map(dependency).collect::<Vec<_>>()});
        let node = |(name, on): &(&str, &[(&str, Value)])| json!({"id": name, "deps": on.iter().map(edge).collect::<Vec<_>>()});
        let is_ours = |name: &&str| name.starts_with("uzel") || *name == "xtask" || *name == "stray";
        let metadata = json!({
            "packages": packages.iter().map(package).collect::<Vec<_>>(),
            "workspace_members": packages.iter().map(|(name, _)| *name).filter(is_ours).collect::<Vec<_>>(),
            "resolve": {"nodes": packages.iter().map(node).collect::<Vec<_>>()},
        });
        Repo { metadata, ..Repo::of(files) }
    }

    #[test]
    fn an_edge_in_the_wrong_direction_is_found() {
        let on_core = [("uzel-core", Value::Null), ("uzel-testkit", json!("dev"))];
        let good = workspace(&[("uzel-core", &[("serde", Value::Null)]), ("uzel-std", &on_core)], &[]);
        assert_eq!(found(edges, &good), [""; 0]);

        let file = (
            "crates/uzel-std/Cargo.toml",
            "[dependencies]\nuzel-core.workspace = true\nuzel-runtime.workspace = true\n",
        );
        let on_runtime = [("uzel-core", Value::Null), ("uzel-runtime", Value::Null)];
        let bad = workspace(&[("uzel-core", &[]), ("uzel-runtime", &[]), ("uzel-std", &on_runtime)], &[file]);
        assert_eq!(
            found(edges, &bad),
            [
                "crates/uzel-std/Cargo.toml:3: uzel-std may not depend on uzel-runtime: move the code to the crate that may \
             have it: see the invariants in ARCHITECTURE.md"
            ]
        );

        let on_testkit = [("uzel-testkit", Value::Null)];
        let normal = workspace(&[("uzel-testkit", &[]), ("uzel-core", &on_testkit)], &[]);
        assert_eq!(found(edges, &normal).len(), 1, "the test kit is for tests only");
        let on_std = [("uzel-std", json!("dev"))];
        let upward = workspace(&[("uzel-std", &[]), ("uzel-core", &on_std)], &[]);
        assert_eq!(found(edges, &upward).len(), 1, "tests get the test kit and no more");
        assert_eq!(found(edges, &workspace(&[("stray", &[])], &[])).len(), 1, "each crate has a row");
    }

    #[test]
    fn io_under_the_core_is_found_at_any_depth() {
        let through = |kind: Value| {
            let file = ("crates/uzel-core/Cargo.toml", "[dependencies]\nschemas.workspace = true\n");
            let packages: &[(&str, &[(&str, Value)])] =
                &[("uzel-core", &[("schemas", Value::Null)]), ("schemas", &[("reqwest", kind)]), ("reqwest", &[])];
            workspace(packages, &[file])
        };
        assert_eq!(
            found(pure_core, &through(Value::Null)),
            [
                "crates/uzel-core/Cargo.toml:2: uzel-core → schemas → reqwest: leave it out, or turn off the feature that \
             brings it: the core does no I/O"
            ]
        );
        assert!(found(pure_core, &through(json!("dev"))).is_empty());
        assert!(found(pure_core, &through(json!("build"))).is_empty());
    }

    #[test]
    fn versions_and_features_stand_in_the_workspace_table() {
        let n_found = |line: &str| {
            let text = format!("[package]\nversion = \"1\"\n[dependencies]\n# why\n{line}\n[features]\na = [\"b\"]\n");
            found(workspace_table, &Repo::of(&[("crates/x/Cargo.toml", &text), ("fuzz/Cargo.toml", &text)])).len()
        };
        for good in ["serde.workspace = true", "serde = { workspace = true, optional = true }"] {
            assert_eq!(n_found(good), 0, "{good}");
        }
        for bad in [
            "serde = \"1\"",
            "serde = { workspace = true, features = [\"rc\"] }",
            "serde = { path = \"../serde\" }",
            "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"",
            "[dev-dependencies.serde]\nworkspace = true",
        ] {
            assert_eq!(n_found(bad), 1, "{bad}");
        }
    }

    #[test]
    fn each_dependency_has_a_reason_and_each_reason_a_dependency() {
        let root = "[workspace.dependencies]\nuzel = { path = \"crates/uzel\" }\nserde = \"1\"\nregex = \"1\"\n";
        let reasons =
            "| name | for | why |\n| --- | --- | --- |\n| `serde` | data | all use it |\n| `gone` | x | y |\n";
        assert_eq!(
            found(dependency_reasons, &Repo::of(&[("Cargo.toml", root), (REASONS, reasons)])),
            [
                "Cargo.toml:4: `regex` has no reason: add a row `| `regex` | for what | why this one |` to \
             docs/decisions/0010-dependencies.md",
                "docs/decisions/0010-dependencies.md:4: `gone` is no dependency: remove this row",
            ]
        );
    }
}
