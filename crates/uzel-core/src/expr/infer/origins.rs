//! Where values come from, for messages: the place where a name or a field is declared.

use std::ops::Range;

use minijinja::machinery::ast::Expr;

use super::Checker;
use crate::{expr::place::range, source::Span};

/// The nearest declaration of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Where it stands.
    pub(crate) at: Span,
    /// What is declared: `order`, `order.total`.
    pub(crate) name: String,
}

impl Origin {
    /// What this place has to do with an expression.
    pub(crate) fn told(&self, written: &str) -> String {
        if self.name == written {
            format!("`{written}` is declared here")
        } else {
            format!("`{written}` comes from `{}`", self.name)
        }
    }

    /// As [`Self::told`], of a value that may be null: a node does not always run.
    pub(super) fn may_lack(&self, written: &str) -> String {
        if self.name == written && !written.contains('.') {
            format!("`{written}` does not always give a value")
        } else {
            self.told(written)
        }
    }
}

impl Checker<'_> {
    /// Remembers where a name or a field comes from.
    pub(super) fn note(&mut self, at: Range<usize>, origin: Option<&Origin>) {
        if let Some(origin) = origin {
            self.origins.push((at, origin.clone()));
        }
    }

    /// Where a name or a field comes from that was looked at.
    pub(super) fn origin(&self, expr: &Expr<'_>) -> Option<Origin> {
        let at = match expr {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => range(expr),
            _ => return None,
        };
        self.origins.iter().rev().find(|(known, _)| *known == at).map(|(_, origin)| origin.clone())
    }
}
