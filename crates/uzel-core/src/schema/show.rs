//! Types as people write them, for messages.

use std::fmt::{self, Write as _};

use super::Type;

/// Messages stay on one line.
const MOST: usize = 100;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write_type(self, &mut out);
        // `{:#}` is for pages, which have room.
        if !f.alternate() && out.chars().count() > MOST {
            let cut: String = out.chars().take(MOST - 1).collect();
            return write!(f, "{}…", cut.trim_end());
        }
        f.write_str(&out)
    }
}

fn write_type(ty: &Type, out: &mut String) {
    // Enough to be cut later; keeps huge types cheap.
    if out.len() > 4 * MOST {
        return;
    }
    match ty {
        Type::Any => out.push_str("any"),
        Type::Null => out.push_str("null"),
        Type::Boolean => out.push_str("boolean"),
        Type::Integer => out.push_str("integer"),
        Type::Number => out.push_str("number"),
        Type::String => out.push_str("string"),
        Type::Enum(values) => {
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push_str(" | ");
                }
                let _ = write!(out, "{value}");
            }
        }
        Type::List(item) => {
            out.push('[');
            write_type(item, out);
            out.push(']');
        }
        Type::Union(members) => {
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    out.push_str(" | ");
                }
                write_type(member, out);
            }
        }
        Type::Object(object) => {
            let mut first = true;
            out.push('{');
            for (name, field) in &object.fields {
                out.push_str(if first { " " } else { ", " });
                first = false;
                out.push_str(name);
                // That a field which may be null may also be absent is the rule, and not worth a sign.
                if !field.required && field.default.is_none() && !field.ty.may_be_null() {
                    out.push('?');
                }
                out.push_str(": ");
                write_type(&field.ty, out);
            }
            if object.open {
                out.push_str(if first { " …" } else { ", …" });
            }
            out.push_str(" }");
        }
    }
}
