//! Attributes for Rust programs: types that apps know, and functions that are nodes. Used as `#[uzel::data]` and
//! `#[uzel::node]`.

mod data;
mod node;

use proc_macro::TokenStream;

/// A struct or an enum that apps know: it derives `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema`
/// from the crates that `uzel` brings along. Attributes of serde and schemars stand below it.
///
/// ```ignore
/// #[uzel::data]
/// #[serde(rename_all = "snake_case")]
/// enum Topic {
///     /// an invoice, a payment or a price
///     Billing,
///     /// anything else
///     Other,
/// }
/// ```
#[proc_macro_attribute]
pub fn data(arguments: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(&arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// An async function that is a node: its name is what the app runs, its parameters are the keys of `with`, and the types
/// of both and of its result are known to the check.
///
/// ```ignore
/// /// Writes the reply.
/// #[uzel::node]
/// async fn draft_reply(policy: String, ticket: Ticket) -> Result<Reply, Failure> { … }
///
/// app.node("draft", draft_reply().policy("${{ policy.text }}").ticket("${{ input }}").timeout(seconds(5)))
/// ```
///
/// `draft_reply()` has a method for each parameter, to be called in order; the last one gives the `Node`. The function
/// itself is `draft_reply::call`, and `draft_reply::registered` is what an app file's `rust:draft_reply` needs.
/// `#[uzel::node(name = "…")]` gives it another name in apps. What may be null is an `Option`; what an app file may
/// leave out has `#[serde(default)]` before it.
#[proc_macro_attribute]
pub fn node(arguments: TokenStream, item: TokenStream) -> TokenStream {
    node::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
