//! `#[derive(Event)]`: from `#[event("name", ..)]` to `impl Event`. Sees tokens only: the shape of an event is
//! found at run time, by tracing its `Deserialize`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Data, DeriveInput, GenericParam, LitInt, LitStr, Meta, Path, Token, Type, parse_quote};

use crate::args;
use crate::errors::Errors;

const USAGE: &str = r#"#[event("some.name")]"#;
const OPTIONS: &str = "`version = 2`, `reply = Type` and `crate = \"path\"`";
const NAME_MAX: usize = 64;

/// What the attribute says, or its defaults.
struct Options {
    name: String,
    version: u16,
    reply: Type,
    krate: Path,
}

/// The `impl Event`. It is written even beside errors, so that a mistake is told once and not at every use.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    check_type(&input, &mut errors);
    let options = options(&input, &mut errors);
    let implementation = implementation(&input, &options);
    let errors = errors.into_tokens();
    quote!(#errors #implementation)
}

fn check_type(input: &DeriveInput, errors: &mut Errors) {
    if let Data::Union(data) = &input.data {
        errors.at(data.union_token, "an event is a struct or an enum: serde cannot write a union");
    }
    for parameter in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.at(lifetime, "an event owns its data: `String` for `&str`, `Vec<T>` for `&[T]`");
        }
    }
}

fn options(input: &DeriveInput, errors: &mut Errors) -> Options {
    let mut options =
        Options { name: String::new(), version: 1, reply: parse_quote!(()), krate: args::default_crate() };
    let mut attributes = input.attrs.iter().filter(|attribute| attribute.path().is_ident("event"));
    match attributes.next() {
        Some(attribute) => read(attribute, &mut options, errors),
        None => errors.at(&input.ident, missing(&input.ident)),
    }
    for second in attributes {
        errors.at(second, "a second `#[event(..)]`: an event has one name; options go into the first");
    }
    options
}

/// The whole line to write. The name is a proposal only: it is what other programs see, so a person chooses it.
fn missing(ident: &Ident) -> String {
    let name = proposal(&ident.to_string());
    format!("`{ident}` has no wire name: write `#[event(\"{name}\")]` on the line below the derive")
}

/// `ValueChanged` becomes `value_changed`.
fn proposal(ident: &str) -> String {
    let mut name = String::new();
    for char in ident.chars() {
        if char.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(char.to_ascii_lowercase());
    }
    if wrong_name(&name).is_some() { "some.name".into() } else { name }
}

fn read(attribute: &Attribute, options: &mut Options, errors: &mut Errors) {
    let Meta::List(list) = &attribute.meta else {
        return errors.at(attribute, format!("the wire name is missing: `{USAGE}`"));
    };
    let parser = |input: ParseStream| {
        let name = args::parse(input, errors, USAGE, |key, input, _| option(key, input, options));
        if let Some(name) = name {
            match wrong_name(&name.value()) {
                Some(text) => errors.at(&name, text),
                None => options.name = name.value(),
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(list.tokens.clone()) {
        errors.push(error);
    }
}

fn option(key: &Ident, input: ParseStream, options: &mut Options) -> syn::Result<()> {
    match key.to_string().as_str() {
        "version" => options.version = version(input)?,
        "reply" => {
            input.parse::<Token![=]>()?;
            options.reply = input.parse()?;
        }
        "crate" => options.krate = args::crate_path(input)?,
        "from" | "codec" => return Err(syn::Error::new(key.span(), reserved(key))),
        _ => return Err(syn::Error::new(key.span(), format!("no such option; there are {OPTIONS}"))),
    }
    Ok(())
}

fn reserved(key: &Ident) -> String {
    match *key == "from" {
        true => "`from` is reserved: upgrades from older versions come in a later release".into(),
        false => "`codec` is reserved: encodings beside postcard come in a later release".into(),
    }
}

fn version(input: ParseStream) -> syn::Result<u16> {
    input.parse::<Token![=]>()?;
    let number: LitInt = input.parse()?;
    match number.base10_parse::<u16>() {
        Ok(version) if version >= 1 => Ok(version),
        _ => Err(syn::Error::new(number.span(), "a version is a number from 1 to 65535")),
    }
}

/// What is wrong with a wire name, if anything.
fn wrong_name(name: &str) -> Option<String> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.' | '-');
    if let Some(char) = name.chars().find(|&c| !allowed(c)) {
        return Some(format!("{char:?} cannot stand in a wire name, only `a-z`, `0-9`, `_`, `.` and `-`"));
    }
    if name.is_empty() || name.len() > NAME_MAX {
        return Some(format!("a wire name has 1 to {NAME_MAX} characters, this one has {}", name.len()));
    }
    name.starts_with("devts.").then(|| "names that start with `devts.` are reserved for devts itself".into())
}

fn implementation(input: &DeriveInput, options: &Options) -> TokenStream {
    let Options { name, version, reply, krate } = options;
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        // What `Event` asks of the whole type; its parameters alone do not tell (`PhantomData<T>`, `bound = ".."`).
        generics.make_where_clause().predicates.push(parse_quote!(
            Self: #krate::__private::Serialize + #krate::__private::DeserializeOwned
                + ::core::marker::Send + 'static
        ));
    }
    let (parameters, arguments, conditions) = generics.split_for_impl();
    let name = LitStr::new(name, Span::call_site()).into_token_stream();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::Event for #ident #arguments #conditions {
            const NAME: &'static str = #name;
            const VERSION: u16 = #version;
            type Reply = #reply;
        }
    }
}
