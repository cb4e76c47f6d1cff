//! Panics inside a run: kept with their place instead of printed, for a run is made again many times and its report
//! says them once. Knows not who panicked.

use crate::turn;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

thread_local! {
    /// What panicked on this thread; `None` outside of runs.
    static KEPT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// While it lives, panics of this thread are kept, and nowhere else.
#[derive(Debug)]
pub(crate) struct Keeping(());

impl Keeping {
    pub(crate) fn new() -> Keeping {
        HOOK.call_once(install);
        KEPT.with(|kept| *kept.borrow_mut() = Some(Vec::new()));
        Keeping(())
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        KEPT.with(|kept| *kept.borrow_mut() = None);
    }
}

/// What panicked on this thread since this was last asked: the text and its place.
pub(crate) fn take() -> Vec<String> {
    KEPT.with(|kept| kept.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default())
}

/// Other threads' panics go to whoever showed them before.
fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !keep(info) {
            before(info);
        }
    }));
}

fn keep(info: &PanicHookInfo<'_>) -> bool {
    KEPT.with(|kept| match kept.try_borrow_mut().as_deref_mut() {
        Ok(Some(kept)) => {
            kept.push(line(info));
            true
        }
        _ => false,
    })
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let text = turn::text(info.payload());
    match info.location() {
        Some(place) => format!("{text} ({}:{})", place.file(), place.line()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Keeping, take};
    use std::panic::catch_unwind;

    #[test]
    fn a_panic_is_kept_with_its_place() {
        let keeping = Keeping::new();
        assert!(catch_unwind(|| panic!("the {} is lost", "key")).is_err());
        let kept = take();
        assert!(
            kept.len() == 1 && kept[0].starts_with("the key is lost (") && kept[0].contains("panics.rs:")
        );
        assert!(take().is_empty());
        drop(keeping);
        assert!(take().is_empty());
    }
}
