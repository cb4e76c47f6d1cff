//! What `#[devts::node]` writes, once everything is read: the same that a user can write by hand. Spans are the
//! user's own wherever rustc may have something to say. Judges nothing.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Path, ReturnType, Type, parse_quote};

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
        let call = place(quote!(#table.event::<#event>();), event.span());
        quote!(#(#cfgs)* #call)
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

fn state_call(parts: &Parts, table: &Ident, state: &State) -> TokenStream {
    let (krate, State { role, name, cfgs, state: own, fallible, output }) = (&parts.krate, state);
    let (node, value) = (Ident::new("node", Span::mixed_site()), Ident::new("state", Span::mixed_site()));
    let verb = Ident::new(role.name(), Span::call_site());
    let argument = (*role != Role::Snapshot).then_some(&value);
    let call = place(quote!(Self::#name(#node, #argument)), *output);
    let finish = |state: TokenStream| match fallible {
        true => quote!(#state.map_err(::core::convert::Into::into)),
        false => quote!(::core::result::Result::Ok(#state)),
    };
    let closure = match role {
        Role::Snapshot => {
            let (checked, done) = (held_to_takers(parts, state, &value, call), finish(quote!(#value)));
            quote!(|#node: &Self| -> #krate::Result<_> { #checked #done })
        }
        _ => {
            let done = finish(call);
            quote!(|#node: &mut Self, #value: #own| -> #krate::Result { #done })
        }
    };
    quote!(#(#cfgs)* #table.#verb(#closure);)
}

/// `snapshot` is held to the type that `restore` and `merge` take, so that they cannot drift apart.
fn held_to_takers(parts: &Parts, snapshot: &State, value: &Ident, call: TokenStream) -> TokenStream {
    let given = place(quote!(#value), snapshot.output);
    let takers = parts.states.iter().filter(|other| other.role != Role::Snapshot);
    let checks = takers.map(|State { state, cfgs, .. }| {
        let taken = match snapshot.fallible {
            true => quote!(::core::result::Result<#state, _>),
            false => quote!(#state),
        };
        quote!(#(#cfgs)* let #value: #taken = #given;)
    });
    quote!(let #value = #call; #(#checks)*)
}

fn handler_impl(parts: &Parts, handler: &Handler) -> TokenStream {
    let (krate, this, attributes) = (&parts.krate, &parts.node.self_ty, outer(parts));
    let Handler { cfgs, event, context, .. } = handler;
    let (parameters, _, conditions) = parts.node.generics.split_for_impl();
    // An event that is none is told at its name.
    let handles = written(quote!(#krate::Handler<#event>), event.span());
    let (taken, cx) = (Ident::new("event", Span::mixed_site()), Ident::new("cx", Span::mixed_site()));
    let unused = context.is_none().then(|| quote!(let _ = #cx;));
    let signature = signature(krate, handler, &taken, &cx);
    let body = body(krate, handler, &taken, &cx);
    quote! {
        #(#attributes)*
        #(#cfgs)*
        #[automatically_derived]
        impl #parameters #handles for #this #conditions {
            #signature {
                #unused
                #body
            }
        }
    }
}

/// The future is checked to be `Send` by this signature: the words go to the method that holds what is not.
fn signature(krate: &Path, handler: &Handler, taken: &Ident, cx: &Ident) -> TokenStream {
    let Handler { name, event, .. } = handler;
    let fails = written(quote!(#krate::Result), name.span());
    let answer = written(quote!(#krate::Answer), name.span());
    let reply = reply(krate, event);
    quote_spanned! {name.span()=>
        async fn handle(&mut self, #taken: #event, #cx: &mut #krate::Context<Self>) -> #fails<#answer<#reply>>
    }
}

/// The call, and its value made an answer: where its type is wrong, the words go to the method's return type.
fn body(krate: &Path, handler: &Handler, event: &Ident, cx: &Ident) -> TokenStream {
    let Handler { name, is_async, context, output, .. } = handler;
    let reply = reply(krate, &handler.event);
    let cx = context.is_some().then_some(cx);
    let wait = is_async.then(|| quote!(.await));
    let place_of_output = match output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => name.span(),
    };
    let call = place(quote!(Self::#name(self, #event, #cx)#wait), place_of_output);
    let (from, into) = (quote!(#krate::IntoReply), quote!(into_reply));
    let (from, into) = (place(from, place_of_output), place(into, place_of_output));
    quote!(#from::<#reply>::#into(#call))
}

fn reply(krate: &Path, event: &Type) -> TokenStream {
    written(quote!(<#event as #krate::Event>::Reply), event.span())
}

/// These tokens as if the user had written them at `span`: for types, which no lint and no suggestion is about.
fn written(tokens: TokenStream, span: Span) -> TokenStream {
    respan(tokens, &|_| span)
}

/// Moves what rustc says about these tokens to `span`. They still count as written by a macro, so that lints and
/// suggestions leave the user's line alone.
fn place(tokens: TokenStream, span: Span) -> TokenStream {
    respan(tokens, &|own| own.located_at(span))
}

fn respan(tokens: TokenStream, span: &dyn Fn(Span) -> Span) -> TokenStream {
    let moved = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &mut token {
            let inner = respan(group.stream(), span);
            let open = group.span();
            *group = Group::new(group.delimiter(), inner);
            group.set_span(open);
        }
        token.set_span(span(token.span()));
        token
    });
    moved.collect()
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
