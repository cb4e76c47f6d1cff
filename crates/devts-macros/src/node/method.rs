//! One marked method: is it what its mark asks for, and what does the expansion have to know of it. Every error
//! says what to write instead. Knows no other method but those of the same role.

use proc_macro2::{Ident, Span};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, FnArg, ImplItemFn, PatType, Path, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
};

use super::{HOOKS, readable};
use crate::errors::Errors;

/// What a mark makes of a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    On,
    Snapshot,
    Restore,
    Merge,
}

impl Role {
    pub(super) fn of(path: &Path) -> Option<Role> {
        let last = path.segments.last().filter(|_| path.segments.len() <= 2)?;
        [Role::On, Role::Snapshot, Role::Restore, Role::Merge]
            .into_iter()
            .find(|role| last.ident == role.name())
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Role::On => "on",
            Role::Snapshot => "snapshot",
            Role::Restore => "restore",
            Role::Merge => "merge",
        }
    }

    /// The signature to write.
    fn example(self) -> &'static str {
        match self {
            Role::On => "#[on] fn name(&mut self, event: Event, cx: &mut Context<Self>)",
            Role::Snapshot => "#[snapshot] fn snapshot(&self) -> State",
            Role::Restore => "#[restore] fn restore(&mut self, state: State)",
            Role::Merge => "#[merge] fn merge(&mut self, other: State)",
        }
    }
}

/// A method that takes an event.
pub(super) struct Handler {
    pub(super) name: Ident,
    pub(super) cfgs: Vec<Attribute>,
    pub(super) is_async: bool,
    pub(super) event: Type,
    /// The type of its `cx`, where it has one.
    pub(super) context: Option<Type>,
    pub(super) output: ReturnType,
}

impl Handler {
    pub(super) fn read(method: &ImplItemFn, others: &[Handler]) -> syn::Result<Handler> {
        let name = method.sig.ident.clone();
        if HOOKS.iter().any(|hook| name == hook) {
            let text =
                format!("`{name}` is a hook of `Node`: give the handler another name, or remove `#[on]`");
            return Err(syn::Error::new(name.span(), text));
        }
        let parameters = parameters(Role::On, &method.sig)?;
        let (event, context) = event_and_context(&method.sig, &parameters)?;
        let handler = Handler {
            name,
            cfgs: cfgs(&method.attrs),
            is_async: method.sig.asyncness.is_some(),
            event,
            context,
            output: method.sig.output.clone(),
        };
        handler.refuse_second(others)?;
        Ok(handler)
    }

    /// Compared here, as rustc's own error (E0119) points at the macro. Aliases of one type are left to it, and
    /// so are methods under `#[cfg]`: they may exclude each other.
    fn refuse_second(&self, others: &[Handler]) -> syn::Result<()> {
        let tokens = self.event.to_token_stream().to_string();
        let same = |other: &&Handler| {
            self.cfgs.is_empty()
                && other.cfgs.is_empty()
                && other.event.to_token_stream().to_string() == tokens
        };
        let Some(first) = others.iter().find(same) else { return Ok(()) };
        let (event, first) = (readable(&self.event), &first.name);
        let text =
            format!("a second handler for `{event}`: `{first}` takes it already; one event, one handler");
        Err(syn::Error::new_spanned(&self.event, text))
    }
}

/// A method that gives or takes the node's state.
pub(super) struct State {
    pub(super) role: Role,
    pub(super) name: Ident,
    pub(super) cfgs: Vec<Attribute>,
    /// The state's type: what `snapshot` returns, or the others take.
    pub(super) state: Type,
    /// It returns a `Result`.
    pub(super) fallible: bool,
    /// Where errors about what it returns belong.
    pub(super) output: Span,
}

impl State {
    pub(super) fn read(role: Role, method: &ImplItemFn, others: &[State]) -> syn::Result<State> {
        let signature = &method.sig;
        if let Some(first) = others.iter().find(|other| other.role == role) {
            let text = format!("a second `#[{}]`: `{}` is it already", role.name(), first.name);
            return Err(syn::Error::new(signature.ident.span(), text));
        }
        if let Some(token) = signature.asyncness {
            let text = "the state is handed over between two turns: this is a plain `fn`, not an `async fn`";
            return Err(syn::Error::new(token.span(), text));
        }
        let parameters = parameters(role, signature)?;
        let returned = returned(&signature.output);
        let state = match role {
            Role::Snapshot => snapshot_state(signature, &parameters)?,
            _ => taken_state(role, signature, &parameters)?,
        };
        Ok(State {
            role,
            name: signature.ident.clone(),
            cfgs: cfgs(&method.attrs),
            state,
            fallible: returned.is_some_and(is_result),
            output: returned.map_or_else(|| signature.ident.span(), Spanned::span),
        })
    }
}

