//! What `#[devts::node]` writes, once everything is read: the same that a user can write by hand. Spans are the
//! user's own wherever rustc may have something to say. Judges nothing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, ReturnType, parse_quote};

use super::Parts;
use super::method::{Handler, Role, State, cfgs};

pub(super) fn expand(parts: &Parts) -> TokenStream {
    let methods = methods(parts);
    let node = node(parts);
    let handlers = parts.handlers.iter().map(|handler| handler_impl(parts, handler));
    quote!(#methods #node #(#handlers)*)
}

/// The marked methods, where user code and its tests can call them.
fn methods(parts: &Parts) -> TokenStream {
    if parts.methods.is_empty() {
        return TokenStream::new();
    }
    let (attributes, this, methods) = (outer(parts), &parts.node.self_ty, &parts.methods);
    let (parameters, _, conditions) = parts.node.generics.split_for_impl();
    quote! {
        #(#attributes)*
        impl #parameters #this #conditions {
            #(#methods)*
        }
    }
}

/// The user's impl with its hooks, and the two functions that are written for it.
fn node(parts: &Parts) -> TokenStream {
    let (krate, kind) = (&parts.krate, &parts.kind);
    let table = Ident::new("on", Span::mixed_site());
    let handlers = parts.handlers.iter().map(|handler| {
        let Handler { cfgs, event, .. } = handler;
        quote_spanned!(event.span()=> #(#cfgs)* #table.event::<#event>();)
    });
    let states = parts.states.iter().map(|state| state_call(parts, &table, state));
    let calls = quote!(#(#handlers)* #(#states)*);
    let nothing = calls.is_empty().then(|| quote!(let _ = #table;));
    let mut node = parts.node.clone();
    node.items.push(parse_quote! {
        fn kind() -> &'static str {
            #kind
        }
    });
    node.items.push(parse_quote! {
        fn events(#table: &mut #krate::Events<Self>) {
            #nothing
            #calls
        }
    });
    quote!(#node)
}

/// `snapshot` is held to the type that `restore` takes, so that the two cannot drift apart.
fn state_call(parts: &Parts, table: &Ident, state: &State) -> TokenStream {
    let (krate, State { role, name, cfgs, fallible, output, .. }) = (&parts.krate, state);
    let node = Ident::new("node", Span::mixed_site());
    let value = Ident::new("state", Span::mixed_site());
    let verb = Ident::new(role.name(), name.span());
    let call = match role {
        Role::Snapshot => quote_spanned!(*output=> Self::#name(#node)),
        _ => quote_spanned!(*output=> Self::#name(#node, #value)),
    };
    let call = match fallible {
        // Not at the user's span: clippy would call the conversion useless where it happens to be.
        true => quote!(#call.map_err(::core::convert::Into::into)),
        false => quote!(::core::result::Result::Ok(#call)),
    };
    let taken = parts.states.iter().find(|other| other.role != Role::Snapshot).map(|other| &other.state);
    let taken = taken.unwrap_or(&state.state);
    let own = &state.state;
    match role {
        Role::Snapshot => quote! {
            #(#cfgs)*
            #table.#verb(|#node: &Self| -> #krate::Result<#taken> { #call });
        },
        _ => quote! {
            #(#cfgs)*
            #table.#verb(|#node: &mut Self, #value: #own| -> #krate::Result { #call });
        },
    }
}

fn handler_impl(parts: &Parts, handler: &Handler) -> TokenStream {
    let (krate, this, attributes) = (&parts.krate, &parts.node.self_ty, outer(parts));
    let Handler { name, cfgs, event, context, .. } = handler;
    let (parameters, _, conditions) = parts.node.generics.split_for_impl();
    let context_type = quote!(&mut #krate::Context<Self>);
    let reply = quote_spanned!(event.span()=> <#event as #krate::Event>::Reply);
    let (taken, cx) = (Ident::new("event", Span::mixed_site()), Ident::new("cx", Span::mixed_site()));
    let unused = context.is_none().then(|| quote!(let _ = #cx;));
    let body = body(krate, handler, &reply, &taken, &cx);
    // The future is checked to be `Send` here; the words go to the method that holds what is not.
    let signature = quote_spanned! {name.span()=>
        async fn handle(&mut self, #taken: #event, #cx: #context_type) -> #krate::Result<#krate::Answer<#reply>>
    };
    quote! {
        #(#attributes)*
        #(#cfgs)*
        #[automatically_derived]
        impl #parameters #krate::Handler<#event> for #this #conditions {
            #signature {
                #unused
                #body
            }
        }
    }
}

/// The call, and its value made an answer: where its type is wrong, the words go to the method's return type.
fn body(krate: &syn::Path, handler: &Handler, reply: &TokenStream, event: &Ident, cx: &Ident) -> TokenStream {
    let Handler { name, is_async, context, output, .. } = handler;
    let cx = context.as_ref().map(|context| quote_spanned!(context.span()=> #cx));
    let wait = is_async.then(|| quote!(.await));
    let span = match output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => name.span(),
    };
    let call = quote_spanned!(span=> Self::#name(self, #event, #cx)#wait);
    quote_spanned!(span=> #krate::IntoReply::<#reply>::into_reply(#call))
}

/// What stands on the user's impl and must stand on those beside it: conditions and lint levels.
fn outer(parts: &Parts) -> Vec<Attribute> {
    let lint = |attribute: &&Attribute| {
        ["allow", "warn", "deny", "forbid"].iter().any(|level| attribute.path().is_ident(level))
    };
    let mut outer = cfgs(&parts.node.attrs);
    outer.extend(parts.node.attrs.iter().filter(lint).cloned());
    outer
}
