//! `#[devts::node("kind")]`: from an `impl Node` with marked methods to what can be written by hand. This file
//! reads the call and splits the impl; `method` judges a marked method, `expand` writes.

mod expand;
mod method;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, ImplItem, ImplItemFn, Item, ItemImpl, Path};

use crate::args;
use crate::errors::Errors;
use method::{Handler, Role, State};

const USAGE: &str = r#"#[devts::node("kind")]"#;
const KIND_MAX: usize = 255;
const HOOKS: [&str; 5] = ["joined", "peer", "gap", "rejected", "stopping"];

/// One `impl Node`, taken apart.
struct Parts {
    krate: Path,
    kind: String,
    /// The user's impl with the hooks only.
    node: ItemImpl,
    /// The marked methods without their marks.
    methods: Vec<ImplItemFn>,
    handlers: Vec<Handler>,
    states: Vec<State>,
}

/// The expansion. Methods that are wrong are kept as plain methods, so that a mistake is told once.
pub(crate) fn node(arguments: TokenStream, input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (krate, kind) = head(arguments, &mut errors);
    let expansion = match target(&input) {
        Ok(node) => expand::expand(&split(krate, kind, node, &mut errors)),
        Err(error) => {
            errors.push(error);
            input
        }
    };
    let errors = errors.into_tokens();
    quote!(#errors #expansion)
}

fn head(arguments: TokenStream, errors: &mut Errors) -> (Path, String) {
    let (mut krate, mut kind) = (args::default_crate(), String::new());
    let parser = |input: ParseStream| {
        let name = args::parse(input, errors, USAGE, |key, input, _| {
            if *key != "crate" {
                return Err(syn::Error::new(key.span(), "no such option; there is `crate = \"path\"`"));
            }
            krate = args::crate_path(input)?;
            Ok(())
        });
        if let Some(name) = name {
            kind = name.value();
            if !(1..=KIND_MAX).contains(&kind.len()) {
                errors.at(name, format!("a kind has 1 to {KIND_MAX} bytes, this one has {}", kind.len()));
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(arguments) {
        errors.push(error);
    }
    (krate, kind)
}

/// The impl that the attribute stands on, or why that is not one.
fn target(input: &TokenStream) -> syn::Result<ItemImpl> {
    let refuse =
        |tokens: &dyn ToTokens, text: String| Err(syn::Error::new_spanned(tokens.to_token_stream(), text));
    let node = match syn::parse2::<Item>(input.clone())? {
        Item::Impl(node) => node,
        Item::Struct(item) => return refuse(&item.ident, misplaced(&item.ident)),
        Item::Enum(item) => return refuse(&item.ident, misplaced(&item.ident)),
        other => return refuse(&other, format!("`{USAGE}` goes on an `impl Node for YourType`")),
    };
    let this = readable(&node.self_ty);
    match &node.trait_ {
        None => {
            let text = format!("`{USAGE}` goes on the impl of the trait: `impl Node for {this} {{ .. }}`");
            refuse(&node.self_ty, text)
        }
        Some((path, _)) if path.segments.last().is_none_or(|last| last.ident != "Node") => {
            let text = format!("`{USAGE}` writes the trait `Node`: `impl Node for {this} {{ .. }}`");
            refuse(path, text)
        }
        Some(_) => Ok(node),
    }
}

/// `#[on]` where no `#[devts::node]` took it away. The item is dropped: kept, it would be a second error (a
/// trait's impl has no such method) that hides the first.
pub(crate) fn stray(input: TokenStream) -> TokenStream {
    let text = format!(
        "`#[on]` marks a method inside `{USAGE} impl Node for YourType {{ .. }}`: put `{USAGE}` on that impl"
    );
    let name = syn::parse2::<ImplItemFn>(input).map(|method| method.sig.ident.into_token_stream());
    let place = name.unwrap_or_default();
    syn::Error::new_spanned(place, text).to_compile_error()
}

fn misplaced(ident: &Ident) -> String {
    format!("`{USAGE}` goes on the impl, not on the type: `{USAGE} impl Node for {ident} {{ .. }}`")
}

/// Sorts the items of the impl. What is not marked stays, also what is no hook: rustc names the similar one.
fn split(krate: Path, kind: String, mut node: ItemImpl, errors: &mut Errors) -> Parts {
    let items = std::mem::take(&mut node.items);
    let mut parts =
        Parts { krate, kind, node, methods: Vec::new(), handlers: Vec::new(), states: Vec::new() };
    for item in items {
        match item {
            ImplItem::Fn(method) => sort(method, &mut parts, errors),
            other => parts.node.items.push(other),
        }
    }
    method::check_pairs(&parts.states, errors);
    parts
}

fn sort(mut method: ImplItemFn, parts: &mut Parts, errors: &mut Errors) {
    let marks = take_marks(&mut method.attrs);
    let Some((role, mark)) = marks.first() else {
        return keep(method, parts, errors);
    };
    if let Some((_, second)) = marks.get(1) {
        errors.at(second, "one mark a method: `#[on]`, `#[snapshot]`, `#[restore]` or `#[merge]`");
    } else if !matches!(mark.meta, syn::Meta::Path(_)) {
        errors.at(mark, "this mark takes nothing in parentheses: the event is named by the parameter's type");
    }
    let judged = match role {
        Role::On => Handler::read(&method, &parts.handlers).map(|handler| parts.handlers.push(handler)),
        state => State::read(*state, &method, &parts.states).map(|state| parts.states.push(state)),
    };
    errors.keep(judged);
    parts.methods.push(method);
}

/// A method without a mark: a hook, or not ours to judge.
fn keep(method: ImplItemFn, parts: &mut Parts, errors: &mut Errors) {
    let name = &method.sig.ident;
    if name == "kind" || name == "events" {
        let text = format!("`{name}` is written by `{USAGE}`: remove it, or write the whole impl by hand");
        return errors.at(name, text);
    }
    parts.node.items.push(ImplItem::Fn(method));
}

/// Takes the marks off a method: `#[on]` or `#[devts::on]`, and the others likewise.
fn take_marks(attributes: &mut Vec<Attribute>) -> Vec<(Role, Attribute)> {
    let mut marks = Vec::new();
    attributes.retain(|attribute| match Role::of(attribute.path()) {
        Some(role) => {
            marks.push((role, attribute.clone()));
            false
        }
        None => true,
    });
    marks
}

/// A type or path as a user writes it: the printer puts a blank beside every token.
fn readable(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in
        [(" :: ", "::"), (" < ", "<"), (" >", ">"), (" , ", ", "), ("& ", "&"), (":: ", "::"), ("< ", "<")]
    {
        text = text.replace(from, to);
    }
    text
}
