//! Where an expression of the syntax tree begins and ends in its source.
//!
//! The parser's own spans begin one token early for comparisons and `if`, and at the last dot for chains of fields,
//! so the beginning is taken from the leftmost part.

use std::ops::Range;

use minijinja::machinery::{
    Span,
    ast::{Expr, UnaryOpKind},
};

/// The bytes of a parser's span.
pub(super) fn bytes(span: Span) -> Range<usize> {
    let start = span.start_offset as usize;
    start..(span.end_offset as usize).max(start)
}

/// The bytes of an expression; parentheses around it are not part of it.
pub(super) fn range(expr: &Expr<'_>) -> Range<usize> {
    let start = start(expr);
    start..end(expr).max(start)
}

fn end(expr: &Expr<'_>) -> usize {
    expr.span().end_offset as usize
}

fn start(expr: &Expr<'_>) -> usize {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::GetAttr(e) => &e.expr,
            Expr::GetItem(e) => &e.expr,
            Expr::Slice(e) => &e.expr,
            Expr::Call(e) => &e.expr,
            Expr::BinOp(e) => &e.left,
            Expr::Compare(e) => &e.expr,
            Expr::IfExpr(e) => &e.true_expr,
            Expr::Test(e) => &e.expr,
            Expr::Filter(e) => match &e.expr {
                Some(inner) => inner,
                None => return e.span().start_offset as usize,
            },
            Expr::UnaryOp(e) => match (&e.op, &e.expr) {
                // `a not in b`: a negation whose span begins at or before its operand's left side.
                (UnaryOpKind::Not, inner @ Expr::BinOp(_)) if is_suffix(e.span(), inner) => inner,
                // `a is not b`: likewise, but the span is that of the test's name.
                (UnaryOpKind::Not, inner @ Expr::Test(t)) if e.span() == t.span() => inner,
                _ => return e.span().start_offset as usize,
            },
            other => return other.span().start_offset as usize,
        };
    }
}

/// Whether a negation was written inside its operand, as `not in`: the parser gives both the same span.
fn is_suffix(span: Span, inner: &Expr<'_>) -> bool {
    span == inner.span()
}
