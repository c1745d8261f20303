//! Types of expressions, and what certainly or probably goes wrong in them.
//!
//! Nothing is reported about what is not known: `Any` is silent, and an error is pushed only when no value can be right.

mod filters;
mod narrow;
mod operators;
mod paths;
mod statements;

use std::ops::Range;

use minijinja::machinery::ast::{CallArg, Expr, UnaryOpKind};

use super::{
    TypeScope,
    lazy::to_json,
    place::{bytes, range},
    program::Program,
    table::find_test,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    schema::{Field, ObjectType, Type, type_of_value},
};

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is taken as it is.
    Value,
    /// It is only asked whether it is true, or something else handles null.
    Condition,
    /// It becomes part of a text.
    Print,
    /// It is computed with: null fails or misleads.
    Operand,
}

/// The type of an expression.
pub(super) fn expression(program: &Program, types: &TypeScope, how: Use, out: &mut Diagnostics) -> Type {
    program.with_expression(|expr| Checker::new(program, types, out).ty(expr, how)).unwrap_or(Type::Any)
}

/// Paths that are not null where the expression holds.
pub(super) fn present(program: &Program) -> Vec<Vec<String>> {
    let mut found = vec![];
    program.with_expression(|expr| narrow::present(expr, true, &mut found));
    found
}

/// Checks a template.
pub(super) fn template(program: &Program, types: &TypeScope, out: &mut Diagnostics) {
    program.with_template(|template| Checker::new(program, types, out).statement(template));
}

/// A walk that knows the types of names and what was tested on the way.
struct Checker<'c> {
    program: &'c Program,
    types: &'c TypeScope,
    out: &'c mut Diagnostics,
    /// Names bound by the template, innermost last.
    locals: Vec<(String, Type)>,
    /// Paths that are known not to be null here.
    present: Vec<Vec<String>>,
}

impl<'c> Checker<'c> {
    fn new(program: &'c Program, types: &'c TypeScope, out: &'c mut Diagnostics) -> Self {
        types.hear(|heard| heard.programs.push(program.at(0..program.source().len())));
        Self { program, types, out, locals: vec![], present: types.present.clone() }
    }

    fn written(&self, at: &Range<usize>) -> String {
        let text = self.program.source().get(at.clone()).unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > 60 { format!("{}…", text.chars().take(59).collect::<String>()) } else { text }
    }

    fn push(&mut self, code: Code, at: Range<usize>, message: String, help: Option<String>) {
        self.out.push(Diagnostic::new(code, self.program.at(at), message).maybe_help(help));
    }

    /// Warns when a value that may be null is used as if it were not.
    fn guarded(&mut self, expr: &Expr<'_>, ty: Type, how: Use) -> Type {
        let wanted = matches!(how, Use::Print | Use::Operand);
        if wanted && ty.may_be_null() && ty != Type::Null {
            let at = range(expr);
            let name = self.written(&at);
            let message = match how {
                Use::Print => format!("`{name}` may be null, and then prints as nothing"),
                _ => format!("`{name}` may be null"),
            };
            let help = format!("write `{name} or …`, `{name} | default(…)`, or test it first");
            self.push(Code::MAY_BE_NULL, at, message, Some(help));
        }
        ty
    }

    /// The type of an expression, for what becomes of it.
    fn ty(&mut self, expr: &Expr<'_>, how: Use) -> Type {
        match expr {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                let ty = self.access(expr, how);
                self.guarded(expr, ty, how)
            }
            Expr::Const(c) => to_json(&c.value, 1_000_000).map_or(Type::Any, |value| type_of_value(&value)),
            Expr::Slice(e) => {
                for part in [&e.start, &e.stop, &e.step].into_iter().flatten() {
                    self.ty(part, Use::Value);
                }
                match self.ty(&e.expr, Use::Operand).without_null() {
                    Type::List(item) => Type::List(item),
                    Type::String | Type::Enum(_) => Type::String,
                    _ => Type::Any,
                }
            }
            Expr::UnaryOp(e) => match e.op {
                UnaryOpKind::Not => {
                    self.ty(&e.expr, Use::Condition);
                    Type::Boolean
                }
                UnaryOpKind::Neg => self.negated(expr, &e.expr),
            },
            Expr::BinOp(e) => self.binary(expr, e, how),
            Expr::Compare(e) => {
                let mut left = &e.expr;
                for op in &e.ops {
                    self.compare(left, op.op, &op.expr);
                    left = &op.expr;
                }
                Type::Boolean
            }
            Expr::IfExpr(e) => {
                self.ty(&e.test_expr, Use::Condition);
                let yes = self.knowing(&e.test_expr, true, |this| this.ty(&e.true_expr, how));
                let no = match &e.false_expr {
                    Some(other) => self.knowing(&e.test_expr, false, |this| this.ty(other, how)),
                    None => Type::Null,
                };
                Type::union(yes, no)
            }
            Expr::Filter(e) => {
                let ty = self.filter(expr, e);
                self.guarded(expr, ty, how)
            }
            Expr::Test(e) => {
                self.ty(&e.expr, Use::Condition);
                match find_test(e.name) {
                    Some(test) => self.arguments(test, "is", &e.args, expr),
                    None => self.args(&e.args),
                };
                Type::Boolean
            }
            Expr::Call(e) => self.called(expr, e),
            Expr::List(e) => self.items(&e.items),
            Expr::Tuple(e) => self.items(&e.items),
            Expr::Map(e) => self.map(&e.keys, &e.values),
        }
    }

    fn map(&mut self, keys: &[Expr<'_>], values: &[Expr<'_>]) -> Type {
        let mut object = ObjectType::default();
        for (key, value) in keys.iter().zip(values) {
            let ty = self.ty(value, Use::Value);
            match key {
                Expr::Const(c) if c.value.as_str().is_some() => {
                    let name = c.value.as_str().unwrap_or_default().to_owned();
                    let at = Some(self.program.at(bytes(c.span())));
                    object.fields.insert(name, Field { at, ..Field::required(ty) });
                }
                other => {
                    self.ty(other, Use::Value);
                    object.open = true;
                }
            }
        }
        Type::Object(object)
    }

    fn items(&mut self, items: &[Expr<'_>]) -> Type {
        let types: Vec<Type> = items.iter().map(|item| self.ty(item, Use::Value)).collect();
        Type::list(Type::union_of(types).unwrap_or(Type::Any))
    }

    fn args(&mut self, args: &[CallArg<'_>]) -> Vec<Type> {
        args.iter()
            .map(|arg| match arg {
                CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => {
                    self.ty(e, Use::Value)
                }
            })
            .collect()
    }

    fn local(&self, name: &str) -> Option<&Type> {
        self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, ty)| ty)
    }

    /// Runs a check with what a test being true or false tells.
    fn knowing<R>(&mut self, test: &Expr<'_>, truth: bool, check: impl FnOnce(&mut Self) -> R) -> R {
        let (mut before, locals) = (self.present.clone(), self.locals.len());
        narrow::present(test, truth, &mut self.present);
        let result = check(self);
        // What was known about a name does not hold for a name that was set in between.
        let set = self.locals.get(locals..).unwrap_or(&[]);
        before.retain(|path| !set.iter().any(|(name, _)| path.first() == Some(name)));
        self.present = before;
        result
    }
}
