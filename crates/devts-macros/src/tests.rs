//! What needs no compiler: names, and that no input whatever makes a macro panic. The texts of errors are
//! compared in `devts/tests/compile_fail`.

use crate::{event, node};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

fn event_input() -> TokenStream {
    quote! {
        #[derive(Clone)]
        #[event("some.name", version = 2, reply = Vec<i64>, crate = "a::b")]
        pub struct Set<'a, T: Value, const N: usize> where T: Clone { pub value: [T; N], text: &'a str }
    }
}

fn node_input() -> TokenStream {
    quote! {
        #[allow(unused)]
        impl<T: Value> Node for Register<T> where T: Clone {
            #[on] fn set(&mut self, Set { value }: Set<T>) -> Result<i64, Error> { self.value = value; }
            #[cfg(test)] #[on] async fn get(&self, _: Get, cx: &mut Context<Self>) {}
            #[snapshot] pub fn snapshot(&self) -> Result<T> { Ok(self.value) }
            #[restore] fn restore(&mut self, value: T) {}
            #[merge] fn merge(&mut self, value: T) -> Result {}
            async fn joined(&mut self, cx: &mut Context<Self>) -> Result { Ok(()) }
        }
    }
}

fn has_errors(output: &TokenStream) -> bool {
    output.to_string().contains("compile_error")
}

#[test]
fn good_input_makes_items_without_errors() {
    let outputs = [
        event::derive(quote!(
            #[event("a.b-c_9")]
            enum E {
                A,
                B(u8),
            }
        )),
        event::derive(quote!(
            #[event("a", version = 65535, reply = (), crate = "crate",)]
            struct E;
        )),
        node::node(quote!("register", crate = "devts"), node_input()),
        node::node(quote!("k"), quote!(impl devts::Node for K {})),
    ];
    for output in outputs {
        assert!(!has_errors(&output), "{output}");
        syn::parse2::<syn::File>(output).expect("items");
    }
}

#[test]
fn a_handler_under_cfg_takes_its_cfg_along() {
    let output = node::node(quote!("register"), node_input()).to_string();
    assert_eq!(output.matches("# [cfg (test)]").count(), 3, "method, table and impl: {output}");
}

#[test]
fn names_of_64_characters_are_the_longest() {
    let derive = |len: usize| {
        let name = "a".repeat(len);
        event::derive(quote!(
            #[event(#name)]
            struct E;
        ))
    };
    assert!(!has_errors(&derive(64)));
    assert!(has_errors(&derive(65)));
    assert!(has_errors(&derive(0)));
}

#[test]
fn the_line_to_write_has_a_good_name() {
    let missing = |input| event::derive(input).to_string();
    assert!(
        missing(quote!(
            struct ValueChanged;
        ))
        .contains("value_changed")
    );
    assert!(
        missing(quote!(
            struct Größe;
        ))
        .contains("some.name")
    );
}

#[test]
fn several_mistakes_are_told_in_one_go() {
    let output = event::derive(quote! {
        #[event("Bad", version = 0, reply = , from(1 = Old), other)]
        struct E<'a>(&'a str);
    });
    assert_eq!(output.to_string().matches("compile_error").count(), 6, "{output}");
}

/// All ways to drop, double or replace one token, at any depth.
fn mutations(input: &TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = input.clone().into_iter().collect();
    let mut all = Vec::new();
    for at in 0..tokens.len() {
        let put = |middle: TokenStream| {
            let before = tokens[..at].iter().cloned();
            before.chain(middle).chain(tokens[at + 1..].iter().cloned()).collect::<TokenStream>()
        };
        let token = &tokens[at];
        all.extend([
            put(quote!()),
            put(quote!(#token #token)),
            put(quote!(,)),
            put(quote!(x)),
            put(quote!("x")),
        ]);
        all.extend([put(quote!(())), put(quote!(=)), put(quote!(&)), put(quote!(9))]);
        if let TokenTree::Group(group) = token {
            let inside = mutations(&group.stream());
            let regroup = |stream| TokenTree::Group(Group::new(group.delimiter(), stream));
            all.extend(inside.into_iter().map(|stream| put(regroup(stream).into())));
            all.push(put(TokenTree::Group(Group::new(Delimiter::None, group.stream())).into()));
        }
    }
    all
}

#[test]
fn no_input_makes_a_macro_panic() {
    for input in mutations(&event_input()) {
        event::derive(input);
    }
    for input in mutations(&node_input()) {
        node::stray(input.clone());
        node::node(quote!("register"), input);
    }
    for arguments in mutations(&quote!("register", crate = "devts")) {
        node::node(arguments, node_input());
    }
}
