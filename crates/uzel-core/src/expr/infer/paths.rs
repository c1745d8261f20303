//! Types of names, fields and items.

use std::ops::Range;

use minijinja::machinery::ast::Expr;

use super::{Checker, Family, Origin, Use, family};
use crate::{
    diagnostic::{Code, Diagnostic, did_you_mean},
    expr::{
        heard::{Expected, Step, without_quotes},
        place::{bytes, range},
    },
    schema::{FieldLookup, Type},
    source::Span,
};

/// The type of a path so far, and where it comes from.
struct Reached {
    ty: Type,
    /// Plain names from the root on; none when something else is between.
    path: Option<Vec<String>>,
    /// The nearest declaration.
    declared: Option<Origin>,
    /// Null was possible at some step, and that was told.
    told: bool,
}

impl Checker<'_> {
    /// The type of a name or of a chain of fields and items.
    pub(super) fn access(&mut self, expr: &Expr<'_>, how: Use) -> Type {
        let reached = self.reach(expr, how);
        self.note(range(expr), reached.declared.as_ref());
        reached.ty
    }

    fn reach(&mut self, expr: &Expr<'_>, how: Use) -> Reached {
        match expr {
            Expr::Var(var) => self.root(var.id, bytes(var.span())),
            Expr::GetAttr(e) => {
                let base = self.base(&e.expr, how);
                let end = e.span().end_offset as usize;
                self.field(&e.expr, base, e.name, end.saturating_sub(e.name.len())..end)
            }
            Expr::GetItem(e) => {
                let base = self.base(&e.expr, how);
                if let Expr::Const(key) = &e.subscript_expr {
                    if let Some(name) = key.value.as_str() {
                        return self.field(&e.expr, base, name, bytes(key.span()));
                    }
                    let name = key.value.to_string();
                    return self.item(&e.expr, &e.subscript_expr, base, Some(name));
                }
                self.item(&e.expr, &e.subscript_expr, base, None)
            }
            other => Reached { ty: self.ty(other, Use::Condition), path: None, declared: None, told: false },
        }
    }

    /// What a field is taken from. Null there is told once for a chain, and only where its null would go on.
    fn base(&mut self, expr: &Expr<'_>, how: Use) -> Reached {
        let mut base = self.reach(expr, how);
        if how == Use::Value && !base.told && base.ty.may_be_null() && base.ty != Type::Null {
            let at = range(expr);
            let name = self.written(&at);
            let message = format!("`{name}` may be null, and then what is taken from it is null too");
            let help = format!("write `… if {name} else …`, `… or …`, or `… | default(…)`");
            self.note(at.clone(), base.declared.as_ref());
            self.push(Code::MAY_BE_NULL, at, message, Some(help), &[expr]);
            base.told = true;
        }
        base
    }

    fn root(&mut self, name: &str, at: Range<usize>) -> Reached {
        let path = Some(vec![name.to_owned()]);
        let local = self.local(name).is_some();
        self.types.hear(|heard| {
            if heard.marks(name) {
                let locals = self.locals.iter().rev().map(|local| (local.name.clone(), local.ty.clone(), None));
                heard.expected = Some(Expected::Name(locals.chain(self.types.roots()).collect()));
            }
        });
        let (ty, declared) = match (self.local(name), self.types.get(name)) {
            (Some(local), _) => (local.ty.clone(), local.origin.clone()),
            (None, Some((ty, declared))) => (ty.clone(), declared.map(|at| Origin { at, name: name.to_owned() })),
            (None, None) => {
                let known = self.types.names().chain(self.locals.iter().map(|local| local.name.as_str()));
                let help = did_you_mean(name, known);
                self.push(Code::UNKNOWN_REFERENCE, at.clone(), format!("there is no node or root `{name}`"), help, &[]);
                (Type::Any, None)
            }
        };
        let reached = self.narrowed(Reached { ty, path, declared, told: false });
        let declared = reached.declared.as_ref().filter(|_| !local).map(|origin| origin.at);
        self.stepped(&reached, at, None, declared, local);
        reached
    }

    /// Tells an editor about a name or a field.
    fn stepped(&self, to: &Reached, at: Range<usize>, of: Option<Type>, declared: Option<Span>, local: bool) {
        self.types.hear(|heard| {
            let at = self.program.at(without_quotes(at, self.program.source()));
            let path = to.path.clone().unwrap_or_default();
            heard.steps.push(Step { at, path, ty: to.ty.clone(), of, declared, local });
        });
    }

    fn narrowed(&self, mut reached: Reached) -> Reached {
        if reached.path.as_ref().is_some_and(|path| self.present.contains(path)) && reached.ty != Type::Null {
            reached.ty = reached.ty.without_null();
        }
        reached
    }

    fn field(&mut self, of: &Expr<'_>, base: Reached, name: &str, at: Range<usize>) -> Reached {
        let path = base.path.map(|mut path| {
            path.push(name.to_owned());
            path
        });
        self.types.hear(|heard| {
            if heard.marks(name) {
                heard.expected = Some(Expected::Field(base.ty.clone()));
            }
        });
        let found = base.ty.field(name);
        match found {
            FieldLookup::Found(ty, declared) => {
                let own = declared;
                let declared = match (declared, &path) {
                    (Some(at), Some(path)) => Some(Origin { at, name: path.join(".") }),
                    _ => base.declared,
                };
                let reached = self.narrowed(Reached { ty, path, declared, told: base.told });
                self.stepped(&reached, at, Some(base.ty), own, false);
                reached
            }
            FieldLookup::Unknown => Reached { ty: Type::Any, path, declared: None, told: base.told },
            FieldLookup::Missing { known, .. } => {
                let owner = self.written(&range(of));
                self.no_field(&owner, &base.ty, name, known, at, base.declared);
                Reached { ty: Type::Any, path: None, declared: None, told: base.told }
            }
        }
    }

    fn no_field(
        &mut self,
        owner: &str,
        ty: &Type,
        name: &str,
        mut known: Vec<String>,
        at: Range<usize>,
        declared: Option<Origin>,
    ) {
        known.dedup();
        let at = self.program.at(at);
        let diagnostic = if known.is_empty() {
            let message = format!("`{owner}` has no field `{name}`: it is of type {}", ty.without_null());
            Diagnostic::new(Code::UNKNOWN_FIELD, at, message)
        } else {
            let help = did_you_mean(name, known.iter().map(String::as_str)).unwrap_or_else(|| {
                let list: Vec<String> = known.iter().take(12).map(|name| format!("`{name}`")).collect();
                format!("it has {}", list.join(", "))
            });
            Diagnostic::new(Code::UNKNOWN_FIELD, at, format!("`{owner}` has no field `{name}`")).help(help)
        };
        self.out.push(match declared {
            Some(Origin { at, name }) => {
                let label = match name.as_str() {
                    "input" | "flags" | "run" | "node" | "loop" => format!("`{name}` has these fields"),
                    node if !node.contains('.') && !known.is_empty() => format!("`{node}` returns these fields"),
                    _ => format!("`{name}` is declared here"),
                };
                diagnostic.label(at, label)
            }
            None => diagnostic,
        });
    }

    fn item(&mut self, of: &Expr<'_>, subscript: &Expr<'_>, base: Reached, name: Option<String>) -> Reached {
        let nullable = base.ty.may_be_null();
        let key = self.ty(subscript, Use::Operand);
        let kind = family(&base.ty);
        let ty = match base.ty.without_null() {
            Type::List(item) => *item,
            _ if kind == Some(Family::Text) => Type::String,
            _ => Type::Any,
        };
        match kind {
            Some(Family::List | Family::Text) => self.index(subscript, &key),
            Some(Family::Number) => {
                let message = format!("`{}` has no items: it is {}", self.written(&range(of)), base.ty.without_null());
                self.note(range(of), base.declared.as_ref());
                self.push(Code::UNKNOWN_FIELD, range(subscript), message, None, &[of]);
            }
            Some(Family::Map) if family(&key).is_some_and(|key| key != Family::Text) => {
                let message = format!("`{}` is a map: its fields have names, not numbers", self.written(&range(of)));
                self.note(range(of), base.declared.as_ref());
                self.push(Code::UNKNOWN_FIELD, range(subscript), message, None, &[of]);
            }
            _ => {}
        }
        let path = match (base.path, name) {
            (Some(mut path), Some(name)) => {
                path.push(name);
                Some(path)
            }
            _ => None,
        };
        let ty = if nullable { ty.or_null() } else { ty };
        self.narrowed(Reached { ty, path, declared: base.declared, told: base.told })
    }

    /// Whether a value can say which item of a list or which part of it is meant.
    pub(super) fn index(&mut self, expr: &Expr<'_>, ty: &Type) {
        if family(ty).is_some_and(|found| found != Family::Number) {
            let message = format!("items are counted: {} is not an integer", self.named(expr, ty));
            self.push(Code::TYPE_MISMATCH, range(expr), message, None, &[expr]);
        }
    }
}
