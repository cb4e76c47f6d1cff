//! What stands in the parentheses of `#[event(..)]` and `#[devts::node(..)]`: a name, then options.
//! Knows the grammar; which options there are, and what a good name is, the callers know.

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitStr, Path, Token};

use crate::errors::Errors;

/// Reads `"name", key .., key ..`. `option` is called after each key and reads the rest of it; where it fails,
/// reading goes on behind the next comma.
pub(crate) fn parse(
    input: ParseStream,
    errors: &mut Errors,
    usage: &str,
    mut option: impl FnMut(&Ident, ParseStream, &mut Errors) -> syn::Result<()>,
) -> Option<LitStr> {
    let name = errors.keep(first(input, usage));
    if name.is_none() {
        skip(input);
    }
    while !input.is_empty() {
        let read = separator(input).and_then(|()| match input.is_empty() {
            true => Ok(()),
            false => Ident::parse_any(input).and_then(|key| option(&key, input, errors)),
        });
        if let Err(error) = read {
            errors.push(error);
            skip(input);
        }
    }
    name
}

fn first(input: ParseStream, usage: &str) -> syn::Result<LitStr> {
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format!("a name in quotes comes first: `{usage}`")))
}

fn separator(input: ParseStream) -> syn::Result<()> {
    input.parse::<Token![,]>().map(drop)
}

/// Moves on to the next comma, which is left, so that what follows a mistake is still read.
fn skip(input: ParseStream) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// `= "path"`, behind the key `crate`: where the crate `devts` is to be found.
pub(crate) fn crate_path(input: ParseStream) -> syn::Result<Path> {
    input.parse::<Token![=]>()?;
    input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
}

/// Where `devts` is unless told otherwise.
pub(crate) fn default_crate() -> Path {
    syn::parse_quote!(::devts)
}
