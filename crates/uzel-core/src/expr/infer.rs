//! Types of expressions, and what certainly or probably goes wrong in them.
//!
//! Nothing is reported about what is not known: `Any` is silent, and an error is pushed only when no value can be right.

mod filters;
mod narrow;
mod operators;
mod origins;
mod paths;
mod statements;

use std::{ops::Range, sync::Arc};

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Slice, UnaryOpKind};

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
    source::Span,
};
use operators::{Family, family};
use origins::Origin;

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
    let check = |expr: &Expr<'_>| {
        let mut checker = Checker::new(program, types, out);
        if how == Use::Print { checker.printed(expr) } else { checker.ty(expr, how) }
    };
    program.with_expression(check).unwrap_or(Type::Any)
}

/// Where the value of an expression comes from, in words, if it is a name or a field of one.
pub(super) fn origin(program: &Program, types: &TypeScope) -> Option<(Span, String)> {
    let mut unheard = Diagnostics::default();
    let find = |expr: &Expr<'_>| {
        let mut checker = Checker::new(program, types, &mut unheard);
        checker.ty(expr, Use::Condition);
        let origin = checker.origin(expr)?;
        Some((origin.at, origin.told(&checker.written(&range(expr)))))
    };
    program.with_expression(find).flatten()
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
    locals: Vec<Local>,
    /// Paths that are known not to be null here.
    present: Vec<Vec<String>>,
    /// Names and fields that were looked at, by their place, and where they come from.
    origins: Vec<(Range<usize>, Origin)>,
}

/// A name that a template binds.
struct Local {
    name: String,
    ty: Type,
    /// Where its value comes from.
    origin: Option<Origin>,
}

impl<'c> Checker<'c> {
    fn new(program: &'c Program, types: &'c TypeScope, out: &'c mut Diagnostics) -> Self {
        types.hear(|heard| heard.programs.push(program.at(0..program.source().len())));
        Self { program, types, out, locals: vec![], present: types.present.clone(), origins: vec![] }
    }

    fn written(&self, at: &Range<usize>) -> String {
        let text = self.program.source().get(at.clone()).unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > 60 { format!("{}…", text.chars().take(59).collect::<String>()) } else { text }
    }

