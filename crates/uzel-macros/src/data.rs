//! `#[uzel::data]`: the derives that an app's types need, from the crates that `uzel` brings along.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, parse2};

pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[uzel::data]` takes no arguments"));
    }
    let wrong = "`#[uzel::data]` is for structs and enums";
    let input: DeriveInput = parse2(item.clone()).map_err(|_| Error::new_spanned(&item, wrong))?;
    if let Data::Union(union) = &input.data {
        return Err(Error::new_spanned(union.union_token, wrong));
    }
    Ok(quote! {
        #[derive(::uzel::serde::Serialize, ::uzel::serde::Deserialize, ::uzel::schemars::JsonSchema)]
        #[serde(crate = "::uzel::serde")]
        #[schemars(crate = "::uzel::schemars")]
        #input
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: TokenStream, item: TokenStream) -> String {
        expand(&arguments, item).expect_err("a mistake").to_string()
    }

    #[test]
    fn mistakes_say_what_it_is_for() {
        assert_eq!(
            error(
                quote!(),
                quote!(
                    fn a() {}
                )
            ),
            "`#[uzel::data]` is for structs and enums"
        );
        assert_eq!(error(quote!(), quote!(union A { a: u8 })), "`#[uzel::data]` is for structs and enums");
        assert_eq!(
            error(
                quote!(x),
                quote!(
                    struct A;
                )
            ),
            "`#[uzel::data]` takes no arguments"
        );
    }
}
