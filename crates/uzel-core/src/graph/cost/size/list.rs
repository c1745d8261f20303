//! Which list an expression or a statement of a template goes over, as far as that can be read off.

use serde_json::Value;

use crate::graph::Program;

/// Filters that make no list longer.
const KEEPERS: [&str; 9] = ["select", "selectattr", "reject", "rejectattr", "list", "sort", "unique", "reverse", "map"];

/// A list that an expression is.
pub(super) enum List<'p> {
    /// Written there.
    Literal(Vec<Value>),
    /// The value of a place, perhaps without some items.
    Place {
        /// The first name.
        root: &'p str,
        /// The fields after it.
        path: Vec<String>,
    },
}

impl<'p> List<'p> {
    /// What the expression of an input is.
    pub(super) fn of(program: &'p Program) -> Option<Self> {
        let source = match program {
            Program::Expression(expression) => expression.source().trim(),
            Program::Binding(binding) => match binding.as_constant()? {
                Value::Array(items) => return Some(Self::Literal(items.clone())),
                _ => return None,
            },
            Program::Template(_) => return None,
        };
        Self::read(source)
    }

    /// What an expression is: a literal in the form of JSON, or a place and filters that make no list longer.
    pub(super) fn read(source: &'p str) -> Option<Self> {
        if let Ok(items) = serde_json::from_str(source) {
            return Some(Self::Literal(items));
        }
        let mut parts = source.split('|').map(str::trim);
        let place = parts.next()?;
        if !parts.all(|filter| KEEPERS.contains(&filter.split('(').next().unwrap_or(filter).trim_end())) {
            return None;
        }
        let mut names = place.split('.');
        let root = names.next()?;
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let path: Vec<String> = names.map(str::to_owned).collect();
        (is_name(root) && path.iter().all(|name| is_name(name))).then_some(Self::Place { root, path })
    }
}

/// The list of a statement that repeats what is in it: `{% for note in batch %}`.
pub(super) fn for_list(statement: &str) -> Option<&str> {
    let inside = statement.trim_start_matches("{%").trim_start_matches(['-', '+']).trim_start();
    let (_, list) = inside.strip_prefix("for ")?.split_once(" in ")?;
    Some(list.trim_end_matches("%}").trim_end_matches(['-', '+']).trim())
}