    /// Reports something; says where the values of `about` come from.
    fn push(&mut self, code: Code, at: Range<usize>, message: String, help: Option<String>, about: &[&Expr<'_>]) {
        let mut diagnostic = Diagnostic::new(code, self.program.at(at), message).maybe_help(help);
        for expr in about {
            if let Some(origin) = self.origin(expr) {
                let written = self.written(&range(expr));
                let text = if code == Code::MAY_BE_NULL { origin.may_lack(&written) } else { origin.told(&written) };
                if !diagnostic.labels.iter().any(|label| label.at == origin.at) {
                    diagnostic = diagnostic.label(origin.at, text);
                }
            }
        }
        self.out.push(diagnostic);
    }

    /// What an expression is, for messages: a value that is written out, or a name with its type.
    fn named(&self, expr: &Expr<'_>, ty: &Type) -> String {
        match expr {
            Expr::Const(_) => self.written(&range(expr)),
            _ => format!("`{}` ({})", self.written(&range(expr)), ty.without_null()),
        }
    }

    /// Warns when a value that may be null is used as if it were not.
    fn guarded(&mut self, expr: &Expr<'_>, ty: Type, how: Use) -> Type {
        let wanted = matches!(how, Use::Print | Use::Operand);
        if wanted && ty == Type::Null && how == Use::Print {
            let at = range(expr);
            let message = format!("`{}` is always null, and prints as nothing", self.written(&at));
            self.push(Code::MAY_BE_NULL, at, message, Some("remove it".to_owned()), &[expr]);
        } else if wanted && ty.may_be_null() && ty != Type::Null {
            let at = range(expr);
            let name = self.written(&at);
            let message = match how {
                Use::Print => format!("`{name}` may be null, and then prints as nothing"),
                _ => format!("`{name}` may be null"),
            };
            let help = format!("write `{name} or …`, `{name} | default(…)`, or test it first");
            self.push(Code::MAY_BE_NULL, at, message, Some(help), &[expr]);
        }
        ty
    }

    /// The type of an expression that becomes part of a text. Lists and maps become JSON there, which is seldom meant.
    fn printed(&mut self, expr: &Expr<'_>) -> Type {
        let ty = self.ty(expr, Use::Print);
        let (what, help) = match family(&ty) {
            Some(Family::List) => ("a list", "write `| join(\", \")` for its items, `| tojson` for JSON, or a `for`"),
            Some(Family::Map) => ("a map", "write `| tojson` for JSON, or print its fields"),
            _ => return ty,
        };
        let at = range(expr);
        let message = format!("`{}` is {what}, and prints as JSON", self.written(&at));
        self.push(Code::PRINTS_STRUCTURE, at, message, Some(help.to_owned()), &[expr]);
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
            Expr::Slice(e) => self.slice(expr, e),
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

    fn slice(&mut self, expr: &Expr<'_>, e: &Slice<'_>) -> Type {
        for part in [&e.start, &e.stop, &e.step].into_iter().flatten() {
            let ty = self.ty(part, Use::Operand);
            self.index(part, &ty);
        }
        let ty = self.ty(&e.expr, Use::Operand);
        match (ty.without_null(), family(&ty)) {
            (Type::List(item), _) => Type::List(item),
            // A part of null is an empty list.
            (_, Some(Family::Text)) if ty.may_be_null() || may_be_absent(&e.expr) => {
                Type::union(Type::String, Type::list(Type::Any))
            }
            (_, Some(Family::Text)) => Type::String,
            (_, Some(Family::Number | Family::Map)) => {
                let message = format!("{} cannot be cut into parts", self.named(&e.expr, &ty));
                self.push(Code::TYPE_MISMATCH, range(expr), message, None, &[&e.expr]);
                Type::Any
            }
            _ => Type::Any,
        }
    }

    fn map(&mut self, keys: &[Expr<'_>], values: &[Expr<'_>]) -> Type {
        let mut object = ObjectType::default();
        for (key, value) in keys.iter().zip(values) {
            let ty = self.kept(value);
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
        Type::Object(Arc::new(object))
    }

    /// The type of a value that becomes part of a list or map, where what is not there is null.
    fn kept(&mut self, expr: &Expr<'_>) -> Type {
        let ty = self.ty(expr, Use::Value);
        if may_be_absent(expr) { ty.or_null() } else { ty }
    }

    fn items(&mut self, items: &[Expr<'_>]) -> Type {
        let types: Vec<Type> = items.iter().map(|item| self.kept(item)).collect();
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

    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| local.name == name)
    }

    /// Runs a check with what a test being true or false tells.
    fn knowing<R>(&mut self, test: &Expr<'_>, truth: bool, check: impl FnOnce(&mut Self) -> R) -> R {
        let (mut before, locals) = (self.present.clone(), self.locals.len());
        narrow::present(test, truth, &mut self.present);
        let result = check(self);
        // What was known about a name does not hold for a name that was set in between.
        let set = self.locals.get(locals..).unwrap_or(&[]);
        before.retain(|path| !set.iter().any(|local| path.first() == Some(&local.name)));
        self.present = before;
        result
    }
}

/// Whether an expression may give nothing at all, although its type does not say so: an item of a list that is shorter.
fn may_be_absent(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::GetAttr(e) => may_be_absent(&e.expr),
        Expr::GetItem(e) => {
            let named = matches!(&e.subscript_expr, Expr::Const(key) if key.value.as_str().is_some());
            !named || may_be_absent(&e.expr)
        }
        Expr::Filter(e) => matches!(e.name, "first" | "last" | "min" | "max"),
        Expr::IfExpr(e) => may_be_absent(&e.true_expr) || e.false_expr.as_ref().is_some_and(may_be_absent),
        Expr::BinOp(e) => match e.op {
            BinOpKind::ScAnd => may_be_absent(&e.left) || may_be_absent(&e.right),
            BinOpKind::ScOr => may_be_absent(&e.right),
            _ => false,
        },
        _ => false,
    }
}
