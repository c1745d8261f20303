//! What an expression compares: for lints about decisions that hang on a text.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr};

use super::survey::path_of;

/// Paths whose text is compared with something or searched in something. How long a text is, or whether there is one, is
/// no comparison of the text.
pub(super) fn compared(expr: &Expr<'_>) -> Vec<Vec<String>> {
    let mut found = vec![];
    walk(expr, &mut found);
    found
}

/// Tests that ask whether something is there, or what it is.
const OF_PRESENCE: [&str; 12] = [
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "int",
    "float",
    "boolean",
    "mapping",
    "sequence",
    "iterable",
];

fn walk(expr: &Expr<'_>, found: &mut Vec<Vec<String>>) {
    match expr {
        Expr::BinOp(e) => {
            if matches!(
                e.op,
                BinOpKind::Eq
                    | BinOpKind::Ne
                    | BinOpKind::Lt
                    | BinOpKind::Lte
                    | BinOpKind::Gt
                    | BinOpKind::Gte
                    | BinOpKind::In
            ) && !is_none(&e.left)
                && !is_none(&e.right)
            {
                operand(&e.left, found);
                operand(&e.right, found);
            }
            walk(&e.left, found);
            walk(&e.right, found);
        }
        Expr::Compare(e) => {
            let parts = || std::iter::once(&e.expr).chain(e.ops.iter().map(|op| &op.expr));
            let with_null = parts().any(is_none);
            for part in parts() {
                if !with_null {
                    operand(part, found);
                }
                walk(part, found);
            }
        }
        Expr::Test(e) => {
            if !OF_PRESENCE.contains(&e.name) {
                operand(&e.expr, found);
            }
            walk(&e.expr, found);
        }
        Expr::UnaryOp(e) => walk(&e.expr, found),
        Expr::IfExpr(e) => {
            walk(&e.test_expr, found);
            walk(&e.true_expr, found);
            e.false_expr.iter().for_each(|other| walk(other, found));
        }
        Expr::Filter(e) => {
            e.expr.iter().for_each(|inner| walk(inner, found));
            for arg in &e.args {
                if let CallArg::Pos(e) | CallArg::Kwarg(_, e) = arg {
                    walk(e, found);
                }
            }
        }
        _ => {}
    }
}

fn is_none(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Const(c) if c.value.is_none())
}

/// The path that an operand is, or is made of by filters that keep its text.
fn operand(expr: &Expr<'_>, found: &mut Vec<Vec<String>>) {
    match expr {
        Expr::Filter(e) if matches!(e.name, "length" | "count") => {}
        Expr::Filter(e) => e.expr.iter().for_each(|inner| operand(inner, found)),
        Expr::Slice(e) => operand(&e.expr, found),
        other => {
            if let Some((root, path)) = path_of(other) {
                found.push(std::iter::once(root.to_owned()).chain(path).collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use minijinja::machinery::parse_expr;

    use super::*;

    fn of(source: &str) -> Vec<String> {
        let paths = compared(&parse_expr(source).expect("an expression"));
        paths.into_iter().map(|path| path.join(".")).collect()
    }

    #[test]
    fn texts_that_are_compared() {
        assert_eq!(of("a.text == 'yes'"), ["a.text"]);
        assert_eq!(of("'yes' in a.text | lower and b"), ["a.text"]);
        assert_eq!(of("(a.text | trim) is startingwith('no')"), ["a.text"]);
        assert_eq!(of("1 if x.y != z else 2"), ["x.y", "z"]);
        assert_eq!(of("not (a.text[:3] == 'yes')"), ["a.text"]);
    }

    #[test]
    fn presence_and_length_are_not_compared() {
        for source in
            ["a.text", "a.text | length > 200", "a.text is defined", "a and not b", "a.text or b", "a.text != none"]
        {
            assert_eq!(of(source), Vec::<String>::new(), "{source}");
        }
    }
}
