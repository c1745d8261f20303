//! Types of operators, and operands that cannot be right.

use minijinja::machinery::ast::{BinOp, BinOpKind, CompareOpKind, Expr, Spanned};
use serde_json::Value;

use super::{Checker, Use};
use crate::{
    diagnostic::{Code, did_you_mean},
    expr::{heard::Expected, place::range},
    schema::Type,
};

/// Kinds of values that operators tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Number,
    Text,
    List,
    Map,
}

/// The family that every value of a type is of, null aside; none when they differ or are not known.
pub(super) fn family(ty: &Type) -> Option<Family> {
    let mut found = None;
    for member in ty.members() {
        let one = match member {
            Type::Null => continue,
            Type::Boolean | Type::Integer | Type::Number => Family::Number,
            Type::String => Family::Text,
            Type::List(_) => Family::List,
            Type::Object(_) => Family::Map,
            Type::Enum(values) if values.iter().all(Value::is_string) => Family::Text,
            Type::Enum(values) if values.iter().all(|v| v.is_number() || v.is_boolean()) => Family::Number,
            _ => return None,
        };
        if found.is_some_and(|before| before != one) {
            return None;
        }
        found = Some(one);
    }
    found
}

/// Whether every value is a whole number.
fn is_whole(ty: &Type) -> bool {
    ty.members().iter().all(|member| match member {
        Type::Integer | Type::Boolean | Type::Null => true,
        Type::Enum(values) => values.iter().all(|v| v.is_i64() || v.is_u64() || v.is_boolean()),
        _ => false,
    })
}