/// State that is given must be taken, and the other way round.
pub(super) fn check_pairs(states: &[State], errors: &mut Errors) {
    let find = |role: Role| states.iter().find(|state| state.role == role);
    let mut need = |state: Option<&State>, other: Role| {
        if let (Some(state), None) = (state, find(other)) {
            let text = format!("`#[{}]` needs its counterpart: `{}`", state.role.name(), other.example());
            errors.at(&state.name, text);
        }
    };
    need(find(Role::Snapshot), Role::Restore);
    need(find(Role::Restore).or(find(Role::Merge)), Role::Snapshot);
}

/// The parameters behind `self`, once the rest of the signature is right.
fn parameters(role: Role, signature: &Signature) -> syn::Result<Vec<PatType>> {
    if !matches!(signature.safety, Safety::Default) {
        return Err(syn::Error::new_spanned(
            &signature.safety,
            "a marked method is neither `unsafe` nor `safe`",
        ));
    }
    if !signature.generics.params.is_empty() {
        let text = "a marked method has no type parameters of its own: the impl may have some";
        return Err(syn::Error::new_spanned(&signature.generics, text));
    }
    check_receiver(role, signature)?;
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter.clone()),
        FnArg::Receiver(_) => None,
    });
    Ok(typed.collect())
}

fn check_receiver(role: Role, signature: &Signature) -> syn::Result<()> {
    let (wanted, mutable) = if role == Role::Snapshot { ("&self", false) } else { ("&mut self", true) };
    let right = match signature.receiver() {
        // A handler that only reads may say so.
        Some(Receiver { kind: ReceiverKind::Reference(_, _, token), .. }) => {
            token.is_some() == mutable || role == Role::On
        }
        _ => false,
    };
    if right {
        return Ok(());
    }
    let text = format!("`#[{}]` takes `{wanted}`: `{}`", role.name(), role.example());
    Err(match signature.receiver() {
        Some(receiver) => syn::Error::new_spanned(receiver, text),
        None => syn::Error::new(signature.ident.span(), text),
    })
}

fn event_and_context(signature: &Signature, parameters: &[PatType]) -> syn::Result<(Type, Option<Type>)> {
    let example = Role::On.example();
    let (event, context) = match parameters {
        [event] => (event, None),
        [event, context] => (event, Some(context)),
        [] => {
            let text = format!("a handler takes the event it handles: `{example}`");
            return Err(syn::Error::new(signature.ident.span(), text));
        }
        [_, _, third, ..] => {
            return Err(syn::Error::new_spanned(
                third,
                format!("a handler takes an event and `cx`: `{example}`"),
            ));
        }
    };
    if let Type::Reference(reference) = &*event.ty {
        let inner = readable(&reference.elem);
        let text = match inner.contains("Context<") {
            true => format!("the event comes first, then `cx`: `{example}`"),
            false => format!("a handler owns its event: `event: {inner}`"),
        };
        return Err(syn::Error::new_spanned(&event.ty, text));
    }
    if let Type::ImplTrait(ty) = &*event.ty {
        return Err(syn::Error::new_spanned(ty, "a handler takes one type of event: name it"));
    }
    if let Some(context) = context.filter(|context| !is_mutable_reference(&context.ty)) {
        let text = "the second parameter is the context: `cx: &mut Context<Self>`";
        return Err(syn::Error::new_spanned(&context.ty, text));
    }
    Ok(((*event.ty).clone(), context.map(|context| (*context.ty).clone())))
}

fn is_mutable_reference(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}

fn snapshot_state(signature: &Signature, parameters: &[PatType]) -> syn::Result<Type> {
    let example = Role::Snapshot.example();
    if let Some(parameter) = parameters.first() {
        return Err(syn::Error::new_spanned(
            parameter,
            format!("a snapshot takes nothing but `&self`: `{example}`"),
        ));
    }
    match returned(&signature.output) {
        Some(state) => Ok(state.clone()),
        None => {
            let text = format!("a snapshot returns the state that other nodes restore: `{example}`");
            Err(syn::Error::new(signature.ident.span(), text))
        }
    }
}

fn taken_state(role: Role, signature: &Signature, parameters: &[PatType]) -> syn::Result<Type> {
    match parameters {
        [state] if !matches!(&*state.ty, Type::Reference(_)) => Ok((*state.ty).clone()),
        _ => {
            let text = format!(
                "`#[{}]` takes the snapshot's value and nothing else: `{}`",
                role.name(),
                role.example()
            );
            let inputs = &signature.inputs;
            Err(syn::Error::new_spanned(quote!(#inputs), text))
        }
    }
}

fn returned(output: &ReturnType) -> Option<&Type> {
    match output {
        ReturnType::Type(_, ty) => Some(ty),
        ReturnType::Default => None,
    }
}

/// By its name: a type that is called so is meant to be one.
fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

/// What must also stand on everything that is written for a method.
pub(super) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
