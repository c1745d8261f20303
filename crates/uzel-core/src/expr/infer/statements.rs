//! The statements of templates: what they bind and what they test.

use std::sync::Arc;

use minijinja::machinery::ast::{Expr, Macro, Stmt};

use super::{Checker, Family, Local, Origin, Use, family};
use crate::{
    diagnostic::Code,
    expr::place::range,
    schema::{Field, ObjectType, Type},
};

impl Checker<'_> {
    pub(super) fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(s) => self.statements(&s.children),
            Stmt::EmitExpr(s) => {
                self.printed(&s.expr);
            }
            Stmt::ForLoop(s) => {
                let item = self.iterated(&s.iter);
                let origin = self.origin(&s.iter);
                self.taken_apart(&s.target, &s.iter, &item);
                self.scoped(|this| {
                    let around = loop_type(&item);
                    this.bind(&s.target, item, origin);
                    this.bind_name("loop", around, None);
                    match &s.filter_expr {
                        Some(filter) => {
                            this.ty(filter, Use::Condition);
                            this.knowing(filter, true, |this| this.statements(&s.body));
                        }
                        None => this.statements(&s.body),
                    }
                });
                self.scoped(|this| this.statements(&s.else_body));
            }
            Stmt::IfCond(s) => {
                self.ty(&s.expr, Use::Condition);
                let before = self.locals.len();
                self.knowing(&s.expr, true, |this| this.statements(&s.true_body));
                self.knowing(&s.expr, false, |this| this.statements(&s.false_body));
                // What a branch sets is set afterwards, perhaps.
                for local in self.locals.iter_mut().skip(before) {
                    local.ty = Type::Any;
                }
            }
            Stmt::WithBlock(s) => self.scoped(|this| {
                for (target, expr) in &s.assignments {
                    let ty = this.ty(expr, Use::Value);
                    let origin = this.origin(expr);
                    this.bind(target, ty, origin);
                }
                this.statements(&s.body);
            }),
            Stmt::Set(s) => {
                let ty = self.ty(&s.expr, Use::Condition);
                let origin = self.origin(&s.expr);
                self.bind(&s.target, ty, origin);
            }
            Stmt::SetBlock(s) => {
                self.scoped(|this| this.statements(&s.body));
                let ty = s.filter.as_ref().map_or(Type::String, |filter| self.ty(filter, Use::Value));
                self.bind(&s.target, ty, None);
            }
            Stmt::FilterBlock(s) => {
                self.ty(&s.filter, Use::Value);
                self.scoped(|this| this.statements(&s.body));
            }
            Stmt::Macro(s) => {
                self.bind_name(s.name, Type::Any, None);
                self.body(s);
            }
            Stmt::CallBlock(s) => {
                self.args(&s.call.args);
                self.body(&s.macro_decl);
            }
            Stmt::Do(s) => {
                self.args(&s.call.args);
            }
            // The rest is text, or was refused when the template was parsed.
            _ => {}
        }
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn scoped(&mut self, check: impl FnOnce(&mut Self)) {
        let (before, present) = (self.locals.len(), self.present.clone());
        check(self);
        self.locals.truncate(before);
        self.present = present;
    }

    fn body(&mut self, decl: &Macro<'_>) {
        for default in &decl.defaults {
            self.ty(default, Use::Value);
        }
        self.scoped(|this| {
            // A macro runs where it is called, so nothing that was tested here holds in it.
            this.present.clear();
            decl.args.iter().for_each(|arg| this.bind(arg, Type::Any, None));
            this.bind_name("caller", Type::Any, None);
            this.statements(&decl.body);
        });
    }

    fn bind(&mut self, target: &Expr<'_>, ty: Type, origin: Option<Origin>) {
        match target {
            Expr::Var(var) => self.bind_name(var.id, ty, origin),
            Expr::List(list) => list.items.iter().for_each(|item| self.bind(item, Type::Any, None)),
            _ => {}
        }
    }

    fn bind_name(&mut self, name: &str, ty: Type, origin: Option<Origin>) {
        self.present.retain(|path| path.first().is_none_or(|root| root != name));
        self.locals.push(Local { name: name.to_owned(), ty, origin });
    }

    /// `for name, value in map`: what a loop goes over must be lists then.
    fn taken_apart(&mut self, target: &Expr<'_>, iter: &Expr<'_>, item: &Type) {
        if !matches!(target, Expr::List(_)) || family(item).is_none_or(|found| found == Family::List) {
            return;
        }
        let message = format!("this loop goes over {item}, which cannot be taken apart");
        let help =
            format!("write `in {} | items` for the fields of a map and their values", self.written(&range(iter)));
        self.push(Code::TYPE_MISMATCH, range(target).start..range(iter).end, message, Some(help), &[iter]);
    }

    /// The type of the items that a loop goes over.
    fn iterated(&mut self, iter: &Expr<'_>) -> Type {
        let ty = self.ty(iter, Use::Operand);
        match ty.without_null() {
            Type::List(item) => *item,
            Type::Object(_) | Type::String => Type::String,
            plain => {
                if family(&plain) == Some(Family::Number) {
                    let name = self.written(&range(iter));
                    let message = format!("a loop cannot go over `{name}`, which is {plain}");
                    self.push(Code::TYPE_MISMATCH, range(iter), message, None, &[iter]);
                }
                Type::Any
            }
        }
    }
}

/// What `loop` is in a loop over such items.
fn loop_type(item: &Type) -> Type {
    let counts = ["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"];
    let counts = counts.into_iter().map(|name| (name, Type::Integer));
    let flags = ["first", "last"].into_iter().map(|name| (name, Type::Boolean));
    let beside = ["previtem", "nextitem"].into_iter().map(|name| (name, item.clone().or_null()));
    let fields = counts.chain(flags).chain(beside).map(|(name, ty)| (name.to_owned(), Field::required(ty)));
    Type::Object(Arc::new(ObjectType { fields: fields.collect(), open: false }))
}
