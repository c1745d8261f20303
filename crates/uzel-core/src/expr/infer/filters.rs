//! Types of filters, tests and functions, and their arguments, by the table of operations.

use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Filter, Spanned};

use super::{
    Checker, Use, may_be_absent,
    operators::{Family, family},
};
use crate::{
    diagnostic::{Code, did_you_mean},
    expr::{
        place::range,
        table::{By, Gives, Operation, Param, Takes, find_filter, find_function},
    },
    schema::Type,
};

impl Checker<'_> {
    pub(super) fn filter(&mut self, expr: &Expr<'_>, e: &Spanned<Filter<'_>>) -> Type {
        let Some(known) = find_filter(e.name) else { return Type::Any };
        // Null goes through `map` and the like untouched by what is asked of the list itself.
        let how = if known.takes == Takes::Any { Use::Condition } else { Use::Operand };
        let (input, of) = match &e.expr {
            Some(inner) => (self.ty(inner, how), Some(inner)),
            None => (Type::String, None),
        };
        let args = self.arguments(known, "|", &e.args, expr);
        let plain = input.without_null();
        if let (Some(found), Some(inner)) = (family(&input), of)
            && !takes(known.takes, found)
        {
            let name = self.written(&range(inner));
            let message = format!("`| {}` cannot take `{name}`, which is {plain}", e.name);
            self.push(Code::TYPE_MISMATCH, range(expr), message, None, &[inner]);
            return Type::Any;
        }
        // `default(other, true)` also stands in for what counts as false.
        let lax = e.args.len() > 1 || of.is_some_and(may_be_absent);
        let ty = gives(known.gives, &input, plain, args.into_iter().next(), lax);
        // `select` alone leaves out what is null.
        if e.name == "select" && e.args.is_empty() { without_null_items(ty) } else { ty }
    }
}

fn without_null_items(ty: Type) -> Type {
    match ty {
        Type::List(item) => Type::list(item.without_null()),
        other => other,
    }
}

impl Checker<'_> {
    /// The type of what a function gives. Macros of the template are functions too; nothing is known of them.
    pub(super) fn called(&mut self, expr: &Expr<'_>, e: &Spanned<Call<'_>>) -> Type {
        let known = match e.identify_call() {
            CallType::Function(name) if self.local(name).is_none() => find_function(name),
            _ => None,
        };
        match known {
            Some(function) => {
                self.arguments(function, "", &e.args, expr);
                gives(function.gives, &Type::Any, Type::Any, None, false)
            }
            None => {
                self.args(&e.args);
                Type::Any
            }
        }
    }

    /// Types of arguments, in the order in which they are written; what does not fit the table is told.
    pub(super) fn arguments(
        &mut self,
        operation: &Operation,
        sign: &str,
        args: &[CallArg<'_>],
        whole: &Expr<'_>,
    ) -> Vec<Type> {
        let types = self.args(args);
        let name = if sign.is_empty() { operation.name.to_owned() } else { format!("{sign} {}", operation.name) };
        let mut places = operation.params.iter().filter(|param| param.by != By::Name);
        let mut given: Vec<&str> = vec![];
        let mut whatever = false;
        for (arg, ty) in args.iter().zip(&types) {
            let (param, value) = match arg {
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    whatever = true;
                    continue;
                }
                CallArg::Pos(value) => (places.next(), value),
                CallArg::Kwarg(key, value) => {
                    let named = operation.params.iter().filter(|param| param.by != By::Place);
                    let found = named.clone().find(|param| param.name == *key);
                    if found.is_none() && !operation.more {
                        let help = did_you_mean(key, named.map(|param| param.name));
                        let message = format!("`{name}` has no argument `{key}`");
                        self.push(
                            Code::UNKNOWN_FUNCTION,
                            range(value),
                            message,
                            help.or_else(|| usage(operation)),
                            &[value],
                        );
                        // It may have been meant for what is then missing.
                        whatever = true;
                    }
                    (found, value)
                }
            };
            match param {
                Some(param) => {
                    given.push(param.name);
                    self.argument(&name, param, ty, value);
                }
                None if matches!(arg, CallArg::Pos(_)) && !operation.more && !whatever => {
                    let message = format!("`{name}` takes no more arguments");
                    self.push(Code::TYPE_MISMATCH, range(value), message, usage(operation), &[value]);
                }
                None => {}
            }
        }
        let missing = operation.params.iter().find(|param| param.required && !given.contains(&param.name));
        if let Some(param) = missing.filter(|_| !whatever) {
            let message = format!("`{name}` needs `{}`", param.name);
            self.push(Code::TYPE_MISMATCH, range(whole), message, usage(operation), &[]);
        }
        types
    }

    fn argument(&mut self, name: &str, param: &Param, ty: &Type, value: &Expr<'_>) {
        let Some(found) = family(ty) else { return };
        if takes(param.takes, found) {
            return;
        }
        let (wanted, found) = (param.takes.words(), ty.without_null());
        let message = format!("`{}` of `{name}` must be of type {wanted}, and is {found}", param.name);
        self.push(Code::TYPE_MISMATCH, range(value), message, None, &[value]);
    }
}

/// How an operation with arguments is written.
fn usage(operation: &Operation) -> Option<String> {
    Some(format!("it is `{}`", operation.signature()))
}

/// Whether an operation can take values of a family. Texts are made of anything.
fn takes(takes: Takes, found: Family) -> bool {
    match takes {
        Takes::Any | Takes::Text => true,
        Takes::Number | Takes::Integer | Takes::Boolean => found == Family::Number,
        Takes::Several => found != Family::Number,
        Takes::List => matches!(found, Family::List | Family::Map),
        Takes::Map => found == Family::Map,
    }
}

/// The type of what an operation gives.
fn gives(gives: Gives, input: &Type, plain: Type, argument: Option<Type>, lax: bool) -> Type {
    match gives {
        Gives::Any => Type::Any,
        Gives::Text => Type::String,
        Gives::Integer => Type::Integer,
        Gives::Number => Type::Number,
        Gives::Boolean => Type::Boolean,
        Gives::Texts => Type::list(Type::String),
        Gives::Integers => Type::list(Type::Integer),
        Gives::Anys => Type::list(Type::Any),
        Gives::Pairs => Type::list(Type::list(Type::Any)),
        Gives::Map => Type::open_map(),
        Gives::Same => match plain {
            Type::Enum(_) => Type::Any,
            other => other,
        },
        Gives::Reversed => match family(&plain) {
            Some(Family::Text) => Type::String,
            Some(Family::List) => plain,
            Some(Family::Map) => Type::list(Type::String),
            _ => Type::Any,
        },
        Gives::SameList => items(plain),
        Gives::SameLists => Type::list(items(plain)),
        Gives::Item => match plain {
            Type::List(item) => *item,
            Type::String => Type::String,
            _ => Type::Any,
        },
        Gives::Default => {
            let other = argument.unwrap_or(Type::String);
            match input {
                Type::Null => other,
                input if lax || input.may_be_null() => Type::union(plain, other),
                input if input.is_any() => Type::Any,
                _ => plain,
            }
        }
        Gives::Sum => match plain {
            Type::List(item) if matches!(*item, Type::Integer | Type::Number) => *item,
            _ => Type::Any,
        },
    }
}

/// The list of what a value goes over.
fn items(plain: Type) -> Type {
    match plain {
        Type::List(item) => Type::List(item),
        Type::Object(_) | Type::String => Type::list(Type::String),
        _ => Type::list(Type::Any),
    }
}
