//! Whether two sources do the same, whatever blanks are between their words. Used by the comparison of graphs.

use minijinja::{
    machinery::{Token, Tokenizer},
    syntax::SyntaxConfig,
};

/// What a source is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A bare expression.
    Expression,
    /// A text with `{{ }}` and `{% %}`.
    Template,
    /// A text with `${{ }}`.
    Value,
}

/// Whether a source says the same as another. `same_name` is asked about names that come from outside.
pub(crate) fn alike(old: &str, new: &str, form: Form, same_name: &dyn Fn(&str, &str) -> bool) -> bool {
    // In a value other braces are text, which the tokenizer does not know.
    let plain = |text: &str| !text.contains("${{") || text.contains("{%") || text.contains("{#");
    if old == new || form == Form::Value && (plain(old) || plain(new)) {
        return old == new;
    }
    let (Some(old), Some(new)) = (tokens(old, form), tokens(new, form)) else { return false };
    let same = |at: usize| match (&old[at], &new[at]) {
        (Token::Ident(a), Token::Ident(b)) if is_root(&old, at) => a == b || same_name(a, b),
        (a, b) => format!("{a:?}") == format!("{b:?}"),
    };
    old.len() == new.len() && (0..old.len()).all(same)
}

/// All tokens; `None` for what is none.
fn tokens(source: &str, form: Form) -> Option<Vec<Token<'_>>> {
    let mut tokenizer = Tokenizer::new(source, "", form == Form::Expression, SyntaxConfig::default());
    let mut found = vec![];
    while let Some((token, _)) = tokenizer.next_token().ok()? {
        found.push(token);
    }
    Some(found)
}

/// Whether a name is one from outside: no field, no filter, no name of an argument. Nodes stand behind `nodes.` too.
fn is_root(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    match before(1) {
        Some(Token::Dot) => matches!(before(2), Some(Token::Ident("nodes"))) && !matches!(before(3), Some(Token::Dot)),
        Some(Token::Pipe) => false,
        _ => !matches!(tokens.get(at + 1), Some(Token::Assign)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Form::*, *};

    #[test]
    fn blanks_between_words_say_nothing() {
        let same = |old: &str, new: &str, form: Form| alike(old, new, form, &|a, b| (a, b) == ("sort", "triage"));
        assert!(same("a.b==1 and  c", "a.b == 1 and c", Expression));
        assert!(same("x {{a|upper}} y", "x {{ a | upper }} y", Template));
        assert!(same("x {# why #}{{ a }}", "x {{ a }}", Template));
        assert!(same("${{sort.topic}}", "${{ triage.topic }}", Value));
        assert!(same("nodes.sort.status == sort.x", "nodes.triage.status == triage.x", Expression));
        assert!(!same("x.sort", "x.triage", Expression), "a field is no node");
        assert!(!same("f(sort=1)", "f(triage=1)", Expression));
        assert!(!same("x  {{ a }}", "x {{ a }}", Template), "blanks outside of braces are text");
        assert!(!same("'a  b'", "'a b'", Expression));
        assert!(!same("{{ a }}", "{{a}}", Value), "other braces are text");
        assert!(!same("${{ a }} {# b #}", "${{ a }} {# c #}", Value));
        assert!(!same("a", "b", Expression));
        assert!(!same("{{ ` }}", "{{ `` }}", Template));
    }
}
