//! Types that a program expects of an app: what it starts runs with, and what it reads of their output. Used by the
//! facade once the app has been checked.

use std::panic::Location;

use schemars::JsonSchema;

use super::{
    block::Place,
    rust_type::{Contract, short, type_of},
    span,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    graph::Graph,
    schema::Type,
    source::{Sources, Span},
};

/// A type of the program, with the call that names it.
#[derive(Clone, Debug)]
pub struct Wanted {
    at: Place,
    ty: Type,
    /// Whether the app is given such values, or gives them.
    given: bool,
}

impl Wanted {
    /// Runs are started with values of this type.
    #[track_caller]
    pub fn input<T: JsonSchema>() -> Self {
        Self { at: Location::caller(), ty: type_of(&short::<T>(Contract::Made)), given: true }
    }

    /// The output of runs is read as this type.
    #[track_caller]
    pub fn output<T: JsonSchema>() -> Self {
        Self { at: Location::caller(), ty: type_of(&short::<T>(Contract::Given)), given: false }
    }

    /// Says what does not fit.
    pub fn check(&self, graph: &Graph, sources: &mut Sources, out: &mut Diagnostics) {
        let (from, to) = if self.given { (&self.ty, &graph.inputs.ty) } else { (&graph.gives, &self.ty) };
        let mut found = vec![];
        misfits(String::new(), from, to, self.given, &mut found);
        if found.is_empty() {
            return;
        }
        let at = span(self.at, sources);
        for Misfit { path, why, place } in found {
            let whole = if self.given { "the input" } else { "the output" };
            let what = if path.is_empty() { whole.to_owned() } else { format!("`{path}` of {whole}") };
            let help = if self.given {
                "change the type of the program, or the app's `inputs`"
            } else {
                "change the type of the program, or the app's `output`"
            };
            let mut diagnostic = Diagnostic::new(Code::PROGRAM_TYPE, at, format!("{what} {why}")).help(help);
            if let Some(place) = place {
                diagnostic = diagnostic.label(place, "the app says it here");
            }
            out.push(diagnostic);
        }
    }
}

struct Misfit {
    path: String,
    why: String,
    /// Where the app declares it.
    place: Option<Span>,
}

/// Where values of a type do not fit another; field by field where both are maps. The reader of an output takes no
/// notice of fields that it does not know; the reader of an input does.
fn misfits(path: String, from: &Type, to: &Type, strict: bool, into: &mut Vec<Misfit>) {
    let (Type::Object(made), Type::Object(read)) = (from, to) else {
        if !to.accepts(from) {
            into.push(Misfit { path, why: format!("is {from}, and {to} is wanted"), place: None });
        }
        return;
    };
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (name, field) in &read.fields {
        let place = field.at.filter(|_| strict);
        match made.fields.get(name) {
            Some(given) if field.required && !given.required => {
                into.push(Misfit { path: inner(name), why: format!("may be missing: {} is wanted", field.ty), place });
            }
            Some(given) => {
                let before = into.len();
                misfits(inner(name), &given.ty, &field.ty, strict, into);
                for misfit in into.iter_mut().skip(before) {
                    misfit.place = misfit.place.or(place).or(given.at.filter(|_| !strict));
                }
            }
            None if field.required && !made.open => {
                into.push(Misfit { path: inner(name), why: format!("is missing: {} is wanted", field.ty), place });
            }
            None => {}
        }
    }
    if strict && !read.open {
        for name in made.fields.keys().filter(|name| !read.fields.contains_key(*name)) {
            into.push(Misfit { path: inner(name), why: "is not among the app's inputs".to_owned(), place: None });
        }
    }
}
