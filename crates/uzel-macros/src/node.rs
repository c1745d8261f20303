//! `#[uzel::node]`: of an async function, what an app needs to run it by name, and a node with a method for each
//! parameter.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Ident, ItemFn, LitStr, Pat, ReturnType, Type, ext::IdentExt, meta, parse::Parser, parse2,
    spanned::Spanned,
};

/// A parameter of the function, which is a key of `with`.
struct Parameter {
    name: Ident,
    ty: Type,
    /// Doc comments, and what serde and schemars should know.
    attributes: Vec<Attribute>,
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let name = name(arguments)?;
    let mut function: ItemFn = parse2(item)?;
    check(&function)?;
    let parameters = parameters(&mut function)?;
    let name = name.unwrap_or_else(|| function.sig.ident.unraw().to_string());
    Ok(generate(&name, function, &parameters))
}

/// `name = "…"`, if it is there.
fn name(arguments: TokenStream) -> syn::Result<Option<String>> {
    let mut name = None;
    let parser = meta::parser(|meta| {
        if !meta.path.is_ident("name") {
            return Err(meta.error("`#[uzel::node]` knows `name = \"…\"` only"));
        }
        name = Some(meta.value()?.parse::<LitStr>()?.value());
        Ok(())
    });
    parser.parse2(arguments)?;
    Ok(name)
}

/// Whether the function can be a node.
fn check(function: &ItemFn) -> syn::Result<()> {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        return Err(Error::new_spanned(sig.fn_token, "a node is an async function: write `async fn`"));
    }
    if !sig.generics.params.is_empty() {
        return Err(Error::new_spanned(&sig.generics, "a node has no generic parameters: an app runs it by its name"));
    }
    if matches!(sig.output, ReturnType::Default) {
        return Err(Error::new_spanned(&sig.ident, "a node returns `Result<T, uzel::Failure>`"));
    }
    Ok(())
}

/// The parameters. Their attributes are taken off the function, where they would mean nothing.
fn parameters(function: &mut ItemFn) -> syn::Result<Vec<Parameter>> {
    let mut parameters = vec![];
    for input in &mut function.sig.inputs {
        let FnArg::Typed(input) = input else {
            return Err(Error::new_spanned(input, "a node has no `self`: an app runs it by its name"));
        };
        let Pat::Ident(pattern) = &*input.pat else {
            let message =
                "the name of a parameter is its key under `with`: write `ticket: Ticket`, and take it apart inside";
            return Err(Error::new_spanned(&input.pat, message));
        };
        let name = pattern.ident.clone();
        match &*input.ty {
            Type::Reference(_) => {
                let message =
                    "a node is given values of its own: write `String` instead of `&str`, `Vec<T>` instead of `&[T]`";
                return Err(Error::new_spanned(&input.ty, message));
            }
            Type::ImplTrait(_) => {
                return Err(Error::new_spanned(&input.ty, "a parameter of a node has one type, which the check knows"));
            }
            _ => {}
        }
        if name == "call" || name == "registered" {
            let message = format!("`{name}` is what the node itself has; choose another name");
            return Err(Error::new_spanned(&name, message));
        }
        let attributes = std::mem::take(&mut input.attrs);
        parameters.push(Parameter { name, ty: (*input.ty).clone(), attributes });
    }
    Ok(parameters)
}

/// A constructor and a type of the function's name. The type counts the parameters that have been given: it has a method
/// for the next one only, and after the last it is a `Node`.
fn generate(name: &str, mut function: ItemFn, parameters: &[Parameter]) -> TokenStream {
    let ident = function.sig.ident.clone();
    let docs: Vec<Attribute> = docs(&function.attrs).cloned().collect();
    let methods: TokenStream = (0..parameters.len()).map(|given| method(&function, parameters, given)).collect();
    let registered = registered(name, &function, parameters);
    let (first, first_made) = state(&ident, 0, parameters);
    let about = format!(" The node `{name}`, to be given its parameters in order.");
    function.sig.ident = Ident::new("call", ident.span());
    let ItemFn { attrs, vis, sig, block, .. } = function;
    quote! {
        #[doc = #about]
        #(#docs)*
        #[allow(non_camel_case_types, reason = "it is called as the function")]
        #[derive(Clone, Debug)]
        #vis struct #ident<const GIVEN: usize> {
            #[allow(dead_code, reason = "a function without parameters has none")]
            node: ::uzel::Node,
        }

        #[doc = #about]
        #(#docs)*
        #[allow(dead_code, reason = "app files name the function instead")]
        #[track_caller]
        #[must_use]
        #vis fn #ident() -> #first {
            let node = #ident::<0>::registered().node();
            #first_made
        }

        impl #ident<0> {
            /// What apps run by the function's name.
            #[track_caller]
            #[must_use]
            #vis fn registered() -> ::uzel::Registered {
                #registered
            }

            #(#attrs)*
            #[allow(clippy::unused_async, reason = "a node is an async function")]
            #vis #sig #block
        }

        #methods
    }
}

