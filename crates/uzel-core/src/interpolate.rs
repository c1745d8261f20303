//! Secrets in a declaration's leaves: found by `check`, filled in by `build` from a lookup it is given.

use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean},
    yaml::{Data, Text, Tree},
};

/// A `${{ secrets.NAME }}` in a text: the byte range of the whole, and the name.
fn references(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find("${{")?;
        let end = start + text.get(start..)?.find("}}")? + 2;
        from = end;
        Some((start..end, text.get(start + 3..end - 2)?.trim()))
    })
}

/// The secret that an expression names, if that is all it does.
fn secret_name(expression: &str) -> Option<&str> {
    let name = expression.strip_prefix("secrets.")?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

/// Reports what is in `${{ }}` in a declaration and is not a declared secret.
pub fn check_secrets(tree: &Tree, declared: &[String], out: &mut Diagnostics) {
    match &tree.data {
        Data::Text(text) => check_text(text, declared, out),
        Data::List(items) => items.iter().for_each(|item| check_secrets(item, declared, out)),
        Data::Map(entries) => {
            // What a probe asks is computed from the call in doubt.
            let own = entries.iter().filter(|entry| entry.key.as_str() != "reconcile");
            own.for_each(|entry| check_secrets(&entry.value, declared, out));
        }
        _ => {}
    }
}

fn check_text(text: &Text, declared: &[String], out: &mut Diagnostics) {
    for (range, expression) in references(text.as_str()) {
        let at = text.at(range);
        match secret_name(expression) {
            None => out.push(
                Diagnostic::new(Code::WRONG_BRACES, at, format!("`{expression}` cannot be used here"))
                    .help("declarations know only secrets: write `${{ secrets.NAME }}`"),
            ),
            Some(name) if !declared.iter().any(|known| known == name) => out.push(
                Diagnostic::new(Code::UNKNOWN_SECRET, at, format!("the secret `{name}` is not declared")).help(
                    did_you_mean(name, declared.iter().map(String::as_str))
                        .unwrap_or_else(|| format!("add `{name}` to `secrets:` at the top of the file")),
                ),
            ),
            Some(_) => {}
        }
    }
}

/// The tree with secrets filled in.
///
/// # Errors
/// A secret without a value, with what to do.
pub fn fill_secrets(tree: &Tree, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Tree, Diagnostic> {
    let data = match &tree.data {
        Data::Text(text) => Data::Text(fill_text(text, lookup)?),
        Data::List(items) => Data::List(items.iter().map(|item| fill_secrets(item, lookup)).collect::<Result<_, _>>()?),
        Data::Map(entries) => {
            let mut filled = entries.clone();
            for entry in &mut filled {
                entry.value = fill_secrets(&entry.value, lookup)?;
            }
            Data::Map(filled)
        }
        other => other.clone(),
    };
    Ok(Tree { span: tree.span, data })
}

fn fill_text(text: &Text, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Text, Diagnostic> {
    let source = text.as_str();
    let mut filled = String::new();
    let mut done = 0;
    for (range, expression) in references(source) {
        let Some(name) = secret_name(expression) else { continue };
        let value = lookup(name).ok_or_else(|| {
            Diagnostic::new(Code::SECRET_MISSING, text.at(range.clone()), format!("the secret `{name}` has no value"))
                .help(format!("set the environment variable `{name}`, or `{name}_FILE` to a file that holds the value"))
        })?;
        filled.push_str(source.get(done..range.start).unwrap_or(""));
        filled.push_str(&value);
        done = range.end;
    }
    if done == 0 {
        return Ok(text.clone());
    }
    filled.push_str(source.get(done..).unwrap_or(""));
    Ok(Text::synthetic(filled, text.span))
}