impl Checker<'_> {
    pub(super) fn binary(&mut self, expr: &Expr<'_>, e: &Spanned<BinOp<'_>>, how: Use) -> Type {
        match e.op {
            BinOpKind::ScAnd => {
                let left = self.ty(&e.left, Use::Condition);
                let right = self.knowing(&e.left, true, |this| this.ty(&e.right, how));
                match falsy(&left) {
                    Some(left) if how != Use::Condition => {
                        let left = self.guarded(&e.left, left, how);
                        Type::union(left, right)
                    }
                    Some(left) => Type::union(left, right),
                    None => right,
                }
            }
            BinOpKind::ScOr => {
                let left = self.ty(&e.left, Use::Condition);
                let right = self.knowing(&e.left, false, |this| this.ty(&e.right, how));
                if left == Type::Null { right } else { Type::union(left.without_null(), right) }
            }
            BinOpKind::Eq => self.compare(&e.left, CompareOpKind::Eq, &e.right),
            BinOpKind::Ne => self.compare(&e.left, CompareOpKind::Ne, &e.right),
            BinOpKind::Lt => self.compare(&e.left, CompareOpKind::Lt, &e.right),
            BinOpKind::Lte => self.compare(&e.left, CompareOpKind::Lte, &e.right),
            BinOpKind::Gt => self.compare(&e.left, CompareOpKind::Gt, &e.right),
            BinOpKind::Gte => self.compare(&e.left, CompareOpKind::Gte, &e.right),
            BinOpKind::In => self.compare(&e.left, CompareOpKind::In, &e.right),
            BinOpKind::Concat => {
                self.printed(&e.left);
                self.printed(&e.right);
                Type::String
            }
            _ => self.arithmetic(expr, e),
        }
    }

    fn arithmetic(&mut self, expr: &Expr<'_>, e: &Spanned<BinOp<'_>>) -> Type {
        let left = self.ty(&e.left, Use::Operand);
        let right = self.ty(&e.right, Use::Operand);
        let sign = sign(e.op);
        for (operand, ty) in [(&e.left, &left), (&e.right, &right)] {
            if *ty == Type::Null {
                let message = format!("`{sign}` cannot take `{}`, which is always null", self.written(&range(operand)));
                self.push(Code::TYPE_MISMATCH, range(expr), message, None, &[operand]);
                return Type::Any;
            }
        }
        if matches!(e.op, BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem) && is_zero(&e.right) {
            let message = format!("`{sign} 0` always fails");
            self.push(Code::ALWAYS_FAILS, range(expr), message, Some("divide by something else".to_owned()), &[]);
        }
        let whole = is_whole(&left) && is_whole(&right);
        let number = if whole { Type::Integer } else { Type::Number };
        let (Some(a), Some(b)) = (family(&left), family(&right)) else { return Type::Any };
        let fits = match (e.op, a, b) {
            (BinOpKind::Div | BinOpKind::Pow, Family::Number, Family::Number) => Some(Type::Number),
            (_, Family::Number, Family::Number) => Some(number),
            (BinOpKind::Add, Family::Text, Family::Text) => Some(Type::String),
            (BinOpKind::Add, Family::List, Family::List) => {
                Some(Type::union(left.without_null(), right.without_null()))
            }
            (BinOpKind::Mul, Family::Text, Family::Number) if may_be_whole(&e.right, &right) => Some(Type::String),
            (BinOpKind::Mul, Family::Number, Family::Text) if may_be_whole(&e.left, &left) => Some(Type::String),
            (BinOpKind::Mul, Family::List, Family::Number) if may_be_whole(&e.right, &right) => {
                Some(left.without_null())
            }
            (BinOpKind::Mul, Family::Number, Family::List) if may_be_whole(&e.left, &left) => {
                Some(right.without_null())
            }
            _ => None,
        };
        fits.unwrap_or_else(|| {
            let (left, right) = (self.named(&e.left, &left), self.named(&e.right, &right));
            let message = format!("`{sign}` cannot take {left} and {right}");
            let texts = a == Family::Text || b == Family::Text;
            let help = (texts && matches!(e.op, BinOpKind::Add)).then(|| "write `~` to join texts".to_owned());
            let help =
                help.or_else(|| texts.then(|| "write `| int` or `| float` to make a number of a text".to_owned()));
            self.push(Code::TYPE_MISMATCH, range(expr), message, help, &[&e.left, &e.right]);
            Type::Any
        })
    }

    pub(super) fn negated(&mut self, expr: &Expr<'_>, inner: &Expr<'_>) -> Type {
        let ty = self.ty(inner, Use::Operand);
        let truth = ty.members().iter().all(|member| match member {
            Type::Boolean => true,
            Type::Enum(values) => values.iter().all(Value::is_boolean),
            _ => false,
        });
        match family(&ty) {
            Some(Family::Number) if !truth => {
                if is_whole(&ty) {
                    Type::Integer
                } else {
                    Type::Number
                }
            }
            None if ty != Type::Null => Type::Any,
            _ => {
                let message = format!("`-` cannot take {}", self.named(inner, &ty));
                let help = truth.then(|| "write `not`".to_owned());
                self.push(Code::TYPE_MISMATCH, range(expr), message, help, &[inner]);
                Type::Any
            }
        }
    }

    pub(super) fn compare(&mut self, left: &Expr<'_>, op: CompareOpKind, right: &Expr<'_>) -> Type {
        match op {
            CompareOpKind::Eq | CompareOpKind::Ne => {
                let a = self.ty(left, Use::Condition);
                let b = self.ty(right, Use::Condition);
                self.can_be_equal(left, &a, right, &b, "equal to");
            }
            CompareOpKind::In | CompareOpKind::NotIn => self.contains(left, right),
            _ => {
                let a = self.ty(left, Use::Operand);
                let b = self.ty(right, Use::Operand);
                if a == Type::Null || b == Type::Null {
                    let message = "null has no order: nothing is less or more than it".to_owned();
                    let at = range(left).start..range(right).end;
                    self.push(Code::TYPE_MISMATCH, at, message, None, &[left, right]);
                    return Type::Boolean;
                }
                let (known, other) = (family(&a), family(&b));
                let maps = known == Some(Family::Map) && other == Some(Family::Map);
                if maps || known.is_some() && other.is_some() && known != other {
                    let (a, b) = (self.named(left, &a), self.named(right, &b));
                    let message = format!("{a} and {b} have no order: one is never less or more than the other");
                    let at = range(left).start..range(right).end;
                    self.push(Code::TYPE_MISMATCH, at, message, None, &[left, right]);
                }
            }
        }
        Type::Boolean
    }

    /// `in`: an item of a list, a part of a text, a name of a field.
    fn contains(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let a = self.ty(left, Use::Condition);
        let b = self.ty(right, Use::Operand);
        match (b.without_null(), family(&b)) {
            (Type::List(item), _) => self.can_be_equal(left, &a, right, &item, "in"),
            (_, Some(Family::Number)) => {
                let message = format!("`in` cannot look into {}", self.named(right, &b));
                self.push(Code::TYPE_MISMATCH, range(right), message, None, &[right]);
            }
            _ if b == Type::Null => {
                let message = "`in` cannot look into null".to_owned();
                self.push(Code::TYPE_MISMATCH, range(right), message, None, &[right]);
            }
            (_, Some(whole)) if family(&a).is_some_and(|found| found != Family::Text) => {
                let what = if whole == Family::Map { "the names of a map's fields" } else { "texts" };
                let message =
                    format!("`in` looks for {what} in {}, and {} is none", self.named(right, &b), self.named(left, &a));
                let help = "write `| string` to make a text of it".to_owned();
                self.push(Code::TYPE_MISMATCH, range(left), message, Some(help), &[left, right]);
            }
            _ => {}
        }
    }

    /// Tells when two values can never be equal, or one never be an item of the other. Comparing with null is a test, and
    /// always allowed.
    fn can_be_equal(&mut self, left: &Expr<'_>, a: &Type, right: &Expr<'_>, b: &Type, how: &str) {
        self.types.hear(|heard| {
            let marked = |expr: &Expr<'_>| matches!(expr, Expr::Const(c) if c.value.as_str().is_some_and(|text| heard.marks(text)));
            let other = if marked(left) { Some(b) } else { marked(right).then_some(a) };
            heard.expected = other.cloned().map(Expected::Text).or_else(|| heard.expected.take());
        });
        if *a == Type::Null || *b == Type::Null {
            return;
        }
        let (a, b) = (a.without_null(), b.without_null());
        if a.overlaps(&b) {
            return;
        }
        // The written-out side is the mistake: the other has its type from elsewhere.
        let literal = |expr: &Expr<'_>| matches!(expr, Expr::Const(_) | Expr::List(_) | Expr::Tuple(_));
        let (mistake, mistaken, other, ty) =
            if literal(left) && !literal(right) { (left, &a, right, &b) } else { (right, &b, left, &a) };
        let name = self.written(&range(other));
        let message = match how {
            "in" if !literal(mistake) => {
                let list = self.written(&range(right));
                format!("`{}` is never in `{list}`: it is {a}, and the items are {b}", self.written(&range(left)))
            }
            _ if literal(mistake) => format!("`{name}` is never equal to {mistaken}: it is {ty}"),
            _ => format!("`{name}` is never equal to {}: it is {ty}", self.named(mistake, mistaken)),
        };
        let texts = |ty: &Type| -> Vec<String> {
            let values = ty.members().iter().filter_map(Type::enum_values).flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let known = texts(ty);
        let help = texts(mistaken).first().and_then(|word| did_you_mean(word, known.iter().map(String::as_str)));
        self.push(Code::NEVER_EQUAL, range(mistake), message, help, &[other, mistake]);
    }
}

/// Whether some value of an expression of this type is a whole number.
fn may_be_whole(expr: &Expr<'_>, ty: &Type) -> bool {
    is_whole(ty) || !matches!(expr, Expr::Const(_))
}

/// Whether an expression is a zero that is written out.
fn is_zero(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Const(c) if c.value.is_number() && f64::try_from(c.value.clone()).is_ok_and(|n| n == 0.0))
}

/// What a value is when it counts as false, for `and`; none when it never does.
fn falsy(ty: &Type) -> Option<Type> {
    let part = |member: &Type| match member {
        Type::Enum(values) => {
            let falsy: Vec<Value> = values.iter().filter(|v| !crate::expr::truthy(v)).cloned().collect();
            (!falsy.is_empty()).then_some(Type::Enum(falsy))
        }
        Type::Object(object) if object.fields.values().any(|field| field.required) => None,
        other => Some(other.clone()),
    };
    Type::union_of(ty.members().iter().filter_map(part))
}

fn sign(op: BinOpKind) -> &'static str {
    match op {
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        _ => "this operator",
    }
}