/// The type once so many parameters have been given, and the value of it that is made of `node`.
fn state(ident: &Ident, given: usize, parameters: &[Parameter]) -> (TokenStream, TokenStream) {
    if given == parameters.len() {
        (quote!(::uzel::Node), quote!(node))
    } else {
        (quote!(#ident::<#given>), quote!(#ident { node }))
    }
}

/// The method that gives the parameter after so many others.
fn method(function: &ItemFn, parameters: &[Parameter], given: usize) -> TokenStream {
    let (ident, vis) = (&function.sig.ident, &function.vis);
    let Parameter { name, attributes, .. } = &parameters[given];
    let (docs, key) = (docs(attributes), name.unraw().to_string());
    let (next, next_made) = state(ident, given + 1, parameters);
    let about = format!(" The parameter `{key}`, with `${{{{ }}}}`.");
    quote! {
        impl #ident<#given> {
            #[doc = #about]
            #(#docs)*
            #[allow(dead_code, reason = "app files name the function instead")]
            #[track_caller]
            #[must_use]
            #vis fn #name(self, value: impl ::core::convert::Into<::uzel::Value>) -> #next {
                let node = self.node.with(#key, value);
                #next_made
            }
        }
    }
}

/// The function as one of an argument whose fields are the parameters.
fn registered(name: &str, function: &ItemFn, parameters: &[Parameter]) -> TokenStream {
    let fields = parameters.iter().map(|Parameter { name, ty, attributes }| quote!(#(#attributes)* #name: #ty));
    let names: Vec<&Ident> = parameters.iter().map(|parameter| &parameter.name).collect();
    // What is wrong with the result is told where it is written.
    let at = match &function.sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => function.sig.ident.span(),
    };
    let made = quote_spanned! { at =>
        ::uzel::Registered::named(#name, |Parameters { #(#names),* }: Parameters| Self::call(#(#names),*))
    };
    quote! {
        #[derive(::uzel::serde::Deserialize, ::uzel::schemars::JsonSchema)]
        #[serde(crate = "::uzel::serde")]
        #[schemars(crate = "::uzel::schemars")]
        struct Parameters { #(#fields),* }
        #made
    }
}

fn docs(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: TokenStream, item: TokenStream) -> String {
        expand(arguments, item).expect_err("a mistake").to_string()
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let ok = quote!(
            async fn a(b: B) -> Result<C, Failure> {
                d
            }
        );
        assert!(expand(quote!(), ok.clone()).is_ok());
        assert!(expand(quote!(name = "x"), ok.clone()).is_ok());
        assert_eq!(error(quote!(names = "x"), ok), "`#[uzel::node]` knows `name = \"…\"` only");
        let cases = [
            (
                quote!(
                    fn a() -> R {}
                ),
                "a node is an async function: write `async fn`",
            ),
            (
                quote!(
                    async fn a<T>(b: T) -> R {}
                ),
                "a node has no generic parameters: an app runs it by its name",
            ),
            (
                quote!(
                    async fn a(b: B) {}
                ),
                "a node returns `Result<T, uzel::Failure>`",
            ),
            (
                quote!(
                    async fn a(&self) -> R {}
                ),
                "a node has no `self`: an app runs it by its name",
            ),
            (
                quote!(
                    async fn a(B { c }: B) -> R {}
                ),
                "the name of a parameter is its key under `with`: write `ticket: Ticket`, and take it apart inside",
            ),
            (
                quote!(
                    async fn a(b: &str) -> R {}
                ),
                "a node is given values of its own: write `String` instead of `&str`, `Vec<T>` instead of `&[T]`",
            ),
            (
                quote!(
                    async fn a(b: impl B) -> R {}
                ),
                "a parameter of a node has one type, which the check knows",
            ),
            (
                quote!(
                    async fn a(call: B) -> R {}
                ),
                "`call` is what the node itself has; choose another name",
            ),
        ];
        for (item, message) in cases {
            assert_eq!(error(quote!(), item), message);
        }
    }
}
