//! Types of filters, by their table.

use minijinja::machinery::ast::{Expr, Filter, Spanned};

use super::{
    Checker, Use, may_be_absent,
    operators::{Family, family},
};
use crate::{
    diagnostic::Code,
    expr::{
        place::range,
        table::{Gives, Takes, find_filter},
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
        let args = self.args(&e.args);
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
        gives(known.gives, &input, plain, args.into_iter().next(), lax)
    }
}

/// Whether a filter can take values of a family. Texts are made of anything.
fn takes(takes: Takes, found: Family) -> bool {
    match takes {
        Takes::Any | Takes::Text => true,
        Takes::Number => found == Family::Number,
        Takes::Several => found != Family::Number,
        Takes::List => matches!(found, Family::List | Family::Map),
        Takes::Map => found == Family::Map,
    }
}

fn gives(gives: Gives, input: &Type, plain: Type, argument: Option<Type>, lax: bool) -> Type {
    match gives {
        Gives::Any => Type::Any,
        Gives::Text => Type::String,
        Gives::Integer => Type::Integer,
        Gives::Number => Type::Number,
        Gives::Boolean => Type::Boolean,
        Gives::Texts => Type::list(Type::String),
        Gives::Anys => Type::list(Type::Any),
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
        Gives::SameList => match plain {
            Type::List(item) => Type::List(item),
            Type::Object(_) | Type::String => Type::list(Type::String),
            _ => Type::list(Type::Any),
        },
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
