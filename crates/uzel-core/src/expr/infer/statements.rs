//! The statements of templates: what they bind and what they test.

use minijinja::machinery::ast::{Expr, Macro, Stmt};

use super::{
    Checker, Use,
    operators::{Family, family},
};
use crate::{diagnostic::Code, expr::place::range, schema::Type};

impl Checker<'_> {
    pub(super) fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(s) => self.statements(&s.children),
            Stmt::EmitExpr(s) => {
                self.ty(&s.expr, Use::Print);
            }
            Stmt::ForLoop(s) => {
                let item = self.iterated(&s.iter);
                self.scoped(|this| {
                    this.bind(&s.target, item);
                    this.bind_name("loop", Type::Any);
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
                for (_, ty) in self.locals.iter_mut().skip(before) {
                    *ty = Type::Any;
                }
            }
            Stmt::WithBlock(s) => self.scoped(|this| {
                for (target, expr) in &s.assignments {
                    let ty = this.ty(expr, Use::Value);
                    this.bind(target, ty);
                }
                this.statements(&s.body);
            }),
            Stmt::Set(s) => {
                let ty = self.ty(&s.expr, Use::Condition);
                self.bind(&s.target, ty);
            }
            Stmt::SetBlock(s) => {
                self.scoped(|this| this.statements(&s.body));
                self.bind(&s.target, Type::String);
            }
            Stmt::FilterBlock(s) => self.scoped(|this| this.statements(&s.body)),
            Stmt::Macro(s) => {
                self.bind_name(s.name, Type::Any);
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
            decl.args.iter().for_each(|arg| this.bind(arg, Type::Any));
            this.bind_name("caller", Type::Any);
            this.statements(&decl.body);
        });
    }

    fn bind(&mut self, target: &Expr<'_>, ty: Type) {
        match target {
            Expr::Var(var) => self.bind_name(var.id, ty),
            Expr::List(list) => list.items.iter().for_each(|item| self.bind(item, Type::Any)),
            _ => {}
        }
    }

    fn bind_name(&mut self, name: &str, ty: Type) {
        self.present.retain(|path| path.first().is_none_or(|root| root != name));
        self.locals.push((name.to_owned(), ty));
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
                    self.push(Code::TYPE_MISMATCH, range(iter), message, None);
                }
                Type::Any
            }
        }
    }
}
