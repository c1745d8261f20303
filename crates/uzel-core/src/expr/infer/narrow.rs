//! What a test that is true or false tells about null.

use minijinja::machinery::ast::{BinOpKind, Expr, UnaryOpKind};

use super::super::survey::path_of;

/// Adds the paths that are not null when `test` has this truth.
pub(super) fn present(test: &Expr<'_>, truth: bool, out: &mut Vec<Vec<String>>) {
    match test {
        Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) if truth => add(test, out),
        Expr::UnaryOp(e) if matches!(e.op, UnaryOpKind::Not) => present(&e.expr, !truth, out),
        Expr::BinOp(e) => match (e.op, truth) {
            (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false) => {
                present(&e.left, truth, out);
                present(&e.right, truth, out);
            }
            (BinOpKind::Eq, true) | (BinOpKind::Ne, false) => {
                if is_value(&e.right) {
                    add(&e.left, out);
                }
                if is_value(&e.left) {
                    add(&e.right, out);
                }
            }
            (BinOpKind::Eq, false) | (BinOpKind::Ne, true) => {
                if is_none(&e.right) {
                    add(&e.left, out);
                }
                if is_none(&e.left) {
                    add(&e.right, out);
                }
            }
            (BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte, true) => {
                add(&e.left, out);
                add(&e.right, out);
            }
            (BinOpKind::In, true) => {
                add(&e.left, out);
                add(&e.right, out);
            }
            _ => {}
        },
        Expr::Test(e) => match (e.name, truth) {
            ("none" | "undefined", false) => add(&e.expr, out),
            ("none" | "undefined", true) => {}
            (_, true) => add(&e.expr, out),
            _ => {}
        },
        // `x | length > 0` and the like: what goes into a filter that gives something true is there.
        Expr::Filter(e) if truth && !matches!(e.name, "default" | "d" | "tojson" | "string") => {
            if let Some(inner) = &e.expr {
                add(inner, out);
            }
        }
        _ => {}
    }
}

/// A path that is not null has no null before it either.
fn add(expr: &Expr<'_>, out: &mut Vec<Vec<String>>) {
    if let Expr::Filter(e) = expr {
        if let (Some(inner), false) = (&e.expr, matches!(e.name, "default" | "d" | "tojson" | "string")) {
            add(inner, out);
        }
        return;
    }
    let Some((root, path)) = path_of(expr) else { return };
    let mut known = vec![root.to_owned()];
    out.push(known.clone());
    for name in path {
        known.push(name);
        out.push(known.clone());
    }
}

fn is_none(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Const(c) if c.value.is_none())
}

fn is_value(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Const(c) if !c.value.is_none() && !c.value.is_undefined())
}
